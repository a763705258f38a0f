"""Similar deals have similar contributions and known outcomes."""

from __future__ import annotations

import numpy as np
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.outcomes import outcomes
from fitmodel.exceptions import DealsError
from fitmodel.model.similar_deals import PastDeals, contributions


@pytest.fixture(scope="module")
def past(model, simulation) -> PastDeals:
    return PastDeals(model, simulation.deals, simulation.spec)


def test_contributions_add_up_to_the_log_odds_before_calibration(model, simulation) -> None:
    points = contributions(model, simulation.deals)
    probability = model.predict(simulation.deals, reasons=0)["early_churn_probability"]
    own = model.scorecard.calibration.probability(model.scorecard.baseline + points.sum(axis=1))
    np.testing.assert_allclose(own, probability, atol=1e-12)


def test_a_past_deal_is_most_similar_to_itself(past, simulation) -> None:
    churn = outcomes(simulation.deals, simulation.spec)["early_churn"]
    for position in churn.index[churn.notna()][:20]:
        result = past.like(simulation.deals.loc[position].to_dict(), n=5)
        assert result.deals["distance"].iloc[0] == pytest.approx(0.0, abs=1e-12)
        assert result.deals["distance"].is_monotonic_increasing


def test_the_outcomes_of_similar_deals_are_known_and_counted(past, simulation) -> None:
    result = past.like(simulation.deals.iloc[-1].to_dict(), n=50)
    churn = outcomes(simulation.deals, simulation.spec)["early_churn"].loc[result.deals.index]
    assert churn.notna().all()
    assert result.known == 50
    assert result.left == churn.sum()
    assert result.low < result.left / 50 < result.high
    assert f"Of the 50 most similar deals {result.left} left within 5 months" in str(result)
    assert f"有 {result.left} 个在 5 个月内流失" in result.in_words("zh")


def test_young_deals_are_left_out_even_if_they_left(past, simulation) -> None:
    # among deals younger than the horizon only early churners have a label: keeping them would
    # make every share too high
    result = outcomes(simulation.deals, simulation.spec)
    young = result.index[~result["mature"]]
    assert result.loc[young, "early_churn"].eq(1.0).sum() > 5
    everyone = past.like(simulation.deals.iloc[0].to_dict(), n=len(simulation.deals))
    assert not everyone.deals.index.isin(young).any()
    mature = result[result["mature"] & result["early_churn"].notna()]
    assert everyone.left / everyone.known == pytest.approx(mature["early_churn"].mean())


def test_deals_similar_to_risky_prospects_left_more_often(past, model) -> None:
    fresh = simulate_deals(600, seed=9).deals
    risk = model.predict(fresh, reasons=0)["early_churn_probability"].sort_values()
    low, high = (
        np.mean([past.like(fresh.loc[position].to_dict()).left for position in positions])
        for positions in (risk.index[:25], risk.index[-25:])
    )
    assert high > 3 * low


def test_the_order_of_past_deals_does_not_matter(past, model, simulation) -> None:
    turned = PastDeals(model, simulation.deals.iloc[::-1], simulation.spec)
    prospect = simulation.deals.iloc[-1].to_dict()
    first, second = (one.like(prospect, n=30).deals["distance"] for one in (past, turned))
    np.testing.assert_allclose(first.to_numpy(), second.to_numpy())


def test_past_deals_without_known_outcomes_are_refused(model, simulation) -> None:
    young = simulation.deals.tail(5).assign(churned_on=None)
    young["churned_on"] = young["churned_on"].astype("datetime64[ns]")
    with pytest.raises(DealsError, match="none of the 5 deals has a known outcome and was"):
        PastDeals(model, young, simulation.spec)
