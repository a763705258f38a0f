"""The current level of early churn: detected where it changed, not applied where it did not."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.history import DealHistory
from fitmodel.deals.months import DAYS_PER_MONTH
from fitmodel.learning import level as level_module
from fitmodel.learning._exposure import exposure_by_month
from fitmodel.learning._fitting import calendar_of, follow_up_of, level_only_rate
from fitmodel.learning._proportional_odds import FollowUp, fit_baseline
from fitmodel.learning.level import (
    Level,
    fit_level,
    level_of_counts,
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


def step(months_ago, factor):
    """Return a law whose rate was multiplied by a factor some months before the end."""
    return lambda _, month, end: np.where(month >= end - months_ago, np.log(factor), 0.0)


def trend(factor):
    """Return a law whose rate is multiplied by a factor over the history, and goes on."""
    return lambda _, month, end: np.log(factor) * month / end


def walk(random, month, _):
    return random.normal(0, 0.08, len(month)).cumsum()


def months_differ(random, month, _):
    return random.normal(0, 0.3, len(month))


def seasons(random, month, _):
    return 0.3 * np.sin((month + random.integers(12)) * np.pi / 6)


def constant(_, month, __):
    return np.zeros(len(month))


@pytest.mark.parametrize(
    ("change", "leavers", "most_of_the_loss"),
    [
        (step(12, 1.5), 6.0, 0.75),
        (step(18, 1 / 1.6), 6.0, 0.75),
        (trend(2.0), 6.0, 0.5),
        (trend(0.5), 6.0, 0.75),
        (walk, 6.0, 0.75),
        (step(12, 1.5), 20.0, 0.3),
        (trend(2.0), 20.0, 0.1),
    ],
    ids=[
        "rose a year ago", "fell", "rises steadily", "falls steadily", "random walk",
        "rose, many leavers", "rises, many leavers",
    ],
)  # fmt: skip
def test_a_changed_level_is_followed_before_it_is_certain(change, leavers, most_of_the_loss):
    """Some 70 leavers a year: what is forecast gets nearer to the truth on average."""
    with_level, without, _ = loss_ahead(change, leavers=leavers)
    assert with_level < most_of_the_loss * without


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "leavers"),
    [(constant, 3.0), (constant, 20.0), (months_differ, 6.0), (seasons, 6.0)],
    ids=["constant", "constant, many leavers", "months differ", "seasons"],
)
def test_where_the_level_only_fluctuates_next_to_nothing_is_lost(change, leavers):
    """1,000 companies: in 150, one whose last months are high by chance outweighs the others."""
    with_level, without, applied = loss_ahead(change, leavers=leavers, seeds=1_000)
    assert with_level < without + 0.03
    assert applied < 0.15


@pytest.mark.parametrize(
    ("change", "leavers", "low", "high"),
    [
        (constant, 6.0, 0.85, 0.99),
        (months_differ, 6.0, 0.7, 0.9),
        (trend(2.0), 20.0, 0.75, 0.98),
        (trend(0.5), 20.0, 0.7, 0.95),
        (step(12, 1.5), 20.0, 0.8, 0.98),
    ],
    ids=["constant", "months differ", "rises", "falls", "rose a year ago"],
)
def test_the_interval_of_the_level_covers_the_true_level(change, leavers, low, high):
    """80% intervals of all companies, whether a level is applied or not."""
    random, months, covered = np.random.default_rng(3), 36, []
    for _ in range(150):
        rate = leavers * np.exp(change(random, np.arange(months + HORIZON), months))
        observed = random.poisson(rate[:months]).astype(float)
        level = level_of_counts(observed, np.full(months, observed.mean()), HORIZON)
        error = np.log(rate[months:].mean() / observed.mean() / level.factor)
        # the mean over all months is as uncertain as the number of leavers makes it
        long_run = (1 - level.weight * level.is_applied) / observed.sum()
        covered.append(abs(error) < 1.2816 * np.sqrt(level.deviation**2 + long_run))
    assert low < np.mean(covered) < high


def test_a_constant_level_is_less_uncertain_than_one_that_moves():
    random = np.random.default_rng(5)
    deviations = {constant: [], walk: []}
    for change, found in deviations.items():
        for _ in range(100):
            rate = 6.0 * np.exp(change(random, np.arange(36), 36))
            observed = random.poisson(rate).astype(float)
            expected = np.full(36, observed.mean())
            found.append(level_of_counts(observed, expected, HORIZON).deviation)
    assert np.median(deviations[constant]) < 0.1 < np.median(deviations[walk])


def test_a_level_that_is_almost_applied_widens_the_interval():
    """The more the forecasts favour a moving level, the more uncertain is the constant one."""
    random, levels = np.random.default_rng(6), []
    for _ in range(200):
        observed = random.poisson(6.0 * np.exp(walk(random, np.arange(36), 36))).astype(float)
        levels.append(level_of_counts(observed, np.full(36, observed.mean()), HORIZON))
    unapplied = [level for level in levels if not level.is_applied]
    assert {level.factor for level in unapplied} == {1.0}
    gains, deviations = zip(*[(level.gain, level.deviation) for level in unapplied], strict=True)
    assert np.corrcoef(gains, deviations)[0, 1] > 0.6
    assert min(deviations) > 0


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
    """The horizon is almost half a period long, so the latest months do not predict it.

    What is known of the first months ahead may move the estimate a little. It says that it is
    uncertain, and its forecasts are no worse than the long-run mean.
    """
    months, horizon = 72, 18
    errors, errors_without = [], []
    for phase in range(0, 42, 6):
        change = 0.7 * np.sin((np.arange(months + horizon) + phase) * 2 * np.pi / 42)
        left = swinging_company(0.012 * np.exp(change[:months]), seed=4)
        level = level_of(FollowUp.of(*left[:2], float(horizon)), left[2])
        ahead = np.log(np.exp(change[months:]).mean() / np.exp(change[:42]).mean())
        errors.append((ahead - np.log(level.factor)) ** 2)
        errors_without.append(ahead**2)
        assert abs(np.log(level.factor)) < 0.2
        assert level.deviation > 0.2
    assert np.mean(errors) < 1.05 * np.mean(errors_without)


def swinging_company(hazard, *, seed):
    """Months followed, whether it left, and closing day of 4,000 customers, by monthly hazards."""
    random = np.random.default_rng(seed)
    n, months = 4_000, len(hazard)
    born, left_on = -random.random(n) * months, np.full(n, np.inf)
    for month in range(months):
        there = (born < month - months) & np.isinf(left_on)
        left_on[there & (random.random(n) < hazard[month])] = month + 1.0 - months
    left = left_on <= 0
    followed = np.where(left, left_on, 0.0) - born
    return followed, left, END + (born * DAYS_PER_MONTH).round().astype("timedelta64[D]")


def test_a_history_of_too_few_months_or_without_leavers_has_no_level():
    for months in (0, 15):
        assert not level_of_counts(np.ones(months), np.ones(months), HORIZON).is_applied
    assert not level_of_counts(np.zeros(40), np.zeros(40), HORIZON).is_applied


def test_the_rate_of_a_resample_is_shrunk_by_the_weight_of_a_moving_level():
    """If the current level rests on recent leavers only, the long-run rate has no influence."""
    moved = {
        weight: Level(1.4, 0.2, weight, gain=3.0).rate_of_resample(0.3, 0.2)
        for weight in (0.0, 0.36, 1.0)
    }
    assert moved[0.0] == pytest.approx(0.3)
    assert moved[1.0] == pytest.approx(0.2)
    far, near = (np.log(np.log1p(-rate) / np.log1p(-0.2)) for rate in (0.3, moved[0.36]))
    assert near == pytest.approx(0.8 * far)
    assert Level(1.0, 0.2, 0.2, gain=-1.0).rate_of_resample(0.3, 0.2) == 0.3


def test_every_observed_leaver_is_counted_once_and_expected_leavers_match():
    follow_up, closed = company(3_000, 30, seed=2)
    no_effects = np.zeros(3_000)
    exposure = exposure_by_month(
        follow_up, closed, END, fit_baseline(follow_up, no_effects), no_effects
    )
    (observed, expected), names = exposure.by_month(), exposure.names
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
    _, expected = exposure_by_month(follow_up, closed, END, baseline, np.zeros(50)).by_month()
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


def test_draws_have_the_deviation_of_the_level():
    """Also few draws, on which the interval rests."""
    random = np.random.default_rng(2)
    for size in (12, 2_000):
        draws = np.log(Level(1.4, 0.3, 0.9, 2.0).draws(size, random))
        assert draws.mean() == pytest.approx(np.log(1.4))
        assert draws.std() == pytest.approx(0.3)
    assert set(Level().draws(5, random)) == {1.0}
    assert Level(1.4, 0.3, 0.9, 2.0).draws(1, random) == [1.4]


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
    level = Level(1.25, 0.2, 0.963, 3.2, (("2026-06", 4.0, 3.0),))
    assert level.describe().startswith("1.25 times the long-run hazard")
    assert "weight 96%" in level.describe()
    assert json.loads(json.dumps(level.to_dict(), allow_nan=False))["months"] == [["2026-06", 4, 3]]
    assert level.to_dict()["gain"] == 3.2
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
