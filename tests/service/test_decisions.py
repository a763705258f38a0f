"""Decisions over HTTP, stored only for assessed prospects."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from fitmodel.bundle.store import write_bundle
from fitmodel.exceptions import TrackingError
from fitmodel.model.opening import SCORER_FILE
from fitmodel.monitoring.log import DecisionLog
from fitmodel.service.app import create_app
from fitmodel.service.settings import Settings

WHOLE = {"id": "D-1", "action": "signed", "by": "Kim", "reason": "knows them"}


@pytest.fixture
def log(tmp_path) -> DecisionLog:
    return DecisionLog(tmp_path / "decisions.db", salt="pepper")


@pytest.fixture
def bundle(model, tmp_path):
    files = {SCORER_FILE: model.scorer.to_json()}
    return write_bundle(tmp_path, "fit", files=files, manifest={"spec": {"deals": {"id": "deal"}}})


@pytest.fixture
def asked(bundle, log):
    with TestClient(create_app(bundle, Settings(reload_seconds=0), log=log)) as ready:
        yield ready


def test_a_decision_on_an_assessed_prospect_is_stored(asked, log, prospect) -> None:
    assert asked.post("/v1/assessments", json=prospect | {"deal": "D-1"}).status_code == 200
    answer = asked.post("/v1/decisions", json=WHOLE)
    assert (answer.status_code, answer.json()) == (201, {"id": "D-1", "action": "signed"})
    kept = log.decisions().iloc[0]
    assert (kept["prospect"], kept["action"]) == (log.stored_id("D-1"), "signed")
    assert (kept["by"], kept["reason"]) == ("Kim", "knows them")


def test_a_numeric_id_is_the_same_prospect(asked, log, prospect) -> None:
    asked.post("/v1/assessments", json=prospect | {"deal": 7})
    assert asked.post("/v1/decisions", json=WHOLE | {"id": 7}).status_code == 201
    assert log.latest().loc[log.stored_id("7"), "action"] == "signed"


def test_a_contradicting_decision_is_refused_unless_it_is_a_correction(
    asked, log, prospect
) -> None:
    asked.post("/v1/assessments", json=prospect | {"deal": "D-1"})  # is not flagged
    override = WHOLE | {"action": "overridden"}
    answer = asked.post("/v1/decisions", json=override)
    assert answer.status_code == 409
    assert "was not flagged" in answer.json()["detail"]
    assert log.decisions().empty
    assert asked.post("/v1/decisions", json=override | {"correct": True}).status_code == 201
    assert log.decisions()["action"].tolist() == ["overridden"]


def test_an_invalid_id_gives_an_error_for_this_prospect_only(asked, log, prospect) -> None:
    given = [prospect | {"deal": name} for name in ("", True, ["D-1"], {"a": 1}, "D-1", None)]
    answers = asked.post("/v1/assessments", json=given).json()["assessments"]
    assert ["error" in answer for answer in answers] == [True] * 4 + [False] * 2
    assert answers[0]["error"] == "a prospect has an empty 'deal'"
    assert answers[2]["error"] == "a prospect has a 'deal' that is neither text nor number"
    assert log.assessments()["prospect"].tolist() == [log.stored_id("D-1")]


def test_a_decision_on_an_unknown_id_is_not_stored(asked, log) -> None:
    answer = asked.post("/v1/decisions", json=WHOLE)
    assert answer.status_code == 404
    assert "no assessment of this id" in answer.json()["detail"]
    assert log.decisions().empty


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"action": "lost"},
            "action: must be one of 'signed', 'declined' or 'overridden', not 'lost'",
        ),
        ({"by": ""}, "by: must be a text that is not empty, not ''"),
        ({"by": None}, "by: must be a text, not None"),
        ({"id": True}, "id: must be a text, not True; id: must be a whole number, not True"),
        ({"reason": "x" * 2_001}, "reason: String should have at most 2000 characters"),
        (
            {"note": "?"},
            "note: there is no such field; known are id, action, by, reason, seen, correct",
        ),
    ],
)
def test_an_incomplete_decision_is_refused_with_a_message(asked, change, message) -> None:
    answer = asked.post("/v1/decisions", json=WHOLE | change)
    assert answer.status_code == 422
    assert message in answer.json()["detail"]


def test_without_a_log_a_decision_is_refused(client) -> None:
    answer = client.post("/v1/decisions", json=WHOLE)
    assert answer.status_code == 404
    assert "--log" in answer.json()["detail"]


def test_without_the_token_a_decision_is_refused(bundle, log) -> None:
    limits = Settings(reload_seconds=0, token="open")  # noqa: S106 - of this test
    with TestClient(create_app(bundle, limits, log=log)) as asked:
        assert asked.post("/v1/decisions", json=WHOLE).status_code == 401
        bearer = {"authorization": "Bearer open"}
        assert asked.post("/v1/decisions", json=WHOLE, headers=bearer).status_code == 404


class Away:
    """A log whose database is not available."""

    def decide(self, *_what, **_more) -> None:
        raise TrackingError("no route to the host of postgresql://db")


def test_the_error_for_an_unavailable_log_does_not_show_its_location(bundle) -> None:
    with TestClient(create_app(bundle, Settings(reload_seconds=0), log=Away())) as asked:
        answer = asked.post("/v1/decisions", json=WHOLE)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "the decision log does not answer. Remedy: try again in a moment; the same "
        "decision sent twice is kept once",
    }


def test_openapi_describes_a_decision(asked) -> None:
    described = asked.get("/openapi.json").json()
    route = described["paths"]["/v1/decisions"]["post"]
    assert {"201", "401", "404", "422"} <= set(route["responses"])
    fields = described["components"]["schemas"]["Decision"]
    assert fields["required"] == ["id", "action", "by"]
    assert fields["example"]["action"] == "overridden"


def test_a_repeated_decision_is_stored_once(asked, log, prospect) -> None:
    asked.post("/v1/assessments", json=prospect | {"deal": "D-1"})
    for _ in range(2):
        assert asked.post("/v1/decisions", json=WHOLE).status_code == 201
    assert len(log.decisions()) == 1


def test_a_decision_made_in_the_meantime_is_a_conflict_that_names_it(asked, prospect) -> None:
    asked.post("/v1/assessments", json=prospect | {"deal": "D-1"})
    body = asked.get("/v1/decisions?id=D-1").json()
    assert (body["standing"], [event["kind"] for event in body["events"]]) == (0, ["assessed"])
    assert asked.post("/v1/decisions", json=WHOLE | {"seen": 0}).status_code == 201
    other = {"id": "D-1", "action": "declined", "by": "Ann", "seen": 0}
    answer = asked.post("/v1/decisions", json=other)
    assert answer.status_code == 409
    assert "Kim has decided meanwhile: signed (knows them)" in answer.json()["detail"]


def test_a_decision_can_be_undone_by_its_author(asked, log, prospect) -> None:
    asked.post("/v1/assessments", json=prospect | {"deal": "D-1"})
    asked.post("/v1/decisions", json=WHOLE)
    number = asked.get("/v1/decisions?id=D-1").json()["standing"]
    given = {"id": "D-1", "number": number, "by": "Ann"}
    assert asked.post("/v1/decisions/undo", json=given).status_code == 409
    assert asked.post("/v1/decisions/undo", json=given | {"by": "Kim"}).status_code == 200
    assert asked.get("/v1/decisions?id=D-1").json()["standing"] == 0
    assert log.decisions().empty


def test_a_question_to_a_manager_is_stored_and_needs_an_author(asked, prospect) -> None:
    asked.post("/v1/assessments", json=prospect | {"deal": "D-1"})
    assert asked.post("/v1/questions", json={"id": "D-1", "by": "Kim"}).status_code == 201
    assert asked.get("/v1/decisions?id=D-1").json()["events"][0]["kind"] == "asked"
    answer = asked.post("/v1/questions", json={"id": "D-1"})
    assert answer.status_code == answer.json()["status"] == 422
    assert answer.json()["detail"] == "by: say who decides"
    assert asked.post("/v1/questions", json={"id": "D-2", "by": "Kim"}).status_code == 404
