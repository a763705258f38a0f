"""The link: proportional hazards are recognised, and logistic deals are left as they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fitmodel.learning._fitting import fit_scorecard
from fitmodel.learning._imputation import Imputed, impute
from fitmodel.learning._link import (
    KNOTS,
    LINKS,
    MARGIN,
    _fit,
    bent_by_link,
    link_map,
    link_posterior,
    link_variances,
)
from fitmodel.learning._proportional_odds import FollowUp
from fitmodel.learning._selection import _isotonic
from fitmodel.learning.calibration import CalibrationMap, HeldOut, expit, fit_isotonic, logit
from fitmodel.learning.encoding import EncodingOptions, encode, fit_columns
from fitmodel.learning.settings import LearnerOptions, ReplicateSettings, Settings

EQUAL = np.full(LINKS, 1 / LINKS)


def logistic(score: np.ndarray) -> np.ndarray:
    return expit(score)


def hazards(score: np.ndarray) -> np.ndarray:
    """Proportional hazards: complementary log-log."""
    return -np.expm1(-np.exp(score))


def mixed(score: np.ndarray) -> np.ndarray:
    """Hazards with a gamma frailty of variance 4."""
    return -np.expm1(-np.log1p(4 * np.exp(score)) / 4)


def frame_of(n: int, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """Eight yes/no attributes, and the sum of their effects."""
    sign = rng.choice([-1.0, 1.0], (n, 8))
    return pd.DataFrame(np.where(sign > 0, "yes", "no")).add_prefix("a"), 0.5 * sign.sum(axis=1)


def fitted(law, n: int, *, seed: int = 0, followed: float = 1.0) -> Imputed:
    """Ridge regression on deals of a law; of `followed` of them the outcome is known."""
    rng = np.random.default_rng(seed)
    frame, score = frame_of(n, rng)
    left = rng.random(n) < law(score - 0.8)
    time = np.where(rng.random(n) < followed, 1.0, 0.0)
    columns = fit_columns(frame, EncodingOptions())
    follow_up = FollowUp.of(time, left & (time > 0), 1.0)
    return impute(columns, encode(columns, frame), follow_up, 0.3, LearnerOptions())


def posterior_of(fit: Imputed) -> np.ndarray:
    return link_posterior(fit.log_odds, fit.early_churn, fit.weight, fit.matrix)


def mean_variance(fit: Imputed) -> float:
    """Posterior mean of the variance of the frailty."""
    return float(posterior_of(fit) @ link_variances())


def test_the_prior_has_the_logistic_link_as_its_mean() -> None:
    assert link_variances().mean() == pytest.approx(1.0, abs=0.05)
    assert (np.diff(link_variances()) > 0).all()
    assert link_variances()[0] < 0.01  # nearly proportional hazards


@pytest.mark.parametrize(
    ("law", "low", "high"), [(hazards, 0, 0.25), (logistic, 0.6, 1.5), (mixed, 2.0, 5.0)]
)
def test_the_law_of_many_deals_is_recognised(law, low, high) -> None:
    assert low <= mean_variance(fitted(law, 12_000)) <= high


def test_few_deals_leave_the_prior_nearly_as_it_is() -> None:
    assert posterior_of(fitted(hazards, 60)).max() < 3 / LINKS


def test_deals_of_unknown_outcome_say_nothing() -> None:
    """Twice as many deals, half of them signed today, are no more evidence."""
    posterior = [
        posterior_of(fit) for fit in (fitted(hazards, 3_000), fitted(hazards, 6_000, followed=0.5))
    ]
    certainty = [float((each**2).sum()) for each in posterior]
    assert certainty[1] == pytest.approx(certainty[0], rel=0.5)
    assert (posterior_of(fitted(hazards, 3_000, followed=0.03)) ** 2).sum() < 1.6 / LINKS


@pytest.mark.parametrize("variance", [0.002, 0.5, 1.0, 5.0])
def test_a_link_is_fitted_to_the_predictions(variance) -> None:
    """Its probabilities have the same mean, and the same slope on the log-odds."""
    rng = np.random.default_rng(1)
    log_odds, weight = rng.normal(-0.8, 1.2, 4_000), rng.uniform(0.5, 1.5, 4_000)
    link = _fit(variance, log_odds, weight)
    fitted_log_odds = link.log_odds(log_odds)
    mean = [np.average(expit(each), weights=weight) for each in (log_odds, fitted_log_odds)]
    assert mean[1] == pytest.approx(mean[0], abs=0.01)
    information = weight * expit(log_odds) * expit(-log_odds)
    x = log_odds - np.average(log_odds, weights=information)
    bend = fitted_log_odds - log_odds
    slope = (information * x * bend).sum() / (information * x * x).sum()
    assert abs(slope) < 0.08
    if variance == 1.0:
        np.testing.assert_allclose(fitted_log_odds, log_odds, atol=1e-6)


def test_a_link_is_the_formula_of_its_family() -> None:
    link = _fit(0.5, np.linspace(-3, 1, 50), np.ones(50))
    raw = np.linspace(-3, 1, 7)
    score = link.score + link.slope * (raw - link.centre)
    expected = logit(1 - (1 + 0.5 * np.exp(score)) ** -2.0)
    np.testing.assert_allclose(link.log_odds(raw), expected, atol=1e-9)


def test_the_map_rises_and_bends_upwards_for_proportional_hazards() -> None:
    log_odds = np.random.default_rng(2).normal(-0.8, 1.2, 2_000)
    near_hazards = np.eye(LINKS)[0]
    bent = link_map(near_hazards, log_odds, np.ones(2_000))
    assert len(bent.knots) == KNOTS
    assert bent.method == "link"
    slopes = np.diff(bent.values) / np.diff(bent.knots)
    assert (slopes > 0).all()
    assert (np.diff(slopes) > 0).all()
    assert (bent.knots[0], bent.knots[-1]) == pytest.approx(
        (log_odds.min() - MARGIN, log_odds.max() + MARGIN)
    )
    inverse = link_map(np.eye(LINKS)[-1], log_odds, np.ones(2_000))
    assert (np.diff(np.diff(inverse.values)) < 1e-9).all()


def test_without_a_spread_of_the_predictions_there_is_no_bend() -> None:
    same = np.full(50, -1.0)
    assert link_map(EQUAL, same, np.ones(50)) == CalibrationMap.identity()
    fit = replace(fitted(logistic, 50), log_odds=same)
    np.testing.assert_array_equal(posterior_of(fit), EQUAL)


def test_extreme_log_odds_stay_finite() -> None:
    log_odds = np.array([-60.0, -2.0, -1.0, 0.0, 3.0, 60.0])
    bent = link_map(EQUAL, log_odds, np.ones(6))
    assert np.isfinite(bent.values).all()


def held_out(law, n: int) -> tuple[np.ndarray, HeldOut]:
    """Held-out log-odds that are right but for the link, in four folds of different levels."""
    rng = np.random.default_rng(5)
    score, fold = rng.normal(-1.0, 1.2, n), np.arange(n) % 4
    left = rng.random(n) < law(score)
    return 1.2 * score + 0.3 * fold, HeldOut(left.astype(float), np.ones(n), fold, np.zeros(n))


def test_an_isotonic_map_is_not_needed_where_the_learned_link_explains_the_bend() -> None:
    raw, deals = held_out(hazards, 12_000)
    assert fit_isotonic(raw, deals) is not None  # better than a line
    assert _isotonic(raw, deals) is None


def test_an_isotonic_map_stays_where_no_link_has_its_shape() -> None:
    raw, deals = held_out(lambda score: 0.05 + 0.5 * (score > -1) + 0.2 * (score > 0.5), 12_000)
    assert _isotonic(raw, deals).method == "isotonic"


def test_held_out_log_odds_are_bent_as_their_law_is() -> None:
    """Beyond a line, they are nearer to the truth than before."""
    raw, deals = held_out(hazards, 12_000)
    truth = logit(hazards((raw - 0.3 * deals.fold) / 1.2))
    bent = bent_by_link(raw, deals)
    line = np.polyval(np.polyfit(raw - 0.3 * deals.fold, truth, 1), raw - 0.3 * deals.fold)
    assert np.mean((bent - truth) ** 2) < 0.3 * np.mean((line - truth) ** 2)


def scorecard_of(law, regime: str, n: int = 4_000):
    """Scorecard of deals of a law, and the codes, probabilities and truth of these deals."""
    rng = np.random.default_rng(4)
    frame, score = frame_of(n, rng)
    truth = law(score - 0.8)
    follow_up = FollowUp.of(np.ones(n), rng.random(n) < truth, 1.0)
    replicates = tuple(ReplicateSettings(0.3, 1.0) for _ in range(4))
    settings = Settings(penalty=0.3, replicates=replicates, regime=regime)
    fit = fit_scorecard(
        frame, follow_up, settings, LearnerOptions(), replicates=4, spread=settings.spread
    )
    codes = encode(fit.scorecard.columns, frame)
    return fit.scorecard, codes, follow_up, truth


def test_a_scorecard_keeps_the_rate_of_the_deals() -> None:
    scorecard, codes, follow_up, _ = scorecard_of(hazards, "full")
    assert scorecard.calibration.method == "link"
    assert scorecard.probability(codes).mean() == pytest.approx(follow_up.rate, abs=1e-6)
    assert scorecard.base_rate == pytest.approx(follow_up.rate, abs=1e-6)


def test_a_provisional_model_has_the_logistic_link() -> None:
    scorecard, *_ = scorecard_of(hazards, "provisional", 300)
    assert scorecard.calibration == CalibrationMap.identity()


def test_the_riskiest_tenth_is_predicted_higher_where_hazards_are_proportional() -> None:
    scorecard, codes, _, truth = scorecard_of(hazards, "full")
    log_odds = scorecard.scores(codes)[0]
    bent, line = scorecard.probability(codes), expit(log_odds)
    riskiest = log_odds >= np.quantile(log_odds, 0.9)
    assert line[riskiest].mean() < 0.98 * truth[riskiest].mean()
    error = abs(bent[riskiest].mean() / truth[riskiest].mean() - 1)
    assert error < 0.5 * abs(line[riskiest].mean() / truth[riskiest].mean() - 1)
