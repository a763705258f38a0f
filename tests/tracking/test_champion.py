"""The comparison of a challenger with the champion on new deals decides the promotion."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.history import extract_as_of
from fitmodel.tracking.champion import _incomparable
from fitmodel.tracking.promotion import PromotionRefusedError, promote, rollback
from fitmodel.training import train

NAME = "prospect-fit"


def test_a_champion_trained_on_tenures_is_not_compared_with_a_model_trained_on_dates() -> None:
    spec = simulate_deals(50, seed=1).spec
    roles = {"closed_on": None, "tenure_months": "tenure", "churned": "churn"}
    theirs = {"deals": roles, "label": {"horizon_months": spec.label.horizon_months}}
    champion_of_tenures: Any = SimpleNamespace(
        manifest={"spec": theirs, "period": ["None", "None"]}
    )

    assert "without closing dates" in str(_incomparable(champion_of_tenures, spec))


@pytest.fixture
def simulation() -> Any:
    return simulate_deals(3000, seed=2, drift=3.0, signal=2.0, n_attributes=6)


@pytest.mark.slow
def test_a_retrained_model_is_promoted_on_evidence_and_rolled_back(
    simulation: Any, mlflow_store: str, quick_learner: dict[str, Any], tmp_path: Any
) -> None:
    spec = simulation.spec.replace(tracking={"uri": mlflow_store}, learning=quick_learner)
    then = simulation.deals["closed_on"].quantile(0.5).normalize()
    train(*extract_as_of(simulation.deals, spec, then), models=tmp_path)
    retrained = train(simulation.deals, spec, models=tmp_path)
    comparison = retrained.model.manifest["contest"]

    assert comparison["champion"] == 1
    assert comparison["deals"] > 500
    assert comparison["low"] > 0
    moved = promote(NAME, store=mlflow_store)
    assert (moved.version, moved.previous) == (2, 1)
    assert rollback(NAME, store=mlflow_store).version == 1


@pytest.mark.slow
def test_a_model_trained_on_the_same_deals_is_refused_without_new_deals(
    mlflow_store: str, quick_learner: dict[str, Any], tmp_path: Any
) -> None:
    simulation = simulate_deals(800, seed=2, n_attributes=4, signal=2.0)
    spec = simulation.spec.replace(tracking={"uri": mlflow_store}, learning=quick_learner)
    train(simulation.deals, spec, models=tmp_path)
    train(simulation.deals, spec, models=tmp_path)

    with pytest.raises(PromotionRefusedError, match="only 0 deals .* signed after the champion's"):
        promote(NAME, store=mlflow_store)
