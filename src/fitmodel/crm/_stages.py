"""How deals moved through the stages: skipped stages and steps back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.vocabulary import plain_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fitmodel.crm._moments import Ints

    Codes = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class StageMoves:
    """Cumulative counts over the sorted rows of a history; each has one more entry than rows.

    Attributes
    ----------
    skipped : ndarray of int32 of shape (rows + 1,) or None
        Number of skipped stages; None if the contract gives no order.
    returned : ndarray of int32 of shape (rows + 1,)
        Number of moves to an earlier stage; without an order, to a stage that the deal was in
        before.
    """

    skipped: Codes | None
    returned: Codes

    def between(self, start: Ints, stop: Ints) -> dict[str, NDArray[np.float64]]:
        """Return the counts over rows ``start <= row < stop``, by the name of the attribute."""
        counts = {"returned": self.returned}
        if self.skipped is not None:
            counts = {"skipped": self.skipped, **counts}
        return {
            name: (running[stop] - running[start]).astype(np.float64)
            for name, running in counts.items()
        }


def stage_steps(
    stages: Sequence[str],
    levels: Sequence[Any],
    key: Ints,
    value: Codes,
    old: Codes,
    begins: NDArray[np.bool_],
    here: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return for each row how many stages it skips, and whether it goes back.

    Parameters
    ----------
    stages : sequence of str
        The stages in their order; empty if it is not given.
    levels : sequence
        The distinct values; `value` and `old` are positions in it.
    key, value, old : ndarray of int of shape (rows,)
        Deal and field, new value and old value of the sorted rows.
    begins : ndarray of bool of shape (rows,)
        Whether a row is the first one of its deal and field.
    here : ndarray of bool of shape (rows,)
        Whether a row changes the stage, and not another field.
    """
    before = np.where(begins, old, np.append(np.int32(-1), value[:-1])[: len(value)])
    if stages:
        order = {plain_value(stage): position for position, stage in enumerate(stages)}
        ranks = np.array([order.get(plain_value(level), -1) for level in levels] + [-1])
        step = np.where((ranks[value] < 0) | (ranks[before] < 0), 0, ranks[value] - ranks[before])
        step = np.where(here, step, 0)
        return np.maximum(step - 1, 0), (step < 0).astype(np.int64)
    back = _had_before(key, value, old, begins) & here
    return np.zeros(len(key), dtype=np.int64), back.astype(np.int64)


def _had_before(key: Ints, value: Codes, old: Codes, begins: NDArray[np.bool_]) -> Any:
    """Return a mask of the rows whose value the deal had earlier, or as its first old value."""
    first = np.flatnonzero(begins & (old >= 0))
    keys = np.concatenate([key[first], key])
    values = np.concatenate([old[first], value])
    again = pd.DataFrame({"key": keys, "value": values}).duplicated().to_numpy()
    repeated: Any = again[len(first) :]
    return repeated
