"""Leavers missing at the start or the end of a table are noticed; a usual quiet time is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sksurv.nonparametric import kaplan_meier_estimator

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history_findings import find_missing_leavers, find_quiet_end
from fitmodel.deals.months import months_between, to_days

END = pd.Timestamp("2025-12-31")
SPEC = DealSpec(deals={"closed_on": "signed", "churned_on": "left", "observed_until": "2025-12-31"})


def deals(seed: int, rows: int = 500) -> pd.DataFrame:
    """Customers signed in three years, leaving at a constant rate."""
    rng = np.random.default_rng(seed)
    signed = pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 1000, rows), "D")
    left = pd.Series(signed + pd.to_timedelta(rng.exponential(400, rows).astype(int) + 1, "D"))
    return pd.DataFrame({"signed": signed, "left": left.where(left <= "2025-12-31")})


def purged(table: pd.DataFrame, day: str) -> pd.DataFrame:
    return table[~(table["left"] < day)].reset_index(drop=True)


@pytest.mark.parametrize("seed", range(4))
def test_deleted_leavers_are_detected_with_the_month(seed: int) -> None:
    result = find_missing_leavers(purged(deals(seed), "2024-06-01"), SPEC)

    assert result is not None
    assert result.observed_from == np.datetime64("2024-06-01")
    assert result.chance < 1e-6
    assert result.rate > result.rate_without


@pytest.mark.parametrize("seed", range(40))
def test_a_complete_table_gives_no_alarm(seed: int) -> None:
    assert find_missing_leavers(deals(seed), SPEC) is None


def test_a_simulated_company_gives_no_alarm() -> None:
    sim = simulate_deals(2000, seed=4)

    assert find_missing_leavers(sim.deals, sim.spec) is None


def test_a_minimum_term_of_a_year_gives_no_alarm() -> None:
    """Nobody can leave in the first year of a contract; no leaver is missing."""
    table = deals(1)
    late = table["left"] + pd.DateOffset(years=1)
    table["left"] = late.where(late <= "2025-12-31")

    assert find_missing_leavers(table, SPEC) is None


def test_the_rates_are_kaplan_meier_rates_with_and_without_delayed_entry() -> None:
    table = purged(deals(2), "2024-06-01")
    result = find_missing_leavers(table, SPEC)
    closed = to_days(table["signed"])
    ends = to_days(table["left"].fillna(pd.Timestamp("2025-12-31")))
    months, left = months_between(closed, ends), table["left"].notna().to_numpy()
    start = np.full(len(table), np.datetime64("2024-06-01"))
    entry = np.maximum(months_between(closed, start), 0.0)

    for rate, enter in ((result.rate, entry), (result.rate_without, np.zeros(len(table)))):
        there = months > enter
        times, survival = kaplan_meier_estimator(
            left[there], months[there], time_enter=enter[there]
        )
        assert rate == pytest.approx(1 - survival[times <= 5][-1], abs=1e-12)


def test_the_deals_before_the_day_are_counted() -> None:
    table = purged(deals(3), "2024-06-01")
    result = find_missing_leavers(table, SPEC)

    assert result.signed_before == int((table["signed"] < "2024-06-01").sum())


def test_expected_leavers_are_the_later_hazard_times_the_earlier_months() -> None:
    """The hazard is constant, so it gives the number expected before the first leaver."""
    table = purged(deals(5, 4000), "2024-06-01")
    result = find_missing_leavers(table, SPEC)
    first = table["left"].min()
    ends = table["left"].fillna(pd.Timestamp("2025-12-31"))
    before = np.minimum(first, ends) - table["signed"]
    days = before.dt.days.clip(lower=0).sum()
    since = (ends - table["signed"]).dt.days.sum() - days
    left = table["left"].notna().sum()

    assert result.expected == pytest.approx(left / since * days, rel=0.05)
    assert result.chance == pytest.approx(np.exp(-result.expected))


QUIET_SPEC = DealSpec(
    deals={"closed_on": "closed", "churned_on": "left", "observed_until": "2025-12-31"}
)


def customers(seed: int, rows: int = 600, *, known_until: str = "2025-12-31") -> pd.DataFrame:
    """Customers whose leaving is recorded up to a day."""
    rng = np.random.default_rng(seed)
    closed = END - pd.to_timedelta(rng.integers(1, 1200, rows), "D")
    left = pd.Series(closed + pd.to_timedelta(rng.exponential(400, rows).astype(int) + 1, "D"))
    return pd.DataFrame({"closed": closed, "left": left.where(left <= pd.Timestamp(known_until))})


@pytest.mark.parametrize("seed", range(12))
def test_a_table_that_records_leavers_until_its_end_is_not_reported(seed: int) -> None:
    assert find_quiet_end(customers(seed), QUIET_SPEC) is None


@pytest.mark.parametrize("seed", range(5))
def test_missing_leavers_are_reported_with_their_expected_number(seed: int) -> None:
    """The expected number is that of leavers who were left out, up to chance."""
    complete, cut = customers(seed), customers(seed, known_until="2025-07-31")
    result = find_quiet_end(cut, QUIET_SPEC)
    missing = int(complete["left"].notna().sum() - cut["left"].notna().sum())

    assert result is not None
    assert result.last_leaver == cut["left"].max().to_datetime64()
    assert abs(result.expected - missing) < 4 * np.sqrt(missing)
    assert result.chance == pytest.approx(np.exp(-result.expected))


def test_the_unknown_are_mature_only_through_the_quiet_time() -> None:
    deals = customers(1, known_until="2025-07-31")
    result = find_quiet_end(deals, QUIET_SPEC)
    assert result is not None
    last = pd.Timestamp(result.last_leaver)
    matured = deals["closed"] + pd.DateOffset(months=5)
    unknown = deals["left"].isna() & (matured > last) & (matured <= END) & (deals["closed"] < END)
    assert abs(result.unknown - int(unknown.sum())) <= 2


def test_a_few_quiet_weeks_are_usual() -> None:
    assert find_quiet_end(customers(2, known_until="2025-11-20"), QUIET_SPEC) is None


def test_a_company_whose_contracts_end_with_the_half_year_is_quiet_for_half_a_year() -> None:
    deals = customers(3)
    half_years = pd.to_datetime(
        deals["left"].dt.year.astype("Int64").astype("str")
        + np.where(deals["left"].dt.month <= 6, "-06-30", "-12-31"),
        errors="coerce",
    )
    deals["left"] = half_years.where((half_years <= "2025-06-30") & deals["left"].notna())
    deals = deals[deals["left"].isna() | (deals["left"] >= deals["closed"])]

    assert find_quiet_end(deals, QUIET_SPEC) is None
