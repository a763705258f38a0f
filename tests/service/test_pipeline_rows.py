"""The open pipeline is scored once, like a batch; each person gets the permitted rows."""

from __future__ import annotations

import json

import jsonschema
import pandas as pd
import pytest
from fastapi.testclient import TestClient

from fitmodel.exceptions import TrackingError
from fitmodel.language.catalogue import LANGUAGES, read_texts
from fitmodel.monitoring.log import DecisionLog
from fitmodel.scoring.batch import score_file
from fitmodel.service import _decision_routes
from fitmodel.service._decision_routes import LatestDecisions
from fitmodel.service.app import create_app
from fitmodel.service.settings import Settings

STILL = Settings(reload_seconds=0)
ROWS, ROW = "/v1/pipeline/rows", "/v1/pipeline/row"
NUMBERS = ("early_churn_probability", "probability_low", "probability_high", "expected_value")


@pytest.fixture(scope="module")
def file(table, tmp_path_factory):
    """Prospects, one without a number of seats and two with the same id."""
    rows = table.astype(object)
    rows.iloc[1, rows.columns.get_loc("seats")] = "many"
    rows.iloc[5, rows.columns.get_loc("deal_id")] = rows.iloc[6]["deal_id"]
    path = tmp_path_factory.mktemp("rows") / "prospects.csv"
    rows.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def served(shop, file):
    with TestClient(create_app(shop.path, STILL, pipeline=file)) as ready:
        yield ready


def test_the_rows_are_identical_to_those_of_a_batch(served, shop, file, tmp_path) -> None:
    score_file(file, shop, tmp_path / "scored.parquet", reasons=0)
    batch = pd.read_parquet(tmp_path / "scored.parquet")
    rows = served.get(ROWS).json()["rows"]
    assert [row["id"] for row in rows] == list(batch["deal_id"])
    for row, (_, scored) in zip(rows, batch.iterrows(), strict=True):
        if pd.notna(scored["error"]):
            assert "seats" in row["error"]
            continue
        assert [row[name] for name in NUMBERS] == [scored[name] for name in NUMBERS]
        assert (row["fit"], row["poor_fit"]) == (scored["fit"], scored["poor_fit"])
    assert [row["key"] for row in rows if "error" in row] == [batch["deal_id"][1]]


@pytest.mark.slow
def test_the_rows_conform_to_openapi(served) -> None:
    described = served.get("/openapi.json").json()
    schemas = described["components"]["schemas"]
    row = schemas["PipelineRow"]
    for shown in (
        *served.get(ROWS).json()["rows"],
        *served.get(ROWS, params={"full": True}).json()["rows"],
    ):
        jsonschema.validate(shown, row)
    answer = described["paths"][ROWS]["get"]["responses"]["200"]["content"]["application/json"]
    assert answer["schema"] == {"$ref": "#/components/schemas/PipelineRows"}


def test_a_row_unlike_past_deals_says_in_which_attributes(shop, table, tmp_path) -> None:
    rows = table.astype(object)
    rows.iloc[2, rows.columns.get_loc("seats")] = 5_000_000
    rows.to_csv(tmp_path / "rows.csv", index=False)
    with TestClient(create_app(shop.path, STILL, pipeline=tmp_path / "rows.csv")) as client:
        listed = client.get(ROWS).json()["rows"]

    assert listed[2]["unfamiliar_because"] == ["seats"]
    for row in listed:
        assert ("unfamiliar_because" in row) == row["unfamiliar"]


def test_two_rows_with_the_same_id_have_different_keys(served) -> None:
    rows = served.get(ROWS).json()["rows"]
    assert len({row["key"] for row in rows}) == len(rows)
    assert rows[6]["id"] == rows[5]["id"] == rows[5]["key"]
    assert rows[6]["key"] == f"{rows[5]['key']} (2)"


def test_assessing_a_row_again_gives_the_same_result(served) -> None:
    rows = [row for row in served.get(ROWS).json()["rows"] if "error" not in row]
    for row in rows[::12]:
        whole = served.get(ROW, params={"key": row["key"]}).json()
        answer = served.post("/v1/assessments?reasons=3", json=whole["prospect"]).json()
        assert answer["early_churn_probability"] == row["early_churn_probability"]
        assert answer["expected_value"] == row["expected_value"]
        assert [reason["sentence"] for reason in answer["reasons"]] == whole["sentences"]
        against = [reason for reason in answer["reasons"] if reason["contribution"] > 0]
        concern = None if not against else [against[0]["label"], against[0]["value_text"]]
        assert (row["concern"] and list(row["concern"].values())) == concern


def test_a_full_row_has_every_cell_of_the_file_unchanged(served, file) -> None:
    given = pd.read_csv(file, dtype=str, keep_default_na=False)
    rows = served.get(ROWS, params={"full": True}).json()["rows"]
    assert [row["cells"] for row in rows] == given.to_dict("records")


