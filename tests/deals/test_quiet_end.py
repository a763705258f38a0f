"""Leavers that are missing from the end of a table are noticed, and a usual quiet time is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history_findings import find_quiet_end

END = pd.Timestamp("2025-12-31")


def spec(until: str = "2025-12-31") -> DealSpec:
    return DealSpec(
        deals={"closed_on": "closed", "churned_on": "left", "observed_until": until},
    )


def customers(seed: int, rows: int = 600, *, known_until: str = "2025-12-31") -> pd.DataFrame:
    """Customers whose leaving is recorded up to a day."""
    rng = np.random.default_rng(seed)
    closed = END - pd.to_timedelta(rng.integers(1, 1200, rows), "D")
    left = pd.Series(closed + pd.to_timedelta(rng.exponential(400, rows).astype(int) + 1, "D"))
    return pd.DataFrame({"closed": closed, "left": left.where(left <= pd.Timestamp(known_until))})


@pytest.mark.parametrize("seed", range(12))
def test_a_table_that_records_leavers_until_its_end_is_not_reported(seed: int) -> None:
    assert find_quiet_end(customers(seed), spec()) is None


@pytest.mark.parametrize("seed", range(5))
def test_missing_leavers_are_reported_with_their_expected_number(seed: int) -> None:
    """The expected number is that of leavers who were left out, up to chance."""
    complete, cut = customers(seed), customers(seed, known_until="2025-07-31")
    result = find_quiet_end(cut, spec())
    missing = int(complete["left"].notna().sum() - cut["left"].notna().sum())

    assert result is not None
    assert result.last_leaver == cut["left"].max().to_datetime64()
    assert abs(result.expected - missing) < 4 * np.sqrt(missing)
    assert result.chance == pytest.approx(np.exp(-result.expected))


def test_the_unknown_are_mature_only_through_the_quiet_time() -> None:
    deals = customers(1, known_until="2025-07-31")
    result = find_quiet_end(deals, spec())
    assert result is not None
    last = pd.Timestamp(result.last_leaver)
    matured = deals["closed"] + pd.DateOffset(months=5)
    unknown = deals["left"].isna() & (matured > last) & (matured <= END) & (deals["closed"] < END)
    assert abs(result.unknown - int(unknown.sum())) <= 2


def test_a_few_quiet_weeks_are_usual() -> None:
    assert find_quiet_end(customers(2, known_until="2025-11-20"), spec()) is None


def test_a_company_whose_contracts_end_with_the_half_year_is_quiet_for_half_a_year() -> None:
    deals = customers(3)
    half_years = pd.to_datetime(
        deals["left"].dt.year.astype("Int64").astype("str")
        + np.where(deals["left"].dt.month <= 6, "-06-30", "-12-31"),
        errors="coerce",
    )
    deals["left"] = half_years.where((half_years <= "2025-06-30") & deals["left"].notna())
    deals = deals[deals["left"].isna() | (deals["left"] >= deals["closed"])]

    assert find_quiet_end(deals, spec()) is None
