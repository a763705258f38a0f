"""Splits use no future data, keep days together and train on labels known at the date."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history import DealHistory
from fitmodel.deals.outcomes import label_deals, outcomes
from fitmodel.evaluation._splits import (
    blocks_in_time,
    latest_possible_split,
    out_of_time_split,
    rolling_cuts,
)
from fitmodel.exceptions import DealsError


@pytest.fixture(scope="module")
def deals(make_deals):
    return make_deals()


def mature(deals, spec):
    return deals[outcomes(deals, spec)["mature"].to_numpy()]


def test_training_deals_were_signed_before_all_test_deals(deals, spec):
    split = out_of_time_split(deals, spec)
    assert split.train.deals["closed_on"].max() < split.date
    assert split.test.deals["closed_on"].min() == split.date


def test_training_data_contain_nothing_after_the_date(deals, spec):
    split = out_of_time_split(deals, spec)
    assert split.train.day == split.date
    assert "churned_on" not in split.train.deals
    later = (deals["closed_on"] < split.date) & (deals["churned_on"] > split.date)
    assert later.sum() > 0
    left = pd.Series(split.train.left, split.train.index)
    assert not left[later[later].index].any()
    assert left.sum() == ((deals["closed_on"] < split.date) & deals["churned_on"].notna()).sum() - (
        later.sum()
    )


def test_training_labels_are_those_known_on_the_date(deals, spec):
    split = out_of_time_split(deals, spec)
    train = label_deals(split.train, spec, as_of=split.date)
    known = outcomes(deals, spec, as_of=split.date).loc[train.index, "early_churn"]
    np.testing.assert_array_equal(train.early_churn, known)
    assert len(train) < len(split.train)


def test_events_after_the_date_do_not_change_the_training_data(deals, spec):
    split = out_of_time_split(deals, spec)
    changed = deals.copy()
    after = changed["churned_on"] >= split.date + pd.Timedelta(days=1)
    changed.loc[after, "churned_on"] += pd.Timedelta(days=3)
    again = out_of_time_split(changed, spec)
    pd.testing.assert_frame_equal(again.train.outcomes, split.train.outcomes)
    pd.testing.assert_frame_equal(again.train.deals, split.train.deals)


def test_only_mature_deals_are_evaluated(deals, spec):
    split = out_of_time_split(deals, spec)
    assert set(split.test.index) <= set(mature(deals, spec).index)
    last = pd.Timestamp("2026-06-30") - pd.DateOffset(months=5)
    assert split.test.deals["closed_on"].max() <= last


@pytest.mark.parametrize("share", [0.1, 0.25, 0.6])
def test_the_test_set_has_the_newest_share_of_mature_deals(deals, spec, share):
    split = out_of_time_split(deals, spec, test_share=share)
    ripe = mature(deals, spec)
    assert len(split.test) / len(ripe) == pytest.approx(share, abs=0.005)
    assert len(split.test) == (ripe["closed_on"] >= split.date).sum()


def test_the_deals_of_one_day_stay_together(spec, make_deals):
    deals = make_deals()
    deals["closed_on"] = deals["closed_on"].dt.to_period("M").dt.start_time  # 40 days in total
    split = out_of_time_split(deals, spec)
    assert split.date.day == 1
    assert not (split.train.deals["closed_on"] == split.date).any()
    assert len(split.test) / len(mature(deals, spec)) == pytest.approx(0.25, abs=0.02)


def test_closing_times_within_a_day_do_not_split_it(deals, spec):
    hours = pd.to_timedelta(np.arange(len(deals)) % 24, "h")
    timed = deals.assign(closed_on=deals["closed_on"] + hours)
    assert list(out_of_time_split(timed, spec).test.index) == list(
        out_of_time_split(deals, spec).test.index
    )


def test_the_order_of_the_rows_and_their_labels_do_not_matter(deals, spec):
    turned = deals.sample(frac=1, random_state=0)
    again = out_of_time_split(turned, spec)
    assert set(again.test.index) == set(out_of_time_split(deals, spec).test.index)
    same_label = deals.set_axis(np.zeros(len(deals), dtype=int))
    assert len(out_of_time_split(same_label, spec).test) == len(again.test)


def test_the_input_deals_are_not_changed(deals, spec):
    before = deals.copy()
    rolling_cuts(deals, spec)
    pd.testing.assert_frame_equal(deals, before)


def test_rolling_cuts_evaluate_every_newer_mature_deal_once(deals, spec):
    splits = rolling_cuts(deals, spec, 4)
    evaluated = pd.concat(split.test.deals for split in splits)
    ripe = mature(deals, spec)
    assert evaluated.index.is_unique
    assert set(evaluated.index) == set(ripe.index[ripe["closed_on"] >= splits[0].date])
    sizes = [len(split.test) for split in splits]
    assert max(sizes) - min(sizes) < 0.05 * sum(sizes)


def test_rolling_cuts_move_forward_and_train_on_more_deals(deals, spec):
    splits = rolling_cuts(deals, spec, 5)
    assert len(splits) == 5
    dates = [split.date for split in splits]
    assert dates == sorted(set(dates))
    sizes = [len(split.train) for split in splits]
    assert sizes == sorted(sizes)
    for split, following in zip(splits, dates[1:], strict=False):
        assert split.test.deals["closed_on"].max() < following


def test_one_rolling_cut_is_the_out_of_time_split(deals, spec):
    (cut,) = rolling_cuts(deals, spec, 1, test_share=0.3)
    split = out_of_time_split(deals, spec, test_share=0.3)
    assert cut.date == split.date
    pd.testing.assert_frame_equal(cut.test.deals, split.test.deals)
    pd.testing.assert_frame_equal(cut.test.outcomes, split.test.outcomes)


def test_the_splits_work_on_simulated_deals():
    sim = simulate_deals(1500, seed=1)
    split = out_of_time_split(sim.deals, sim.spec)
    assert label_deals(split.test, sim.spec).early_churn.sum() > 20


def test_the_error_for_too_few_test_churners_gives_their_number_and_the_waiting_time(deals, spec):
    message = (
        r"Too little to evaluate on, signed from 20\d\d-\d\d-\d\d on: \d+ early churners among \d+ "
        r"deals; 300 needed; at your rate that is about \d+ more month\(s\)\. Remedy: a later"
    )
    with pytest.raises(DealsError, match=message):
        out_of_time_split(deals, spec, test_share=0.1, min_early_churners=300)


def test_the_error_for_too_few_training_churners_gives_their_number(deals, spec):
    young = deals[deals["closed_on"] >= "2025-06-01"]
    message = (
        r"Too little known on .* to learn from: \d+ early churners among \d+ deals; 150 needed"
    )
    with pytest.raises(DealsError, match=message):
        out_of_time_split(young, spec, min_early_churners=150)


def test_the_error_without_any_churner_gives_no_waiting_time(deals, spec):
    stayed = deals.assign(churned_on=pd.NaT)
    with pytest.raises(DealsError, match=r"0 early churners among \d+ deals; 10 needed\. Remedy"):
        out_of_time_split(stayed, spec)


def test_deals_without_customers_who_stayed_are_an_error(deals, spec):
    left = deals.assign(churned_on=deals["closed_on"] + pd.Timedelta(days=30))
    with pytest.raises(DealsError, match="0 other customers among"):
        out_of_time_split(left, spec)


def test_no_mature_deal_is_an_error_that_names_the_horizon(deals, spec):
    young = deals[deals["closed_on"] > "2026-03-01"]
    with pytest.raises(DealsError, match=r"None of \d+ deals is mature: none closed 5 months"):
        out_of_time_split(young, spec)


def test_deals_of_one_closing_day_cannot_be_split(deals, spec):
    same = deals.assign(closed_on=pd.Timestamp("2024-01-01"), churned_on=pd.NaT)
    with pytest.raises(DealsError, match=r"closed on 1 day\(s\), too few to cut at 1"):
        out_of_time_split(same, spec)


def test_more_cuts_than_days_are_refused(deals, spec):
    months = deals.assign(closed_on=deals["closed_on"].dt.to_period("Q").dt.start_time)
    with pytest.raises(DealsError, match=r"too few to cut at 20 date\(s\)"):
        rolling_cuts(months, spec, 20)


@pytest.mark.parametrize("options", [{"n": 0}, {"test_share": 0.0}, {"test_share": 1.0}])
def test_impossible_cuts_are_refused(deals, spec, options):
    with pytest.raises(DealsError, match="give 1 cut or more and a share between"):
        rolling_cuts(deals, spec, **options)


def test_a_tenure_cannot_be_split_in_time(deals):
    tenure = DealSpec(deals={"tenure_months": "tenure", "churned": "churn"})
    with pytest.raises(
        DealsError, match=r"contract gives a tenure\. Remedy: .*`fitmodel train` needs no dates"
    ):
        out_of_time_split(deals, tenure)


def test_the_latest_possible_split_is_the_standard_split_if_it_has_enough_churners(deals, spec):
    assert latest_possible_split(deals, spec).date == out_of_time_split(deals, spec).date


def test_with_few_recent_leavers_the_split_moves_back_until_there_are_enough(deals, spec):
    """Nobody in the newest third left early; the earlier deals have enough leavers."""
    ripe = mature(deals, spec)
    day = ripe["closed_on"].sort_values().iloc[int(0.66 * len(ripe))]
    calm = deals.assign(churned_on=deals["churned_on"].where(deals["closed_on"] < day))
    with pytest.raises(DealsError, match="0 early churners"):
        out_of_time_split(calm, spec)
    split = latest_possible_split(calm, spec)
    assert split.date < day
    assert label_deals(split.test, spec).early_churn.sum() >= 10
    assert split.train.deals["closed_on"].max() < split.date
    share = len(split.test) / len(ripe)
    assert share == pytest.approx(0.35, abs=0.02)


def test_if_no_split_has_enough_churners_the_error_is_that_of_the_standard_split(deals, spec):
    nobody = deals.assign(churned_on=pd.NaT)
    messages = []
    for split in (out_of_time_split, latest_possible_split):
        with pytest.raises(DealsError) as caught:
            split(nobody, spec)
        messages.append(str(caught.value))
    assert "0 early churners" in messages[0]


@pytest.mark.parametrize("n_blocks", [2, 5])
def test_blocks_contain_consecutive_days_and_have_similar_sizes(deals, spec, n_blocks):
    view = DealHistory(deals, spec).as_of(None)
    blocks = blocks_in_time(view, n_blocks)
    assert len(blocks) == n_blocks
    np.testing.assert_array_equal(np.sort(np.concatenate(blocks)), np.arange(len(view)))
    sizes = [len(block) for block in blocks]
    assert max(sizes) - min(sizes) < 0.05 * len(view)
    for earlier, later in pairwise(blocks):
        assert view.closed[earlier].max() < view.closed[later].min()


def test_the_deals_of_one_day_are_never_in_two_blocks(spec, make_deals):
    deals = make_deals()
    deals["closed_on"] = deals["closed_on"].dt.to_period("Q").dt.start_time
    view = DealHistory(deals, spec).as_of(None)
    days = [set(view.closed[block]) for block in blocks_in_time(view, 4)]
    assert sum(map(len, days)) == len(set(view.closed))


def test_deals_without_dates_have_no_blocks(deals, spec):
    view = DealHistory(deals, spec).as_of(None)
    tenure = DealSpec(deals={"tenure_months": "tenure", "churned": "gone"})
    table = pd.DataFrame({"tenure": view.followup_months, "gone": view.left, "seats": 1.0})
    with pytest.raises(DealsError, match="without closing dates"):
        blocks_in_time(DealHistory(table, tenure).as_of(None), 4)
