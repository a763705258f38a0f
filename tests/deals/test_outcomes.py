"""An unknown label is never 0, and a view as of a date uses nothing after it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sksurv.nonparametric import kaplan_meier_estimator

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history import extract_as_of
from fitmodel.deals.outcomes import (
    censoring_weights,
    extract_end,
    kaplan_meier,
    label_deals,
    outcomes,
)
from fitmodel.exceptions import DealsError

SIMULATION = simulate_deals(3000, seed=5)
TENURE = DealSpec(deals={"tenure_months": "months", "churned": "left"})


def _deals(rows: list[tuple[str, str | None]], until: str = "2024-12-31", horizon: int = 1):
    frame = pd.DataFrame(rows, columns=["closed", "churned"])
    frame = frame.apply(pd.to_datetime).assign(seats=range(len(rows)))
    roles = {"closed_on": "closed", "churned_on": "churned", "observed_until": until}
    return frame, DealSpec(deals=roles, label={"horizon_months": horizon})


@pytest.mark.parametrize(
    ("closed", "churned", "label"),
    [
        ("2024-01-31", "2024-02-29", 1.0),  # a month after 31 January is the end of February
        ("2024-01-31", "2024-03-01", 0.0),
        ("2023-01-31", "2023-02-28", 1.0),
        ("2024-02-29", "2024-03-29", 1.0),
        ("2024-02-29", "2024-03-30", 0.0),
        ("2024-12-15", None, np.nan),  # too young to tell: unknown, not 0
        ("2024-12-15", "2024-12-20", 1.0),
        ("2024-11-30", None, 0.0),  # watched for exactly the horizon
    ],
)
def test_the_horizon_is_counted_in_calendar_months(closed, churned, label) -> None:
    result = outcomes(*_deals([(closed, churned)]))
    np.testing.assert_equal(result["early_churn"].iloc[0], label)


def test_labels_from_a_tenure_are_unknown_for_young_deals() -> None:
    table = pd.DataFrame({"months": [5.0, 5.0, 4.0, 9.0], "left": [True, False, False, True]})
    np.testing.assert_equal(outcomes(table, TENURE)["early_churn"].to_list(), [1, 0, np.nan, 0])
    with pytest.raises(DealsError, match="need closing and churn dates"):
        outcomes(table, TENURE, as_of="2024-01-01")


def test_the_survival_curve_equals_that_of_scikit_survival() -> None:
    result = outcomes(SIMULATION.deals, SIMULATION.spec)
    months, left = result["followup_months"].to_numpy(), result["left"].to_numpy()
    times, survival = kaplan_meier_estimator(left, months)
    curve = kaplan_meier(months, left)
    np.testing.assert_allclose([curve.at(time) for time in times[::40]], survival[::40], atol=1e-12)


def test_the_weighted_early_churn_rate_is_the_kaplan_meier_estimate() -> None:
    result = outcomes(SIMULATION.deals, SIMULATION.spec)
    weights = censoring_weights(result, 5, cap=1e9).values  # noqa: PD011 - ours, not a frame's
    label = result["early_churn"].fillna(0).to_numpy()
    curve = kaplan_meier(result["followup_months"].to_numpy(), result["left"].to_numpy())
    np.testing.assert_allclose((weights @ label) / len(result), 1 - curve.at(5.0), atol=1e-9)


def test_unknown_labels_have_weight_0_and_capped_weights_are_counted() -> None:
    result = outcomes(SIMULATION.deals, SIMULATION.spec)
    weights = censoring_weights(result, 5, cap=1.01)
    assert (
        weights.values[  # noqa: PD011 - ours
            result["early_churn"].isna()
        ]
        == 0
    ).all()
    assert weights.capped > 0
    assert weights.effective_sample_size <= result["early_churn"].notna().sum()


def test_weighting_is_unbiased_but_labelling_unknown_deals_0_is_biased() -> None:
    sim = simulate_deals(20_000, seed=3)
    result = outcomes(sim.deals, sim.spec, as_of="2024-03-31")
    weights = censoring_weights(result, 5)
    truth = sim.true_probability.loc[result.index].mean()
    label = result["early_churn"].fillna(0).to_numpy()
    right = np.average(label, weights=weights.values)
    assert abs(right - truth) < 0.02
    assert label.mean() < right


def test_a_view_as_of_a_day_uses_nothing_that_happened_after_it() -> None:
    deals, spec = SIMULATION.deals, SIMULATION.spec
    date = pd.Timestamp("2025-01-15")
    changed = deals.copy()
    late = changed["churned_on"] > date
    changed.loc[late, "churned_on"] = pd.NaT
    table, known_then = extract_as_of(deals, spec, date)
    expected = outcomes(changed, spec, as_of=date)
    pd.testing.assert_frame_equal(outcomes(deals, spec, as_of=date), expected)
    pd.testing.assert_frame_equal(outcomes(table, known_then), expected)
    assert extract_end(table, known_then) == date
    assert (table["closed_on"] <= date).all()
    assert not (table["churned_on"] > date).any()


def test_labelled_deals_have_labels_and_weights_only_where_known() -> None:
    labelled = label_deals(SIMULATION.deals, SIMULATION.spec)
    assert set(np.unique(labelled.early_churn)) == {0.0, 1.0}
    assert (labelled.weight >= 1).all()
    assert not {"closed_on", "churned_on", "rep", "deal_id"} & set(labelled.attributes.columns)
    assert labelled.attributes["first_contact_on"].dtype == float
