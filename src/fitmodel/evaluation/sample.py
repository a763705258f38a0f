"""Outcomes, probabilities and weights of deals as arrays, checked once for all metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from collections.abc import Iterator

Vector: TypeAlias = npt.NDArray[np.float64]
Matrix: TypeAlias = npt.NDArray[np.float64]

SMALLEST = float(np.finfo(np.float64).eps)
"""Minimum distance of probabilities from 0 and 1 before a logarithm, as in scikit-learn."""

CHUNK_CELLS = 500_000
"""Approximate size of a chunk of resamples, in numbers (4 MB), so that it fits in the cache."""


@dataclass(frozen=True)
class Sample:
    """Deals with a known outcome, riskiest first.

    The deals are sorted by probability (descending), then outcome, weight and reference, so that no
    result depends on the order in which the rows were given, not even in the last bit.

    Parameters
    ----------
    outcome, probability, weight, reference
        Arrays of shape (n,). `reference` holds the probabilities to compare with: those of
        another model, or the base rate.
    tie_starts
        Index of the first deal of each run of equal probabilities.
    """

    outcome: Vector
    probability: Vector
    weight: Vector
    reference: Vector
    tie_starts: npt.NDArray[np.intp]

    @classmethod
    def of(
        cls,
        y: npt.ArrayLike,
        p: npt.ArrayLike,
        weight: npt.ArrayLike | None = None,
        reference: npt.ArrayLike = 0.5,
    ) -> Sample:
        """Check and sort the arrays; deals of weight 0 (outcome unknown) are left out.

        Raises
        ------
        DealsError
            If lengths differ, an outcome is not 0 or 1, a probability is outside 0 to 1, a weight
            is negative or not finite, or no deal is left.
        """
        outcome, probability, weights, base_rate = aligned(y, p, weight, reference)
        _check(weights, (weights >= 0) & np.isfinite(weights), "weight", "0 or more and finite")
        known = weights > 0
        outcome, probability = outcome[known], probability[known]
        weights, base_rate = weights[known], base_rate[known]
        if len(outcome) == 0:
            raise DealsError("There is no deal with a known outcome to evaluate the model on.")
        _check(outcome, (outcome == 0) | (outcome == 1), "outcome", _OUTCOME_RULE)
        _check(probability, (probability >= 0) & (probability <= 1), "probability", "from 0 to 1")
        _check(base_rate, (base_rate >= 0) & (base_rate <= 1), "base rate", "from 0 to 1")
        order = np.lexsort((base_rate, weights, outcome, -probability))
        ordered = probability[order]
        starts = np.flatnonzero(np.r_[True, np.diff(ordered) != 0])
        return cls(outcome[order], ordered, weights[order], base_rate[order], starts)

    def __len__(self) -> int:
        """Count the deals."""
        return len(self.outcome)

    def require_both(self) -> Sample:
        """Return the sample; raise DealsError if all deals have the same outcome."""
        churners = int(self.outcome.sum())
        if churners in {0, len(self)}:
            missing = "early churner" if churners == 0 else "customer that stayed"
            raise DealsError(
                f"{len(self)} deals with a known outcome, {churners} of them early churners: "
                f"there is no {missing}, so the model cannot be evaluated. Evaluate it on more "
                "or older deals, or choose another horizon."
            )
        return self

    def per_tie(self, values: Matrix) -> Matrix:
        """Sum the last axis over runs of equal probability: (..., n) -> (..., ties)."""
        if len(self.tie_starts) == len(self):
            return values
        summed: Matrix = np.add.reduceat(values, self.tie_starts, axis=-1)
        return summed

    def resamples(self, n_boot: int, seed: int) -> Iterator[Matrix]:
        """Draw deals with replacement `n_boot` times; each draw is a row of weights.

        A draw without both outcomes is left out because ranking metrics are not defined for it, so
        there may be fewer than `n_boot` rows. The censoring weights are treated as known.

        Yields
        ------
        Matrix
            Weight x number of times drawn, of shape (a chunk of draws, n).
        """
        random, count = np.random.default_rng(seed), len(self)
        rows = max(4, CHUNK_CELLS // count)
        for start in range(0, n_boot, rows):
            chunk_rows = min(rows, n_boot - start)
            drawn = random.integers(0, count, size=(chunk_rows, count))
            drawn += np.arange(chunk_rows)[:, None] * count
            times = np.bincount(drawn.ravel(), minlength=chunk_rows * count).reshape(
                chunk_rows, count
            )
            churners = times @ self.outcome
            yield times[(churners > 0) & (churners < count)] * self.weight


_OUTCOME_RULE = "0 or 1 (leave out deals whose outcome is unknown: it is not a 0)"


def aligned(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    weight: npt.ArrayLike | None,
    reference: npt.ArrayLike = 0.5,
) -> tuple[Vector, Vector, Vector, Vector]:
    """Return outcomes, probabilities, weights and references as arrays of one number per deal."""
    outcome = np.asarray(y, dtype=np.float64)
    inputs = {"p": p, "weight": 1.0 if weight is None else weight, "base rate": reference}
    arrays = {name: np.asarray(values, dtype=np.float64) for name, values in inputs.items()}
    for name, values in arrays.items():
        if values.shape != outcome.shape and not (values.ndim == 0 and name != "p"):
            raise DealsError(
                f"{name} has shape {values.shape} and y has shape {outcome.shape}: "
                "give one number per deal."
            )
    p, weight, base_rate = (np.broadcast_to(values, outcome.shape) for values in arrays.values())
    return outcome, p, weight, base_rate


def _check(values: Vector, is_valid: npt.NDArray[np.bool_], name: str, rule: str) -> None:
    if not is_valid.all():
        first = int(np.argmin(is_valid))
        raise DealsError(
            f"{int((~is_valid).sum())} of {len(values)} values of {name} are wrong (the first is "
            f"{values[first]}, at position {first}): each must be {rule}."
        )
