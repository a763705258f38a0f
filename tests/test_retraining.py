"""A scheduled retraining: no duplicate work, promotion on evidence only, always a champion."""

from __future__ import annotations

from typing import Any

import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.exceptions import TrackingError
from fitmodel.retraining import retrain
from fitmodel.tracking.registry import get_alias

pytestmark = pytest.mark.slow
NAME = "prospect-fit"


def test_the_first_model_is_promoted_and_a_repeat_or_no_gain_keeps_the_champion(
    mlflow_store: str, quick_learner: dict[str, Any], tmp_path: Any
) -> None:
    simulation = simulate_deals(1000, seed=2, n_attributes=6)
    spec = simulation.spec.replace(tracking={"uri": mlflow_store}, learning=quick_learner)

    first = retrain(simulation.deals, spec, models=tmp_path)
    again = retrain(simulation.deals, spec, models=tmp_path)
    fewer = retrain(simulation.deals.iloc[:-5], spec, models=tmp_path)

    assert first.outcome == "promoted"
    assert first.why == f"version 1 of {NAME} (the first)"
    assert (again.outcome, again.run) == ("nothing new", None)
    assert fewer.outcome == "champion stays"
    assert "signed after the champion's last" in fewer.why
    assert get_alias(NAME, "champion", mlflow_store) == 1
    assert get_alias(NAME, "challenger", mlflow_store) == 2


def test_retraining_reports_no_champion_while_no_model_has_skill(
    mlflow_store: str, quick_learner: dict[str, Any], tmp_path: Any
) -> None:
    simulation = simulate_deals(700, seed=6, n_attributes=4, signal=0.2)  # too few deals for skill
    spec = simulation.spec.replace(tracking={"uri": mlflow_store}, learning=quick_learner)

    first = retrain(simulation.deals, spec, models=tmp_path)
    again = retrain(simulation.deals, spec, models=tmp_path)

    assert first.outcome == again.outcome == "no champion"
    assert "not beyond noise" in first.why
    assert "same deals" in again.why
    assert get_alias(NAME, "champion", mlflow_store) is None


def test_without_a_store_no_retraining_is_reported(
    tmp_path: Any, quick_learner: dict[str, Any]
) -> None:
    simulation = simulate_deals(1000, seed=2, n_attributes=6)
    absent = {"uri": f"sqlite:///{tmp_path}/absent/mlflow.db"}
    spec = simulation.spec.replace(tracking=absent, learning=quick_learner)

    with pytest.raises(TrackingError):
        retrain(simulation.deals, spec, models=tmp_path)
