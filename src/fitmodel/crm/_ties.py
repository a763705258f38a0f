"""Put changes in order: by deal, field and time, and those of one moment by what they replaced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.crm._search import Ints

    Codes = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Ties:
    """Changes of one field of one deal at one moment.

    Attributes
    ----------
    rows : ndarray of int
        Their positions among the sorted rows.
    settled : int
        How many of them their old values put in order.
    """

    rows: Ints
    settled: int

    @property
    def count(self) -> int:
        """How many rows."""
        return len(self.rows)


def order_changes(
    deal: Codes, field: Codes, time: Ints, value: Codes, old: Codes
) -> tuple[Ints, Ties]:
    """Sort changes; of several at one moment each follows the one whose value it replaced.

    Where old values do not tell, rows of one moment stay in the order of the table.
    """
    order = np.lexsort((time, field, deal)).astype(np.int64)
    here = (deal[order], field[order], time[order])
    same = np.ones(max(len(order) - 1, 0), dtype=bool)
    for column in here:
        same &= column[1:] == column[:-1]
    differs = value[order][1:] != value[order][:-1]
    starts = np.flatnonzero(np.append(True, ~same))[: len(order)]
    stops = np.append(starts[1:], len(order))
    several = stops - starts > 1
    tied: list[int] = []
    settled = 0
    for start, stop in zip(starts[several].tolist(), stops[several].tolist(), strict=True):
        if not differs[start : stop - 1].any():
            continue  # the same row twice
        tied += range(start, stop)
        before = value[order[start - 1]] if start and _same_key(here, start) else None
        chain = _chain(order[start:stop].tolist(), value, old, before)
        if chain is not None:
            order[start:stop] = chain
            settled += stop - start
    return order, Ties(np.array(tied, dtype=np.int64), settled)


def _same_key(here: tuple[Codes, Codes, Ints], start: int) -> bool:
    deal, field, _ = here
    return bool(deal[start - 1] == deal[start] and field[start - 1] == field[start])


def _chain(rows: list[int], value: Codes, old: Codes, before: int | None) -> list[int] | None:
    """The rows so that each replaces the value of the one before it; None where none is so."""
    if any(old[row] < 0 for row in rows[1:]):
        return None
    firsts = rows if before is None else [row for row in rows if old[row] == before]
    for first in firsts or rows:
        chain, left = [first], [row for row in rows if row != first]
        while left:
            follower = next((row for row in left if old[row] == value[chain[-1]]), None)
            if follower is None:
                break
            chain.append(follower)
            left.remove(follower)
        if not left:
            return chain
    return None
