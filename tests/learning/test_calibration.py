"""Calibration maps rise and are shifted exactly; slope and isotonic map recover the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, special

from fitmodel.learning.calibration import (
    MIN_EVENTS_FOR_ISOTONIC,
    PRIOR_SLOPE_SD,
    CalibrationMap,
    HeldOut,
    _predicts_better,
    centred_isotonic,
    expit,
    fit_isotonic,
    fit_slope,
    level_adjusted_losses,
    log_losses,
    logit,
)


def test_expit_and_logit_are_inverse_and_finite():
    p = np.array([1e-9, 0.2, 0.5, 0.999])
    np.testing.assert_allclose(expit(logit(p)), p)
    np.testing.assert_allclose(logit(p), special.logit(p))
    assert np.isfinite(logit(np.array([0.0, 1.0]))).all()
    assert ((expit(np.array([-1e4, 1e4])) > 0) & (expit(np.array([-1e4, 1e4])) <= 1)).all()


def test_a_linear_map_is_linear_everywhere():
    line = CalibrationMap.linear(0.7, -0.2, "slope")
    raw = np.linspace(-30, 30, 61)
    np.testing.assert_allclose(line.log_odds(raw), 0.7 * raw - 0.2)
    np.testing.assert_allclose(CalibrationMap.identity().log_odds(raw), raw)


def test_a_shifted_map_adds_the_shift_to_all_log_odds():
    isotonic = CalibrationMap((-2.0, -1.0, 0.0), (-1.8, -1.3, 0.4), "isotonic")
    raw = np.linspace(-5, 5, 101)
    np.testing.assert_allclose(isotonic.shifted(0.6).log_odds(raw), isotonic.log_odds(raw) + 0.6)
    assert (np.diff(isotonic.probability(raw)) >= 0).all()


def test_a_map_is_rebuilt_from_its_json_form():
    isotonic = CalibrationMap((-2.0, -1.0, 0.0), (-1.8, -1.3, 0.4), "isotonic")
    assert CalibrationMap.from_dict(isotonic.to_dict()) == isotonic


@pytest.mark.parametrize(
    ("knots", "values", "message"),
    [
        ((0.0,), (0.0,), "two or more"),
        ((1.0, 0.0), (0.0, 1.0), "ascending knots"),
        ((0.0, 1.0), (1.0, 0.0), "rising values"),
        ((0.0, 1.0), (0.0, np.inf), "finite"),
    ],
)
def test_a_map_that_decreases_or_is_not_finite_is_refused(knots, values, message):
    with pytest.raises(ValueError, match=message):
        CalibrationMap(knots, values, "isotonic")


def held_out(line, *, folds=4, seed=0, offset=0.0):
    """Random outcomes from log-odds, in consecutive folds."""
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


def test_the_level_of_a_fold_changes_its_shift_and_not_the_slope():
    raw = predictions(8_000)
    fold = np.arange(8_000) * 4 // 8_000
    steady, _ = fit_slope(raw, held_out(0.7 * raw))
    for shifts in ([1.5, 0, 0, 0], [-1.5, 1.0, 0, 0.5], [1.0] * 4):
        moved, result = fit_slope(raw, held_out(0.7 * raw + np.array(shifts)[fold]))
        assert moved == pytest.approx(steady, abs=0.05)
        # the shift is at the mean log-odds of each fold, after the slope
        means = np.array([raw[fold == number].mean() for number in range(4)])
        np.testing.assert_allclose(result, np.array(shifts) - (1 - 0.7) * means, atol=0.2)


def test_shifting_all_predictions_does_not_change_the_slope():
    raw = predictions(5_000)
    outcomes = held_out(0.8 * raw)
    assert fit_slope(raw + 3.0, outcomes)[0] == pytest.approx(fit_slope(raw, outcomes)[0], abs=0.01)


def test_few_leavers_leave_the_slope_near_its_prior():
    slopes = []
    for seed in range(30):
        raw = predictions(60, seed=seed)
        slopes.append(fit_slope(raw, held_out(np.full(60, -1.5), seed=seed))[0])
    assert np.mean(slopes) > 0.6  # the predictions are noise; with many deals the slope would be 0
    many = predictions(50_000)
    assert fit_slope(many, held_out(np.full(50_000, -1.5)))[0] < 0.1
    assert PRIOR_SLOPE_SD == 0.25


@pytest.mark.parametrize("seed", range(12))
def test_slope_and_shifts_equal_those_of_a_general_optimiser(seed):
    """Also with few deals, folds without leavers, extreme log-odds, and slopes at a bound."""
    random = np.random.default_rng(seed)
    n = int(random.integers(5, 400))
    raw = random.normal(-1.5, random.choice([0.3, 1.0, 4.0]), n)
    truth = raw * random.choice([-1.0, 0.2, 1.0, 3.0]) + random.normal(scale=2.0)
    prior = (float(random.choice([0.1, 1.0, 4.0])), float(random.choice([0.05, 0.25, 3.0])))
    outcomes = HeldOut(
        (random.random(n) < expit(truth)).astype(float),
        random.uniform(0, 3, n),
        np.sort(random.integers(0, 4, n)),
        random.choice([0.0, -1.0], n),
    )
    slope, shift = fit_slope(raw, outcomes, *prior)

    mean = outcomes.mean(raw)[outcomes.fold]

    def loss(at):
        line = outcomes.offset + mean + at[1:][outcomes.fold] + at[0] * (raw - mean)
        penalties = ((at[0] - prior[0]) / prior[1]) ** 2 + np.sum((at[1:] / 2.0) ** 2)
        return outcomes.weight @ log_losses(line, outcomes.early_churn) + penalties / 2

    bounds = [(0.05, 5.0), *[(None, None)] * len(shift)]
    found = optimize.minimize(
        loss, [1.0, *np.zeros(len(shift))], bounds=bounds, tol=1e-14, options={"maxfun": 100_000}
    )
    assert loss(np.array([slope, *shift])) <= found.fun + 1e-9
    np.testing.assert_allclose([slope, *shift], found.x, atol=2e-3)


def test_reversed_predictions_get_the_smallest_positive_slope():
    raw = predictions(5_000)
    assert fit_slope(raw, held_out(-raw))[0] == pytest.approx(0.05)


def test_deals_observed_for_a_part_of_the_horizon_count_with_their_offset():
    """The outcome at the end of observation has lower log-odds by the offset."""
    raw = predictions(20_000)
    offset = np.where(np.arange(20_000) % 2 == 0, -1.2, 0.0)
    outcomes = held_out(0.7 * raw + offset, offset=offset)
    assert fit_slope(raw, outcomes)[0] == pytest.approx(0.7, rel=0.06)


def test_losses_do_not_depend_on_the_level_of_a_fold():
    raw = predictions(4_000)
    outcomes = held_out(raw + 0.7)
    reference = level_adjusted_losses(raw, outcomes)
    np.testing.assert_allclose(level_adjusted_losses(raw + 2.0, outcomes), reference, atol=0.02)
    assert reference.mean() < log_losses(raw, outcomes.early_churn).mean()


def test_losses_equal_the_log_loss():
    line, outcome = np.array([-2.0, 0.0, 3.0]), np.array([0.0, 1.0, 1.0])
    p = expit(line)
    by_hand = -(outcome * np.log(p) + (1 - outcome) * np.log(1 - p))
    np.testing.assert_allclose(log_losses(line, outcome), by_hand)


def test_a_weight_of_2_equals_a_repeated_deal():
    raw = predictions(2_000)
    outcomes = held_out(0.7 * raw)
    twice = HeldOut(
        *(
            np.tile(part, 2)
            for part in (outcomes.early_churn, outcomes.weight, outcomes.fold, outcomes.offset)
        )
    )
    heavy = outcomes.weighted(np.full(2_000, 2.0))
    assert fit_slope(np.tile(raw, 2), twice)[0] == pytest.approx(fit_slope(raw, heavy)[0], abs=1e-5)


def distorted(n, *, nonlinear, shifts=(0.0,) * 4):
    random = np.random.default_rng(3)
    raw = random.normal(-0.5, 1.5, n)
    truth = np.where(raw > 0, raw * 0.2, raw * 1.8) if nonlinear else 0.7 * raw
    fold = np.arange(n) * 4 // n
    label = (random.random(n) < expit(truth + np.array(shifts)[fold])).astype(float)
    return raw, HeldOut(label, np.ones(n), fold, np.zeros(n)), truth


def gap_beyond_level(fitted, truth):
    """Mean absolute error of log-odds after the median error is removed."""
    deviation = fitted - truth
    return np.abs(deviation - np.median(deviation)).mean()


def test_an_isotonic_map_fits_a_nonlinear_distortion_better_than_a_line():
    raw, outcomes, truth = distorted(30_000, nonlinear=True)
    fitted = fit_isotonic(raw, outcomes)
    assert fitted.method == "isotonic"
    inside = (raw > -3) & (raw < 2)
    own = gap_beyond_level(fitted.log_odds(raw)[inside], truth[inside])
    line = gap_beyond_level(fit_slope(raw, outcomes)[0] * raw[inside], truth[inside])
    assert own < 0.5 * line


def test_a_nonlinear_distortion_is_fitted_at_any_levels_of_the_folds():
    raw, outcomes, truth = distorted(30_000, nonlinear=True, shifts=(0.3, -0.2, 0.1, -0.3))
    fitted = fit_isotonic(raw, outcomes)
    inside = (raw > -3) & (raw < 2)
    own = gap_beyond_level(fitted.log_odds(raw)[inside], truth[inside])
    line = gap_beyond_level(fit_slope(raw, outcomes)[0] * raw[inside], truth[inside])
    assert own < 0.6 * line


@pytest.mark.parametrize("shifts", [(0.0,) * 4, (1.0, -0.5, 0.5, -1.0)])
def test_a_linear_distortion_keeps_a_linear_map(shifts):
    raw, outcomes, _ = distorted(30_000, nonlinear=False, shifts=shifts)
    assert fit_isotonic(raw, outcomes) is None


def test_with_few_events_a_nonlinear_distortion_keeps_a_linear_map():
    raw, outcomes, _ = distorted(1_500, nonlinear=True)
    assert outcomes.early_churn.sum() < MIN_EVENTS_FOR_ISOTONIC
    assert fit_isotonic(raw, outcomes) is None


def test_a_nonlinearity_that_later_folds_do_not_show_is_not_fitted():
    raw, early, _ = distorted(30_000, nonlinear=True)
    _, later, _ = distorted(30_000, nonlinear=False)
    label = np.where(early.fold == 0, early.early_churn, later.early_churn)
    assert label.sum() > MIN_EVENTS_FOR_ISOTONIC
    assert fit_isotonic(raw, HeldOut(label, early.weight, early.fold, early.offset)) is None


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_a_block_with_one_outcome_only_gets_no_probability_of_0_or_1(rate):
    raw, outcomes, _ = distorted(20_000, nonlinear=True)
    extreme = raw < -3 if rate == 0 else raw > 3
    label = np.where(extreme, rate, outcomes.early_churn)
    fitted = centred_isotonic(raw, label, outcomes.weight)
    probability = fitted.probability(np.array([-20.0, -3.5, 0.0, 20.0]))
    assert ((probability > 0) & (probability < 1)).all()
    assert (np.diff(probability) >= 0).all()


def test_in_isotonic_regression_a_weight_of_2_equals_a_repeated_deal():
    raw, outcomes, _ = distorted(4_000, nonlinear=True)
    label = outcomes.early_churn
    twice = centred_isotonic(np.tile(raw, 2), np.tile(label, 2), np.ones(8_000))
    heavy = centred_isotonic(raw, label, np.full(4_000, 2.0))
    np.testing.assert_allclose(heavy.probability(raw), twice.probability(raw), rtol=1e-9)


def test_an_isotonic_map_is_rebuilt_from_its_json_form():
    raw, outcomes, _ = distorted(10_000, nonlinear=True)
    fitted = centred_isotonic(raw, outcomes.early_churn, outcomes.weight)
    assert type(fitted).from_dict(fitted.to_dict()) == fitted


def test_a_narrow_prior_keeps_the_slope_nearer_to_1():
    """With a narrow prior, a slope of one half needs more evidence."""
    raw = predictions(2_000)
    outcome = held_out(raw / 2)
    free, settled = fit_slope(raw, outcome)[0], fit_slope(raw, outcome, prior_sd=0.05)[0]
    assert free < settled < 1
    many = predictions(50_000)
    assert fit_slope(many, held_out(many / 2), prior_sd=0.05)[0] == pytest.approx(0.5, abs=0.1)


def test_isotonic_regression_must_gain_more_than_one_standard_error_on_later_folds():
    """Computed by hand: losses of each later fold by the line, and by the map of earlier folds."""
    verdicts = []
    for seed in range(12):
        raw = predictions(900, seed=seed)
        nonlinear = np.where(raw > -1, 1.5 * (raw + 1), 0.3 * (raw + 1)) - 1
        outcomes = held_out(nonlinear if seed % 2 else raw, folds=3, seed=seed)
        outcomes = HeldOut(
            outcomes.early_churn,
            np.random.default_rng(seed).uniform(0.5, 2, 900),
            outcomes.fold,
            outcomes.offset,
        )
        gains = []
        for later in (1, 2):
            before, now = outcomes.subset(outcomes.fold < later), outcomes.fold == later
            result = centred_isotonic(raw[outcomes.fold < later], before.early_churn, before.weight)
            line, curve = 0.9 * raw[now] - 0.1, result.log_odds(raw[now])
            gains.append(
                log_losses(line, outcomes.early_churn[now])
                - log_losses(curve, outcomes.early_churn[now])
            )
        gain, weight = np.concatenate(gains), outcomes.weight[outcomes.fold > 0]
        mean = np.average(gain, weights=weight)
        error = np.sqrt((weight**2 * (gain - mean) ** 2).sum()) / weight.sum()
        assert _predicts_better(raw, (-0.1, 0.9), outcomes) == (mean > error)
        verdicts.append((mean > 0, mean > error))

    assert (True, True) in verdicts
    assert (True, False) in verdicts, "a gain within one standard error does not count"
    assert not _predicts_better(raw, (0.0, 1.0), outcomes.subset(outcomes.fold == 0))
