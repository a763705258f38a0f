"""Young deals get soft labels that agree with the survival curve; mature deals keep theirs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.history import view_of
from fitmodel.deals.outcomes import kaplan_meier, label_deals, outcomes, training_deals
from fitmodel.learning.stages import expand_soft_labels


@pytest.fixture(scope="module")
def simulation():
    return simulate_deals(800, seed=3)


def test_the_mean_label_is_one_minus_the_survival_curve(simulation) -> None:
    deals, spec = simulation.deals, simulation.spec
    result = outcomes(deals, spec)
    curve = kaplan_meier(result["followup_months"].to_numpy(), result["left"].to_numpy())
    training_set = training_deals(deals, spec)
    horizon = float(spec.label.horizon_months)
    assert np.average(training_set.early_churn, weights=training_set.weight) == pytest.approx(
        1 - curve.at(horizon), abs=1e-12
    )


def test_every_deal_appears_once_and_mature_deals_keep_their_label(simulation) -> None:
    deals, spec = simulation.deals, simulation.spec
    result, training_set = outcomes(deals, spec), training_deals(deals, spec)
    assert training_set.index.tolist() == deals.index.tolist()
    labelled = label_deals(deals, spec)
    chance = pd.Series(training_set.early_churn, training_set.index)
    assert chance[labelled.index].tolist() == labelled.early_churn.tolist()
    young = chance[~result["mature"]]
    assert (young[result.loc[young.index, "left"]] == 1).all()
    assert young[~result.loc[young.index, "left"]].between(0, 1, inclusive="neither").all()


def test_the_longer_a_customer_has_stayed_the_smaller_is_its_soft_label(simulation) -> None:
    result = outcomes(simulation.deals, simulation.spec)
    training_set = training_deals(simulation.deals, simulation.spec)
    unknown = result["early_churn"].isna()
    chance = pd.Series(training_set.early_churn, training_set.index)[unknown]
    months = result.loc[unknown, "followup_months"]
    assert (np.diff(chance[months.sort_values().index]) <= 1e-12).all()


def test_the_other_deals_represent_those_that_exited_early(simulation) -> None:
    drawn = np.random.default_rng(0).random(len(simulation.deals)) < 0.2
    exits = simulation.deals["closed_on"] + pd.Timedelta(days=40)
    stays = simulation.deals["churned_on"].isna() & (exits <= simulation.deals["closed_on"].max())
    deals = simulation.deals.assign(exited_on=exits.where(drawn & stays))
    spec = simulation.spec.replace(deals={"exited_on": "exited_on"})
    training_set, labelled = training_deals(deals, spec), label_deals(deals, spec)
    gone = outcomes(deals, spec).query("mature and early_churn.isna()").index
    assert len(gone)
    assert not set(gone) & set(training_set.index)
    weight = pd.Series(training_set.weight, training_set.index)[labelled.index]
    assert weight.tolist() == labelled.weight.tolist()
    assert weight.max() > 1


def test_without_dates_there_are_no_soft_labels() -> None:
    from fitmodel.deals.contract import DealSpec

    table = pd.DataFrame(
        {"months": [1.0, 2, 9, 9, 3], "left": [True, False, False, True, True], "seats": range(5)}
    )
    spec = DealSpec(deals={"tenure_months": "months", "churned": "left"})
    training_set, labelled = training_deals(table, spec), label_deals(table, spec)
    assert training_set.early_churn.tolist() == labelled.early_churn.tolist()
    assert training_set.weight.tolist() == labelled.weight.tolist()


def test_expanded_soft_labels_keep_weight_and_probability() -> None:
    chance = np.array([1.0, 0.25, 0.0, 0.5])
    rows, outcome, share = expand_soft_labels(chance)
    assert set(outcome.tolist()) == {0.0, 1.0}
    np.testing.assert_allclose(np.bincount(rows, share), 1)
    np.testing.assert_allclose(np.bincount(rows, share * outcome), chance)


@pytest.mark.parametrize("keys", [True, False])
def test_a_subset_of_the_training_set_keeps_all_fields_of_each_deal(simulation, keys) -> None:
    whole = view_of(simulation.deals, simulation.spec).training_set()
    by = np.arange(len(whole), dtype=float) if keys else None
    closed = whole.closed_on if keys else None
    whole = replace(whole, left_by_months=by, closed_on=closed)
    chosen = np.array([7, 3, 50])
    part = whole.subset(chosen)

    assert part.index.tolist() == whole.index[chosen].tolist()
    for name in ("followup_months", "left", "entry_months", "observable_months", "weight"):
        assert getattr(part, name).tolist() == getattr(whole, name)[chosen].tolist()
    assert (part.closed_on is None) == (not keys)
    expected = None if by is None else [7.0, 3.0, 50.0]
    assert (None if part.left_by_months is None else part.left_by_months.tolist()) == expected
