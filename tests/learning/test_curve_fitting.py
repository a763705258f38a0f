"""The fitted churn curve is calibrated at every horizon on simulated deals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history import view_of
from fitmodel.deals.months import months_between
from fitmodel.deals.survival import kaplan_meier
from fitmodel.deals.training_set import TrainingSet
from fitmodel.learning.calibration import PRIOR_SLOPE_SD, expit, logit
from fitmodel.learning.churn_curve import ChurnCurve
from fitmodel.learning.curve_fitting import MAX_MONTHS, _deviation, _slope_at, fit_curve
from fitmodel.learning.level import scale_hazard

HORIZON = 5


def followed(months, left, *, watched=None) -> TrainingSet:
    """Deals with follow-up and without attributes."""
    n = len(months)
    return TrainingSet(
        attributes=pd.DataFrame(index=range(n)),
        followup_months=np.asarray(months, dtype=float),
        left=np.asarray(left, dtype=bool),
        entry_months=np.zeros(n),
        observable_months=np.full(n, np.nan) if watched is None else watched,
        weight=np.ones(n),
        closed_on=None,
        horizon_months=HORIZON,
    )


def observe(true_months, seed, longest=40.0) -> TrainingSet:
    """Deals signed at a constant rate over the last months before the end of the extract."""
    watched = np.random.default_rng(seed).uniform(0, longest, len(true_months))
    seen = np.minimum(true_months, watched)
    return followed(seen, true_months <= watched, watched=watched)


def log_logistic(n, seed, shape=1.4):
    """Months until leaving under proportional odds, and the probability at the horizon."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(-1.3, 1.0, n)
    odds = rng.uniform(size=n)
    months = HORIZON * (odds / (1 - odds) / np.exp(raw)) ** (1 / shape)
    return months, 1 / (1 + np.exp(-raw))


def log_normal(n, seed):
    """Months until leaving without proportional odds, with many leavers at the end of the year."""
    rng = np.random.default_rng(seed)
    centre = rng.normal(2.3, 0.7, n)
    z = (np.log(HORIZON) - centre) / 0.8
    from scipy.stats import norm

    months = np.exp(centre + 0.8 * rng.standard_normal(n))
    late = (months > 9) & (months < 12)
    return np.where(late & (rng.uniform(size=n) < 0.7), 12.0, months), norm.cdf(z)


def calibration_errors(curve: ChurnCurve, probability, true_months, month):
    """Predicted minus true share per quarter of the risk, in standard errors."""
    left = curve.left_by(probability, [month])[:, 0]
    part = np.searchsorted(np.quantile(left, [0.25, 0.5, 0.75]), left)
    result = []
    for number in range(4):
        inside = part == number
        happened = true_months[inside] <= month
        error = np.sqrt(max(happened.mean() * (1 - happened.mean()), 0.01) / inside.sum())
        result.append((left[inside].mean() - happened.mean()) / error)
    return np.abs(result)


@pytest.mark.parametrize("law", [log_logistic, log_normal])
@pytest.mark.parametrize("month", [1, 3, 8, 12, 24])
def test_each_risk_quartile_is_calibrated_at_every_horizon(law, month):
    months, probability = law(6_000, seed=1)
    curve = fit_curve(observe(months, seed=2), probability, HORIZON)
    new_months, new_probability = law(6_000, seed=3)
    assert calibration_errors(curve, new_probability, new_months, month).max() < 5.0


@pytest.mark.parametrize("month", [1, 3, 8, 12, 24])
def test_the_simulated_law_is_calibrated_at_every_horizon(month):
    sim = simulate_deals(5_000, seed=3)
    deals = view_of(sim.deals, sim.spec).training_set()
    probability = sim.true_probability.to_numpy()
    closed, left = (
        column.to_numpy().astype("datetime64[D]")
        for column in (sim.deals["closed_on"], sim.true_churned_on)
    )
    curve = fit_curve(deals, probability, HORIZON)
    assert calibration_errors(curve, probability, months_between(closed, left), month).max() < 5.0


def log_uniform_hazard(n, seed):
    """Exponential months until leaving: the hazard does not depend on age."""
    rng = np.random.default_rng(seed)
    rate = np.exp(rng.uniform(np.log(0.01), np.log(0.12), n))
    return rng.exponential(1 / rate), -np.expm1(-HORIZON * rate)


