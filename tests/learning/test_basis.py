"""The choice of a number's basis functions (value, rank, bend), and of a category's shrinkage."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.learning._imputation import (
    MIN_GAIN,
    MIN_GAIN_OF_BEND,
    _best_subset,
    _gain,
    find_basis,
    impute,
)
from fitmodel.learning._proportional_odds import FollowUp
from fitmodel.learning.calibration import expit
from fitmodel.learning.encoding import EncodingOptions, encode, fit_columns
from fitmodel.learning.settings import LearnerOptions

LINE, RANK, BENT = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 1.0]
WIDTH = len(LINE)
N = 4000


def _kept_columns(
    number: np.ndarray,
    log_odds: np.ndarray,
    *,
    seen: float = 1.0,
    seed: int = 1,
    options: LearnerOptions | None = None,
) -> list[float]:
    """Columns kept when a share of the deals was followed to the horizon, the others not at all."""
    rng = np.random.default_rng(seed)
    left = rng.random(len(number)) < expit(log_odds)
    frame = pd.DataFrame({"number": number, "other": rng.choice(["a", "b"], len(number))})
    columns = fit_columns(frame, EncodingOptions())
    is_seen = rng.random(len(number)) < seen
    months = np.where(is_seen, np.where(left, 0.5, 1.0), 0.0)
    follow_up = FollowUp.of(months, left & is_seen, 1.0)
    options = options or LearnerOptions()
    return find_basis(columns, encode(columns, frame), follow_up, options)[0].tolist()


@pytest.fixture(scope="module")
def skewed() -> np.ndarray:
    return np.exp(np.random.default_rng(0).normal(3, 1, N))


def test_a_number_with_a_logarithmic_effect_keeps_only_its_rank(skewed) -> None:
    assert _kept_columns(skewed, 0.8 * (np.log(skewed) - 3) - 1)[:WIDTH] == RANK


def test_a_number_with_a_linear_effect_keeps_only_its_value(skewed) -> None:
    value = np.minimum(skewed, 150)
    assert _kept_columns(value, (value - value.mean()) / value.std() - 1)[:WIDTH] == LINE


def test_a_number_whose_effect_is_not_monotone_keeps_its_bend(skewed) -> None:
    assert _kept_columns(skewed, (np.log(skewed) - 3.5) ** 2 - 2)[:WIDTH] == BENT


def test_with_300_deals_a_bend_is_detected_and_rarely_chosen_for_a_linear_effect() -> None:
    turns, lines = [], []
    for seed in range(20):
        seats = np.exp(np.random.default_rng(200 + seed).normal(3, 1, 300))
        deviation = np.log(seats) - 3
        turns.append(_kept_columns(seats, 0.7 * deviation**2 - 1.5, seed=seed)[2])
        lines.append(_kept_columns(seats, 0.7 * deviation - 1, seed=seed)[2])
    assert sum(turns) >= 13
    assert sum(lines) <= 3


@pytest.mark.parametrize("direction", ["increasing", "decreasing"])
def test_a_number_with_a_direction_gets_no_bend(skewed, direction) -> None:
    options = LearnerOptions(**{direction: ("number",)})
    assert options.may_bend(fit_columns(pd.DataFrame({"number": skewed}), EncodingOptions())) == [
        False
    ]
    chosen = _kept_columns(skewed, (np.log(skewed) - 3.5) ** 2 - 2, options=options)
    assert len(chosen) == 2 + 2  # value and rank, and the levels of the other attribute


def test_a_provisional_model_has_no_bends(skewed) -> None:
    provisional = LearnerOptions().of_regime("provisional")
    assert len(_kept_columns(skewed, np.full(N, -1.0), options=provisional)) == 2 + 2


def test_the_columns_of_a_category_are_never_left_out(skewed) -> None:
    assert _kept_columns(skewed, np.full(N, -1.0))[WIDTH:] == [1.0, 1.0]


def test_deals_signed_today_have_no_influence_on_the_choice_of_a_bend(skewed) -> None:
    turning = 0.3 * (np.log(skewed) - 3.5) ** 2 - 1
    assert _kept_columns(skewed, turning, seen=1.0)[:WIDTH] == BENT
    hardly_seen = [_kept_columns(skewed, turning, seen=0.02, seed=seed)[2] for seed in range(10)]
    assert sum(hardly_seen) <= 10 / 2


def test_a_bend_is_uncorrelated_with_the_rank_and_has_mean_0(skewed) -> None:
    frame = pd.DataFrame({"number": skewed})
    columns = fit_columns(frame, EncodingOptions())
    follow_up = FollowUp.of(np.ones(N), skewed > 20, 1.0)
    fit = impute(columns, encode(columns, frame), follow_up, 3.0, LearnerOptions())
    _, rank, bend = fit.matrix.T
    assert abs(bend.mean()) < 1e-9
    assert abs(bend @ rank) / N < 1e-9
    assert bend.std() == pytest.approx(1.0)


def test_a_column_left_out_has_no_effect_and_the_others_are_unchanged(skewed) -> None:
    frame = pd.DataFrame({"number": skewed})
    columns = fit_columns(frame, EncodingOptions())
    codes = encode(columns, frame)
    left = np.random.default_rng(2).random(N) < expit(np.log(skewed) - 4)
    follow_up = FollowUp.of(np.ones(N), left, 1.0)
    whole = impute(columns, codes, follow_up, 3.0, LearnerOptions())
    part = impute(
        columns, codes, follow_up, 3.0, LearnerOptions(), scales=np.array([0.0, 1.0, 0.0])
    )
    assert not part.matrix[:, [0, 2]].any()
    assert part.coefficients[1] == 0.0
    np.testing.assert_array_equal(part.matrix[:, 1], whole.matrix[:, 1])


def test_the_value_basis_of_a_number_with_few_values_is_linear_in_these_values() -> None:
    rebate = np.random.default_rng(0).choice([0.0, 10.0, 20.0, 60.0], N)
    frame = pd.DataFrame({"rebate": rebate})
    columns = fit_columns(frame, EncodingOptions())
    assert columns[0].centres == (0.0, 10.0, 20.0, 60.0)
    follow_up = FollowUp.of(np.ones(N), rebate > 10, 1.0)
    fit = impute(columns, encode(columns, frame), follow_up, 3.0, LearnerOptions())
    np.testing.assert_allclose(fit.matrix[:, 0], (rebate - rebate.mean()) / rebate.std())


@pytest.mark.parametrize("values", [(2.5, 7.0), (3.0,), (0.5, 1.0, 2.0)])
def test_a_number_with_few_values_keeps_no_collinear_columns(values) -> None:
    number = np.resize(np.array(values), N)
    chosen = _kept_columns(number, 0.5 * number - 1)[: -2 if len(values) > 1 else None]
    assert sum(chosen) >= 1
    if len(values) == 2:
        assert sum(chosen) == 1


def test_among_equally_good_basis_functions_the_one_with_the_smaller_range_is_kept() -> None:
    """With 300 deals value and rank fit equally well; a line in skewed values extrapolates far."""
    choices = []
    for seed in range(12):
        seats = np.exp(np.random.default_rng(100 + seed).normal(3, 1, 300))
        choices.append(_kept_columns(seats, -0.3 * (np.log(seats) - 3) - 1, seed=seed)[:WIDTH])
    assert choices.count(LINE) <= 12 // 3
    assert choices.count(RANK) >= 12 // 2


def _factor(levels: int, deviation: float, seed: int, n: int = 1_500) -> float:
    """Factor on the indicators of a category whose effects have this standard deviation."""
    rng = np.random.default_rng(seed)
    level = rng.integers(0, levels, n)
    log_odds = deviation * rng.standard_normal(levels)[level] - 1
    frame = pd.DataFrame({"product": [f"p{number}" for number in level]})
    columns = fit_columns(frame, EncodingOptions())
    assert columns[0].size == levels
    follow_up = FollowUp.of(np.ones(n), rng.random(n) < expit(log_odds), 1.0)
    factors = find_basis(columns, encode(columns, frame), follow_up, LearnerOptions())[0]
    assert len(factors) == levels
    assert len(set(factors.tolist())) == 1
    return float(factors[0])


@pytest.mark.parametrize("levels", [20, 100])
def test_levels_with_a_larger_variance_are_shrunk_less(levels) -> None:
    """With a penalty of 10 and a factor of 1 the prior standard deviation of an effect is 0.32."""
    mean = {
        deviation: np.mean([_factor(levels, deviation, seed) for seed in range(4)])
        for deviation in (0.0, 0.3, 1.0)
    }
    assert mean[0.0] < 0.45
    assert mean[0.0] < mean[0.3] < mean[1.0]
    assert mean[1.0] > 1.3


def test_levels_with_few_deals_are_not_shrunk_to_the_same_effect() -> None:
    few, many = (np.mean([_factor(30, 0.0, seed, n=n) for seed in range(6)]) for n in (400, 10_000))
    assert few > 2 * many
    assert many < 0.2


@pytest.mark.parametrize("levels", ["abcdefgh", "abcdefghijklmnop"])
def test_the_indicators_of_few_levels_are_not_scaled(levels) -> None:
    """A missing value has an indicator too, which is not a level."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"plan": rng.choice([*levels, None], N)})
    columns = fit_columns(frame, EncodingOptions())
    follow_up = FollowUp.of(np.ones(N), rng.random(N) < 0.3, 1.0)
    factors = find_basis(columns, encode(columns, frame), follow_up, LearnerOptions())[0]
    assert factors.tolist() == [1.0] * (len(levels) + 1)


