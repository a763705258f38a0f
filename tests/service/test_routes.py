"""The service returns the predictions of the model, and clear errors without a traceback."""

from __future__ import annotations

import json

import pytest
from fastapi.testclient import TestClient

from fitmodel.bundle.store import write_bundle
from fitmodel.loading import load
from fitmodel.model.opening import SCORER_FILE
from fitmodel.service.app import create_app
from fitmodel.service.settings import Settings


def test_one_prospect_gets_the_same_assessment_as_in_python(client, source, prospect) -> None:
    answer = client.post("/v1/assessments", json=prospect)
    assert answer.status_code == 200
    assert answer.json() == json.loads(json.dumps(load(source).predict(prospect).to_dict()))


def test_the_number_of_reasons_is_the_requested_one(client, prospect) -> None:
    for reasons in (0, 1, 5):
        answer = client.post(f"/v1/assessments?reasons={reasons}", json=prospect)
        assert len(answer.json()["reasons"]) == reasons


def test_reasons_are_in_the_requested_language(client, source, prospect) -> None:
    answer = client.post("/v1/assessments?language=zh", json=prospect).json()
    expected = load(source).predict(prospect, language="zh").to_dict()
    assert answer["reasons"] == json.loads(json.dumps(expected))["reasons"]
    assert "风险" in answer["reasons"][0]["sentence"]
    refused = client.post("/v1/assessments?language=fr", json=prospect)
    assert refused.status_code == 422
    assert "language" in refused.json()["detail"]


@pytest.mark.parametrize("count", [3, 150])
@pytest.mark.parametrize("wrapped", [True, False])
def test_several_prospects_keep_their_order_and_a_bad_one_does_not_stop_the_others(
    client, source, prospect, count, wrapped
) -> None:
    number = next(
        c.name for c in load(source).scorecard.columns if c.kind == "number" and not c.is_date
    )
    prospects = [prospect | {number: position} for position in range(count)]
    prospects[1] = prospect | {number: "many"}
    body = {"prospects": prospects} if wrapped else prospects
    items = client.post("/v1/assessments", json=body).json()["assessments"]
    assert len(items) == count
    assert number in items[1]["error"]
    expected = load(source).predict(prospects[2]).early_churn_probability
    assert items[2]["early_churn_probability"] == expected


@pytest.mark.parametrize("path", ["/v1/assessments", "/v1/assessments/batch"])
def test_an_attribute_that_no_prospect_of_a_list_has_is_a_warning(client, prospect, path) -> None:
    emptied = [prospect | {"segment": None}] * 30
    in_english = client.post(path, json=emptied).json()
    in_chinese = client.post(f"{path}?language=zh", json=emptied).json()
    with_one = client.post(path, json=[*emptied, prospect]).json()

    assert len(in_english["assessments"]) == 30
    (warning,) = in_english["warnings"]
    assert warning.startswith("empty in all 30 prospects, but usually filled in past deals: segm")
    assert in_chinese["warnings"][0].startswith("全部 30 个潜在客户都没有值")
    (unlike,) = with_one["warnings"]
    assert "differ in segment (30 of 31 are empty, which hardly any past deal was)" in unlike
    assert set(client.post(path, json=emptied[:4]).json()) == {"assessments"}


@pytest.mark.parametrize("path", ["/v1/assessments", "/v1/assessments/batch"])
def test_an_attribute_in_another_unit_in_a_list_is_a_warning(client, prospect, path) -> None:
    """One or two prospects may be unlike past deals; a whole list is in another unit."""
    larger = [prospect | {"seats": 1_000_000 + row} for row in range(20)]
    (warning,) = client.post(path, json=larger).json()["warnings"]
    (in_chinese,) = client.post(f"{path}?language=zh", json=larger).json()["warnings"]

    assert warning.startswith("20 of 20 are unlike the deals learned from")
    assert "differ in seats (20 of 20, such as 1000000, while past deals had " in warning
    assert "seats（20 个中有 20 个，例如 1000000，而以往合同为" in in_chinese  # noqa: RUF001 - Chinese
    mixed = [*larger[:1], *[prospect] * 9]
    assert set(client.post(path, json=mixed).json()) == {"assessments"}


def test_a_prospect_that_cannot_be_scored_is_refused_with_the_attribute(client, prospect) -> None:
    missing = dict(prospect)
    name = next(iter(missing))
    del missing[name]
    answer = client.post("/v1/assessments", json=missing)
    assert answer.status_code == 422
    assert name in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "not JSON"),
        (b"{", 400, "not JSON"),
        (b"\xff\xfe", 400, "not JSON"),
        (b'"text"', 400, "object"),
        (b"17", 400, "object"),
        (b"null", 400, "object"),
        (b'{"a": NaN}', 400, "write null"),
        (b"[" * 100_000, 400, "nested"),
        (b"1" * 5_000, 400, "not JSON"),
        (b"[" + b"1," * 400 + b"1]", 413, "more than 300"),
        (b" " * 200_001, 413, "longer than 200,000"),
    ],
)
def test_an_invalid_body_is_refused_with_a_sentence(client, body, status, words) -> None:
    answer = client.post("/v1/assessments", content=body)
    assert answer.status_code == status
    assert words in answer.json()["detail"]
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "value",
    [{"a": {"b": 1}}, [1, [2]], 10**400, "x" * 50_000, "\u0000", ""],
    ids=["object", "list", "huge", "long", "null character", "empty"],
)
def test_any_value_of_an_attribute_is_scored_or_refused(client, prospect, value) -> None:
    for name in prospect:
        answer = client.post("/v1/assessments", json=prospect | {name: value})
        assert answer.status_code in {200, 422}


