"""With few early churners the strength of the ridge is weighed by what was seen of the deals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.history import view_of
from fitmodel.learning._posterior import (
    association,
    fit_strengths,
    observed_log_likelihood,
    weights_of,
)
from fitmodel.learning.encoding import encode
from fitmodel.learning.fitting import code, follow_up_of
from fitmodel.learning.imputation import impute
from fitmodel.learning.learner import learn
from fitmodel.learning.proportional_odds import FollowUp, fit_baseline
from fitmodel.learning.settings import PROVISIONAL_MAX_LEVELS, LearnerOptions

# The width of the interval was set with this law among others; see `benchmarks/small.py`.
LAW = {"n_attributes": 12, "company": 23, "base_rate": 0.25, "rep_effects": False}


def strengths_of(sim, *, increasing=()):
    spec = sim.spec.replace(
        attributes={**sim.spec.attributes.model_dump(), "increasing": increasing}
    )
    training_set = view_of(sim.deals, spec).training_set()
    options = LearnerOptions.from_spec(spec, training_set.dates).of_regime("provisional")
    columns, codes = code(training_set.attributes, options)
    follow_up = follow_up_of(training_set)
    imputed = impute(columns, codes, follow_up, 10.0, options)
    return fit_strengths(imputed, follow_up, options), follow_up


def expected_strength(signal: float, seeds: range) -> float:
    means = []
    for seed in seeds:
        made, _ = strengths_of(simulate_deals(300, seed=seed, signal=signal, **LAW))
        means.append(weights_of(made) @ np.array([each.deviation for each in made]))
    return float(np.mean(means))


def test_weights_follow_how_far_attributes_tell_deals_apart() -> None:
    nothing, much = expected_strength(0.0, range(3)), expected_strength(1.5, range(3))
    assert nothing < 0.5
    assert much > 2 * nothing


def test_a_weaker_strength_draws_every_effect_closer_to_the_level() -> None:
    made, _ = strengths_of(simulate_deals(150, seed=1, **LAW))
    sizes = [np.linalg.norm(each.fit.coefficients[1:]) for each in made]
    assert sizes == sorted(sizes)
    assert [each.penalty for each in made] == sorted((each.penalty for each in made), reverse=True)


def test_the_evidence_is_the_integral_of_the_likelihood() -> None:
    """One attribute of two levels: Laplace's method against the integral by brute force."""
    from fitmodel.learning._logistic import fit_ridge
    from fitmodel.learning._posterior import _measured
    from fitmodel.learning.imputation import Imputed

    rng = np.random.default_rng(0)
    x = np.where(rng.random(120) < 0.5, 0.5, -0.5)[:, None]
    y = (rng.random(120) < 1 / (1 + np.exp(1.0 - x[:, 0]))).astype(float)
    follow_up = FollowUp.of(np.where(y == 1, 1.0, 5.0), y == 1, 5.0)
    logs = {}
    for penalty in (0.5, 5.0):
        beta = fit_ridge(None, x, y, np.ones(120), penalty)
        line = beta[0] + x @ beta[1:]
        fit = Imputed(None, x, y, np.ones(120), beta, fit_baseline(follow_up, line), line)
        grid = np.linspace(-8, 8, 401)
        a, b = np.meshgrid(grid, grid)
        lines = a[..., None] + b[..., None] * x[:, 0]
        log = (y * lines - np.logaddexp(0, lines)).sum(axis=-1) - penalty * b**2 / 2
        whole = np.log(np.exp(log - log.max()).sum()) + log.max() + np.log(penalty) / 2
        logs[penalty] = (_measured(1.0, penalty, fit, follow_up).log_evidence, whole)
    (one, exact_one), (other, exact_other) = logs.values()
    assert one - other == pytest.approx(exact_one - exact_other, abs=0.02)


