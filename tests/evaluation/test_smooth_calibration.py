"""The smooth calibration curve is close to the truth, and its band covers it."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from fitmodel.evaluation._smooth_calibration import (
    compute_probability_distribution,
    compute_smooth_calibration,
    plot_smooth_calibration,
)
from fitmodel.evaluation.drawing import ORANGE, figure_of
from fitmodel.exceptions import DealsError


def deals(n: int, seed: int = 0, shift: float = 0.0, slope: float = 1.0):
    """Outcomes whose log-odds are shift + slope times those of the prediction."""
    random = np.random.default_rng(seed)
    log_odds = random.normal(-1, 1, n)
    truth = 1 / (1 + np.exp(-(shift + slope * log_odds)))
    return (random.uniform(size=n) < truth).astype(float), 1 / (1 + np.exp(-log_odds))


def truth_of(predicted, shift: float = 0.0, slope: float = 1.0):
    return 1 / (1 + np.exp(-(shift + slope * np.log(predicted / (1 - predicted)))))


@pytest.mark.parametrize(("shift", "slope"), [(0.0, 1.0), (0.7, 1.0), (0.0, 0.5)])
def test_the_curve_is_close_to_the_truth_for_right_and_wrong_models(shift, slope) -> None:
    curve = compute_smooth_calibration(*deals(20_000, shift=shift, slope=slope))

    assert (curve["observed"] - truth_of(curve["predicted"], shift, slope)).abs().max() < 0.04
    assert len(curve) == 60
    assert ((curve["low"] < curve["observed"]) & (curve["observed"] < curve["high"])).all()


def test_a_nonlinear_calibration_is_followed() -> None:
    random = np.random.default_rng(1)
    p = random.uniform(0.05, 0.95, 20_000)
    truth = np.where(p < 0.5, p, 0.5)  # risk stops rising
    curve = compute_smooth_calibration(random.uniform(size=len(p)) < truth, p)
    at_top = curve[curve["predicted"] > 0.85]

    assert (at_top["observed"] - 0.5).abs().max() < 0.08
    assert (at_top["high"] < at_top["predicted"]).all()


def test_the_band_covers_the_truth_at_the_nominal_rate() -> None:
    covered = []
    for seed in range(60):
        curve = compute_smooth_calibration(*deals(600, seed=seed)).iloc[10:50]
        covered.append(
            ((curve["low"] < curve["predicted"]) & (curve["predicted"] < curve["high"])).mean()
        )

    assert 0.88 < np.mean(covered) < 0.99


def test_weights_are_equivalent_to_copies() -> None:
    y, p = deals(800)
    weight = np.where(np.arange(800) % 2, 2.0, 1.0)
    copies = np.repeat(np.arange(800), weight.astype(int))
    weighted = compute_smooth_calibration(y, p, weight)["observed"]
    copied = compute_smooth_calibration(y[copies], p[copies])["observed"]

    assert np.abs(weighted - copied).max() < 0.02


def test_two_distinct_probabilities_are_accepted() -> None:
    y = np.array([0, 1, 0, 0, 1, 1, 0, 1] * 10)
    p = np.array([0.2, 0.6] * 40)
    curve = compute_smooth_calibration(y, p)

    assert np.isfinite(curve.to_numpy()).all()


def test_deals_with_only_one_outcome_are_refused() -> None:
    with pytest.raises(DealsError, match="there is no early churner"):
        compute_smooth_calibration([0, 0], [0.1, 0.2])


def test_the_distribution_counts_every_deal_once_by_outcome() -> None:
    y, p = deals(500)
    frame = compute_probability_distribution(y, p, bins=10)

    assert frame["left_early"].sum() == y.sum()
    assert frame["stayed"].sum() == (y == 0).sum()
    assert frame["high"].iloc[-1] == p.max()
    third = frame.iloc[2]
    inside = (p >= third["low"]) & (p < third["high"])
    assert third["left_early"] == y[inside].sum()


def test_the_plot_shows_the_distribution_below() -> None:
    y, p = deals(500)
    frame, counts = compute_smooth_calibration(y, p), compute_probability_distribution(y, p)
    ax = plot_smooth_calibration(frame, counts)
    upper, lower = figure_of(ax).axes

    assert upper is ax
    lines = {line.get_label(): line for line in ax.lines}
    assert list(lines["observed, 95% band"].get_ydata()) == list(frame["observed"])
    heights = [bar.get_height() for bar in lower.patches if to_hex(bar.get_facecolor()) == ORANGE]
    assert heights == pytest.approx(list(counts["left_early"] / counts["left_early"].sum()))
    assert min(bar.get_height() for bar in lower.patches) < 0


def test_the_plot_is_drawn_on_given_axes() -> None:
    frame = compute_smooth_calibration(*deals(300))
    ax = plot_smooth_calibration(frame)

    assert plot_smooth_calibration(frame, ax=ax) is ax
    assert len(figure_of(ax).axes) == 1


def test_a_constant_probability_is_drawn_at_the_observed_rate() -> None:
    y = np.array([0, 1, 0, 0] * 50)
    curve = compute_smooth_calibration(y, np.full(200, 0.4))

    assert curve["observed"].to_numpy() == pytest.approx(0.25, abs=0.001)
    assert plot_smooth_calibration(curve, compute_probability_distribution(y, np.full(200, 0.4)))
