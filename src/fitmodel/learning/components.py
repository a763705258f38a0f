"""The components that a scorecard may be a weighted sum of.

A component fits a sample and returns an additive model and its bootstrap replicates. To add one,
write a class like those here and add it to `COMPONENTS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from fitmodel.exceptions import SpecError
from fitmodel.learning._additive import Additive
from fitmodel.learning._logistic import as_tables, observed_information, prior_step
from fitmodel.learning._posterior import (
    as_additive,
    draws,
    fit_strengths,
    prior_tables,
    weights_of,
)
from fitmodel.learning.boosted import BoostingOptions, fit_boosting, with_level_scatter
from fitmodel.learning.imputation import Imputed, Make, iterate
from fitmodel.learning.proportional_odds import Floats, FollowUp
from fitmodel.learning.settings import LearnerOptions, ReplicateSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fitmodel.learning._design import Design

OUT_OF_BAG = -1  # the deal is not in the replicate; boosting uses it to decide when to stop
REPLICATE_ROUNDS = 30  # with half the deals young, 8 gave three quarters of the scatter
REPLICATE_TOLERANCE = 2e-3
# Of the effects' prior, over that of the penalty. The penalty is right for their average, but some
# attributes say much and most say nothing: where deals are few, an effect that is large is drawn
# together too much. Chosen over the laws of benchmarks/known_truth.py (docs/concepts/learning.md).
PRIOR_SPREAD = 2.0


@dataclass(frozen=True, eq=False)
class Sample:
    """Training data of the components.

    Parameters
    ----------
    follow_up : FollowUp
        What was seen of each deal.
    imputed : Imputed
        Design, soft labels and weights.
    counts : ndarray of int8, shape (n, replicates)
        How often each bootstrap replicate holds each deal; `OUT_OF_BAG` where it does not, 0 where
        the deal is not even among those that it resamples.
    """

    follow_up: FollowUp
    imputed: Imputed
    counts: NDArray[np.int8]

    def of_replicate(self, number: int) -> tuple[FollowUp, Floats, Floats]:
        """Follow-up with the weights of a replicate, linear matrix, and log-odds to begin with."""
        times = self.counts[:, number]
        follow_up = self.follow_up.weighted(self.follow_up.weight * np.maximum(times, 0))
        if (times != 0).all():
            return follow_up, self.imputed.matrix, self.imputed.log_odds
        used = times > 0
        return follow_up.subset(used), self.imputed.matrix[used], self.imputed.log_odds[used]


class Component(Protocol):
    """A part of the scorecard."""

    def fit(
        self, sample: Sample, settings: Settings, options: LearnerOptions
    ) -> tuple[Additive, Additive]:
        """Fit tables for ``sample.imputed.design``: the model itself, and one per replicate."""


class Logistic:
    """Ridge logistic regression."""

    def fit(
        self, sample: Sample, settings: Settings, options: LearnerOptions
    ) -> tuple[Additive, Additive]:
        """The ridge regression that gave the soft labels, and refits on resampled deals.

        Each replicate gives the young deals their chances anew: what is not known of their labels
        is part of its scatter.
        """
        imputed = sample.imputed
        directions = options.directions(imputed.design.columns)
        generator = np.random.default_rng(options.seed)
        fits = []
        for number in range(sample.counts.shape[1]):
            own = _of_replicate(settings, number)
            follow_up, matrix, log_odds = sample.of_replicate(number)
            fit = iterate(
                _always(imputed.design, matrix),
                follow_up,
                own.penalty,
                directions,
                log_odds,
                max_rounds=REPLICATE_ROUNDS,
                tolerance=REPLICATE_TOLERANCE,
            )
            information = observed_information(fit.early_churn, fit.weight, fit.log_odds)
            step = prior_step(
                matrix,
                information,
                penalty=own.penalty,
                spread=PRIOR_SPREAD,
                generator=generator,
            )
            fits.append(fit.coefficients + step)
        point = as_tables(imputed.design, [imputed.coefficients])
        return point, as_tables(imputed.design, fits) if fits else point


def _always(design: Design, matrix: Floats) -> Make:
    """Same design and linear matrix whatever the labels."""
    return lambda _labels, _weight: (design, matrix)


class Boosted:
    """Explainable boosting on the soft labels."""

    def fit(
        self, sample: Sample, settings: Settings, options: LearnerOptions
    ) -> tuple[Additive, Additive]:
        """Mean of the replicates, and each of them."""
        imputed = sample.imputed
        columns = imputed.design.columns
        boosting = BoostingOptions(
            pairs=min(settings.pairs, len(columns) * (len(columns) - 1) // 2),
            monotone=options.directions(columns),
            seed=options.seed,
            threads=options.threads,
        )
        replicates = fit_boosting(
            imputed.design, imputed.early_churn, imputed.weight, sample.counts, boosting
        )
        scattered = with_level_scatter(replicates, imputed.design, options.seed)
        return replicates.mean(), scattered


class Posterior:
    """Ridge regression averaged over its penalty, for few early churners."""

    def fit(
        self,
        sample: Sample,
        settings: Settings,  # noqa: ARG002 - as of Component
        options: LearnerOptions,
    ) -> tuple[Additive, Additive]:
        """The mean over strengths, and draws from the posterior in the place of replicates."""
        imputed = sample.imputed
        strengths = fit_strengths(imputed, sample.follow_up, options)
        weights = weights_of(strengths)
        priors = prior_tables(imputed.design, options)
        fits = [(each.penalty, each.fit.coefficients) for each in strengths]
        point = as_additive(imputed.design, priors, fits).averaged(weights)
        drawn = draws(strengths, weights, sample.counts.shape[1], options)
        return point, as_additive(imputed.design, priors, drawn) if drawn else point


COMPONENTS: Mapping[str, Component] = {
    "logistic": Logistic(),
    "boosted": Boosted(),
    "posterior": Posterior(),
}


def check_components(names: tuple[str, ...]) -> None:
    """Refuse components that do not exist.

    Raises
    ------
    SpecError
        Naming them, and those that do exist.
    """
    unknown = [name for name in names if name not in COMPONENTS]
    if unknown:
        raise SpecError(
            f"[learning] components names {unknown}, which do not exist; there are "
            f"{sorted(COMPONENTS)}"
        )


def bootstrap_counts(
    n_deals: int, replicates: int, seed: int, size: int | None = None
) -> NDArray[np.int8]:
    """How often each replicate draws each deal, shape (deals, replicates).

    Parameters
    ----------
    n_deals, replicates, seed : int
    size : int, optional
        Each replicate resamples so many deals of its own; the others count 0 in it. Default: all.
    """
    generator = np.random.default_rng(seed)
    size = n_deals if size is None else min(size, n_deals)
    counts = np.zeros((n_deals, replicates), dtype=np.int8)
    for number in range(replicates):
        own = np.arange(n_deals)
        if size < n_deals:
            own = generator.choice(own, size, replace=False)
        drawn = np.bincount(generator.integers(0, size, size), minlength=size).astype(np.int8)
        counts[own, number] = np.where(drawn == 0, OUT_OF_BAG, drawn)
    return counts


def _of_replicate(settings: Settings, number: int) -> ReplicateSettings:
    drawn: tuple[ReplicateSettings, ...] = settings.replicates
    return drawn[number % len(drawn)] if drawn else ReplicateSettings(settings.penalty)


def replicate_slopes(settings: Settings, replicates: int) -> Floats:
    """Factor on each replicate's log-odds, shape (replicates,)."""
    own = [_of_replicate(settings, number) for number in range(replicates)]
    plain = settings.slope if not settings.replicates else None
    return np.array([plain if plain is not None else item.slope for item in own])
