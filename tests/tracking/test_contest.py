"""A challenger meets the champion on deals neither learned from; the promotion goes by that."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.history import extract_as_of
from fitmodel.tracking.contest import (
    Comparison,
    _calibration_lost,
    _incomparable,
    _worse_groups,
)
from fitmodel.tracking.promotion import PromotionRefusedError, promote, rollback
from fitmodel.training import train

NAME = "prospect-fit"


def judged(shift: float = 0.0, group_shift: float = 0.0, n: int = 4000) -> tuple[Any, Any]:
    """Deals of two segments, a perfect champion, and a challenger that is off by so much."""
    generator = np.random.default_rng(1)
    log_odds = generator.normal(-1, 1, n)
    group = generator.integers(2, size=n)
    truth = 1 / (1 + np.exp(-log_odds))
    off = 1 / (1 + np.exp(-(log_odds + shift + group_shift * np.where(group == 1, 1, -1))))
    table = pd.DataFrame(
        {
            "early_churn": (generator.uniform(size=n) < truth).astype(float),
            "probability": off,
            "champion": truth,
            "weight": 1.0,
            "base_rate": 0.3,
        }
    )
    return table, pd.DataFrame({"segment": np.where(group == 1, "smb", "enterprise")})


def test_probabilities_off_in_the_large_are_an_objection() -> None:
    table, _ = judged(shift=0.6)

    (objection,) = _calibration_lost(table)

    assert "off in the large by -0." in objection
    assert _calibration_lost(judged()[0]) == ()


def test_a_group_that_falls_badly_is_named_with_its_loss_and_count() -> None:
    table, attributes = judged(group_shift=0.8)

    objections = _worse_groups(table, attributes)

    assert sorted(text.split(":")[0] for text in objections) == [
        "it is worse for segment = enterprise",
        "it is worse for segment = smb",
    ]
    assert "log loss on" in objections[0]
    assert _worse_groups(*judged()) == ()


def test_a_comparison_is_read_back_as_it_was_written() -> None:
    comparison = Comparison(80, 0.1, 0.05, 0.2, 3, ("it is worse for a: +0.1",))

    assert Comparison.from_dict(comparison.to_dict()) == comparison


def test_a_champion_of_tenures_is_not_compared_with_a_model_of_dates() -> None:
    spec = simulate_deals(50, seed=1).spec
    roles = {"closed_on": None, "tenure_months": "tenure", "churned": "churn"}
    theirs = {"deals": roles, "label": {"horizon_months": spec.label.horizon_months}}
    champion_of_tenures: Any = SimpleNamespace(
        manifest={"spec": theirs, "period": ["None", "None"]}
    )

    assert "without closing dates" in str(_incomparable(champion_of_tenures, spec))


@pytest.fixture
def simulation() -> Any:
    return simulate_deals(5000, seed=2, drift=3.0, signal=2.0)


@pytest.mark.slow
def test_a_retrained_model_is_promoted_on_its_evidence_and_rolled_back(
    simulation: Any, mlflow_store: str, tmp_path: Any
) -> None:
    spec = simulation.spec.replace(tracking={"uri": mlflow_store})
    then = simulation.deals["closed_on"].quantile(0.5).normalize()
    train(*extract_as_of(simulation.deals, spec, then), models=tmp_path)
    retrained = train(simulation.deals, spec, models=tmp_path)
    contest = retrained.model.manifest["contest"]

    assert contest["champion"] == 1
    assert contest["deals"] > 500
    assert contest["low"] > 0
    moved = promote(NAME, store=mlflow_store)
    assert (moved.version, moved.previous) == (2, 1)
    assert rollback(NAME, store=mlflow_store).version == 1


@pytest.mark.slow
def test_a_model_trained_on_the_same_deals_is_refused_for_want_of_new_ones(
    mlflow_store: str, tmp_path: Any
) -> None:
    simulation = simulate_deals(800, seed=2, n_attributes=4, signal=2.0)
    spec = simulation.spec.replace(tracking={"uri": mlflow_store})
    train(simulation.deals, spec, models=tmp_path)
    train(simulation.deals, spec, models=tmp_path)

    with pytest.raises(PromotionRefusedError, match="only 0 deals .* signed after the champion's"):
        promote(NAME, store=mlflow_store)
