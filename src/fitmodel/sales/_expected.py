"""Expected early churn of every deal, from models that saw neither the deal nor any rep's name.

deals -> a probability per deal from a fit that did not see the deal
reps  -> and one from a fit that saw no deal of the rep who signed it, see `_over_reps`
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.history import view_of
from fitmodel.decision.own_months import OwnMonths
from fitmodel.learning.curve_fitting import fit_curve
from fitmodel.learning.learner import CROSS_FIT_FOLDS, fit_estimator, learn
from fitmodel.learning.settings import LearnerOptions, native_threads
from fitmodel.learning.stages import random_folds
from fitmodel.pooling import with_prior
from fitmodel.sales._over_reps import predict_over_reps
from fitmodel.sales._sample import choose_ridge, draw_samples, fit_on_sample, is_large
from fitmodel.sales.people import people_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.deals.training_set import TrainingSet
    from fitmodel.learning.classifier import ProspectFitClassifier
    from fitmodel.learning.settings import Choice

    Floats = NDArray[np.float64]

N_REPLICATES = 2  # few, because no interval of a probability is needed

Fit = tuple["ProspectFitClassifier", "pd.Index[Any]"]


@dataclass(frozen=True, eq=False)
class Expected:
    """Expected probabilities of early churn.

    Parameters
    ----------
    probability : Series of float
        Probability of each deal, from a fit that saw neither the deal nor any rep's name.
    over : dict of str to Series of float
        Probabilities by "rep" and "team", from fits that saw no deal of the same rep (or team), on
        the same level.
    draws : dict of str to DataFrame
        Expected number of early churners of each rep (or team) by bootstrap replicates of these
        fits, a column each: how far it could be off, because the other reps signed few deals like
        those of the rep. NaN where the others have too few early churners to learn from. The scale
        is the same for all reps, but not that of the observed numbers.
    fits : tuple of (ProspectFitClassifier, Index)
        The fits behind `probability`, each with the deals that it predicts.
    sampled : int or None
        Number of deals from which the effects of attributes were learned, if the table is so large
        that samples were drawn; else None.
    """

    probability: pd.Series[float]
    over: dict[str, pd.Series[float]] = field(default_factory=dict)
    draws: dict[str, pd.DataFrame] = field(default_factory=dict)
    fits: tuple[Fit, ...] = ()
    sampled: int | None = None


def compute_expected(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    *,
    by: Sequence[str] = ("rep",),
    replicates: int | None = N_REPLICATES,
) -> Expected:
    """Compute the expected early churn of every deal, with and without the deals of its rep.

    Parameters
    ----------
    by : sequence of {"rep", "team"}
        Roles whose members' deals are left out in turn.
    replicates : int or None
        Bootstrap replicates of the fits, if intervals are needed later; None for the number in the
        contract.

    Returns
    -------
    Expected

    Raises
    ------
    DealsError
        If there are too few early churners to learn from.
    BundleError
        If the contract's prior cannot be read.

    Notes
    -----
    Fits use the contract's prior, as the model that is shipped does; fits on samples do not,
    because the prior has little weight with so many deals. In a table of more than
    `fitmodel.sales._sample.SAMPLE_DEALS` deals, two fits on samples that share no deal replace the
    five folds: the second predicts the deals of the first sample, and the first predicts all
    others. Their level is that of all deals.

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(800, seed=1)
    >>> expected = compute_expected(sim.deals, sim.spec)
    >>> sorted(expected.over), bool(expected.over["rep"].between(0, 1).all())
    (['rep'], True)
    """
    spec_without_people = without_people(spec)
    view = view_of(deals, spec_without_people)
    spec_without_people = with_prior(spec_without_people, view.deals)
    training_set = view.training_set()
    large = is_large(len(training_set))
    learn_fits = _fits_of_samples if large else _fits_of_folds
    choice, fits, learned_from = learn_fits(view, spec_without_people, training_set, replicates)
    attributes = view.attributes(training_set.dates).frame
    result = pd.Series(np.nan, index=view.index)
    for fit, predicted in fits:
        if len(predicted):
            result.loc[predicted] = fit.predict_proba(attributes.loc[predicted])[:, 1]
    over, draws = {}, {}
    for name in by:
        who = people_in(view.deals, spec, name)
        over[name], draws[name] = predict_over_reps(
            view, spec_without_people, choice, learned_from, who, result
        )
    return Expected(result, over, draws, fits, len(learned_from) if large else None)


def _fits_of_folds(
    view: HistoryView, spec: DealSpec, training_set: TrainingSet, replicates: int | None
) -> tuple[Choice, tuple[Fit, ...], TrainingSet]:
    """Return settings, a fit for each fold of all deals, and the deals learned from."""
    learned = learn(view, spec, replicates=replicates)
    options = LearnerOptions.from_spec(spec, training_set.dates)
    fits: list[Fit] = [(learned.estimator, view.index.difference(training_set.index))]
    with native_threads(options.threads):
        fits += [
            (
                fit_estimator(fold.train, learned.choice, options, replicates=replicates),
                fold.test.index,
            )
            for fold in random_folds(training_set, seed=spec.learning.seed, n_folds=CROSS_FIT_FOLDS)
        ]
    return learned.choice, tuple(fits), training_set


def _fits_of_samples(
    view: HistoryView, spec: DealSpec, training_set: TrainingSet, replicates: int | None
) -> tuple[Choice, tuple[Fit, ...], TrainingSet]:
    """Return settings, a fit for each of two samples with the level of all, and both samples."""
    first, second = draw_samples(training_set, seed=spec.learning.seed)
    choice = choose_ridge(training_set.subset(first), spec)
    fits = [
        fit_on_sample(training_set, chosen, spec, choice, view, replicates=replicates)
        for chosen in (first, second)
    ]
    first_index = training_set.index[first]
    predicted = (view.index.difference(first_index, sort=False), first_index)
    sampled = np.sort(np.concatenate([first, second]))
    return choice, tuple(zip(fits, predicted, strict=True)), training_set.subset(sampled)


def own_months_of(view: HistoryView, spec: DealSpec, expected: Expected) -> OwnMonths | None:
    """Return how long customers stay given their expected early churn; None if the tail is unknown.

    `view`: view of the deals for which `expected` was computed.
    """
    known = view.training_set()
    probability = np.asarray(expected.probability.reindex(known.index), dtype=np.float64)
    factor = expected.fits[-1][0].level_.factor if expected.fits else 1.0
    curve = fit_curve(known, probability, spec.label.horizon_months, factor=factor)
    return OwnMonths.of(curve)


def expected_probabilities(deals: pd.DataFrame | HistoryView, spec: DealSpec) -> pd.Series[float]:
    """
    Return the probability of early churn of every deal, from a fit that saw neither it nor any rep.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        Past deals, as read by ``read_deals``.
    spec : DealSpec
        Contract of the deals.

    Returns
    -------
    Series of float
        Cross-fitted for the deals used for learning; for the other deals, whose outcome no fit has
        seen, from the fit on all deals used for learning.

    Raises
    ------
    DealsError
        If there are too few early churners to learn from.

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(800, seed=1)
    >>> p = expected_probabilities(sim.deals, sim.spec)
    >>> bool(p.between(0, 1).all())
    True
    """
    return compute_expected(deals, spec, by=()).probability


def without_people(spec: DealSpec) -> DealSpec:
    """Return the contract without rep and team among the attributes that it includes by name."""
    people = (spec.deals.rep, spec.deals.team)
    named = spec.attributes.include
    if named is None or not any(name in people for name in named):
        return spec  # a role is no attribute unless it is included by name
    return spec.replace(attributes={"include": [name for name in named if name not in people]})
