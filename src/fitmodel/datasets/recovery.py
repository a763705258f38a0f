"""A company that comes to serve a group of customers whom it used to lose.

What a model that is obeyed cannot see for itself: the customers it flags are no longer signed, so
nobody finds out that they would now stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.datasets import _mechanism, _timeline
from fitmodel.datasets.simulation import simulate_deals

if TYPE_CHECKING:
    from fitmodel.deals.contract import DealSpec

ATTRIBUTES = 4  # segment, seats, annual value and lead source: enough for a flag, quick to learn
HORIZON = 3
ROUND_MONTHS = 3
HISTORY_MONTHS = 6


@dataclass(frozen=True)
class Recovery:
    """Everybody who asked this company for an offer, and what would come of it.

    Attributes
    ----------
    prospects : DataFrame of shape (n, columns)
        As `Simulation.deals` without `churned_on`: whether one becomes a deal is the model's doing.
    spec : DealSpec
        The contract of the deals.
    true_probability : Series of shape (n,)
        P(the customer leaves within the horizon), were it signed.
    true_churned_on : Series of shape (n,), datetime64
        The day on which it would leave.
    rounds : tuple of Timestamp
        First day of each round, and of the one after the last. Before the first of them everybody
        was signed.
    """

    prospects: pd.DataFrame
    spec: DealSpec
    true_probability: pd.Series[float]
    true_churned_on: pd.Series[Any]
    rounds: tuple[pd.Timestamp, ...]


def simulate_recovery(
    n_per_round: int = 1200,
    *,
    rounds: int = 10,
    seed: int = 0,
    excess: float = 1.6,
    recovers_over: int = 10,
) -> Recovery:
    """Simulate a company that recovers a group of customers, round by round.

    Parameters
    ----------
    n_per_round : int
        Prospects of a round of three months; there are two rounds' worth of deals before the first.
    rounds : int
    seed : int
    excess : float
        By how much more, in log-odds, customers of outbound sales risk to leave until the first
        round.
    recovers_over : int
        Rounds over which this excess falls to nothing, in a straight line; then it stays there.

    Notes
    -----
    Everything else follows the law of `simulate_deals`, with its first four attributes and without
    effects of the reps.
    """
    months = HISTORY_MONTHS + rounds * ROUND_MONTHS
    sim = simulate_deals(
        n_per_round * months // ROUND_MONTHS, seed=seed, months=months, horizon_months=HORIZON,
        n_attributes=ATTRIBUTES, base_rate=0.2, rep_effects=False, rep_selection=False,
    )  # fmt: skip
    days = _first_days(pd.Timestamp(str(sim.company.last)), rounds)
    closed_on = sim.deals["closed_on"]
    gone_by = (closed_on - days[0]) / (days[recovers_over] - days[0])
    left_of_it = excess * np.clip(1 - gone_by, 0, 1)
    outbound = sim.deals["lead_source"] == "outbound"
    log_odds = sim.true_log_odds + outbound * left_of_it
    probability = _mechanism.probability(log_odds.to_numpy())
    left_on = _timeline.churn_dates(
        closed_on.to_numpy().astype("datetime64[D]"), probability, HORIZON, seed
    )
    return Recovery(
        sim.deals.drop(columns="churned_on"),
        sim.spec,
        pd.Series(probability, name="true_probability"),
        pd.Series(left_on.astype("datetime64[us]"), name="true_churned_on"),
        days,
    )


def _first_days(last: pd.Timestamp, rounds: int) -> tuple[pd.Timestamp, ...]:
    """Of each round, and the day after the last; `last` ends a month."""
    after = last + pd.Timedelta(days=1)
    return tuple(
        after - pd.DateOffset(months=ROUND_MONTHS * back) for back in range(rounds, -1, -1)
    )
