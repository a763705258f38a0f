"""Months that a customer stays and pays, by its own risk instead of one lifetime for everybody.

churn curve -> months if it stays past the horizon, months if it leaves early, at some probabilities
            -> linear interpolation between them

Nobody knows how long customers stay after what was observed. So there are two estimates: a careful
one for the expected value, and the longest that the deals allow for the upper end of its interval.

One probability and many use the same arithmetic, so that both give the same money to the bit. Only
+ - * / and comparisons are used, so that a database computes the same.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.exceptions import SpecError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.learning.churn_curve import ChurnCurve

KNOTS = (0.0, 0.01, 0.02, 0.04, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 0.95, 1.0)
LONGEST = 240.0
"""No customer is taken to stay longer, in months: where hardly any customer left after the horizon,
the deals do not limit how long they stay."""
_INSIDE = 1e-6  # distance from 0 and 1, where nobody would leave, or nobody would stay


@dataclass(frozen=True)
class OwnMonths:
    """Months from signing as a function of the probability of early churn, linear between knots.

    Parameters
    ----------
    probability : tuple of float
        Knots, increasing from 0 to 1.
    stays, leaves : tuple of float
        Months from signing at each knot, of a customer that stays past the horizon and of one that
        leaves within it.
    stays_longest : tuple of float
        As `stays`, but as long as the deals allow; empty in older bundles, which have one estimate.

    Raises
    ------
    SpecError
        If the knots do not increase from 0 to 1, or a number of months is missing, negative or not
        finite.
    """

    probability: tuple[float, ...]
    stays: tuple[float, ...]
    leaves: tuple[float, ...]
    stays_longest: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name in ("probability", "stays", "leaves", "stays_longest"):
            object.__setattr__(self, name, tuple(float(each) for each in getattr(self, name)))
        knots = self.probability
        rising = all(a < b for a, b in pairwise(knots))
        months = [*self.stays, *self.leaves]
        if len(knots) < 2 or not rising or knots[0] != 0 or knots[-1] != 1:  # noqa: PLR2004
            raise SpecError("own_months: the probabilities do not rise from 0 to 1")
        if len(months) != 2 * len(knots) or not all(0 <= each < np.inf for each in months):
            raise SpecError("own_months: a number of months is missing, negative or not finite")
        longest = self.stays_longest or self.stays
        if len(longest) != len(knots) or not all(
            least <= most < np.inf for least, most in zip(self.stays, longest, strict=True)
        ):
            raise SpecError("own_months: stays_longest has too few numbers, or one below stays")

    @classmethod
    def of(cls, curve: ChurnCurve) -> OwnMonths | None:
        """Compute the months from a churn curve; None if the tail of the curve is not known.

        If levels of an attribute have their own timing, the result is the mean over these timings.
        """
        if not curve.monthly_rate > 0:
            return None
        inside = np.clip(np.array(KNOTS), _INSIDE, 1 - _INSIDE)
        each = [
            curve.expected_lifetimes(inside, np.full(len(inside), row))
            for row in range(len(curve.shift))
        ]
        stays, leaves = (np.mean([both[part] for both in each], axis=0) for part in (0, 1))
        if np.isnan(curve.lowest_rate):
            return cls(KNOTS, tuple(stays.tolist()), tuple(leaves.tolist()))
        most = [_longest(curve, inside, row) for row in range(len(curve.shift))]
        longest = np.maximum(np.mean(most, axis=0), stays)
        return cls(KNOTS, *(tuple(months.tolist()) for months in (stays, leaves, longest)))

    @cached_property
    def longest(self) -> OwnMonths:
        """The same, with the longest months that a customer stays."""
        if not self.stays_longest:
            return self
        return OwnMonths(self.probability, self.stays_longest, self.leaves)

    @cached_property
    def _slopes(self) -> tuple[tuple[float, float], ...]:
        knots, pieces = self.probability, range(len(self.probability) - 1)
        return tuple(
            (
                (self.stays[at + 1] - self.stays[at]) / (knots[at + 1] - knots[at]),
                (self.leaves[at + 1] - self.leaves[at]) / (knots[at + 1] - knots[at]),
            )
            for at in pieces
        )

    def knots_with(self, months: float) -> list[float]:
        """Return the knots, and the probabilities at which `stays` or `leaves` equals `months`.

        Between these points the maximum of `months` and `stays` or `leaves` is linear, for example
        with months that are paid in advance.
        """
        knots = set(self.probability)
        for values in (self.stays, self.leaves):
            pieces = zip(pairwise(self.probability), pairwise(values), strict=True)
            for (low, high), (first, last) in pieces:
                if (first - months) * (last - months) < 0:
                    knots.add(low + (high - low) * (months - first) / (last - first))
        return sorted(knots)

    def of_one(self, p: float) -> tuple[float, float]:
        """Return the months if the customer stays and if it leaves early, at one probability."""
        segment = min(max(bisect_right(self.probability, p) - 1, 0), len(self._slopes) - 1)
        stays, leaves = self._slopes[segment]
        distance = p - self.probability[segment]
        return self.stays[segment] + stays * distance, self.leaves[segment] + leaves * distance

    def of_many(self, p: NDArray[np.float64]) -> tuple[Any, Any]:
        """Return the result of `of_one` for many probabilities, as two arrays of shape (n,)."""
        knots = np.asarray(self.probability)
        segment = np.clip(np.searchsorted(knots, p, side="right") - 1, 0, len(self._slopes) - 1)
        slopes, distance = np.asarray(self._slopes)[segment], p - knots[segment]
        return (
            np.asarray(self.stays)[segment] + slopes[..., 0] * distance,
            np.asarray(self.leaves)[segment] + slopes[..., 1] * distance,
        )


def _longest(curve: ChurnCurve, probability: NDArray[np.float64], row: int) -> NDArray[np.float64]:
    """Return the longest months from signing, given that the customer stays past the horizon.

    Beyond the curve the hazard is the lower limit of the company's. If the hazard of the customer's
    own curve after the horizon is lower, it is that one, reduced by half the distance between the
    company's limits in logarithms.
    """
    survival = curve.survival(probability, np.full(len(probability), row))
    at_horizon = np.maximum(survival[:, curve.horizon], 1e-12)
    at_end = np.maximum(survival[:, -1], 1e-12)
    after = (survival[:, curve.horizon + 1 :] + survival[:, curve.horizon : -1]).sum(axis=1) / 2
    rate = np.full(len(probability), max(curve.lowest_rate, 1.0 / LONGEST))
    if curve.months > curve.horizon:
        own = np.log(at_horizon / at_end) / (curve.months - curve.horizon)
        rate = np.minimum(rate, own * np.sqrt(curve.lowest_rate / curve.monthly_rate))
    months = curve.horizon + (after + at_end / np.maximum(rate, 1.0 / LONGEST)) / at_horizon
    return np.asarray(np.minimum(months, LONGEST), dtype=np.float64)
