"""Assign a role of the contract to the column with the best name and a fitting content.

A tenure is the time that customers stayed; its unit is in its values or in its name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fitmodel.guessing._columns import MIN_READABLE, MIN_READABLE_NAMED, Column
from fitmodel.guessing._money import amount_preference, is_contract_value
from fitmodel.guessing._names import BECAME_CUSTOMER, EXPECTED, name_rank
from fitmodel.leakage.names import is_updated_by_crm
from fitmodel.tables.values import NumberForm, is_text, read_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    import pandas as pd

    from fitmodel.guessing._draft import Draft

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

    Parameters
    ----------
    words : str
        The column's name as plain words.
    values : collection of float
        The distinct values of the column.
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
