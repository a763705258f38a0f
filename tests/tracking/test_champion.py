"""The comparison of a challenger with the champion on new deals decides the promotion."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.history import extract_as_of
from fitmodel.evaluation.comparison import Comparison
from fitmodel.language.catalogue import message_in
from fitmodel.tracking._evidence import check_evidence
from fitmodel.tracking.champion import _caveat, _incomparable, _last_day
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


@pytest.mark.parametrize(
    ("split", "is_older"), [("2025-07-17", True), ("2025-11-30", True), ("2025-12-01", False)]
)
def test_a_comparison_says_if_the_champion_learned_from_later_deals(split, is_older) -> None:
    caveat = _caveat(pd.Timestamp(split), "2025-11-30")

    assert bool(caveat) is is_older
    if is_older:
        assert f"a model of the deals signed before {split}" in caveat
        assert "the champion learned from deals until 2025-11-30" in caveat
    assert not _caveat(None, "2025-11-30")  # of the deals in blocks: each is predicted by the rest


def test_a_refusal_repeats_what_the_comparison_does_not_measure() -> None:
    caveat = _caveat(pd.Timestamp("2025-07-17"), "2025-11-30")
    run = SimpleNamespace(data=SimpleNamespace(metrics={"log_loss_skill.low": 0.01}))
    client: Any = SimpleNamespace(get_run=lambda _: run)
    version = SimpleNamespace(version=2, name=NAME, run_id="r")
    for objections in [(), ("it is worse for channel = inbound: +0.0115 log loss on 102 deals",)]:
        result = Comparison(403, -0.005, -0.012, 0.001, 1, objections, caveat)
        assert Comparison.from_dict(result.to_dict()) == result
        with pytest.raises(PromotionRefusedError) as refused:
            check_evidence(client, version, 1, result)
        assert str(refused.value).endswith(caveat)
        assert "2025-07-17" in (translated := message_in(str(refused.value), "zh"))
        assert "The comparison" not in translated
    assert "caveat" not in Comparison(403, 0.1, 0.0, 0.2, 1).to_dict()


@pytest.mark.parametrize(("skill_low", "refused"), [(None, True), (-0.001, True), (0.001, False)])
def test_skill_may_be_shown_on_the_outcomes_since_the_champions_extract(
    skill_low: float | None, refused: bool
) -> None:
    run = SimpleNamespace(data=SimpleNamespace(metrics={"log_loss_skill.low": -0.002}))
    client: Any = SimpleNamespace(get_run=lambda _: run)
    version = SimpleNamespace(version=2, name=NAME, run_id="r")
    better = Comparison(403, 0.02, 0.01, 0.03, 1, skill_low=skill_low)
    with pytest.raises(PromotionRefusedError, match="skill") if refused else nullcontext():
        check_evidence(client, version, 1, better)


@pytest.mark.parametrize(
    ("comparison", "refused"),
    [
        (Comparison(403, 0.002, -0.001, 0.005, 1), None),
        (Comparison(403, -0.002, -0.005, 0.001, 1, ("it is worse for plan = a",)), None),
        (Comparison(403, -0.004, -0.007, -0.001, 1), "is worse than the champion"),
        (Comparison(0, 0.0, 0.0, 0.0, 1, ("only 3 deals can be compared",)), "skill"),
    ],
)
def test_unless_worse_only_a_loss_beyond_chance_keeps_the_champion(
    comparison: Comparison, refused: str | None
) -> None:
    run = SimpleNamespace(data=SimpleNamespace(metrics={"log_loss_skill.low": -0.01}))
    client: Any = SimpleNamespace(get_run=lambda _: run)
    version = SimpleNamespace(version=2, name=NAME, run_id="r")
    with pytest.raises(PromotionRefusedError, match=refused) if refused else nullcontext():
        check_evidence(client, version, 1, comparison, unless_worse=True)


@pytest.mark.parametrize(
    ("manifest", "day"),
    [
        ({"observed_until": "2025-12-24", "period": ["2023-01-02", "2025-11-30"]}, "2025-12-24"),
        (
            {
                "spec": {"deals": {"observed_until": "2025-12-20"}},
                "period": ["2023-01-02", "2025-11-30"],
            },
            "2025-12-20",
        ),
        (
            {
                "spec": {"deals": {"observed_until": "seen_until"}},
                "period": ["2023-01-02", "2025-11-30"],
            },
            "2025-11-30",
        ),
        ({"period": ["2023-01-02", "2025-11-30"]}, "2025-11-30"),
    ],
)
def test_the_last_day_of_the_champion_is_the_end_of_its_extract(manifest: Any, day: str) -> None:
    champion: Any = SimpleNamespace(manifest=manifest)

    assert _last_day(champion) == np.datetime64(day)


@pytest.fixture
def simulation() -> Any:
    return simulate_deals(3000, seed=2, drift=3.0, signal=2.0, n_attributes=6)


@pytest.mark.slow
def test_a_retrained_model_is_promoted_on_evidence_and_rolled_back(
    simulation: Any, mlflow_store: str, quick_learner: dict[str, Any], tmp_path: Any
) -> None:
    spec = simulation.spec.replace(tracking={"uri": mlflow_store}, learning=quick_learner)
    then = simulation.deals["closed_on"].quantile(0.5).normalize()
    first: list[str] = []
    second: list[str] = []
    train(*extract_as_of(simulation.deals, spec, then), models=tmp_path, progress=first.append)
    retrained = train(simulation.deals, spec, models=tmp_path, progress=second.append)
    comparison = retrained.model.manifest["comparison"]

    assert first == ["reading", "evaluating on held-out deals", "learning", "deciding",
                     "writing", "tracking"]  # fmt: skip
    assert second == [*first[:4], "comparing with the model in use", *first[4:]]
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

    with pytest.raises(PromotionRefusedError, match="only 0 deals .* since the champion's extract"):
        promote(NAME, store=mlflow_store)
