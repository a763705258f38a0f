"""Conversion of an additive model to a scorecard, with the evidence of each row."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from fitmodel.learning._additive import Additive, Pair
from fitmodel.learning._design import Design, make_design
from fitmodel.learning._flatten import (
    MIN_LEVEL_SPREAD,
    _widened,
    find_unusual_pairs,
    flatten,
    make_evidence,
    own_shares,
)
from fitmodel.learning._imputation import Imputed
from fitmodel.learning._level_statistic import PRIOR_DEALS, LevelStatistic
from fitmodel.learning._logistic import as_tables, newton_logistic
from fitmodel.learning._proportional_odds import FollowUp
from fitmodel.learning.calibration import CalibrationMap, expit
from fitmodel.learning.columns import MISSING, CategoryColumn, Column, NumberColumn
from fitmodel.learning.scorecard import Evidence, Scorecard

SEATS = NumberColumn("seats", (10.0, 20.0), 1.0, 90.0)
PLAN = CategoryColumn("plan", {"basic": 1, "pro": 2})


def design_of(columns: tuple[Column, ...], codes: np.ndarray, label: np.ndarray) -> Design:
    weight = np.ones(len(codes))
    return make_design(
        columns, codes.astype(np.int32), label, weight, parents=[None] * len(columns), seed=0
    )


def deals(n: int = 600, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes of a number and of a category, labels and weights."""
    random = np.random.default_rng(seed)
    codes = np.column_stack([random.integers(0, 4, n), random.integers(1, 3, n)])
    label = (random.random(n) < expit(0.5 * (codes[:, 0] - 2) - (codes[:, 1] == 1))).astype(float)
    return codes, label, random.uniform(0.5, 2.0, n)


def additive(replicates: int, *, seed: int = 1) -> Additive:
    """Random tables of both attributes, and of a grid over them."""
    random = np.random.default_rng(seed)
    maps = (np.array([0, 1, 1, 2, 2]), np.array([0, 1, 1, 0]))
    return Additive(
        random.normal(size=replicates),
        (random.normal(size=(5, replicates)), random.normal(size=(4, replicates))),
        (Pair((0, 1), maps),),
        (random.normal(size=(4, 3, replicates)),),
    )


def flat(**changes) -> tuple[Scorecard, Additive, Additive, np.ndarray, np.ndarray]:
    codes, label, weight = deals()
    design = design_of((SEATS, PLAN), codes, label)
    point, replicates = additive(1), additive(6, seed=2)
    given = {"early_churn": label, "weight": weight, "spread": 1.0, "base_rate": 0.3, "seed": 0}
    given["follow_up"] = observed_whole(label == 1)
    given |= {"calibration": CalibrationMap.linear(1.0, 0.0, "slope")} | changes
    return flatten(design, point, replicates, **given), point, replicates, design.codes, weight


def test_scorecard_and_additive_model_agree_for_every_deal_and_replicate() -> None:
    scorecard, point, replicates, codes, _ = flat()
    sums = scorecard.intercept + scorecard.tables[scorecard.rows(codes)].sum(axis=1)

    np.testing.assert_allclose(sums[:, :1], point.log_odds_by_replicate(codes), atol=1e-12)
    np.testing.assert_allclose(sums[:, 1:], replicates.log_odds_by_replicate(codes), atol=1e-12)


def test_every_table_averages_0_over_the_deals_in_every_replicate() -> None:
    scorecard, _, _, codes, weight = flat()
    rows = scorecard.tables[scorecard.rows(codes)]

    means = np.average(rows, axis=0, weights=weight)
    assert means.shape == (3, 7)
    np.testing.assert_allclose(means, 0.0, atol=1e-12)


def test_a_grid_has_only_rows_and_columns_that_some_code_maps_to() -> None:
    scorecard, *_ = flat()

    assert scorecard.pairs[0].shape == (3, 2)  # from a grid of 4 by 3
    assert len(scorecard.tables) == 5 + 4 + 6


def widened(column: Column, code: list[int], *, effects: float = 0.0, seed: int = 0) -> np.ndarray:
    table = np.zeros((column.size + 2, 4_001))
    table[1 : column.size + 1, 0] = np.resize([effects, -effects], column.size)
    generator = np.random.default_rng(seed)
    return _widened(table, column, np.array(code, dtype=np.int32), None, generator)


def test_a_row_without_deals_is_0_and_varies_as_the_known_levels() -> None:
    for effects, spread in ((0.0, MIN_LEVEL_SPREAD), (0.1, MIN_LEVEL_SPREAD), (0.9, 0.9)):
        table = widened(PLAN, [1, 2] * 50, effects=effects)
        for row in (MISSING, PLAN.size + 1):
            assert table[row, 0] == 0.0
            assert table[row, 1:].std() == pytest.approx(spread, rel=0.05)
            assert abs(table[row, 1:].mean()) < 0.05
        assert table[1:3, 1:].std() == 0.0
        assert table[1, 0] == effects


