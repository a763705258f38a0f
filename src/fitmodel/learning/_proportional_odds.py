"""Proportional-odds model: probability of having left over time, and soft labels.

follow-up of the deals -> Kaplan-Meier curve (per stratum)
log-odds of each deal  -> baseline: at each time the mean over deals equals that curve
baseline + log-odds    -> conditional probability of early churn of each deal, given its follow-up
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fitmodel.deals.survival import kaplan_meier
from fitmodel.deals.survival_estimates import LeavingTimes, leaving_times, with_unknown_days
from fitmodel.learning.calibration import HIGHEST_LOG_ODDS, expit, logit

Floats = NDArray[np.float64]

MAX_TIMES = 100  # event times of the baseline; more change the result very little
MAX_SUPPORT = 256  # quantiles that approximate the distribution of the deals' log-odds
MIN_BASELINE = -25.0  # log-odds of the baseline before the first customer left
MAX_TRUNCATED = 10.0  # truncated deals that one deal with delayed entry may represent
MIN_SHARE = 1e-9  # shares are kept so far from 0 and 1, whose log-odds are infinite
MAX_STEPS, MAX_STEP, STEP_TOLERANCE = 50, 4.0, 1e-10  # of Newton's method, in log-odds


@dataclass(frozen=True, eq=False)
class FollowUp:
    """Follow-up of each deal within the horizon.

    Parameters
    ----------
    months : ndarray of shape (n,)
        Months that the deal was followed, at most the horizon.
    left : ndarray of bool of shape (n,)
        Whether the customer left within the horizon.
    entry : ndarray of shape (n,)
        Delayed entry: months after closing from which leaving would have been recorded; usually 0.
    weight : ndarray of shape (n,)
        Weight of each deal.
    stratum : ndarray of int of shape (n,)
        Stratum of each deal. Deals of one stratum share the baseline.
    horizon : float
        Months within which leaving is early churn.
    left_by : ndarray of shape (n,) or None
        For a leaver whose day of leaving is unknown: months by which the customer had left, which
        may exceed the horizon. NaN for all other deals. Such a leaver has `months` 0, and `left` is
        False.
    leaving : LeavingTimes or None
        Distribution of the leaving times, where a day is unknown; estimated once from all deals.
    """

    months: Floats
    left: NDArray[np.bool_]
    entry: Floats
    weight: Floats
    stratum: NDArray[np.intp]
    horizon: float
    left_by: Floats | None = None
    leaving: LeavingTimes | None = None

    @classmethod
    def of(
        cls,
        months: Floats,
        left: NDArray[np.bool_],
        horizon: float,
        *,
        entry: Floats | None = None,
        weight: Floats | None = None,
        left_by: Floats | None = None,
    ) -> FollowUp:
        """Make a follow-up that ends at the horizon; parameters are those of the class."""
        n = len(months)
        leaving = None
        if left_by is not None and not np.isnan(left_by).all():
            leaving = leaving_times(months, left, left_by, weight=weight, entry=entry)
            undated = ~np.isnan(left_by)
            months, left = np.where(undated, 0.0, months), left & ~undated
        return cls(
            months=np.minimum(months, horizon),
            left=left & (months <= horizon),
            entry=np.zeros(n) if entry is None else np.minimum(entry, horizon),
            weight=np.ones(n) if weight is None else weight,
            stratum=np.zeros(n, dtype=np.intp),
            horizon=horizon,
            left_by=None if leaving is None else left_by,
            leaving=leaving,
        )

    def __len__(self) -> int:
        return len(self.months)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Whether the early churn of each deal is known."""
        return self.early | (self.months >= self.horizon)

    @property
    def early(self) -> NDArray[np.bool_]:
        """Whether each customer is known to have left within the horizon."""
        return self.left if self.left_by is None else self.left | (self.left_by <= self.horizon)

    def weighted(self, weight: Floats) -> FollowUp:
        """The same deals with other weights."""
        return replace(self, weight=weight)

    def subset(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> FollowUp:
        """The follow-up of the chosen deals: a mask, or positions."""
        names = ("months", "left", "entry", "weight", "stratum")
        return replace(
            self,
            left_by=None if self.left_by is None else self.left_by[chosen],
            **{name: getattr(self, name)[chosen] for name in names},
        )

    def curve(self, inside: NDArray[np.bool_] | None = None) -> tuple[Floats, Floats]:
        """Times at which customers left, and the Kaplan-Meier share that had left by each."""
        used = self.weight > 0 if inside is None else inside & (self.weight > 0)
        if not used.any():
            return np.array([self.horizon]), np.zeros(1)
        months, left = self.months[used], self.left[used]
        weight, entry = self.weight[used], self.entry[used]
        if self.left_by is not None and self.leaving is not None:
            months, left, weight, entry = with_unknown_days(
                self.leaving, self.left_by[used], months, left, weight, entry
            )
            left &= months <= self.horizon
        entries = {"entry_months": entry} if entry.any() else {}
        curve = kaplan_meier(np.minimum(months, self.horizon), left, weights=weight, **entries)
        at_event = curve.events > 0
        if not at_event.any():
            return np.array([self.horizon]), np.zeros(1)
        return curve.times[at_event], 1.0 - curve.survival[at_event]

    def after(self, share: float) -> tuple[Floats, Floats]:
        """Distinct values of `left_by` beyond the horizon, and the share that had left by each.

        Parameters
        ----------
        share : float
            Share that left within the horizon. The others leave with the hazard of all deals.
        """
        if self.left_by is None or self.leaving is None:
            return np.zeros(0), np.zeros(0)
        later = np.unique(self.left_by[self.left_by > self.horizon])
        staying = 1.0 - self.leaving.left_by(np.array([self.horizon, *later]))
        return later, 1.0 - (1.0 - share) * staying[1:] / max(float(staying[0]), 1e-12)

    @cached_property
    def curves(self) -> tuple[tuple[Floats, Floats], ...]:
        """Per stratum, times at which customers left and the share that had left by each.

        Computed once, because every iteration of a fit uses the same curves. Times beyond the
        horizon, where there are any, follow those within it.
        """
        curves = []
        for number in range(int(self.stratum.max(initial=0)) + 1):
            times, shares = _thinned(*self.curve(self.stratum == number))
            later, share_later = _thinned(*self.after(float(shares[-1])))
            curves.append((np.concatenate([times, later]), np.concatenate([shares, share_later])))
        return tuple(curves)

    @property
    def rate(self) -> float:
        """Kaplan-Meier estimate of the early-churn rate."""
        return float(self.curve()[1][-1])


@dataclass(frozen=True, eq=False)
class Baseline:
    """Log-odds of having left by a time for a deal with contributions of 0, as a step function.

    `times`: ascending times of each stratum, in months.
    """

    times: tuple[Floats, ...]
    log_odds: tuple[Floats, ...]

    def at(self, months: Floats, stratum: NDArray[np.intp]) -> Floats:
        """Baseline log-odds of each deal at its entry of `months`, shape (n,)."""
        result = np.full(len(months), MIN_BASELINE)
        for number, (times, values) in enumerate(zip(self.times, self.log_odds, strict=True)):
            inside = stratum == number
            position = np.searchsorted(times, months[inside], side="right")
            result[inside] = np.concatenate([[MIN_BASELINE], values])[position]
        return result

    def left_by(self, months: Floats, follow_up: FollowUp, log_odds: Floats) -> Floats:
        """Probability of each deal to have left by its entry of `months`, shape (n,)."""
        return expit(self.at(months, follow_up.stratum) + log_odds)


def fit_baseline(follow_up: FollowUp, log_odds: Floats, weight: Floats | None = None) -> Baseline:
    """Fit the baseline with which the mean over deals follows the Kaplan-Meier curve.

    Parameters
    ----------
    log_odds : ndarray of shape (n,)
        Contributions of each deal's attributes.
    weight : ndarray of shape (n,), optional
        Weights from `soft_labels`, needed with delayed entry; default: those of `follow_up`.

    Notes
    -----
    Proportional odds (Bennett 1983): the log-odds of having left by month t are baseline(t) plus
    the contributions. A deal with delayed entry also represents deals that left before its entry.
    """
    weight = follow_up.weight if weight is None else weight
    times, values = [], []
    for number, (event_times, share) in enumerate(follow_up.curves):
        inside = follow_up.stratum == number
        support, mass = support_points(log_odds[inside], weight[inside])
        times.append(event_times)
        values.append(matching_shift(support, mass, share))
    return Baseline(tuple(times), tuple(values))


def matching_shift(log_odds: Floats, weight: Floats, share: Floats) -> Floats:
    """Shift of the log-odds with which the weighted mean probability equals each share.

    `log_odds`, `weight`, shape (n,): log-odds and weights of the deals.
    `share`, shape (shares,): mean probabilities to reach; the result has a shift for each.
    """
    mass = weight / weight.sum()
    target = logit(np.clip(share, MIN_SHARE, 1 - MIN_SHARE))
    shift = target - float(mass @ log_odds)
    for _ in range(MAX_STEPS):
        p = expit(shift[:, None] + log_odds)
        mean = np.clip(p @ mass, 1e-300, 1 - 1e-16)
        slope = np.maximum((p * (1 - p)) @ mass / (mean * (1 - mean)), 1e-3)
        step = np.clip((logit(mean) - target) / slope, -MAX_STEP, MAX_STEP)
        shift = np.clip(shift - step, -HIGHEST_LOG_ODDS, HIGHEST_LOG_ODDS)
        if np.abs(step).max() < STEP_TOLERANCE:
            break
    return shift


def shift_to_rate(log_odds: Floats, weight: Floats, rate: float) -> float:
    """Shift of the log-odds with which the weighted mean probability equals a rate."""
    inside = weight > 0
    return float(matching_shift(log_odds[inside], weight[inside], np.array([rate]))[0])


def conditional_probability(follow_up: FollowUp, baseline: Baseline, log_odds: Floats) -> Floats:
    """Conditional probability of early churn given the follow-up, 0 or 1 if known, shape (n,)."""
    left_by_now = baseline.left_by(follow_up.months, follow_up, log_odds)
    left_by_end = baseline.left_by(np.full(len(follow_up), follow_up.horizon), follow_up, log_odds)
    result = np.clip((left_by_end - left_by_now) / np.maximum(1.0 - left_by_now, 1e-12), 0.0, 1.0)
    if follow_up.left_by is not None:  # P(left by the horizon | left by then)
        undated = ~np.isnan(follow_up.left_by)
        left_by_limit = baseline.left_by(np.nan_to_num(follow_up.left_by), follow_up, log_odds)
        early = np.clip(left_by_end / np.maximum(left_by_limit, 1e-12), 0.0, 1.0)
        result = np.where(undated, early, result)
    return np.where(follow_up.known, follow_up.early.astype(float), result)


def soft_labels(follow_up: FollowUp, baseline: Baseline, log_odds: Floats) -> tuple[Floats, Floats]:
    """Soft labels and weights to learn from, each of shape (n,).

    A deal with delayed entry also represents truncated deals, which left before their entry: their
    expected number is added to its weight with label 1 (EM of Turnbull 1976 for truncated data).
    """
    label = conditional_probability(follow_up, baseline, log_odds)
    delayed = follow_up.entry > 0
    if not delayed.any():
        return label, follow_up.weight
    left_before = np.where(delayed, baseline.left_by(follow_up.entry, follow_up, log_odds), 0.0)
    return with_truncated(label, follow_up.weight, left_before)


def with_truncated(label: Floats, weight: Floats, left_before: Floats) -> tuple[Floats, Floats]:
    """Labels and weights with the truncated deals added, given P(left before the entry)."""
    truncated = np.minimum(left_before / np.maximum(1.0 - left_before, 1e-12), MAX_TRUNCATED)
    return (label + truncated) / (1.0 + truncated), weight * (1.0 + truncated)


def expand_soft_labels(early_churn: Floats) -> tuple[NDArray[np.intp], Floats, Floats]:
    """Expand soft labels into weighted 0/1 rows, for learners that accept only 0/1 labels.

    Parameters
    ----------
    early_churn : ndarray of shape (n,)
        Soft labels from 0 to 1.

    Returns
    -------
    rows : ndarray of int
        Position of the deal of each row; a label between 0 and 1 gives two rows.
    outcome : ndarray of float
        Label of each row, 0.0 or 1.0.
    share : ndarray of float
        Share of the deal's weight that the row has.
    """
    between = np.flatnonzero((early_churn > 0) & (early_churn < 1))
    outcome = np.where(early_churn > 0, 1.0, 0.0)
    share = np.where(early_churn > 0, early_churn, 1.0)
    return (
        np.concatenate([np.arange(len(early_churn)), between]),
        np.concatenate([outcome, np.zeros(len(between))]),
        np.concatenate([share, 1 - early_churn[between]]),
    )


def _thinned(times: Floats, share: Floats) -> tuple[Floats, Floats]:
    """At most `MAX_TIMES` evenly chosen times with their shares, always including the last."""
    if len(times) <= MAX_TIMES:
        return times, share
    chosen = np.unique(np.linspace(0, len(times) - 1, MAX_TIMES).astype(int))
    return times[chosen], share[chosen]


def support_points(
    log_odds: Floats, weight: Floats, size: int = MAX_SUPPORT
) -> tuple[Floats, Floats]:
    """At most `size` weighted points that approximate the distribution of weighted log-odds."""
    used = weight > 0
    log_odds, weight = log_odds[used], weight[used]
    if len(log_odds) == 0:
        return np.zeros(1), np.ones(1)
    if len(log_odds) <= size:
        return log_odds, weight
    order = np.argsort(log_odds)
    ranked, mass = log_odds[order], weight[order]
    group = np.minimum((np.cumsum(mass) / mass.sum() * size).astype(int), size - 1)
    total = np.bincount(group, weights=mass, minlength=size)
    mean = np.bincount(group, weights=mass * ranked, minlength=size)
    filled = total > 0
    return np.asarray(mean[filled] / total[filled]), np.asarray(total[filled], dtype=np.float64)
