"""Example money and its consequences; durations from the survival curve against known truth."""

from __future__ import annotations

import math
import tomllib

import numpy as np
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.survival import kaplan_meier
from fitmodel.decision.money_settings import (
    EXAMPLE_MONEY,
    estimate_lifetime,
    estimate_months_until_early_churn,
    money_consequences,
    suggested_money,
)
from fitmodel.guessing.guess import guess_spec

NO_MONEY = dict.fromkeys(
    ("acquisition_cost", "onboarding_cost", "support_cost_per_month", "commission_rate"), 0.0
) | {"gross_margin": None, "expected_lifetime_months": None, "policy": None}


@pytest.fixture(scope="module")
def simulation():
    return simulate_deals(600, seed=1)


def test_init_writes_the_example_money(simulation):
    toml = guess_spec(simulation.deals.drop(columns=["rep"])).toml
    lines = toml.splitlines()
    start = next(position for position, line in enumerate(lines) if "EXAMPLE" in line)
    end = next(position for position, line in enumerate(lines) if position > start and not line)
    values = tomllib.loads("\n".join(line.removeprefix("# ") for line in lines[start + 1 : end]))
    assert values.pop("paid_upfront_months") == 0
    assert values == suggested_money() == dict(EXAMPLE_MONEY)


def test_with_the_example_money_all_usual_amounts_have_one_threshold(simulation):
    spec = simulation.spec.replace(decision=NO_MONEY)
    first, risk = money_consequences(simulation.deals, spec)
    assert first.startswith("Example money (gross_margin 0.75, commission_rate 0.1, ")
    assert "a deal of any usual amount loses money on average from an early-churn prob" in first
    assert risk.startswith('policy = "risk" flags from ')
    assert "By the money alone the flag would begin later for " in risk


def test_a_cost_per_deal_gives_a_small_and_a_big_deal_thresholds_of_their_own(simulation):
    first, *_ = money_consequences(simulation.deals, simulation.spec)
    assert ": at the median amount of " in first
    assert "(top tenth) at no early-churn probability" in first


def test_costs_per_deal_alone_give_a_note_on_deals_never_flagged(simulation):
    result = money_consequences(simulation.deals, simulation.spec)
    amounts = simulation.deals["annual_value"]
    (never,) = [text for text in result if "no deal loses money on average" in text]
    (small,) = [text for text in result if "whatever their risk, up to" in text]
    assert result[0].startswith("The contract's money: ")
    assert "write a cost as a share of the amount" in never
    flags = int(small.split(" flags ")[1].split(" of ")[0])
    assert flags == int((amounts < 650).sum())
    assert f"of {int(np.isfinite(amounts).sum()):,} past deals with an amount" in small


def test_without_an_amount_there_is_no_note(simulation):
    spec = simulation.spec.replace(deals={"amount": None}, decision=NO_MONEY)
    assert money_consequences(simulation.deals, spec) == ()


def watched(stay, until):
    """Return follow-up and whether the customer left, of customers watched for ``until`` months."""
    return np.minimum(stay, until), stay <= until


def exponential_curve(mean, until, n=4000, seed=0):
    random = np.random.default_rng(seed)
    stay = random.exponential(mean, n)
    return kaplan_meier(*watched(stay, random.uniform(0.0, until, n)))


def test_a_completely_observed_lifetime_is_the_mean():
    stay = np.random.default_rng(1).gamma(3.0, 6.0, 5000)
    curve = kaplan_meier(*watched(stay, np.full(5000, 200.0)))
    assert estimate_lifetime(curve) == pytest.approx(stay.mean(), rel=0.01)


def test_the_lifetime_is_that_of_customers_who_outlive_the_horizon():
    stay = np.random.default_rng(2).gamma(3.0, 6.0, 5000)
    curve = kaplan_meier(*watched(stay, np.full(5000, 200.0)))
    later = stay[stay > 5].mean()
    assert estimate_lifetime(curve, horizon_months=5) == pytest.approx(later, rel=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_with_most_customers_censored_the_lifetime_is_not_overestimated(seed):
    """Exponential with mean 20, watched for up to 24 months: the truth after 5 months is 25."""
    curve = exponential_curve(20.0, 24.0, seed=seed)
    assert 20.0 < estimate_lifetime(curve, horizon_months=5) < 25.5


def test_a_lifetime_is_at_most_twice_the_observed_time():
    curve = exponential_curve(500.0, 12.0)
    last = curve.times[curve.at_risk >= 10][-1]
    assert estimate_lifetime(curve, horizon_months=5) == pytest.approx(2 * last)


def test_without_later_leavers_the_lifetime_is_finite():
    followup, left = np.full(100, 12.0), np.zeros(100, dtype=bool)
    followup[:20], left[:20] = 2.0, True
    assert 12.0 < estimate_lifetime(kaplan_meier(followup, left), horizon_months=5) <= 24.0


def test_a_curve_evaluated_at_chosen_months_gives_the_same_lifetime():
    stay = np.random.default_rng(3).exponential(20.0, 500)
    pairs = watched(stay, np.full(500, 24.0))
    chosen = kaplan_meier(*pairs, at=[3.0, 6.0, 12.0])
    assert estimate_lifetime(chosen, horizon_months=5) == estimate_lifetime(
        kaplan_meier(*pairs), horizon_months=5
    )


def test_with_too_few_customers_beyond_the_horizon_there_is_no_lifetime():
    curve = kaplan_meier(np.arange(12.0), np.zeros(12, dtype=bool))
    assert math.isnan(estimate_lifetime(curve, horizon_months=5))


def test_without_survivors_of_the_horizon_there_is_no_lifetime():
    curve = kaplan_meier(np.linspace(0.5, 4.0, 40), np.ones(40, dtype=bool))
    assert math.isnan(estimate_lifetime(curve, horizon_months=5))


def test_without_censoring_the_months_until_early_churn_are_their_mean():
    stay = np.random.default_rng(4).exponential(8.0, 2000)
    curve = kaplan_meier(*watched(stay, np.full(2000, 30.0)))
    mean = stay[stay <= 5].mean()
    result = estimate_months_until_early_churn(curve, horizon_months=5)
    assert result == pytest.approx(mean, rel=1e-9)


def test_young_deals_do_not_bias_the_months_until_early_churn():
    """Half of the deals were observed for less than the horizon and show only quick churners."""
    random = np.random.default_rng(5)
    stay, until = random.exponential(8.0, 20000), random.uniform(0.0, 10.0, 20000)
    followup, left = watched(stay, until)
    result = estimate_months_until_early_churn(kaplan_meier(followup, left), horizon_months=5)
    truth = stay[stay <= 5].mean()
    naive = followup[left & (followup <= 5)].mean()
    assert abs(result - truth) < 0.05
    assert naive < truth - 0.15


def test_without_early_churners_the_months_until_early_churn_are_missing():
    curve = kaplan_meier(np.full(50, 9.0), np.ones(50, dtype=bool))
    assert math.isnan(estimate_months_until_early_churn(curve, horizon_months=5))


def test_a_curve_shorter_than_the_horizon_gives_no_months_until_early_churn():
    curve = kaplan_meier(np.full(50, 3.0), np.arange(50) < 10)
    assert math.isnan(estimate_months_until_early_churn(curve, horizon_months=5))