def test_the_deviation_of_levels_is_weighted_by_their_deals() -> None:
    """Nine deals at +0.9 and one at -0.9 give 0.9; with the second level at 0 it is smaller."""
    table = np.zeros((4, 4_001))
    table[1:3, 0] = [0.0, 2.0]
    one_in_four = np.array([1, 1, 1, 2] * 10, dtype=np.int32)
    out = _widened(table, PLAN, one_in_four, None, np.random.default_rng(0))

    assert out[3, 1:].std() == pytest.approx(1.0, rel=0.05)  # sqrt(4 / 4)
    assert table[3, 1:].std() == 0.0, "the input table is not changed"


def test_a_missing_row_with_deals_and_the_last_row_of_a_number_are_not_widened() -> None:
    category = widened(PLAN, [0, 1, 2], effects=0.5)
    number = widened(SEATS, [1, 2, 3], effects=0.5)

    assert category[MISSING].std() == 0.0
    assert category[PLAN.size + 1, 1:].std() > 0
    assert number[MISSING, 1:].std() > 0
    assert number[SEATS.size + 1].std() == 0.0, "a number has no unseen level"


def test_levels_with_a_statistic_get_the_statistics_error_in_the_replicates() -> None:
    values = np.array([0.0, 1.0, -1.0, 0.0])
    statistic = LevelStatistic(values, np.array([0.1, 0.2, 0.4, 0.1]), np.zeros(4), np.zeros(0))
    for slope, factor in ((1.0, 1.0), (0.5, 0.5), (-1.0, 0.0)):
        table = np.zeros((4, 4_001))
        table[:, 0] = slope * values
        out = _widened(
            table, PLAN, np.array([0, 1, 2], np.int32), statistic, np.random.default_rng(0)
        )
        np.testing.assert_allclose(out[:3, 1:].std(axis=1), factor * np.array([0.1, 0.2, 0.4]),
                                   rtol=0.05, atol=1e-12)  # fmt: skip
        np.testing.assert_array_equal(out[:, 0], table[:, 0])


def observed_whole(left: np.ndarray) -> FollowUp:
    """Follow-up of deals observed for the whole horizon."""
    return FollowUp.of(np.where(left, 2.0, 5.0), left, 5.0)


def evidence(
    column: Column,
    code: list[int],
    label: list[float],
    weight: list[float],
    follow_up: FollowUp | None = None,
) -> Evidence:
    return make_evidence(
        column,
        np.array(code, dtype=np.int32),
        np.array(label, float),
        np.array(weight, float),
        follow_up or observed_whole(np.array(label) == 1),
    )


def test_deals_that_left_and_deals_of_unknown_outcome_are_counted_per_band() -> None:
    """A leaver after the horizon is known to have stayed; one without a day may not be known."""
    months = np.array([1.0, 1.0, 5.0, 6.0, 4.0, 0.0, 0.0])
    left = np.array([True, False, False, True, True, True, True])
    by = np.array([np.nan] * 5 + [3.0, 9.0])
    follow_up = FollowUp.of(months, left, 5.0, left_by=by)
    result = evidence(PLAN, [1, 1, 1, 2, 2, 2, 2], [0.5] * 7, [1.0] * 7, follow_up)

    assert result.left.tolist() == [0, 1, 2, 0]
    assert result.unknown.tolist() == [0, 1, 1, 0]
    assert [result.is_mostly_unknown(band) for band in range(4)] == [False] * 4
    assert replace(result, unknown=np.array([0, 2, 2, 0])).is_mostly_unknown(1)
    assert not replace(result, unknown=None).is_mostly_unknown(1)


def test_each_level_has_its_count_and_weighted_rate() -> None:
    result = evidence(PLAN, [1, 1, 2, 2, 2], [1, 0, 1, 1, 0], [3, 1, 1, 1, 2])

    assert result.count.tolist() == [0, 2, 3, 0]
    assert result.rate[1:3].tolist() == [0.75, 0.5]
    assert np.isnan(result.rate[[0, 3]]).all()
    assert result.label == ("missing", "basic", "pro", "never seen before")
    assert result.band.tolist() == [0, 1, 2, 3]


def test_the_rate_of_a_level_with_small_weights_lies_between_0_and_1() -> None:
    result = evidence(PLAN, [1, 1, 2, 2], [1, 0, 0, 0], [0.3, 0.1, 0.0, 0.0])
    assert result.rate[1] == pytest.approx(0.75)
    assert np.isnan(result.rate[2]), "deals with weight 0 have no rate"


def test_bins_of_a_number_are_merged_into_six_bands_of_equal_size() -> None:
    column = NumberColumn("seats", tuple(float(cut) for cut in range(1, 60)), 0.0, 60.0)
    code = np.r_[np.repeat(np.arange(1, 61), 10), np.zeros(7)].astype(int)
    result = evidence(column, code.tolist(), [0.5] * 607, [1.0] * 607)

    assert result.count.tolist() == [7, 100, 100, 100, 100, 100, 100]
    assert result.label == (
        "missing", "below 10", "10 to 20", "20 to 30", "30 to 40", "40 to 50", "50 or more",
    )  # fmt: skip
    assert result.band[-1] == result.band[-2] == 6
    assert (np.diff(result.band[1:]) >= 0).all()


