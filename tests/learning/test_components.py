"""Components of the scorecard; a component that a test defines is used like the built-in ones."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.exceptions import SpecError
from fitmodel.learning import _components as components
from fitmodel.learning._additive import Additive, _code_map
from fitmodel.learning._components import (
    COMPONENTS,
    OUT_OF_BAG,
    Boosted,
    Logistic,
    Sample,
    bootstrap_counts,
    check_components,
    replicate_slopes,
)
from fitmodel.learning._imputation import find_basis, impute
from fitmodel.learning._logistic import as_tables
from fitmodel.learning._proportional_odds import FollowUp
from fitmodel.learning.calibration import expit
from fitmodel.learning.columns import CategoryColumn, NumberColumn
from fitmodel.learning.encoding import EncodingOptions, encode, fit_columns
from fitmodel.learning.learner import learn
from fitmodel.learning.settings import LearnerOptions, ReplicateSettings, Settings


class Constant:
    """Predicts the same log-odds for every deal."""

    def fit(self, sample, _settings, _options):
        replicates = sample.counts.shape[1]
        sizes = [column.size + 2 for column in sample.imputed.design.columns]
        rate = np.average(sample.imputed.early_churn, weights=sample.imputed.weight)
        intercept = np.full(replicates, np.log(rate / (1 - rate)))
        many = Additive(intercept, tuple(np.zeros((size, replicates)) for size in sizes))
        return many.mean(), many


def sample_of(frame, follow_up, *, replicates, penalty=3.0, options=None):
    """A sample as in a training, with the chosen basis functions."""
    columns, options = fit_columns(frame, EncodingOptions()), options or LearnerOptions()
    codes = encode(columns, frame)
    chosen, _ = find_basis(columns, codes, follow_up, options)
    fit = impute(columns, codes, follow_up, penalty, options, scales=chosen)
    return Sample(follow_up, fit, bootstrap_counts(len(frame), replicates, seed=0))


def test_an_unknown_component_is_refused_and_the_known_ones_are_listed():
    with pytest.raises(
        SpecError, match=r"names \['boostd'\].*there are \['boosted', 'logistic', 'posterior'\]"
    ):
        check_components(("logistic", "boostd"))
    check_components(tuple(COMPONENTS))
    few = simulate_deals(600, seed=1)
    spec = few.spec.replace(learning={"components": ("logistic", "forest")})
    with pytest.raises(SpecError, match="'forest'"):
        learn(few.deals, spec)


def test_a_new_component_is_compared_with_the_others(monkeypatch):
    monkeypatch.setitem(components.COMPONENTS, "constant", Constant())
    past = simulate_deals(1_500, seed=3, n_attributes=4, base_rate=0.35)
    spec = past.spec.replace(
        learning={"components": ("logistic", "constant"), "pairs": 0, "replicates": 3, "folds": 2}
    )
    learned = learn(past.deals, spec)
    tested = learned.choice.table.groupby("component")["log_loss"]
    assert set(tested.groups) == {"logistic", "constant"}
    assert (
        tested.min()["logistic"] < tested.max()["constant"] - 0.01
    )  # a constant does not discriminate
    (row,) = learned.choice.table[learned.choice.table["chosen"]].to_dict("records")
    assert row["component"] == "logistic" or row["share"] < 1


def test_a_new_component_can_be_a_part_of_the_weighted_sum(monkeypatch, make_company):
    from fitmodel.learning._fitting import combine

    monkeypatch.setitem(components.COMPONENTS, "constant", Constant())
    company = make_company(500, seed=1)
    sample = sample_of(company.attributes, company.follow_up, replicates=3)
    settings = Settings(shares=(("logistic", 0.25), ("constant", 0.75)))
    point, scatter = combine(sample, settings, LearnerOptions())
    codes = sample.imputed.design.codes
    own = Logistic().fit(sample, settings, LearnerOptions())[0].log_odds(codes)
    constant = Constant().fit(sample, settings, LearnerOptions())[0].log_odds(codes)
    np.testing.assert_allclose(point.log_odds(codes), 0.25 * own + 0.75 * constant, atol=1e-12)
    assert scatter.log_odds_by_replicate(codes).shape == (500, 3)


def test_each_replicate_has_as_many_draws_as_deals():
    counts = bootstrap_counts(50, 4, seed=0)
    assert (np.maximum(counts, 0).sum(axis=0) == 50).all()
    assert (counts != 0).all()
    assert (counts == OUT_OF_BAG).any()
    assert np.array_equal(counts, bootstrap_counts(50, 4, seed=0))


def test_the_logistic_component_is_the_ridge_regression_of_the_soft_labels(make_company):
    company = make_company(600, seed=2, growth=0.1)
    sample = sample_of(company.attributes, company.follow_up, replicates=4)
    point, many = Logistic().fit(sample, Settings(), LearnerOptions())
    codes = sample.imputed.design.codes
    np.testing.assert_allclose(point.log_odds(codes), sample.imputed.log_odds, atol=1e-12)
    assert many.intercept.shape == (4,)
    assert many.log_odds_by_replicate(codes).std(axis=1).min() > 0


@pytest.mark.slow
@pytest.mark.parametrize("spread", [1.0, components.PRIOR_SPREAD])
def test_replicates_with_a_random_prior_mean_vary_as_the_posterior(spread, monkeypatch):
    """With a wider random prior mean, the added variance grows with the square of its deviation."""
    monkeypatch.setattr(components, "PRIOR_SPREAD", spread)
    random = np.random.default_rng(3)
    frame = pd.DataFrame({"plan": random.choice(list("abc"), 600)})
    effect = frame["plan"].map({"a": -0.5, "b": 0.0, "c": 0.5}).to_numpy()
    left = random.random(600) < expit(-0.5 + effect)
    follow_up = FollowUp.of(np.where(left, 0.0, 1.0), left, 1.0)
    penalty, replicates = 20.0, 300
    sample = sample_of(frame, follow_up, replicates=replicates, penalty=penalty)
    point, many = Logistic().fit(sample, Settings(penalty=penalty), LearnerOptions())
    design = sample.imputed.design
    wide = np.hstack([np.ones((600, 1)), design.linear_matrix()])
    probability = expit(point.log_odds(design.codes))
    hessian = (wide * (probability * (1 - probability))[:, None]).T @ wide + penalty * np.diag(
        [0, 1, 1, 1]
    )
    inverse = np.linalg.inv(hessian)
    prior = penalty * inverse @ np.diag([0, 1, 1, 1]) @ inverse
    posterior = np.sqrt(np.diag(inverse + (spread**2 - 1) * prior))
    result = [many.intercept.std(), *(many.singles[0][code].std() for code in (1, 2, 3))]
    np.testing.assert_allclose(result, posterior, rtol=0.15)


def _with_half_young(company):
    """Every second deal was followed for at most one month."""
    months = company.follow_up.months
    young = np.arange(len(months)) % 2 == 0
    left = company.follow_up.left & ~(young & (months > 1.0))
    return FollowUp.of(np.where(young, np.minimum(months, 1.0), months), left, 5.0)


@pytest.mark.slow
def test_replicates_vary_as_fits_to_new_deals_where_half_the_deals_are_young(make_company):
    fresh = make_company(300, seed=999).attributes
    lines = LearnerOptions(bends=False)  # the same columns in every company
    fits, scatter = [], []
    for seed in range(30):
        company = make_company(600, seed=seed)
        follow_up, number = _with_half_young(company), 20 if seed < 3 else 1
        sample = sample_of(company.attributes, follow_up, replicates=number, options=lines)
        codes = encode(sample.imputed.design.columns, fresh)
        point = as_tables(sample.imputed.design, [sample.imputed.coefficients]).log_odds(codes)
        fits.append(point - point.mean())
        if seed < 3:
            many = Logistic().fit(sample, Settings(), lines)[1]
            values = many.log_odds_by_replicate(codes)
            scatter.append((values - values.mean(axis=0)).std(axis=1).mean())
    truth = np.std(fits, axis=0).mean()
    assert 0.8 < np.mean(scatter) / truth < 1.3


def test_the_boosted_component_fits_an_effect_that_the_basis_cannot():
    random = np.random.default_rng(5)
    frame = pd.DataFrame({"seats": random.uniform(-2, 2, 1_500)})
    band = np.floor((frame["seats"] + 2) / 0.8)  # up and down five times: neither linear nor a bend
    line = np.where(band % 2 == 0, 1.0, -1.5)
    left = random.random(1_500) < expit(line)
    sample = sample_of(frame, FollowUp.of(np.where(left, 0.0, 1.0), left, 1.0), replicates=3)
    codes = sample.imputed.design.codes
    boosted = Boosted().fit(sample, Settings(), LearnerOptions())[0].log_odds(codes)
    assert np.corrcoef(boosted, line)[0, 1] > 0.95
    assert np.corrcoef(sample.imputed.log_odds, line)[0, 1] < 0.5


def test_each_replicate_has_its_own_penalty_and_slope(make_company):
    company = make_company(400, seed=1)
    sample = sample_of(company.attributes, company.follow_up, replicates=4)
    drawn = (ReplicateSettings(0.3, 0.9), ReplicateSettings(100.0, 1.2))
    settings = Settings(replicates=drawn)
    assert replicate_slopes(settings, 4).tolist() == [0.9, 1.2, 0.9, 1.2]
    assert replicate_slopes(replace(settings, replicates=(), slope=0.8), 2).tolist() == [0.8, 0.8]
    many = Logistic().fit(sample, settings, LearnerOptions())[1]
    spread = many.log_odds_by_replicate(sample.imputed.design.codes).std(axis=0)
    assert spread[[0, 2]].min() > spread[[1, 3]].max()


def test_an_unseen_level_has_its_own_bin_in_boosting():
    column = CategoryColumn("plan", {"a": 1, "b": 2, "c": 3})
    design = SimpleNamespace(columns=(column,), statistics=(None,))

    seen = _code_map([{"1": 1, "3": 2}], 1, design, 0)
    assert seen.tolist() == [0, 1, 3, 2, 3], "missing, a, b without deals, c, unseen"
    assert _code_map([{}], 1, design, 0).tolist() == [0, 1, 1, 1, 1]
    number = SimpleNamespace(columns=(NumberColumn("n", (1.0, 2.0), 0.0, 3.0),), statistics=(None,))
    cuts = np.array([1.5, 2.5])
    assert _code_map([cuts], 1, number, 0).tolist() == [0, 1, 2, 3, 4]
    assert _code_map([cuts, np.array([2.5])], 2, number, 0).tolist() == [0, 1, 1, 2, 3]
