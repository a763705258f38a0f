"""One rule decides whether there are enough deals; init, check and train use it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.enough import (
    FULL_CHURNERS,
    MIN_CHURNERS,
    base_rate_interval,
    check_enough,
    is_enough,
    regime_of,
)
from fitmodel.deals.history import view_of
from fitmodel.exceptions import DealsError

SPEC = DealSpec(deals={"closed_on": "signed", "churned_on": "left", "observed_until": "2025-12-31"})


def table(mature: int, young: int, stayed: int) -> pd.DataFrame:
    """Leavers within the horizon, long ago and lately, and customers that stayed."""
    signed = ["2024-01-01"] * mature + ["2025-11-01"] * young + ["2024-01-01"] * stayed
    left = ["2024-02-01"] * mature + ["2025-12-01"] * young + [None] * stayed
    return pd.DataFrame({"signed": pd.to_datetime(signed), "left": pd.to_datetime(left)})


def counted(deals: pd.DataFrame) -> tuple[int, int]:
    """Early churners and the others, as the learner counts them."""
    early = view_of(deals, SPEC).training_set().early_churn
    return int((early == 1).sum()), int((~(early == 1)).sum())


def test_leavers_among_young_deals_are_counted() -> None:
    churners, stayers = counted(table(9, 6, 60))

    assert (churners, stayers) == (15, 60)
    check_enough(churners, stayers)


@pytest.mark.parametrize(
    ("churners", "others", "regime"),
    [
        (14, 400, "base_rate"),
        (15, 400, "provisional"),
        (400, 15, "provisional"),
        (49, 400, "provisional"),
        (50, 400, "full"),
        (50, 49, "provisional"),
        (0, 0, "base_rate"),
    ],
)
def test_the_smaller_class_decides_which_kind_of_model_is_possible(
    churners, others, regime
) -> None:
    assert regime_of(churners, others) == regime
    assert is_enough(churners, others) == (regime != "base_rate")
    assert FULL_CHURNERS == 50
    assert MIN_CHURNERS == 15


@pytest.mark.parametrize(("mature", "young", "stayed"), [(9, 5, 60), (60, 0, 14), (0, 0, 80)])
def test_too_few_deals_are_refused(mature: int, young: int, stayed: int) -> None:
    deals = table(mature, young, stayed)
    churners, stayers = counted(deals)

    assert not is_enough(churners, stayers)
    with pytest.raises(DealsError, match=f"{min(churners, stayers)} .*{MIN_CHURNERS} needed"):
        check_enough(churners, stayers)


def test_the_error_estimates_how_long_collecting_enough_deals_will_take() -> None:
    with pytest.raises(DealsError, match="at your rate that is about 48 more month"):
        check_enough(5, 400, 24.0)


def test_the_error_reports_the_base_rate_with_its_interval() -> None:
    from fitmodel.learning.learner import learn

    with pytest.raises(
        DealsError, match=r"9.1% leave within 5 months \(80% interval 5.4% to 14.5%"
    ):
        learn(table(6, 0, 60), SPEC)


@pytest.mark.parametrize("rate", [0.05, 0.2])
@pytest.mark.parametrize("deals", [30, 200])
def test_the_80_percent_interval_of_the_base_rate_covers_the_truth_four_times_in_five(
    rate, deals
) -> None:
    left = np.random.default_rng(1).binomial(deals, rate, 2_000)
    covered = [
        low <= rate <= high for low, high in (base_rate_interval(n, n / deals, deals) for n in left)
    ]
    # counts are integers, so the coverage is never exactly 0.8
    assert 0.72 < np.mean(covered) < 0.92


def test_without_leavers_the_upper_limit_of_the_rate_is_above_0() -> None:
    low, high = base_rate_interval(0, 0.0, 40)
    assert low == 0.0
    assert 0.01 < high < 0.06


@pytest.mark.slow
def test_deals_that_check_counts_as_enough_can_be_trained_on() -> None:
    from fitmodel.learning.learner import learn

    rng = np.random.default_rng(0)
    deals = table(30, 22, 200)
    deals["seats"] = np.where(deals["left"].notna(), 3, 9) + rng.integers(0, 5, len(deals))

    learned = learn(deals, SPEC)
    assert len(learned.estimator.predict_proba(deals[["seats"]])) == len(deals)


def test_the_interval_is_jeffreys_interval_for_the_effective_number_of_deals() -> None:
    """Six leavers at a rate of 10% correspond to 60 deals, for any number of censored deals."""
    from scipy.stats import beta

    assert base_rate_interval(6, 0.1, 45) == pytest.approx(beta.ppf([0.1, 0.9], 6.5, 54.5))
