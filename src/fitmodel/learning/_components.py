"""The components of the scorecard, which is their weighted sum.

A component fits a sample and returns an additive model and its bootstrap replicates. To add one,
write a class like those here and add it to `COMPONENTS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from fitmodel.exceptions import SpecError
from fitmodel.learning._additive import Additive, BoostingOptions, fit_boosting, with_level_errors
from fitmodel.learning._imputation import Imputed, MakeDesign, run_em
from fitmodel.learning._logistic import as_tables, observed_information, prior_step
from fitmodel.learning._posterior import (
    as_additive,
    fit_strengths,
    posterior_draws,
    posterior_weights,
    prior_tables,
)
from fitmodel.learning._proportional_odds import Floats, FollowUp
from fitmodel.learning.settings import LearnerOptions, ReplicateSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from fitmodel.deals.contract import DealSpec
    from fitmodel.learning._design import Design

OUT_OF_BAG = -1  # the deal is not in the replicate; boosting uses it as validation set
REPLICATE_ROUNDS = 30  # where half the deals are young, 8 gave three quarters of the deviation
REPLICATE_TOLERANCE = 2e-3
# Standard deviation of the random prior mean in `prior_step`, relative to the one that the penalty
# implies. The penalty fits the average effect, but a few attributes have large effects and most
# have none: with few deals a large effect is shrunk too much. The value was chosen on the simulated
# laws of benchmarks/known_truth.py (docs/concepts/learning.md).
PRIOR_SPREAD = 2.0


@dataclass(frozen=True, eq=False)
class Sample:
    """Training data of the components.

    `imputed`: design, soft labels and weights.
    `counts`, ndarray of int8, shape (n, replicates): how often each bootstrap replicate contains
        each deal. `OUT_OF_BAG` where it does not contain the deal; 0 where the deal is not among
        those that the replicate resamples.
    """

    follow_up: FollowUp
    imputed: Imputed
    counts: NDArray[np.int8]

    def of_replicate(self, number: int) -> tuple[FollowUp, Floats, Floats]:
        """Follow-up with the weights of a replicate, linear matrix, and initial log-odds."""
        times = self.counts[:, number]
        follow_up = self.follow_up.weighted(self.follow_up.weight * np.maximum(times, 0))
        if (times != 0).all():
            return follow_up, self.imputed.matrix, self.imputed.log_odds
        used = times > 0
        return follow_up.subset(used), self.imputed.matrix[used], self.imputed.log_odds[used]


class Component(Protocol):
    """A model that can be a part of the scorecard."""

    def fit(
        self, sample: Sample, settings: Settings, options: LearnerOptions
    ) -> tuple[Additive, Additive]:
        """Fit the point estimate and the bootstrap replicates, as tables over the codes."""


class Logistic:
    """Ridge logistic regression."""

    def fit(
        self, sample: Sample, settings: Settings, options: LearnerOptions
    ) -> tuple[Additive, Additive]:
        """Return the ridge regression that gave the soft labels, and refits on resampled deals.

        Each replicate imputes the soft labels of the young deals anew, so that the replicates also
        show the uncertainty about these labels.
        """
        imputed = sample.imputed
        directions = options.directions(imputed.design.columns)
        generator = np.random.default_rng(options.seed)
        fits = []
        for number in range(sample.counts.shape[1]):
            own = _settings_of_replicate(settings, number)
            follow_up, matrix, log_odds = sample.of_replicate(number)
            fit = run_em(
                _fixed(imputed.design, matrix),
                follow_up,
                own.penalty,
                directions,
                log_odds,
                max_rounds=REPLICATE_ROUNDS,
                tolerance=REPLICATE_TOLERANCE,
            )
            information = observed_information(fit.early_churn, fit.weight, fit.log_odds)
            step = prior_step(
                matrix, information, penalty=own.penalty, spread=PRIOR_SPREAD, generator=generator
            )
            fits.append(fit.coefficients + step)
        point = as_tables(imputed.design, [imputed.coefficients])
        return point, as_tables(imputed.design, fits) if fits else point


def _fixed(design: Design, matrix: Floats) -> MakeDesign:
    """Return a function that gives the same design and linear matrix for any labels."""
    return lambda _labels, _weight: (design, matrix)


class Boosted:
    """Explainable boosting, fitted to the soft labels."""

    def fit(
        self, sample: Sample, settings: Settings, options: LearnerOptions
    ) -> tuple[Additive, Additive]:
        """Return the mean of the bootstrap replicates, and the replicates themselves."""
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
        with_errors = with_level_errors(replicates, imputed.design, options.seed)
        return replicates.mean(), with_errors


class Posterior:
    """Ridge regression averaged over its penalties, for few early churners; see `_posterior`."""

    def fit(
        self,
        sample: Sample,
        settings: Settings,  # noqa: ARG002 - required by the protocol Component
        options: LearnerOptions,
    ) -> tuple[Additive, Additive]:
        """Return the weighted mean over strengths, and posterior draws instead of replicates."""
        imputed = sample.imputed
        strengths = fit_strengths(imputed, sample.follow_up, options)
        weights = posterior_weights(strengths)
        priors = prior_tables(imputed.design, options)
        fits = [(each.penalty, each.fit.coefficients) for each in strengths]
        point = as_additive(imputed.design, priors, fits).weighted_mean(weights)
        drawn = posterior_draws(strengths, weights, sample.counts.shape[1], options)
        return point, as_additive(imputed.design, priors, drawn) if drawn else point


COMPONENTS: Mapping[str, Component] = {
    "logistic": Logistic(),
    "boosted": Boosted(),
    "posterior": Posterior(),
}


def check_components(names: tuple[str, ...]) -> None:
    """Check that all components exist.

    Raises SpecError if one does not exist; the message names it and those that exist.
    """
    unknown = [name for name in names if name not in COMPONENTS]
    if unknown:
        raise SpecError(
            f"[learning] components names {unknown}, which do not exist; there are "
            f"{sorted(COMPONENTS)}"
        )


def check_learning(spec: DealSpec, deals: pd.DataFrame) -> None:
    """Check the names in ``[learning]``: components, and expected levels of the deals.

    Raises
    ------
    SpecError
        If a component does not exist, or no attribute of the deals has an expected level.
    """
    check_components(spec.learning.components)
    names = spec.attribute_names(deals.columns)
    for level in spec.learning.expect:
        if not any((deals[name].astype("str") == level).any() for name in names):
            raise SpecError(
                f"[learning.expect] {level!r} is a value of none of the {len(names)} attributes. "
                "Remedy: write a level as it stands in the deals, or take it out"
            )


def bootstrap_counts(
    n_deals: int, replicates: int, seed: int, size: int | None = None
) -> NDArray[np.int8]:
    """How often each bootstrap replicate contains each deal, shape (deals, replicates).

    Parameters
    ----------
    n_deals : int
        Number of deals.
    replicates : int
        Number of bootstrap replicates.
    seed : int
        Seed of the resampling.
    size : int, optional
        Number of deals that each replicate resamples, drawn without replacement; the others count 0
        in it. Default: all.
    """
    generator = np.random.default_rng(seed)
    size = n_deals if size is None else min(size, n_deals)
    counts = np.zeros((n_deals, replicates), dtype=np.int8)
    for number in range(replicates):
        sample = np.arange(n_deals)
        if size < n_deals:
            sample = generator.choice(sample, size, replace=False)
        drawn = np.bincount(generator.integers(0, size, size), minlength=size).astype(np.int8)
        counts[sample, number] = np.where(drawn == 0, OUT_OF_BAG, drawn)
    return counts


def _settings_of_replicate(settings: Settings, number: int) -> ReplicateSettings:
    drawn: tuple[ReplicateSettings, ...] = settings.replicates
    return drawn[number % len(drawn)] if drawn else ReplicateSettings(settings.penalty)


def replicate_slopes(settings: Settings, replicates: int) -> Floats:
    """Calibration slope of each replicate, shape (replicates,)."""
    if not settings.replicates:
        return np.full(replicates, settings.slope, dtype=np.float64)
    each = [_settings_of_replicate(settings, number) for number in range(replicates)]
    return np.array([item.slope for item in each])