def test_one_bin_is_labelled_any_and_each_of_few_bins_has_its_own_band() -> None:
    one = NumberColumn("seats", (), 1.0, 1.0)
    assert evidence(one, [1, 1, 0], [1, 0, 1], [1, 1, 1]).label == ("missing", "any")
    few = evidence(SEATS, [1, 2, 3], [1, 0, 1], [1, 1, 1])
    assert few.label == ("missing", "below 10", "10 to 20", "20 or more")
    assert few.count.tolist() == [0, 1, 1, 1]


def test_an_unobserved_combination_is_listed_if_at_least_20_deals_were_expected() -> None:
    """Each band has half of 80 deals: by independence 20 deals are expected in both."""

    def codes(n: int) -> np.ndarray:
        half = np.repeat([1, 2], n // 2)
        return np.column_stack([half, half]).astype(np.int32)

    for n, result in ((80, ((0, 1, 1, 2), (0, 2, 1, 1))), (78, ())):
        pair_codes = codes(n)
        both = tuple(evidence(PLAN, pair_codes[:, k].tolist(), [0] * n, [1] * n) for k in (0, 1))
        assert find_unusual_pairs(pair_codes, both) == result


def fitted(design: Design, label: np.ndarray, weight: np.ndarray, penalty: float) -> Imputed:
    matrix = design.linear_matrix()
    coefficients = newton_logistic(matrix, label, weight, penalty=penalty)
    log_odds = as_tables(design, [coefficients]).log_odds_by_replicate(design.codes)[:, 0]
    return SimpleNamespace(
        design=design, matrix=matrix, early_churn=label, weight=weight, log_odds=log_odds
    )  # type: ignore[return-value]  # the fields that own_shares reads


def test_the_own_share_of_a_level_is_1_minus_posterior_over_prior_variance() -> None:
    """Computed by hand for two levels, as deviations from the mean deal."""
    codes, label, weight = deals(200)
    design = design_of((PLAN,), codes[:, 1:], label)
    fit = fitted(design, label, weight, 2.0)
    probability = expit(fit.log_odds)
    wide = np.column_stack([np.ones(200), fit.matrix])
    hessian = wide.T @ (wide * (weight * probability * (1 - probability))[:, None]) + np.diag(
        [0.0, 2, 2]
    )
    covariance = np.linalg.inv(hessian)[1:, 1:]
    mean = np.average(fit.matrix, axis=0, weights=weight)
    deviation = np.eye(2) - mean
    expected = 1 - np.diag(deviation @ covariance @ deviation.T) / (
        (deviation**2).sum(axis=1) / 2.0
    )

    np.testing.assert_allclose(own_shares(fit, 2.0), [0.0, *expected, 0.0], atol=1e-9)


def test_the_own_share_increases_with_the_deals_and_decreases_with_the_penalty() -> None:
    shares = {}
    for n, penalty in ((50, 3.0), (5_000, 3.0), (50, 300.0)):
        codes, label, weight = deals(n)
        design = design_of((SEATS, PLAN), codes, label)
        shares[n, penalty] = own_shares(fitted(design, label, weight, penalty), penalty)
    assert (shares[50, 3.0] <= shares[5_000, 3.0]).all()
    assert (shares[50, 300.0] <= shares[50, 3.0]).all()
    assert shares[5_000, 3.0][[0, 1, 2, 3, 6, 7]].min() > 0.9
    assert shares[50, 300.0].max() < 0.2
    assert all(((share >= 0) & (share <= 1)).all() for share in shares.values())


def test_without_deals_a_bin_has_the_share_of_its_basis_and_a_level_has_0() -> None:
    codes, label, weight = deals(2_000)
    chosen = (codes[:, 0] != 2) & (codes[:, 0] != MISSING)
    design = design_of((SEATS, PLAN), codes[chosen], label[chosen])
    shares = own_shares(fitted(design, label[chosen], weight[chosen], 3.0), 3.0)

    assert shares[MISSING] == 0.0
    assert shares[2] > 0.5, "all bins share the basis"
    assert shares[4] == pytest.approx(shares[3]), "the last code of a number is never used"
    assert shares[5] == shares[8] == 0.0, "the plan has no missing and no unseen values"


def test_a_level_with_a_statistic_has_the_share_n_over_n_plus_10() -> None:
    levels = {f"p{number:03}": number + 1 for number in range(150)}
    many = CategoryColumn("page", levels)
    random = np.random.default_rng(0)
    codes = random.integers(1, 151, (3_000, 1))
    label = (random.random(3_000) < 0.3).astype(float)
    design = design_of((many,), codes, label)
    assert design.by_statistic == (True,)

    count = np.bincount(codes[:, 0], minlength=152)
    np.testing.assert_allclose(
        own_shares(fitted(design, label, np.ones(3_000), 3.0), 3.0),
        count / (count + PRIOR_DEALS),
    )
