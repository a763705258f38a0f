"""Soft labels of young deals by the EM algorithm."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from fitmodel.learning._design import MAX_INDICATORS
from fitmodel.learning._imputation import TOLERANCE, impute, run_em
from fitmodel.learning._level_statistic import level_statistic
from fitmodel.learning._logistic import as_tables, fit_ridge
from fitmodel.learning._proportional_odds import FollowUp, fit_baseline, soft_labels
from fitmodel.learning.encoding import EncodingOptions, encode, fit_columns
from fitmodel.learning.settings import LearnerOptions

OPTIONS = LearnerOptions()
PENALTY = 3.0


def fitted(company, follow_up=None, **settings):
    columns = fit_columns(company.attributes, EncodingOptions())
    codes = encode(columns, company.attributes)
    return impute(columns, codes, follow_up or company.follow_up, PENALTY, OPTIONS, **settings)


@pytest.fixture(scope="module")
def growing(make_company):
    company = make_company(1_500, seed=3, growth=0.15)
    assert (company.follow_up.months < 5).mean() > 0.5
    return company


def test_with_known_outcomes_it_is_an_ordinary_ridge_regression(make_company):
    company = make_company(800, seed=1)
    known = company.follow_up.known
    columns = fit_columns(company.attributes[known], EncodingOptions())
    codes = encode(columns, company.attributes[known])
    follow_up = company.follow_up.subset(known)
    fit = impute(columns, codes, follow_up, PENALTY, OPTIONS)
    peer = LogisticRegression(C=1 / PENALTY, tol=1e-10, max_iter=1_000)
    peer.fit(fit.matrix, follow_up.left)
    np.testing.assert_allclose(fit.coefficients[0], peer.intercept_[0], atol=1e-4)
    np.testing.assert_allclose(fit.coefficients[1:], peer.coef_[0], atol=1e-4)
    np.testing.assert_array_equal(fit.early_churn, follow_up.left.astype(float))


def test_a_known_label_is_never_replaced_by_a_soft_one(growing):
    fit, known = fitted(growing), growing.follow_up.known
    np.testing.assert_array_equal(fit.early_churn[known], growing.follow_up.left[known])
    assert ((fit.early_churn[~known] >= 0) & (fit.early_churn[~known] < 1)).all()


def test_another_iteration_at_the_fixed_point_changes_nothing(growing):
    fit, follow_up = fitted(growing), growing.follow_up
    coefficients = fit_ridge(fit.design, fit.matrix, fit.early_churn, fit.weight, PENALTY)
    log_odds = coefficients[0] + fit.matrix @ coefficients[1:]
    again, _ = soft_labels(follow_up, fit_baseline(follow_up, log_odds), log_odds)
    moved = np.abs(again - fit.early_churn)[~follow_up.known]
    assert moved.mean() < TOLERANCE
    np.testing.assert_allclose(coefficients, fit.coefficients, atol=0.02)


def test_the_result_does_not_depend_on_the_initial_log_odds(growing):
    columns = fit_columns(growing.attributes, EncodingOptions())
    reference = fitted(growing)
    starts = (np.zeros(1_500), np.random.default_rng(0).normal(0, 2, 1_500))
    ends = [
        run_em(
            lambda _labels, _weight: (reference.design, reference.matrix),
            growing.follow_up,
            PENALTY,
            OPTIONS.directions(columns),
            start,
            max_rounds=300,
            tolerance=1e-8,
        ).log_odds
        for start in starts
    ]
    np.testing.assert_allclose(*ends, atol=1e-4)
    np.testing.assert_allclose(reference.log_odds, ends[0], atol=0.05)


def test_the_order_of_the_deals_does_not_matter(growing):
    order = np.random.default_rng(1).permutation(1_500)
    columns = fit_columns(growing.attributes, EncodingOptions())
    codes = encode(columns, growing.attributes)
    reversed_model = impute(
        columns, codes[order], growing.follow_up.subset(order), PENALTY, OPTIONS
    )
    np.testing.assert_allclose(
        reversed_model.early_churn, fitted(growing).early_churn[order], atol=1e-6
    )


@pytest.mark.parametrize("levels", [60, 180])
def test_a_level_statistic_is_computed_from_the_final_labels(make_company, levels):
    """The first label of a young deal is the company's rate, the final one its own probability."""
    company = make_company(1_500, seed=5, growth=0.1)
    pages = np.random.default_rng(5).integers(0, levels, 1_500).astype(str)
    attributes = company.attributes.assign(page=np.char.add("page ", pages))
    columns = fit_columns(attributes, EncodingOptions())
    codes = encode(columns, attributes)
    fit = impute(columns, codes, company.follow_up, PENALTY, OPTIONS)
    assert fit.design.depends_on_labels == (levels > MAX_INDICATORS)
    assert np.isfinite(fit.log_odds).all()
    page = [column.name for column in columns].index("page")
    no_parent = np.zeros(1_500, dtype=np.int32)
    of_final, of_first = (
        level_statistic(
            codes[:, page], columns[page].size, no_parent, labels, fit.weight, seed=OPTIONS.seed
        ).by_code
        for labels in (fit.early_churn, _marginal(company.follow_up))
    )
    used = fit.design.statistics[page].by_code
    assert np.abs(used - of_final).max() < 0.1 * np.abs(used - of_first).max()


