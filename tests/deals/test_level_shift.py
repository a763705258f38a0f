"""A shift of the early-churn rate is detected, with very few false alarms."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history import view_of
from fitmodel.deals.history_findings import find_level_shift
from fitmodel.deals.months import DAYS_PER_MONTH, add_months

END = np.datetime64("2026-06-30")


def deals(factor: float, *, n: int = 3000, seed: int = 0, monthly: float = 0.04) -> pd.DataFrame:
    """Deals of four years with a constant churn rate, multiplied by a factor in the last year."""
    random = np.random.default_rng(seed)
    closed = END - random.integers(0, 4 * 365, n)
    changed = np.datetime64("2025-06-30")
    before = np.maximum((changed - closed).astype(float), 0.0) / 30.4375
    wait = random.exponential(1 / monthly, n)
    late = wait > before  # the rest of the waiting time passes faster or slower
    months = np.where(late, before + (wait - before) / factor, wait)
    left_on = closed + np.ceil(months * 30.4375).astype("timedelta64[D]")
    return pd.DataFrame(
        {
            "signed": pd.to_datetime(closed),
            "left": pd.to_datetime(np.where(left_on <= END, left_on, np.datetime64("NaT"))),
            "seats": random.integers(1, 50, n),
        }
    )


def spec(**roles: str) -> DealSpec:
    given = {"closed_on": "signed", "churned_on": "left", "observed_until": "2026-06-30"}
    return DealSpec(deals=given | roles)


@pytest.mark.parametrize("factor", [2.0, 0.5])
def test_a_doubled_or_halved_rate_is_detected_with_its_size(factor: float) -> None:
    shift = find_level_shift(view_of(deals(factor), spec()))

    assert shift is not None
    assert shift.ratio == pytest.approx(factor, rel=0.2)
    assert str(shift.since) == "2025-06-30"
    assert ("more customers leave" if factor > 1 else "fewer customers leave") in str(shift)
    assert f"{shift.observed:,} customers left early, while {shift.expected:,.0f}" in str(shift)


def test_a_constant_rate_gives_no_false_alarm() -> None:
    shifts = [
        find_level_shift(view_of(deals(1.0, n=1500, seed=seed), spec())) for seed in range(30)
    ]

    assert [shift for shift in shifts if shift is not None] == []


def test_more_recent_deals_are_not_a_shift_of_the_rate() -> None:
    table = deals(1.0, n=6000)
    old = table["signed"] < "2025-06-30"
    fewer = pd.concat([table[old].iloc[::4], table[~old]], ignore_index=True)

    assert find_level_shift(view_of(fewer, spec())) is None


def test_a_small_shift_is_not_reported() -> None:
    assert find_level_shift(view_of(deals(1.1, n=20_000), spec())) is None


def test_no_shift_is_reported_with_few_leavers_or_without_dates() -> None:
    few = deals(3.0, n=60)
    tenure = pd.DataFrame({"months": [2.0, 9.0] * 50, "gone": [1, 0] * 50})
    roles = DealSpec(deals={"tenure_months": "months", "churned": "gone"})

    assert find_level_shift(view_of(few, spec())) is None
    assert find_level_shift(view_of(tenure, roles)) is None
    assert find_level_shift(view_of(few.iloc[:0], spec())) is None


def test_no_shift_is_reported_against_a_year_that_was_not_recorded() -> None:
    table = deals(2.0)
    kept = table[~(table["left"] < "2025-09-01")]

    assert find_level_shift(view_of(kept, spec(observed_from="2025-09-01"))) is None


def test_no_shift_is_reported_if_few_recent_leavers_were_expected() -> None:
    """Earlier 16 of 100 deals left in the first months; now all of 40 left and 6 were expected."""
    table = deals(1.0, n=4000)
    old = table[table["signed"] < "2025-01-01"].iloc[:1500]
    signed = pd.Timestamp("2025-08-01")
    new = pd.DataFrame({"signed": [signed] * 40, "left": [signed + pd.Timedelta("60D")] * 40})

    for number, shifts in ((40, False), (400, True)):
        late = pd.concat([new] * (number // 40))
        both = pd.concat([old, late], ignore_index=True).assign(seats=1)
        shift = find_level_shift(view_of(both, spec()))
        assert (shift is not None) == shifts
    assert shift.observed == 400
    assert shift.ratio > 2


def test_expected_leavers_are_computed_from_the_earlier_hazard_at_each_age() -> None:
    """With a constant hazard: the earlier estimate times the months observed since."""
    table = deals(2.0, n=40_000)
    shift = find_level_shift(view_of(table, spec()))
    since, closed = np.datetime64("2025-06-30"), table["signed"].to_numpy().astype("datetime64[D]")
    left = table["left"].to_numpy().astype("datetime64[D]")
    stayed = np.where(np.isnat(left), END, left) - closed
    until = np.minimum(stayed.astype(float) / DAYS_PER_MONTH, 5.0)
    age = np.clip((since - closed).astype(float) / DAYS_PER_MONTH, 0.0, until)
    early = left <= add_months(closed, 5)

    hazard = (early & (left <= since)).sum() / age.sum()
    assert shift.expected == pytest.approx(hazard * (until - age).sum(), rel=0.02)
    assert shift.observed == (early & (left > since)).sum()
