"""Calibration changes how far apart predictions are, and never the level."""

from __future__ import annotations

import numpy as np
import pytest

from fitmodel.learning._slope import (
    MIN_EVENTS_FOR_ISOTONIC,
    PRIOR_SLOPE_SD,
    HeldOut,
    _predicts_better,
    centred_isotonic,
    fit_isotonic,
    fit_slope,
    level_free_losses,
    losses,
)
from fitmodel.learning.calibration import expit


def held_out(line, *, folds=4, seed=0, offset=0.0):
    """Outcomes drawn from log-odds, in folds one after the other."""
    n = len(line)
    fold = np.arange(n) * folds // n
    outcome = (np.random.default_rng(seed).random(n) < expit(line)).astype(float)
    return HeldOut(outcome, np.ones(n), fold, np.broadcast_to(offset, n).astype(float))


def predictions(n, *, seed=1):
    return np.random.default_rng(seed).normal(-1, 1, n)


def test_a_known_distortion_is_recovered():
    raw = predictions(20_000)
    for true in (0.6, 1.0, 1.5):
        slope, _ = fit_slope(raw, held_out(true * raw - 0.5))
        assert slope == pytest.approx(true, rel=0.06)


def test_what_a_fold_did_on_the_whole_changes_its_shift_and_not_the_slope():
    raw = predictions(8_000)
    fold = np.arange(8_000) * 4 // 8_000
    steady, _ = fit_slope(raw, held_out(0.7 * raw))
    for shifts in ([1.5, 0, 0, 0], [-1.5, 1.0, 0, 0.5], [1.0] * 4):
        moved, found = fit_slope(raw, held_out(0.7 * raw + np.array(shifts)[fold]))
        assert moved == pytest.approx(steady, abs=0.05)
        # at the mean log-odds of each fold: what is left of the level after the slope
        means = np.array([raw[fold == number].mean() for number in range(4)])
        np.testing.assert_allclose(found, np.array(shifts) - (1 - 0.7) * means, atol=0.2)


def test_predictions_shifted_as_a_whole_have_the_same_slope():
    raw = predictions(5_000)
    held = held_out(0.8 * raw)
    assert fit_slope(raw + 3.0, held)[0] == pytest.approx(fit_slope(raw, held)[0], abs=0.01)


def test_few_leavers_leave_the_slope_near_its_prior():
    slopes = []
    for seed in range(30):
        raw = predictions(60, seed=seed)
        slopes.append(fit_slope(raw, held_out(np.full(60, -1.5), seed=seed))[0])
    assert np.mean(slopes) > 0.6  # there is nothing in the predictions; many deals would find 0
    many = predictions(50_000)
    assert fit_slope(many, held_out(np.full(50_000, -1.5)))[0] < 0.1
    assert PRIOR_SLOPE_SD == 0.25


def test_predictions_that_are_upside_down_keep_a_slope_above_0():
    raw = predictions(5_000)
    assert fit_slope(raw, held_out(-raw))[0] == pytest.approx(0.05)


def test_deals_seen_for_a_part_of_the_horizon_count_by_what_could_be_seen():
    """Outcome by the time seen: log-odds less by the offset, which is not a distortion."""
    raw = predictions(20_000)
    offset = np.where(np.arange(20_000) % 2 == 0, -1.2, 0.0)
    held = held_out(0.7 * raw + offset, offset=offset)
    assert fit_slope(raw, held)[0] == pytest.approx(0.7, rel=0.06)


def test_losses_do_not_depend_on_the_level_of_a_fold():
    raw = predictions(4_000)
    held = held_out(raw + 0.7)
    plain = level_free_losses(raw, held)
    np.testing.assert_allclose(level_free_losses(raw + 2.0, held), plain, atol=0.02)
    assert plain.mean() < losses(raw, held.early_churn).mean()


def test_losses_are_those_of_the_log_loss():
    line, outcome = np.array([-2.0, 0.0, 3.0]), np.array([0.0, 1.0, 1.0])
    p = expit(line)
    by_hand = -(outcome * np.log(p) + (1 - outcome) * np.log(1 - p))
    np.testing.assert_allclose(losses(line, outcome), by_hand)


def test_weights_count_as_repeated_deals_do():
    raw = predictions(2_000)
    held = held_out(0.7 * raw)
    twice = HeldOut(
        *(np.tile(part, 2) for part in (held.early_churn, held.weight, held.fold, held.offset))
    )
    heavy = held.weighted(np.full(2_000, 2.0))
    assert fit_slope(np.tile(raw, 2), twice)[0] == pytest.approx(fit_slope(raw, heavy)[0], abs=1e-5)


def distorted(n, *, bent, shifts=(0.0,) * 4):
    random = np.random.default_rng(3)
    raw = random.normal(-0.5, 1.5, n)
    truth = np.where(raw > 0, raw * 0.2, raw * 1.8) if bent else 0.7 * raw
    fold = np.arange(n) * 4 // n
    label = (random.random(n) < expit(truth + np.array(shifts)[fold])).astype(float)
    return raw, HeldOut(label, np.ones(n), fold, np.zeros(n)), truth


def gap_beyond_level(fitted, truth):
    """Mean distance of log-odds to the truth once a constant is taken out."""
    away = fitted - truth
    return np.abs(away - np.median(away)).mean()