def test_a_very_deeply_nested_value_is_refused_like_any_list(client, prospect) -> None:
    for depth in range(880, 1_000, 4):  # some of these can still be read as JSON
        deep = "[" * depth + "]" * depth
        whole = json.dumps(prospect | {"seats": "HERE"}).replace('"HERE"', deep)
        answer = client.post("/v1/assessments", content=whole)
        assert answer.status_code in {400, 422}
        assert len(answer.text) < 500


def test_unknown_names_are_neither_compared_nor_echoed(client, monkeypatch) -> None:
    asked = []
    monkeypatch.setattr("difflib.get_close_matches", lambda *given, **_: asked.append(given) or [])
    answer = client.post("/v1/assessments", json={f"contract_term_{i}": 1 for i in range(8_000)})
    assert answer.status_code == 422
    assert sum(len(names) for _, names in asked) == 0
    assert "and 7,960 more" in answer.json()["detail"]
    answer = client.post("/v1/assessments", json={"x" * 100_000: 1})
    assert len(answer.text) < 5_000


def test_too_many_reasons_in_total_are_refused(client, prospect, monkeypatch) -> None:
    monkeypatch.setattr("fitmodel.service._routes.MAX_REASONS_IN_ALL", 10)
    assert client.post("/v1/assessments?reasons=5", json=[prospect] * 2).status_code == 200
    answer = client.post("/v1/assessments?reasons=5", json=[prospect] * 3)
    assert answer.status_code == 413
    assert "5 reasons for 3 prospects are more than 10" in answer.json()["detail"]


@pytest.mark.parametrize("reasons", ["-1", "21", "many"])
def test_a_number_of_reasons_out_of_range_is_refused(client, prospect, reasons) -> None:
    answer = client.post(f"/v1/assessments?reasons={reasons}", json=prospect)
    assert answer.status_code == 422
    assert "reasons" in answer.json()["detail"]


def test_the_model_route_lists_the_attributes(client, source) -> None:
    answer = client.get("/v1/model").json()
    model = load(source)
    assert answer["version"] == model.version
    assert [item["name"] for item in answer["attributes"]] == list(model.attributes)
    assert {item["kind"] for item in answer["attributes"]} <= {"number", "category", "flag", "date"}


def test_openapi_names_every_attribute_and_its_example_is_scored(client, source) -> None:
    described = client.get("/openapi.json").json()
    post = described["paths"]["/v1/assessments"]["post"]
    content = post["requestBody"]["content"]["application/json"]
    assert content["schema"]["oneOf"][0] == {"$ref": "#/components/schemas/Prospect"}
    schema = described["components"]["schemas"]["Prospect"]
    assert schema["required"] == list(load(source).attributes)
    assert client.post("/v1/assessments", json=schema["example"]).status_code == 200


def test_request_counts_increase_with_responses(client, prospect) -> None:
    def requests() -> float:
        lines = client.get("/metrics").text.splitlines()
        label = 'fitmodel_requests_total{method="POST",route="/v1/assessments",status="200"}'
        return next((float(line.split()[-1]) for line in lines if line.startswith(label)), 0)

    before = requests()
    client.post("/v1/assessments", json=prospect)
    assert requests() == before + 1


def test_health_and_readiness_are_reported(client, source) -> None:
    assert client.get("/healthz").json() == {"status": "alive"}
    assert client.get("/readyz").json()["model_version"] == load(source).version


class Kept(list):
    """A log in memory."""

    append_many = list.extend


def test_a_response_is_logged_first_by_its_id(source, model, prospect, tmp_path) -> None:
    spec = {"deals": {"id": "deal"}}
    files = {SCORER_FILE: model.scorer.to_json()}
    write_bundle(tmp_path, "fit", files=files, manifest={"spec": spec})
    kept = Kept()
    with TestClient(create_app(tmp_path / "fit", Settings(reload_seconds=0), log=kept)) as asked:
        asked.post("/v1/assessments", json=prospect | {"deal": "D-1"})
        many = [prospect | {"deal": 2}, {"deal": "broken"}, prospect, 7]
        answers = asked.post("/v1/assessments", json=many).json()["assessments"]
    assert [row[0] for row in kept] == ["D-1", "2"]
    _, assessment, attributes, proceed, propensity = kept[1]
    assert assessment.early_churn_probability == answers[0]["early_churn_probability"]
    assert set(attributes) == set(load(source).attributes)
    assert proceed is not assessment.poor_fit
    assert propensity == 1.0
