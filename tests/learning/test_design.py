"""The basis of each attribute; many levels help if they have effects, and otherwise cost little."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

from fitmodel.learning._design import make_design, with_other_labels
from fitmodel.learning._level_statistic import STATISTIC_BINS
from fitmodel.learning.calibration import expit
from fitmodel.learning.classifier import ProspectFitClassifier
from fitmodel.learning.columns import NumberColumn
from fitmodel.learning.encoding import EncodingOptions, encode, fit_columns

SEEDS = range(6)


def company(
    deals: int, levels: int, effect: float, seed: int
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Attributes, outcomes and true probabilities: a number, and a category of many pages."""
    law = np.random.default_rng(1_000 + seed)
    pages = effect * law.normal(size=levels)
    share = law.dirichlet(np.full(levels, 2.0))
    random = np.random.default_rng(seed)
    seats, page = random.normal(size=deals), random.choice(levels, deals, p=share)
    truth = expit(-1.0 + 0.7 * seats + pages[page])
    frame = pd.DataFrame({"seats": seats, "page": np.char.add("page ", page.astype(str))})
    return frame, (random.random(deals) < truth).astype(float), truth


def excess(frame: pd.DataFrame, label: np.ndarray, truth: np.ndarray, known: int) -> float:
    """Expected log loss on new deals minus that of the true probability."""
    share = 0.5 if len(frame) < 3_000 else 0.0  # with boosting where it is fast
    model = ProspectFitClassifier(boosting_share=share, replicates=3).fit(
        frame[:known], label[:known]
    )
    p, q = model.predict_proba(frame[known:])[:, 1], truth[known:]
    return float(np.mean(q * np.log(q / p) + (1 - q) * np.log((1 - q) / (1 - p))))


def gains(known: int, levels: int, effect: float) -> list[float]:
    """Reduction of the excess log loss by the pages, per seed."""
    result = []
    for seed in SEEDS:
        frame, label, truth = company(known + 4_000, levels, effect, seed)
        without = excess(frame[["seats"]], label, truth, known)
        result.append(without - excess(frame, label, truth, known))
    return result


@pytest.mark.slow
@pytest.mark.parametrize(("known", "levels", "min_gain"), [(600, 130, 0.005), (10_000, 500, 0.02)])
def test_a_category_of_many_levels_with_an_effect_reduces_the_error(
    known: int, levels: int, min_gain: float
) -> None:
    assert np.mean(gains(known, levels, effect=0.8)) > min_gain


@pytest.mark.slow
@pytest.mark.parametrize(("known", "levels"), [(600, 130), (10_000, 500)])
def test_a_category_of_many_levels_without_an_effect_costs_less_than_sampling_error(
    known: int, levels: int
) -> None:
    cost = -np.mean(gains(known, levels, effect=0.0))
    sampling_error = 0.5 / known  # expected log loss of one parameter without an effect
    assert cost < 4 * sampling_error


def test_a_different_level_for_every_deal_costs_less_than_sampling_error() -> None:
    costs = []
    for seed in SEEDS:
        frame, label, truth = company(4_600, 1, 0.0, seed)
        named = frame.assign(page=[f"id {position}" for position in range(len(frame))])
        costs.append(excess(named, label, truth, 600) - excess(frame, label, truth, 600))
    assert np.mean(costs) < 4 * 0.5 / 600


@pytest.mark.slow
def test_the_interval_includes_the_uncertainty_of_many_levels() -> None:
    """35 products with very different numbers of deals; without the errors, coverage was 0.6."""
    covered = []
    for seed in range(3):
        frame, label, truth = company(5_000, 35, 0.6, 50 + seed)
        model = ProspectFitClassifier(replicates=12).fit(frame[:1_000], label[:1_000])
        card = model.scorecard_
        low, high = card.interval(*card.scores(encode(card.columns, frame[1_000:])))
        covered.append(np.mean((low <= truth[1_000:]) & (truth[1_000:] <= high)))
    assert 0.75 <= np.mean(covered) <= 0.97


def test_boosting_gets_many_levels_as_a_number_and_the_ridge_as_indicators() -> None:
    frame, label, _ = company(3_000, 60, 0.5, 1)
    columns = fit_columns(frame, EncodingOptions())
    codes = encode(columns, frame)
    design = make_design(columns, codes, label, np.ones(3_000), parents=[None, None], seed=0)
    pages = [column.name for column in columns].index("page")
    assert design.bases[pages].shape[1] == columns[pages].size
    assert not design.depends_on_labels
    boosted = design.boosting_matrix()[:, pages]
    assert len(np.unique(boosted)) <= STATISTIC_BINS
    high, low = boosted >= np.quantile(boosted, 0.8), boosted <= np.quantile(boosted, 0.2)
    assert label[high].mean() > label[low].mean() + 0.1


