"""The evaluation of a model on deals not used for training, with a named split."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.enough import FULL_CHURNERS, MIN_CHURNERS
from fitmodel.deals.history import DealHistory
from fitmodel.evaluation import _instability, out_of_time, re_evaluation, sample_size
from fitmodel.evaluation.metrics import compute_metrics, shows_skill
from fitmodel.evaluation.out_of_time import (
    IN_BLOCKS,
    IN_FOLDS,
    IN_FOLDS_ALTHOUGH_DATED,
    IN_SMALL_BLOCKS,
    Evaluation,
    evaluate,
    evaluate_on_blocks,
    gap_to_black_box,
)
from fitmodel.exceptions import DealsError
from fitmodel.learning.editing import Cap
from fitmodel.learning.learner import learn

QUICK = {"components": ("logistic",), "penalties": (10.0,), "replicates": 3, "folds": 2}


@pytest.fixture(autouse=True)
def no_black_box(monkeypatch):
    """The black-box reference is slow and has its own tests."""
    monkeypatch.setattr(
        out_of_time,
        "black_box_probabilities",
        lambda _train, asked, _options: np.full(len(asked), 0.2),
    )


@pytest.fixture(scope="module")
def quick(spec):
    return spec.replace(learning=QUICK, attributes={"include": ("seats", "noise")})


@pytest.fixture(scope="module")
def deals(make_deals):
    return make_deals(900)


def measured(evaluation):
    table = evaluation.table
    return compute_metrics(
        table["early_churn"], table["probability"], weight=table["weight"],
        base_rate=table["base_rate"], n_boot=200,
    )  # fmt: skip


def test_later_deals_are_predicted_by_a_model_of_earlier_deals(deals, quick):
    result = evaluate(deals, quick)
    closed = deals["closed_on"]
    assert result.method == "out-of-time"
    assert (closed[result.table.index] >= result.split_date).all()
    assert closed[result.learned.training_set.index].max() < result.split_date
    assert result.n_train == len(result.learned.training_set)
    assert result.notes == ()
    assert result.table["probability"].between(0, 1, inclusive="neither").all()
    assert shows_skill(measured(result))


def test_nothing_after_the_split_changes_a_prediction(deals, quick):
    result = evaluate(deals, quick)
    changed = deals.copy()
    later = changed["churned_on"] > result.split_date
    changed.loc[later, "churned_on"] += pd.Timedelta(days=1)
    trained_on = changed["closed_on"] < result.split_date
    changed.loc[later & trained_on, "churned_on"] = pd.NaT
    again = evaluate(changed, quick)
    assert again.split_date == result.split_date
    pd.testing.assert_series_equal(
        again.table["probability"], result.table["probability"].loc[again.table.index]
    )


def test_the_base_is_a_model_of_the_level_without_attributes(deals, quick):
    result = evaluate(deals, quick)
    (rate,) = set(result.table["base_rate"])
    assert rate == result.learned.scorecard.base_rate
    own = result.learned.estimator.predict_proba(result.learned.training_set.attributes)[:, 1]
    assert rate == pytest.approx(own.mean(), rel=0.01)


def test_with_too_few_recent_leavers_an_earlier_split_is_used_and_named(make_deals, quick):
    deals = make_deals(1_200)
    calm = deals["closed_on"] >= "2025-03-15"
    deals["churned_on"] = deals["churned_on"].where(~calm)
    result = evaluate(deals, quick)
    assert result.method == "out-of-time"
    mature = DealHistory(deals, quick).as_of(None).mature
    share = len(result.table) / mature.sum()
    assert share > 0.3
    (note,) = result.notes
    assert f"newest {share:.0%} of the mature deals instead of the newest 25%" in note
    assert "learned from fewer deals than the one shipped" in note
    assert result.table["early_churn"].sum() >= 10


def _with_leavers(deals, ranges):
    """The deals, with a given number of early leavers in each range of rows."""
    days = (deals["churned_on"] - deals["closed_on"]).dt.days
    kept = []
    for first, last, count in ranges:
        early = deals.index[(days <= 150) & (deals.index >= first) & (deals.index < last)]
        kept += list(early[np.linspace(0, len(early) - 1, count).astype(int)])
    return deals.assign(churned_on=deals["churned_on"].where(deals.index.isin(kept)))


@pytest.mark.slow
def test_what_is_refitted_on_a_part_has_the_regime_of_all_deals(quick_learner, monkeypatch):
    """With 60 early churners the model is a full one, also where a part has fewer than 50."""
    sim = simulate_deals(330, seed=1)
    spec = sim.spec.replace(learning=quick_learner)
    regimes = []

    def learning(view, spec, **options):
        learned = learn(view, spec, **options)
        regimes.append((learned.regime, int((learned.training_set.early_churn == 1).sum())))
        return learned

    for module in (re_evaluation, sample_size, _instability):
        monkeypatch.setattr(module, "learn", learning)
    re_evaluation.re_evaluate(sim.deals, spec, Cap("seats", (None, None), 0.1))
    sample_size.compute_learning_curve(sim.deals, spec, shares=(0.8, 0.9, 1.0))
    _instability.compute_instability(
        sim.deals, spec, sim.deals.head(3), lambda p: p > 0.4, replicates=5
    )

    assert {regime for regime, _ in regimes} == {"full"}
    assert min(churners for _, churners in regimes) < 50


def test_if_no_date_can_split_the_deals_blocks_in_time_are_evaluated(make_deals, quick):
    """Most churners are new: too few to learn from before the split, enough in four blocks."""
    deals = _with_leavers(make_deals(900), [(0, 540, 22), (640, 840, 38)])
    result = evaluate(deals, quick)
    assert result.method == "blocks in time"
    assert result.split_date is None
    assert result.notes == (IN_BLOCKS,)
    assert "later ones too" in IN_BLOCKS


@pytest.mark.slow
def test_if_one_block_has_all_churners_random_folds_are_evaluated_and_named(make_deals, quick):
    deals = _with_leavers(make_deals(2400), [(0, 1440, 4), (1920, 2250, 56)])
    result = evaluate(deals, quick)
    assert result.method == "cross-validation"
    assert result.notes == (IN_FOLDS_ALTHOUGH_DATED,)
    assert "not out of time" in IN_FOLDS_ALTHOUGH_DATED


def test_a_table_with_just_enough_churners_can_be_evaluated(make_deals, quick):
    """Exactly as many churners as training needs: the check passes, so training must too."""
    for least in (MIN_CHURNERS, FULL_CHURNERS):
        deals = _with_leavers(make_deals(900), [(0, 840, least)])
        assert len(evaluate(deals, quick).table)


def test_with_few_early_churners_each_block_is_predicted_at_the_overall_level(make_deals, quick):
    """Otherwise a block with many of the few churners would be ranked below the others."""
    deals = _with_leavers(make_deals(300), [(0, 100, 12), (100, 240, 8)])
    result = evaluate(deals, quick)
    rate = 1 - DealHistory(deals, quick).as_of(None).survival.at(5.0)
    assert result.method == "blocks in time"
    assert result.notes == (IN_SMALL_BLOCKS,)
    assert result.table["base_rate"].to_numpy() == pytest.approx(rate, rel=0.01)
    assert result.table["probability"].mean() == pytest.approx(rate, rel=0.25)


def test_every_block_is_predicted_once_by_a_model_of_the_other_blocks(deals, quick, monkeypatch):
    learned = []
    learn = out_of_time.learn_from_set

    def remember(training_set, *given, **named):
        learned.append(set(training_set.index))
        return learn(training_set, *given, **named)

    monkeypatch.setattr(out_of_time, "learn_from_set", remember)
    result = evaluate_on_blocks(deals, quick)
    labelled = DealHistory(deals, quick).as_of(None).labelled()
    assert list(result.table.index) == list(labelled.index)
    assert len(learned) == out_of_time.EVALUATION_FOLDS
    held_out = [set(deals.index) - inside for inside in learned]
    assert sum(map(len, held_out)) == len(deals)
    closed = [deals.loc[list(block), "closed_on"] for block in held_out]
    spans = sorted((days.min(), days.max()) for days in closed)
    assert all(earlier[1] < later[0] for earlier, later in pairwise(spans))


@pytest.mark.slow
def test_deals_with_a_tenure_are_cross_validated_and_the_method_is_named(deals, spec):
    view = DealHistory(deals, spec).as_of(None)
    table = deals.assign(tenure=view.followup_months, gone=view.left)
    tenure = DealSpec(
        deals={"tenure_months": "tenure", "churned": "gone"},
        attributes={"include": ("seats", "noise")},
        learning=QUICK,
    )
    result = evaluate(table, tenure)
    assert result.method == "cross-validation"
    assert result.notes == (IN_FOLDS,)
    assert result.table.index.is_unique
    assert result.n_train < len(table)
    assert shows_skill(measured(result))


def test_too_few_deals_for_evaluation_are_refused_with_their_count(make_deals, quick):
    few = make_deals(30)
    with pytest.raises(DealsError, match=r"early churner\(s\); 15 needed"):
        evaluate(few, quick)


@pytest.mark.slow
def test_attributes_without_signal_show_skill_in_at_most_1_of_20_companies(make_deals, quick):
    shown = 0
    for seed in range(40):
        shown += shows_skill(measured(evaluate(make_deals(500, seed=seed, shuffled=True), quick)))
    assert shown <= 2


def test_a_decreased_level_is_not_skill(make_deals, quick):
    """The rate halves and no attribute has a signal: any gain comes from the level."""
    deals = make_deals(1_500, seed=5, shuffled=True)
    random = np.random.default_rng(5)
    later = deals["closed_on"] >= "2024-09-01"
    deals["churned_on"] = deals["churned_on"].where(~later | (random.random(1_500) < 0.4))
    result = measured(evaluate(deals, quick))
    assert not shows_skill(result)


def test_the_gap_to_the_black_box_is_the_difference_of_log_losses(evaluated):
    table = pd.DataFrame(
        {
            "early_churn": evaluated.y,
            "probability": evaluated.p,
            "weight": evaluated.weight,
            "black_box": np.clip(0.5 * evaluated.p + 0.1, 0, 1),
        }
    )
    result = gap_to_black_box(Evaluation("out-of-time", None, table, table, 10), n_boot=50)
    p, q = table["probability"], table["black_box"]

    def loss(given):
        return -np.average(
            evaluated.y * np.log(given) + (1 - evaluated.y) * np.log(1 - given),
            weights=evaluated.weight,
        )

    assert result.value == pytest.approx(loss(p) - loss(q))
    assert result.low < result.value < result.high < 0
