"""Proportional odds: probability of having left over time, and soft labels.

followed months, left or not -> Kaplan-Meier curve (per stratum)
log-odds of each deal        -> baseline: at each time the mean over deals equals that curve
baseline + log-odds          -> each deal's own chance of early churn, given what was seen of it
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fitmodel.deals.survival import kaplan_meier
from fitmodel.deals.unknown_days import LeavingTimes, leaving_times, with_unknown_days
from fitmodel.learning.calibration import HIGHEST_LOG_ODDS, expit, logit

Floats = NDArray[np.float64]

MAX_TIMES = 100  # of the baseline; more event times change nothing visible
MAX_SUPPORT = 256  # quantiles that stand for the log-odds of all deals
LOWEST = -25.0  # log-odds of the baseline before the first customer left
MAX_TRUNCATED = 10.0  # unseen deals that one seen deal of delayed entry may stand for
EDGE = 1e-9  # a share of 0 or 1 has no finite log-odds
MAX_STEPS, MAX_STEP, STEP_TOLERANCE = 50, 4.0, 1e-10  # Newton, in log-odds


@dataclass(frozen=True, eq=False)
class FollowUp:
    """What was seen of each deal within the horizon.

    Parameters
    ----------
    months : ndarray of shape (n,)
        Months followed, at most the horizon.
    left : ndarray of bool of shape (n,)
        Whether the customer left within the horizon.
    entry : ndarray of shape (n,)
        Months after closing from which leaving would have been recorded; 0 usually.
    weight : ndarray of shape (n,)
        How much each deal counts.
    stratum : ndarray of int of shape (n,)
        Deals of one stratum share the timing of leaving.
    horizon : float
        Months within which leaving is early churn.
    left_by : ndarray of shape (n,) or None
        Months by which a customer had left whose day of leaving is unknown, NaN for all others;
        beyond the horizon too. Such a deal has `months` 0 and has not `left`.
    leaving : LeavingTimes or None
        When customers leave, where a day is unknown: estimated once, on all deals.
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
        """Cut the follow-up of deals at the horizon; `left_by` where days are unknown."""
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
        """Deals whose early churn is known."""
        return self.early | (self.months >= self.horizon)

    @property
    def early(self) -> NDArray[np.bool_]:
        """Deals known to have left within the horizon, also on an unknown day."""
        return self.left if self.left_by is None else self.left | (self.left_by <= self.horizon)

    def weighted(self, weight: Floats) -> FollowUp:
        """The same deals with other weights."""
        return replace(self, weight=weight)

    def subset(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> FollowUp:
        """Some of the deals."""
        return FollowUp(
            self.months[chosen],
            self.left[chosen],
            self.entry[chosen],
            self.weight[chosen],
            self.stratum[chosen],
            self.horizon,
            None if self.left_by is None else self.left_by[chosen],
            self.leaving,
        )

    def curve(self, inside: NDArray[np.bool_] | None = None) -> tuple[Floats, Floats]:
        """Times at which customers left, and the Kaplan-Meier share that left by each."""
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
        late = {"entry_months": entry} if entry.any() else {}
        curve = kaplan_meier(np.minimum(months, self.horizon), left, weights=weight, **late)
        at_event = curve.events > 0
        if not at_event.any():
            return np.array([self.horizon]), np.zeros(1)
        return curve.times[at_event], 1.0 - curve.survival[at_event]

    def after(self, share: float) -> tuple[Floats, Floats]:
        """Ages beyond the horizon by which somebody had left, and the share that left by each.

        Parameters
        ----------
        share : float
            That left within the horizon. Of the others as many leave later as of all deals.
        """
        if self.left_by is None or self.leaving is None:
            return np.zeros(0), np.zeros(0)
        later = np.unique(self.left_by[self.left_by > self.horizon])
        stay = 1.0 - self.leaving.left_by(np.array([self.horizon, *later]))
        return later, 1.0 - (1.0 - share) * stay[1:] / max(float(stay[0]), 1e-12)

    @cached_property
    def curves(self) -> tuple[tuple[Floats, Floats], ...]:
        """Per stratum, times at which customers left and the share that left by each.

        Computed once: every round of a fit follows the same curves. Ages beyond the horizon, where
        there are any, stand after those within it.
        """
        made = []
        for number in range(int(self.stratum.max(initial=0)) + 1):
            at, share = _thinned(*self.curve(self.stratum == number))
            later, share_later = _thinned(*self.after(float(share[-1])))
            made.append((np.concatenate([at, later]), np.concatenate([share, share_later])))
        return tuple(made)

    @property
    def rate(self) -> float:
        """Kaplan-Meier estimate of the early-churn rate."""
        return float(self.curve()[1][-1])


@dataclass(frozen=True, eq=False)
class Baseline:
    """Log-odds of having left by a time, for a deal whose own log-odds are 0; a step function.

    Parameters
    ----------
    times : tuple of ndarray
        Per stratum, ascending months.
    log_odds : tuple of ndarray
        Per stratum, at each of its times.
    """

    times: tuple[Floats, ...]
    log_odds: tuple[Floats, ...]

    def at(self, months: Floats, stratum: NDArray[np.intp]) -> Floats:
        """Baseline of each deal at a time of its own, shape (n,)."""
        result = np.full(len(months), LOWEST)
        for number, (times, values) in enumerate(zip(self.times, self.log_odds, strict=True)):
            inside = stratum == number
            position = np.searchsorted(times, months[inside], side="right")
            result[inside] = np.concatenate([[LOWEST], values])[position]
        return result

    def left_by(self, months: Floats, follow_up: FollowUp, log_odds: Floats) -> Floats:
        """Probability of having left by a time of each deal's own, shape (n,)."""
        return expit(self.at(months, follow_up.stratum) + log_odds)


def fit_baseline(follow_up: FollowUp, log_odds: Floats, weight: Floats | None = None) -> Baseline:
    """Baseline under which the mean over deals follows the Kaplan-Meier curve.

    Parameters
    ----------
    follow_up : FollowUp
    log_odds : ndarray of shape (n,)
        Contributions of each deal's attributes.
    weight : ndarray of shape (n,), optional
        As `soft_labels` gives them, where deals entered late.

    Notes
    -----
    Proportional odds (Bennett 1983): the log-odds of having left by month t are baseline(t) plus
    contributions. Where a deal entered late, it stands for those that had left before its entry.
    """
    mass_of = follow_up.weight if weight is None else weight
    times, values = [], []
    for number, (at, share) in enumerate(follow_up.curves):
        inside = follow_up.stratum == number
        support, mass = few_points(log_odds[inside], mass_of[inside])
        times.append(at)
        values.append(matching_shift(support, mass, share))
    return Baseline(tuple(times), tuple(values))


def matching_shift(log_odds: Floats, weight: Floats, share: Floats) -> Floats:
    """Shifts with which the weighted mean probability equals each share, shape (shares,)."""
    mass = weight / weight.sum()
    wanted = logit(np.clip(share, EDGE, 1 - EDGE))
    shift = wanted - float(mass @ log_odds)
    for _ in range(MAX_STEPS):
        chance = expit(shift[:, None] + log_odds)
        mean = np.clip(chance @ mass, 1e-300, 1 - 1e-16)
        slope = np.maximum((chance * (1 - chance)) @ mass / (mean * (1 - mean)), 1e-3)
        step = np.clip((logit(mean) - wanted) / slope, -MAX_STEP, MAX_STEP)
        shift = np.clip(shift - step, -HIGHEST_LOG_ODDS, HIGHEST_LOG_ODDS)
        if np.abs(step).max() < STEP_TOLERANCE:
            break
    return shift


def shift_to_rate(log_odds: Floats, weight: Floats, rate: float) -> float:
    """Shift with which the weighted mean probability of all deals equals a rate."""
    inside = weight > 0
    return float(matching_shift(log_odds[inside], weight[inside], np.array([rate]))[0])


def own_chance(follow_up: FollowUp, baseline: Baseline, log_odds: Floats) -> Floats:
    """Each deal's early churn: known as 0 or 1, else its own chance of it, shape (n,)."""
    by_now = baseline.left_by(follow_up.months, follow_up, log_odds)
    by_end = baseline.left_by(np.full(len(follow_up), follow_up.horizon), follow_up, log_odds)
    chance = np.clip((by_end - by_now) / np.maximum(1.0 - by_now, 1e-12), 0.0, 1.0)
    if follow_up.left_by is not None:  # left by then: early with P(left by the end | left by then)
        undated = ~np.isnan(follow_up.left_by)
        by_then = baseline.left_by(np.nan_to_num(follow_up.left_by), follow_up, log_odds)
        early = np.clip(by_end / np.maximum(by_then, 1e-12), 0.0, 1.0)
        chance = np.where(undated, early, chance)
    return np.where(follow_up.known, follow_up.early.astype(float), chance)


def soft_labels(follow_up: FollowUp, baseline: Baseline, log_odds: Floats) -> tuple[Floats, Floats]:
    """Soft labels and weights to learn from, each of shape (n,).

    Notes
    -----
    A deal that entered the records late stands for those like it that had left before: their
    expected number, at their known label 1, joins it (the EM of Turnbull 1976 for truncated data).
    """
    label = own_chance(follow_up, baseline, log_odds)
    late = follow_up.entry > 0
    if not late.any():
        return label, follow_up.weight
    before = np.where(late, baseline.left_by(follow_up.entry, follow_up, log_odds), 0.0)
    unseen = np.minimum(before / np.maximum(1.0 - before, 1e-12), MAX_TRUNCATED)
    return (label + unseen) / (1.0 + unseen), follow_up.weight * (1.0 + unseen)


def expand_soft_labels(early_churn: Floats) -> tuple[NDArray[np.intp], Floats, Floats]:
    """Expand soft labels into weighted 0/1 rows, for learners that take no others.

    Parameters
    ----------
    early_churn : ndarray of shape (n,)
        From 0 to 1.

    Returns
    -------
    rows : ndarray of int
        Which deal each row is; a deal between 0 and 1 has two.
    outcome : ndarray of 0.0 and 1.0
    share : ndarray
        Share of the deal's weight.

    Examples
    --------
    >>> rows, outcome, share = expand_soft_labels(np.array([1.0, 0.25]))
    >>> rows.tolist(), outcome.tolist(), share.tolist()
    ([0, 1, 1], [1.0, 1.0, 0.0], [1.0, 0.25, 0.75])
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
    """At most `MAX_TIMES` of the times, the last one kept."""
    if len(times) <= MAX_TIMES:
        return times, share
    kept = np.unique(np.linspace(0, len(times) - 1, MAX_TIMES).astype(int))
    return times[kept], share[kept]


def few_points(log_odds: Floats, weight: Floats, size: int = MAX_SUPPORT) -> tuple[Floats, Floats]:
    """Few values with weights that have nearly the distribution of all."""
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
