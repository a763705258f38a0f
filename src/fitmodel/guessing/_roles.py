"""What a column is: a role of the contract, an attribute, or left out with a reason.

A role goes to the column with the best name and a fitting content. A tenure is the time that
customers stayed; its unit is in its values or in its name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.reading import are_written_dates
from fitmodel.guessing._columns import MIN_READABLE, MIN_READABLE_NAMED, Column
from fitmodel.guessing._money import amount_preference, is_contract_value
from fitmodel.guessing._names import (
    BECAME_CUSTOMER,
    EXPECTED,
    IDENTIFIER,
    PERSON_OR_TEXT,
    has_name_of,
    name_rank,
)
from fitmodel.guessing._rows import status_of
from fitmodel.leakage.names import is_later, is_updated_by_crm
from fitmodel.tables.values import NumberForm, is_text, read_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from fitmodel.guessing._draft import Draft
    from fitmodel.tables.values import Mask, Reading

MAX_TEXT = 0.9  # a text column with a larger share of distinct values is free text
MAX_NAMES = 0.3  # the same if the column's name suggests names, notes, addresses or identifiers
AFTER_CLOSING = 0.2  # a date column with a larger share of dates after closing is excluded
MAX_STATUSES, MIN_ROWS_A_VALUE = 25, 10  # values of a status, and rows per value
MIN_AGREEMENT = 0.99  # minimum share of rows in which a value says who left
MIN_OF_BOTH, MIN_SHARE_OF_BOTH = 10, 0.05  # leavers, and others: of fewer a value says little
MIN_VALUES = 20  # with fewer values, texts may all differ by chance
WEAK_NAME = 2  # from this rank on, the name of a closing date may mean something else
EXPECTED_RANK = 10  # added to the rank of names such as "Est. Close Date"

AGREED_TERMS = frozenset({1, 2, 3, 6, 9, 12, 18, 24, 36, 48, 60})
"""Numbers of months for which contracts are agreed."""
_SINCE_AN_EVENT = re.compile(
    r"\b(last|latest|recent|log ?in|purchase|order|contacted|visit|payment|ticket|seen|used?"
    r"|promotion|manager|role|position|job|address|agent)\b|\b(letzt|derni|últim|ultim)\w*|上次|最近|最后"
)
_FIRST = re.compile(r"\b(first|erst\w*|premi\w+|primer\w*|primeir\w*)\b|首次|第一")
_AGE = re.compile(r"^(customer )?age$")
MIN_AGE_OF_A_PERSON = 15  # an age in years has no smaller values; months as a customer have
UNIT_WORDS = {
    "months": re.compile(
        r"\b(months?|monate|mes|meses|mois|mês|mesi|miesi\w+|maanden|ay)\b|月|개월|месяц\w*|أشهر"
    ),
    "days": re.compile(
        r"\b(days?|tage|jours|días|dias|giorni|dni|dagen|gün)\b|[天日]|일수|дн(ей|и)"
    ),
    "weeks": re.compile(
        r"\b(weeks?|wochen|semaines|semanas|settimane|tygodni\w*|weken|hafta)\b|周|недел\w*"
    ),
    "years": re.compile(r"\b(years?|jahre|ans|años|anos|années|anni|lat|jaren|yil)\b|年|лет\b"),
}
"""Words in the name of a tenure that give its unit."""


def _has_a_date_in_every_row(column: Column) -> bool:
    return column.is_full and column.date_share >= MIN_READABLE


def _fits_people(column: Column) -> bool:
    return 1 < column.distinct <= max(len(column.cells) // 2, 2) and not column.is_date


_CONTENT_FITS: dict[str, Callable[[Column], bool]] = {
    "id": lambda column: column.is_unique,
    "observed_until": _has_a_date_in_every_row,
    "closed_on": _has_a_date_in_every_row,
    "exited_on": lambda column: column.date_share >= MIN_READABLE and not column.is_full,
    "tenure_months": lambda column: (
        column.is_number and column.is_full and may_be_tenure(column.words, column.numbers)
    ),
    "rep": _fits_people,
    "team": _fits_people,
    "amount": lambda column: (
        (column.is_number and not column.is_flag) or column.has_several_currencies
    ),
}


def assign_role(draft: Draft, role: str) -> None:
    """Assign a role to the column with the best name, among those whose content fits."""
    vendor_column = draft.vendor_column(role)
    ranked = [
        (-1 if column.name == vendor_column else _rank(column.words, role), column)
        for column in draft.free
    ]
    known = [(rank, column) for rank, column in ranked if rank is not None]
    fitting = [each for each in known if _CONTENT_FITS[role](each[1]) and _allowed(role, *each)]
    if not fitting:
        if role == "id":
            draft.unsure += [
                f"id: {column.name!r} was not used, since {len(column.cells) - column.distinct} "
                "row(s) have none or repeat it; keep one row per deal, then write "
                f'id = "{column.name}" in [deals]'
                for rank, column in known
                if rank <= 0 and column.distinct > len(column.cells) / 2
            ]
        if role == "closed_on":
            clear = [each for each in known if each[0] < WEAK_NAME and _allowed(role, *each)]
            _assign_partial_closing(draft, [column for _, column in clear])
        return
    best = min(rank for rank, _ in fitting)
    best_columns = [column for rank, column in fitting if rank == best]
    if role == "amount":
        best_columns.sort(key=lambda column: amount_preference(column.words))
    draft.roles[role] = best_columns[0]
    if len(best_columns) > 1:
        names = ", ".join(repr(column.name) for column in best_columns)
        draft.unsure.append(f"{role} could be any of {names}; {best_columns[0].name!r} was used")
    if role in {"rep", "team"}:
        for _, column in fitting:
            if column is not best_columns[0]:
                draft.leave_out(column, f"names the {role} too")


def _rank(words: str, role: str) -> int | None:
    """Return the rank of a name for a role; an expected date or amount comes after all others."""
    rank = name_rank(words, role)
    if rank is not None and role in {"closed_on", "amount"} and EXPECTED.search(words):
        return rank + EXPECTED_RANK
    return rank


def _allowed(role: str, rank: int, column: Column) -> bool:
    """Return whether name and content together allow a role."""
    if role == "closed_on":  # a date that a CRM updates may be that of another deal
        return (
            rank < 0
            or BECAME_CUSTOMER.search(column.words) is not None
            or not is_updated_by_crm(column.name)
        )
    if role == "amount":
        return is_contract_value(column)
    return True


def _assign_partial_closing(draft: Draft, by_name: list[Column]) -> None:
    """Use a closing date with a clear name although not all of its values are dates."""
    sure = [column for column in by_name if column.date_share >= MIN_READABLE_NAMED]
    if sure:
        draft.roles["closed_on"] = sure[0]
        draft.unsure.append(
            f"closed_on: {sure[0].name!r} was chosen by its name, but not all values are dates"
        )


def may_be_tenure(words: str, values: Collection[float]) -> bool:
    """Return whether a column named like a tenure can be the time that customers stayed.

    The time since the last login, the age of a person and the agreed term of a contract cannot.
    """
    if _SINCE_AN_EVENT.search(words) and not _FIRST.search(words):
        return False
    if _AGE.search(words) and min(values, default=0) >= MIN_AGE_OF_A_PERSON:
        return False
    return not AGREED_TERMS.issuperset(values)


def tenure_unit(words: str) -> str | None:
    """Return the unit of a tenure from its name; None if the name gives none, or several."""
    units = [unit for unit, pattern in UNIT_WORDS.items() if pattern.search(words)]
    return units[0] if len(units) == 1 else None


def unit_of_values(cells: pd.Series[Any]) -> str | None:
    """Return the unit of a tenure from its values, such as "412 days"; None if they have none."""
    form = read_numbers(cells).form if is_text(cells) else None
    return tenure_unit(form.unit) if isinstance(form, NumberForm) and form.unit else None


@dataclass(frozen=True)
class Reason:
    """Why a column is left out, and whether a person should check that."""

    reason: str
    in_question: bool = False


def reason_to_exclude(
    column: Column, closing: Reading | None, left: Mask | None = None
) -> Reason | None:
    """Return why a column should not be an attribute; None if it can be one.

    `closing`: the parsed closing dates; None if the table has none.
    `left`, ndarray of bool of shape (rows,): which customers have left.
    """
    if column.is_constant:
        return Reason("empty or always the same")
    outcome = _outcome_reason(column, left)
    if outcome is not None:
        return outcome
    free = _free_text(column)
    if free is not None:
        return Reason(free)
    if is_later(column.words) or is_later(column.name):
        return Reason("its name suggests that it is known only after closing", in_question=True)
    if is_updated_by_crm(column.name):
        return Reason("a CRM keeps changing it, also after closing", in_question=True)
    return date_reason(column, closing) if column.is_date else None


def _outcome_reason(column: Column, left: Mask | None) -> Reason | None:
    """Return why a column is the outcome in another form; None if it is not."""
    if _is_outcome(column):
        return Reason("it describes the customer after signing", in_question=True)
    if left is not None and says_who_left(column, left):
        return Reason("its values say who has left", in_question=True)
    return None


def _is_outcome(column: Column) -> bool:
    """Return whether a column seems to say who left."""
    words = column.words
    if has_name_of(words, "stays_flag") or has_name_of(words, "left_flag"):
        return True
    return name_rank(words, "churned") in {0, 1} or status_of(column) is not None


def says_who_left(column: Column, left: Mask) -> bool:
    """Return whether each value of a category has only customers who left, or only others.

    Such a column is a status in any language, or is overwritten when a customer leaves.
    """
    if column.is_date or not 1 < column.distinct <= MAX_STATUSES:
        return False
    codes, _ = pd.factorize(column.cells.astype(object))
    known = codes >= 0
    gone, there = left & known, ~left & known
    if min(gone.sum(), there.sum()) < max(MIN_OF_BOTH, MIN_SHARE_OF_BOTH * len(left)):
        return False
    of_gone, of_there = (
        np.bincount(codes[rows], minlength=column.distinct) for rows in (gone, there)
    )
    usual = np.maximum(of_gone, of_there).sum()
    return bool(
        usual >= MIN_AGREEMENT * known.sum() and usual >= MIN_ROWS_A_VALUE * column.distinct
    )


def _free_text(column: Column) -> str | None:
    """Return a reason if the column is an identifier, names or free text; otherwise None."""
    share = column.distinct / column.filled
    many = column.filled > MIN_VALUES and share > MAX_NAMES
    if column.is_running:
        return "a running number"
    if IDENTIFIER.search(column.words) and (many or column.is_unique):
        return "an identifier"
    if column.is_date or not column.is_text:
        return None
    if many and PERSON_OR_TEXT.search(column.words):
        return "names or free text"
    if column.filled > MIN_VALUES and share > MAX_TEXT and not column.is_number:
        return "free text, nearly every row differs"
    return None


def date_reason(column: Column, closing: Reading | None) -> Reason | None:
    """Return why a date column should not be an attribute; None if it can be one."""
    if closing is None:
        return Reason("a date, but there is no closing date to count from")
    if column.dates is not None:
        both = column.dates.series.notna() & closing.series.notna()
        later = (column.dates.series[both] > closing.series[both]).mean()
        if later > AFTER_CLOSING:
            return Reason(f"{later:.0%} of its dates are after closing", in_question=True)
    if not (column.is_iso_date or are_written_dates(column.cells)):
        return Reason("dates without a four-digit year would be read as text", in_question=True)
    return None
