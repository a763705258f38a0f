"""Exits for another reason (bankrupt, acquired) as a second cause beside leaving.

follow-up, cause of each deal's end -> at each time the share that ends for each cause
                                    -> share that left, and share that exited, by each month

The Kaplan-Meier curve, and what is learned, censor such exits: they answer how many would leave if
nobody exited. The cumulative incidence answers how many do leave, with exits going on as they did.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fitmodel.deals.history_view import HistoryView

    Floats = NDArray[np.float64]

STILL_THERE, LEFT, EXITED = 0, 1, 2
MIN_EXITS = 5  # within the horizon; fewer change nothing that could be told
MIN_DIFFERENCE = 0.002  # of the share that leaves early


@dataclass(frozen=True, eq=False)
class CumulativeIncidence:
    """Share that ended for each cause, by months since closing.

    Attributes
    ----------
    times : ndarray of shape (k,)
        Months, rising: every time at which a deal ended or was last seen.
    left, exited : ndarray of shape (k,)
        Share that had left, and that had exited for another reason, by each time.
    """

    times: Floats
    left: Floats
    exited: Floats

    def at(self, months: float) -> tuple[float, float]:
        """Share that had left and that had exited after so many months; NaN beyond the data."""
        if months > self.times[-1] and self.left[-1] + self.exited[-1] < 1 - 1e-12:
            return float("nan"), float("nan")
        position = int(np.searchsorted(self.times, months, side="right"))
        if not position:
            return 0.0, 0.0
        return float(self.left[position - 1]), float(self.exited[position - 1])


def cumulative_incidence(
    followup_months: ArrayLike, cause: ArrayLike, *, entry_months: ArrayLike | None = None
) -> CumulativeIncidence:
    """Aalen-Johansen estimate of the share that ends for each cause.

    Parameters
    ----------
    followup_months : array of shape (n,)
        Months from closing to the end, or to the last look.
    cause : array of int of shape (n,)
        0 still there, 1 left, 2 exited for another reason.
    entry_months : array of shape (n,), optional
        Age at which a deal came under observation; 0 by default.

    Raises
    ------
    DealsError
        If there is no deal, or a cause is none of 0, 1 and 2.

    Notes
    -----
    Aalen & Johansen (1978): at each time the share still there before it, times the share of those
    at risk that end for the cause. One minus the sum of both is the share still there. Of two at
    one time, an end comes before the last look.

    Examples
    --------
    >>> found = cumulative_incidence([1.0, 2.0, 3.0, 4.0], [1, 2, 1, 0])
    >>> found.left.tolist(), found.exited.tolist()
    ([0.25, 0.25, 0.5, 0.5], [0.0, 0.25, 0.25, 0.25])
    """
    months, causes = np.asarray(followup_months, dtype=float), np.asarray(cause)
    entry = np.zeros(len(months)) if entry_months is None else np.asarray(entry_months, float)
    if not len(months):
        raise DealsError("no deal to estimate from; give at least one")
    if not np.isin(causes, (STILL_THERE, LEFT, EXITED)).all():
        raise DealsError("a cause is none of 0 (still there), 1 (left) and 2 (exited)")
    times, position = np.unique(months, return_inverse=True)
    order = np.sort(entry)
    gone = np.searchsorted(np.sort(months), times, side="left")
    at_risk = np.searchsorted(order, times, side="right") - gone
    shares = [
        np.bincount(position[causes == each], minlength=len(times)) / np.maximum(at_risk, 1)
        for each in (LEFT, EXITED)
    ]
    there = np.concatenate([[1.0], np.cumprod(1.0 - sum(shares))])[:-1]
    left, exited = (np.cumsum(there * share) for share in shares)
    return CumulativeIncidence(times, left, exited)


def causes_of(view: HistoryView) -> NDArray[np.intp]:
    """Cause of each deal's end: 0 still there, 1 left, 2 exited on ``exited_on``."""
    exited = view.exited & view.exited_for_other_cause
    return np.where(view.left, LEFT, np.where(exited, EXITED, STILL_THERE))


def note_on_exits(view: HistoryView) -> str | None:
    """Say how far the early-churn rate with exits going on is from that without any.

    None where no ``exited_on`` is given, or the difference is too small to matter.
    """
    horizon, cause = view.spec.label.horizon_months, causes_of(view)
    early = (cause == EXITED) & (view.followup_months <= horizon)
    if int(early.sum()) < MIN_EXITS:
        return None
    seen = view.followup_months >= view.entry_months
    found = cumulative_incidence(
        view.followup_months[seen], cause[seen], entry_months=view.entry_months[seen]
    )
    left, exited = found.at(float(horizon))
    censored = 1.0 - float(view.survival.at(float(horizon)))
    if not abs(censored - left) >= MIN_DIFFERENCE:
        return None
    return (
        f"{exited:.1%} of customers exit for another reason ({view.spec.deals.exited_on}) within "
        f"{horizon} months. Probabilities are those of leaving if nobody exited: {censored:.1%} on "
        f"average. With exits going on as they did, {left:.1%} leave (Aalen-Johansen)."
    )
