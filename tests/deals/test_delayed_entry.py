"""Delayed entry: if leavers were not recorded at first, older deals count only from that day."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history import DealHistory, extract_as_of
from fitmodel.deals.months import months_between
from fitmodel.deals.outcomes import censoring_weights, label_deals, outcomes, training_deals
from fitmodel.deals.reading import read_deals
from fitmodel.evaluation.backtest import rolling_cuts
from fitmodel.exceptions import DealsError, SpecError
from fitmodel.sales._segments import log_rank_scores
from fitmodel.sales.rates import expected_leavers

START = pd.Timestamp("2024-06-01")
ROLES = {"closed_on": "closed", "churned_on": "churned", "observed_until": "2024-12-31"}
SPEC = DealSpec(deals={**ROLES, "observed_from": "2024-06-01"}, label={"horizon_months": 5})


def _table(*rows: tuple[str, str | None]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["closed", "churned"]).apply(pd.to_datetime)
    return frame.assign(seats=range(len(rows)))


SIX = _table(
    ("2024-03-01", "2024-07-01"),  # enters at 3 months, leaves at 4
    ("2024-01-01", None),  # enters at 5 months: stayed for the whole horizon before recording began
    ("2024-05-31", None),  # signed the day before
    ("2024-06-01", "2024-08-01"),  # signed on the day: observed from signing
    ("2024-06-15", None),
    ("2024-06-20", None),
)


@pytest.fixture(scope="module")
def recorded_late():
    """Simulated deals without the leavers before a day, and the same deals with them."""
    sim = simulate_deals(6000, seed=2, months=36)
    start = pd.Timestamp("2025-01-01")
    kept = ~(sim.deals["churned_on"] < start)
    spec = sim.spec.replace(deals={"observed_from": start.date()})
    return sim.deals[kept], spec, sim.deals, sim.spec


def test_a_deal_signed_before_recording_enters_at_its_age_on_that_day() -> None:
    view = DealHistory(SIX, SPEC).as_of(None)
    expected = months_between(SIX["closed"].to_numpy().astype("datetime64[D]"),
                              np.full(6, np.datetime64("2024-06-01")))  # fmt: skip
    np.testing.assert_allclose(view.entry_months, np.maximum(expected, 0))
    assert view.entry_months[:2].tolist() == [3.0, 5.0]
    assert view.from_signing.tolist() == [False, False, False, True, True, True]
    assert outcomes(SIX, SPEC)["entry_months"].tolist() == view.entry_months.tolist()


def test_a_late_entry_has_a_known_outcome_but_no_label_for_evaluation() -> None:
    view = DealHistory(SIX, SPEC).as_of(None)
    assert view.early_churn.tolist() == [1, 0, 0, 1, 0, 0]
    labelled = label_deals(SIX, SPEC)
    assert labelled.index.tolist() == [3, 4, 5]
    assert labelled.late_entries == 3
    assert label_deals(SIX, SPEC.replace(deals={"observed_from": None})).late_entries == 0
    for weights in (censoring_weights(view.outcomes, 5), view.label_weights):
        assert weights.values.tolist() == [0, 0, 0, 1, 1, 1]  # noqa: PD011 - ours


def test_the_training_set_has_every_deal_with_its_entry_time() -> None:
    view = DealHistory(SIX, SPEC).as_of(None)
    training = view.training_set()
    assert len(training) == 6
    np.testing.assert_array_equal(training.entry_months, view.entry_months)
    np.testing.assert_array_equal(training.survival.survival, view.survival.survival)
    assert training_deals(SIX, SPEC).index.tolist() == [3, 4, 5]


def test_the_survival_curve_counts_a_deal_from_its_entry_time() -> None:
    curve = DealHistory(SIX, SPEC).as_of(None).survival
    # at 2 months: the three signed since, and the deal that entered after a day
    assert curve.at_risk[curve.times == 2.0].tolist() == [4]
    # at 4 months: one of them has left, and the deal that entered at 3 months is at risk
    assert curve.at_risk[curve.times == 4.0].tolist() == [4]
    assert curve.at(5.0) == pytest.approx(3 / 4 * 3 / 4)


def test_the_rate_with_delayed_entry_equals_the_rate_of_the_complete_table(recorded_late) -> None:
    deals, spec, everything, whole_spec = recorded_late
    horizon = 5.0
    true = DealHistory(everything, whole_spec).as_of(None).survival.at(horizon)
    known = DealHistory(deals, spec).as_of(None).survival.at(horizon)
    ignored = DealHistory(deals, whole_spec).as_of(None).survival.at(horizon)
    assert known == pytest.approx(true, abs=0.02)
    assert ignored > true + 0.04


def test_only_deals_observed_from_signing_are_used_for_evaluation(recorded_late) -> None:
    deals, spec, *_ = recorded_late
    for split in rolling_cuts(deals, spec, 2):
        assert split.test.from_signing.all()
        labelled = split.train.labelled()
        assert (labelled.closed_on >= "2025-01-01").all()
        assert labelled.late_entries == (split.train.deals["closed_on"] < "2025-01-01").sum()


@settings(derandomize=True, deadline=None, max_examples=25)
@given(cut=st.dates(dt.date(2024, 6, 1), dt.date(2025, 3, 1)))
def test_the_view_as_of_a_day_equals_the_view_of_an_extract_of_that_day(cut) -> None:
    view = DealHistory(SIX, SPEC).as_of(cut)
    again = DealHistory(*extract_as_of(SIX, SPEC, cut)).as_of(None)
    pd.testing.assert_frame_equal(view.outcomes, again.outcomes)


def test_a_deal_that_exited_before_recording_began_does_not_change_the_curve() -> None:
    table = SIX.assign(exited=pd.to_datetime([None, "2024-04-01", None, None, None, None]))
    spec = SPEC.replace(deals={"exited_on": "exited"})
    view = DealHistory(table, spec).as_of(None)
    assert view.entry_months[1] == view.followup_months[1] == 3.0
    without = DealHistory(table.drop(index=1), spec).as_of(None).survival
    np.testing.assert_array_equal(view.survival.at_risk, without.at_risk)
    np.testing.assert_array_equal(view.survival.survival, without.survival)
    assert 1 not in view.labelled().index


def test_a_churn_date_before_observed_from_is_refused() -> None:
    table = SIX.assign(churned=SIX["churned"].mask(SIX.index == 1, pd.Timestamp("2024-05-31")))
    message = (
        r"'churned' is before observed_from \(2024-06-01\), when leavers were not recorded, in 1 "
        "of 6 deals, such as row 1: set observed_from to the day"
    )
    with pytest.raises(DealsError, match=message):
        DealHistory(table, SPEC)
    with pytest.raises(DealsError, match=message):
        read_deals(table, SPEC)
    on_the_day = SIX.assign(churned=SIX["churned"].mask(SIX.index == 1, START))
    assert DealHistory(on_the_day, SPEC).as_of(None).left[1]


def test_a_view_as_of_a_day_before_observed_from_is_refused() -> None:
    with pytest.raises(DealsError, match="as of 2024-05-31 it is not known who left"):
        DealHistory(SIX, SPEC).as_of("2024-05-31")
    late = SPEC.replace(deals={"observed_from": "2025-01-01"})
    with pytest.raises(DealsError, match=r"observed_from \(2025-01-01\) is after the last day"):
        DealHistory(SIX[1:3], late)


def test_if_no_deal_was_observed_from_signing_the_survival_curve_is_refused() -> None:
    view = DealHistory(SIX[:2], SPEC).as_of(None)
    assert len(view.labelled()) == 0
    with pytest.raises(DealsError, match="observed from its signing .* the first 3.0 months"):
        _ = view.survival


def test_observed_from_must_be_a_date(tmp_path) -> None:
    path = tmp_path / "fitmodel.toml"
    path.write_text(SPEC.to_toml())
    assert DealSpec.from_toml(path) == SPEC == DealSpec(**SPEC.to_dict())
    assert SPEC.deals.observed_from == dt.date(2024, 6, 1)
    assert "observed_from" not in SPEC.role_columns
    for wrong in ("since", 20240601, "2024-13-01"):
        with pytest.raises(SpecError, match="observed_from must be a date such as 2023-01-31"):
            DealSpec(deals={**ROLES, "observed_from": wrong})
    with pytest.raises(SpecError, match="has tenure_months and observed_from"):
        DealSpec(deals={"tenure_months": "t", "churned": "c", "observed_from": "2024-06-01"})


def _entered(seed: int = 0, n: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    stays, entry = np.ceil(random.exponential(8, n)), np.floor(random.uniform(0, 8, n))
    entry[::2] = 0
    there = stays >= entry
    months = np.minimum(stays, np.maximum(entry, 6.0))
    return months[there], (stays == months)[there], entry[there]


def test_log_rank_scores_add_up_to_0_and_count_no_hazard_before_entry() -> None:
    months, left, entry = _entered()
    scores = log_rank_scores(months, left, 5.0, entry_months=entry)
    assert scores.sum() == pytest.approx(0, abs=1e-9)
    assert (scores[entry > 5] == 0).all()
    late = entry <= 5
    expected = (left & (months <= 5)) - scores
    hazard = np.zeros(6)
    for age in range(1, 6):
        at_risk = (entry <= age) & (months >= age)
        hazard[age] = (left & (months == age)).sum() / at_risk.sum()
    by_hand = [
        hazard[max(int(first), 1) : min(int(last), 5) + 1].sum()
        for first, last in zip(entry, months, strict=True)
    ]
    np.testing.assert_allclose(expected[late], np.array(by_hand)[late])


def test_expected_leavers_count_only_the_hazard_after_entry() -> None:
    view = DealHistory(SIX, SPEC).as_of(None)
    p = np.full(6, 0.3)
    whole = expected_leavers(p, np.full(6, 5.0), view.survival, 5.0)
    seen = expected_leavers(p, np.full(6, 5.0), view.survival, 5.0, entry_months=[0, 3, 4, 5, 9, 2])
    curve, share = view.survival, np.log(view.survival.at(5.0))
    after = [1 - np.log(curve.at(float(m))) / share for m in (0, 3, 4, 5, 5, 2)]
    np.testing.assert_allclose(seen, whole * after)
    assert seen[3] == seen[4] == 0
