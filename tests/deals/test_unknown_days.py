"""Customers who left on an unknown day are spread over the days on which they may have left."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history import view_of
from fitmodel.deals.reading import read_deals
from fitmodel.deals.survival import kaplan_meier
from fitmodel.deals.survival_estimates import leaving_times, survival_with_unknown_days

END = pd.Timestamp("2026-01-01")


def simulated(seed: int, undated: float, n: int = 4000) -> dict[str, np.ndarray]:
    """Deals of up to four years; half of all customers leave within 12 months."""
    generator = np.random.default_rng(seed)
    stays, age = generator.weibull(0.9, n) * 18.0, generator.uniform(0.1, 48.0, n)
    left = stays <= age
    hidden = left & (generator.uniform(size=n) < undated)
    return {
        "months": np.where(hidden, 0.0, np.minimum(stays, age)),
        "left": left & ~hidden,
        "left_by": np.where(hidden, age, np.nan),
        "entry": np.zeros(n),
        "stays": stays,
    }


def test_a_leaver_with_an_unknown_day_is_spread_over_the_days_of_the_others() -> None:
    """Two left at 1 and 3 months, one by 4, one remains at 5: shares 3/8, 3/8, 1/4 by hand."""
    times = leaving_times(
        np.array([1.0, 3.0, 0.0, 5.0]),
        np.array([True, True, False, False]),
        np.array([np.nan, np.nan, 4.0, np.nan]),
    )

    share = dict(zip(times.months.tolist(), times.share.tolist(), strict=True))
    assert share[1.0] + share[3.0] + share[4.0] == pytest.approx(0.75)
    assert times.left_by(np.array([0.5, 1.0, 9.0])) == pytest.approx([0, share[1.0], 0.75])
    assert share[1.0] == pytest.approx(share[3.0])


def test_if_every_day_is_known_the_result_is_the_kaplan_meier_curve() -> None:
    deals = simulated(1, 0.0, n=300)
    curve = survival_with_unknown_days(
        deals["months"], deals["left"], deals["left_by"], deals["entry"], at=[5.0, 12.0]
    )
    plain = kaplan_meier(deals["months"], deals["left"], at=[5.0, 12.0])

    np.testing.assert_array_equal(curve.survival, plain.survival)


@pytest.mark.parametrize("undated", [0.2, 0.5, 0.8])
def test_the_curve_is_close_to_the_simulated_truth(undated: float) -> None:
    deals = simulated(2, undated)
    months = np.array([2.0, 5.0, 12.0])
    curve = survival_with_unknown_days(
        deals["months"], deals["left"], deals["left_by"], deals["entry"], at=months
    )
    truth = np.exp(-((months / 18.0) ** 0.9))

    np.testing.assert_allclose(curve.survival, truth, atol=0.035)


def test_the_estimate_is_self_consistent() -> None:
    """Spreading the leavers by the estimate and counting again gives the estimate (Turnbull)."""
    deals = simulated(3, 0.5, n=400)
    times = leaving_times(deals["months"], deals["left"], deals["left_by"])
    dated = np.isnan(deals["left_by"])
    months, weight, left = list(deals["months"][dated]), [1.0] * int(dated.sum()), []
    left = list(deals["left"][dated])
    for end in deals["left_by"][~dated]:  # a plain loop over leavers and times
        possible = times.months <= end
        share = times.share * possible
        months += times.months[possible].tolist()
        weight += (share[possible] / share.sum()).tolist()
        left += [True] * int(possible.sum())
    curve = kaplan_meier(months, left, weights=weight, at=times.months)

    np.testing.assert_allclose(1 - curve.survival, np.cumsum(times.share), atol=2e-3)


def table(undated: float) -> pd.DataFrame:
    generator = np.random.default_rng(8)
    n = 8000
    signed = END - pd.to_timedelta(generator.integers(5, 1400, n), unit="D")
    stays = np.maximum((generator.weibull(0.9, n) * 18.0 * 30.44).astype(int), 1)
    left = pd.Series(signed + pd.to_timedelta(stays, unit="D"))
    gone = left <= END
    hidden = gone & (generator.uniform(size=n) < undated)
    return pd.DataFrame(
        {
            "signed": signed,
            "left": left.where(gone & ~hidden),
            "status": np.where(gone, "churned", "active"),
            "seats": generator.integers(1, 9, n),
        }
    )


def contract() -> DealSpec:
    return DealSpec(
        deals={"closed_on": "signed", "churned_on": "left", "observed_until": str(END.date()),
               "churned": "status"},
        rows={"left_without_date": "unknown"},
    )  # fmt: skip


def test_the_rate_is_almost_the_same_if_half_of_the_churn_days_are_unknown() -> None:
    """Dropping these deals or censoring them at once gave 0.21 instead of 0.27."""
    rates = []
    for undated in (0.0, 0.5):
        spec = contract()
        view = view_of(read_deals(table(undated), spec), spec)
        rates.append(1 - view.survival.at(5.0))
    truth = 1 - np.exp(-((5.0 / 18.0) ** 0.9))

    assert rates[0] == pytest.approx(truth, abs=0.02)
    assert rates[1] == pytest.approx(rates[0], abs=0.02)


def test_an_unknown_day_gives_the_probability_of_early_churn_among_those_who_left_by_then() -> None:
    spec = contract()
    training = view_of(read_deals(table(0.5), spec), spec).training_set()
    unclear = np.flatnonzero((training.left_by > 5) & np.isnan(training.early_churn))
    chance = training.marginal_chance[unclear]
    by = 1 - np.exp(-((training.left_by[unclear] / 18.0) ** 0.9))
    truth = (1 - np.exp(-((5.0 / 18.0) ** 0.9))) / by

    assert len(unclear) > 300
    np.testing.assert_allclose(chance, truth, atol=0.06)


def test_a_view_as_of_an_earlier_day_does_not_use_leavers_with_unknown_days() -> None:
    spec = contract()
    then = view_of(read_deals(table(0.5), spec), spec, "2025-06-30")

    assert np.isnan(then.left_by_months).all()


@pytest.mark.parametrize("day", [None, "2024-12-31", "2025-06-30"])
def test_leavers_on_known_days_represent_the_others_in_labels_and_earlier_training_sets(
    day: str | None,
) -> None:
    """Without their weight the labels and the earlier training sets gave 0.21 to 0.22."""
    spec = contract()
    view = view_of(read_deals(table(0.5), spec), spec, day)
    labelled, training = view.labelled(), view.training_set()
    truth = 1 - np.exp(-((5.0 / 18.0) ** 0.9))

    assert np.average(labelled.early_churn, weights=labelled.weight) == pytest.approx(
        truth, abs=0.02
    )
    assert 1 - training.survival.at(5.0) == pytest.approx(truth, abs=0.02)


def test_weights_are_1_if_every_day_is_known() -> None:
    spec = contract()
    view = view_of(read_deals(table(0.0), spec), spec, "2025-06-30")

    assert (view.training_set().weight == 1).all()
    assert (view.labelled().weight == 1).all()
