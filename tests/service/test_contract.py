"""The responses of the service conform to its OpenAPI description."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator

from fitmodel.bundle.store import write_bundle
from fitmodel.model.opening import SCORER_FILE
from fitmodel.monitoring.log import DecisionLog
from fitmodel.service.app import create_app
from fitmodel.service.settings import Settings

TOKEN = "geheim"  # noqa: S105 - no secret of anybody
ORIGIN = "https://crm.example.com"


@pytest.fixture(scope="module")
def shop_client(shop, tmp_path_factory):
    """A service with a contract, money and a decision log."""
    log = DecisionLog(tmp_path_factory.mktemp("log") / "decisions.db")
    with TestClient(create_app(shop.path, Settings(reload_seconds=0), log=log)) as ready:
        yield ready


@pytest.fixture(scope="module")
def described(shop_client) -> dict[str, Any]:
    return shop_client.get("/openapi.json").json()


@pytest.fixture(scope="module")
def check(described):
    """Check status, content type and schema of a response against OpenAPI."""

    def check(answer: Any, path: str) -> Any:
        operation = described["paths"][path][answer.request.method.lower()]
        content = operation["responses"][str(answer.status_code)]["content"]
        kind = answer.headers["content-type"].partition(";")[0]
        schema = content[kind]["schema"]
        whole = schema | {"components": described["components"]}
        Draft202012Validator(whole).validate(answer.json())
        return answer.json()

    return check


def test_the_schemas_are_named_and_complete(described) -> None:
    schemas = described["components"]["schemas"]
    assert {"Prospect", "Prospects", "Assessment", "Assessments", "Reason", "Problem"} <= set(
        schemas
    )
    for name in ("Assessment", "Reason", "Problem", "Assessments", "RowError"):
        assert schemas[name]["required"], name
        assert schemas[name]["additionalProperties"] is False
        Draft202012Validator.check_schema(schemas[name])
    ids = [each["operationId"] for path in described["paths"].values() for each in path.values()]
    assert len(set(ids)) == len(ids)


def test_schemas_of_one_and_of_several_differ_in_required_fields(described) -> None:
    schemas = described["components"]["schemas"]
    one, several = set(schemas["Assessment"]["required"]), set(schemas["Assessments"]["required"])
    assert one.isdisjoint(several)
    batch = described["paths"]["/v1/assessments/batch"]["post"]
    answer = batch["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer == {"$ref": "#/components/schemas/Assessments"}


@pytest.mark.parametrize("query", ["", "?reasons=0&horizons=5", "?reasons=5&language=zh"])
def test_responses_conform_to_openapi(shop_client, check, table, query) -> None:
    rows = table.astype(object).where(table.notna(), None).head(6)
    rows = rows.assign(**{name: rows[name].map(lambda day: day and str(day)[:10])
                          for name in ("closed_on", "first_contact_on")})  # fmt: skip
    prospects = rows.to_dict("records")
    broken = prospects[0] | {"seats": "many"}

    one = check(shop_client.post(f"/v1/assessments{query}", json=prospects[0]), "/v1/assessments")
    assert one["fit"] in {"good", "watch", "poor"}
    for body in (prospects, {"prospects": [*prospects, broken]}):
        for path in ("/v1/assessments", "/v1/assessments/batch"):
            many = check(shop_client.post(f"{path}{query}", json=body), path)
            assert len(many["assessments"]) in {6, 7}
    assert "seats" in many["assessments"][-1]["error"]
    for path in ("/v1/model", "/healthz", "/readyz"):
        check(shop_client.get(path), path)
    decision = {"id": str(prospects[0]["deal_id"]), "action": "signed", "by": "Kim"}
    check(shop_client.post("/v1/decisions", json=decision), "/v1/decisions")


def test_responses_for_the_pages_conform_to_openapi(
    shop_client, holds, shop, prospect, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a folder without tracked runs
    for path in ("/v1/me", "/v1/desk", "/v1/model/plots", "/v1/quiz/scores"):
        holds(shop_client, shop_client.get(path), path)
    answer = holds(shop_client, shop_client.get("/v1/model/versions"), "/v1/model/versions")
    assert answer["problem"]  # no registry here
    table = "/v1/model/tables/{attribute}"
    for name in shop.attributes:
        holds(shop_client, shop_client.get(table.format(attribute=name)), table)
    holds(shop_client, shop_client.post("/v1/brief", json=prospect), "/v1/brief")
    spans = [item["span"] for item in shop_client.get("/v1/model").json()["attributes"]]
    assert max(spans) > min(spans) >= 0


def test_responses_about_decisions_conform_to_openapi(shop_client, holds, prospect) -> None:
    assert shop_client.post("/v1/assessments", json=prospect | {"deal_id": "E-1"}).is_success
    deal = {"id": "E-1", "by": "Kim"}
    holds(shop_client, shop_client.post("/v1/questions", json=deal), "/v1/questions")
    signed = deal | {"action": "declined"}
    holds(shop_client, shop_client.post("/v1/decisions", json=signed), "/v1/decisions")
    answer = holds(shop_client, shop_client.get("/v1/decisions?id=E-1"), "/v1/decisions")
    assert {event["kind"] for event in answer["events"]} == {"assessed", "asked", "declined"}
    undo = deal | {"number": answer["standing"]}
    holds(shop_client, shop_client.post("/v1/decisions/undo", json=undo), "/v1/decisions/undo")


def test_every_json_response_has_a_named_schema(described) -> None:
    unnamed = [
        f"{method} {path}"
        for path, operations in described["paths"].items()
        for method, operation in operations.items()
        for status, answer in operation["responses"].items()
        if status < "300"
        for kind, content in answer.get("content", {}).items()
        if kind == "application/json" and "$ref" not in json.dumps(content)
    ]
    assert unnamed == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/assessments", b"{", 400),
        ("/v1/assessments", b'{"a": 1}', 422),
        ("/v1/assessments?reasons=-1", b"{}", 422),
        ("/v1/assessments/batch", b"{}", 400),
        ("/v1/assessments/batch?language=fr", b"[]", 422),
        ("/v1/decisions", b"{}", 422),
        ("/v1/decisions", b'{"id": "none", "action": "signed", "by": "K"}', 404),
    ],
)
def test_errors_are_problem_details_that_conform_to_openapi(
    shop_client, check, path, body, status
) -> None:
    kind = {"content-type": "application/json"}
    answer = shop_client.post(path, content=body, headers=kind)
    shown = check(answer, path.partition("?")[0])
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, shown["status"]) == (status, status)
    assert shown["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nowhere", 404), ("GET", "/v1/assessments", 405)]
)
def test_an_unknown_route_gives_problem_details(shop_client, method, path, status) -> None:
    answer = shop_client.request(method, path)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code == status


def test_openapi_marks_the_routes_that_need_the_token(source, described) -> None:
    app = create_app(source, Settings(token=TOKEN, reload_seconds=0))
    asked = TestClient(app).get("/openapi.json", headers={"authorization": f"Bearer {TOKEN}"})
    guarded = asked.json()
    assert guarded["components"]["securitySchemes"] == {
        "bearer": {"type": "http", "scheme": "bearer"}
    }
    assert guarded["security"] == [{"bearer": []}]
    assert guarded["paths"]["/readyz"]["get"]["security"] == []
    assert "401" in guarded["paths"]["/v1/model"]["get"]["responses"]
    assert "securitySchemes" not in described["components"]


def test_a_row_that_cannot_be_scored_is_counted(shop_client, shop) -> None:
    def errors() -> float:
        lines = shop_client.get("/metrics").text.splitlines()
        result = [
            line for line in lines if line.startswith('fitmodel_assessments_total{fit="error"}')
        ]
        return float(result[0].split()[-1]) if result else 0.0

    before = errors()
    good = dict.fromkeys(shop.attributes)
    shop_client.post("/v1/assessments/batch", json=[good, {}, {"seats": 1}, good | {"seats": "x"}])
    assert errors() == before + 3


def test_a_failed_reload_is_visible_in_the_metrics(model, tmp_path) -> None:
    files = {SCORER_FILE: model.scorer.to_json()}
    write_bundle(tmp_path, "fit", files=files, manifest={"note": "one"})
    app = create_app(tmp_path / "fit", Settings(reload_seconds=0))
    broken = write_bundle(tmp_path, "fit", files=files, manifest={"note": "two"})
    (broken / SCORER_FILE).write_text("{}")
    client = TestClient(app)
    assert client.get("/readyz").json()["reload"] == "ok"
    app.state.holder.refresh()
    assert client.get("/readyz").json()["reload"] == "failed"
    assert client.get("/readyz").status_code == 200  # the previous model is in use
    assert "fitmodel_reload_failed 1.0" in client.get("/metrics").text.splitlines()


# ---- proxies and browsers ----


def test_behind_a_prefix_the_responses_are_the_same(source) -> None:
    app = create_app(source, Settings(token=TOKEN, reload_seconds=0))
    client = TestClient(app, root_path="/fit")
    assert client.get("/fit/readyz").status_code == 200  # no token is needed
    assert client.get("/fit/v1/model").status_code == 401
    headers = {"authorization": f"Bearer {TOKEN}"}
    assert client.get("/fit/v1/model", headers=headers).status_code == 200
    counted = client.get("/fit/metrics", headers=headers).text
    assert 'route="/v1/model"' in counted


def test_a_plain_request_id_of_a_client_is_kept(client) -> None:
    for given, kept in (("trace-1.a:b_2", True), ("a b", False), ("x" * 129, False), ("", False)):
        answered = client.get("/healthz", headers={"x-request-id": given}).headers["x-request-id"]
        assert (answered == given) is kept
        assert answered


def test_a_long_response_is_compressed_if_the_client_accepts_it(client, prospect) -> None:
    body = [prospect] * 20
    plain = client.post("/v1/assessments", json=body, headers={"accept-encoding": "identity"})
    with client.stream("POST", "/v1/assessments", json=body,
                       headers={"accept-encoding": "gzip"}) as answer:  # fmt: skip
        raw = b"".join(answer.iter_raw())
        assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(raw) == plain.content
    assert len(raw) < len(plain.content) / 5
    assert "content-encoding" not in client.get("/healthz").headers


@pytest.mark.parametrize("token", [None, TOKEN])
def test_only_listed_origins_are_allowed_by_cors(source, prospect, token) -> None:
    limits = Settings(token=token, reload_seconds=0, origins=frozenset({ORIGIN}))
    client = TestClient(create_app(source, limits))
    asks = {"access-control-request-method": "POST",
            "access-control-request-headers": "authorization,content-type"}  # fmt: skip
    for origin, allowed in ((ORIGIN, True), ("https://evil.example", False)):
        site = {"origin": origin, "sec-fetch-site": "cross-site"}
        before = client.options("/v1/assessments", headers=site | asks)
        assert (before.headers.get("access-control-allow-origin") == origin) is allowed
        bearer = {} if token is None else {"authorization": f"Bearer {token}"}
        answer = client.post("/v1/assessments", json=prospect, headers=site | bearer)
        assert (answer.headers.get("access-control-allow-origin") == origin) is allowed
        if token is None:
            assert answer.status_code == (200 if allowed else 403)
    assert "access-control-allow-origin" not in client.get("/healthz").headers


def test_every_origin_may_be_allowed(source, prospect) -> None:
    client = TestClient(create_app(source, Settings(reload_seconds=0, origins=frozenset({"*"}))))
    site = {"origin": "https://any.example", "sec-fetch-site": "cross-site"}
    answer = client.post("/v1/assessments", json=prospect, headers=site)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"


GENERATOR = shutil.which("openapi-python-client") or ""


@pytest.mark.skipif(not GENERATOR, reason="openapi-python-client is not on the path")
def test_a_generated_client_reads_the_responses_of_the_service(
    described, shop_client, tmp_path, prospect
) -> None:
    (tmp_path / "openapi.json").write_text(json.dumps(described))
    command = [GENERATOR, "generate", "--path", "openapi.json", "--meta", "none"]
    subprocess.run([*command, "--output-path", "fit_client"], cwd=tmp_path, check=True)  # noqa: S603
    answer = shop_client.post("/v1/assessments", json=prospect)
    script = (
        "import json, sys; from fit_client.models import Assessment; "
        "print(json.dumps(Assessment.from_dict(json.load(sys.stdin)).to_dict()))"
    )
    done = subprocess.run(  # noqa: S603
        [Path(GENERATOR).with_name("python"), "-c", script],  # has what the client needs
        cwd=tmp_path,
        input=answer.text,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == answer.json()


def test_every_route_that_takes_a_language_describes_it(source, described) -> None:
    """A route of the API takes `language` even if it needs it only for its errors."""
    routes = {
        (route.path, method.lower())
        for route in create_app(source, Settings(reload_seconds=0)).routes
        if isinstance(route, APIRoute) and route.path.startswith("/v1/")
        for method in route.methods
    }
    operations = {
        (path, method): operation
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
        if path.startswith("/v1/")
    }

    assert operations.keys() == routes
    for name, operation in operations.items():
        given = [each["name"] for each in operation["parameters"] if each["in"] == "query"]
        assert given.count("language") == 1, name
