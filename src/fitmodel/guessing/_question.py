"""An open question about a table, and what its message shows of a column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fitmodel.deals.plain_words import toml_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from fitmodel.guessing._columns import Column
    from fitmodel.tables.values import Mask

MIN_ROWS, MIN_SHARE = 3, 0.005  # fewer rows are not worth a question


@dataclass(frozen=True)
class Question:
    """One question that the table leaves open.

    Attributes
    ----------
    code : str
        Kind of the question; ``[rows] acknowledged = ["code"]`` or ``["code:column"]`` closes it.
    column : str
        The column in question, or "".
    message : str
        What was observed, with counts.
    answer : str
        What to write into the contract.
    must_answer : bool
        Whether training stops without an answer, since rows or outcome would be wrong.
    """

    code: str
    column: str
    message: str
    answer: str
    must_answer: bool = False

    def __str__(self) -> str:
        return f"{self.message}. Answer: {self.answer} [{self.code}]"


def is_worth_it(rows: Mask) -> bool:
    """Return whether rows are enough to ask about them."""
    return bool(rows.sum() >= max(MIN_ROWS, MIN_SHARE * len(rows)))


def rows_with(column: Column, chosen: Callable[[str], bool]) -> Mask:
    """Return a mask of the rows whose value, as text, is chosen."""
    values = {value for value in column.cells.dropna().unique() if chosen(str(value))}
    rows: Mask = column.cells.isin(values).to_numpy(dtype=bool)
    return rows


def values_text(column: Column, rows: Mask) -> str:
    """Return the most frequent values of some rows, with their counts."""
    counts = column.cells[rows].astype("str").value_counts()
    shown = [f"{value} {count:,}" for value, count in counts[:5].items()]
    return ", ".join([*shown, *(["…"] if len(counts) > len(shown) else [])])


def numbers_text(column: Column) -> str:
    """Return the most frequent numbers of a column, with their counts."""
    counts = column.amounts.value_counts()
    return ", ".join(f"{number:g} in {rows:,} rows" for number, rows in counts[:5].items())


def rule_of(column: Column, rows: Mask) -> str:
    """Return the values of some rows as a rule of ``[rows]``."""
    values = column.cells[rows].astype("str").value_counts().index
    return f"{toml_value(column.name)} = [{', '.join(map(toml_value, values))}]"
