"""The current level of early churn: detected where it changed, not applied where it did not."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import nbinom

from fitmodel.deals.history import DealHistory
from fitmodel.learning import level as level_module
from fitmodel.learning._fitting import calendar_of, follow_up_of, level_only_rate
from fitmodel.learning._proportional_odds import FollowUp, fit_baseline
from fitmodel.learning.level import (
    DAYS_PER_MONTH,
    PRIOR_LEAVERS,
    Level,
    filter_level,
    fit_level,
    forecast_score,
    level_of_counts,
    monthly_leavers,
    scale_hazard,
)

END = np.datetime64("2026-06-30")
HORIZON = 5
HAZARD = 0.05


def company(n, months, *, seed, since=0, factor=1.0):
    """Customers with a constant hazard, multiplied in the last `since` months of the extract."""
    random = np.random.default_rng(seed)
    born = -random.random(n) * months  # months before the end
    # cumulative hazard: each of the last `since` months counts as `factor` months
    threshold = random.exponential(1 / HAZARD, n)
    before = np.maximum(-since - born, 0.0)
    stays = np.where(threshold <= before, threshold, before + (threshold - before) / factor)
    followed, left = np.minimum(stays, -born), stays <= -born
    closed = END + (born * DAYS_PER_MONTH).round().astype("timedelta64[D]")
    return FollowUp.of(followed, left, float(HORIZON)), closed


def level_of(follow_up, closed):
    no_effects = np.zeros(len(follow_up))
    return fit_level(follow_up, closed, END, fit_baseline(follow_up, no_effects), no_effects)


@pytest.mark.slow
def test_without_a_trend_a_level_is_applied_in_at_most_1_of_20_companies():
    applied = [level_of(*company(600, 36, seed=seed)).is_applied for seed in range(200)]
    assert sum(applied) <= 10


def loss_ahead(change, *, leavers, seeds=150, months=36):
    """Mean loss over the true rate of the next horizon's leavers, with the level and without.

    `change` gives the logarithm of the true level by month, for `months` and the horizon after.
    """
    random = np.random.default_rng(7)
    losses, applied = [], 0
    for _ in range(seeds):
        rate = leavers * np.exp(change(random, np.arange(months + HORIZON), months))
        observed = random.poisson(rate[:months]).astype(float)
        expected = np.full(months, observed.mean())
        level = level_of_counts(observed, expected, HORIZON)
        applied += level.is_applied
        true = rate[months:].sum()
        for factor in (level.factor, 1.0):
            predicted = observed.mean() * HORIZON * factor
            losses.append(true * np.log(true / predicted) - (true - predicted))
    with_level, without = np.reshape(losses, (-1, 2)).mean(axis=0)
    return with_level, without, applied / seeds


@pytest.mark.parametrize(
    ("change", "leavers", "most_of_the_loss"),
    [
        (lambda _, month, end: np.where(month >= end - 12, np.log(1.5), 0.0), 6.0, 0.75),
        (lambda _, month, end: np.where(month >= end - 18, -np.log(1.6), 0.0), 6.0, 0.75),
        (lambda _, month, end: np.log(2.0) * month / end, 6.0, 0.85),
        (lambda random, month, _: random.normal(0, 0.08, len(month)).cumsum(), 6.0, 0.85),
        (lambda _, month, end: np.where(month >= end - 12, np.log(1.5), 0.0), 20.0, 0.35),
    ],
    ids=["rose a year ago", "fell", "rises steadily", "random walk", "rose, many leavers"],
)
def test_a_changed_level_is_followed_before_it_is_certain(change, leavers, most_of_the_loss):
    """Some 70 leavers a year: what is forecast gets nearer to the truth on average."""
    with_level, without, _ = loss_ahead(change, leavers=leavers)
    assert with_level < most_of_the_loss * without


@pytest.mark.parametrize(
    ("change", "leavers"),
    [
        (lambda _, month, __: np.zeros(len(month)), 3.0),
        (lambda _, month, __: np.zeros(len(month)), 20.0),
        (lambda random, month, _: random.normal(0, 0.3, len(month)), 6.0),
        (lambda random, month, _: 0.3 * np.sin((month + random.integers(12)) * np.pi / 6), 6.0),
    ],
    ids=["constant", "constant, many leavers", "months differ", "seasons"],
)
def test_where_the_level_only_fluctuates_next_to_nothing_is_lost(change, leavers):
    with_level, without, applied = loss_ahead(change, leavers=leavers)
    assert with_level < without + 0.03
    assert applied < 0.15


def test_a_level_that_doubled_a_year_ago_is_detected():
    result, true = [], []
    for seed in range(8):
        follow_up, closed = company(4_000, 48, seed=seed, since=12, factor=2.0)
        level = level_of(follow_up, closed)
        expected = np.array([month[2] for month in level.months])
        doubled = np.arange(len(expected)) >= len(expected) - 12
        mean = np.average(np.where(doubled, 2.0, 1.0), weights=expected)
        assert level.is_applied
        assert level.gain > 0
        result.append(level.factor)
        true.append(2.0 / mean)
    assert np.mean(result) == pytest.approx(np.mean(true), rel=0.15)
    np.testing.assert_allclose(result, true, rtol=0.3)


def test_a_level_that_halved_is_detected():
    follow_up, closed = company(8_000, 48, seed=1, since=12, factor=0.5)
    level = level_of(follow_up, closed)
    assert level.is_applied
    assert 0.4 < level.factor < 0.8


def test_a_rate_that_fluctuates_periodically_is_not_followed():
    """The horizon is almost half a period long, so the latest months do not predict it."""
    random = np.random.default_rng(4)
    n, months, horizon = 4_000, 72, 18
    born, left_on = -random.random(n) * months, np.full(n, np.inf)
    for month in range(months):
        hazard = 0.012 * np.exp(0.7 * np.sin(month * 2 * np.pi / 42))
        there = (born < month - months) & np.isinf(left_on)
        left_on[there & (random.random(n) < hazard)] = month + 1.0 - months
    left = left_on <= 0
    followed = np.where(left, left_on, 0.0) - born
    closed = END + (born * DAYS_PER_MONTH).round().astype("timedelta64[D]")
    level = level_of(FollowUp.of(followed, left, float(horizon)), closed)
    assert not level.is_applied
    assert level.gain <= 0


def test_a_history_of_too_few_months_or_without_leavers_has_no_level():
    for months in (0, 15):
        assert not level_of_counts(np.ones(months), np.ones(months), HORIZON).is_applied
    assert not level_of_counts(np.zeros(40), np.zeros(40), HORIZON).is_applied


def test_the_rate_of_a_resample_is_shrunk_by_the_weight_of_the_level():
    """If the current level rests on recent leavers only, the long-run rate has no influence."""
    moved = {
        pull: Level(factor=1.4, leavers=50.0, discount=0.9, pull=pull).rate_of_resample(0.3, 0.2)
        for pull in (0.0, 0.6, 1.0)
    }
    assert moved[0.0] == 0.3
    assert moved[1.0] == pytest.approx(0.2)
    far, near = (np.log(np.log1p(-rate) / np.log1p(-0.2)) for rate in (0.3, moved[0.6]))
    assert near == pytest.approx(0.8 * far)


def test_every_observed_leaver_is_counted_once_and_expected_leavers_match():
    follow_up, closed = company(3_000, 30, seed=2)
    no_effects = np.zeros(3_000)
    observed, expected, names = monthly_leavers(
        follow_up, closed, END, fit_baseline(follow_up, no_effects), no_effects
    )
    assert observed.sum() == follow_up.left.sum()
    assert expected.sum() == pytest.approx(observed.sum(), rel=0.02)
    assert names[-1] == "2026-06"
    assert len(names) == len(set(names)) == len(observed)


@pytest.mark.parametrize("end", ["2026-11-30", "2026-03-01", "2024-02-29"])
def test_months_before_the_end_have_the_names_of_consecutive_months(end):
    """A mean month is 30.4 days long, so its end may be in the calendar month before or after."""
    follow_up, closed = company(500, 40, seed=5)
    end = np.datetime64(end)
    closed = closed + (end - END)
    level = fit_level(follow_up, closed, end, fit_baseline(follow_up, np.zeros(500)), np.zeros(500))
    names = pd.PeriodIndex([month for month, _, _ in level.months], freq="M")
    expected = pd.period_range(end=pd.Period(str(end)[:7], freq="M"), periods=len(names), freq="M")

    assert names.tolist() == expected.tolist()


def test_no_leaver_is_expected_before_a_deals_delayed_entry():
    follow_up = FollowUp.of(np.full(50, 5.0), np.zeros(50, dtype=bool), 5.0, entry=np.full(50, 4.0))
    seen, _ = company(500, 30, seed=3)
    baseline = fit_baseline(seen, np.zeros(500))
    closed = np.full(50, END - np.timedelta64(152, "D"))  # five months ago
    _, expected, _ = monthly_leavers(follow_up, closed, END, baseline, np.zeros(50))
    assert expected[-1] > 0
    assert expected[:-1] == pytest.approx(0.0, abs=0.3)
    assert expected[:-2].sum() == 0.0


def test_nothing_after_the_end_of_the_extract_changes_the_level(make_company):
    day = pd.Timestamp("2025-12-31")
    past = make_company(1_500, seed=4)
    deals = past.deals
    other = deals.copy()
    later = ~(other["churned_on"] <= day)
    other.loc[later, "churned_on"] = np.maximum(other.loc[later, "closed_on"], day) + pd.Timedelta(
        1, "D"
    )
    other.loc[other["closed_on"] > day, "channel"] = "unheard of"
    levels = []
    for table in (deals, other):
        view = DealHistory(table, past.spec).as_of(day)
        training_set = view.training_set()
        follow_up = follow_up_of(training_set)
        calendar = calendar_of(training_set, view.extract_end)
        zeros = np.zeros(len(follow_up))
        levels.append(
            fit_level(
                follow_up, calendar.closed, calendar.end, fit_baseline(follow_up, zeros), zeros
            )
        )
        assert level_only_rate(training_set, view.extract_end) == pytest.approx(
            float(scale_hazard(np.array([follow_up.rate]), levels[-1].factor)[0])
        )
    assert levels[0].to_dict() == levels[1].to_dict()
    assert levels[0].months[-1][0] == "2025-12"


def test_the_filter_equals_its_closed_form():
    observed, expected = np.array([3.0, 0.0, 7.0, 2.0]), np.array([2.0, 4.0, 5.0, 3.0])
    discount = 0.8
    shapes, rates = filter_level(observed, expected, discount)
    for month in range(4):
        age = discount ** np.arange(month, -1, -1)
        start = PRIOR_LEAVERS * discount ** (month + 1)
        assert shapes[month] == pytest.approx(start + age @ observed[: month + 1])
        assert rates[month] == pytest.approx(start + age @ expected[: month + 1])


def test_without_a_discount_the_filter_is_the_long_run_mean():
    random = np.random.default_rng(0)
    expected = random.uniform(5, 10, 40)
    observed = random.poisson(1.7 * expected).astype(float)
    shapes, rates = filter_level(observed, expected, 1.0)
    ratio = (PRIOR_LEAVERS + observed.sum()) / (PRIOR_LEAVERS + expected.sum())
    assert shapes[-1] / rates[-1] == pytest.approx(ratio)


def test_a_forecast_is_scored_by_the_negative_binomial():
    random = np.random.default_rng(1)
    expected = random.uniform(2, 6, 14)
    observed = random.poisson(expected).astype(float)
    shapes, rates = filter_level(observed, expected, 0.9)
    by_hand = 0.0
    for month in range(level_module.MIN_MONTHS - 1, 14 - HORIZON):
        later = slice(month + 1, month + 1 + HORIZON)
        leavers, foreseen = observed[later].sum(), expected[later].sum()
        probability = rates[month] / (rates[month] + foreseen)
        by_hand += nbinom.logpmf(leavers, shapes[month], probability)
    result = forecast_score(observed, expected, HORIZON, 0.9, 1.0)
    assert result == pytest.approx(by_hand / HORIZON)


def test_draws_have_the_relative_deviation_of_the_effective_leavers():
    random = np.random.default_rng(2)
    level = Level(factor=1.4, leavers=50.0, discount=0.9, pull=1.0)
    draws = level.draws(20_000, random)
    assert draws.mean() == pytest.approx(1.4, rel=0.01)
    assert draws.std() / draws.mean() == pytest.approx(1 / np.sqrt(50), rel=0.03)
    half = Level(factor=1.4, leavers=50.0, discount=0.9, pull=0.5).draws(20_000, random)
    assert half.std() / half.mean() == pytest.approx(0.5 / np.sqrt(50), rel=0.03)
    assert set(Level().draws(5, random)) == {1.0}


def test_with_too_few_months_for_forecasts_there_is_no_level():
    months = level_module.MIN_MONTHS + HORIZON
    level = level_of(*company(2_000, months, seed=3, since=3, factor=3.0))
    assert not level.is_applied
    assert level.factor == 1.0
    assert months <= len(level.months) <= months + 1


def test_without_closing_dates_there_is_no_level(make_company):
    company = make_company(400, seed=1)
    view = DealHistory(company.deals, company.spec).as_of(None)
    training_set = view.training_set()
    assert calendar_of(training_set, None) is None
    assert calendar_of(training_set, np.datetime64("NaT")) is None
    assert Level().factor == 1.0
    assert "no closing dates" in Level().describe()


def test_a_level_is_described_in_one_sentence_and_as_data():
    level = Level(1.25, 40.0, 0.9, 0.5, 3.2, (("2026-06", 4.0, 3.0),))
    assert level.describe().startswith("1.25 times the long-run hazard")
    assert "+3.2" in level.describe()
    assert json.loads(json.dumps(level.to_dict(), allow_nan=False))["months"] == [["2026-06", 4, 3]]
    assert Level(months=level.months).describe().startswith("no trend shown")


def test_scaling_the_hazard_changes_the_probability_accordingly():
    p = np.array([0.0, 0.01, 0.3, 0.9, 1.0])
    np.testing.assert_allclose(scale_hazard(p, 1.0), p, atol=1e-9)
    np.testing.assert_allclose(scale_hazard(p, 2.0), 1 - (1 - p) ** 2, atol=1e-9)
    assert ((scale_hazard(p, 7.0) >= 0) & (scale_hazard(p, 7.0) <= 1)).all()


def test_a_level_needs_two_non_overlapping_forecasts():
    lower = level_module.MIN_MONTHS + 2 * HORIZON
    estimated = {}
    for months in range(lower - 2, lower + 2):
        level = level_of(*company(2_000, months, seed=3, since=3, factor=3.0))
        estimated[len(level.months)] = level.gain != 0.0
    assert estimated == {count: count >= lower for count in estimated}
    assert {lower - 1, lower} <= set(estimated)
