"""Example money in the contract that init writes, and its consequences."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.decision.suggest import EXAMPLE_MONEY, money_consequences, suggested_money
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
