"""Months that a customer stays and pays, by its own risk instead of one lifetime for everybody.

churn curve -> months if it stays past the horizon, months if it leaves early, at some probabilities
            -> linear interpolation between them

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

    Raises
    ------
    SpecError
        If the knots do not increase from 0 to 1, or a number of months is missing, negative or not
        finite.
    """

    probability: tuple[float, ...]
    stays: tuple[float, ...]
    leaves: tuple[float, ...]

    def __post_init__(self) -> None:
        for name in ("probability", "stays", "leaves"):
            object.__setattr__(self, name, tuple(float(each) for each in getattr(self, name)))
        knots = self.probability
        rising = all(a < b for a, b in pairwise(knots))
        months = [*self.stays, *self.leaves]
        if len(knots) < 2 or not rising or knots[0] != 0 or knots[-1] != 1:  # noqa: PLR2004
            raise SpecError("own_months: the probabilities do not rise from 0 to 1")
        if len(months) != 2 * len(knots) or not all(0 <= each < np.inf for each in months):
            raise SpecError("own_months: a number of months is missing, negative or not finite")

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
        return cls(KNOTS, tuple(stays.tolist()), tuple(leaves.tolist()))

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
