"""A new champion is used without a restart; a broken one is not."""

from __future__ import annotations

import logging
import threading

import pytest
from fastapi.testclient import TestClient

from fitmodel.bundle.store import write_bundle
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.exceptions import BundleError
from fitmodel.learning.learner import learn
from fitmodel.loading import ModelHolder
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.opening import SCORER_FILE
from fitmodel.model.scorer import Scorer
from fitmodel.service.app import create_app
from fitmodel.service.settings import Settings


def ship(model, root, note: str):
    files = {SCORER_FILE: model.scorer.to_json()}
    return write_bundle(root, "fit", files=files, manifest={"note": note})


def test_a_new_champion_is_loaded_and_an_unchanged_one_is_not(model, tmp_path) -> None:
    ship(model, tmp_path, "one")
    holder = ModelHolder(tmp_path / "fit")
    first = holder.model.version
    assert not holder.refresh()
    second = ship(model, tmp_path, "two")
    assert holder.refresh()
    assert holder.model.version == second.name != first


def test_a_broken_champion_keeps_the_old_one_and_is_reported_once(model, tmp_path, caplog) -> None:
    ship(model, tmp_path, "one")
    holder = ModelHolder(tmp_path / "fit")
    first = holder.model.version
    (ship(model, tmp_path, "two") / SCORER_FILE).write_text("{}")
    with caplog.at_level(logging.ERROR, logger="fitmodel.service"):
        assert not holder.refresh()
        assert not holder.refresh()
    assert holder.model.version == first
    assert len(caplog.records) == 1
    assert "BundleError" in caplog.records[0].fields["error"]


def test_without_a_model_the_service_does_not_start(tmp_path) -> None:
    with pytest.raises(BundleError):
        create_app(tmp_path / "nothing")


def test_the_follower_loads_a_new_champion_and_can_be_stopped(model, tmp_path) -> None:
    ship(model, tmp_path, "one")
    holder = ModelHolder(tmp_path / "fit")
    changed = threading.Event()
    refresh = holder.refresh
    holder.refresh = lambda: refresh() and changed.set()
    holder.follow(0.01)
    second = ship(model, tmp_path, "two")
    assert changed.wait(20)
    assert holder.model.version == second.name
    holder.close()
    assert not any(thread.name == "fitmodel-reload" for thread in threading.enumerate())


def test_no_request_fails_while_the_champion_changes(model, tmp_path, prospect) -> None:
    ship(model, tmp_path, "one")
    app = create_app(tmp_path / "fit", Settings(reload_seconds=0))
    versions = set()
    with TestClient(app) as client:
        for turn in range(30):
            if turn % 10 == 9:
                ship(model, tmp_path, f"turn {turn}")
                app.state.holder.refresh()
            answer = client.post("/v1/assessments", json=prospect)
            assert answer.status_code == 200
            versions.add(answer.json()["model_version"])
    assert len(versions) == 4


def test_an_unchanged_champion_is_not_read_again(model, tmp_path, monkeypatch) -> None:
    ship(model, tmp_path, "one")
    holder = ModelHolder(tmp_path / "fit")
    before = holder.model
    monkeypatch.setattr("fitmodel.loading.open_model", None)  # a call would fail
    assert not holder.refresh()
    assert holder.model is before


def test_openapi_names_the_attributes_of_the_model_in_use(model, tmp_path) -> None:
    ship(model, tmp_path, "one")
    app = create_app(tmp_path / "fit", Settings(reload_seconds=0))
    fewer = simulate_deals(700, seed=6)
    spec = fewer.spec.replace(attributes={"include": ["seats", "segment"], "actionable": []})
    scorecard = learn(fewer.deals, spec).scorecard
    other = FitModel(Scorer(scorecard, model.scorer.policy, None, None, "other"), {})
    with TestClient(app) as client:
        for shipped in (model, other):
            ship(shipped, tmp_path, shipped.version)
            app.state.holder.refresh()
            described = client.get("/openapi.json").json()
            post = described["paths"]["/v1/assessments"]["post"]
            schema = post["requestBody"]["content"]["application/json"]["schema"]["oneOf"][0]
            assert schema == {"$ref": "#/components/schemas/Prospect"}
            prospect = described["components"]["schemas"]["Prospect"]
            assert prospect["required"] == list(shipped.attributes)
