"""Leavers missing among the newest deals, or in one group of deals, are noticed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history_findings import (
    find_quiet_end,
    find_quiet_group,
    find_young_without_leavers,
)

END = pd.Timestamp("2025-12-31")
SPEC = DealSpec(deals={"closed_on": "closed", "churned_on": "left", "observed_until": "2025-12-31"})


def customers(seed: int, rows: int = 700, months: float = 13.0) -> pd.DataFrame:
    """Customers of three systems, who stay some months on average."""
    rng = np.random.default_rng(seed)
    closed = END - pd.to_timedelta(rng.integers(1, 1200, rows), "D")
    stayed = rng.exponential(months * 30.4, rows).astype(int) + 1
    left = pd.Series(closed + pd.to_timedelta(stayed, "D"))
    system = rng.choice(["north", "south", "west"], rows)
    return pd.DataFrame({"closed": closed, "left": left.where(left <= END), "system": system})


@pytest.mark.parametrize("seed", range(12))
def test_a_complete_table_is_not_reported(seed: int) -> None:
    assert find_young_without_leavers(customers(seed), SPEC) is None
    assert find_quiet_group(customers(seed), SPEC) is None


@pytest.mark.parametrize("seed", range(5))
def test_newest_deals_without_dates_of_leaving_are_reported_from_the_right_month(seed: int) -> None:
    """The expected number is that of the dates that were removed, up to chance."""
    complete = customers(seed)
    young = complete["closed"] >= pd.Timestamp("2024-08-01")
    table = complete.assign(left=complete["left"].mask(young))
    missing = int((young & complete["left"].notna()).sum())
    result = find_young_without_leavers(table, SPEC)

    assert result is not None
    assert str(result.since) == "2024-08-01"
    assert (result.deals, result.observed) == (int(young.sum()), 0)
    assert abs(result.expected - missing) < 4 * np.sqrt(missing)
    assert result.rate > 1.5 * result.rate_without
    assert find_quiet_end(table, SPEC) is None  # leavers of older deals are recorded to the end


def test_a_few_dates_among_the_newest_deals_do_not_hide_that_the_others_are_missing() -> None:
    complete = customers(3)
    young = np.flatnonzero((complete["closed"] >= "2024-08-01") & complete["left"].notna())
    table = complete.copy()
    table.loc[young[4:], "left"] = pd.NaT
    result = find_young_without_leavers(table, SPEC)

    assert result is not None
    assert result.observed <= 4


def test_half_as_many_leavers_among_the_newest_deals_are_not_reported_as_missing() -> None:
    complete = customers(4)
    young = np.flatnonzero((complete["closed"] >= "2024-08-01") & complete["left"].notna())
    table = complete.copy()
    table.loc[young[::2], "left"] = pd.NaT

    assert find_young_without_leavers(table, SPEC) is None


@pytest.mark.parametrize("seed", range(5))
def test_a_group_that_was_exported_earlier_is_named_with_its_last_day(seed: int) -> None:
    table = customers(seed)
    later = (table["system"] == "west") & (table["left"] > pd.Timestamp("2025-03-31"))
    table.loc[later, "left"] = pd.NaT
    result = find_quiet_group(table, SPEC)

    assert result is not None
    assert (result.column, result.level) == ("system", "west")
    assert result.last_leaver == table.loc[table["system"] == "west", "left"].max().to_datetime64()
    assert abs(result.expected - later.sum()) < 4 * np.sqrt(later.sum())


def test_a_group_whose_customers_stay_is_not_reported() -> None:
    """Its own rates say what was expected, not those of the other groups."""
    table = customers(1)
    loyal = customers(2, months=150.0)
    both = pd.concat([table.assign(system="north"), loyal.assign(system="loyal")])

    assert find_quiet_group(both.reset_index(drop=True), SPEC) is None


def test_a_group_that_is_no_longer_sold_is_not_reported() -> None:
    """Its few customers are old, and old customers hardly ever left before either."""
    table = customers(5, 900)
    table["system"] = np.where(table["closed"] < "2023-03-01", "old", table["system"])
    early = table["left"] - table["closed"] <= pd.Timedelta(days=200)
    table["left"] = table["left"].where(early)  # all who leave do so in the first months

    assert find_quiet_group(table, SPEC) is None


def test_rows_that_say_until_when_they_were_followed_are_not_reported() -> None:
    table = customers(6)
    west = table["system"] == "west"
    table.loc[west & (table["left"] > "2025-03-31"), "left"] = pd.NaT
    table["seen"] = np.where(west, pd.Timestamp("2025-03-31"), END)
    table = table[table["closed"] <= table["seen"]].reset_index(drop=True)
    deals = {"closed_on": "closed", "churned_on": "left", "observed_until": "seen"}

    assert find_quiet_group(table, SPEC) is not None
    assert find_quiet_group(table, DealSpec(deals=deals)) is None
