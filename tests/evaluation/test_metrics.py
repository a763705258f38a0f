"""The metrics equal those of scikit-learn; their intervals have the nominal coverage."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics as peer

from fitmodel.evaluation._pages import as_json
from fitmodel.evaluation.metrics import (
    Difference,
    Metric,
    compare_log_loss,
    compute_metrics,
    roc_auc,
)
from fitmodel.evaluation.sample import Sample
from fitmodel.exceptions import DealsError

BASE = 0.2
PEERS = {
    "roc_auc": peer.roc_auc_score,
    "average_precision": peer.average_precision_score,
    "log_loss": peer.log_loss,
    "brier": peer.brier_score_loss,
}
KEYS = [
    "roc_auc",
    "average_precision",
    "log_loss",
    "brier",
    "calibration_slope",
    "calibration_intercept",
    "calibration_error",
    "lift_top_tenth",
    "log_loss_skill",
    "brier_skill",
]


@pytest.fixture(params=["evaluated", "tied"])
def case(request):
    return request.getfixturevalue(request.param)


def measure(case, *, weighted=True, n_boot=0, **options):
    weight = case.weight if weighted else None
    return compute_metrics(
        case.y, case.p, weight=weight, n_boot=n_boot, **({"base_rate": BASE} | options)
    )


def test_the_metrics_have_a_fixed_order(evaluated):
    result = measure(evaluated)
    assert list(result) == KEYS
    assert [metric.name for metric in result.values()] == KEYS


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("weighted", [True, False])
def test_the_values_equal_those_of_scikit_learn(case, name, weighted):
    weight = case.weight if weighted else None
    expected = PEERS[name](case.y, case.p, sample_weight=weight)
    assert measure(case, weighted=weighted)[name].value == pytest.approx(expected, rel=1e-10)


def test_probabilities_of_0_and_1_have_the_log_loss_of_scikit_learn():
    y, p = [0, 1, 1, 0], [0.0, 1.0, 0.0, 1.0]
    result = compute_metrics(y, p, base_rate=0.5, n_boot=0)
    assert result["log_loss"].value == pytest.approx(peer.log_loss(y, p))


@pytest.mark.slow
@pytest.mark.parametrize("name", PEERS)
def test_the_interval_equals_that_of_a_simple_bootstrap(tied, name):
    """The same draws, one by one through scikit-learn, give the same percentiles."""
    sample = Sample.of(tied.y, tied.p, tied.weight)
    drawn = np.concatenate(list(sample.resamples(50, seed=7)))
    plain = [PEERS[name](sample.outcome, sample.probability, sample_weight=w) for w in drawn]
    result = measure(tied, n_boot=50, seed=7)[name]
    np.testing.assert_allclose([result.low, result.high], np.quantile(plain, [0.025, 0.975]))


def test_the_base_is_the_metric_of_the_constant_training_rate(case):
    result = measure(case)
    constant = np.full(len(case.y), BASE)
    weight = {"sample_weight": case.weight}
    assert result["roc_auc"].base == 0.5
    assert result["average_precision"].base == pytest.approx(
        np.average(case.y, weights=case.weight)
    )
    assert result["log_loss"].base == pytest.approx(peer.log_loss(case.y, constant, **weight))
    assert result["brier"].base == pytest.approx(peer.brier_score_loss(case.y, constant, **weight))
    assert math.isnan(result["calibration_slope"].base)
    rate = np.average(case.y, weights=case.weight)
    shift = math.log(rate / (1 - rate)) - math.log(BASE / (1 - BASE))
    assert result["calibration_intercept"].base == pytest.approx(shift)
    assert result["lift_top_tenth"].base == pytest.approx(1)
    assert result["log_loss_skill"].base == 0
    assert result["brier_skill"].base == 0


@pytest.mark.parametrize("kind", ["log_loss", "brier"])
def test_skill_is_the_loss_of_the_base_rate_minus_that_of_the_model(case, kind):
    result = measure(case)
    gain = result[kind].base - result[kind].value
    assert result[f"{kind}_skill"].value == pytest.approx(gain, abs=1e-12)


def test_skill_is_paired_so_its_interval_is_narrower_than_that_of_either_loss(evaluated):
    result = measure(evaluated, n_boot=200)
    width = {name: result[name].high - result[name].low for name in ("log_loss", "log_loss_skill")}
    assert width["log_loss_skill"] < width["log_loss"]


def test_a_tie_at_the_edge_of_the_top_tenth_counts_by_its_share_in_the_lift():
    # 2 deals are surely in the top tenth of 3.0, and 1 of the next 10, which include 5 churners
    y = [1, 1, *[1] * 5, *[0] * 5, *[0] * 18]
    p = [0.9, 0.9, *[0.5] * 10, *[0.1] * 18]
    result = compute_metrics(y, p, base_rate=0.3, n_boot=0)["lift_top_tenth"]
    assert result.value == pytest.approx((2 + 0.5) / 7 / 0.1)


def test_the_lift_of_a_perfect_ranking_is_one_over_the_rate_or_ten():
    y = np.r_[np.ones(20), np.zeros(80)]
    result = compute_metrics(y, np.linspace(0.9, 0.1, 100), base_rate=0.2, n_boot=0)
    assert result["lift_top_tenth"].value == pytest.approx(5)


def test_the_order_of_the_rows_changes_neither_values_nor_intervals(tied):
    turned = np.random.default_rng(5).permutation(len(tied.y))
    first = measure(tied, n_boot=30)
    again = compute_metrics(
        tied.y[turned], tied.p[turned], weight=tied.weight[turned], base_rate=BASE, n_boot=30
    )
    for name, metric in first.items():
        np.testing.assert_equal(vars(again[name]), vars(metric))


def test_the_seed_changes_only_the_interval(evaluated):
    same, also, other = (measure(evaluated, n_boot=30, seed=seed) for seed in (1, 1, 2))
    assert same["roc_auc"] == also["roc_auc"]
    assert same["roc_auc"].value == other["roc_auc"].value
    assert same["roc_auc"].low != other["roc_auc"].low


def test_ranking_metrics_do_not_depend_on_an_increasing_transformation(evaluated):
    bent = compute_metrics(evaluated.y, evaluated.p**3, base_rate=BASE, n_boot=0)
    plain = compute_metrics(evaluated.y, evaluated.p, base_rate=BASE, n_boot=0)
    for name in ("roc_auc", "average_precision", "lift_top_tenth"):
        assert bent[name].value == pytest.approx(plain[name].value)


def test_weights_of_2_are_equivalent_to_repeated_deals(evaluated):
    twice = compute_metrics(
        np.tile(evaluated.y, 2), np.tile(evaluated.p, 2), base_rate=BASE, n_boot=0
    )
    double = compute_metrics(
        evaluated.y, evaluated.p, weight=np.full(len(evaluated.y), 2.0), base_rate=BASE, n_boot=0
    )
    for name in set(KEYS) - {"calibration_error"}:  # its correction counts deals
        assert double[name].value == pytest.approx(twice[name].value, rel=1e-6, abs=1e-9)


def test_a_base_rate_may_be_given_per_deal(evaluated):
    rates = np.where(np.arange(len(evaluated.y)) < 500, 0.1, 0.3)
    result = measure(evaluated, base_rate=rates)
    expected = peer.log_loss(evaluated.y, rates, sample_weight=evaluated.weight)
    assert result["log_loss"].base == pytest.approx(expected)


def test_without_resamples_there_is_a_value_and_no_interval(evaluated):
    result = measure(evaluated)["roc_auc"]
    assert math.isfinite(result.value)
    assert math.isnan(result.low)
    assert result.resamples == 0


def test_resamples_without_both_outcomes_are_counted():
    y = np.r_[1, np.zeros(30)]
    result = compute_metrics(y, np.linspace(0.9, 0.1, 31), base_rate=0.05, n_boot=200)
    assert 80 < result["roc_auc"].resamples < 170  # one deal is drawn with probability 0.63


@pytest.mark.parametrize("outcome", [0, 1])
def test_deals_with_one_outcome_are_an_error_that_names_the_missing_one(outcome):
    with pytest.raises(
        DealsError, match="the model cannot be evaluated. Evaluate it on more or older"
    ):
        compute_metrics([outcome] * 5, [0.1] * 5, base_rate=0.1)


def test_a_constant_probability_has_the_metrics_of_the_base_rate():
    y = [1, 0, 0, 0]
    result = compute_metrics(y, [0.25] * 4, base_rate=0.25, n_boot=20)
    assert result["roc_auc"].value == 0.5
    assert math.isnan(result["calibration_slope"].value)
    assert math.isnan(result["calibration_slope"].low)
    assert result["log_loss_skill"].value == 0
    assert not result["log_loss_skill"].low > 0


def test_the_text_of_a_metric_contains_interval_and_base():
    text = str(Metric("brier", 0.1, 0.08, 0.12, 0.16))
    assert text == "0.1000 (0.0800 to 0.1200), base rate 0.1600"
    assert str(Metric("calibration_slope", 1.0, 0.9, 1.1, math.nan)) == "1.0000 (0.9000 to 1.1000)"


def test_the_text_of_a_skill_or_difference_explains_0_instead_of_a_base_rate():
    skill = str(Metric("log_loss_skill", 0.08, 0.04, 0.12, 0.0))
    assert skill == "0.0800 (0.0400 to 0.1200), 0 is no skill"
    worse = Difference("log_loss", 0.02, 0.01, 0.03)
    assert str(worse) == "+0.0200 (+0.0100 to +0.0300), a difference beyond chance"
    assert str(replace(worse, low=-0.01)).endswith(" to +0.0300), no difference beyond chance")
    assert str(replace(worse, low=math.nan, high=math.nan)) == "+0.0200"
    assert str(replace(worse, value=math.nan)) == "not known"
    assert worse.base == 0


def test_the_text_of_a_difference_of_models_has_no_base_rate(evaluated):
    text = str(compare_log_loss(evaluated.y, evaluated.p, [0.5] * len(evaluated.y), n_boot=50))
    assert "base rate" not in text
    assert "beyond chance" in text


def test_a_metric_is_converted_to_json(evaluated):
    written = json.dumps(as_json(measure(evaluated)), allow_nan=False)
    assert json.loads(written)["calibration_slope"]["base"] is None


def test_comparing_a_model_with_itself_gives_exactly_0(evaluated):
    result = compare_log_loss(
        evaluated.y, evaluated.p, evaluated.p, weight=evaluated.weight, n_boot=20
    )
    assert (result.value, result.low, result.high) == (0, 0, 0)


def test_a_comparison_is_the_difference_of_losses_and_changes_sign_with_the_order(evaluated):
    other = 0.5 * evaluated.p + 0.1
    there = compare_log_loss(evaluated.y, evaluated.p, other, n_boot=50)
    back = compare_log_loss(evaluated.y, other, evaluated.p, n_boot=50)
    expected = peer.log_loss(evaluated.y, evaluated.p) - peer.log_loss(evaluated.y, other)
    assert there.value == pytest.approx(expected)
    assert back.value == pytest.approx(-there.value)
    assert there.high < 0 < back.low


def test_the_interval_of_the_calibration_error_includes_0_only_for_a_calibrated_model(evaluated):
    perfect, shifted = (
        compute_metrics(evaluated.y, np.clip(evaluated.p + by, 0, 1), base_rate=0.2, n_boot=50)
        for by in (0.0, 0.15)
    )
    assert perfect["calibration_error"].low == 0
    error = shifted["calibration_error"]
    assert 0 < error.low < 0.15 < error.high
    assert error.base == pytest.approx(abs(evaluated.y.mean() - 0.2), abs=0.002)


def test_roc_auc_equals_the_value_among_the_metrics(tied):
    sample = Sample.of(tied.y, tied.p, tied.weight)
    assert roc_auc(sample) == measure(tied)["roc_auc"].value


@pytest.fixture(scope="module")
def truth(draw):
    """The metrics on so many deals that the sampling error is negligible."""
    return measure(draw(400_000, seed=99), weighted=False)


@pytest.fixture(scope="module")
def many_intervals(draw):
    return [measure(draw(500, seed=seed), weighted=False, n_boot=300) for seed in range(1000, 1300)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["roc_auc", "average_precision", "log_loss", "brier", "lift_top_tenth", "log_loss_skill",
     "calibration_slope", "calibration_intercept"],
)  # fmt: skip
def test_at_least_90_percent_of_intervals_cover_the_truth(name, truth, many_intervals):
    """95% intervals from 300 tables of 500 deals; a coverage below 0.90 is not chance."""
    known = truth[name].value
    covered = np.mean([result[name].low <= known <= result[name].high for result in many_intervals])
    assert 0.90 <= covered <= 0.99


@pytest.mark.slow
def test_a_model_without_skill_is_rarely_reported_as_skilled():
    """Predictions around the base rate, independent of the outcome: skill in less than 5%."""
    result = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        y, p = random.random(400) < 0.2, random.beta(20, 80, 400)
        result += compute_metrics(y, p, base_rate=0.2, n_boot=200)["log_loss_skill"].low > 0
    assert result <= 10
