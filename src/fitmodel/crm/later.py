"""Find values that changed after closing: today's values differ from those as of closing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.crm._changes import UNKNOWN
from fitmodel.tables.cells import level_text
from fitmodel.tables.values import (
    UnreadableValueError,
    distinct,
    flag_text,
    is_missing,
    read_flag,
    read_number,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fitmodel.crm.attributes import AsOfAttributes


@dataclass(frozen=True, eq=False)
class LaterChange:
    """A column whose value today differs from the one at closing.

    Attributes
    ----------
    column : str
        Name of the column.
    deals : ndarray of bool of shape (deals,)
        Deals whose value has changed since closing.
    known : ndarray of bool of shape (deals,)
        Deals whose value as of closing is known.
    """

    column: str
    deals: NDArray[np.bool_]
    known: NDArray[np.bool_]


def later_changes(deals: pd.DataFrame, result: AsOfAttributes) -> Iterator[LaterChange]:
    """Yield the columns whose value has changed since closing in at least one deal.

    Parameters
    ----------
    deals : DataFrame
        The deals with today's values, before `result` was attached.
    result : AsOfAttributes
        The attributes as of closing.
    """
    for each in result.fields:
        name = each.columns.column
        if each.columns.value is None or name not in deals.columns:
            continue
        known = (each.source != UNKNOWN) & ~result.moments.is_open
        values = result.frame[each.columns.value].astype(object).to_numpy()
        other = is_other_value(values, deals[name]) & known
        if other.any():
            yield LaterChange(name, other, known)


def is_other_value(values: NDArray[Any], today: pd.Series[Any]) -> NDArray[np.bool_]:
    """Return a mask of the values that differ from today's; 12 and "12.0" are equal."""
    read = [distinct(pd.Series(values, dtype=object)), distinct(today.reset_index(drop=True))]
    # of a column of true and false the other table may have the words "True" or "yes", or 1
    flags = any(isinstance(level, bool | np.bool_) for _, levels in read for level in levels)
    known: dict[Any, int] = {None: -1}
    codes = []
    for positions, levels in read:
        to = [known.setdefault(_plain(level, flags=flags), len(known)) for level in levels]
        codes.append(np.array([*to, -1])[positions])
    other: NDArray[np.bool_] = codes[0] != codes[1]
    return other


def _plain(value: Any, *, flags: bool) -> Any:
    if is_missing(value):
        return None
    if flags and (flag := read_flag(value)) is not None:
        return "yes" if flag else "no"
    try:
        return read_number(value)
    except UnreadableValueError:
        return flag_text(level_text(value).removesuffix(" 00:00:00"))
