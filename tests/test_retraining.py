"""A scheduled retraining: no duplicate work, promotion on evidence only, always a champion."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.contract import DealSpec
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
    assert "can be compared since the champion's extract ended" in fewer.why
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


def company(months: int, *, change: int, seed: int = 3) -> pd.DataFrame:
    """Return deals of 40 a month, of whom twice as many leave early from the month of `change`."""
    random = np.random.default_rng(seed)
    month = np.repeat(np.arange(months), 40)
    signed = pd.Timestamp("2023-01-01") + pd.to_timedelta(
        month * 30 + random.integers(30, size=len(month)), unit="D"
    )
    size = random.choice(["small", "large"], len(month))
    rate = np.where(size == "small", 0.28, 0.12) * np.where(month >= change, 2.0, 1.0)
    days = np.where(
        random.uniform(size=len(month)) < rate,
        random.uniform(0, 150, len(month)),
        random.uniform(155, 900, len(month)),
    )
    left = signed + pd.to_timedelta(days.astype(int), unit="D")
    return pd.DataFrame({"signed": signed, "left": left, "size": size})


def extract(deals: pd.DataFrame, months: int) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the table as extracted after some months, and the roles of its columns."""
    end = pd.Timestamp("2023-01-01") + pd.Timedelta(days=30 * months)
    table = deals[deals["signed"] <= end]
    table = table.assign(left=table["left"].where(table["left"] <= end))
    roles = {"closed_on": "signed", "churned_on": "left", "observed_until": end.date()}
    return table, {"deals": roles, "label": {"horizon_months": 5}}


@pytest.mark.parametrize(
    ("change", "promote", "outcome"),
    [
        (30, "if better", "promoted"),
        (99, "if better", "champion stays"),
        (99, "unless worse", "promoted"),
    ],
)
def test_the_model_is_replaced_on_the_evidence_that_the_contract_asks_for(
    change: int,
    promote: str,
    outcome: str,
    mlflow_store: str,
    quick_learner: dict[str, Any],
    tmp_path: Any,
) -> None:
    deals, tracking = company(40, change=change), {"uri": mlflow_store, "promote": promote}
    for months in (26, 38):
        table, sections = extract(deals, months)
        spec = DealSpec(**sections, tracking=tracking, learning=quick_learner)
        result = retrain(table, spec, models=tmp_path)

    assert result.outcome == outcome
    assert result.run is not None
    comparison = result.run.model.manifest["comparison"]
    assert comparison["champion"] == 1
    assert (comparison["low"] > 0) is (change == 30)
    # customers of the horizon before the first retraining day, and all that signed since
    assert 400 < comparison["deals"] < 800
