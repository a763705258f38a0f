"""The Kaplan-Meier curve: share of customers still there after each month."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, overload

import numpy as np

from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

_Z = 1.959963984540054  # 97.5% point of the normal distribution: two-sided 95%
_TAIL = 0.025
MIN_AT_RISK = 10
"""A rate after some age is estimated only if at least this many customers are observed then."""


@dataclass(frozen=True, eq=False)
class SurvivalCurve:
    """Share of customers still there, by months since closing.

    Attributes
    ----------
    times : ndarray of float of shape (k,)
        Months since closing, in ascending order: every follow-up time, or the requested times.
    survival, low, high : ndarray of float of shape (k,)
        Share of customers still there after ``times``, and its pointwise 95% interval. NaN beyond
        the longest follow-up, unless everyone has left.
    at_risk : ndarray of float of shape (k,)
        Sum of the weights of the deals still under observation just before each time.
    events : ndarray of float of shape (k,)
        Sum of the weights of the deals that left at each time; for requested times, since the
        previous one.
    exposure : ndarray of float of shape (k,)
        Months for which these deals were observed since the previous follow-up time, summed with
        their weights; empty for requested times.
    """

    times: Floats
    survival: Floats
    low: Floats
    high: Floats
    at_risk: Floats
    events: Floats
    exposure: Floats = field(default_factory=lambda: np.zeros(0), repr=False)
    exact: SurvivalCurve | None = field(default=None, repr=False)
    """The curve at all follow-up times, if this one was evaluated at requested times."""

    @overload
    def at(self, months: float) -> float: ...
    @overload
    def at(self, months: Floats | list[float]) -> Floats: ...
    def at(self, months: float | Floats | list[float]) -> float | Floats:
        """Return the share still there after ``months``; NaN if nobody was observed that long."""
        curve = self.exact or self
        at = np.asarray(months, dtype=float)
        share = _step(curve, np.atleast_1d(at), curve.survival)
        return float(share[0]) if at.ndim == 0 else share

    def restricted_mean(self, months: float | None = None) -> float:
        """Return the mean months that a customer stays, up to ``months``: the area under the curve.

        ``None`` means up to the longest follow-up. NaN if nobody was observed that long.
        """
        curve = self.exact or self
        end = float(curve.times[-1]) if months is None else float(months)
        if np.isnan(curve.at(end)):
            return float("nan")
        ages = np.concatenate(([0.0], curve.times[curve.times < end], [end]))
        shares = np.concatenate(([1.0], curve.survival[curve.times < end]))
        return float(np.diff(ages) @ shares)

    def upper_rate_after(self, months: float) -> float:
        """Return the upper one-sided 95% limit of the monthly rate of leaving after an age.

        NaN if fewer than `MIN_AT_RISK` customers were observed beyond that age.
        """
        return self.rate_limits_after(months)[1]

    def rate_limits_after(self, months: float) -> tuple[float, float]:
        """Return the lower and upper one-sided 95% limit of the rate in `upper_rate_after`.

        The limits are those of a Poisson rate (Byar's approximation; Breslow & Day 1987,
        Statistical Methods in Cancer Research II, page 69). NaN if fewer than `MIN_AT_RISK`
        customers were observed beyond that age.
        """
        curve = self.exact or self
        start = np.append(0.0, curve.times[:-1])
        share = (curve.times - np.maximum(start, months)) / np.maximum(curve.times - start, 1e-12)
        is_reliable = (curve.at_risk >= MIN_AT_RISK) & (share > 0)
        if not is_reliable.any():
            return math.nan, math.nan
        count = float(curve.events[is_reliable].sum())
        exposure = float(share[is_reliable] @ curve.exposure[is_reliable])
        low = _byar(count, -1.645) if count > 0 else 0.0
        return max(low, 0.0) / exposure, _byar(count + 1.0, 1.645) / exposure


def _byar(count: float, z: float) -> float:
    """Return a limit of a Poisson count, `z` standard deviations away."""
    return float(count * (1.0 - 1.0 / (9.0 * count) + z / (3.0 * math.sqrt(count))) ** 3)


def kaplan_meier(
    followup_months: ArrayLike,
    left: ArrayLike,
    *,
    at: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    entry_months: ArrayLike | None = None,
) -> SurvivalCurve:
    """Return the Kaplan-Meier estimate of the share of customers still there, with 95% interval.

    Parameters
    ----------
    followup_months : array of float of shape (n,)
        Months from closing to leaving or to the end of observation, not negative.
    left : array of bool of shape (n,)
        Whether the customer left at the end of the follow-up; otherwise it is censored then. At
        equal times leaving comes before censoring.
    at : array of float, optional
        Months at which the curve is evaluated; by default every follow-up time.
    weights : array of float of shape (n,), optional
        Weight of each deal, not negative; 1 by default. The scale of the weights changes neither
        the curve nor its interval.
    entry_months : array of float of shape (n,), optional
        Months from closing to the start of observation (delayed entry, left truncation); 0 by
        default, at most the follow-up. A deal is at risk from its entry on, that day included.

    Returns
    -------
    SurvivalCurve
        The curve at the requested times, or at every follow-up time.

    Raises
    ------
    DealsError
        If there is no deal, none was observed from its signing, or a follow-up, weight or entry is
        missing, negative or contradicts another.

    Notes
    -----
    With entry times, the number at risk counts the deals that have entered and are still under
    observation (Klein & Moeschberger 2003, section 4.6). Assumes that the start of observation is
    independent of leaving. If only few deals were observed at early ages, a single leaver among
    them changes the curve strongly. If no deal was observed at some age, the curve ends there.

    Interval: Greenwood's variance on the log(-log) scale (Kalbfleisch & Prentice 2002, p. 18); with
    weights the number at risk is replaced by its effective size (Xie & Liu 2005). Before the first
    customer has left this variance does not exist; the lower limit is then the exact binomial one,
    ``0.025 ** (1 / at risk)``. After everyone has left, the interval reaches from 0 to the last
    upper limit.

    Examples
    --------
    >>> curve = kaplan_meier([1.0, 2.0, 3.0, 4.0], [True, False, True, False])
    >>> curve.survival.tolist()
    [0.75, 0.75, 0.375, 0.375]
    """
    months, has_left, weight, entry = _checked(followup_months, left, weights, entry_months)
    if entry.any():
        used = entry <= _last_observed_age(entry, months)
        months, has_left, weight, entry = months[used], has_left[used], weight[used], entry[used]
    times, position = np.unique(months, return_inverse=True)
    events = _totals(position, weight * has_left, times.size)
    at_risk = _at_risk(times, position, entry, weight)
    effective_size = at_risk**2 / _at_risk(times, position, entry, weight**2)
    hazard = np.minimum(events / at_risk, 1.0)
    survival = np.asarray(np.cumprod(1.0 - hazard), dtype=np.float64)
    low, high = _limits(survival, hazard, effective_size)
    start = np.append(0.0, times[:-1])
    entered_at = np.searchsorted(times, entry)
    late = _totals(entered_at, weight * np.maximum(entry - start[entered_at], 0.0), times.size)
    exposure = at_risk * (times - start) - late
    curve = SurvivalCurve(times, survival, low, high, at_risk, events, exposure)
    if at is None:
        return curve
    return _evaluate_at(
        curve, np.asarray(at, dtype=float), number_at_start=float(effective_size[0])
    )


def _checked(
    followup_months: ArrayLike,
    left: ArrayLike,
    weights: ArrayLike | None,
    entry_months: ArrayLike | None,
) -> tuple[Floats, NDArray[np.bool_], Floats, Floats]:
    """Return validated arrays without the deals of weight 0."""
    months = np.asarray(followup_months, dtype=float)
    has_left = np.asarray(left, dtype=bool)
    weight = np.ones(months.size) if weights is None else np.asarray(weights, dtype=float)
    entry = np.zeros(months.size) if entry_months is None else np.asarray(entry_months, dtype=float)
    for name, values in (("follow-up", months), ("weight", weight), ("entry", entry)):
        wrong = ~(np.isfinite(values) & (values >= 0))
        _refuse(wrong, f"{name} is missing or negative", "leave those deals out or correct them")
    _refuse(entry > months, "entry is after the end of the follow-up", "leave those deals out")
    used = weight > 0
    if not used.any():
        raise DealsError("no deal to estimate survival from; give at least one with weight above 0")
    if not (entry[used] == 0).any():
        raise DealsError(
            "no deal was observed from its signing (entry 0), so nothing is known about the first "
            f"{entry[used].min():.1f} months. Remedy: add deals signed since observed_from."
        )
    return months[used], has_left[used], weight[used], entry[used]


def _refuse(wrong: NDArray[np.bool_], problem: str, remedy: str) -> None:
    """Raise an error with the count and the first position if any deal is wrong."""
    if wrong.any():
        raise DealsError(
            f"{problem} in {wrong.sum()} of {wrong.size} deals (first at position "
            f"{wrong.argmax()}); "
            f"{remedy}"
        )


def _last_observed_age(entry: Floats, months: Floats) -> float:
    """Return the largest age up to which at least one deal was observed at every age."""
    order = np.argsort(entry)
    observed_until = np.maximum.accumulate(months[order])
    gap = entry[order][1:] > observed_until[:-1]
    return float(observed_until[gap.argmax()] if gap.any() else observed_until[-1])


def _at_risk(times: Floats, position: NDArray[np.intp], entry: Floats, weight: Floats) -> Floats:
    """Return the sum of the weights of the deals at risk (entered, still observed) at each time."""
    observed = _sum_from(_totals(position, weight, times.size))
    if not entry.any():
        return observed
    entered_at = np.searchsorted(times, entry, side="left")
    entering_later = _sum_from(_totals(entered_at, weight, times.size)) - _totals(
        entered_at, weight, times.size
    )
    at_risk: Floats = observed - entering_later
    return at_risk


def _totals(
    position: NDArray[np.intp], weight: NDArray[np.float64], size: int
) -> NDArray[np.float64]:
    """Return the sum of the weights at each position."""
    return np.asarray(np.bincount(position, weight, size), dtype=np.float64)


def _sum_from(per_time: Floats) -> Floats:
    """Return the sum over each time and all later ones."""
    result: Floats = np.cumsum(per_time[::-1])[::-1]
    return result


def _limits(survival: Floats, hazard: Floats, effective: Floats) -> tuple[Floats, Floats]:
    """Return the limits of the 95% interval after each time; see `kaplan_meier`."""
    between = (survival > 0) & (survival < 1)
    bounded = np.where(between, survival, 0.5)
    terms = np.where(hazard < 1, hazard / np.maximum((1.0 - hazard) * effective, 1e-300), 0.0)
    log_survival = np.log(bounded)
    half_width = _Z * np.sqrt(np.cumsum(terms)) / -log_survival
    exponent = np.exp(np.minimum(half_width, 600.0))  # beyond it the limits are 0 and 1 anyway
    low = np.where(between, np.exp(log_survival * exponent), 0.0)
    high = np.where(between, np.exp(log_survival / exponent), 1.0)
    none_left = survival >= 1
    low[none_left] = _TAIL ** (1.0 / effective[none_left])
    all_left = survival <= 0
    if all_left.any():
        first = int(all_left.argmax())
        high[all_left] = high[first - 1] if first else 1.0
    return low, high


def _step(curve: SurvivalCurve, months: Floats, shares: Floats, first_value: float = 1.0) -> Floats:
    """Return a step function's value after each time; NaN beyond the longest follow-up."""
    position = np.searchsorted(curve.times, months, side="right")
    values = np.concatenate(([first_value], shares))[position]
    unknown = (months > curve.times[-1]) & (curve.survival[-1] > 0)
    return np.where(unknown | np.isnan(months), np.nan, values)


def _evaluate_at(curve: SurvivalCurve, months: Floats, *, number_at_start: float) -> SurvivalCurve:
    """Return the curve at requested times, with the deals that left since the previous one."""
    months = np.unique(months)
    total = np.concatenate(([0.0], np.cumsum(curve.events)))
    events = np.diff(total[np.searchsorted(curve.times, months, side="right")], prepend=0.0)
    at_risk = np.concatenate((curve.at_risk, [0.0]))
    before_first = _TAIL ** (1.0 / number_at_start)
    return SurvivalCurve(
        times=months,
        survival=_step(curve, months, curve.survival),
        low=_step(curve, months, curve.low, first_value=before_first),
        high=_step(curve, months, curve.high),
        at_risk=at_risk[np.searchsorted(curve.times, months, side="left")],
        events=events,
        exact=curve,
    )
