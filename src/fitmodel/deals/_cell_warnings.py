"""Warnings about cells that were read, but as something else than they seem to be.

text attribute -> formulas instead of values; numbers with a few words among them
rep, team      -> empty in most rows, as merged cells of a spreadsheet are in a CSV file
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fitmodel.tables.values import is_text, read_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from fitmodel.deals.contract import DealSpec
    from fitmodel.tables.values import Mask

MIN_NUMBERS = 0.6  # minimum share of numbers in a column of numbers with words
MAX_WORDS = 12  # with more different words, the column holds codes such as A12
MIN_DISTINCT_NUMBERS = 12  # with fewer, numbers may be levels: 1, 2, 3+
MAX_SHOWN_WORDS = 4
MAX_EMPTY = 0.5  # maximum share of rows without a rep
_FORMULA = re.compile(r"=\s*[-+(]*\$?[A-Za-z][^=]*")


class CellWarning(NamedTuple):
    """Cells of a column with a warning.

    `rows`: which rows they are in.
    `problem`, `remedy`: what is wrong with them, and what the user can do.
    `column`, `code`: name of the column, and kind of the warning.
    """

    rows: Mask
    problem: str
    remedy: str
    column: str
    code: str


def cell_warnings(deals: pd.DataFrame, spec: DealSpec) -> Iterator[CellWarning]:
    """Yield warnings about formulas, words among numbers, and reps that are mostly empty.

    `deals`: past deals as read: columns of numbers are numbers.
    `spec`: the contract of these deals.
    """
    for name in spec.attribute_names(deals.columns):
        if name in deals and is_text(deals[name]):
            yield from _formulas(deals[name])
            if name not in spec.attributes.categorical:
                yield from _words_among_numbers(deals[name])
    for role in ("rep", "team"):
        column = getattr(spec.deals, role)
        if column is not None and column in deals:
            yield from _mostly_empty(deals[column], role)


def _formulas(values: pd.Series[Any]) -> Iterator[CellWarning]:
    """Yield a warning if cells hold formulas, which only a spreadsheet computes."""
    rows = np.array(
        [isinstance(cell, str) and bool(_FORMULA.match(cell)) for cell in values], dtype=bool
    )
    if rows.any():
        problem = "hold a formula instead of its value"
        remedy = "save the file again with values instead of formulas"
        yield CellWarning(rows, problem, remedy, str(values.name), "formula")


def _words_among_numbers(values: pd.Series[Any]) -> Iterator[CellWarning]:
    """Yield a warning if most texts are numbers, so that the column was read as names."""
    reading = read_numbers(values)
    words = values[reading.unreadable].astype("str").value_counts()
    n_filled, n_numbers = int(values.notna().sum()), reading.series.nunique()
    if not 0 < len(words) <= MAX_WORDS or n_numbers < MIN_DISTINCT_NUMBERS:
        return
    if 1 - words.sum() / n_filled < MIN_NUMBERS:
        return
    problem = (
        f"are not numbers ({_listed(words)}), although most others are: the column is read as "
        f"{values.nunique():,} names"
    )
    remedy = (
        "leave the cell empty where the number is not known; if all are names, add the column to "
        "[attributes] categorical"
    )
    yield CellWarning(reading.unreadable, problem, remedy, str(values.name), "words-among-numbers")


def _listed(words: pd.Series[Any]) -> str:
    shown = [f"{word!r} {rows:,}" for word, rows in words.iloc[:MAX_SHOWN_WORDS].items()]
    return ", ".join(shown) + (", …" if len(words) > MAX_SHOWN_WORDS else "")


def _mostly_empty(values: pd.Series[Any], role: str) -> Iterator[CellWarning]:
    empty = values.isna().to_numpy()
    if MAX_EMPTY < empty.mean() < 1:
        problem = f"of {len(empty):,} are empty ({role})"
        remedy = (
            f"write the {role} into every row (cells that are merged in a spreadsheet are filled "
            f"in one row only), or remove {role} from [deals]"
        )
        yield CellWarning(empty, problem, remedy, str(values.name), "mostly-empty-role")
