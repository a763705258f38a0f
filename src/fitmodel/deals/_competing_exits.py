"""Cumulative incidence of leaving when customers also exit for another reason (bankrupt, acquired).

follow-up, cause of each deal's end -> at each time the share that ends for each cause
                                    -> share that left, and share that exited, by each month

The Kaplan-Meier curve and the model treat such exits as censored: they estimate how many would
leave if nobody exited. The cumulative incidence estimates how many leave if exits continue.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fitmodel.deals._history_view import HistoryView

    Floats = NDArray[np.float64]

STILL_THERE, LEFT, EXITED = 0, 1, 2
MIN_EXITS = 5  # exits within the horizon; fewer are too few to report a difference
MIN_DIFFERENCE = 0.002  # smallest difference of the early-churn rates that is reported


@dataclass(frozen=True, eq=False)
class CumulativeIncidence:
    """Share of deals that ended for each cause, by months since closing.

    Attributes
    ----------
    times : ndarray of float of shape (k,)
        Months since closing, in ascending order: every time at which a deal ended or was last
        observed.
    left, exited : ndarray of float of shape (k,)
        Share of deals that had left, and that had exited for another reason, by each time.
    """

    times: Floats
    left: Floats
    exited: Floats

    def at(self, months: float) -> tuple[float, float]:
        """Return the shares that had left and exited after ``months``; NaN beyond the data."""
        if months > self.times[-1] and self.left[-1] + self.exited[-1] < 1 - 1e-12:
            return float("nan"), float("nan")
        position = int(np.searchsorted(self.times, months, side="right"))
        if not position:
            return 0.0, 0.0
        return float(self.left[position - 1]), float(self.exited[position - 1])


def cumulative_incidence(
    followup_months: ArrayLike, cause: ArrayLike, *, entry_months: ArrayLike | None = None
) -> CumulativeIncidence:
    """Estimate the share of deals that ends for each cause (Aalen-Johansen estimator).

    Parameters
    ----------
    followup_months : array of float of shape (n,)
        Months from closing to the end of the deal, or to its last observation.
    cause : array of int of shape (n,)
        Cause of the end: 0 still a customer, 1 left, 2 exited for another reason.
    entry_months : array of float of shape (n,), optional
        Age in months at which a deal came under observation; 0 by default.

    Returns
    -------
    CumulativeIncidence
        The share that left and the share that exited, at every follow-up time.

    Raises
    ------
    DealsError
        If there is no deal, or a cause is not 0, 1 or 2.

    Notes
    -----
    Aalen & Johansen (1978): at each time, the share of customers still there just before it is
    multiplied by the share of those at risk that end for the cause. One minus the sum of both
    results is the share still there. At equal times, an end comes before the last observation.

    Examples
    --------
    >>> incidence = cumulative_incidence([1.0, 2.0, 3.0, 4.0], [1, 2, 1, 0])
    >>> incidence.left.tolist(), incidence.exited.tolist()
    ([0.25, 0.25, 0.5, 0.5], [0.0, 0.25, 0.25, 0.25])
    """
    months, causes = np.asarray(followup_months, dtype=float), np.asarray(cause)
    entry = np.zeros(len(months)) if entry_months is None else np.asarray(entry_months, float)
    if not len(months):
        raise DealsError("no deal to estimate from; give at least one")
    if not np.isin(causes, (STILL_THERE, LEFT, EXITED)).all():
        raise DealsError("each cause must be 0 (still there), 1 (left) or 2 (exited)")
    times, position = np.unique(months, return_inverse=True)
    entries = np.sort(entry)
    ended_before = np.searchsorted(np.sort(months), times, side="left")
    at_risk = np.searchsorted(entries, times, side="right") - ended_before
    shares = [
        np.bincount(position[causes == each], minlength=len(times)) / np.maximum(at_risk, 1)
        for each in (LEFT, EXITED)
    ]
    still_there = np.concatenate([[1.0], np.cumprod(1.0 - sum(shares))])[:-1]
    left, exited = (np.cumsum(still_there * share) for share in shares)
    return CumulativeIncidence(times, left, exited)


def causes_of(view: HistoryView) -> NDArray[np.intp]:
    """Return the cause of each deal's end: 0 still there, 1 left, 2 exited on ``exited_on``."""
    exited = view.exited & view.exited_for_other_cause
    return np.where(view.left, LEFT, np.where(exited, EXITED, STILL_THERE))


def note_on_exits(view: HistoryView) -> str | None:
    """Return a sentence on how exits change the early-churn rate.

    None if the contract gives no ``exited_on``, or the difference is too small to matter.
    """
    horizon, cause = view.spec.label.horizon_months, causes_of(view)
    early = (cause == EXITED) & (view.followup_months <= horizon)
    if int(early.sum()) < MIN_EXITS:
        return None
    observed = view.followup_months >= view.entry_months
    incidence = cumulative_incidence(
        view.followup_months[observed], cause[observed], entry_months=view.entry_months[observed]
    )
    left, exited = incidence.at(float(horizon))
    censored = 1.0 - float(view.survival.at(float(horizon)))
    if not abs(censored - left) >= MIN_DIFFERENCE:
        return None
    return (
        f"{exited:.1%} of customers exit for another reason ({view.spec.deals.exited_on}) within "
        f"{horizon} months. Predicted probabilities are those of leaving if nobody exited: "
        f"{censored:.1%} on average. If exits continue, {left:.1%} leave (Aalen-Johansen)."
    )
