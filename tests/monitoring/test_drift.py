"""Drift alarms: large changes are found, and false alarms are rare for any number of deals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.decision.policy import Policy
from fitmodel.exceptions import DealsError, ProspectError
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.scorer import Scorer
from fitmodel.monitoring.drift import compare_counts, compute_drift, summarise_scores

THEN = np.array([0.4, 0.3, 0.2, 0.1])


def index_of(now: np.ndarray, then: np.ndarray) -> float:
    return float(((now - then) * np.log(now / then)).sum())


def moved(target: float) -> np.ndarray:
    """Shares whose true index against `THEN` is the target."""
    low, high = 0.0, 1.0
    end = THEN[::-1]
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (
            (middle, high)
            if index_of((1 - middle) * THEN + middle * end, THEN) < target
            else (low, middle)
        )
    return (1 - low) * THEN + low * end


def alarms(now: np.ndarray, deals: int, draws: int = 1000) -> float:
    random = np.random.default_rng(0)
    new, old = random.multinomial(deals, now, draws), random.multinomial(5_000, THEN, draws)
    return np.mean([compare_counts(a, b).p_value < 0.05 for a, b in zip(new, old, strict=True)])


@pytest.mark.parametrize("deals", [100, 500, 5_000, 200_000])
def test_without_a_change_alarms_are_rare_for_any_number_of_deals(deals) -> None:
    assert alarms(THEN, deals) <= 0.01


@pytest.mark.parametrize("deals", [500, 5_000, 200_000])
def test_a_change_at_the_tolerance_raises_alarms_at_most_at_the_nominal_rate(deals) -> None:
    assert alarms(moved(0.1), deals) <= 0.08


def test_a_large_change_is_found() -> None:
    assert alarms(moved(0.4), 500) > 0.95


def test_the_index_equals_its_definition_and_is_unbiased() -> None:
    now = moved(0.25)
    large = compare_counts((now * 10**7).astype(int), (THEN * 10**7).astype(int))
    assert large.index == pytest.approx(0.25, abs=1e-3)
    random = np.random.default_rng(1)
    small = [
        compare_counts(random.multinomial(200, THEN), random.multinomial(5_000, THEN)).index
        for _ in range(500)
    ]
    assert np.mean(small) < 0.012


def test_the_standard_error_equals_that_of_repeated_draws() -> None:
    random, now = np.random.default_rng(2), moved(0.2)
    result = [
        compare_counts(random.multinomial(800, now), random.multinomial(5_000, THEN))
        for _ in range(800)
    ]
    drawn = np.std([item.index for item in result])
    assert np.mean([item.deviation for item in result]) == pytest.approx(drawn, rel=0.15)


@pytest.fixture(scope="module")
def model(learned_on) -> FitModel:
    learned = learned_on(1_500, seed=5)
    policy = Policy("threshold", 0.3, None, "")
    scorer = Scorer(learned.scorecard, policy, None, "closed_on", "v1")
    # as in training: the reference is the predictions for deals not used for training
    unseen = FitModel(scorer, {}).predict(simulate_deals(1_500, seed=8).deals, reasons=0)
    return FitModel(scorer, {"scores": summarise_scores(unseen["early_churn_probability"])})


@pytest.fixture(scope="module")
def fresh() -> pd.DataFrame:
    return simulate_deals(1_500, seed=6).deals


def test_deals_from_the_same_distribution_are_stable(model, fresh) -> None:
    result = compute_drift(fresh, model)
    assert set(result["attribute"]) == {*model.attributes, "early_churn_probability"}
    # fresh deals always have some new ones of the hundreds of landing pages
    assert set(result.loc[result["attribute"] != "landing_page", "verdict"]) == {"stable"}
    assert "drift" not in set(result["verdict"])


@pytest.mark.filterwarnings("ignore:empty in all 1,500 prospects:UserWarning")
def test_a_new_level_missing_values_and_a_shift_are_named(model, fresh) -> None:
    changed = fresh.copy()
    changed["lead_source"] = changed["lead_source"].where(
        np.arange(len(changed)) % 2 == 0, "tiktok"
    )
    changed["seats"] = changed["seats"] * 20
    result = compute_drift(changed, model).set_index("attribute")
    assert result.loc["lead_source", "verdict"] == "drift"
    assert result.loc["lead_source", "unseen"] == pytest.approx(0.5, abs=0.01)
    assert result.loc["seats", "verdict"] == "drift"
    empty = fresh.assign(segment=pd.Series([None] * len(fresh), index=fresh.index, dtype="str"))
    result = compute_drift(empty, model).set_index("attribute")
    assert result.loc["segment", "missing"] == 1.0
    assert result.loc["segment", "verdict"] == "drift"


def test_only_the_month_that_changed_is_named(model, fresh) -> None:
    month = pd.Series(np.repeat(["2026-01", "2026-02", "2026-03"], 500), index=fresh.index)
    changed = fresh.assign(seats=fresh["seats"].where(month != "2026-02", fresh["seats"] * 30))
    result = compute_drift(changed, model, by=month)
    seats = result[result["attribute"] == "seats"].set_index("group")["verdict"]
    assert seats["2026-02"] == "drift"
    assert seats["2026-01"] != "drift"
    assert seats["2026-03"] != "drift"


def test_row_order_does_not_matter(model, fresh) -> None:
    turned = fresh.iloc[::-1]
    pd.testing.assert_frame_equal(compute_drift(fresh, model), compute_drift(turned, model))


def test_an_empty_table_and_a_missing_attribute_are_refused(model, fresh) -> None:
    with pytest.raises(DealsError, match="no deals to compare"):
        compute_drift(fresh.head(0), model)
    with pytest.raises(ProspectError, match="seats"):
        compute_drift(fresh.drop(columns="seats"), model)


def test_an_unreadable_value_is_an_error_and_not_a_missing_value(model, fresh) -> None:
    changed = fresh.astype({"seats": object})
    changed.loc[changed.index[3], "seats"] = "many"
    with pytest.raises(ProspectError, match="seats"):
        compute_drift(changed, model)


def test_deals_without_a_month_are_a_separate_group(model, fresh) -> None:
    month = pd.Series(["2026-01"] * 1_000 + [None] * 500)
    result = compute_drift(fresh, model, by=month)
    assert result.groupby("group", dropna=False)["deals"].first().tolist() == [1_000, 500]
    with pytest.raises(DealsError, match="10 groups for 1500 deals"):
        compute_drift(fresh, model, by=month.head(10))
