"""Values that many of the newest deals have, and no deal whose outcome is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fitmodel.deals._history_view import HistoryView

NEWEST_DAYS = 60
MIN_DEALS = 10  # with a new value; of a category, with each new level
MIN_SHARE = 0.3  # of the newest deals
MIN_MATURE = 50


@dataclass(frozen=True)
class NewValue:
    """An attribute of which many of the newest deals have values never seen in mature deals.

    Attributes
    ----------
    attribute : str
        Name of the attribute.
    value : str
        The new level, or the numbers above or below all earlier ones.
    deals, newest : int
        Deals of the last days with such a value, and all deals of these days.
    """

    attribute: str
    value: str
    deals: int
    newest: int

    def __str__(self) -> str:
        return (
            f"{self.attribute}: {self.deals:,} of the {self.newest:,} deals signed in the last "
            f"{NEWEST_DAYS} days have {self.value}, and no deal that is old enough for its outcome "
            "to be known. Nothing has been learned about such deals yet, so probabilities of "
            "prospects like them are guesses with wide intervals. Remedy: train again when they "
            "are older; or exclude the attribute, if such deals are like the earlier ones otherwise"
        )


def find_new_values(view: HistoryView) -> Iterator[NewValue]:
    """Yield the attributes of which many of the newest deals have values without known outcome.

    Parameters
    ----------
    view : HistoryView
        Deals with their outcomes.
    """
    if view.closed is None:
        return
    newest = np.asarray(view.extract_end - view.closed) < np.timedelta64(NEWEST_DAYS, "D")
    mature = np.asarray(view.mature)
    if mature.sum() < MIN_MATURE or newest.sum() < MIN_DEALS:
        return
    frame = view.attributes().frame
    min_deals = max(MIN_DEALS, MIN_SHARE * newest.sum())
    for name in frame:
        for value, count in _counts(frame[name][newest & ~mature], frame[name][mature]):
            if count >= min_deals:
                yield NewValue(str(name), value, count, int(newest.sum()))
                break


def _counts(recent: pd.Series[Any], before: pd.Series[Any]) -> Iterator[tuple[str, int]]:
    """Yield what is new in recent values, with the number of deals."""
    if pd.api.types.is_numeric_dtype(recent) and not pd.api.types.is_bool_dtype(recent):
        if not before.notna().any():
            yield "a number", int(recent.notna().sum())
        else:
            yield f"a value above {before.max():g}", int((recent > before.max()).sum())
            yield f"a value below {before.min():g}", int((recent < before.min()).sum())
        return
    known = set(before.dropna())
    for level, count in recent.value_counts().items():
        if level not in known:
            yield f"the value {level!r}", int(count)
