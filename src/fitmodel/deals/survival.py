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

_Z = 1.959963984540054  # 97.5 % point of the normal distribution: two-sided 95 %
_TAIL = 0.025
FEWEST_WATCHED = 10
"""A curve is followed no further than this many customers are watched."""


@dataclass(frozen=True, eq=False)
class SurvivalCurve:
    """
    Share of customers still there, by months since closing.

    Attributes
    ----------
    times : ndarray of shape (k,)
        Months since closing, rising: every follow-up time seen, or the times asked for.
    survival, low, high : ndarray of shape (k,)
        Share still there after ``times`` and its pointwise 95 % interval; NaN beyond the longest
        follow-up, where nothing is known (unless everyone has left).
    at_risk : ndarray of shape (k,)
        Deals (sum of weights) still watched just before each time.
    events : ndarray of shape (k,)
        Deals (sum of weights) that left at each time, or since the time before it where the times
        were asked for.
    """

    times: Floats
    survival: Floats
    low: Floats
    high: Floats
    at_risk: Floats
    events: Floats
    exact: SurvivalCurve | None = field(default=None, repr=False)
    """The whole curve, where this one was read at chosen times."""

    @overload
    def at(self, months: float) -> float: ...
    @overload
    def at(self, months: Floats | list[float]) -> Floats: ...
    def at(self, months: float | Floats | list[float]) -> float | Floats:
        """Share still there after ``months``; NaN where nobody was watched that long."""
        curve = self.exact or self
        asked = np.asarray(months, dtype=float)
        result = _step(curve, np.atleast_1d(asked), curve.survival)
        return float(result[0]) if asked.ndim == 0 else result

    def restricted_mean(self, months: float | None = None) -> float:
        """
        Mean months a customer stays, counting at most ``months``: the area under the curve.

        ``None`` counts up to the longest follow-up. NaN where nobody was watched that long.
        """
        curve = self.exact or self
        until = float(curve.times[-1]) if months is None else float(months)
        if np.isnan(curve.at(until)):
            return float("nan")
        corners = np.concatenate(([0.0], curve.times[curve.times < until], [until]))
        heights = np.concatenate(([1.0], curve.survival[curve.times < until]))
        return float(np.diff(corners) @ heights)

    def upper_rate_after(self, months: float) -> float:
        """
        Upper one-sided 95 % limit of the monthly rate of leaving after an age.

        Of a Poisson rate (Byar's approximation; Breslow & Day 1987, Statistical Methods in Cancer
        Research II, page 69). NaN where fewer than `FEWEST_WATCHED` customers were watched beyond
        that age.
        """
        curve = self.exact or self
        watched = (curve.at_risk >= FEWEST_WATCHED) & (curve.times > months)
        if not watched.any():
            return float("nan")
        steps = np.diff(curve.times[watched], prepend=months)
        count = float(curve.events[watched].sum()) + 1.0
        limit = count * (1.0 - 1.0 / (9.0 * count) + 1.645 / (3.0 * math.sqrt(count))) ** 3
        return limit / float(steps @ curve.at_risk[watched])


def kaplan_meier(
    followup_months: ArrayLike,
    left: ArrayLike,
    *,
    at: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    entry_months: ArrayLike | None = None,
) -> SurvivalCurve:
    """
    Kaplan-Meier estimate of the share of customers still there, with a 95 % interval.

    Parameters
    ----------
    followup_months : array of shape (n,)
        Months from closing to leaving or to the end of watching, not negative.
    left : array of bool of shape (n,)
        Whether the customer was seen to leave; otherwise censored at its follow-up. At equal times
        leaving comes before censoring.
    at : array, optional
        Months to read the curve at, instead of every follow-up time.
    weights : array of shape (n,), optional
        Weight of each deal, not negative; 1 by default. Their scale changes neither the curve nor
        its interval.
    entry_months : array of shape (n,), optional
        Months from closing to the day from which the deal was watched (delayed entry, left
        truncation); 0 by default, at most the follow-up. A deal is at risk from its entry on, that
        day included.

    Raises
    ------
    DealsError
        If there is no deal, none was watched from its signing, or a follow-up, weight or entry is
        missing, negative or contradicts another.

    Notes
    -----
    With entry times the number at risk is that of the deals that have entered and are still
    watched (Klein & Moeschberger 2003, section 4.6). Assumes that when a deal came under
    observation says nothing about whether it leaves. Where only a few deals were watched early on,
    one of them that leaves moves the curve far. Where at some age no deal is watched, the curve
    ends there: what is left of it after that age is not known.

    Interval: Greenwood's variance on the log(-log) scale (Kalbfleisch & Prentice 2002, p. 18); with
    weights the number at risk is replaced by its effective size (Xie & Liu 2005). Where nobody has
    left yet that variance does not exist: the lower limit is then the exact binomial one,
    ``0.025 ** (1 / at risk)``. Where everyone has left: 0 to the upper limit before.

    Examples
    --------
    >>> curve = kaplan_meier([1.0, 2.0, 3.0, 4.0], [True, False, True, False])
    >>> curve.survival.tolist()
    [0.75, 0.75, 0.375, 0.375]
    """
    months, gone, weight, entry = _checked(followup_months, left, weights, entry_months)
    if entry.any():
        kept = entry <= _last_age_watched(entry, months)
        months, gone, weight, entry = months[kept], gone[kept], weight[kept], entry[kept]
    times, position = np.unique(months, return_inverse=True)
    events = _totals(position, weight * gone, times.size)
    at_risk = _at_risk(times, position, entry, weight)
    effective = at_risk**2 / _at_risk(times, position, entry, weight**2)
    hazard = np.minimum(events / at_risk, 1.0)
    survival = np.asarray(np.cumprod(1.0 - hazard), dtype=np.float64)
    low, high = _limits(survival, hazard, effective)
    curve = SurvivalCurve(times, survival, low, high, at_risk, events)
    if at is None:
        return curve
    return _read_at(curve, np.asarray(at, dtype=float), begun_with=float(effective[0]))


