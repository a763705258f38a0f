"""
Expected early churn of every deal, whoever signs it.

deals -> models that know no rep -> a probability per deal from a fit that did not see it
                                 -> and one from a fit that saw no deal of its rep
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from fitmodel.deals.history import view_of
from fitmodel.learning.learner import cross_fitted, learn
from fitmodel.sales._over_reps import predict_over_reps
from fitmodel.sales.people import people_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView

N_REPLICATES = 2  # no interval of a probability is asked for


@dataclass(frozen=True, eq=False)
class Expected:
    """
    Expected probabilities of early churn.

    Parameters
    ----------
    probability : Series of float
        From a fit that saw neither the deal nor any rep's name.
    over : dict of str to Series of float
        By "rep" and "team": from a fit that saw no deal of the same rep (or team), on the same
        level.
    """

    probability: pd.Series[float]
    over: dict[str, pd.Series[float]] = field(default_factory=dict)


def compute_expected(
    deals: pd.DataFrame | HistoryView, spec: DealSpec, *, by: Sequence[str] = ("rep",)
) -> Expected:
    """
    Compute what early churn such customers give, with and without the rep's own deals.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        As read by ``read_deals``.
    spec : DealSpec
    by : sequence of {"rep", "team"}
        Whose deals are left out in turn.

    Returns
    -------
    Expected

    Raises
    ------
    DealsError
        If there are too few early churners to learn from.

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(800, seed=1)
    >>> expected = compute_expected(sim.deals, sim.spec)
    >>> sorted(expected.over), bool(expected.over["rep"].between(0, 1).all())
    (['rep'], True)
    """
    people = tuple(name for name in (spec.deals.rep, spec.deals.team) if name is not None)
    blind = _without(spec, people)
    view = view_of(deals, blind)
    learned = learn(view, blind, replicates=N_REPLICATES)
    every = view.attributes(learned.training_set.dates).frame
    result = pd.Series(learned.estimator.predict_proba(every)[:, 1], index=view.index)
    own = cross_fitted(learned.training_set, blind, learned.choice, drop=people)
    result.loc[own.index] = own
    over = {
        name: predict_over_reps(view, blind, learned, people_in(view.deals, spec, name), result)
        for name in by
    }
    return Expected(result, over)


def expected_probabilities(deals: pd.DataFrame | HistoryView, spec: DealSpec) -> pd.Series[float]:
    """
    Return the probability of early churn of every deal, from a fit that saw neither it nor any rep.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        As read by ``read_deals``.
    spec : DealSpec

    Returns
    -------
    Series of float
        Cross-fitted for deals that are learned from; the others, whose outcome no fit has seen,
        from the fit on all of these.

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


def _without(spec: DealSpec, people: tuple[str, ...]) -> DealSpec:
    """Take people out of the attributes, where the contract has let them in by name."""
    named = spec.attributes.include
    if named is None:
        return spec  # a role is no attribute unless told
    return spec.replace(attributes={"include": [name for name in named if name not in people]})
