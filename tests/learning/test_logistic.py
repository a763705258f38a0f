"""The ridge regression: equal to scikit-learn's, with bounds, information and evidence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression

from fitmodel.learning._design import make_design
from fitmodel.learning._logistic import (
    MIN_INFORMATION,
    as_tables,
    bounded_logistic,
    coefficient_bounds,
    em_step,
    fit_ridge,
    log_evidence,
    newton_logistic,
    observed_information,
    penalised_information,
    prior_step,
)
from fitmodel.learning.calibration import expit
from fitmodel.learning.classifier import ProspectFitClassifier
from fitmodel.learning.encoding import EncodingOptions, encode, fit_columns
from fitmodel.learning.settings import LearnerOptions

FREE = (None, None)


def designed(frame, label):
    columns = fit_columns(frame, EncodingOptions())
    codes = encode(columns, frame)
    return make_design(
        columns, codes, label, np.ones(len(frame)), parents=[None] * len(columns), seed=0
    )


@pytest.fixture(scope="module")
def known() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    matrix = random.normal(size=(800, 4))
    line = matrix @ [1.0, -0.5, 0.2, 0.0] - 1
    label = (random.random(800) < expit(line)).astype(float)
    return matrix, label, random.uniform(0.5, 2, 800)


@pytest.mark.parametrize("way", ["bounded", "free"])
def test_without_bounds_it_is_scikit_learns_ridge(known, way) -> None:
    matrix, label, weight = known
    fit = (
        bounded_logistic(matrix, label, weight, (FREE,) * 4, penalty=3.0)
        if way == "bounded"
        else fit_ridge(None, matrix, label, weight, 3.0)
    )
    peer = LogisticRegression(C=1 / 3.0, tol=1e-8).fit(matrix, label, sample_weight=weight)
    np.testing.assert_allclose(fit[1:], peer.coef_[0], atol=1e-4)
    np.testing.assert_allclose(fit[0], peer.intercept_[0], atol=1e-4)


def test_an_inactive_bound_changes_nothing_and_an_active_bound_gives_0(known) -> None:
    matrix, label, weight = known

    def slopes(first):
        return bounded_logistic(matrix, label, weight, (first, *(FREE,) * 3), penalty=3.0)[1:]

    np.testing.assert_allclose(slopes((0.0, None)), slopes(FREE), atol=1e-5)
    assert slopes((None, 0.0))[0] == 0.0


def test_soft_labels_mean_the_same_with_and_without_bounds(known) -> None:
    matrix, label, weight = known
    soft = np.where(np.arange(800) % 3 == 0, 0.2 + 0.6 * label, label)
    free = fit_ridge(None, matrix, soft, weight, 3.0)
    bounded = bounded_logistic(matrix, soft, weight, (FREE,) * 4, penalty=3.0)
    np.testing.assert_allclose(free, bounded, atol=5e-4)


def test_a_deal_with_weight_0_has_no_influence(known) -> None:
    matrix, label, weight = known
    fewer = np.where(np.arange(800) < 700, weight, 0.0)
    with_all = fit_ridge(None, matrix, label, fewer, 3.0)
    without = fit_ridge(None, matrix[:700], label[:700], weight[:700], 3.0)
    np.testing.assert_allclose(with_all, without, atol=1e-8)


def test_without_attributes_it_is_the_rate() -> None:
    (intercept,) = fit_ridge(None, np.empty((4, 0)), np.array([1.0, 0, 0, 0.5]), np.ones(4), 3.0)
    assert expit(intercept) == pytest.approx(0.375)


def test_tables_give_the_log_odds_of_the_coefficients() -> None:
    random = np.random.default_rng(2)
    frame = pd.DataFrame(
        {"plan": random.choice(list("abc"), 300), "seats": random.normal(size=300)}
    )
    label = (random.random(300) < 0.3).astype(float)
    design = designed(frame, label)
    matrix = design.linear_matrix()
    fits = [fit_ridge(design, matrix, label, np.ones(300), penalty) for penalty in (1.0, 30.0)]
    tables = as_tables(design, fits).log_odds_by_replicate(design.codes)
    for position, fit in enumerate(fits):
        np.testing.assert_allclose(tables[:, position], fit[0] + matrix @ fit[1:], atol=1e-12)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("name", ["increasing", "decreasing"])
def test_the_risk_respects_the_direction_in_every_weighted_sum(name: str, share: float) -> None:
    random = np.random.default_rng(1)
    frame = pd.DataFrame({"seats": random.normal(size=1500), "noise": random.normal(size=1500)})
    # a wave: without constraints no component would be monotone
    line = np.sin(3 * frame["seats"]) - 1
    label = (random.random(1500) < expit(line.to_numpy())).astype(float)
    options = LearnerOptions(**{name: ("seats",)})
    model = ProspectFitClassifier(boosting_share=share, pairs=0, replicates=2, options=options)
    scorecard = model.fit(frame, label).scorecard_
    steps = np.diff(
        [row["log_odds"] for row in scorecard.table("seats") if row["value"] != "missing"]
    )
    worst = steps.min() if name == "increasing" else -steps.max()
    assert worst >= -1e-9
    free = (
        ProspectFitClassifier(boosting_share=share, pairs=0, replicates=2)
        .fit(frame, label)
        .scorecard_
    )
    if share > 0:
        steps = np.diff([row["log_odds"] for row in free.table("seats")][1:])
        assert steps.min() < 0 < steps.max()


def test_log_evidence_is_the_likelihood_integrated_over_the_prior():
    """Compared with numerical integration over the intercept (flat prior) and one coefficient."""
    random = np.random.default_rng(0)
    matrix = random.normal(size=(400, 1))
    outcome = (random.random(400) < expit(-1 + 0.8 * matrix[:, 0])).astype(float)
    weight = np.ones(400)
    intercept, slope = np.meshgrid(np.linspace(-2, 0, 161), np.linspace(-0.2, 2, 161))
    line = intercept[..., None] + slope[..., None] * matrix[:, 0]
    log_likelihood = (outcome * line - np.logaddexp(0, line)).sum(axis=-1)
    laplace, exact = [], []
    for penalty in (0.3, 3.0, 100.0):
        fit = newton_logistic(matrix, outcome, weight, penalty=penalty)
        log_odds = fit[0] + matrix @ fit[1:]
        laplace.append(log_evidence(matrix, outcome, weight, log_odds, fit, penalty))
        prior = np.log(penalty) / 2 - penalty * slope**2 / 2
        exact.append(logsumexp(log_likelihood + prior))
    np.testing.assert_allclose(np.diff(laplace), np.diff(exact), atol=0.02)


def test_the_penalty_of_the_true_effects_has_the_largest_evidence():
    random = np.random.default_rng(1)
    matrix = random.normal(size=(3_000, 40))
    effects = random.normal(0, 1 / np.sqrt(10), 40)
    outcome = (random.random(3_000) < expit(matrix @ effects)).astype(float)
    weight = np.ones(3_000)
    result = {}
    for penalty in (0.3, 1.0, 3.0, 10.0, 30.0, 100.0):
        fit = newton_logistic(matrix, outcome, weight, penalty=penalty)
        log_odds = fit[0] + matrix @ fit[1:]
        result[penalty] = log_evidence(matrix, outcome, weight, log_odds, fit, penalty)
    assert max(result, key=result.get) == 10.0


def test_a_column_of_zeros_does_not_change_the_evidence():
    random = np.random.default_rng(2)
    matrix = np.hstack([random.normal(size=(200, 2)), np.zeros((200, 1))])
    outcome, weight = (random.random(200) < 0.4).astype(float), np.ones(200)
    fit = newton_logistic(matrix, outcome, weight, penalty=3.0)
    log_odds = fit[0] + matrix @ fit[1:]
    assert log_evidence(matrix, outcome, weight, log_odds, fit, 3.0) == pytest.approx(
        log_evidence(matrix[:, :2], outcome, weight, log_odds, fit[:3], 3.0)
    )


UP, DOWN = (0.0, None), (None, 0.0)


@pytest.mark.parametrize(
    ("direction", "sign"), [(1, UP), (-1, DOWN), (0, FREE)], ids=["up", "down", "free"]
)
def test_a_direction_bounds_only_the_basis_of_its_number(direction, sign) -> None:
    random = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "plan": random.choice(list("abc"), 400),
            "seats": np.where(random.random(400) < 0.2, np.nan, random.normal(size=400)),
            "same": np.full(400, 7.0),
        }
    )
    columns = fit_columns(frame, EncodingOptions())
    design = make_design(
        columns, encode(columns, frame), np.tile([0.0, 1.0], 200), np.ones(400),
        parents=[None] * 3, seed=0, bends=[True] * 3,
    )  # fmt: skip
    names = [column.name for column in columns]
    bounds = coefficient_bounds(design, [direction] * 3)
    parts = dict(
        zip(names, np.split(np.array(bounds, dtype=object), np.cumsum(
            [basis.shape[1] for basis in design.bases])[:-1]), strict=True)
    )  # fmt: skip

    assert [tuple(each) for each in parts["seats"]] == [sign, sign, FREE, FREE]  # bend, missing
    assert [tuple(each) for each in parts["plan"]] == [FREE] * 3
    assert len(parts["same"]) == 0


@pytest.mark.parametrize("way", ["bounded", "free"])
def test_the_penalty_shrinks_towards_the_centre(known, way) -> None:
    matrix, label, weight = known
    centre = np.array([0.5, 0.5, -1.0, 2.0])

    def fit(penalty: float) -> np.ndarray:
        if way == "free":
            return newton_logistic(matrix, label, weight, penalty=penalty, centre=centre)
        return bounded_logistic(matrix, label, weight, (FREE,) * 4, penalty=penalty, centre=centre)

    np.testing.assert_allclose(fit(1e7)[1:], centre, atol=1e-3)
    # the optimum has gradient 0
    result = fit(5.0)
    residual = weight * (expit(result[0] + matrix @ result[1:]) - label)
    np.testing.assert_allclose(matrix.T @ residual + 5.0 * (result[1:] - centre), 0, atol=2e-2)
    assert residual.sum() == pytest.approx(0, abs=2e-2)


def test_other_initial_coefficients_give_the_same_result(known) -> None:
    matrix, label, weight = known
    far = newton_logistic(matrix, label, weight, penalty=3.0, start=np.array([3.0, -4, 4, 2, 1]))
    np.testing.assert_allclose(far, fit_ridge(None, matrix, label, weight, 3.0), atol=1e-6)


def test_the_penalised_information_is_the_hessian_of_the_loss(known) -> None:
    matrix, label, weight = known
    beta = np.array([-0.5, 0.8, -0.2, 0.1, 0.3])

    def loss(at: np.ndarray) -> float:
        line = at[0] + matrix @ at[1:]
        return weight @ (np.logaddexp(0, line) - label * line) + 2.0 * at[1:] @ at[1:] / 2

    probability = expit(beta[0] + matrix @ beta[1:])
    hessian = penalised_information(matrix, weight * probability * (1 - probability), 2.0)
    step = np.eye(5) * 1e-3
    numeric = [
        [
            (loss(beta + a + b) - loss(beta + a - b) - loss(beta - a + b) + loss(beta - a - b))
            / 4e-6
            for b in step
        ]
        for a in step
    ]
    np.testing.assert_allclose(hessian, numeric, rtol=1e-4, atol=1e-3)


def test_a_known_label_has_full_information_and_a_predicted_label_has_none() -> None:
    log_odds = np.array([-1.0, -1.0, -1.0, 0.0])
    probability = expit(-1.0)
    label, weight = np.array([1.0, 0.0, probability, 0.1]), np.array([2.0, 1.0, 5.0, 1.0])
    information = observed_information(label, weight, log_odds)

    known = probability * (1 - probability)
    np.testing.assert_allclose(information[:2], [2 * known, known])
    assert information[2] == pytest.approx(5.0 * MIN_INFORMATION)
    assert information[3] == pytest.approx(0.25 - 0.09)


def test_an_em_step_keeps_a_maximum_and_otherwise_increases_the_likelihood(
    known,
) -> None:
    matrix, label, weight = known
    result = newton_logistic(matrix, label, weight, penalty=3.0)
    np.testing.assert_allclose(em_step(matrix, label, weight, result, 3.0), result, atol=1e-5)

    def objective(at: np.ndarray) -> float:
        line = at[0] + matrix @ at[1:]
        return float(weight @ (label * line - np.logaddexp(0, line)) - 1.5 * at[1:] @ at[1:])

    deviation = result + np.array([0.3, -0.2, 0.1, 0.2, -0.1])
    stepped = em_step(matrix, label, weight, deviation, 3.0)
    assert objective(deviation) < objective(stepped) <= objective(result) + 1e-9
    centre = np.array([1.0, 0.0, 0.0, 0.0])
    optimum = newton_logistic(matrix, label, weight, penalty=3.0, centre=centre)
    np.testing.assert_allclose(
        em_step(matrix, label, weight, optimum, 3.0, centre), optimum, atol=1e-5
    )


def test_steps_to_random_prior_means_have_the_stated_covariance() -> None:
    """The covariance is spread^2 * penalty * H^-2 for the coefficients that have a prior."""
    random = np.random.default_rng(4)
    matrix, information = random.normal(size=(60, 2)), random.uniform(0.1, 0.3, 60)
    steps = np.array(
        [
            prior_step(matrix, information, penalty=5.0, spread=0.7, generator=random)
            for _ in range(6_000)
        ]
    )
    inverse = np.linalg.inv(penalised_information(matrix, information, 5.0))
    expected = 0.7**2 * 5.0 * inverse @ np.diag([0.0, 1.0, 1.0]) @ inverse
    np.testing.assert_allclose(np.cov(steps.T), expected, atol=0.06 * np.diag(expected).max())
    assert np.abs(steps.mean(axis=0)).max() < 0.02
