"""The provisional model: ridge regressions averaged by their marginal likelihood."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.history import view_of
from fitmodel.learning._additive import Additive
from fitmodel.learning._fitting import fit_and_encode, follow_up_of
from fitmodel.learning._imputation import impute
from fitmodel.learning._posterior import (
    STRENGTH_PRIOR,
    PriorTables,
    Strength,
    _total_variance,
    as_additive,
    association_test,
    fit_strengths,
    observed_log_likelihood,
    posterior_draws,
    posterior_weights,
)
from fitmodel.learning._proportional_odds import FollowUp, fit_baseline
from fitmodel.learning.encoding import encode
from fitmodel.learning.learner import learn
from fitmodel.learning.settings import PROVISIONAL_MAX_LEVELS, LearnerOptions

# The factor on the interval was chosen on this law among others; see `benchmarks/small.py`.
LAW = {"n_attributes": 12, "company": 23, "base_rate": 0.25, "rep_effects": False}


def strengths_of(sim, *, increasing=()):
    spec = sim.spec.replace(
        attributes={**sim.spec.attributes.model_dump(), "increasing": increasing}
    )
    training_set = view_of(sim.deals, spec).training_set()
    options = LearnerOptions.from_spec(spec, training_set.dates).of_regime("provisional")
    columns, codes = fit_and_encode(training_set.attributes, options)
    follow_up = follow_up_of(training_set)
    imputed = impute(columns, codes, follow_up, 10.0, options)
    return fit_strengths(imputed, follow_up, options), follow_up


def expected_strength(signal: float, seeds: range) -> float:
    means = []
    for seed in seeds:
        strengths, _ = strengths_of(simulate_deals(300, seed=seed, signal=signal, **LAW))
        means.append(
            posterior_weights(strengths) @ np.array([each.deviation for each in strengths])
        )
    return float(np.mean(means))


def test_stronger_effects_give_more_weight_to_larger_strengths() -> None:
    nothing, much = expected_strength(0.0, range(3)), expected_strength(1.5, range(3))
    assert nothing < 0.5
    assert much > 2 * nothing


def test_a_smaller_strength_shrinks_every_effect_more() -> None:
    strengths, _ = strengths_of(simulate_deals(150, seed=1, **LAW))
    sizes = [np.linalg.norm(each.fit.coefficients[1:]) for each in strengths]
    assert sizes == sorted(sizes)
    assert [each.penalty for each in strengths] == sorted(
        (each.penalty for each in strengths), reverse=True
    )


def test_the_evidence_equals_the_numerical_integral_of_the_likelihood() -> None:
    """One attribute of two levels: Laplace approximation against numerical integration."""
    from fitmodel.learning._imputation import Imputed
    from fitmodel.learning._logistic import fit_ridge
    from fitmodel.learning._posterior import _with_evidence

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
        logs[penalty] = (_with_evidence(1.0, penalty, fit, follow_up).log_evidence, whole)
    (one, exact_one), (other, exact_other) = logs.values()
    assert one - other == pytest.approx(exact_one - exact_other, abs=0.02)


def test_the_likelihood_of_a_young_deal_is_its_survival_probability() -> None:
    months, left = np.array([2.0, 5.0, 1.0]), np.array([True, False, False])
    follow_up = FollowUp.of(months, left, 5.0)
    log_odds = np.array([0.3, -0.4, 0.1])
    baseline = fit_baseline(follow_up, log_odds)
    probability = baseline.left_by(np.array([5.0, 5.0, 1.0]), follow_up, log_odds)
    by_hand = np.log(probability[0]) + np.log(1 - probability[1]) + np.log(1 - probability[2])
    assert observed_log_likelihood(follow_up, baseline, log_odds) == pytest.approx(by_hand)


def test_a_direction_holds_for_every_strength() -> None:
    strengths, _ = strengths_of(simulate_deals(150, seed=2, **LAW), increasing=("discount",))
    design = strengths[0].fit.design
    position = [column.name for column in design.columns].index("discount")
    start = sum(basis.shape[1] for basis in design.bases[:position])
    assert all((each.fit.coefficients[1 + start : 3 + start] >= 0).all() for each in strengths)


def provisional(churners: int, seed: int, law: dict):
    sim = simulate_deals(int(churners / law["base_rate"] * 1.15), seed=seed, **law)
    return learn(sim.deals, sim.spec, min_churners=8, regime="provisional")


@pytest.mark.slow
@pytest.mark.parametrize("churners", [15, 30, 49])
def test_the_interval_covers_the_truth_for_30_to_90_percent_of_prospects(churners) -> None:
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


def test_a_provisional_model_pools_levels_and_reports_its_regime() -> None:
    learned = provisional(20, 3, LAW)
    assert learned.regime == learned.chosen["regime"] == "provisional"
    sizes = [c.size for c in learned.scorecard.columns if c.kind == "category"]
    assert max(sizes) <= PROVISIONAL_MAX_LEVELS + 1
    assert learned.choice.table["share"].sum() == pytest.approx(1.0)
    assert learned.choice.table["chosen"].sum() == 1
    assert learned.choice.table["log_loss"].is_monotonic_increasing
    assert learned.choice.table.index.tolist() == list(range(len(learned.choice.table)))


def test_the_mean_prediction_is_the_rate_of_the_company() -> None:
    learned = provisional(20, 4, LAW)
    probability = learned.estimator.predict_proba(learned.training_set.attributes)[:, 1]
    assert learned.level.factor == 1.0
    assert probability.mean() == pytest.approx(follow_up_of(learned.training_set).rate, rel=1e-3)


def test_the_same_deals_give_the_same_model_in_any_order() -> None:
    sim = simulate_deals(90, seed=5, **LAW)
    shuffled = sim.deals.sample(frac=1, random_state=0)
    first, second = (
        learn(deals, sim.spec, min_churners=8, regime="provisional").scorecard.tables[:, 0]
        for deals in (sim.deals, shuffled)
    )
    assert second == pytest.approx(first, abs=1e-4)


def test_attributes_without_effects_are_rarely_significant() -> None:
    """The permutation test is valid for any number of churners."""
    sim = simulate_deals(110, seed=1, signal=0.0, **LAW)
    strengths, _ = strengths_of(sim)
    rng, result = np.random.default_rng(0), []
    for _ in range(300):
        shuffled = rng.permutation(len(strengths[0].fit.early_churn))
        labels = strengths[0].fit.early_churn[shuffled], strengths[0].fit.weight[shuffled]
        fit = replace(strengths[0].fit, early_churn=labels[0], weight=labels[1])
        result.append(association_test(fit, seed=0))
    assert np.mean(np.array(result) <= 0.05) < 0.09
    assert 0.4 < np.mean(result) < 0.6


def test_attributes_with_strong_effects_are_significant() -> None:
    sim = simulate_deals(250, seed=2, **LAW)
    assert association_test(strengths_of(sim)[0][0].fit, seed=0) < 0.05


def test_the_likelihood_of_an_unknown_day_is_having_left_by_then() -> None:
    """Within the horizon it is an early churner; beyond it the known last day counts."""
    unknown = np.array([np.nan, np.nan, 4.0, 9.0, 9.0, np.nan])
    months = np.array([2.0, 7.0, 4.0, 9.0, 9.0, 8.0])
    left = np.array([True, True, True, True, True, False])
    weight = np.array([1.0, 2.0, 1.0, 1.0, 0.5, 3.0])
    follow_up = FollowUp.of(months, left, 5.0, left_by=unknown, weight=weight)
    log_odds = np.array([0.3, -0.4, 0.1, 0.2, -0.1, 0.0])
    baseline = fit_baseline(follow_up, log_odds)

    def by(at: float, deal: int) -> float:
        return baseline.left_by(np.full(6, at), follow_up, log_odds)[deal]

    seen = [by(5, 0), 1 - by(5, 1), by(5, 2), by(9, 3), by(9, 4), 1 - by(5, 5)]
    assert observed_log_likelihood(follow_up, baseline, log_odds) == pytest.approx(
        weight @ np.log(seen)
    )


def test_the_likelihood_of_delayed_entry_is_conditional_on_survival_to_entry() -> None:
    months, left = np.array([2.0, 5.0, 4.0, 3.0, 0.3]), np.array([True, False, True, True, True])
    entry = np.array([0.0, 2.0, 3.0, 0.5, 0.0])
    follow_up = FollowUp.of(months, left, 5.0, entry=entry)
    log_odds = np.array([0.3, -0.4, 0.1, 0.0, 0.5])
    baseline = fit_baseline(follow_up, log_odds)
    end, before = (baseline.left_by(at, follow_up, log_odds) for at in (np.full(5, 5.0), entry))
    seen = [
        end[0],
        (1 - end[1]) / (1 - before[1]),
        (end[2] - before[2]) / (1 - before[2]),
        (end[3] - before[3]) / (1 - before[3]),
        end[4],
    ]
    assert observed_log_likelihood(follow_up, baseline, log_odds) == pytest.approx(
        np.log(seen).sum()
    )


def strength(evidence: float, penalty: float = 1.0, width: int = 2) -> Strength:
    """A strength with evidence, penalty and posterior only."""
    fit = SimpleNamespace(coefficients=np.full(1 + width, penalty))
    return Strength(1.0, penalty, fit, 0.1 * np.eye(1 + width), evidence)  # type: ignore[arg-type]


def test_posterior_weights_are_prior_times_evidence() -> None:
    strengths = [
        strength(each) for each in (-1000.0, -1001.0, -1002.0, -999.0, -1003, -1000, -1000)
    ]
    likelihood = np.exp(np.array([0.0, -1, -2, 1, -3, 0, 0])) * STRENGTH_PRIOR

    np.testing.assert_allclose(posterior_weights(strengths), likelihood / likelihood.sum())


def test_draws_use_each_strength_in_proportion_to_its_weight() -> None:
    strengths = [strength(0.0, penalty) for penalty in (1.0, 10.0, 100.0)]
    draws = posterior_draws(strengths, np.array([0.5, 0.3, 0.2]), 1_000, LearnerOptions(seed=3))
    penalties = np.array([penalty for penalty, _ in draws])

    assert [(penalties == each).sum() for each in (1.0, 10.0, 100.0)] == [500, 300, 200]
    of_first = np.array([c for penalty, c in draws if penalty == 1.0])
    assert of_first.mean(axis=0) == pytest.approx([1.0] * 3, abs=0.02)
    assert of_first.std(axis=0) == pytest.approx([0.1] * 3, rel=0.15)
    assert not (penalties[:500] == 1.0).all(), "draws are in random order"
    assert posterior_draws(strengths, np.array([0.5, 0.3, 0.2]), 0, LearnerOptions()) == []


def test_prior_tables_are_added_with_their_fitted_weight() -> None:
    """The weight is coefficient * deviation * sqrt(penalty), for any penalty."""
    design = SimpleNamespace(bases=(np.eye(3), np.eye(2)))
    prior = PriorTables([np.array([0.0, 1.0, -1.0]), np.array([0.0, 2.0])], 0.5, 0.25)
    coefficients = np.array([0.1, 1, 2, 3, 4, 5, 0.8])
    result = as_additive(design, [prior], [(16.0, coefficients), (4.0, coefficients)])

    assert isinstance(result, Additive)
    assert result.intercept.tolist() == [0.1, 0.1]
    for number, penalty in enumerate((16.0, 4.0)):
        weight = 0.8 * 0.25 * np.sqrt(penalty)
        np.testing.assert_allclose(result.singles[0][:, number], [1, 2 + weight, 3 - weight])
        np.testing.assert_allclose(result.singles[1][:, number], [4, 5 + 2 * weight])
    assert prior.line(np.array([[1, 1], [2, 0]], dtype=np.int32)).tolist() == [3.0, -1.0]


def test_the_total_variance_of_a_matrix_is_the_sum_of_its_weighted_variances() -> None:
    matrix = np.random.default_rng(0).normal(size=(50, 3)) * [1.0, 2.0, 0.0] + 5.0
    weight = np.random.default_rng(1).integers(1, 4, 50)
    repeated = np.repeat(matrix, weight, axis=0)

    assert _total_variance(matrix, weight.astype(float)) == pytest.approx(
        repeated.var(axis=0).sum()
    )
