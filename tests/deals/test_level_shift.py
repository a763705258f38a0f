"""A level that has moved is told, and one that has not is hardly ever said to have."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history import view_of
from fitmodel.deals.history_tests import find_level_shift
from fitmodel.deals.months import DAYS_PER_MONTH, add_months

END = np.datetime64("2026-06-30")


def deals(factor: float, *, n: int = 3000, seed: int = 0, monthly: float = 0.04) -> pd.DataFrame:
    """Deals of four years that leave at a rate, times a factor in the last twelve months."""
    random = np.random.default_rng(seed)
    closed = END - random.integers(0, 4 * 365, n)
    changed = np.datetime64("2025-06-30")
    before = np.maximum((changed - closed).astype(float), 0.0) / 30.4375
    wait = random.exponential(1 / monthly, n)
    late = wait > before  # what is left of the wait passes faster, or slower
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
def test_a_level_that_doubled_or_halved_is_found_with_its_size(factor: float) -> None:
    shift = find_level_shift(view_of(deals(factor), spec()))

    assert shift is not None
    assert shift.ratio == pytest.approx(factor, rel=0.2)
    assert str(shift.since) == "2025-06-30"
    assert ("more customers leave" if factor > 1 else "fewer customers leave") in str(shift)
    assert f"{shift.observed:,} customers left early, while {shift.expected:,.0f}" in str(shift)


def test_a_level_that_stays_is_hardly_ever_said_to_have_moved() -> None:
    said = [find_level_shift(view_of(deals(1.0, n=1500, seed=seed), spec())) for seed in range(30)]

    assert [shift for shift in said if shift is not None] == []


def test_more_deals_of_late_are_no_shift_of_the_level() -> None:
    table = deals(1.0, n=6000)
    old = table["signed"] < "2025-06-30"
    fewer = pd.concat([table[old].iloc[::4], table[~old]], ignore_index=True)

    assert find_level_shift(view_of(fewer, spec())) is None


def test_a_small_shift_is_not_worth_a_word() -> None:
    assert find_level_shift(view_of(deals(1.1, n=20_000), spec())) is None


def test_nothing_is_said_of_few_leavers_or_without_dates() -> None:
    few = deals(3.0, n=60)
    tenure = pd.DataFrame({"months": [2.0, 9.0] * 50, "gone": [1, 0] * 50})
    roles = DealSpec(deals={"tenure_months": "months", "churned": "gone"})

    assert find_level_shift(view_of(few, spec())) is None
    assert find_level_shift(view_of(tenure, roles)) is None
    assert find_level_shift(view_of(few.iloc[:0], spec())) is None


def test_a_year_that_was_not_recorded_is_not_compared_with() -> None:
    table = deals(2.0)
    kept = table[~(table["left"] < "2025-09-01")]

    assert find_level_shift(view_of(kept, spec(observed_from="2025-09-01"))) is None


def test_nothing_is_said_where_few_leavers_were_to_be_expected_of_late() -> None:
    """Of 100 deals a year ago 16 leave in the first months; of 40 new ones all did: 6 expected."""
    table = deals(1.0, n=4000)
    old = table[table["signed"] < "2025-01-01"].iloc[:1500]
    signed = pd.Timestamp("2025-08-01")
    new = pd.DataFrame({"signed": [signed] * 40, "left": [signed + pd.Timedelta("60D")] * 40})

    for number, said in ((40, False), (400, True)):
        late = pd.concat([new] * (number // 40))
        both = pd.concat([old, late], ignore_index=True).assign(seats=1)
        shift = find_level_shift(view_of(both, spec()))
        assert (shift is not None) == said
    assert shift.observed == 400
    assert shift.ratio > 2


def test_the_leavers_expected_are_those_of_the_hazard_before_at_each_age() -> None:
    """With a constant hazard that is its estimate before, times the months watched since."""
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
