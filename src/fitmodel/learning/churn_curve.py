"""The churn curve: from the probability at the model's horizon to the probability at every month.

    P(left within the horizon)     -> log-odds L
    L -> shift(t) + slope(t) * L   -> log-odds of having left by month t, nondecreasing in t
      -> survival per month        -> lifetime, probability of leaving within the next months

Proportional odds (Bennett 1983) with a slope per month: effects of attributes may weaken or grow
with a customer's age. At the horizon the shift is 0 and the slope 1, so that the probability there
is exactly the scorecard's. This module imports numpy only, because it is needed to score a single
prospect. `fitmodel.learning.curve_fitting` fits the curve.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning.calibration import expit, logit

Floats = NDArray[np.float64]
Strata = NDArray[np.intp]

MAX_MONTHS = 1_200
MAX_LIFETIME_RATIO = 2.0
"""A lifetime is at most this multiple of the longest time that was observed."""
INTERVAL_Z = 1.2815515655446004  # 80% of a normal distribution lies within this many deviations
MAX_LOG_ODDS = 1e6


@dataclass(frozen=True, eq=False)
class ChurnCurve:
    """Log-odds of having left by each month, as a function of the log-odds at the horizon.

    Parameters
    ----------
    horizon : int
        Horizon of the model, in months.
    slope : ndarray, shape (months,)
        Slope of each month from 1 to the last month of the curve; 1 at the horizon.
    shift : ndarray, shape (strata, months)
        Shift of each stratum and month, in log-odds; 0 at the horizon.
    deviation : ndarray, shape (months,)
        Standard deviation of the shift; 0 at the horizon.
    slope_deviation : ndarray, shape (months,)
        Standard deviation of the slope; 0 at the horizon.
    centre : float
        Mean log-odds of the training deals.
    monthly_rate : float
        Upper 95% limit of the monthly hazard after the horizon, used beyond the last month of the
        curve; NaN where too few customers were observed so long.
    attribute : str or None
        Attribute whose levels differ in the timing of leaving.
    stratum_by_code : tuple of int
        Row of `shift` for each code of that attribute; empty without one.
    lowest_rate : float
        Lower 95% limit of the same hazard, for the longest lifetimes; used in training, not stored.
    """

    horizon: int
    slope: Floats
    shift: Floats
    deviation: Floats
    slope_deviation: Floats
    centre: float
    monthly_rate: float
    attribute: str | None = None
    stratum_by_code: tuple[int, ...] = ()
    lowest_rate: float = math.nan

    def __post_init__(self) -> None:
        months = len(self.slope)
        parts = (self.slope, self.shift, self.deviation, self.slope_deviation)
        if not 1 <= self.horizon <= months <= MAX_MONTHS:
            raise ValueError(f"a churn curve of {months} months cannot have horizon {self.horizon}")
        if any(part.shape[-1] != months for part in parts) or self.shift.ndim != 2:  # noqa: PLR2004
            raise ValueError("the parts of a churn curve differ in their number of months")
        if not all((np.abs(part) <= MAX_LOG_ODDS).all() for part in parts):
            raise ValueError("a churn curve holds a number that is not finite")
        if not (np.isnan(self.monthly_rate) or 0 < self.monthly_rate < math.inf):
            raise ValueError(f"monthly_rate is {self.monthly_rate}, which is not a rate")
        if any(not 0 <= number < len(self.shift) for number in self.stratum_by_code):
            raise ValueError("a level of the churn curve has no row")
        index = self.horizon - 1
        if self.slope[index] != 1 or self.shift[:, index].any() or (self.slope <= 0).any():
            raise ValueError("a churn curve has slope 1 and shift 0 at its horizon, no slope below")

    @property
    def months(self) -> int:
        """Last month of the curve."""
        return len(self.slope)

    @cached_property
    def strata(self) -> Strata:
        """Row of `shift` for each code of `attribute`."""
        return np.asarray(self.stratum_by_code, dtype=np.intp)

    def left_by(
        self, probability: Floats, months: Sequence[int], stratum: Strata | None = None
    ) -> Floats:
        """Probability of having left by each of the given months, shape (n, len(months)).

        Parameters
        ----------
        probability : ndarray, shape (n,)
            Probability at the horizon; NaN gives NaN.
        months : sequence of int
            Months since closing, from 0 to `months`.
        stratum : ndarray of int, shape (n,), optional
            Row of `shift` of each prospect.
        """
        first, lines = self._lines(logit(probability), months, stratum)
        return self._left(lines, probability, months, first)

    def interval_by(
        self,
        probability: Floats,
        low: Floats,
        high: Floats,
        months: Sequence[int],
        stratum: Strata | None = None,
    ) -> tuple[Floats, Floats]:
        """Lower and upper end of the 80% interval of `left_by`, each of shape (n, len(months)).

        At the horizon they are `low` and `high`. At other months the uncertainty of the curve
        between the two ages is added, see `half_width`. Neither end decreases with the month.

        Parameters
        ----------
        probability, low, high : ndarray, shape (n,)
            Probability at the horizon, and the ends of its interval; NaN gives NaN.
        months, stratum
            As in `left_by`.
        """
        raw = logit(probability)
        first, lines = self._lines(raw, months, stratum)
        part = slice(first - 1, first - 1 + lines.shape[1])
        centre = self._left(lines, probability, months, first)
        lower, upper = (
            self._left(
                lines + side * self._half_widths(raw, logit(end) - raw, part), end, months, first
            )
            for side, end in ((-1.0, low), (1.0, high))
        )
        return np.minimum(lower, centre), np.maximum(upper, centre)

    def _lines(
        self, raw: Floats, months: Sequence[int], stratum: Strata | None
    ) -> tuple[int, Floats]:
        """First month, and log-odds of all months from it to the last; they include the horizon."""
        first = max(min([*months, self.horizon]), 1)
        part = slice(first - 1, max([*months, self.horizon]))
        row = np.zeros(len(raw), dtype=np.intp) if stratum is None else stratum
        return first, self.shift[:, part][row] + self.slope[part] * raw[:, None]

    def _left(
        self, lines: Floats, probability: Floats, months: Sequence[int], first: int
    ) -> Floats:
        """Probabilities at the given months, made nondecreasing outward from the horizon.

        `lines` has the log-odds from month `first` on, `probability` the probability at the
        horizon.
        """
        month, origin, monotone = (
            np.asarray(months, dtype=np.intp),
            self.horizon - first,
            lines.copy(),
        )
        monotone[:, origin:] = np.maximum.accumulate(monotone[:, origin:], axis=1)
        monotone[:, origin::-1] = np.minimum.accumulate(monotone[:, origin::-1], axis=1)
        result = expit(monotone[:, np.clip(month - first, 0, None)])
        at_horizon = np.asarray(probability, dtype=np.float64)[:, None]
        result = np.where(
            month > self.horizon, np.maximum(result, at_horizon), np.minimum(result, at_horizon)
        )
        result = np.where(month == self.horizon, at_horizon, result)
        # A NaN at the horizon stays NaN.
        return np.where(month == 0, 0.0, result) + 0.0 * at_horizon

    def survival(self, probability: Floats, stratum: Strata | None = None) -> Floats:
        """Probability of still being a customer after 0, 1, ... months, shape (n, months + 1)."""
        return 1.0 - self.left_by(probability, range(self.months + 1), stratum)

    def survival_at(
        self, probability: Floats, ages: Floats, stratum: Strata | None = None
    ) -> Floats:
        """Probability of still being a customer, for each deal at its own age, shape (n,).

        Linear between whole months. Beyond the curve it falls exponentially with `monthly_rate`;
        where that rate is not known the result is NaN.
        """
        return self._read(self.survival(probability, stratum), ages)

    def _read(self, survival: Floats, ages: Floats) -> Floats:
        """Interpolate each row of `survival` at an age, and extrapolate it beyond the curve."""
        age = np.clip(ages, 0.0, float(self.months))
        month = np.minimum(np.floor(age).astype(np.intp), self.months - 1)
        rows = np.arange(len(survival))
        start, end = survival[rows, month], survival[rows, month + 1]
        value = start + (age - month) * (end - start)
        extra = np.maximum(ages - self.months, 0.0)
        tail = np.exp(-self.monthly_rate * extra) if self.monthly_rate > 0 else extra * np.nan
        return np.asarray(np.where(extra > 0, value * tail, value), dtype=np.float64)

    def probability_of_leaving(
        self, probability: Floats, stayed: Floats, months: float, stratum: Strata | None = None
    ) -> Floats:
        """Probability of leaving within the next months, given the time stayed, shape (n,).

        Parameters
        ----------
        probability : ndarray, shape (n,)
            Probability at the horizon, predicted for the deal as a prospect.
        stayed : ndarray, shape (n,)
            Months since closing.
        months : float
            Number of months from now.
        stratum : ndarray of int, shape (n,), optional
            Row of `shift` of each deal.
        """
        survival = self.survival(probability, stratum)
        survival_now = self._read(survival, stayed)
        survival_later = self._read(survival, stayed + months)
        result = 1.0 - survival_later / np.maximum(survival_now, 1e-12)
        return np.asarray(np.clip(result, 0.0, 1.0), dtype=np.float64)

    def lifetime(self, probability: Floats, stratum: Strata | None = None) -> Floats:
        """Mean months from signing until the customer leaves, shape (n,).

        Notes
        -----
        The area under the customer's survival curve (restricted mean survival time; Royston and
        Parmar 2013), plus an exponential tail with the hazard `monthly_rate`. The result is at most
        `MAX_LIFETIME_RATIO` times the months of the curve, and NaN where there is no rate.
        """
        return self.lifetime_of(self.survival(probability, stratum))

    def lifetime_of(self, survival: Floats) -> Floats:
        """As `lifetime`, from survival probabilities after 0, 1, ... `months` months."""
        area = (survival[:, 1:] + survival[:, :-1]).sum(axis=1) / 2
        tail = survival[:, -1] / self.monthly_rate
        return np.asarray(
            np.minimum(area + tail, MAX_LIFETIME_RATIO * self.months), dtype=np.float64
        )

    def remaining_life(
        self, probability: Floats, stayed: Floats, stratum: Strata | None = None
    ) -> Floats:
        """Mean months that a customer stays on from now, given the time stayed, shape (n,)."""
        survival = self.survival(probability, stratum)
        survival_now = self._read(survival, stayed)
        months = np.arange(self.months + 1, dtype=np.float64)
        times = np.maximum(months, stayed[:, None])
        values = np.where(months <= stayed[:, None], survival_now[:, None], survival)
        area = ((values[:, 1:] + values[:, :-1]) * np.diff(times, axis=1)).sum(axis=1) / 2
        survival_at_end = np.where(stayed < self.months, survival[:, -1], survival_now)
        longest = MAX_LIFETIME_RATIO * self.months - np.minimum(stayed, self.months)
        remaining = (area + survival_at_end / self.monthly_rate) / np.maximum(survival_now, 1e-12)
        return np.asarray(np.minimum(remaining, longest), dtype=np.float64)

    def expected_lifetimes(
        self, probability: Floats, stratum: Strata | None = None
    ) -> tuple[Floats, Floats]:
        """Expected lifetime in months, given staying past the horizon and given leaving within it.

        Returns
        -------
        stays, leaves : ndarray, shape (n,)
            Mean months from signing, given that the customer stays past the horizon, or leaves
            within it.
        """
        survival = self.survival(probability, stratum)
        months_lived = (survival[:, 1:] + survival[:, :-1]) / 2
        until_horizon, after_horizon = (
            months_lived[:, : self.horizon].sum(axis=1),
            months_lived[:, self.horizon :].sum(axis=1),
        )
        stays = np.maximum(survival[:, self.horizon], 1e-12)
        leaves = np.maximum(1.0 - stays, 1e-12)
        expected_after = (after_horizon + survival[:, -1] / self.monthly_rate) / stays
        longest = MAX_LIFETIME_RATIO * self.months
        return (
            np.minimum(self.horizon + expected_after, longest),
            np.clip((until_horizon - self.horizon * stays) / leaves, 0.0, float(self.horizon)),
        )

    def half_width(self, log_odds: Floats, horizon_half_width: Floats, month: int) -> Floats:
        """Half-width, in log-odds, of the 80% interval at a month, shape (n,).

        `horizon_half_width` is the half-width at the horizon.
        """
        return self._half_widths(log_odds, horizon_half_width, slice(month - 1, month))[:, 0]

    def _half_widths(self, log_odds: Floats, horizon_half_width: Floats, part: slice) -> Floats:
        """As `half_width`, for a slice of months, shape (n, months)."""
        from_horizon = self.slope[part] * horizon_half_width[:, None]
        from_slope = self.slope_deviation[part] * (log_odds[:, None] - self.centre)
        variance = from_horizon**2 + INTERVAL_Z**2 * (self.deviation[part] ** 2 + from_slope**2)
        return np.asarray(np.sqrt(variance), dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Return the curve as JSON-able data without loss of precision."""
        rate = None if math.isnan(self.monthly_rate) else self.monthly_rate
        return {
            "horizon": self.horizon,
            "slope": self.slope.tolist(),
            "shift": self.shift.tolist(),
            "deviation": self.deviation.tolist(),
            "slope_deviation": self.slope_deviation.tolist(),
            "centre": self.centre,
            "monthly_rate": rate,
            "attribute": self.attribute,
            "stratum_by_code": list(self.stratum_by_code),
        }


def curve_from_dict(data: Mapping[str, Any]) -> ChurnCurve:
    """Rebuild a curve from its JSON form.

    Raises
    ------
    ValueError, TypeError, KeyError
        If a field is missing, is not a number or contradicts another field.
    """
    rate, attribute = data["monthly_rate"], data["attribute"]
    if attribute is not None and not isinstance(attribute, str):
        raise TypeError(f"{attribute!r} is not the name of an attribute")
    return ChurnCurve(
        horizon=int(data["horizon"]),
        slope=np.array(data["slope"], dtype=np.float64),
        shift=np.array(data["shift"], dtype=np.float64),
        deviation=np.array(data["deviation"], dtype=np.float64),
        slope_deviation=np.array(data["slope_deviation"], dtype=np.float64),
        centre=float(data["centre"]),
        monthly_rate=math.nan if rate is None else float(rate),
        attribute=attribute,
        stratum_by_code=tuple(int(number) for number in data["stratum_by_code"]),
    )