def _checked(
    followup_months: ArrayLike,
    left: ArrayLike,
    weights: ArrayLike | None,
    entry_months: ArrayLike | None,
) -> tuple[Floats, NDArray[np.bool_], Floats, Floats]:
    """Arrays of one length, without deals of weight 0."""
    months = np.asarray(followup_months, dtype=float)
    gone = np.asarray(left, dtype=bool)
    weight = np.ones(months.size) if weights is None else np.asarray(weights, dtype=float)
    entry = np.zeros(months.size) if entry_months is None else np.asarray(entry_months, dtype=float)
    for name, values in (("follow-up", months), ("weight", weight), ("entry", entry)):
        wrong = ~(np.isfinite(values) & (values >= 0))
        _refuse(wrong, f"{name} is missing or negative", "leave those deals out or correct them")
    _refuse(entry > months, "entry lies after the end of the follow-up", "leave those deals out")
    counted = weight > 0
    if not counted.any():
        raise DealsError("no deal to estimate survival from; give at least one with weight above 0")
    if not (entry[counted] == 0).any():
        raise DealsError(
            "no deal was watched from its signing (entry 0), so nothing is known of the first "
            f"{entry[counted].min():.1f} months. Remedy: add deals signed since observed_from."
        )
    return months[counted], gone[counted], weight[counted], entry[counted]


def _refuse(wrong: NDArray[np.bool_], what: str, remedy: str) -> None:
    if wrong.any():
        raise DealsError(
            f"{what} in {wrong.sum()} of {wrong.size} deals (first at position {wrong.argmax()}); "
            f"{remedy}"
        )


def _last_age_watched(entry: Floats, months: Floats) -> float:
    """Age up to which at every age some deal was watched."""
    order = np.argsort(entry)
    reached = np.maximum.accumulate(months[order])
    gap = entry[order][1:] > reached[:-1]
    return float(reached[gap.argmax()] if gap.any() else reached[-1])


def _at_risk(times: Floats, position: NDArray[np.intp], entry: Floats, weight: Floats) -> Floats:
    """Sum of the weights of the deals that have entered by each time and are still watched."""
    still_watched = _not_before(_totals(position, weight, times.size))
    if not entry.any():
        return still_watched
    entered_at = np.searchsorted(times, entry, side="left")
    enter_later = _not_before(_totals(entered_at, weight, times.size)) - _totals(
        entered_at, weight, times.size
    )
    at_risk: Floats = still_watched - enter_later
    return at_risk


def _totals(
    position: NDArray[np.intp], weight: NDArray[np.float64], size: int
) -> NDArray[np.float64]:
    """Sum of the weights at each place."""
    return np.asarray(np.bincount(position, weight, size), dtype=np.float64)


def _not_before(per_time: Floats) -> Floats:
    """Sum over each time and all later ones."""
    summed: Floats = np.cumsum(per_time[::-1])[::-1]
    return summed


def _limits(survival: Floats, hazard: Floats, effective: Floats) -> tuple[Floats, Floats]:
    """95 % interval of each step; see `kaplan_meier`."""
    inside = (survival > 0) & (survival < 1)
    safe = np.where(inside, survival, 0.5)
    growth = np.where(hazard < 1, hazard / np.maximum((1.0 - hazard) * effective, 1e-300), 0.0)
    log_survival = np.log(safe)
    wide = _Z * np.sqrt(np.cumsum(growth)) / -log_survival
    spread = np.exp(np.minimum(wide, 600.0))  # beyond it the limits are 0 and 1 anyway
    low = np.where(inside, np.exp(log_survival * spread), 0.0)
    high = np.where(inside, np.exp(log_survival / spread), 1.0)
    untouched = survival >= 1
    low[untouched] = _TAIL ** (1.0 / effective[untouched])
    over = survival <= 0
    if over.any():
        first = int(over.argmax())
        high[over] = high[first - 1] if first else 1.0
    return low, high


def _step(curve: SurvivalCurve, months: Floats, heights: Floats, before: float = 1.0) -> Floats:
    """Value of a step function after each time, NaN beyond what was watched."""
    position = np.searchsorted(curve.times, months, side="right")
    values = np.concatenate(([before], heights))[position]
    unknown = (months > curve.times[-1]) & (curve.survival[-1] > 0)
    return np.where(unknown | np.isnan(months), np.nan, values)


def _read_at(curve: SurvivalCurve, months: Floats, *, begun_with: float) -> SurvivalCurve:
    """The curve at chosen times, with the deals that left since the time before."""
    months = np.unique(months)
    upto = np.concatenate(([0.0], np.cumsum(curve.events)))
    events = np.diff(upto[np.searchsorted(curve.times, months, side="right")], prepend=0.0)
    watched = np.concatenate((curve.at_risk, [0.0]))
    before_first = _TAIL ** (1.0 / begun_with)
    return SurvivalCurve(
        times=months,
        survival=_step(curve, months, curve.survival),
        low=_step(curve, months, curve.low, before=before_first),
        high=_step(curve, months, curve.high),
        at_risk=watched[np.searchsorted(curve.times, months, side="left")],
        events=events,
        exact=curve,
    )
