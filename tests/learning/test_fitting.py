"""The mean prediction of any weighted sum is the Kaplan-Meier rate at the current level."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.months import DAYS_PER_MONTH
from fitmodel.learning._fitting import (
    calendar_of,
    fit_scorecard,
    follow_up_of,
    level_only_rate,
)
from fitmodel.learning._present_level import Calendar, level_shift
from fitmodel.learning._proportional_odds import FollowUp
from fitmodel.learning.calibration import CalibrationMap, expit
from fitmodel.learning.classifier import ProspectFitClassifier
from fitmodel.learning.encoding import encode
from fitmodel.learning.level import scale_hazard
from fitmodel.learning.settings import LearnerOptions, ReplicateSettings, Settings

END = np.datetime64("2026-06-30")
BENT = CalibrationMap((-2.0, -1.0, 0.0), (-1.8, -1.3, 0.4), "isotonic")
BLEND = (("logistic", 0.5), ("boosted", 0.5))


def fitted(company, settings, *, follow_up=None, calendar=None, attributes=None, replicates=2):
    return fit_scorecard(
        company.attributes if attributes is None else attributes,
        follow_up or company.follow_up,
        settings,
        LearnerOptions(),
        replicates=replicates,
        spread=1.0,
        calendar=calendar,
    )


def predicted(fit, attributes):
    return fit.scorecard.probability(encode(fit.scorecard.columns, attributes))


@pytest.fixture(scope="module")
def company(make_company):
    return make_company(900, seed=1, growth=0.1)


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(shares=BLEND),
        Settings(shares=BLEND, pairs=2, slope=0.7),
        Settings(isotonic=BENT),
        Settings(timing="channel", slope=1.3),
    ],
    ids=["logistic", "blend", "pairs and slope", "isotonic", "strata"],
)
def test_the_mean_prediction_is_the_kaplan_meier_rate(company, settings):
    weight = np.random.default_rng(0).uniform(0.5, 2, 900)
    for follow_up in (company.follow_up, company.follow_up.weighted(weight)):
        fit = fitted(company, settings, follow_up=follow_up)
        mean = np.average(predicted(fit, company.attributes), weights=follow_up.weight)
        assert mean == pytest.approx(follow_up.rate, rel=0.01)
        assert fit.scorecard.base_rate == pytest.approx(mean, rel=1e-6)
        assert not fit.level.is_applied


def test_with_delayed_entry_the_mean_prediction_is_the_rate_of_that_curve(make_company):
    company = make_company(2_000, seed=2)
    entry = np.random.default_rng(2).choice([0.0, 1.0, 2.0], 2_000)
    seen = company.follow_up.months > entry
    attributes = company.attributes[seen].reset_index(drop=True)
    follow_up = replace(company.follow_up.subset(seen), entry=entry[seen])
    naive = FollowUp.of(follow_up.months, follow_up.left, 5.0).rate
    assert naive < 0.95 * follow_up.rate
    for settings in (Settings(), Settings(shares=BLEND)):
        fit = fitted(company, settings, follow_up=follow_up, attributes=attributes)
        assert predicted(fit, attributes).mean() == pytest.approx(follow_up.rate, rel=0.01)


def _with_changed_hazard(n, *, factor, seed):
    """Attributes, follow-up and calendar of customers whose hazard changed a year ago."""
    random = np.random.default_rng(seed)
    born, seats = -random.random(n) * 48, random.normal(size=n)
    threshold = random.exponential(1, n) / (0.05 * np.exp(0.5 * seats))
    before = np.maximum(-12.0 - born, 0.0)
    stays = np.where(threshold <= before, threshold, before + (threshold - before) / factor)
    closed = END + (born * DAYS_PER_MONTH).round().astype("timedelta64[D]")
    follow_up = FollowUp.of(np.minimum(stays, -born), stays <= -born, 5.0)
    return pd.DataFrame({"seats": seats}), follow_up, Calendar(closed, END)


@pytest.mark.parametrize("settings", [Settings(), Settings(shares=BLEND), Settings(isotonic=BENT)])
def test_the_level_multiplies_the_hazard_of_all_deals(settings):
    attributes, follow_up, calendar = _with_changed_hazard(4_000, factor=2.2, seed=1)
    reference = fitted(None, settings, follow_up=follow_up, attributes=attributes)
    fit = fitted(None, settings, follow_up=follow_up, attributes=attributes, calendar=calendar)
    assert fit.level.is_applied
    assert fit.level.factor > 1.2
    without, mean = (predicted(each, attributes).mean() for each in (reference, fit))
    assert without == pytest.approx(follow_up.rate, rel=0.01)
    reference_fit = fitted(
        None, replace(settings, isotonic=None), follow_up=follow_up, attributes=attributes
    )
    expected = scale_hazard(predicted(reference_fit, attributes), fit.level.factor).mean()
    assert mean == pytest.approx(expected, rel=0.01)


def test_the_level_does_not_change_the_contributions():
    """Contributions are the same with and without the estimation of a level."""
    attributes, follow_up, calendar = _with_changed_hazard(3_000, factor=2.2, seed=2)
    reference = fitted(None, Settings(), follow_up=follow_up, attributes=attributes)
    fit = fitted(None, Settings(), follow_up=follow_up, attributes=attributes, calendar=calendar)
    assert fit.level.is_applied
    codes = encode(fit.scorecard.columns, attributes)
    np.testing.assert_allclose(
        fit.scorecard.contributions(codes), reference.scorecard.contributions(codes), atol=1e-9
    )
    assert fit.scorecard.baseline > reference.scorecard.baseline


def test_the_interval_includes_the_uncertainty_of_the_level():
    attributes, follow_up, calendar = _with_changed_hazard(2_500, factor=2.2, seed=3)
    widths = []
    for given in (None, calendar):
        fit = fitted(
            None, Settings(), follow_up=follow_up, attributes=attributes, calendar=given,
            replicates=15,
        )  # fmt: skip
        widths.append(fit.scorecard.scores(encode(fit.scorecard.columns, attributes))[1].mean())
    assert widths[1] > widths[0]


def test_the_calibration_slope_multiplies_the_contributions(company):
    reference, steeper = (fitted(company, Settings(slope=slope)) for slope in (1.0, 1.5))
    codes = encode(reference.scorecard.columns, company.attributes)
    np.testing.assert_allclose(
        steeper.scorecard.contributions(codes),
        1.5 * reference.scorecard.contributions(codes),
        atol=1e-9,
    )


def test_replicates_differ_by_their_own_slopes(company):
    sampled = tuple(ReplicateSettings(3.0, slope) for slope in (0.2, 2.0) * 5)
    alike = tuple(ReplicateSettings(3.0, 1.0) for _ in range(10))
    deviations = []
    for replicates in (sampled, alike):
        fit = fitted(company, Settings(replicates=replicates), replicates=10)
        codes = encode(fit.scorecard.columns, company.attributes)
        log_odds, deviation = fit.scorecard.scores(codes)
        far = np.abs(log_odds - np.median(log_odds)) > 0.8
        deviations.append(deviation[far].mean())
    assert deviations[0] > 1.5 * deviations[1]


def test_an_isotonic_calibration_keeps_the_required_direction() -> None:
    random = np.random.default_rng(2)
    frame = pd.DataFrame({"seats": random.normal(size=800), "noise": random.normal(size=800)})
    label = (random.random(800) < expit(np.sin(3 * frame["seats"]).to_numpy() - 1)).astype(float)
    settings = Settings(shares=BLEND, isotonic=BENT)
    model = ProspectFitClassifier(
        replicates=2, settings=settings, options=LearnerOptions(decreasing=("seats",))
    ).fit(frame, label)
    prospects = pd.DataFrame({"seats": np.linspace(-4, 4, 200), "noise": 0.3})
    assert np.diff(model.predict_proba(prospects)[:, 1]).max() <= 1e-12
    assert model.scorecard_.calibration.method == "isotonic"


def test_a_shift_to_a_level_is_exact_for_any_factor():
    random = np.random.default_rng(4)
    log_odds, weight = random.normal(0, 1.5, 500), random.uniform(0.5, 2, 500)
    for factor in (0.4, 1.0, 2.5):
        shift = level_shift(log_odds, weight, 0.2, factor)
        at_rate = expit(log_odds + level_shift(log_odds, weight, 0.2, 1.0))
        assert np.average(at_rate, weights=weight) == pytest.approx(0.2, abs=1e-9)
        expected = np.average(scale_hazard(at_rate, factor), weights=weight)
        assert np.average(expit(log_odds + shift), weights=weight) == pytest.approx(
            expected, abs=1e-9
        )


def test_weights_sum_to_the_effective_sample_size(make_company):
    from fitmodel.deals.history import DealHistory

    company = make_company(300, seed=5)
    training_set = DealHistory(company.deals, company.spec).as_of(None).training_set()
    weight = np.random.default_rng(0).uniform(1, 6, 300)
    follow_up = follow_up_of(replace(training_set, weight=weight))
    np.testing.assert_allclose(follow_up.weight.sum(), weight.sum() ** 2 / (weight**2).sum())
    np.testing.assert_allclose(follow_up.weight / follow_up.weight[0], weight / weight[0])
    np.testing.assert_allclose(follow_up_of(training_set).weight, 1.0)


def test_a_level_only_model_predicts_the_rate_where_there_is_no_trend(make_company):
    from fitmodel.deals.history import DealHistory

    company = make_company(1_000, seed=6)
    view = DealHistory(company.deals, company.spec).as_of(None)
    training_set = view.training_set()
    assert calendar_of(training_set, view.extract_end).end == END
    rate = follow_up_of(training_set).rate
    assert level_only_rate(training_set, view.extract_end) == pytest.approx(rate, rel=0.25)
