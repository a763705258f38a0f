"""A view as of a date contains only what was known on that date."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals import _history_view as history_view
from fitmodel.deals import _outcome_columns, months
from fitmodel.deals._horizons import compare_horizons
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history import DealHistory, HistoryView, extract_as_of
from fitmodel.deals.outcomes import censoring_weights, extract_end, label_deals, outcomes
from fitmodel.deals.training_set import TrainingSet
from fitmodel.evaluation.out_of_time import evaluate
from fitmodel.exceptions import DealsError
from fitmodel.leakage.audit import audit
from fitmodel.learning.learner import learn

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
    """The same deals with a changed future: later deals removed, later dates moved or invented."""
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


both_forms = pytest.mark.parametrize("spec", [DATED, COLUMN], ids=["date", "column"])


def _same_view(one: HistoryView, other: HistoryView) -> None:
    pd.testing.assert_frame_equal(one.outcomes, other.outcomes)
    for name in ("closed", "left_on", "exited", "exited_for_other_cause", "from_signing"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_array_equal(one.extract_end, other.extract_end)
    for ours, theirs in ((one.labelled(), other.labelled()), (_training(one), _training(other))):
        assert ours.index.tolist() == theirs.index.tolist()
        np.testing.assert_array_equal(ours.weight, theirs.weight)
        np.testing.assert_array_equal(ours.early_churn, theirs.early_churn)


def _training(view: HistoryView) -> TrainingSet:
    return view.training_set()


@both_forms
@SEEDED
@given(seed=st.integers(0, 10**6), cut=CUTS)
def test_the_view_as_of_a_day_equals_the_view_of_an_extract_of_that_day(spec, seed, cut):
    deals = _deals(seed)
    view = DealHistory(deals, spec).as_of(cut)
    table, then = extract_as_of(deals, spec, cut)
    pd.testing.assert_index_equal(view.index, deals.index[deals["closed"] <= pd.Timestamp(cut)])
    if len(table):
        _same_view(view, DealHistory(table, then).as_of(None))
        _same_view(view, DealHistory(table, then).as_of(cut))


@both_forms
@SEEDED
@given(seed=st.integers(0, 10**6), cut=CUTS)
def test_changing_the_future_does_not_change_an_earlier_view(spec, seed, cut):
    deals = _deals(seed)
    other = _future_changed(deals, pd.Timestamp(cut), seed)
    if spec is DATED:  # then it is an attribute without a role, and attributes are known at closing
        deals, other = deals.drop(columns="seen"), other.drop(columns="seen")
    before, after = (DealHistory(table, spec).as_of(cut) for table in (deals, other))
    _same_view(before, after)
    pd.testing.assert_frame_equal(before.deals, after.deals)
    extracts = [extract_as_of(table, spec, cut)[0] for table in (deals, other)]
    pd.testing.assert_frame_equal(*extracts)


@both_forms
@SEEDED
@given(seed=st.integers(0, 10**6), first=CUTS, second=CUTS)
def test_the_order_of_as_of_calls_does_not_matter(spec, seed, first, second):
    deals = _deals(seed)
    one, other = DealHistory(deals, spec), DealHistory(deals, spec)
    forward = [one.as_of(day) for day in (first, second)]
    backward = [other.as_of(day) for day in (second, first)][::-1]
    for ours, theirs in zip(forward, backward, strict=True):
        _same_view(ours, theirs)


@both_forms
@SEEDED
@given(seed=st.integers(0, 10**6), first=CUTS, second=CUTS)
def test_the_view_of_a_view_is_the_view_as_of_the_earlier_day(spec, seed, first, second):
    history = DealHistory(_deals(seed), spec)
    _same_view(history.as_of(first).as_of(second), history.as_of(min(first, second)))


@SEEDED
@given(seed=st.integers(0, 10**6), cut=CUTS)
def test_a_subset_of_a_view_has_the_same_outcomes_and_attributes(seed, cut):
    deals = _deals(seed)
    view = DealHistory(deals, COLUMN).as_of(cut)
    chosen = np.arange(len(view)) % 3 == 0
    some = view.subset(chosen)
    pd.testing.assert_frame_equal(some.outcomes, view.outcomes[chosen])
    pd.testing.assert_frame_equal(some.attributes().frame, view.attributes().frame[chosen])
    assert some.subset(chosen[chosen]).index.tolist() == some.index.tolist()
    days = np.datetime64("2022-12-31"), np.datetime64("2023-07-01")
    for day in days:
        before = view.signed_before(day)
        assert before.index.tolist() == view.index[view.closed < day].tolist()
        np.testing.assert_array_equal(before.left, view.left[view.closed < day])
    if cut >= days[1].item():
        then = some.as_of(days[1])
        assert set(then.index) == set(some.index) & set(view.as_of(days[1]).index)


@SEEDED
@given(seed=st.integers(0, 10**6))
def test_dates_and_tenure_with_a_flag_give_the_same_outcomes(seed):
    deals = _deals(seed)
    dated = DealHistory(deals, DATED).as_of(None)
    table = deals[["seats"]].assign(months=dated.followup_months, left=dated.left)
    tenure = DealHistory(table, TENURE.replace(label={"horizon_months": 3})).as_of(None)
    for name in ("entry_months", "followup_months", "left", "early_churn"):
        np.testing.assert_array_equal(getattr(tenure, name), getattr(dated, name))
    np.testing.assert_array_equal(tenure.survival.survival, dated.survival.survival)
    np.testing.assert_array_equal(
        tenure.training_set().marginal_chance, dated.training_set().marginal_chance
    )
    assert tenure.closed is None
    assert not tenure.exited.any()


@SEEDED
@given(seed=st.integers(0, 10**6))
def test_a_day_after_the_end_of_the_extract_changes_nothing(seed):
    deals = _deals(seed)
    later = outcomes(deals, DATED, as_of="2030-01-01")
    pd.testing.assert_frame_equal(later, outcomes(deals, DATED))


@SEEDED
@given(seed=st.integers(0, 10**6), earlier=CUTS, later=CUTS)
def test_a_known_label_never_changes_later(seed, earlier, later):
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


def test_a_customer_who_exited_for_another_reason_is_censored_on_that_day():
    unknown = _one(exited="2024-04-14")
    assert np.isnan(unknown["early_churn"])
    assert not unknown["left"]
    assert unknown["mature"]
    assert _one(exited="2024-04-15")["early_churn"] == 0
    assert _one(exited="2024-03-01", churned="2024-03-01")["early_churn"] == 1


def test_a_churn_date_after_the_last_observation_has_not_happened():
    announced = _one(COLUMN, seen="2024-03-01", churned="2024-03-02")
    assert not announced["left"]
    assert np.isnan(announced["early_churn"])


def test_maturity_depends_on_the_extract_and_not_on_the_outcome():
    deals = pd.DataFrame(
        {"closed": "2024-01-15", "churned": ["2024-02-01", None], "exited": None,
         "seen": ["2024-02-01", "2024-12-31"]}
    ).apply(pd.to_datetime)  # fmt: skip
    assert outcomes(deals, COLUMN)["mature"].all()
    assert not outcomes(deals, COLUMN, as_of="2024-04-14")["mature"].any()
    assert outcomes(deals, COLUMN, as_of="2024-04-15")["mature"].all()


def test_the_extract_ends_on_the_latest_observation_or_on_the_as_of_day():
    deals = _deals(0)
    assert extract_end(deals, COLUMN) == deals["seen"].max()
    assert extract_end(deals, DATED) == END
    assert DealHistory(deals, DATED).as_of("2023-06-30").extract_end == np.datetime64("2023-06-30")
    assert extract_end(*extract_as_of(deals, DATED, "2023-06-30")) == pd.Timestamp("2023-06-30")
    assert extract_end(deals.iloc[:0], DATED) is None
    assert extract_end(pd.DataFrame({"months": [1.0], "left": [True]}), TENURE) is None


def test_neither_a_view_nor_an_extract_changes_the_callers_table():
    deals = _deals(2)
    before = deals.copy()
    view = DealHistory(deals, COLUMN).as_of("2023-09-30")
    view.labelled(), view.training_set()
    table, _ = extract_as_of(deals, COLUMN, "2023-09-30")
    pd.testing.assert_frame_equal(deals, before)
    assert (deals.attrs, view.deals.attrs, table.attrs) == ({}, {}, {})


def test_the_arrays_of_a_view_are_read_only():
    view = DealHistory(_deals(2), DATED).as_of(None)
    for name in ("positions", "followup_months", "left", "entry_months", "early_churn", "mature"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(view, name)[0] = 0


def test_changing_the_returned_outcomes_does_not_change_the_view():
    view = DealHistory(_deals(2), DATED).as_of(None)
    result = outcomes(view, DATED)
    result["left"] = True
    assert not view.outcomes["left"].all()


def test_the_table_of_an_earlier_view_has_no_outcome_columns():
    history = DealHistory(_deals(2), COLUMN)
    assert not {"churned", "exited", "seen"} & set(history.as_of("2023-09-30").deals.columns)
    assert history.as_of(None).deals is history.deals


def test_a_customer_no_longer_observed_has_exited_unless_it_left():
    deals = pd.DataFrame(
        {"closed": "2024-01-15", "churned": [None, None, "2024-03-01", None, None],
         "exited": [None, "2024-04-01", "2024-04-01", None, "2025-02-01"],
         "seen": ["2024-12-31", "2024-12-31", "2024-12-31", "2024-06-01", "2024-12-31"]}
    ).apply(pd.to_datetime)  # fmt: skip
    view = DealHistory(deals, COLUMN).as_of(None)
    assert view.exited.tolist() == [False, True, False, True, False]
    assert view.exited_for_other_cause.tolist() == [False, True, True, False, False]
    assert not DealHistory(deals, COLUMN).as_of("2024-03-31").exited.any()


def test_a_table_without_rows_has_outcomes_without_rows():
    empty = _deals(3).iloc[:0]
    assert outcomes(empty, DATED).empty
    assert outcomes(_deals(3), COLUMN, as_of="2020-01-01").empty
    nothing = DealHistory(_deals(3), COLUMN).as_of("2020-01-01")
    assert (len(nothing.labelled()), len(nothing.training_set())) == (0, 0)
    assert len(label_deals(empty, DATED)) == 0


def test_a_million_deals_are_processed_without_a_loop_over_rows():
    # a loop over rows would take half a minute and exceed the time limit of a test run
    deals = pd.concat([_deals(4, n=5000)] * 200, ignore_index=True)
    result = outcomes(deals, DATED)
    assert len(result) == 1_000_000
    np.testing.assert_array_equal(result["left"][:5000], result["left"][-5000:])
    assert censoring_weights(result, 3).values.shape == (1_000_000,)  # noqa: PD011 - ours


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"closed": None}, "'closed' is empty in 1 of 3 deals, such as row 2: a deal has a clos"),
        ({"churned": "2022-01-01"}, "churned_on is before 'closed' in 1 of 3 deals, such as row"),
        ({"exited": "2022-01-01"}, "exited_on is before 'closed' in 1 of 3"),
        ({"seen": "2022-01-01"}, "observed_until is before 'closed' in 1 of 3"),
        ({"seen": None}, "'seen' is empty in 1 of 3 deals"),
    ],
)
def test_dates_that_contradict_each_other_are_refused(change, message):
    deals = _deals(5, n=3).reset_index(drop=True)
    for column, value in change.items():
        deals.loc[2, column] = pd.NaT if value is None else pd.Timestamp(value)
    with pytest.raises(DealsError, match=message):
        outcomes(deals, COLUMN)


def test_texts_that_are_not_dates_and_missing_columns_are_named_in_the_error():
    deals = _deals(6)
    with pytest.raises(DealsError, match="column 'churned' does not hold dates"):
        outcomes(deals.assign(churned="soon"), DATED)
    with pytest.raises(DealsError, match=r"no column \['exited'\]"):
        outcomes(deals.drop(columns="exited"), DATED)
    with pytest.raises(DealsError, match="observed_until is 'seen', neither a date nor a column"):
        outcomes(deals.drop(columns="seen"), COLUMN)
    with pytest.raises(DealsError, match="as_of 'someday' is not a date"):
        outcomes(deals, DATED, as_of="someday")


def test_deals_with_a_tenure_have_no_as_of_view():
    table = pd.DataFrame({"months": [1.0], "left": [True]})
    with pytest.raises(DealsError, match="say how long a customer stayed, not when"):
        DealHistory(table, TENURE).as_of("2024-01-01")
    with pytest.raises(DealsError, match="say how long a customer stayed, not when"):
        extract_as_of(table, TENURE, "2024-01-01")
    with pytest.raises(DealsError, match="add closed_on and churned_on"):
        outcomes(table, TENURE, as_of="2024-01-01")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            {"months": [1.0, None], "left": [True, False]},
            "'months' is empty or not a number in 1 of",
        ),
        (
            {"months": [1.0, 2.0], "left": ["Yes", "No"]},
            "'left' is empty or not a number in 2 of 2",
        ),
        ({"months": [1.0, -2.0], "left": [True, False]}, "'months' is negative in 1 deals"),
        ({"months": [1.0, 2.0], "left": [2, 0]}, "'left' must be yes or no"),
        ({"left": [True, False]}, "no column 'months'"),
    ],
)
def test_an_empty_or_invalid_tenure_or_flag_is_refused(table, message):
    with pytest.raises(DealsError, match=message):
        outcomes(pd.DataFrame(table), TENURE)


@pytest.mark.slow
def test_a_training_parses_each_date_column_once_per_table(monkeypatch):
    sim = simulate_deals(1200, seed=4, months=30)
    parsed, made = Counter(), []

    def counting(dates, _real=months.to_days):
        parsed[getattr(dates, "name", None)] += isinstance(dates, pd.Series)
        return _real(dates)

    monkeypatch.setattr(_outcome_columns, "to_days", counting)
    made_by = DealHistory.__init__
    monkeypatch.setattr(
        DealHistory, "__init__", lambda self, *given: made.append(1) or made_by(self, *given)
    )
    view = DealHistory(sim.deals, sim.spec).as_of(None)
    evaluate(view, sim.spec)
    learn(view, sim.spec, replicates=2)
    audit(view, sim.spec)
    compare_horizons(view, sim.spec)
    assert +parsed == {"closed_on": 1, "churned_on": 1}
    assert len(made) == 1


def test_a_view_computes_each_result_only_once(monkeypatch):
    calls = Counter()
    for name in (
        "survival_with_unknown_days",
        "censoring_weights",
        "read_attributes",
        "months_between",
    ):
        real = getattr(history_view, name)

        def counting(*given, _name=name, _real=real, **named):
            calls[_name] += 1
            return _real(*given, **named)

        monkeypatch.setattr(history_view, name, counting)
    view = DealHistory(_deals(1), DATED).as_of("2024-06-30")
    for _ in range(3):
        assert view.survival is view.survival
        view.labelled(), view.training_set(), view.label_weights, view.mature
        assert view.history.as_of("2024-06-30") is view
        assert view.subset(view.left).attributes().frame.equals(view.attributes().frame[view.left])
    assert calls == {
        "survival_with_unknown_days": 1, "censoring_weights": 1, "read_attributes": 1,
        "months_between": 2,  # until the end of each deal, and until the end of its observation
    }  # fmt: skip


def test_a_contract_with_the_same_roles_reuses_the_parsed_dates(monkeypatch):
    history = DealHistory(_deals(1), DATED)
    monkeypatch.setattr(_outcome_columns, "to_days", None)
    longer = history.as_of(None).with_spec(DATED.replace(label={"horizon_months": 9}))
    assert longer.history.columns is history.columns
    assert longer.mature.sum() < history.as_of(None).mature.sum()
    assert history.as_of(None).with_spec(DATED) is history.as_of(None)
