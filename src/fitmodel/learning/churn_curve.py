"""The churn curve: from the probability at the model's own horizon to that at every month.

    P(left within the own horizon) -> log-odds L
    L -> shift(t) + slope(t) * L   -> log-odds of having left by month t, never falling in t
      -> share still there per month -> lifetime, chance to leave within the next months

Proportional odds (Bennett 1983) with a slope per month: effects of attributes may fade or grow
with age. At the own horizon shift is 0 and slope 1, so its probability is the scorecard's own, to
the bit. numpy only: this file is on the path of a prospect. `fitmodel.learning.curve_fitting` fits
the curve.
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
LONGEST_CLAIM = 2.0
"""A lifetime is at most this multiple of the longest time watched."""
INTERVAL_Z = 1.2815515655446004  # 80 % of a normal distribution lies within this many deviations
MAX_LOG_ODDS = 1e6


@dataclass(frozen=True, eq=False)
class ChurnCurve:
    """How the odds of having left at each month follow from those at the own horizon.

    Parameters
    ----------
    horizon : int
        The model's own, in months.
    slope : ndarray, shape (months,)
        Of month 1, 2, ... to the last that the data say something about; 1 at the horizon.
    shift : ndarray, shape (strata, months)
        In log-odds; 0 at the horizon.
    deviation : ndarray, shape (months,)
        Standard deviation of the shift; 0 at the horizon.
    slope_deviation : ndarray, shape (months,)
    centre : float
        Mean log-odds of the deals learned from.
    monthly_rate : float
        Upper 95 % limit of the rate of leaving per month after the horizon, for what lies beyond
        the curve; NaN where too few were watched so long.
    attribute : str or None
        Whose levels have a timing of their own.
    stratum_by_code : tuple of int
        Code of that attribute to its row of `shift`; empty without one.
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
        own = self.horizon - 1
        if self.slope[own] != 1 or self.shift[:, own].any() or (self.slope <= 0).any():
            raise ValueError("a churn curve has slope 1 and shift 0 at its horizon, no slope below")

    @property
    def months(self) -> int:
        """Last month that the curve says something about."""
        return len(self.slope)

    @cached_property
    def strata(self) -> Strata:
        """Code of `attribute` to its row of `shift`."""
        return np.asarray(self.stratum_by_code, dtype=np.intp)

    def left_by(
        self, probability: Floats, months: Sequence[int], stratum: Strata | None = None
    ) -> Floats:
        """Probability of having left within each of some whole months, shape (n, len(months)).

        Parameters
        ----------
        probability : ndarray, shape (n,)
            At the own horizon; NaN gives NaN.
        months : sequence of int
            From 0 to `months`.
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
        """Ends of the 80 % interval of `left_by`, each of shape (n, len(months)).

        At the own horizon they are `low` and `high`; elsewhere the uncertainty of the curve between
        the two ages is added, see `reach`. Neither end decreases in the months.

        Parameters
        ----------
        probability, low, high : ndarray, shape (n,)
            At the own horizon, and the ends of its interval; NaN gives NaN.
        months, stratum
            As of `left_by`.
        """
        raw = logit(probability)
        first, lines = self._lines(raw, months, stratum)
        part = slice(first - 1, first - 1 + lines.shape[1])
        centre = self._left(lines, probability, months, first)
        least, most = (
            self._left(lines + side * self._reach(raw, logit(end) - raw, part), end, months, first)
            for side, end in ((-1.0, low), (1.0, high))
        )
        return np.minimum(least, centre), np.maximum(most, centre)

    def _lines(
        self, raw: Floats, months: Sequence[int], stratum: Strata | None
    ) -> tuple[int, Floats]:
        """First month, and log-odds from it to the last, the own horizon among them."""
        first = max(min([*months, self.horizon]), 1)
        part = slice(first - 1, max([*months, self.horizon]))
        row = np.zeros(len(raw), dtype=np.intp) if stratum is None else stratum
        return first, self.shift[:, part][row] + self.slope[part] * raw[:, None]

    def _left(self, lines: Floats, own: Floats, months: Sequence[int], first: int) -> Floats:
        """Probabilities at some months, kept from falling outward from the own horizon.

        `own` is the probability there.
        """
        asked, at, kept = np.asarray(months, dtype=np.intp), self.horizon - first, lines.copy()
        kept[:, at:] = np.maximum.accumulate(kept[:, at:], axis=1)
        kept[:, at::-1] = np.minimum.accumulate(kept[:, at::-1], axis=1)
        result = expit(kept[:, np.clip(asked - first, 0, None)])
        known = np.asarray(own, dtype=np.float64)[:, None]
        result = np.where(
            asked > self.horizon, np.maximum(result, known), np.minimum(result, known)
        )
        result = np.where(asked == self.horizon, known, result)
        return np.where(asked == 0, 0.0, result) + 0.0 * known

    def survival(self, probability: Floats, stratum: Strata | None = None) -> Floats:
        """Share still there after 0, 1, ... `months` months, shape (n, months + 1)."""
        return 1.0 - self.left_by(probability, range(self.months + 1), stratum)

    def survival_at(
        self, probability: Floats, ages: Floats, stratum: Strata | None = None
    ) -> Floats:
        """Share still there at an age of each deal's own, shape (n,).

        Between whole months on a straight line; beyond the curve it falls with `monthly_rate`, and
        where that is not known nobody is said to be there.
        """
        return self._read(self.survival(probability, stratum), ages)

    def _read(self, survival: Floats, ages: Floats) -> Floats:
        inside = np.clip(ages, 0.0, float(self.months))
        before = np.minimum(np.floor(inside).astype(np.intp), self.months - 1)
        rows = np.arange(len(survival))
        start, end = survival[rows, before], survival[rows, before + 1]
        value = start + (inside - before) * (end - start)
        over = np.maximum(ages - self.months, 0.0)
        later = np.exp(-self.monthly_rate * over) if self.monthly_rate > 0 else over * np.nan
        return np.asarray(np.where(over > 0, value * later, value), dtype=np.float64)

    def chance_to_leave(
        self, probability: Floats, stayed: Floats, months: float, stratum: Strata | None = None
    ) -> Floats:
        """Chance to leave within the next months, given the time stayed, shape (n,).

        Parameters
        ----------
        probability : ndarray, shape (n,)
            At the own horizon, as a prospect.
        stayed : ndarray, shape (n,)
            Months since closing.
        months : float
            From now.
        """
        survival = self.survival(probability, stratum)
        now = self._read(survival, stayed)
        then = self._read(survival, stayed + months)
        chance = 1.0 - then / np.maximum(now, 1e-12)
        return np.asarray(np.clip(chance, 0.0, 1.0), dtype=np.float64)

    def lifetime(self, probability: Floats, stratum: Strata | None = None) -> Floats:
        """Mean months from signing until the customer leaves, shape (n,).

        Notes
        -----
        The area under the customer's own curve to its end (restricted mean survival time; Royston
        and Parmar 2013), and for those still there an exponential tail at `monthly_rate`. The whole
        is at most `LONGEST_CLAIM` times the months watched. NaN where there is no rate.
        """
        return self.lifetime_of(self.survival(probability, stratum))

    def lifetime_of(self, survival: Floats) -> Floats:
        """As `lifetime`, of given shares still there after 0, 1, ... `months` months."""
        area = (survival[:, 1:] + survival[:, :-1]).sum(axis=1) / 2
        tail = survival[:, -1] / self.monthly_rate
        return np.asarray(np.minimum(area + tail, LONGEST_CLAIM * self.months), dtype=np.float64)

    def remaining_life(
        self, probability: Floats, stayed: Floats, stratum: Strata | None = None
    ) -> Floats:
        """Mean months that a customer stays on from now, given the time stayed, shape (n,)."""
        survival = self.survival(probability, stratum)
        now = self._read(survival, stayed)
        corners = np.arange(self.months + 1, dtype=np.float64)
        ends = np.maximum(corners, stayed[:, None])
        heights = np.where(corners <= stayed[:, None], now[:, None], survival)
        area = ((heights[:, 1:] + heights[:, :-1]) * np.diff(ends, axis=1)).sum(axis=1) / 2
        there = np.where(stayed < self.months, survival[:, -1], now)
        most = LONGEST_CLAIM * self.months - np.minimum(stayed, self.months)
        left = (area + there / self.monthly_rate) / np.maximum(now, 1e-12)
        return np.asarray(np.minimum(left, most), dtype=np.float64)

    def months_if(
        self, probability: Floats, stratum: Strata | None = None
    ) -> tuple[Floats, Floats]:
        """Months from signing of a customer that stays past the horizon, and of one that does not.

        Each of shape (n,).
        """
        survival = self.survival(probability, stratum)
        part = (survival[:, 1:] + survival[:, :-1]) / 2
        before, after = part[:, : self.horizon].sum(axis=1), part[:, self.horizon :].sum(axis=1)
        stays = np.maximum(survival[:, self.horizon], 1e-12)
        leaves = np.maximum(1.0 - stays, 1e-12)
        later = (after + survival[:, -1] / self.monthly_rate) / stays
        most = LONGEST_CLAIM * self.months
        return (
            np.minimum(self.horizon + later, most),
            np.clip((before - self.horizon * stays) / leaves, 0.0, float(self.horizon)),
        )

    def reach(self, log_odds: Floats, own_reach: Floats, month: int) -> Floats:
        """Half the width, in log-odds, of the 80 % interval at a month, shape (n,).

        `own_reach` is that at the own horizon.
        """
        return self._reach(log_odds, own_reach, slice(month - 1, month))[:, 0]

    def _reach(self, log_odds: Floats, own_reach: Floats, part: slice) -> Floats:
        """As `reach`, at some months in a row, shape (n, months)."""
        sloped = self.slope[part] * own_reach[:, None]
        tilt = self.slope_deviation[part] * (log_odds[:, None] - self.centre)
        variance = sloped**2 + INTERVAL_Z**2 * (self.deviation[part] ** 2 + tilt**2)
        return np.asarray(np.sqrt(variance), dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form; floats survive to the bit."""
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
        If a part is missing, is not a number or contradicts another.
    """
    rate, attribute = data["monthly_rate"], data["attribute"]
    if attribute is not None and not isinstance(attribute, str):
        raise TypeError(f"{attribute!r} names no attribute")
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
