"""Find columns that should not be attributes, with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.deals.reading import are_written_dates
from fitmodel.guessing._names import IDENTIFIER, PERSON_OR_TEXT, has_name_of, name_rank
from fitmodel.guessing._status import status_of
from fitmodel.leakage.names import is_later, is_updated_by_crm

if TYPE_CHECKING:
    from fitmodel.guessing._columns import Column
    from fitmodel.tables.values import Mask, Reading

MAX_TEXT = 0.9  # a text column with a larger share of distinct values is free text
MAX_NAMES = 0.3  # the same if the column's name suggests names, notes, addresses or identifiers
AFTER_CLOSING = 0.2  # a date column with a larger share of dates after closing is excluded
MAX_STATUSES, MIN_ROWS_A_VALUE = 25, 10  # values of a status, and rows per value
MIN_AGREEMENT = 0.99  # minimum share of rows in which a value says who left
MIN_OF_BOTH, MIN_SHARE_OF_BOTH = 10, 0.05  # leavers, and others: of fewer a value says little
MIN_VALUES = 20  # with fewer values, texts may all differ by chance


@dataclass(frozen=True)
class Reason:
    """Why a column is left out, and whether a person should check that."""

    reason: str
    in_question: bool = False


def reason_to_exclude(
    column: Column, closing: Reading | None, left: Mask | None = None
) -> Reason | None:
    """Return why a column should not be an attribute; None if it can be one.

    Parameters
    ----------
    column : Column
        The column to check.
    closing : Reading or None
        The parsed closing dates; None if the table has none.
    left : ndarray of bool of shape (rows,), optional
        Which customers have left.
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
