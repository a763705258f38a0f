"""On a date, a table knows what had happened by then: nothing of the future leaks back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.outcomes import censoring_weights, extract_end, label_deals, outcomes, recut
from fitmodel.exceptions import DealsError

END = pd.Timestamp("2024-12-31")
ROLES = {"closed_on": "closed", "churned_on": "churned", "exited_on": "exited"}
DATED = DealSpec(deals={**ROLES, "observed_until": "2024-12-31"}, label={"horizon_months": 3})
COLUMN = DealSpec(deals={**ROLES, "observed_until": "seen"}, label={"horizon_months": 3})
TENURE = DealSpec(deals={"tenure_months": "months", "churned": "left"})
SEEDED = settings(derandomize=True, deadline=None, max_examples=40)
CUTS = st.dates(pd.Timestamp("2022-01-01").date(), pd.Timestamp("2025-06-30").date())


def _deals(seed: int, n: int = 60) -> pd.DataFrame:
    """Deals of two years, left or exited at random, some seen for the last time early."""
    random = np.random.default_rng(seed)
    closed = pd.Timestamp("2023-01-01") + pd.to_timedelta(random.integers(0, 700, n), "D")
    churned = closed + pd.to_timedelta(random.integers(0, 500, n), "D")
    exited = closed + pd.to_timedelta(random.integers(0, 900, n), "D")
    seen = np.minimum(closed + pd.to_timedelta(random.integers(0, 800, n), "D"), END)
    table = pd.DataFrame({"closed": closed, "churned": churned, "exited": exited, "seen": seen})
    table["churned"] = table["churned"].where((churned <= END) & (random.random(n) < 0.6))
    table["exited"] = table["exited"].where((exited <= END) & (random.random(n) < 0.3))
    table["seats"] = random.integers(1, 9, n)
    table.index = pd.Index(random.permutation(n) + 100)
    return table


def _future_changed(deals: pd.DataFrame, cut: pd.Timestamp, seed: int) -> pd.DataFrame:
    """The same past, another future: later deals gone, later dates moved, emptied or invented."""
    random = np.random.default_rng(seed)
    changed = deals[(deals["closed"] <= cut) | (random.random(len(deals)) < 0.5)].copy()
    for column in ("churned", "exited"):
        ahead = ~(changed[column] <= cut)
        after = np.maximum(changed["closed"], cut) + pd.to_timedelta(
            random.integers(1, 400, len(changed)), "D"
        )
        changed[column] = changed[column].where(
            ~ahead, after.where(random.random(len(changed)) < 0.5)
        )
    later = changed["seen"] > cut
    changed["seen"] = changed["seen"].mask(later, np.maximum(changed["closed"], END))
    return changed


@pytest.mark.parametrize("spec", [DATED, COLUMN], ids=["date", "column"])
@SEEDED
@given(seed=st.integers(0, 10**6), cut=CUTS)
def test_a_recut_table_has_the_outcomes_known_on_its_date(spec, seed, cut):
    deals = _deals(seed)
    known = outcomes(deals, spec, as_of=cut)
    again = recut(deals, spec, cut)
    pd.testing.assert_frame_equal(outcomes(again, spec, as_of=cut), known)
    pd.testing.assert_frame_equal(outcomes(again, spec), known)
    pd.testing.assert_index_equal(known.index, deals.index[deals["closed"] <= pd.Timestamp(cut)])


@pytest.mark.parametrize("spec", [DATED, COLUMN], ids=["date", "column"])
@SEEDED
@given(seed=st.integers(0, 10**6), cut=CUTS)
def test_another_future_changes_nothing_that_was_known(spec, seed, cut):
    deals = _deals(seed)
    other = _future_changed(deals, pd.Timestamp(cut), seed)
    if spec is DATED:  # no role then, but an attribute, and those are known at closing
        deals, other = deals.drop(columns="seen"), other.drop(columns="seen")
    pd.testing.assert_frame_equal(recut(deals, spec, cut), recut(other, spec, cut))
    known = outcomes(deals, spec, as_of=cut)
    pd.testing.assert_frame_equal(known, outcomes(other, spec, as_of=cut))
    np.testing.assert_array_equal(*(label_deals(t, spec, as_of=cut).weight for t in (deals, other)))


@SEEDED
@given(seed=st.integers(0, 10**6), first=CUTS, second=CUTS)
def test_cutting_twice_is_cutting_at_the_earlier_date(seed, first, second):
    deals = _deals(seed)
    twice = recut(recut(deals, COLUMN, first), COLUMN, second)
    pd.testing.assert_frame_equal(twice, recut(deals, COLUMN, min(first, second)))
    assert twice.attrs == recut(deals, COLUMN, min(first, second)).attrs


@SEEDED
@given(seed=st.integers(0, 10**6))
def test_a_cut_after_the_end_of_the_extract_teaches_nothing(seed):
    deals = _deals(seed)
    later = outcomes(deals, DATED, as_of="2030-01-01")
    pd.testing.assert_frame_equal(later, outcomes(deals, DATED))


@SEEDED
@given(seed=st.integers(0, 10**6), earlier=CUTS, later=CUTS)
def test_what_is_known_is_never_taken_back(seed, earlier, later):
    earlier, later = sorted((earlier, later))
    deals = _deals(seed)
    before = outcomes(deals, DATED, as_of=earlier)
    after = outcomes(deals, DATED, as_of=later).loc[before.index]
    known = before["early_churn"].notna()
    pd.testing.assert_series_equal(before["early_churn"][known], after["early_churn"][known])
    assert (before["followup_months"] <= after["followup_months"]).all()
    assert (before["mature"] <= after["mature"]).all()


def _one(spec: DealSpec = DATED, **dates: str | None) -> pd.Series:
    row = {"closed": "2024-01-15", "churned": None, "exited": None, "seen": "2024-12-31", **dates}
    return outcomes(pd.DataFrame([row]).apply(pd.to_datetime), spec).iloc[0]


def test_a_customer_that_exited_for_another_reason_is_censored_there():
    unknown = _one(exited="2024-04-14")
    assert np.isnan(unknown["early_churn"])
    assert not unknown["left"]
    assert unknown["mature"]
    assert _one(exited="2024-04-15")["early_churn"] == 0
    assert _one(exited="2024-03-01", churned="2024-03-01")["early_churn"] == 1


def test_churn_announced_for_after_the_last_look_has_not_happened():
    announced = _one(COLUMN, seen="2024-03-01", churned="2024-03-02")
    assert not announced["left"]
    assert np.isnan(announced["early_churn"])


def test_maturity_looks_at_the_extract_and_never_at_the_outcome():
    deals = pd.DataFrame(
        {"closed": "2024-01-15", "churned": ["2024-02-01", None], "exited": None,
         "seen": ["2024-02-01", "2024-12-31"]}
    ).apply(pd.to_datetime)  # fmt: skip
    assert outcomes(deals, COLUMN)["mature"].all()
    assert not outcomes(deals, COLUMN, as_of="2024-04-14")["mature"].any()
    assert outcomes(deals, COLUMN, as_of="2024-04-15")["mature"].all()


def test_the_extract_ends_with_the_latest_look_or_on_the_date_of_the_cut():
    deals = _deals(0)
    assert extract_end(deals, COLUMN) == deals["seen"].max()
    assert extract_end(deals, DATED) == END
    assert extract_end(recut(deals, DATED, "2023-06-30"), DATED) == pd.Timestamp("2023-06-30")
    assert extract_end(deals.iloc[:0], DATED) is None
    assert extract_end(pd.DataFrame({"months": [1.0], "left": [True]}), TENURE) is None


def test_the_cut_survives_sorting_and_selecting_rows():
    cut = recut(_deals(1), DATED, "2024-01-31")
    some = cut.sort_values("closed").iloc[::2]
    assert extract_end(some, DATED) == pd.Timestamp("2024-01-31")


def test_recutting_leaves_the_callers_table_alone():
    deals = _deals(2)
    before = deals.copy()
    recut(deals, COLUMN, "2023-09-30")
    pd.testing.assert_frame_equal(deals, before)
    assert deals.attrs == {}


def test_a_table_without_rows_has_outcomes_without_rows():
    empty = _deals(3).iloc[:0]
    assert outcomes(empty, DATED).empty
    assert outcomes(recut(_deals(3), COLUMN, "2020-01-01"), COLUMN).empty
    assert len(label_deals(empty, DATED)) == 0


def test_a_million_deals_take_no_loop_over_rows():
    # a loop over rows takes half a minute, and so would fail the time limit of any test run
    deals = pd.concat([_deals(4, n=5000)] * 200, ignore_index=True)
    found = outcomes(deals, DATED)
    assert len(found) == 1_000_000
    np.testing.assert_array_equal(found["left"][:5000], found["left"][-5000:])
    assert censoring_weights(found, 3).values.shape == (1_000_000,)  # noqa: PD011 - ours


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"closed": None}, "'closed' is empty in 1 of 3 deals, such as row 2: a deal has a clos"),
        ({"churned": "2022-01-01"}, "churned_on lies before 'closed' in 1 of 3 deals, such as row"),
        ({"exited": "2022-01-01"}, "exited_on lies before 'closed' in 1 of 3"),
        ({"seen": "2022-01-01"}, "observed_until lies before 'closed' in 1 of 3"),
        ({"seen": None}, "'seen' is empty in 1 of 3 deals"),
    ],
)
def test_dates_that_contradict_each_other_are_refused(change, message):
    deals = _deals(5, n=3).reset_index(drop=True)
    for column, value in change.items():
        deals.loc[2, column] = pd.NaT if value is None else pd.Timestamp(value)
    with pytest.raises(DealsError, match=message):
        outcomes(deals, COLUMN)


def test_text_that_is_no_date_and_columns_that_are_not_there_are_named():
    deals = _deals(6)
    with pytest.raises(DealsError, match="column 'churned' does not hold dates"):
        outcomes(deals.assign(churned="soon"), DATED)
    with pytest.raises(DealsError, match=r"no column \['exited'\]"):
        outcomes(deals.drop(columns="exited"), DATED)
    with pytest.raises(DealsError, match="observed_until is 'seen', neither a date nor a column"):
        outcomes(deals.drop(columns="seen"), COLUMN)
    with pytest.raises(DealsError, match="as_of 'someday' is not a date"):
        outcomes(deals, DATED, as_of="someday")


def test_a_tenure_has_no_past_to_go_back_to():
    table = pd.DataFrame({"months": [1.0], "left": [True]})
    with pytest.raises(DealsError, match="say how long a customer stayed, not when"):
        recut(table, TENURE, "2024-01-01")
    with pytest.raises(DealsError, match="add closed_on and churned_on"):
        outcomes(table, TENURE, as_of="2024-01-01")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"months": [1.0, None], "left": [True, False]}, "'months' is empty or no number in 1 of"),
        ({"months": [1.0, 2.0], "left": ["Yes", "No"]}, "'left' is empty or no number in 2 of 2"),
        ({"months": [1.0, -2.0], "left": [True, False]}, "'months' is negative in 1 deals"),
        ({"months": [1.0, 2.0], "left": [2, 0]}, "'left' must be yes or no"),
        ({"left": [True, False]}, "no column 'months'"),
    ],
)
def test_a_tenure_or_flag_that_says_nothing_is_refused(table, message):
    with pytest.raises(DealsError, match=message):
        outcomes(pd.DataFrame(table), TENURE)
