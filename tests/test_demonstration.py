"""The demonstration has everything that the app shows."""

from __future__ import annotations

import pandas as pd
import pytest
from fastapi.testclient import TestClient

from fitmodel import demonstration
from fitmodel.demonstration import PROSPECTS, TRAINED_UNTIL, make_demo
from fitmodel.service.app import create_app
from fitmodel.service.settings import Settings

HAS = {"deals": True, "log": True, "history": True}


@pytest.mark.slow
@pytest.mark.usefixtures("mlflow_store")
def test_the_demonstration_has_prospects_a_log_reps_and_a_drift(
    tmp_path, monkeypatch, simulate_quickly
) -> None:
    monkeypatch.setattr(demonstration, "simulate_deals", simulate_quickly)
    made = make_demo(tmp_path / "demo", tmp_path / "models", deals=1_500)
    decided = made.log.decisions()
    assert set(decided["action"]) == {"signed", "declined", "overridden"}
    app = create_app(
        made.model,
        Settings(reload_seconds=0),
        log=made.log,
        pipeline=made.pipeline,
        deals=made.deals,
        spec=made.spec,
        tour=True,
    )
    with TestClient(app) as ready:
        told = ready.get("/v1/desk").json()
        assert (told["tour"], told["has"]) == (True, HAS)
        assert told["model"]["period"][1] <= TRAINED_UNTIL
        assert len(ready.get("/v1/pipeline").text.splitlines()) == PROSPECTS + 1
        app.state.pages.watch.wait("")
        watch = ready.get("/v1/watch").json()
        assert "lead_source" in watch["drifted"]
        assert ready.get("/v1/model/card").json()["nodes"]
        rows = ready.get("/v1/pipeline/rows").json()["rows"]
        assert not [row["error"] for row in rows if "error" in row]
        key = {"key": rows[0]["key"]}
        recorded = ready.get("/v1/pipeline/timeline", params=key).json()["records"]
        assert recorded
        assert all(record["known"] for record in recorded)
        assert not [record for record in recorded if "[" in record["table"]]
        big = [row for row in rows if row["escalate"]]
        assert {(row["fit"], row["amount"] > 0) for row in big} == {("poor", True)}
        # one of them is for whoever follows the guide to decide
        assert any(not ready.get(f"/v1/decisions?id={row['id']}").json()["events"] for row in big)
        first = pd.read_csv(made.pipeline)["deal_id"].iloc[0]
        events = ready.get(f"/v1/decisions?id={first}").json()["events"]
        assert events[-1]["kind"] == "assessed"
