"""The churn curve: exact at the horizon, nondecreasing, and limited beyond the data."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitmodel.learning.churn_curve import MAX_LIFETIME_RATIO, ChurnCurve, curve_from_dict

MONTHS = 24


def make_curve(**changes) -> ChurnCurve:
    months = np.arange(1, MONTHS + 1)
    shift = 0.9 * np.log(months / 5)
    slope = 1 + 0.1 * np.log(months / 5)
    slope[4], shift[4] = 1.0, 0.0
    known = {
        "horizon": 5,
        "slope": slope,
        "shift": shift[None, :],
        "deviation": 0.02 * np.abs(months - 5),
        "slope_deviation": 0.01 * np.abs(months - 5),
        "centre": -1.5,
        "monthly_rate": 0.02,
    }
    return ChurnCurve(**known | changes)


P = np.array([1e-9, 0.03, 0.2, 0.5, 0.97])


def test_at_the_horizon_the_probability_is_exactly_the_given_one():
    result = make_curve().left_by(P, [5])
    assert (result[:, 0] == P).all()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=5),
    st.lists(st.floats(0.2, 3), min_size=MONTHS, max_size=MONTHS),
    st.lists(st.floats(-9, 9), min_size=MONTHS, max_size=MONTHS),
)
def test_the_probability_never_decreases_with_the_month_for_any_slopes_and_shifts(p, slope, shift):
    slope, shift = np.array(slope), np.array(shift)
    slope[4], shift[4] = 1.0, 0.0
    curve = make_curve(slope=slope, shift=shift[None, :])
    probability = np.array(p)
    left = curve.left_by(probability, range(MONTHS + 1))
    assert (np.diff(left, axis=1) >= 0).all()
    assert ((left >= 0) & (left <= 1)).all()
    assert (left[:, 5] == probability).all()


def test_a_few_months_and_all_months_give_identical_probabilities():
    curve = make_curve()
    whole = curve.left_by(P, range(MONTHS + 1))
    for month in range(MONTHS + 1):
        assert (curve.left_by(P, [month])[:, 0] == whole[:, month]).all()


def test_a_missing_probability_gives_a_missing_curve():
    left = make_curve().left_by(np.array([np.nan, 0.2]), [0, 3, 5, 12])
    assert np.isnan(left[0]).all()
    assert np.isfinite(left[1]).all()


def test_each_stratum_has_its_own_row():
    rows = np.stack([make_curve().shift[0], np.minimum(make_curve().shift[0], 0.0)])
    curve = make_curve(shift=rows, attribute="term", stratum_by_code=(0, 1, 0))
    left = curve.left_by(np.array([0.2, 0.2]), [12], np.array([0, 1]))
    assert left[0, 0] > left[1, 0]
    assert left[1, 0] == pytest.approx(0.2, abs=0.02)


def test_the_lifetime_is_the_area_under_the_curve_plus_an_exponential_tail():
    curve = make_curve(monthly_rate=0.5)
    survival = curve.survival(P)
    by_hand = [np.trapezoid(row) + row[-1] / 0.5 for row in survival]
    assert curve.lifetime(P) == pytest.approx(np.array(by_hand))


def test_a_lifetime_is_at_most_twice_the_observed_time():
    assert make_curve(monthly_rate=1e-6).lifetime(P).max() == MAX_LIFETIME_RATIO * MONTHS


def test_without_a_rate_the_lifetime_is_missing():
    assert np.isnan(make_curve(monthly_rate=math.nan).lifetime(P)).all()


def test_lifetimes_given_staying_and_leaving_average_to_the_lifetime():
    curve = make_curve(monthly_rate=0.3)
    stays, leaves = curve.expected_lifetimes(P)
    assert (1 - P) * stays + P * leaves == pytest.approx(curve.lifetime(P), rel=1e-6)


def test_the_conditional_probability_of_leaving_follows_from_the_curve():
    curve = make_curve()
    stayed = np.full(len(P), 3.0)
    survival = curve.survival(P)
    expected = 1 - survival[:, 9] / survival[:, 3]
    assert curve.probability_of_leaving(P, stayed, 6.0) == pytest.approx(expected)


def test_a_new_customer_has_the_probability_of_a_prospect():
    curve = make_curve()
    new = curve.probability_of_leaving(P, np.zeros(len(P)), 5.0)
    assert new == pytest.approx(P)


def test_conditional_survival_multiplies_over_consecutive_periods():
    curve, stayed = make_curve(), np.array([0.0, 2.5, 7.0, 23.2, 40.0])
    whole = 1 - curve.probability_of_leaving(P, stayed, 6.0)
    first = 1 - curve.probability_of_leaving(P, stayed, 2.0)
    second = 1 - curve.probability_of_leaving(P, stayed + 2.0, 4.0)
    assert first * second == pytest.approx(whole)


def test_beyond_the_curve_the_hazard_is_the_monthly_rate():
    probability = make_curve().probability_of_leaving(P, np.full(len(P), 30.0), 6.0)
    assert probability == pytest.approx(np.full(len(P), 1 - math.exp(-0.02 * 6)))


def test_the_remaining_life_of_a_new_customer_is_its_lifetime():
    curve = make_curve(monthly_rate=0.3)
    assert curve.remaining_life(P, np.zeros(len(P))) == pytest.approx(curve.lifetime(P))


def test_the_remaining_life_at_a_fraction_of_a_month_follows_from_the_curve():
    curve, stayed = make_curve(monthly_rate=0.3), 3.4
    fine = np.linspace(stayed, MONTHS, 20_001)
    for position, p in enumerate(P):
        one = np.full(len(fine), p)
        there = curve.survival_at(one, fine)
        by_hand = (np.trapezoid(there, fine) + there[-1] / 0.3) / there[0]
        result = curve.remaining_life(P, np.full(len(P), stayed))[position]
        assert result == pytest.approx(by_hand, rel=1e-4)


def test_the_interval_is_the_given_one_at_the_horizon_and_wider_elsewhere():
    curve, own = make_curve(), np.full(len(P), 0.3)
    raw = np.log(P / (1 - P))
    assert curve.half_width(raw, own, 5) == pytest.approx(own)
    assert (curve.half_width(raw, own, 20) > own).all()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0.001, 0.999), min_size=3, max_size=3).map(sorted),
    st.lists(st.floats(0.2, 3), min_size=MONTHS, max_size=MONTHS),
    st.lists(st.floats(-9, 9), min_size=MONTHS, max_size=MONTHS),
)
def test_the_interval_ends_never_decrease_with_the_month_and_contain_the_probability(
    ends, slope, shift
):
    slope, shift = np.array(slope), np.array(shift)
    slope[4], shift[4] = 1.0, 0.0
    curve = make_curve(slope=slope, shift=shift[None, :])
    low, p, high = (np.array([each]) for each in ends)
    lower, upper = curve.interval_by(p, low, high, range(MONTHS + 1))
    centre = curve.left_by(p, range(MONTHS + 1))
    assert (np.diff(lower, axis=1) >= 0).all()
    assert (np.diff(upper, axis=1) >= 0).all()
    assert ((lower <= centre) & (centre <= upper)).all()
    assert (lower[:, 5], upper[:, 5]) == (low, high)


def test_the_interval_contains_the_probability_where_the_given_one_has_no_width():
    p = P[1:]  # the interval of the first ends beyond the finite log-odds
    lower, upper = make_curve().interval_by(p, p, p, [3, 5, 12])
    centre = make_curve().left_by(p, [3, 5, 12])
    assert (lower[:, [0, 2]] < centre[:, [0, 2]]).all()
    assert (upper[:, [0, 2]] > centre[:, [0, 2]]).all()
    assert (lower[:, 1] == p).all()
    assert (upper[:, 1] == p).all()


def test_intervals_of_a_few_months_and_of_all_months_are_identical():
    curve, low, high = make_curve(), 0.7 * P, np.minimum(1.2 * P, 0.99)
    whole = curve.interval_by(P, low, high, range(MONTHS + 1))
    for month in range(MONTHS + 1):
        few = curve.interval_by(P, low, high, [month])
        assert [(a[:, 0] == b[:, month]).all() for a, b in zip(few, whole, strict=True)] == [
            True
        ] * 2


def test_a_missing_interval_is_missing_at_every_other_month():
    lower, upper = make_curve().interval_by(P, P * np.nan, P * np.nan, [3, 5, 12])
    assert np.isnan(lower).all()
    assert np.isnan(upper).all()


def test_a_curve_is_rebuilt_exactly_from_its_json_form():
    curve = make_curve(monthly_rate=math.nan)
    again = curve_from_dict(curve.to_dict())
    assert (again.left_by(P, range(MONTHS)) == curve.left_by(P, range(MONTHS))).all()
    assert math.isnan(again.monthly_rate)


@pytest.mark.parametrize(
    "damage",
    [
        {"horizon": 99},
        {"slope": [1.0] * 3},
        {"slope": [1.0] * 23 + [math.inf]},
        {"slope": [1.0] * 23 + [-1.0]},
        {"shift": [[1.0] * MONTHS]},
        {"monthly_rate": -1.0},
        {"stratum_by_code": [7]},
        {"attribute": 3},
    ],
)
def test_a_damaged_curve_is_refused(damage):
    with pytest.raises((ValueError, TypeError)):
        curve_from_dict(make_curve().to_dict() | damage)


def test_a_curve_that_ends_at_its_horizon_gives_the_probability_there():
    one = np.ones(1)
    curve = replace(
        make_curve(), horizon=1, slope=one, shift=0 * one[None, :], deviation=0 * one,
        slope_deviation=0 * one,
    )  # fmt: skip
    assert (curve.left_by(P, [1])[:, 0] == P).all()


def test_the_half_width_combines_independent_errors_of_shift_slope_and_given_interval():
    """By hand at month 8; the half-width of an 80% interval is 1.2816 standard deviations."""
    curve, log_odds, own = make_curve(), np.array([-1.5, 0.5]), np.array([0.4, 0.7])
    slope, level, tilt = 1 + 0.1 * math.log(8 / 5), 0.06, 0.03 * (log_odds + 1.5)
    expected = np.sqrt((slope * own) ** 2 + 1.2816**2 * (level**2 + tilt**2))

    np.testing.assert_allclose(curve.half_width(log_odds, own, 8), expected, rtol=1e-4)
    np.testing.assert_allclose(curve.half_width(log_odds, own, 5), own)
