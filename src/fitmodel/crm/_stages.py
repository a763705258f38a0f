"""How a deal moved through the stages: which were skipped, and when it went back."""

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
    """Running counts over the sorted rows of a history; each has one more entry than rows.

    Attributes
    ----------
    skipped : ndarray of int32 or None
        Stages that were jumped over; None where the contract gives no order.
    returned : ndarray of int32
        Moves to an earlier stage; without an order, to a stage that the deal had been in before.
    """

    skipped: Codes | None
    returned: Codes

    def between(self, start: Ints, stop: Ints) -> dict[str, NDArray[np.float64]]:
        """Counts over rows ``start <= row < stop``, by the name of the attribute."""
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
    """Stages that each row of the stage jumps over, and whether it goes back.

    Parameters
    ----------
    stages : sequence of str
        In their order; empty where it is not given.
    levels : sequence
        What the values stand for.
    key, value, old, begins : ndarray of shape (rows,)
        Sorted rows: deal and field, new and old value, whether a deal and field begins.
    here : ndarray of bool of shape (rows,)
        Which rows are of the stage.
    """
    before = np.where(begins, old, np.append(np.int32(-1), value[:-1])[: len(value)])
    if stages:
        order = {plain_value(stage): position for position, stage in enumerate(stages)}
        ranks = np.array([order.get(plain_value(level), -1) for level in levels] + [-1])
        step = np.where((ranks[value] < 0) | (ranks[before] < 0), 0, ranks[value] - ranks[before])
        step = np.where(here, step, 0)
        return np.maximum(step - 1, 0), (step < 0).astype(np.int64)
    back = _been_there(key, value, old, begins) & here
    return np.zeros(len(key), dtype=np.int64), back.astype(np.int64)


def _been_there(key: Ints, value: Codes, old: Codes, begins: NDArray[np.bool_]) -> Any:
    """Rows whose value the deal had earlier, also as the old value of its first row."""
    first = np.flatnonzero(begins & (old >= 0))
    keys = np.concatenate([key[first], key])
    values = np.concatenate([old[first], value])
    again = pd.DataFrame({"key": keys, "value": values}).duplicated().to_numpy()
    result: Any = again[len(first) :]
    return result