def test_a_young_deal_says_only_that_its_customer_is_still_there() -> None:
    months, left = np.array([2.0, 5.0, 1.0]), np.array([True, False, False])
    follow_up = FollowUp.of(months, left, 5.0)
    log_odds = np.array([0.3, -0.4, 0.1])
    baseline = fit_baseline(follow_up, log_odds)
    chance = baseline.left_by(np.array([5.0, 5.0, 1.0]), follow_up, log_odds)
    by_hand = np.log(chance[0]) + np.log(1 - chance[1]) + np.log(1 - chance[2])
    assert observed_log_likelihood(follow_up, baseline, log_odds) == pytest.approx(by_hand)


def test_a_direction_that_is_known_holds_for_every_strength() -> None:
    made, _ = strengths_of(simulate_deals(150, seed=2, **LAW), increasing=("discount",))
    design = made[0].fit.design
    place = [column.name for column in design.columns].index("discount")
    start = sum(basis.shape[1] for basis in design.bases[:place])
    assert all((each.fit.coefficients[1 + start : 3 + start] >= 0).all() for each in made)


def provisional(churners: int, seed: int, law: dict):
    sim = simulate_deals(int(churners / law["base_rate"] * 1.15), seed=seed, **law)
    return learn(sim.deals, sim.spec, least=8, regime="provisional")


@pytest.mark.slow
@pytest.mark.parametrize("churners", [15, 30, 49])
def test_the_interval_covers_the_truth_of_three_to_nine_in_ten_prospects(churners) -> None:
    new = simulate_deals(1_000, seed=99, **LAW)
    covered = []
    for seed in range(14):
        learned = provisional(churners, seed, LAW)
        view = view_of(new.deals, new.spec)
        frame = view.attributes(learned.training_set.dates).frame
        scorecard = learned.scorecard
        scores = scorecard.scores(encode(scorecard.columns, frame))
        low, high = scorecard.interval(*scores)
        truth = new.true_probability.loc[frame.index].to_numpy()
        covered.append(np.mean((low <= truth) & (truth <= high)))
    assert 0.75 < np.mean(covered) < 0.90


def test_a_provisional_model_pools_levels_and_says_what_it_is() -> None:
    learned = provisional(20, 3, LAW)
    assert learned.regime == learned.chosen["regime"] == "provisional"
    sizes = [c.size for c in learned.scorecard.columns if c.kind == "category"]
    assert max(sizes) <= PROVISIONAL_MAX_LEVELS + 1
    assert learned.choice.table["share"].sum() == pytest.approx(1.0)
    assert learned.choice.table["chosen"].sum() == 1


def test_the_mean_prediction_is_the_rate_of_the_company() -> None:
    learned = provisional(20, 4, LAW)
    probability = learned.estimator.predict_proba(learned.training_set.attributes)[:, 1]
    assert learned.level.factor == 1.0
    assert probability.mean() == pytest.approx(follow_up_of(learned.training_set).rate, rel=1e-3)


def test_the_same_deals_give_the_same_model_in_any_order() -> None:
    sim = simulate_deals(90, seed=5, **LAW)
    shuffled = sim.deals.sample(frac=1, random_state=0)
    first, second = (
        learn(deals, sim.spec, least=8, regime="provisional").scorecard.tables[:, 0]
        for deals in (sim.deals, shuffled)
    )
    assert second == pytest.approx(first, abs=1e-4)


def test_attributes_that_say_nothing_are_rarely_found_to_say_something() -> None:
    """The P value holds whatever the number of churners: it is that of a permutation test."""
    sim = simulate_deals(110, seed=1, signal=0.0, **LAW)
    made, _ = strengths_of(sim)
    rng, found = np.random.default_rng(0), []
    for _ in range(300):
        shuffled = rng.permutation(len(made[0].fit.early_churn))
        labels = made[0].fit.early_churn[shuffled], made[0].fit.weight[shuffled]
        fit = replace(made[0].fit, early_churn=labels[0], weight=labels[1])
        found.append(association(fit, seed=0))
    assert np.mean(np.array(found) <= 0.05) < 0.09
    assert 0.4 < np.mean(found) < 0.6


def test_attributes_that_say_much_are_found() -> None:
    sim = simulate_deals(250, seed=2, **LAW)
    assert association(strengths_of(sim)[0][0].fit, seed=0) < 0.05
