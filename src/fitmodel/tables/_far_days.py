"""Find the far day that a system writes for "not yet": one day, decades ahead, in many rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.tables.values import read_dates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fitmodel.tables.values import Mask

FIRST_FAR_DAY, FAR_FROM_OTHERS = np.datetime64("2040-01-01"), np.timedelta64(5 * 365, "D")
MIN_ROWS, MIN_SHARE = 3, 0.1  # rows with one far day from which it means "not yet"


def far_text(rows_of: Mapping[str, int]) -> set[str]:
    """Return the most frequent text if it is a day years after all others, else nothing.

    Parameters
    ----------
    rows_of : mapping of str to int
        Number of rows of each text of a column.
    """
    text = max(rows_of, key=rows_of.__getitem__, default="")
    if len(rows_of) < 2 or not _are_enough(rows_of[text], sum(rows_of.values())):  # noqa: PLR2004 - one day is not far from others
        return set()
    texts = [text, *(each for each in rows_of if each != text)]
    reading = read_dates(pd.Series(texts, dtype="str"))
    if reading.unreadable.any():
        return set()
    days = reading.series.to_numpy()
    return {text} if _is_far(days[0], days[1:].max()) else set()


def far_days(days: NDArray[np.datetime64], chosen: Mask) -> Mask:
    """Return a mask of the rows with the last day, if it is years after all other chosen days."""
    given, counts = np.unique(days[chosen & ~np.isnat(days)], return_counts=True)
    if len(given) < 2 or not _are_enough(counts[-1], counts.sum()):  # noqa: PLR2004 - see above
        return np.zeros(len(days), dtype=bool)
    is_last: Mask = days == given[-1]
    return is_last & _is_far(given[-1], given[-2])


def _are_enough(rows: int, of_all: int) -> bool:
    return bool(rows >= max(MIN_ROWS, MIN_SHARE * of_all))


def _is_far(day: np.datetime64, last_other: np.datetime64) -> bool:
    return bool(day >= FIRST_FAR_DAY and day - last_other > FAR_FROM_OTHERS)
