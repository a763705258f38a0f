"""Scores of survival curves: Brier score weighted for censoring, and calibration error.

chance of still being watched, for everybody alike or given the attributes -> weights -> scores

A deal that is not watched long enough has no outcome. Those that have one stand for it, weighted by
the inverse of their chance to be watched (Graf et al. 1999). Where that chance goes along with the
attributes, a weight that is the same for all rewards wrong predictions: on Telco customers with
yearly contracts were signed long ago and are watched longest. There the chance must be given the
attributes (Gerds and Schumacher 2006, Biometrical Journal 48).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fitmodel.deals.survival import kaplan_meier

Floats = np.ndarray[Any, np.dtype[np.float64]]
SHORTEST = 0.01  # months: nobody is watched for no time at all
MIN_CHANCE = 0.05  # of being watched: a deal counts for 20 at most
RIDGE = 10.0  # penalty of the Cox regression on standardised attributes


@dataclass(frozen=True, eq=False)
class Followed:
    """Deals with how long they were watched.

    Parameters
    ----------
    months : ndarray, shape (n,)
    left : ndarray of bool, shape (n,)
        Whether the watching ended because the customer left.
    attributes : ndarray, shape (n, width)
        As numbers.
    """

    months: Floats
    left: np.ndarray[Any, np.dtype[np.bool_]]
    attributes: Floats

    @property
    def duration(self) -> Floats:
        """Months watched, above 0."""
        return np.maximum(self.months, SHORTEST)


@dataclass(frozen=True, eq=False)
class Watched:
    """Chance of each deal to be watched until it was, and until each month.

    Parameters
    ----------
    until_seen : ndarray, shape (n,)
    until_month : ndarray, shape (n, months)
    """

    until_seen: Floats
    until_month: Floats


def watched_alike(known: Followed, asked: Followed, months: list[int]) -> Watched:
    """One Kaplan-Meier curve of censoring for all deals."""
    from sksurv.nonparametric import CensoringDistributionEstimator
    from sksurv.util import Surv

    curve = CensoringDistributionEstimator()
    curve.fit(Surv.from_arrays(known.left, known.duration))
    last = known.duration.max()
    seen = curve.predict_proba(np.minimum(asked.duration, last))
    then = curve.predict_proba(np.array(months, dtype=float))
    return _bounded(seen, np.tile(then, (len(seen), 1)))


def watched_given_attributes(known: Followed, asked: Followed, months: list[int]) -> Watched:
    """Censoring given the attributes: a ridge Cox regression."""
    from sksurv.linear_model import CoxPHSurvivalAnalysis
    from sksurv.util import Surv

    mean, deviation = known.attributes.mean(axis=0), known.attributes.std(axis=0) + 1e-9
    model = CoxPHSurvivalAnalysis(alpha=RIDGE)
    model.fit((known.attributes - mean) / deviation, Surv.from_arrays(~known.left, known.duration))
    curves = model.predict_survival_function((asked.attributes - mean) / deviation)
    first, last = curves[0].domain
    # just before: who was censored on that day was still watched until then
    seen = np.clip(asked.duration - 1e-6, first, last)
    then = np.clip(np.array(months, dtype=float), first, last)
    return _bounded(
        np.array([float(curve(at)) for curve, at in zip(curves, seen, strict=True)]),
        np.array([curve(then) for curve in curves]),
    )


def _bounded(seen: Floats, then: Floats) -> Watched:
    return Watched(np.maximum(seen, MIN_CHANCE), np.maximum(then, MIN_CHANCE))


def brier(asked: Followed, left: Floats, months: list[int], watched: Watched) -> Floats:
    """Weighted squared error of each deal at some months, shape (n, months)."""
    at = np.array(months, dtype=float)
    gone = (asked.duration[:, None] <= at) & asked.left[:, None]
    there = asked.duration[:, None] > at
    return np.where(gone, (1 - left) ** 2 / watched.until_seen[:, None], 0.0) + np.where(
        there, left**2 / watched.until_month, 0.0
    )


def integrated(errors: Floats, months: list[int]) -> Floats:
    """Mean over the months, of each deal, by the trapezoidal rule."""
    return np.trapezoid(errors, months, axis=1) / (months[-1] - months[0])


def calibration(asked: Followed, left: Floats, month: int) -> float:
    """Mean distance between prediction and Kaplan-Meier share over quarters of the risk."""
    part = np.searchsorted(np.quantile(left, [0.25, 0.5, 0.75]), left)
    gaps = []
    for number in np.unique(part):
        inside = part == number
        curve = kaplan_meier(asked.months[inside], asked.left[inside])
        gaps.append(abs(left[inside].mean() - (1 - curve.at(float(month)))))
    return float(np.nanmean(gaps))
