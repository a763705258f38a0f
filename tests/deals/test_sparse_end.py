"""Leavers recorded late are noticed; a season, a decline and ends of quarters are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history_findings import find_sparse_end
from fitmodel.deals.reading import read_deals_with_findings
from fitmodel.exceptions import DealsError

END = np.datetime64("2025-11-20")
SPEC = DealSpec(deals={"closed_on": "closed", "churned_on": "left", "observed_until": str(END)})
DAY = np.timedelta64(1, "D")


def company(seed: int, rows: int = 2500, law: str = "constant") -> pd.DataFrame:
    """Customers of three years; the hazard falls with age and follows a law over the calendar."""
    rng = np.random.default_rng(seed)
    closed = END - rng.integers(1, 1150, rows) * DAY
    weeks = np.arange(170)
    days = closed[:, None] + weeks * 7 * DAY
    month = days.astype("datetime64[M]").astype(int) % 12
    ago = (END - days).astype(float) / 365
    level = {
        "constant": np.ones(days.shape),
        "season": 1 + 0.6 * np.isin(month, (0, 1)) - 0.4 * np.isin(month, (8, 9, 10)),
        "decline": np.exp(0.3 * ago),
        "growth": np.exp(-0.4 * ago),
    }[law]
    hazard = np.cumsum(level * 0.02 * np.exp(-weeks / 30), axis=1)
    week = (hazard < rng.exponential(size=rows)[:, None]).sum(axis=1)
    left = closed + (7 * week + rng.integers(1, 8, rows)) * DAY
    known = (week < len(weeks)) & (left <= END)
    return pd.DataFrame({"closed": pd.Series(closed), "left": pd.Series(left).where(known)})


def recorded_late(deals: pd.DataFrame, seed: int, days: float) -> pd.DataFrame:
    """Return the deals without dates of leaving that are not entered yet when the extract ends."""
    delay = np.random.default_rng(seed).lognormal(np.log(days), 0.6, len(deals))
    entered = deals["left"] + pd.to_timedelta(delay.round(), "D")
    return deals.assign(left=deals["left"].where(entered <= pd.Timestamp(END)))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("days", [40, 70])
def test_leavers_entered_late_are_noticed(seed: int, days: int) -> None:
    complete = company(seed)
    late = recorded_late(complete, seed, days)
    result = find_sparse_end(late, SPEC)

    assert result is not None
    missing_since = late.loc[complete["left"].notna() & late["left"].isna()].index
    hidden = complete.loc[missing_since, "left"] > pd.Timestamp(result.complete_until)
    assert hidden.mean() > 0.75  # most of the missing leavers left after the proposed day
    start = pd.Timestamp(END) - pd.Timedelta(days=result.days)
    assert result.observed == int((late["left"] > start).sum())
    assert abs(result.expected - (complete["left"] > start).sum()) < 4 * np.sqrt(result.expected)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("law", ["constant", "season", "decline", "growth"])
def test_complete_tables_are_not_reported(seed: int, law: str) -> None:
    assert find_sparse_end(company(seed, law=law), SPEC) is None


@pytest.mark.parametrize("seed", range(10))
def test_small_companies_are_not_reported(seed: int) -> None:
    assert find_sparse_end(company(seed, 300, "season"), SPEC) is None


@pytest.mark.parametrize("period", ["M", "Q"])
def test_contracts_that_end_with_a_month_or_a_quarter_are_not_reported(period: str) -> None:
    deals = company(3)
    ends = deals["left"].dt.to_period(period).dt.end_time.dt.normalize()
    deals["left"] = ends.where(ends <= pd.Timestamp(END))

    assert find_sparse_end(deals, SPEC) is None


@pytest.mark.parametrize("seed", range(3))
def test_simulated_companies_are_not_reported(seed: int) -> None:
    sim = simulate_deals(2000, seed=seed)

    assert find_sparse_end(sim.deals, sim.spec) is None


def test_without_dates_nothing_is_tested() -> None:
    spec = DealSpec(deals={"tenure_months": "months", "churned": "gone"})

    assert find_sparse_end(pd.DataFrame({"months": [1.0], "gone": ["yes"]}), spec) is None


def earlier(**rows: object) -> DealSpec:
    return DealSpec(
        deals={"closed_on": "closed", "churned_on": "left", "observed_until": "2025-09-20"},
        rows=rows,
    )


def test_deals_signed_later_than_the_end_are_an_error_that_names_the_answer() -> None:
    deals = company(1).assign(seats=np.arange(2500) % 7)

    with pytest.raises(DealsError, match=r'\[rows\] unobserved = "drop"'):
        read_deals_with_findings(deals, earlier())


def test_deals_signed_later_are_left_out_and_later_leavers_are_still_there() -> None:
    deals = company(1).assign(seats=np.arange(2500) % 7)
    read = read_deals_with_findings(deals, earlier(unobserved="drop"))
    seen = deals[deals["closed"] <= "2025-09-20"]
    without = read_deals_with_findings(seen, earlier())

    pd.testing.assert_frame_equal(read.table, without.table)
    later = len(deals) - len(seen)
    assert any(
        note.startswith(f"left out {later} of 2,500 rows outside the observed time: {later} signed")
        for note in read.notes
    )


def test_a_row_signed_later_that_continues_a_contract_keeps_its_customer() -> None:
    """The change of plan on 2025-10-01 is no leaving, though its second row is signed later."""
    deals = company(2, 300).assign(seats=np.arange(300) % 7, who=np.arange(300))
    plan = pd.DataFrame(
        {
            "closed": pd.to_datetime(["2025-01-10", "2025-09-25"]),
            "left": pd.to_datetime(["2025-09-15", None]),
            "seats": [3, 5],
            "who": [1000, 1000],
        }
    )
    table = pd.concat([deals, plan], ignore_index=True)
    read = read_deals_with_findings(table, earlier(unobserved="drop", customer="who"))

    (customer,) = read.table.loc[read.table["who"] == 1000].to_dict("records")
    assert customer["closed"] == pd.Timestamp("2025-01-10")
    assert pd.isna(customer["left"])


def test_customers_who_left_before_observed_from_are_left_out_if_the_contract_says_so() -> None:
    deals = company(4).assign(seats=np.arange(2500) % 7)
    roles = {"closed_on": "closed", "churned_on": "left", "observed_until": str(END)}
    roles["observed_from"] = "2024-06-01"

    with pytest.raises(
        DealsError, match=r'or leave the rows out with \[rows\] unobserved = "drop"'
    ):
        read_deals_with_findings(deals, DealSpec(deals=roles))
    spec = DealSpec(deals=roles, rows={"unobserved": "drop"})
    read = read_deals_with_findings(deals, spec)
    gone = deals["left"] < "2024-06-01"
    without = read_deals_with_findings(deals[~gone], DealSpec(deals=roles))

    pd.testing.assert_frame_equal(read.table, without.table)
    assert any(f"{int(gone.sum())} left before observed_from" in note for note in read.notes)