@pytest.mark.parametrize("law", [log_logistic, log_normal, log_uniform_hazard])
@pytest.mark.parametrize(("stayed", "ahead"), [(2.5, 3.0), (6.0, 6.0), (12.0, 3.0)])
def test_the_conditional_probability_of_leaving_is_calibrated_in_each_half_of_the_risk(
    law, stayed, ahead
):
    months, probability = law(20_000, 21)
    curve = fit_curve(observe(months, 22), probability, HORIZON)
    months, probability = law(40_000, 23)
    there = months > stayed
    months, probability = months[there], probability[there]
    p = curve.probability_of_leaving(probability, np.full(len(months), stayed), ahead)
    leaves = months <= stayed + ahead
    high = probability > np.median(probability)
    for half in (high, ~high):
        assert p[half].mean() == pytest.approx(leaves[half].mean(), abs=0.015)


def test_under_proportional_odds_the_slope_stays_near_one():
    months, probability = log_logistic(6_000, seed=1)
    curve = fit_curve(observe(months, seed=2), probability, HORIZON)
    assert np.abs(curve.slope - 1)[1:24].max() < 0.15
    assert curve.slope[HORIZON - 1] == 1
    assert curve.shift[0, HORIZON - 1] == 0


def test_effects_that_weaken_with_age_have_a_decreasing_slope():
    rng = np.random.default_rng(5)
    raw = rng.normal(-1.0, 1.2, 8_000)
    probability = 1 / (1 + np.exp(-raw))
    early = rng.uniform(size=8_000) < probability
    months = np.where(early, rng.uniform(0, 5, 8_000), 5 + rng.exponential(12, 8_000))
    curve = fit_curve(observe(months, seed=2), probability, HORIZON)
    assert curve.slope[23] < 0.75 < curve.slope[5]


def test_with_few_leavers_it_is_proportional_odds():
    months, probability = log_logistic(120, seed=1)
    curve = fit_curve(observe(months, seed=2), probability, HORIZON)
    assert np.abs(curve.slope - 1).max() < 0.5


def test_the_curve_ends_with_the_last_month_with_ten_customers_at_risk():
    months, probability = log_logistic(2_000, seed=1)
    deals = observe(months, seed=2, longest=20.0)
    curve = fit_curve(deals, probability, HORIZON)
    watched = np.sort(deals.followup_months)[-10]
    assert curve.months == int(watched)
    assert 0 < curve.lowest_rate < curve.monthly_rate  # lower and upper limit


def test_the_curve_has_at_most_the_largest_number_of_months():
    months, probability = log_logistic(3_000, seed=1)
    assert fit_curve(observe(months, seed=2, longest=400.0), probability, 5).months == MAX_MONTHS


def test_the_current_level_changes_the_hazard_within_the_horizon_only():
    months, probability = log_logistic(6_000, seed=1)
    deals, factor = observe(months, seed=2), 1.5
    reference = fit_curve(deals, probability, HORIZON)
    today = fit_curve(deals, scale_hazard(probability, factor), HORIZON, factor=factor)
    before = reference.left_by(probability, [3, 5, 18])
    after = today.left_by(scale_hazard(probability, factor), [3, 5, 18])
    hazard, raised_hazard = (-np.log1p(-part).mean(axis=0) for part in (before, after))
    assert raised_hazard[0] == pytest.approx(factor * hazard[0], rel=0.06)
    assert raised_hazard[1] == pytest.approx(factor * hazard[1], rel=0.02)
    later, later_today = hazard[2] - hazard[1], raised_hazard[2] - raised_hazard[1]
    assert later_today == pytest.approx(later, rel=0.15)


def test_a_yearly_contract_has_its_own_timing():
    months, probability = log_logistic(6_000, seed=1)
    yearly = np.arange(6_000) % 2
    bound = np.where(yearly == 1, np.maximum(months, 12.0), months)
    probability = np.where(yearly == 1, 0.02, probability)
    curve = fit_curve(
        observe(bound, seed=2), probability, HORIZON,
        attribute="term", code=yearly.astype(np.int32), stratum_by_code=np.array([0, 1]),
    )  # fmt: skip
    left = curve.left_by(np.array([0.02, 0.02]), [11, 12], np.array([0, 1]))
    assert left[1, 1] > left[1, 0] + 0.2
    assert left[0, 1] - left[0, 0] < 0.05


def test_deals_without_an_observable_time_are_weighted_by_their_follow_up():
    months, probability = log_logistic(6_000, seed=1)
    deals = replace(observe(months, seed=2), observable_months=np.full(6_000, np.nan))
    curve = fit_curve(deals, probability, HORIZON)
    assert calibration_errors(curve, probability, months, 12).max() < 5.0


