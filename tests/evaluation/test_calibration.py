"""Calibration bins have equal weight, keep ties together, and have intervals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve

from fitmodel.evaluation._calibration import compute_calibration, wilson_interval
from fitmodel.exceptions import DealsError


def test_the_frame_has_the_documented_columns(evaluated):
    frame = compute_calibration(evaluated.y, evaluated.p, evaluated.weight)
    assert list(frame.columns) == [
        "bin", "low", "high", "mean_predicted", "observed", "observed_low", "observed_high", "count",  # noqa: E501 - a row of a table of cases
    ]  # fmt: skip


def test_the_bins_equal_those_of_scikit_learn(evaluated):
    frame = compute_calibration(evaluated.y, evaluated.p)
    observed, predicted = calibration_curve(
        evaluated.y, evaluated.p, n_bins=10, strategy="quantile"
    )
    np.testing.assert_allclose(frame["observed"], observed)
    np.testing.assert_allclose(frame["mean_predicted"], predicted)
    np.testing.assert_array_equal(frame["count"], 150)


def test_bins_have_equal_weight_and_not_equal_numbers(evaluated):
    weight = np.where(evaluated.p > np.median(evaluated.p), 3.0, 1.0)
    frame = compute_calibration(evaluated.y, evaluated.p, weight, bins=4)
    position = np.searchsorted(frame["high"], evaluated.p)
    np.testing.assert_allclose(np.bincount(position, weights=weight), weight.sum() / 4, rtol=0.01)


def test_deals_of_equal_probability_stay_together(tied):
    frame = compute_calibration(tied.y, tied.p, bins=20)
    assert len(frame) < 20
    assert (frame["low"].to_numpy()[1:] > frame["high"].to_numpy()[:-1]).all()
    np.testing.assert_array_equal(frame["bin"], range(len(frame)))
    assert frame["count"].sum() == len(tied.y)


def test_the_weighted_mean_over_bins_equals_the_mean_of_all_deals(evaluated):
    frame = compute_calibration(evaluated.y, evaluated.p, bins=7)
    assert np.average(frame["observed"], weights=frame["count"]) == pytest.approx(
        evaluated.y.mean()
    )
    assert np.average(frame["mean_predicted"], weights=frame["count"]) == pytest.approx(
        evaluated.p.mean()
    )


def test_a_constant_probability_gives_one_bin():
    assert len(compute_calibration([1, 0, 0], [0.3, 0.3, 0.3])) == 1


def test_zero_bins_are_refused():
    with pytest.raises(DealsError, match="at least 1 bin"):
        compute_calibration([1, 0], [0.3, 0.2], bins=0)


@pytest.mark.parametrize(("left", "deals"), [(0, 10), (3, 10), (10, 10), (40, 1000)])
def test_the_interval_equals_that_of_scipy(left, deals):
    low, high = wilson_interval(np.array([left / deals]), np.array([deals]))
    expected = tuple(binomtest(left, deals).proportion_ci(0.95, method="wilson"))
    assert (low[0], high[0]) == pytest.approx(expected, abs=1e-9)


def test_unequal_weights_widen_the_interval(evaluated):
    uneven = np.where(np.arange(len(evaluated.y)) % 10 == 0, 10.0, 0.5)
    plain, weighted = (compute_calibration(evaluated.y, evaluated.p, w) for w in (None, uneven))
    width = [(frame["observed_high"] - frame["observed_low"]).mean() for frame in (plain, weighted)]
    assert width[1] > 1.5 * width[0]
