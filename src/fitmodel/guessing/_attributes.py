"""Find columns that should not be attributes, with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fitmodel.deals.settling import are_written_dates
from fitmodel.guessing._names import IDENTIFIER, PERSON_OR_TEXT, named, sureness
from fitmodel.guessing._status import status_of
from fitmodel.leakage.names import LATER, goes_on_changing

if TYPE_CHECKING:
    from fitmodel.guessing._columns import Column
    from fitmodel.tables.values import Reading

MAX_TEXT = 0.9  # share of distinct values that makes text free
MAX_NAMES = 0.3  # the same where the name tells of names, notes, addresses or identifiers
AFTER_CLOSING = 0.2  # share of dates that makes them knowledge of the customer
MIN_VALUES = 20  # below it, texts differ by chance


@dataclass(frozen=True)
class Reason:
    """Why a column is left out, and whether a person should look at that."""

    reason: str
    in_doubt: bool = False


def reason_to_exclude(column: Column, closing: Reading | None) -> Reason | None:
    """Say why a column should be no attribute; None where it should.

    Parameters
    ----------
    column : Column
    closing : Reading or None
        The closing dates, where the table has them.
    """
    if column.is_same:
        return Reason("empty or always the same")
    if _says_who_left(column):
        return Reason("it tells of the customer after signing", in_doubt=True)
    free = _free_text(column)
    if free is not None:
        return Reason(free)
    if LATER.search(column.words) or LATER.search(column.name):
        return Reason("known only after closing, by its name", in_doubt=True)
    if goes_on_changing(column.name):
        return Reason("a CRM goes on changing it while a deal is open and after", in_doubt=True)
    return _date_reason(column, closing) if column.is_date else None


def _says_who_left(column: Column) -> bool:
    words = column.words
    if named(words, "stays_flag") or named(words, "left_flag"):
        return True
    return sureness(words, "churned") in {0, 1} or status_of(column) is not None


def _free_text(column: Column) -> str | None:
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


def _date_reason(column: Column, closing: Reading | None) -> Reason | None:
    if closing is None:
        return Reason("a date, but there is no closing date to count from")
    if column.dates is not None:
        both = column.dates.series.notna() & closing.series.notna()
        later = (column.dates.series[both] > closing.series[both]).mean()
        if later > AFTER_CLOSING:
            return Reason(f"{later:.0%} of its dates lie after closing", in_doubt=True)
    if not (column.is_iso_date or are_written_dates(column.cells)):
        return Reason("dates without a year of four digits would be read as text", in_doubt=True)
    return None