def coded(codes: list[int], cuts: tuple[float, ...], **changes: object):
    column = NumberColumn("seats", cuts, 0.0, 99.0)
    code = np.array(codes, dtype=np.int32)[:, None]
    n = len(codes)
    return make_design(
        (column,), code, np.resize([0.0, 1.0], n), np.ones(n), parents=[None], seed=0, **changes
    )


def test_the_basis_of_a_number_is_its_standardised_value_and_rank() -> None:
    """Bins without centres have the middle between cuts as value, the outer bins the outer cuts."""
    design = coded([1, 1, 1, 2, 3, 3, 4], (10.0, 20.0, 40.0))
    matrix = design.linear_matrix()
    values = np.array([10.0, 10, 10, 15, 30, 30, 40])

    assert matrix.shape == (7, 2)
    np.testing.assert_allclose(matrix[:, 0], (values - values.mean()) / values.std())
    np.testing.assert_allclose(matrix.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(matrix.std(axis=0), 1)
    ranks = np.array([1.5, 1.5, 1.5, 3.5, 5.0, 5.0, 6.5]) / 7
    scores = np.array([NormalDist().inv_cdf(rank) for rank in ranks])
    np.testing.assert_allclose(matrix[:, 1], (scores - scores.mean()) / scores.std())


def test_an_outer_bin_without_deals_keeps_its_basis_values() -> None:
    whole = coded([1, 2, 3, 4] * 3, (10.0, 20.0, 40.0))
    for codes in ([1, 2, 3] * 4, [2, 3, 4] * 4):
        basis = coded(codes, (10.0, 20.0, 40.0)).bases[0]
        assert basis.shape == whole.bases[0].shape == (6, 2)
        assert (np.diff(basis[1:5], axis=0) >= 0).all()
        assert basis[1, 0] < basis[4, 0]
        assert not basis[[0, 5]].any()


def test_a_bend_has_no_linear_part_and_two_values_have_no_bend() -> None:
    design = coded([1, 2, 3, 4, 5] * 4, (1.0, 2.0, 3.0, 4.0), bends=[True])
    matrix = design.linear_matrix()
    assert design.bends == (True,)
    assert matrix.shape == (20, 3)
    assert matrix[:, 2].mean() == pytest.approx(0.0, abs=1e-12)
    assert matrix[:, 2].std() == pytest.approx(1.0)
    assert np.corrcoef(matrix[:, 1], matrix[:, 2])[0, 1] == pytest.approx(0.0, abs=1e-12)
    ends, middle = matrix[[0, 4], 2], matrix[2, 2]
    assert ends.min() > 0 > middle
    for codes, cuts in (([1, 1, 1], ()), ([1, 1, 0], ())):
        assert coded(codes, cuts, bends=[True]).bends == (False,), "one bin has no bend"
    two = coded([1, 2] * 10, (1.0,), bends=[True])
    assert not two.bases[0][:, 2].any()


def test_there_is_a_missing_indicator_only_where_values_are_missing() -> None:
    assert coded([1, 2, 2], (1.0,)).bases[0].shape == (4, 2)
    basis = coded([0, 1, 2, 2], (1.0,)).bases[0]
    assert basis[:, 2].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert not basis[0, :2].any()


def test_factors_multiply_columns_and_a_number_with_one_bin_has_no_columns() -> None:
    reference = coded([1, 2, 3] * 4, (1.0, 2.0))
    scaled = coded([1, 2, 3] * 4, (1.0, 2.0), scales=np.array([0.0, 0.5]))
    np.testing.assert_allclose(scaled.linear_matrix(), reference.linear_matrix() * [0.0, 0.5])
    assert coded([1, 1, 1], ()).linear_matrix().shape == (3, 0)


def test_boosting_gets_nan_for_missing_values() -> None:
    matrix = coded([0, 1, 3], (1.0, 2.0)).boosting_matrix()
    np.testing.assert_array_equal(matrix, [[np.nan], [1.0], [3.0]])


def test_a_design_with_other_labels_equals_a_newly_made_one() -> None:
    frame, label, _ = company(2_000, 200, 0.5, 1)
    frame.loc[:50, "page"] = None
    columns = fit_columns(frame, EncodingOptions())
    codes = encode(columns, frame)
    weight, given = np.ones(2_000), {"parents": [None, None], "seed": 0}
    design = make_design(columns, codes, label, weight, **given)
    assert design.depends_on_labels
    matrix = design.linear_matrix()
    first = matrix.copy()
    other = with_other_labels(design, label[::-1], weight, **given)

    changed = other.linear_matrix(matrix)

    assert np.array_equal(
        changed, make_design(columns, codes, label[::-1], weight, **given).linear_matrix()
    )
    assert changed is matrix
    assert not np.array_equal(changed, first)
