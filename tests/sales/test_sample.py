"""For a large table effects are fitted on a sample and the level on all deals."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.history import view_of
from fitmodel.language.catalogue import phrases
from fitmodel.learning.settings import Settings
from fitmodel.learning.stages import level_only_rate
from fitmodel.reports.sales_numbers import sampled_text
from fitmodel.reports.sales_report import make_sales_report
from fitmodel.sales import _over_reps, _sample
from fitmodel.sales._expected import compute_expected
from fitmodel.sales.rep_performance import compute_rep_performance


@pytest.fixture(scope="module")
def simulation():
    return simulate_deals(2000, seed=6, n_reps=4, n_attributes=5, rep_selection=False)


@pytest.fixture
def small_samples(monkeypatch):
    monkeypatch.setattr(_sample, "SAMPLE_DEALS", 500)


@pytest.mark.usefixtures("small_samples")
def test_samples_are_disjoint_and_have_the_outcomes_of_the_table(simulation):
    training_set = view_of(simulation.deals, simulation.spec).training_set()
    first, second = _sample.draw_samples(training_set, seed=0)

    assert len(first) == len(second) == 500
    assert not set(first) & set(second)
    for outcome in (training_set.early_churn == 1, np.isnan(training_set.early_churn)):
        for chosen in (first, second):
            assert outcome[chosen].mean() == pytest.approx(outcome.mean(), abs=0.005)
    again, _ = _sample.draw_samples(training_set, seed=0)
    assert (first == again).all()


def test_the_sample_of_a_small_table_is_the_whole_table(simulation):
    training_set = view_of(simulation.deals, simulation.spec).training_set()
    (only,) = _sample.draw_samples(training_set, seed=0, samples=1)

    assert (only == np.arange(len(training_set))).all()


@pytest.mark.slow
@pytest.mark.usefixtures("small_samples")
def test_the_level_uses_all_deals_and_expected_numbers_are_close_to_the_truth(simulation):
    deals, spec = simulation.deals, simulation.spec
    view = view_of(deals, spec)
    expected = compute_expected(view, spec)

    assert expected.sampled == 1000
    assert expected.probability.notna().all()
    level = level_only_rate(view.training_set(), view.extract_end)
    assert expected.probability.mean() == pytest.approx(level, rel=0.02)
    result, truth = (
        compute_rep_performance(deals, spec, p).reps["expected"].sort_index()
        for p in (expected.probability, simulation.true_probability)
    )
    many = truth > 100
    assert many.any()
    assert result[many].to_numpy() == pytest.approx(truth[many].to_numpy(), rel=0.12)
    # no deal is scored by a fit that used it
    (one, asked_of_one), (other, asked_of_other) = expected.fits
    assert not set(asked_of_one) & set(asked_of_other)
    assert len(asked_of_one) + len(asked_of_other) == len(deals)
    assert one is not other


@pytest.mark.slow
@pytest.mark.usefixtures("small_samples")
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_report_says_that_a_sample_was_used(simulation, language):
    report = make_sales_report(simulation.deals, simulation.spec, language=language)

    text = phrases(language, "sales_page")("sampled", sampled="1,000", deals="2,000")
    assert text in report.summary.points
    assert text in report.page


@pytest.mark.slow
def test_the_report_of_a_small_table_does_not_mention_a_sample(simulation):
    expected = compute_expected(simulation.deals, simulation.spec, by=())

    assert expected.sampled is None


@pytest.mark.parametrize("language", ["en", "zh"])
def test_two_samples_that_hold_all_deals_are_not_mentioned(language):
    of_samples = SimpleNamespace(sampled=5000)

    assert sampled_text(of_samples, 5000, language) == []
    assert len(sampled_text(of_samples, 5001, language)) == 1


@pytest.mark.parametrize(("boosted", "replicates"), [(0.0, 0), (0.4, 2)])
def test_without_intervals_only_boosting_needs_replicates(boosted, replicates):
    settings = Settings(shares=(("logistic", 1 - boosted), ("boosted", boosted)))

    assert _sample.min_replicates(settings) == replicates


@pytest.mark.slow
@pytest.mark.usefixtures("small_samples")
def test_a_probability_does_not_depend_on_replicates(simulation, monkeypatch):
    view = view_of(simulation.deals, simulation.spec)
    without = compute_expected(view, simulation.spec).over["rep"]
    monkeypatch.setattr(_over_reps, "min_replicates", lambda _settings: 3)
    with_three = compute_expected(view, simulation.spec).over["rep"]

    assert with_three.to_numpy() == pytest.approx(without.to_numpy(), rel=1e-12)


@pytest.mark.usefixtures("small_samples")
def test_a_fit_on_a_sample_predicts_the_level_of_all_deals_on_average(simulation):
    """After calibration: the link that the sample shows bends the log-odds."""
    spec, view = simulation.spec, view_of(simulation.deals, simulation.spec)
    training_set = view.training_set()
    chosen, _ = _sample.draw_samples(training_set, seed=0)
    choice = _sample.choose_ridge(training_set.subset(chosen), spec)
    fit = _sample.fit_on_sample(training_set, chosen, spec, choice, view, replicates=0)
    assert len(fit.scorecard_.calibration.knots) > 2
    p = fit.predict_proba(training_set.attributes)[:, 1]
    level = level_only_rate(training_set, view.extract_end)
    assert np.average(p, weights=training_set.weight) == pytest.approx(level, abs=1e-6)
    assert fit.scorecard_.base_rate == pytest.approx(level)
