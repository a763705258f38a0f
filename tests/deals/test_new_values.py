"""A price or segment that only the newest deals have is reported; what is usual is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history import view_of
from fitmodel.deals.history_findings import find_new_values

END = pd.Timestamp("2026-06-30")
SPEC = DealSpec(deals={"closed_on": "closed", "churned_on": "left", "observed_until": "2026-06-30"})


def company(seed: int, rows: int = 900) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    closed = pd.Series(END - pd.to_timedelta(rng.integers(1, 900, rows), "D"))
    left = closed + pd.to_timedelta(rng.exponential(500, rows).astype(int) + 1, "D")
    return pd.DataFrame(
        {
            "closed": closed,
            "left": left.where(left <= END),
            "price": rng.choice([30, 35], rows),
            "segment": rng.choice(["smb", "mid"], rows),
            "city": [f"city {number}" for number in rng.integers(0, 2000, rows)],
        }
    )


def found(deals: pd.DataFrame) -> dict[str, str]:
    return {each.attribute: each.value for each in find_new_values(view_of(deals, SPEC))}


@pytest.mark.parametrize("seed", range(20))
def test_usual_deals_have_no_new_values(seed: int) -> None:
    assert found(company(seed)) == {}


@pytest.mark.parametrize("seed", range(3))
def test_a_new_price_and_a_new_segment_are_reported(seed: int) -> None:
    deals = company(seed)
    new = deals["closed"] > "2026-05-20"
    deals.loc[new, "price"] = 55
    deals.loc[new & (np.arange(len(deals)) % 2 == 0), "segment"] = "public"

    assert found(deals) == {"price": "a value above 35", "segment": "the value 'public'"}


def test_a_number_that_only_the_newest_deals_have_is_reported() -> None:
    deals = company(6)
    deals["price"] = deals["price"].where(deals["closed"] > "2026-05-20")

    assert found(deals) == {"price": "a number"}


def test_the_message_counts_the_newest_deals() -> None:
    deals = company(4)
    new = deals["closed"] > "2026-05-20"
    (item,) = find_new_values(view_of(deals.assign(price=np.where(new, 20, 30)), SPEC))
    newest = END - deals["closed"] < pd.Timedelta(days=60)

    assert (item.deals, item.newest) == (int(new.sum()), int(newest.sum()))
    assert f"{new.sum()} of the {newest.sum()} deals" in str(item)
    assert "have a value below 30, and no deal that is old enough" in str(item)


def test_a_value_of_deals_with_known_outcomes_is_not_new() -> None:
    deals = company(5)
    deals.loc[deals["closed"] > "2025-12-01", "price"] = 55

    assert found(deals) == {}


@pytest.mark.parametrize("seed", range(6))
def test_simulated_companies_have_no_new_values(seed: int) -> None:
    sim = simulate_deals(1000, seed=seed)

    assert list(find_new_values(view_of(sim.deals, sim.spec))) == []
