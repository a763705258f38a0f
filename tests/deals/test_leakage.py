"""Planted leaks are caught and honest attributes are not stopped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.leakage import audit
from fitmodel.deals.reading import read_deals


@pytest.mark.parametrize("seed", [1, 2])
def test_every_planted_leak_is_stopped_and_nothing_else(seed: int) -> None:
    sim = simulate_deals(4000, seed=seed, leaks=True)
    assert set(audit(sim.deals, sim.spec).stopped) == set(sim.leaks)


@pytest.mark.parametrize("seed", range(10))
def test_noise_is_never_stopped_on_few_deals(seed: int) -> None:
    random = np.random.default_rng(seed)
    noise = {f"noise_{place}": random.normal(size=300) for place in range(10)}
    noise |= {f"level_{place}": random.choice(list("abcdef"), 300) for place in range(10)}
    table = pd.DataFrame(
        {"months": random.integers(0, 24, 300), "left": random.random(300) < 0.6, **noise}
    )
    spec = DealSpec(deals={"tenure_months": "months", "churned": "left"})
    assert audit(read_deals(table, spec), spec).stopped == ()


def test_telco_without_exclusions_loses_only_its_leaks() -> None:
    from fitmodel.datasets.telco import load_telco

    deals, spec = load_telco()
    table = deals.assign(months_again=deals[spec.deals.tenure_months])
    audited = audit(read_deals(table, spec), spec.replace(attributes={"exclude": ()}))
    assert set(audited.stopped) == {"total_charges", "months_again"}


def test_real_policies_lose_their_three_leaks(shared_data: Path) -> None:
    roles = {"id": "policy_id", "closed_on": "close_date", "churned_on": "churn_date"}
    spec = DealSpec(
        deals={**roles, "observed_until": "observed_until"}, label={"horizon_months": 12}
    )
    deals = read_deals(shared_data / "us_lapse" / "deals.csv", spec)
    assert set(audit(deals, spec).stopped) == {"termination.cause", "duration", "exit_date"}


def test_protected_characteristics_are_warned_about() -> None:
    sim = simulate_deals(800, seed=0)
    deals = sim.deals.assign(gender=np.where(np.arange(800) % 2, "f", "m"))
    found = audit(deals, sim.spec).to_frame().set_index("attribute")
    assert found.loc["gender", ["kind", "verdict"]].tolist() == ["protected", "warn"]