def test_a_changed_pipeline_is_scored_again(shop, table, tmp_path) -> None:
    path = tmp_path / "prospects.csv"
    table.head(5).to_csv(path, index=False)
    with TestClient(create_app(shop.path, STILL, pipeline=path)) as asked:
        assert len(asked.get(ROWS).json()["rows"]) == 5
        table.head(9).to_csv(path, index=False)
        assert len(asked.get(ROWS).json()["rows"]) == 9
        path.unlink()
        assert asked.get(ROWS).status_code == 503


@pytest.fixture
def decided(shop, file, tmp_path, prospects):
    """A service whose log has a decision on the first prospect, and the log."""
    log = DecisionLog(tmp_path / "log.db")
    shop.predict(prospects.head(1), log=log)
    log.decide(str(prospects["deal_id"].iloc[0]), "declined", by="Kim", correct=True)
    with TestClient(create_app(shop.path, STILL, pipeline=file, log=log)) as asked:
        yield asked, log
    log.close()


def away(*_):
    raise TrackingError("the decision log /srv/decisions.db: disk I/O error")


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_the_log_rows_are_listed_with_a_note_that_hides_its_location(
    decided, monkeypatch, language
) -> None:
    asked, _ = decided
    before = asked.get(ROWS, params={"language": language}).json()
    assert before["decisions_problem"] is None
    assert before["rows"][0]["decision"]["by"] == "Kim"
    monkeypatch.setattr(LatestDecisions, "on", away)
    for form in ({}, {"full": True}):
        listed = asked.get(ROWS, params={"language": language, **form})
        assert listed.status_code == 200
        now = listed.json()
        assert now["decisions_problem"] == read_texts(language, "desk")["decisions_away"]
        assert "/srv" not in listed.text
        assert len(now["rows"]) == len(before["rows"])
        assert not [row for row in now["rows"] if "decision" in row]
    key = before["rows"][0]["key"]
    row = asked.get(ROW, params={"key": key, "language": language}).json()
    assert row["early_churn_probability"] == before["rows"][0]["early_churn_probability"]
    monkeypatch.undo()
    assert asked.get(ROWS, params={"language": language}).json() == before


def test_a_locked_log_does_not_delay_the_rows(decided, monkeypatch) -> None:
    asked, log = decided
    monkeypatch.setattr(_decision_routes, "ANSWER_SECONDS", 0.05)
    with log.store._lock:  # like a writer that waits for another process
        assert asked.get(ROWS).json()["decisions_problem"] is not None
        assert asked.get(ROWS).json()["decisions_problem"] is not None
    monkeypatch.undo()
    assert asked.get(ROWS).json()["rows"][0]["decision"]["by"] == "Kim"


def test_a_decision_fails_without_the_log_and_succeeds_later_once(decided, monkeypatch) -> None:
    asked, log = decided
    key = asked.get(ROWS).json()["rows"][0]["key"]
    prospect = asked.get(ROW, params={"key": key}).json()["prospect"] | {"deal_id": key}
    whole = {"id": key, "action": "signed", "by": "Ann", "correct": True}
    before = log.decisions()
    monkeypatch.setattr(type(log.store), "reading", away)
    for path, body in (
        ("/v1/decisions", whole),
        ("/v1/questions", {"id": whole["id"], "by": "Ann"}),
        ("/v1/assessments", prospect),
    ):
        answer = asked.post(path, json=body)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1"), answer.text
        assert "does not answer" in answer.json()["detail"]
        assert "/srv" not in answer.text
    del prospect["deal_id"]  # a trial is not logged, so it gets a response
    assert asked.post("/v1/assessments", json=prospect).status_code == 200
    quiz = asked.get("/v1/quiz/scores")
    assert (quiz.status_code, quiz.headers["retry-after"]) == (503, "1")
    monkeypatch.undo()
    pd.testing.assert_frame_equal(log.decisions(), before)
    assert asked.post("/v1/decisions", json=whole).status_code == 201
    assert asked.post("/v1/decisions", json=whole).status_code == 201
    assert log.decisions()["action"].tolist() == ["declined", "signed"]


def test_without_a_log_rows_have_no_decision_field(served) -> None:
    assert not [row for row in served.get(ROWS).json()["rows"] if "decision" in row]


def test_an_uncompressed_response_has_the_same_content(served) -> None:
    plain = served.get(ROWS, headers={"accept-encoding": "identity"})
    packed = served.get(ROWS, headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert plain.json() == packed.json()


def test_a_missing_pipeline_or_row_is_not_found(client, served) -> None:
    assert client.get(ROWS).status_code == client.get(ROW, params={"key": "x"}).status_code == 404
    assert served.get(ROW, params={"key": "nobody"}).status_code == 404
    assert served.get("/v1/pipeline/timeline", params={"key": "nobody"}).status_code == 404


def test_a_language_changes_words_and_not_numbers(served) -> None:
    one, other = (
        served.get(ROWS, params={"language": name}).json()["rows"] for name in ("en", "zh")
    )
    words = {"concern", "error"}
    for row, same in zip(one, other, strict=True):
        assert {key: row[key] for key in row.keys() - words} == {
            key: same[key] for key in same.keys() - words
        }
    assert json.dumps(one) != json.dumps(other)