@pytest.mark.parametrize(
    ("levels", "parents", "numbers"), [(100, {}, 0), (140, {}, 1), (100, {"product": "line"}, 1)]
)
def test_very_many_levels_or_many_levels_with_a_parent_become_a_statistic(
    levels, parents, numbers
) -> None:
    rng = np.random.default_rng(0)
    level = rng.integers(0, levels, N)
    frame = pd.DataFrame(
        {"product": [f"p{each}" for each in level], "line": [f"l{each % 3}" for each in level]}
    )
    columns = fit_columns(frame, EncodingOptions())
    follow_up = FollowUp.of(np.ones(N), rng.random(N) < 0.3, 1.0)
    options = LearnerOptions(parents=tuple(parents.items()))
    fit = impute(columns, encode(columns, frame), follow_up, 3.0, options)
    assert sum(fit.design.by_statistic) == numbers
    assert fit.design.bases[0].shape[1] == (1 if numbers else levels)


def basis_with_ranges(value: float, rank: float, bend: float = 0.0) -> np.ndarray:
    return np.array([[value, rank, bend], [-0.1, -0.1, -bend]])


@pytest.mark.parametrize(("ranges", "chosen"), [((1.0, 3.0), (0,)), ((3.0, 1.0), (1,)),
                                              ((2.0, 2.0), (0,))])  # fmt: skip
