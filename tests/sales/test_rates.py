"""Observed over expected leavers, compared with published formulas and edge cases."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta, binom, poisson

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.survival import kaplan_meier
from fitmodel.decision.value import Money
from fitmodel.sales.rates import (
    DRAWS,
    LARGEST_SHAPE,
    NORMAL_95,
    Overdispersion,
    compute_yearly_loss,
    exact_ratio_interval,
    expected_leavers,
    gamma_shape,
    overdispersion,
    ratio_to_others,
    shrunken_ratio,
)


def curve():
    """One of ten customers leaves after each of the months 1 to 5; the others stay for 12."""
    return kaplan_meier(np.r_[1.0, 2, 3, 4, 5, np.full(5, 12.0)], np.r_[[True] * 5, [False] * 5])


def test_the_expected_number_of_a_mature_deal_is_its_cumulative_hazard() -> None:
    result = expected_leavers([0.3, 0.1], [5.0, 40.0], curve(), 5.0)

    assert result == pytest.approx(-np.log([0.7, 0.9]))


def test_a_young_deal_counts_for_the_hazard_up_to_its_age() -> None:
    line = curve()
    whole = -np.log(line.at(5.0))
    result = expected_leavers([0.3], [2.0], line, 5.0)

    assert result[0] == pytest.approx(-np.log(0.7) * -np.log(line.at(2.0)) / whole)
    assert expected_leavers([0.3], [0.0], line, 5.0)[0] == 0


def test_a_deal_with_delayed_entry_counts_from_its_entry() -> None:
    line = curve()
    late = expected_leavers([0.3], [5.0], line, 5.0, entry_months=[2.0])
    early = expected_leavers([0.3], [2.0], line, 5.0)
    whole = expected_leavers([0.3], [5.0], line, 5.0)

    assert late + early == pytest.approx(whole)
    assert expected_leavers([0.3], [2.0], line, 5.0, entry_months=[4.0])[0] == 0


def test_without_leavers_the_expected_number_is_0() -> None:
    nobody = kaplan_meier(np.full(5, 12.0), np.zeros(5, dtype=bool))

    assert expected_leavers([0.3, 1.0], [5.0, 5.0], nobody, 5.0) == pytest.approx([0, 0])


def test_a_probability_of_1_gives_a_finite_number() -> None:
    assert np.isfinite(expected_leavers([1.0], [5.0], curve(), 5.0)).all()


@pytest.mark.parametrize("count", [0, 1, 2, 10, 50])
def test_the_interval_of_a_count_is_garwoods_interval(count: int) -> None:
    """At the lower limit a count as large has probability 2.5%; at the upper, one as small."""
    low, high = exact_ratio_interval(np.array([float(count)]), np.array([4.0]))

    assert poisson.cdf(count, 4 * high[0]) == pytest.approx(0.025)
    if count:
        assert poisson.sf(count - 1, 4 * low[0]) == pytest.approx(0.025)
    else:
        assert low[0] == 0


def test_a_lower_level_gives_a_narrower_interval() -> None:
    counts = (np.array([5.0]), np.array([5.0]))
    wide, narrow = exact_ratio_interval(*counts), exact_ratio_interval(*counts, level=0.8)

    assert wide[0] < narrow[0] < 1 < narrow[1] < wide[1]
    assert poisson.cdf(5, 5 * narrow[1][0]) == pytest.approx(0.1)


def test_the_ratio_to_others_is_the_reps_ratio_over_that_of_the_others() -> None:
    observed, expected = np.array([6.0, 2.0, 4.0]), np.array([4.0, 4.0, 4.0])
    ratio, low, high = ratio_to_others(observed, expected)

    assert ratio == pytest.approx([(6 / 4) / (6 / 8), (2 / 4) / (10 / 8), (4 / 4) / (8 / 8)])
    share = beta.ppf([0.025, 0.975], [6, 7], [7, 6])  # of 12 leavers 6 are the first rep's
    assert [low[0], high[0]] == pytest.approx(share / (1 - share) * 8 / 4)
    assert binom.sf(5, 12, share[0]) == pytest.approx(0.025)


def test_ratios_of_reps_with_no_leavers_and_with_all_leavers() -> None:
    ratio, low, high = ratio_to_others(np.array([0.0, 5.0]), np.array([3.0, 3.0]))

    assert (ratio[0], low[0]) == (0, 0)
    assert ratio[1] == high[1] == np.inf
    assert 0 < high[0] < np.inf
    assert np.isnan(ratio_to_others(np.array([0.0, 0.0]), np.array([3.0, 3.0]))[0]).all()


def test_only_reps_that_differ_more_than_by_chance_are_overdispersed() -> None:
    random = np.random.default_rng(2)
    expected = random.uniform(5, 40, 30)
    alike = overdispersion(random.poisson(expected).astype(float), expected)
    different = overdispersion(random.poisson(expected * random.gamma(4, 0.25, 30)) * 1.0, expected)

    assert not alike.is_suspicious
    assert different.is_suspicious
    assert different.factor > alike.factor >= 1


def test_the_factor_is_the_mean_square_of_the_winsorised_differences() -> None:
    observed = np.array([9.0, 16.0, 25.0, 4.0, 1.0, 36.0, 9.0, 16.0, 25.0, 100.0, 9.0])
    expected = np.full(11, 16.0)
    z = np.sort(2 * (np.sqrt(observed) - 4))
    z[0], z[-1] = z[1], z[-2]  # the tenth at either end

    assert overdispersion(observed, expected).factor == pytest.approx(np.mean(z**2))


@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_reps_have_no_overdispersion(n: int) -> None:
    assert overdispersion(np.full(n, 50.0), np.full(n, 5.0)) == Overdispersion(1.0, 1.0)
    assert gamma_shape(np.full(n, 50.0), np.full(n, 5.0)) == LARGEST_SHAPE
    assert overdispersion(np.array([50.0, 1, 9]), np.full(3, 20.0)).p_value < 0.05


def test_the_limits_of_the_funnel_use_the_square_root_scale() -> None:
    low, high = Overdispersion(4.0, 0.01).limits(np.array([25.0, 0.25]))

    assert low == pytest.approx([(1 - NORMAL_95 * 2 / 10) ** 2, 0])
    assert high == pytest.approx([(1 + NORMAL_95 * 2 / 10) ** 2, (1 + NORMAL_95 * 2) ** 2])


def test_a_p_value_below_5_percent_is_suspicious_and_5_percent_is_not() -> None:
    assert Overdispersion(2.0, 0.049).is_suspicious
    assert not Overdispersion(2.0, 0.05).is_suspicious


def test_the_gamma_shape_is_recovered() -> None:
    random = np.random.default_rng(4)
    expected = np.full(400, 30.0)
    observed = random.poisson(expected * random.gamma(5, 1 / 5, 400)).astype(float)

    assert gamma_shape(observed, expected) == pytest.approx(5, rel=0.25)
    assert gamma_shape(expected, expected) > 1000  # the reps are exactly equal


def test_reps_without_expected_leavers_are_ignored_for_the_shape() -> None:
    random = np.random.default_rng(4)
    expected = np.r_[np.full(50, 20.0), 0.0]
    observed = np.r_[random.poisson(np.full(50, 20.0)), 0].astype(float)

    assert gamma_shape(observed, expected) == gamma_shape(observed[:-1], expected[:-1])


def test_a_ratio_is_shrunk_towards_1_by_the_shape() -> None:
    result = shrunken_ratio(np.array([10.0, 0.0]), np.array([5.0, 5.0]), 5.0)

    assert result == pytest.approx([1.5, 0.5])


LEFT = pd.DataFrame(
    {
        "closed_on": ["2025-03-01", "2025-03-01", "2026-01-01", "2025-10-01", "2025-10-01"],
        "churned_on": ["2025-07-01", "2025-06-30", "2026-03-01", "2026-05-01", None],
        "amount": [1200.0, 5000.0, np.nan, 7000.0, 9000.0],
    }
)
"""Left early on the year's first day, a day before it, early without a price, late, not at all."""
SPEC = DealSpec(
    deals={
        "closed_on": "closed_on", "churned_on": "churned_on", "amount": "amount",
        "observed_until": "2026-06-30",
    }
)  # fmt: skip
MONEY = Money(
    gross_margin=0.8, expected_lifetime_months=36.0, months_until_early_churn=3.0,
    acquisition_cost=100.0, onboarding_cost="5%", support_cost_per_month=10.0, commission_rate=0.1,
)  # fmt: skip