def test_a_bent_distortion_is_followed_nearer_than_a_line_can():
    raw, held, truth = distorted(30_000, bent=True)
    fitted = fit_isotonic(raw, held)
    assert fitted.method == "isotonic"
    inside = (raw > -3) & (raw < 2)
    own = gap_beyond_level(fitted.log_odds(raw)[inside], truth[inside])
    line = gap_beyond_level(fit_slope(raw, held)[0] * raw[inside], truth[inside])
    assert own < 0.5 * line


def test_a_bent_distortion_is_found_whatever_the_level_of_each_fold_was():
    raw, held, truth = distorted(30_000, bent=True, shifts=(0.3, -0.2, 0.1, -0.3))
    fitted = fit_isotonic(raw, held)
    inside = (raw > -3) & (raw < 2)
    own = gap_beyond_level(fitted.log_odds(raw)[inside], truth[inside])
    line = gap_beyond_level(fit_slope(raw, held)[0] * raw[inside], truth[inside])
    assert own < 0.6 * line


@pytest.mark.parametrize("shifts", [(0.0,) * 4, (1.0, -0.5, 0.5, -1.0)])
def test_a_straight_distortion_keeps_its_line(shifts):
    raw, held, _ = distorted(30_000, bent=False, shifts=shifts)
    assert fit_isotonic(raw, held) is None


def test_with_few_events_even_a_bent_distortion_keeps_a_line():
    raw, held, _ = distorted(1_500, bent=True)
    assert held.early_churn.sum() < MIN_EVENTS_FOR_ISOTONIC
    assert fit_isotonic(raw, held) is None


def test_a_bend_that_later_deals_do_not_have_is_not_followed():
    raw, early, _ = distorted(30_000, bent=True)
    _, later, _ = distorted(30_000, bent=False)
    label = np.where(early.fold == 0, early.early_churn, later.early_churn)
    assert label.sum() > MIN_EVENTS_FOR_ISOTONIC
    assert fit_isotonic(raw, HeldOut(label, early.weight, early.fold, early.offset)) is None


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_a_block_without_the_other_outcome_is_no_certainty(rate):
    raw, held, _ = distorted(20_000, bent=True)
    extreme = raw < -3 if rate == 0 else raw > 3
    label = np.where(extreme, rate, held.early_churn)
    fitted = centred_isotonic(raw, label, held.weight)
    probability = fitted.probability(np.array([-20.0, -3.5, 0.0, 20.0]))
    assert ((probability > 0) & (probability < 1)).all()
    assert (np.diff(probability) >= 0).all()


def test_the_isotonic_map_counts_weights_as_repeated_deals():
    raw, held, _ = distorted(4_000, bent=True)
    label = held.early_churn
    twice = centred_isotonic(np.tile(raw, 2), np.tile(label, 2), np.ones(8_000))
    heavy = centred_isotonic(raw, label, np.full(4_000, 2.0))
    np.testing.assert_allclose(heavy.probability(raw), twice.probability(raw), rtol=1e-9)


def test_the_isotonic_map_survives_as_data():
    raw, held, _ = distorted(10_000, bent=True)
    fitted = centred_isotonic(raw, held.early_churn, held.weight)
    assert type(fitted).from_dict(fitted.to_dict()) == fitted


def test_a_settled_slope_moves_less_than_one_that_is_not():
    """A slope of one half is believed only on as much evidence as it takes."""
    raw = predictions(2_000)
    outcome = held_out(raw / 2)
    free, settled = fit_slope(raw, outcome)[0], fit_slope(raw, outcome, prior_sd=0.05)[0]
    assert free < settled < 1
    many = predictions(50_000)
    assert fit_slope(many, held_out(many / 2), prior_sd=0.05)[0] == pytest.approx(0.5, abs=0.1)


def test_isotonic_regression_has_to_gain_more_than_one_standard_error_on_later_folds():
    """By hand: each later fold's losses under a line, and under the map of the folds before it."""
    verdicts = []
    for seed in range(12):
        raw = predictions(900, seed=seed)
        bent = np.where(raw > -1, 1.5 * (raw + 1), 0.3 * (raw + 1)) - 1
        held = held_out(bent if seed % 2 else raw, folds=3, seed=seed)
        held = HeldOut(
            held.early_churn,
            np.random.default_rng(seed).uniform(0.5, 2, 900),
            held.fold,
            held.offset,
        )
        gains = []
        for later in (1, 2):
            before, now = held.subset(held.fold < later), held.fold == later
            found = centred_isotonic(raw[held.fold < later], before.early_churn, before.weight)
            line, curve = 0.9 * raw[now] - 0.1, found.log_odds(raw[now])
            gains.append(losses(line, held.early_churn[now]) - losses(curve, held.early_churn[now]))
        gain, weight = np.concatenate(gains), held.weight[held.fold > 0]
        mean = np.average(gain, weights=weight)
        error = np.sqrt((weight**2 * (gain - mean) ** 2).sum()) / weight.sum()
        assert _predicts_better(raw, (-0.1, 0.9), held) == (mean > error)
        verdicts.append((mean > 0, mean > error))

    assert (True, True) in verdicts
    assert (True, False) in verdicts, "a gain within the error is none"
    assert not _predicts_better(raw, (0.0, 1.0), held.subset(held.fold == 0))
