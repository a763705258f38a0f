"""Real policies: one fit is as accurate at 3 and 24 months as fits for these horizons."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import fitmodel
from fitmodel.deals.history import view_of
from fitmodel.deals.outcomes import censoring_weights
from fitmodel.deals.survival import kaplan_meier
from fitmodel.learning.curve_fitting import learned_curve
from fitmodel.learning.learner import Learned, cross_fitted, fit_estimator
from fitmodel.learning.settings import Choice, LearnerOptions, Settings

ATTRIBUTES = [
    "acc.death.rider", "gender", "premium.frequency", "risk.state", "underwriting.age",
    "living.place", "annual.premium",
]  # fmt: skip
OWN, OTHERS = 12, (3, 24)


@pytest.fixture(scope="module")
def halves(shared_data):
    spec = fitmodel.DealSpec(
        deals={
            "closed_on": "close_date",
            "churned_on": "churn_date",
            "exited_on": "exit_date",
            "observed_until": "2010-05-12",
        },
        label={"horizon_months": OWN},
        attributes={"include": ATTRIBUTES},
    )
    view = view_of(fitmodel.read_deals(shared_data / "us_lapse" / "deals.csv", spec), spec)
    chosen = np.random.default_rng(0).permutation(len(view))[:6_000]
    return view.subset(np.sort(chosen[:3_000])), view.subset(np.sort(chosen[3_000:]))


def left_by(halves, horizon, months):
    """Probability of having left by each month, from a fit at a horizon."""
    train, test = halves
    spec = train.spec.replace(label={"horizon_months": horizon})
    deals = train.with_spec(spec).training_set()
    choice = Choice(Settings(penalty=10.0), pd.DataFrame())
    options = LearnerOptions.from_spec(spec, deals.dates)
    estimator = fit_estimator(deals, choice, options, replicates=2)
    learned = Learned(estimator, choice, deals)
    curve = learned_curve(learned, cross_fitted(deals, spec, choice))
    return curve.left_by(estimator.predict_proba(test.attributes(deals.dates).frame)[:, 1], months)


@pytest.fixture(scope="module")
def predicted(halves):
    one = left_by(halves, OWN, OTHERS)
    alone = {month: left_by(halves, month, [month])[:, 0] for month in OTHERS}
    return dict(zip(OTHERS, one.T, strict=True)), alone


def losses(test, probability, month):
    """Log loss of each deal, and its inverse probability of censoring weight."""
    early = np.where(
        test.left & (test.followup_months <= month), 1.0,
        np.where(test.followup_months >= month, 0.0, np.nan),
    )  # fmt: skip
    weight = censoring_weights(test.outcomes.assign(early_churn=early), month).values  # noqa: PD011
    y, p = np.nan_to_num(early), np.clip(probability, 1e-9, 1 - 1e-9)
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)), weight


@pytest.mark.slow
@pytest.mark.parametrize("month", OTHERS)
def test_the_loss_equals_that_of_a_model_fitted_for_the_horizon_within_noise(
    halves, predicted, month
):
    one, alone = predicted
    ours, weight = losses(halves[1], one[month], month)
    theirs, _ = losses(halves[1], alone[month], month)
    gap = ours - theirs
    mean = np.average(gap, weights=weight)
    error = np.sqrt(np.sum((weight * (gap - mean)) ** 2)) / weight.sum()
    assert mean < 2 * error


@pytest.mark.slow
@pytest.mark.parametrize("month", OTHERS)
def test_each_half_of_the_risk_is_calibrated(halves, predicted, month):
    test, left = halves[1], predicted[0][month]
    high = left > np.median(left)
    for inside in (high, ~high):
        curve = kaplan_meier(test.followup_months[inside], test.left[inside], at=[float(month)])
        low, top = 1 - curve.high[0], 1 - curve.low[0]
        width = top - low
        assert low - width / 2 < left[inside].mean() < top + width / 2
