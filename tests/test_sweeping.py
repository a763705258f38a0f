"""Sweep: variants are trained and compared, and none is put in use."""

from __future__ import annotations

from typing import Any

import pytest

import fitmodel
from fitmodel.bundle.reading import current_version
from fitmodel.exceptions import DealsError, SpecError
from fitmodel.sweeping import sweep
from fitmodel.tracking.connection import connected
from fitmodel.tracking.registry import list_versions


@pytest.fixture(scope="module")
def simulation() -> Any:
    return fitmodel.simulate_deals(700, seed=5)


@pytest.mark.slow
def test_horizons_and_variants_are_trained_as_nested_runs(
    simulation, mlflow_store, quick_learner, tmp_path
) -> None:
    spec = simulation.spec.replace(tracking={"uri": mlflow_store}, learning=quick_learner)
    reported: list[str] = []
    result = sweep(
        simulation.deals,
        spec,
        horizons=[5],
        variants={
            "two attributes": {"attributes": {"include": ["seats", "segment"], "actionable": []}},
            "ten years": {"label": {"horizon_months": 120}},
        },
        models=tmp_path / "sweep",
        tags={"team": "data"},
        progress=reported.append,
    )

    assert reported == ["5 months", "two attributes", "ten years"]
    table = result.table.set_index("variant")
    assert list(result.runs) == ["5 months", "two attributes"]
    assert (
        table.loc["5 months", "roc_auc"] == result.runs["5 months"].report.metrics["roc_auc"].value
    )
    assert table.loc["5 months", "precision"] == result.runs["5 months"].report.flagged["precision"]
    assert set(result.runs["two attributes"].model.attributes) == {"seats", "segment"}
    assert table["error"].isna().tolist() == [True, True, False]
    for run in result.runs.values():
        assert current_version(run.bundle_path.parent) in {None, run.bundle_path.name}
    assert not (tmp_path / "models").exists()
    assert list_versions("prospect-fit", mlflow_store) == ()
    with connected(mlflow_store) as client:
        parent = client.get_run(result.run_id)
        children = [client.get_run(run.run_id) for run in result.runs.values()]
        names = {item.path for item in client.list_artifacts(result.run_id)}
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["team"] == "data"
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {result.run_id}
    assert [run.info.run_name for run in children] == ["5 months", "two attributes"]
    assert "comparison.json" in names


def test_a_sweep_without_variants_or_without_trainable_variants_is_an_error(
    simulation, mlflow_store, tmp_path
) -> None:
    spec = simulation.spec.replace(tracking={"uri": mlflow_store})
    with pytest.raises(SpecError, match="nothing to compare"):
        sweep(simulation.deals, spec, models=tmp_path)
    with pytest.raises(DealsError, match=r"not one of 1 variant\(s\) can be trained:\n120 months"):
        sweep(simulation.deals, spec, horizons=[120], models=tmp_path)