def test_a_stratum_with_shorter_follow_up_continues_as_the_company():
    truth, probability = log_logistic(2_000, 5)
    deals = observe(truth, 5)
    number = np.r_[np.zeros(1_500, int), np.ones(500, int)]
    short = number == 1
    months = np.where(short, np.minimum(deals.followup_months, 12.0), deals.followup_months)
    seen = followed(months, deals.left & (deals.followup_months <= months))
    strata = {"attribute": "term", "code": number, "stratum_by_code": np.arange(2)}
    curve = fit_curve(seen, probability, HORIZON, **strata)
    company = fit_curve(seen, probability, HORIZON)

    steps, of_all = np.diff(curve.shift[1])[11:], np.diff(company.shift[0])[11:]
    np.testing.assert_allclose(
        steps, of_all[: len(steps)], atol=0.2
    )  # no jump where the follow-up ends
    assert curve.attribute == "term"
    assert curve.stratum_by_code == (0, 1)
    assert company.attribute is None
    assert company.stratum_by_code == ()


def test_the_standard_error_of_a_slope_is_that_of_its_posterior():
    """All deals were followed so long; the precision is information at the fit plus the prior's."""
    months, probability = log_logistic(400, 7)
    deals = followed(np.minimum(months, 60.0), months <= 60.0, watched=np.full(400, 60.0))
    raw, none = logit(probability), np.zeros(400, dtype=np.intp)
    slope, deviation = _slope_at(deals, raw, none, 12, 1.0)
    distance = raw - raw.mean()
    departed = (deals.followup_months <= 12) & deals.left
    shifts = np.linspace(-3, 3, 6_001)
    totals = np.array([expit(raw.mean() + each + slope * distance).sum() for each in shifts])
    p = expit(raw.mean() + shifts[np.abs(totals - departed.sum()).argmin()] + slope * distance)
    information = (p * (1 - p) * distance**2).sum() + PRIOR_SLOPE_SD**-2

    assert deviation == pytest.approx(information**-0.5, rel=1e-3)
    assert slope == pytest.approx(1.0, abs=3 * deviation)


def test_a_month_without_observed_deals_has_the_prior():
    deals = followed(np.full(20, 3.0), np.zeros(20, dtype=bool), watched=np.full(20, 3.0))
    none = np.zeros(20, dtype=np.intp)
    assert _slope_at(deals, np.zeros(20), none, 12, 0.8) == (0.8, PRIOR_SLOPE_SD)


def test_the_deviation_of_a_shift_comes_from_greenwoods_variance_and_the_share_that_left():
    months = np.repeat(np.arange(1.0, 13.0), 5)
    curve = kaplan_meier(months, np.tile([True, False, False, False, False], 12))
    result = _deviation(curve, 4, 10)
    risk = 60 - 5 * np.arange(12)
    growth = np.cumsum(1 / (risk * (risk - 1)))
    share = 1 - np.cumprod(1 - 1 / risk)
    expected = np.sqrt(np.abs(growth - growth[3])) / share

    assert result[3] == 0.0
    np.testing.assert_allclose(result, expected[:10])


def test_before_the_first_leaver_the_deviation_uses_a_share_of_one_deal():
    curve = kaplan_meier(np.r_[np.full(20, 3.0), np.full(20, 8.0)], np.ones(40, dtype=bool))
    result = _deviation(curve, 3, 6)
    greenwood = np.sqrt(20 / (40 * 20))

    assert result[0] == pytest.approx(greenwood * 40)
    assert np.isfinite(result).all()


@pytest.mark.slow
def test_effects_keep_their_strength_if_customers_also_exit_otherwise() -> None:
    """Under proportional odds the slope is 1 at every month; it was 1.07 without the exits."""
    roles = {"closed_on": "closed", "churned_on": "left", "exited_on": "exit"}
    spec = DealSpec(deals={**roles, "observed_until": "2025-06-30"})
    slopes = []
    for seed in range(6):
        random = np.random.default_rng(seed)
        x, u = random.normal(size=6000), random.uniform(size=6000)
        months = 5 * (u / (1 - u) * np.exp(1.4 - x)) ** (1 / 1.2)
        closed = pd.Timestamp("2023-01-01") + pd.to_timedelta(random.integers(0, 900, 6000), "D")
        days = np.minimum(months * 30.44, 20_000), random.exponential(250, 6000)
        left, gone = (
            pd.Series(closed + pd.to_timedelta(each.astype(int) + 1, "D")) for each in days
        )
        is_known = np.minimum(left, gone) <= pd.Timestamp("2025-06-30")
        deals = pd.DataFrame(
            {
                "closed": closed,
                "left": left.where((left < gone) & is_known),
                "exit": gone.where((gone <= left) & is_known),
            }
        )
        slopes.append(fit_curve(view_of(deals, spec), expit(x - 1.4), 5).slope[11:18])

    assert np.mean(slopes) == pytest.approx(1, abs=0.03)