def test_the_yearly_loss_is_the_sum_over_the_early_leavers_of_the_year() -> None:
    loss = compute_yearly_loss(LEFT, SPEC, MONEY)
    first, second = 4.0, 2.0  # calendar months
    margin = 0.8 * 100 * first
    each = [100 + 60 + 10 * first + 120 - margin, 100 + 10 * second]

    assert (loss.customers, loss.priced) == (2, 1)
    assert (loss.since, loss.until) == (pd.Timestamp("2025-07-01"), pd.Timestamp("2026-06-30"))
    assert loss.acquisition == 200
    assert loss.onboarding == pytest.approx(60)
    assert loss.support == pytest.approx(10 * (first + second))
    assert loss.commission == pytest.approx(120)
    assert loss.margin == pytest.approx(margin)
    assert loss.net == pytest.approx(sum(each))
    reach = NORMAL_95 * np.hypot(*each)
    assert [loss.net_low, loss.net_high] == pytest.approx([loss.net - reach, loss.net + reach])
    assert loss.missed == pytest.approx(0.8 * 100 * (36 - first))
    assert loss.missed_low == pytest.approx(loss.missed * (1 - NORMAL_95))


def test_a_customer_who_stayed_longer_than_expected_has_no_missed_margin() -> None:
    short = Money(gross_margin=0.8, expected_lifetime_months=3.0, months_until_early_churn=3.0)

    assert compute_yearly_loss(LEFT, SPEC, short).missed == 0


def test_without_dates_or_amounts_there_is_no_yearly_loss() -> None:
    tenure = DealSpec(deals={"tenure_months": "months", "churned": "left", "amount": "amount"})
    deals = pd.DataFrame({"months": [3.0, 9.0], "left": [1, 0], "amount": [1.0, 2.0]})

    assert compute_yearly_loss(deals, tenure, MONEY) is None
    assert compute_yearly_loss(LEFT, SPEC.replace(deals={"amount": None}), MONEY) is None


def test_the_p_value_of_overdispersion_agrees_with_the_binomial_tail() -> None:
    seen = np.array([60.0, 40.0, 0.0])
    p_value = overdispersion(seen, np.array([50.0, 50.0, 1e-9])).p_value

    exact = 2 * binom.sf(59, 100, 0.5)  # 60 or more of the first, or of the second
    assert p_value == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / DRAWS))
