"""An attribute that changes the timing of leaving is detected; chance differences are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from fitmodel.learning._proportional_odds import FollowUp, conditional_probability, fit_baseline
from fitmodel.learning._timing import (
    MIN_LEAVERS,
    PERIODS,
    SIGNIFICANCE,
    _expected,
    _likelihood_ratio,
    _periods,
    choose_timing,
    stratum_by_code,
    with_strata,
)
from fitmodel.learning.encoding import EncodingOptions, encode, fit_columns

HORIZON = 15.0


def coded(frame):
    columns = fit_columns(frame, EncodingOptions())
    return columns, encode(columns, frame)


def contracts(n, *, seed=0):
    """Customers with monthly contracts leave at any time, others from the 13th month on."""
    random = np.random.default_rng(seed)
    term = random.choice(["monthly", "yearly"], n)
    departed = random.random(n) < np.where(term == "yearly", 0.4, 0.35)
    month = np.where(term == "yearly", random.uniform(12, 13, n), random.uniform(0, 15, n))
    stays = np.where(departed, month, np.inf)
    age = random.uniform(0, 40, n)
    frame = pd.DataFrame({"term": term, "region": random.choice(list("abc"), n)})
    return frame, FollowUp.of(np.minimum(stays, age), stays <= age, HORIZON)


def chosen(frame, follow_up, log_odds=None):
    columns, codes = coded(frame)
    log_odds = np.zeros(len(frame)) if log_odds is None else log_odds
    return choose_timing(columns, codes, follow_up, fit_baseline(follow_up, log_odds), log_odds)


def test_the_contract_attribute_is_detected_as_changing_the_timing():
    assert [chosen(*contracts(600, seed=seed)) for seed in range(10)] == ["term"] * 10


@pytest.mark.slow
def test_under_proportional_odds_no_attribute_is_detected(make_company):
    result = []
    for seed in range(100):
        company = make_company(600, seed=seed)
        frame = company.attributes.assign(
            region=np.random.default_rng(seed).choice(list("abcd"), 600)
        )
        result.append(chosen(frame, company.follow_up, company.log_odds))
    assert sum(name is not None for name in result) <= 1


def test_numbers_single_levels_and_few_leavers_are_not_tested(make_company):
    company = make_company(300, seed=1)
    assert chosen(company.attributes[["seats"]], company.follow_up) is None
    frame, follow_up = contracts(50)
    assert follow_up.left.sum() < 2 * MIN_LEAVERS
    assert chosen(frame, follow_up) is None


@pytest.mark.parametrize("together", [True, False])
def test_only_with_strata_young_yearly_deals_get_the_right_conditional_probability(together):
    frame, follow_up = contracts(6_000, seed=4)
    columns, codes = coded(frame)
    used = follow_up if together else with_strata(follow_up, columns, codes, "term")
    probability = conditional_probability(
        used, fit_baseline(used, np.zeros(6_000)), np.zeros(6_000)
    )
    young = ~follow_up.known & (follow_up.months > 9) & (follow_up.months < 11)
    yearly = (frame["term"] == "yearly").to_numpy()
    for inside, right in ((yearly, 0.4), (~yearly, 0.35 * 5 / 15 / (1 - 0.35 * 10 / 15))):
        assert (young & inside).sum() > 50
        mean = probability[young & inside].mean()
        assert (mean == pytest.approx(right, abs=0.04)) != together


def test_levels_with_few_leavers_share_a_stratum_with_unseen_levels():
    code = np.repeat(np.array([1, 2, 3, 4], dtype=np.int32), [100, 100, 30, 30])
    left = np.concatenate(
        [np.arange(100) < 30, np.arange(100) < 40, np.arange(30) < 3, np.arange(30) < 2]
    )
    follow_up = FollowUp.of(np.where(left, 1.0, 9.0), left, 5.0)
    stratum = stratum_by_code(code, 4, follow_up)
    assert stratum.tolist() == [0, 1, 2, 0, 0, 0]  # codes of missing, four levels, unseen
    assert len(stratum) == 4 + 2


def test_without_the_timing_attribute_there_is_one_stratum():
    frame, follow_up = contracts(100)
    columns, codes = coded(frame)
    for name in (None, "plan"):
        assert with_strata(follow_up, columns, codes, name) is follow_up
    assert set(with_strata(follow_up, columns, codes, "term").stratum) <= {0, 1, 2}


def test_periods_from_0_to_the_horizon_have_equal_numbers_of_leavers():
    months = np.r_[np.arange(1, 61) / 10, np.full(40, 15.0)]
    follow_up = FollowUp.of(months, np.arange(100) < 60, 12.0)
    edges = _periods(follow_up)

    assert len(edges) == PERIODS + 1
    assert (edges[0], edges[-1]) == (0.0, 12.0)
    leavers, _ = np.histogram(months[:60], np.r_[edges[:-1], 99.0])
    assert leavers.tolist() == [10] * PERIODS
    tied = FollowUp.of(np.full(30, 1.0), np.ones(30, dtype=bool), 12.0)
    assert _periods(tied).tolist() == [0.0, 1.0, 12.0]


def test_the_likelihood_ratio_equals_that_of_poisson_counts_scaled_per_level():
    """Computed by hand for two levels in two periods, with cells of one leaver and of none."""
    stratum = np.array([0] * 5 + [1] * 4)
    period = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1])
    left = np.array([True] * 5 + [True] * 3 + [False])
    follow_up = FollowUp.of(np.where(left, 1.0, 9.0), left, 5.0)
    expected = np.tile([[0.4, 0.6]], (9, 1))
    seen = np.array([[4.0, 1.0], [0.0, 3.0]])
    scaled = np.array([[2.0, 3.0], [1.2, 1.8]])
    terms = [a * np.log(a / b) for a, b in zip(seen.ravel(), scaled.ravel(), strict=True) if a]

    result = _likelihood_ratio(stratum, 2, period, follow_up, expected)
    assert result == pytest.approx(2 * sum(terms))


def test_leavers_are_expected_only_while_a_deal_was_followed():
    months, left = np.array([1.0, 4.0, 6.0, 12.0]), np.array([True, False, True, False])
    follow_up = FollowUp.of(months, left, 12.0, entry=np.array([0.0, 2.0, 0.0, 0.0]))
    log_odds = np.array([0.0, 0.5, -0.5, 0.0])
    baseline = fit_baseline(follow_up, log_odds)
    result = _expected(follow_up, baseline, log_odds, np.array([0.0, 3.0, 12.0]))

    def hazard(at, deal):
        return -np.log1p(-baseline.left_by(np.full(4, float(at)), follow_up, log_odds)[deal])

    assert result[0].tolist() == pytest.approx([hazard(1, 0), 0.0])
    assert result[1].tolist() == pytest.approx(
        [hazard(3, 1) - hazard(2, 1), hazard(4, 1) - hazard(3, 1)]
    )
    assert result[2].tolist() == pytest.approx([hazard(3, 2), hazard(6, 2) - hazard(3, 2)])


def late_leavers(late: int):
    """Two levels with uniform leaving times; some leavers of the second level leave later."""
    first, second = np.linspace(0.1, 11.9, 120), np.linspace(0.1, 11.9, 120)
    second = np.sort(np.r_[second[late:], np.linspace(10.0, 11.9, late)])
    months = np.r_[first, second, np.full(200, 12.0)]
    frame = pd.DataFrame({"term": ["a"] * 120 + ["b"] * 120 + ["a", "b"] * 100})
    return frame, FollowUp.of(months, np.arange(440) < 240, 12.0)


@pytest.mark.parametrize(("late", "significant"), [(12, False), (24, True)])
def test_the_p_value_is_chi_squared_with_the_stated_degrees_of_freedom(late, significant):
    frame, follow_up = late_leavers(late)
    columns, codes = coded(frame)
    log_odds = np.zeros(440)
    baseline = fit_baseline(follow_up, log_odds)
    edges = _periods(follow_up)
    period = np.clip(np.searchsorted(edges, follow_up.months) - 1, 0, PERIODS - 1)
    stratum = (codes[:, 0] == 2).astype(int)
    ratio = _likelihood_ratio(
        stratum, 2, period, follow_up, _expected(follow_up, baseline, log_odds, edges)
    )

    assert (chi2.sf(ratio, PERIODS - 1) < SIGNIFICANCE) == significant
    assert chi2.sf(ratio, 2 * (PERIODS - 1)) > SIGNIFICANCE, (
        "not significant with more degrees of freedom"
    )
    assert (choose_timing(columns, codes, follow_up, baseline, log_odds) == "term") == significant


def test_the_significance_level_is_divided_by_the_number_of_attributes():
    """A P value of 3.5 in 10,000 is significant with one or two attributes, not with four."""
    frame, follow_up = late_leavers(24)
    random = np.random.default_rng(0)
    for others, result in ((0, "term"), (1, "term"), (3, None)):
        more = {f"other{number}": random.choice(list("xy"), 440) for number in range(others)}
        assert chosen(frame.assign(**more), follow_up) == result
    same = {f"same{number}": "z" for number in range(3)}
    assert chosen(frame.assign(**same), follow_up) == "term", "one level cannot differ"


def test_two_levels_with_the_least_number_of_leavers_are_enough():
    early, late = np.linspace(0.1, 2.0, 16), np.linspace(10.0, 11.9, 16)
    frame = pd.DataFrame({"term": ["a"] * 16 + ["b"] * 16 + ["a", "b"] * 30})
    months = np.r_[early, late, np.full(60, 12.0)]
    follow_up = FollowUp.of(months, np.arange(92) < 32, 12.0)
    assert MIN_LEAVERS <= 16
    assert chosen(frame, follow_up) == "term"
