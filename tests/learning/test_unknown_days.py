"""Unknown days of leaving do not bias rate, effects or level."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.learning._exposure import expand_unknown_days, exposure_by_month
from fitmodel.learning._fitting import fit_and_encode
from fitmodel.learning._imputation import impute
from fitmodel.learning._proportional_odds import FollowUp, conditional_probability, fit_baseline
from fitmodel.learning.level import fit_level
from fitmodel.learning.settings import LearnerOptions

HORIZON = 5.0
SLOPE = 1.2  # of the log-odds of having left on the logarithm of time


class Simulated:
    """Proportional odds with a known effect: logit P(left by t) = -1.5 + 1.2 log(t / 5) + x."""

    def __init__(self, seed: int, undated: float, n: int = 4000) -> None:
        generator = np.random.default_rng(seed)
        self.log_odds = generator.normal(size=n) - 1.5
        self.attributes = pd.DataFrame({"x": self.log_odds})
        chance = generator.uniform(size=n)
        stays = HORIZON * np.exp((np.log(chance / (1 - chance)) - self.log_odds) / SLOPE)
        self.age = generator.uniform(0.5, 36.0, n)
        left = stays <= self.age
        self.hidden = left & (generator.uniform(size=n) < undated)
        self.follow_up = FollowUp.of(
            np.minimum(stays, self.age),
            left,
            HORIZON,
            left_by=np.where(self.hidden, self.age, np.nan),
        )
        self.probability = 1 / (1 + np.exp(-self.log_odds))


@pytest.mark.parametrize("undated", [0.0, 0.4, 0.7])
def test_rate_and_slope_are_unbiased_for_any_share_of_unknown_days(undated: float) -> None:
    """With these leavers as not followed, 40% unknown days would give 0.15 instead of 0.22."""
    deals = Simulated(1, undated)
    options = LearnerOptions()
    columns, codes = fit_and_encode(deals.attributes, options)
    fit = impute(columns, codes, deals.follow_up, 1.0, options)
    slope = np.polyfit(deals.log_odds, fit.log_odds, 1)[0]
    predicted = 1 / (1 + np.exp(-fit.log_odds))

    assert deals.follow_up.rate == pytest.approx(deals.probability.mean(), abs=0.02)
    assert predicted.mean() == pytest.approx(deals.probability.mean(), abs=0.02)
    assert slope == pytest.approx(1.0, abs=0.12)


def test_the_rate_is_unbiased_where_no_day_is_known() -> None:
    """A single estimate has a standard error of 0.03: only bounds of the days are known."""
    errors = []
    for seed in range(12):
        deals = Simulated(seed, 1.0)
        errors.append(deals.follow_up.rate - deals.probability.mean())

    assert abs(np.mean(errors)) < 0.015
    assert np.std(errors) < 0.05


def test_the_label_of_an_unknown_day_is_early_churn_given_having_left_by_then() -> None:
    deals = Simulated(2, 0.5)
    baseline = fit_baseline(deals.follow_up, deals.log_odds)
    probability = conditional_probability(deals.follow_up, baseline, deals.log_odds)
    unclear = deals.hidden & (deals.age > HORIZON)
    odds = deals.log_odds + SLOPE * np.log(deals.age / HORIZON)
    truth = deals.probability * (1 + np.exp(-odds))

    np.testing.assert_array_equal(probability[deals.hidden & (deals.age <= HORIZON)], 1.0)
    assert probability[unclear].mean() == pytest.approx(truth[unclear].mean(), abs=0.03)
    assert np.corrcoef(probability[unclear], truth[unclear])[0, 1] > 0.95


def test_the_rows_of_an_unknown_day_have_the_weight_of_one_deal() -> None:
    deals = Simulated(3, 0.5, n=500)
    baseline = fit_baseline(deals.follow_up, deals.log_odds)
    probability = conditional_probability(deals.follow_up, baseline, deals.log_odds)
    dated, rows = expand_unknown_days(deals.follow_up, probability)
    early = np.bincount(rows, dated.weight * dated.left, minlength=500)

    np.testing.assert_allclose(np.bincount(rows, dated.weight), 1.0)
    np.testing.assert_allclose(early[deals.hidden], probability[deals.hidden], atol=1e-12)
    first = dated.months[dated.left].min()
    assert (dated.months[dated.left] <= np.maximum(deals.age[rows][dated.left], first)).all()


def test_unknown_days_do_not_change_the_level() -> None:
    """As leavers of the last day they would give far too many leavers in the last month."""
    deals = Simulated(4, 0.5)
    end = np.datetime64("2026-01-01")
    closed = end - np.round(deals.age * 30.4375).astype("timedelta64[D]")
    baseline = fit_baseline(deals.follow_up, deals.log_odds)
    exposure = exposure_by_month(deals.follow_up, closed, end, baseline, deals.log_odds)
    seen, foreseen = exposure.by_month()
    level = fit_level(deals.follow_up, closed, end, baseline, deals.log_odds)

    assert seen.sum() == pytest.approx(foreseen.sum(), rel=0.05)
    assert seen[-6:].sum() == pytest.approx(foreseen[-6:].sum(), rel=0.2)
    assert level.factor == pytest.approx(1.0, abs=0.1)
