"""The curves equal those of scikit-learn, and their areas equal the metrics."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as peer

from fitmodel.evaluation._curves import (
    compute_bands,
    compute_gains,
    compute_precision_recall,
    compute_roc,
)
from fitmodel.evaluation.metrics import compute_metrics
from fitmodel.exceptions import DealsError


def test_the_roc_curve_equals_that_of_scikit_learn(tied):
    frame = compute_roc(tied.y, tied.p, tied.weight)
    false, true, threshold = peer.roc_curve(
        tied.y, tied.p, sample_weight=tied.weight, drop_intermediate=False
    )
    np.testing.assert_allclose(frame["false_positive_rate"], false)
    np.testing.assert_allclose(frame["true_positive_rate"], true)
    np.testing.assert_allclose(frame["threshold"], threshold)


def test_the_area_under_the_roc_curve_equals_the_metric(tied):
    frame = compute_roc(tied.y, tied.p, tied.weight)
    area = np.trapezoid(frame["true_positive_rate"], frame["false_positive_rate"])
    result = compute_metrics(tied.y, tied.p, weight=tied.weight, base_rate=0.2, n_boot=0)
    assert area == pytest.approx(result["roc_auc"].value)


def test_precision_and_recall_equal_those_of_scikit_learn(tied):
    frame = compute_precision_recall(tied.y, tied.p, tied.weight)
    precision, recall, threshold = peer.precision_recall_curve(
        tied.y, tied.p, sample_weight=tied.weight
    )
    np.testing.assert_allclose(frame["precision"][::-1], precision[:-1])
    np.testing.assert_allclose(frame["recall"][::-1], recall[:-1])
    np.testing.assert_allclose(frame["threshold"][::-1], threshold)


def test_flagging_all_deals_has_recall_1_and_the_base_rate_as_precision(evaluated):
    last = compute_precision_recall(evaluated.y, evaluated.p, evaluated.weight).iloc[-1]
    assert last["recall"] == 1
    assert last["precision"] == pytest.approx(np.average(evaluated.y, weights=evaluated.weight))
    assert last["count"] == len(evaluated.y)


def test_gains_go_from_0_to_1_and_agree_with_the_lift(evaluated):
    frame = compute_gains(evaluated.y, evaluated.p, evaluated.weight)
    ends = frame[["share_flagged", "share_found"]].iloc[[0, -1]].to_numpy()
    np.testing.assert_allclose(ends, [[0, 0], [1, 1]])
    result = compute_metrics(
        evaluated.y, evaluated.p, weight=evaluated.weight, base_rate=0.2, n_boot=0
    )
    tenth = np.interp(0.1, frame["share_flagged"], frame["share_found"]) / 0.1
    assert tenth == pytest.approx(result["lift_top_tenth"].value)


def test_counts_are_the_deals_flagged_at_each_threshold(tied):
    for compute in (compute_roc, compute_precision_recall, compute_gains):
        frame = compute(tied.y, tied.p, tied.weight)
        for row in frame.itertuples():
            assert row.count == (tied.p >= row.threshold).sum()


@pytest.mark.parametrize("compute", [compute_roc, compute_precision_recall, compute_gains])
def test_a_curve_needs_both_outcomes(compute):
    with pytest.raises(DealsError, match="no early churner"):
        compute([0, 0], [0.1, 0.2])


def test_a_band_includes_its_lower_edge_and_the_last_band_includes_1():
    frame = compute_bands([1, 0, 1, 0], [0.0, 0.2, 0.5, 1.0], edges=[0, 0.2, 0.5, 1])
    assert list(frame["band"]) == ["0% to 20%", "20% to 50%", "50% to 100%"]
    assert list(frame["count"]) == [1, 1, 2]
    assert list(frame["observed"]) == [1, 0, 0.5]
    assert list(frame["share"]) == [0.25, 0.25, 0.5]


def test_bands_are_weighted(evaluated):
    frame = compute_bands(evaluated.y, evaluated.p, evaluated.weight, edges=[0, 0.25, 1])
    low = evaluated.p < 0.25
    expected = np.average(evaluated.y[low], weights=evaluated.weight[low])
    assert frame["observed"].iloc[0] == pytest.approx(expected)
    assert frame["share"].iloc[0] == pytest.approx(
        evaluated.weight[low].sum() / evaluated.weight.sum()
    )
    assert frame["observed"].between(frame["observed_low"], frame["observed_high"]).all()


def test_default_bands_are_narrow_if_probabilities_are_small(draw):
    common, rare = draw(2000, middle=-1), draw(2000, middle=-4.5, spread=0.4)
    assert compute_bands(common.y, common.p)["band"].iloc[0] == "0% to 10%"
    assert compute_bands(rare.y, rare.p)["band"].iloc[0] == "0% to 1%"
    for case in (common, rare):
        frame = compute_bands(case.y, case.p)
        assert 3 <= len(frame) <= 10
        assert frame["band"].iloc[-1].endswith("100%")
        assert frame["count"].sum() == len(case.y)


def test_a_band_without_deals_is_left_out():
    frame = compute_bands([1, 0], [0.05, 0.95], edges=[0, 0.1, 0.9, 1])
    assert list(frame["band"]) == ["0% to 10%", "90% to 100%"]


@pytest.mark.parametrize("edges", [[0, 0.5], [0.1, 1], [0, 0.5, 0.5, 1], [1, 0], [0]])
def test_edges_that_do_not_increase_from_0_to_1_are_refused(edges):
    with pytest.raises(DealsError, match="must rise from 0 to 1"):
        compute_bands([1, 0], [0.1, 0.9], edges=edges)