def test_with_equal_gains_the_function_with_the_smaller_range_is_kept(ranges, chosen) -> None:
    """With independent functions, each gain is the squared score over the precision."""
    precision, score = np.diag([4.0, 4.0]), np.array([0.5, 0.45])
    assert _gain(precision, score, (0,)) == pytest.approx(0.0625)
    assert _gain(precision, score, (0, 1)) == pytest.approx(0.0625 + 0.45**2 / 4)
    assert _best_subset(precision, score, basis_with_ranges(*ranges)[:, :2]) == chosen


def test_a_function_with_a_larger_gain_is_kept_whatever_its_range() -> None:
    precision = np.eye(2)
    for far, near, chosen in ((MIN_GAIN + 0.1, 0.0, (0,)), (0.0, MIN_GAIN + 0.1, (1,))):
        score = np.sqrt([far, near])
        for ranges in ((1.0, 9.0), (9.0, 1.0)):
            assert _best_subset(precision, score, basis_with_ranges(*ranges)[:, :2]) == chosen


def test_a_second_function_and_a_bend_are_kept_from_their_required_gain_on() -> None:
    def chosen(*gains: float) -> tuple[int, ...]:
        return _best_subset(np.eye(3), np.sqrt(gains), basis_with_ranges(1.0, 1.0, 1.0))

    assert chosen(9.0, MIN_GAIN - 0.1, 0.0) == (0,)
    assert chosen(9.0, MIN_GAIN + 0.1, 0.0) == (0, 1)
    assert chosen(9.0, 0.0, MIN_GAIN_OF_BEND - 0.1) == (0,)
    assert chosen(9.0, 0.0, MIN_GAIN_OF_BEND + 0.1) == (0, 2)
    assert chosen(9.0, MIN_GAIN + 0.1, MIN_GAIN_OF_BEND + 0.1) == (0, 1, 2)
