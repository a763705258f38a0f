"""The demonstration has everything that the app shows."""

from __future__ import annotations

import pandas as pd
import pytest
from fastapi.testclient import TestClient

from fitmodel import demonstration
from fitmodel.demonstration import LABELS, PROSPECTS, TRAINED_UNTIL, make_demo
from fitmodel.service.app import create_app
from fitmodel.service.settings import Settings

HAS = {"deals": True, "log": True, "history": True}


@pytest.mark.slow
@pytest.mark.usefixtures("mlflow_store")
def test_the_demonstration_has_prospects_a_log_reps_and_a_drift(
    tmp_path, monkeypatch, simulate_quickly, english_left, holds
) -> None:
    monkeypatch.setattr(demonstration, "simulate_deals", simulate_quickly)
    made = make_demo(tmp_path / "demo", tmp_path / "models", deals=1_000)
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
        answer = ready.get("/v1/desk").json()
        assert (answer["tour"], answer["has"]) == (True, HAS)
        assert answer["model"]["period"][1] <= TRAINED_UNTIL
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
        # one of them is left for the user who follows the guide
        assert any(not ready.get(f"/v1/decisions?id={row['id']}").json()["events"] for row in big)
        first = pd.read_csv(made.pipeline)["deal_id"].iloc[0]
        events = ready.get(f"/v1/decisions?id={first}").json()["events"]
        assert events[-1]["kind"] == "assessed"
        versions = ready.get("/v1/model/versions").json()
        assert (versions["champion"], versions["challenger"]) == (1, 2)
        assert versions["comparison"] is not None
        own = (pd.read_csv(path, dtype=str) for path in (made.deals, made.pipeline))
        names = [name for table in own for column in table for name in [column, *table[column]]]
        labels = [*LABELS.values(), *EVENT_WORDS, "prospect-fit"]
        for path, answer in chinese_pages(ready, big[0]["key"], holds):
            assert english_left(texts_of(answer), names, labels) == [], path


EVENT_WORDS = [
    "activities",
    "fields",
    "call",
    "email",
    "meeting",
    "stage",
    "demo",
    "offer",
    "qualified",
    "first",
    "contact",
]
NOT_READ = frozenset(
    [
        "tag",
        "attributes",
        "attribute",
        "key",
        "id",
        "kind",
        "regime",
        "fit",
        "worth",
        "policy",
        "name",
        "roles",
        "words",
        "recorded",
        "example",
        "cells",
        "prospect",
        "value",
        "state",
        "pipeline",
        "quiz",
        "drifted",
        "markdown",
        "actionable",
        "unfamiliar_because",
        "rep",
        "by",
        "levels",
    ]
)
"""Keys of names, codes and values that programs read; a page says each in its own words."""


def chinese_pages(ready, key, holds):
    """Path and response of every request of the pages in Chinese, checked against OpenAPI."""
    asked = {"language": "zh"}

    def answer_of(path, **params):
        return path, holds(ready, ready.get(path, params=asked | params), path)

    row = "/v1/pipeline/row"
    yield answer_of("/v1/pipeline/rows")
    yield answer_of(row, key=key)
    yield answer_of("/v1/pipeline/timeline", key=key)
    for path in ("/v1/model/card", "/v1/model/plots", "/v1/model/versions", "/v1/watch"):
        yield answer_of(path)
    yield "rule", ready.get("/v1/desk").json()["rule"]["zh"]
    prospect = ready.get(row, params={"key": key}).json()["prospect"]
    for path in ("/v1/brief", "/v1/assessments"):
        yield path, holds(ready, ready.post(path, params=asked, json=prospect), path)
    table = "/v1/model/tables/{attribute}"
    for attribute in list(prospect)[:4]:
        answer = ready.get(table.format(attribute=attribute), params=asked)
        yield table, holds(ready, answer, table)["plot"]
    for path in (table.format(attribute="no_such"), f"{row}?key=nobody", "/v1/nowhere"):
        yield path, ready.get(path, headers={"accept-language": "zh-CN,zh;q=0.9"}).json()["detail"]
    wanted = {"version": 2, "reason": "newer", "by": "Kim"}
    for changes, status in (({}, 409), ({"force": True}, 200)):
        answer = ready.post("/v1/model/promotion", params=asked, json=wanted | changes)
        assert answer.status_code == status, answer.text
        yield "promotion", holds(ready, answer, "/v1/model/promotion")


def texts_of(page):
    """Texts that a person reads."""
    if isinstance(page, str):
        yield page
    elif isinstance(page, list):
        for item in page:
            yield from texts_of(item)
    elif isinstance(page, dict) and page.get("tag") not in {"code", "pre"}:
        for name, item in page.items():
            if name not in NOT_READ | {"type", "title", "model_version", "refusal"}:
                yield from texts_of(item)
