"""The proportional-odds model: baseline, conditional probabilities and soft labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq

from fitmodel.deals.survival import kaplan_meier
from fitmodel.learning import _proportional_odds as proportional_odds
from fitmodel.learning._imputation import impute
from fitmodel.learning._proportional_odds import (
    MIN_BASELINE,
    FollowUp,
    conditional_probability,
    expand_soft_labels,
    fit_baseline,
    matching_shift,
    shift_to_rate,
    soft_labels,
    support_points,
)
from fitmodel.learning.calibration import expit
from fitmodel.learning.encoding import EncodingOptions, encode, fit_columns
from fitmodel.learning.settings import LearnerOptions


@pytest.fixture(scope="module")
def company(make_company):
    return make_company(200, seed=1, growth=0.1)


def weighted(follow_up, seed=0):
    return follow_up.weighted(np.random.default_rng(seed).uniform(0.5, 2, len(follow_up)))


def test_the_mean_probability_is_the_kaplan_meier_share_at_every_time(company):
    for follow_up in (company.follow_up, weighted(company.follow_up)):
        baseline = fit_baseline(follow_up, company.log_odds)
        curve = kaplan_meier(follow_up.months, follow_up.left, weights=follow_up.weight)
        at_event = curve.events > 0
        assert at_event.sum() > 20
        for month, stayed in zip(curve.times[at_event], curve.survival[at_event], strict=True):
            left_by = baseline.left_by(np.full(200, month), follow_up, company.log_odds)
            assert np.average(left_by, weights=follow_up.weight) == pytest.approx(1 - stayed)


def test_with_strata_each_follows_its_own_curve(company):
    stratum = np.arange(200) % 2
    follow_up = replace(company.follow_up, stratum=stratum)
    baseline = fit_baseline(follow_up, company.log_odds)
    left_by = baseline.left_by(np.full(200, 5.0), follow_up, company.log_odds)
    for number in (0, 1):
        own = stratum == number
        curve = kaplan_meier(follow_up.months[own], follow_up.left[own])
        assert left_by[own].mean() == pytest.approx(1 - curve.at(5.0))
    assert left_by[stratum == 0].mean() != pytest.approx(left_by[stratum == 1].mean(), abs=0.01)


def test_support_points_approximate_many_deals_to_0_001(make_company):
    many = make_company(5_000, seed=2)
    baseline = fit_baseline(many.follow_up, many.log_odds)
    left_by = baseline.left_by(np.full(5_000, 5.0), many.follow_up, many.log_odds)
    assert left_by.mean() == pytest.approx(many.follow_up.rate, abs=1e-3)


def test_a_deal_followed_to_the_horizon_has_its_outcome_as_label(company):
    follow_up = company.follow_up
    probability = conditional_probability(
        follow_up, fit_baseline(follow_up, company.log_odds), company.log_odds
    )
    old = follow_up.months >= follow_up.horizon
    np.testing.assert_array_equal(probability[follow_up.left], 1.0)
    np.testing.assert_array_equal(probability[old & ~follow_up.left], 0.0)
    young = ~follow_up.known
    assert young.sum() > 20
    assert ((probability[young] >= 0) & (probability[young] < 1)).all()
    assert (probability[young] > 0).mean() > 0.9


def test_the_conditional_probability_of_a_deal_decreases_with_its_age(company):
    baseline = fit_baseline(company.follow_up, company.log_odds)
    ages = np.linspace(0.0, 4.9, 50)
    alike = FollowUp.of(ages, np.zeros(50, dtype=bool), 5.0)
    for log_odds in (-1.0, 0.0, 1.0):
        same = np.full(50, log_odds)
        probability = conditional_probability(alike, baseline, same)
        whole = baseline.left_by(np.full(50, 5.0), alike, same)
        assert probability[0] == pytest.approx(whole[0])
        assert (np.diff(probability) <= 1e-12).all()
        assert probability[-1] < 0.5 * probability[0]
        assert ((probability >= 0) & (probability <= whole + 1e-12)).all()


def test_a_riskier_young_deal_of_the_same_age_has_a_higher_label(company):
    baseline = fit_baseline(company.follow_up, company.log_odds)
    same_age = FollowUp.of(np.full(20, 2.0), np.zeros(20, dtype=bool), 5.0)
    assert (np.diff(conditional_probability(same_age, baseline, np.linspace(-2, 2, 20))) > 0).all()


def test_the_order_of_the_deals_does_not_matter(company):
    follow_up, log_odds = weighted(company.follow_up), company.log_odds
    order = np.random.default_rng(3).permutation(200)
    one = soft_labels(follow_up, fit_baseline(follow_up, log_odds), log_odds)
    reversed_model = follow_up.subset(order)
    other = soft_labels(
        reversed_model, fit_baseline(reversed_model, log_odds[order]), log_odds[order]
    )
    for before, after in zip(one, other, strict=True):
        np.testing.assert_allclose(after, before[order], atol=1e-9)


def test_leaving_after_the_horizon_is_not_early_churn():
    months, left = np.array([2.0, 5.0, 5.1, 9.0, 3.0]), np.array([1, 1, 1, 0, 0], dtype=bool)
    follow_up = FollowUp.of(months, left, 5.0)
    assert follow_up.left.tolist() == [True, True, False, False, False]
    assert follow_up.months.tolist() == [2.0, 5.0, 5.0, 5.0, 3.0]
    assert follow_up.known.tolist() == [True, True, True, True, False]
    assert follow_up.rate == pytest.approx(1 - (4 / 5) * (2 / 3))


def test_before_the_first_leaver_the_probability_is_0_and_without_leavers_the_rate_is_0():
    follow_up = FollowUp.of(np.full(10, 7.0), np.zeros(10, dtype=bool), 5.0)
    baseline = fit_baseline(follow_up, np.zeros(10))
    assert follow_up.rate == 0.0
    assert baseline.at(np.array([0.0]), np.array([0]))[0] == MIN_BASELINE
    assert conditional_probability(follow_up, baseline, np.zeros(10)).max() == 0.0
    assert baseline.left_by(np.full(10, 5.0), follow_up, np.zeros(10)).max() < 1e-6


def test_delayed_entry_does_not_bias_the_rate(make_company):
    """Deals signed before leavers were recorded are in the table only if they stayed until then."""
    options, effects, rates = LearnerOptions(), [], []
    for seed in range(4):
        whole = make_company(4_000, seed=seed, shape=1.0)
        entry = np.random.default_rng(seed).choice([0.0, 0.5, 1.0, 2.0, 3.0], 4_000)
        seen = whole.follow_up.months > entry
        assert (whole.follow_up.left & ~seen).sum() > 200
        attributes = whole.attributes[seen].reset_index(drop=True)
        follow_up = replace(whole.follow_up.subset(seen), entry=entry[seen])
        columns = fit_columns(attributes, EncodingOptions())
        fit = impute(columns, encode(columns, attributes), follow_up, 0.3, options)
        mean = {
            name: fit.log_odds[attributes["channel"] == name].mean()
            for name in ("web", "cold call")
        }
        effects.append(mean["cold call"] - mean["web"])
        rates.append(np.average(fit.early_churn, weights=fit.weight) / whole.truth.mean())
    assert np.mean(effects) == pytest.approx(1.5, abs=0.12)
    assert np.mean(rates) == pytest.approx(1.0, abs=0.04)


def test_a_deal_with_delayed_entry_also_represents_those_that_left_before(company):
    follow_up, log_odds = company.follow_up, company.log_odds
    late = replace(follow_up, entry=np.where(~follow_up.left, 1.0, 0.0).clip(0, follow_up.months))
    baseline = fit_baseline(follow_up, log_odds)
    reference, _ = soft_labels(follow_up, baseline, log_odds)
    label, weight = soft_labels(late, baseline, log_odds)
    before = baseline.left_by(late.entry, late, log_odds)
    entered = late.entry > 0
    np.testing.assert_allclose(weight[entered], 1 / (1 - before[entered]))
    np.testing.assert_allclose(
        label[entered], before[entered] + (1 - before[entered]) * reference[entered]
    )
    np.testing.assert_array_equal(weight[~entered], 1.0)


def test_the_shift_equals_the_root_from_scipy():
    random = np.random.default_rng(0)
    log_odds, weight = random.normal(0, 2, 300), random.uniform(0.1, 3, 300)
    shares = np.array([0.001, 0.1, 0.5, 0.93])
    for share, shift in zip(shares, matching_shift(log_odds, weight, shares), strict=True):

        def gap(by, share=share):
            return np.average(expit(log_odds + by), weights=weight) - share

        assert shift == pytest.approx(brentq(gap, -40, 40, xtol=1e-12), abs=1e-7)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_shares_of_0_and_1_have_a_finite_shift(share):
    shift = matching_shift(np.array([-1.0, 1.0]), np.ones(2), np.array([share]))
    assert np.isfinite(shift).all()
    assert expit(np.array([-1.0, 1.0]) + shift).mean() == pytest.approx(share, abs=1e-6)


def test_a_deal_with_weight_0_does_not_change_the_shift():
    log_odds = np.array([0.0, 1.0, 50.0])
    assert shift_to_rate(log_odds, np.array([1.0, 2.0, 0.0]), 0.3) == pytest.approx(
        shift_to_rate(log_odds[:2], np.array([1.0, 2.0]), 0.3)
    )


def test_expanded_rows_have_the_total_weight_and_the_soft_label_of_each_deal():
    labels = np.array([0.0, 1.0, 0.3, 0.75, 0.0, 0.5])
    rows, outcome, share = expand_soft_labels(labels)
    np.testing.assert_allclose(np.bincount(rows, weights=share), 1.0)
    np.testing.assert_allclose(np.bincount(rows, weights=share * outcome), labels)
    assert set(outcome) == {0.0, 1.0}
    assert len(rows) == 6 + 3
    assert (share > 0).all()


def test_the_kaplan_meier_curve_is_computed_once_per_fit(company, monkeypatch):
    """The curve is cached by the follow-up."""
    read = []
    created = proportional_odds.kaplan_meier
    monkeypatch.setattr(
        proportional_odds,
        "kaplan_meier",
        lambda *given, **named: read.append(1) or created(*given, **named),
    )
    follow_up = company.follow_up.weighted(company.follow_up.weight)
    first = fit_baseline(follow_up, np.zeros(len(follow_up)))
    second = fit_baseline(follow_up, np.linspace(-1, 1, len(follow_up)))
    assert len(read) == 1
    np.testing.assert_array_equal(first.times[0], second.times[0])
    assert not np.allclose(first.log_odds[0], second.log_odds[0])
    fit_baseline(follow_up.weighted(2 * follow_up.weight), np.zeros(len(follow_up)))
    assert len(read) == 2


def test_the_curve_has_the_times_at_which_customers_left_and_no_others():
    months = np.array([1.0, 2.0, 2.5, 4.0, 6.0, 7.0])
    follow_up = FollowUp.of(months, np.array([True, False, True, True, True, False]), 5.0)
    times, share = follow_up.curve()

    assert times.tolist() == [1.0, 2.5, 4.0]
    assert share == pytest.approx([1 / 6, 1 - 5 / 6 * 3 / 4, 1 - 5 / 6 * 3 / 4 * 2 / 3])
    nobody = follow_up.weighted(np.zeros(6)).curve()
    assert [each.tolist() for each in nobody] == [[5.0], [0.0]]


def test_support_points_keep_weight_and_mean_and_are_one_without_weight():
    random = np.random.default_rng(0)
    values, weight = random.normal(size=3_000), random.uniform(0, 2, 3_000)
    points, mass = support_points(values, weight, 50)

    assert len(points) <= 50
    assert mass.sum() == pytest.approx(weight.sum())
    assert points @ mass == pytest.approx(values @ weight)
    assert (np.diff(points) > 0).all()
    some, chosen = support_points(values[:10], np.r_[0.0, np.ones(9)], 50)
    assert some.tolist() == values[1:10].tolist()
    assert chosen.tolist() == [1.0] * 9
    assert [each.tolist() for each in support_points(values, 0 * weight)] == [[0.0], [1.0]]