def _divergence(truth, log_odds):
    p = 1 / (1 + np.exp(-log_odds))
    return float(np.mean(truth * np.log(truth / p) + (1 - truth) * np.log((1 - truth) / (1 - p))))


def _marginal(follow_up: FollowUp) -> np.ndarray:
    """Soft labels of young deals from the company's Kaplan-Meier curve."""
    no_effects = np.zeros(len(follow_up))
    return soft_labels(follow_up, fit_baseline(follow_up, no_effects), no_effects)[0]


@pytest.mark.slow
def test_in_a_growing_company_the_slope_of_the_effects_is_1(make_company):
    """Half of the deals are young; slope of the true log-odds on the fitted ones, on new deals."""
    slopes, loss = (
        [],
        {"conditional probability": [], "marginal probability": [], "mature only": []},
    )
    fresh = make_company(4_000, seed=99)
    for seed in range(8):
        company = make_company(2_000, seed=seed, growth=0.15)
        follow_up = company.follow_up
        assert (follow_up.months < 5).mean() > 0.5
        fit = fitted(company)
        mature = (~follow_up.left & follow_up.known) | (
            company.deals["closed_on"]
            <= company.deals["closed_on"].max() - np.timedelta64(153, "D")
        ).to_numpy()
        labels = {
            "conditional probability": (fit.early_churn, fit.weight),
            "marginal probability": (_marginal(follow_up), fit.weight),
            "mature only": (follow_up.left.astype(float), mature.astype(float)),
        }
        codes = encode(fit.design.columns, fresh.attributes)
        for way, (label, weight) in labels.items():
            coefficients = fit_ridge(fit.design, fit.matrix, label, weight, PENALTY)
            log_odds = as_tables(fit.design, [coefficients]).log_odds(codes)
            loss[way].append(_divergence(fresh.truth, log_odds))
            if way == "conditional probability":
                true = np.log(fresh.truth / (1 - fresh.truth))
                slopes.append(np.polyfit(log_odds, true, 1)[0])
    assert 0.9 < np.mean(slopes) < 1.1
    assert np.mean(loss["conditional probability"]) < 0.8 * np.mean(loss["marginal probability"])
    assert np.mean(loss["conditional probability"]) < 0.9 * np.mean(loss["mature only"])


def _iterated(fit, follow_up, *, max_rounds: int):
    return run_em(
        lambda _labels, _weight: (fit.design, fit.matrix),
        follow_up,
        PENALTY,
        (),
        np.zeros(len(follow_up)),
        max_rounds=max_rounds,
        tolerance=0.0,
    ).log_odds


@pytest.mark.parametrize("unknown_days", [False, True])
def test_few_accelerated_steps_give_the_result_of_many_em_steps(
    make_company, monkeypatch, unknown_days
):
    """Seven in ten deals are young; in the second case half of the days of leaving are unknown."""
    company = make_company(1_500, seed=3, growth=0.3)
    follow_up = company.follow_up
    assert follow_up.known.mean() < 0.35
    if unknown_days:
        hidden = follow_up.left & (np.arange(1_500) % 2 == 0)
        months, left_by = follow_up.months, np.where(hidden, 5.0, np.nan)
        follow_up = FollowUp.of(months, follow_up.left, 5.0, left_by=left_by)
    fit = fitted(company)
    few = _iterated(fit, follow_up, max_rounds=6)

    def whole(matrix, labels, weight, start, penalty, centre=0.0):
        return fit_ridge(fit.design, matrix, labels, weight, penalty, (), start, centre)

    monkeypatch.setattr("fitmodel.learning._imputation.em_step", whole)
    slow, many = (_iterated(fit, follow_up, max_rounds=rounds) for rounds in (6, 200))
    np.testing.assert_allclose(few, many, atol=0.01)
    assert np.abs(slow - many).max() > 2 * np.abs(few - many).max()
