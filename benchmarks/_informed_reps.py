"""A simulated company whose reps know something of their prospects that no table holds.

Where a model flags, they sign only those they know better of. So the deals that are signed against
the flag are not like those that are declined, and a model that learns from them alone thinks ever
better of whom it flags: selective labels (Lakkaraju et al. 2017, The selective labels problem).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import expit

from fitmodel.datasets.mechanism import churn_dates
from fitmodel.datasets.simulation import simulate_deals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec

ATTRIBUTES = 4  # segment, seats, annual value and lead source: enough for a flag, quick to learn
HORIZON = 3
ROUND_MONTHS = 3
HISTORY_MONTHS = 6
NODES = 40  # of the integral over what the reps know


@dataclass(frozen=True)
class Company:
    """Everybody who asked this company for an offer, and what would come of it.

    Attributes
    ----------
    prospects : DataFrame of shape (n, columns)
        As `Simulation.deals` without `churned_on`: whether one becomes a deal is the model's doing.
    spec : DealSpec
        The contract of the deals.
    true_probability : Series of shape (n,)
        P(the customer leaves within the horizon | attributes), were it signed: what an ideal model
        would say.
    known_probability : Series of shape (n,)
        The same given what the rep knows as well.
    true_churned_on : Series of shape (n,), datetime64
        The day on which it would leave.
    rounds : tuple of Timestamp
        First day of each round, and of the one after the last. Before the first of them everybody
        was signed.
    """

    prospects: pd.DataFrame
    spec: DealSpec
    true_probability: pd.Series[float]
    known_probability: pd.Series[float]
    true_churned_on: pd.Series[Any]
    rounds: tuple[pd.Timestamp, ...]


def simulate_company(
    n_per_round: int = 800, *, rounds: int = 10, seed: int = 0, insight: float = 1.2
) -> Company:
    """Simulate everybody who asks for an offer, round by round.

    Parameters
    ----------
    n_per_round : int
        Prospects of a round of three months; there are two rounds' worth of deals before the first.
    rounds : int
    seed : int
    insight : float
        Standard deviation, in log-odds, of what the reps know; 0: nothing.

    Notes
    -----
    The law is that of `simulate_deals`, with twice the effects of its first four attributes and
    none of the reps; it does not move. What a rep knows of a prospect is a normal draw, added to
    the log-odds and independent of the attributes, so that the truth given the attributes is its
    integral (Gauss-Hermite).
    """
    months = HISTORY_MONTHS + rounds * ROUND_MONTHS
    sim = simulate_deals(
        n_per_round * months // ROUND_MONTHS,
        seed=seed,
        months=months,
        horizon_months=HORIZON,
        n_attributes=ATTRIBUTES,
        base_rate=0.15,
        signal=2.0,  # as much as all sixteen attributes would say
        rep_effects=False,
        rep_selection=False,
    )
    log_odds = np.asarray(sim.true_log_odds, dtype=np.float64)
    known = insight * np.random.default_rng([seed, *b"insight"]).standard_normal(len(log_odds))
    probability = expit(log_odds + known)
    closed_on = sim.deals["closed_on"].to_numpy().astype("datetime64[D]")
    left_on = churn_dates(closed_on, probability, HORIZON, seed)
    return Company(
        sim.deals.drop(columns="churned_on"),
        sim.spec,
        pd.Series(_without_insight(log_odds, insight), name="true_probability"),
        pd.Series(probability, name="known_probability"),
        pd.Series(left_on.astype("datetime64[us]"), name="true_churned_on"),
        _first_days(pd.Timestamp(str(sim.company.last)), rounds),
    )


def _without_insight(log_odds: NDArray[np.float64], insight: float) -> NDArray[np.float64]:
    """Mean probability over what the reps know."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    shifted = expit(log_odds[:, None] + insight * nodes)
    mean: NDArray[np.float64] = shifted @ (weights / weights.sum())
    return mean


def _first_days(last: pd.Timestamp, rounds: int) -> tuple[pd.Timestamp, ...]:
    """Of each round, and the day after the last; `last` ends a month."""
    after = last + pd.Timedelta(days=1)
    return tuple(
        after - pd.DateOffset(months=ROUND_MONTHS * back) for back in range(rounds, -1, -1)
    )
