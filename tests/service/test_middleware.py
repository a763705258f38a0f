"""The middleware: token, capacity, slow and long bodies, headers, and a log without values."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest
from fastapi.testclient import TestClient

from fitmodel.service._metrics import Metrics
from fitmodel.service._middleware import ServiceMiddleware, own_path
from fitmodel.service.app import JsonLines, create_app
from fitmodel.service.settings import Settings

TOKEN = "geheim"  # noqa: S105 - no secret of anybody
POST = {"type": "http", "method": "POST", "path": "/v1/assessments", "headers": []}


def test_the_line_break_of_a_secret_file_is_not_part_of_the_token() -> None:
    assert Settings(token=f" {TOKEN}\r\n").token == TOKEN
    assert Settings(token=" \n").token is None  # noqa: S106 - none


def test_host_names_are_compared_without_case(source) -> None:
    app = create_app(source, Settings(reload_seconds=0, hosts=frozenset({"CRM.example.com"})))
    for host, status in (("crm.Example.com", 200), ("other.example.com", 421)):
        assert TestClient(app).get("/v1/model", headers={"host": host}).status_code == status


@pytest.fixture(scope="module")
def guarded(source):
    with TestClient(create_app(source, Settings(token=TOKEN, reload_seconds=0))) as ready:
        yield ready


@pytest.mark.parametrize(
    "header", [None, "", "geheim", "Basic geheim", "Bearer", "Bearer geheimer", "Bearer GEHEIM"]
)
@pytest.mark.parametrize("path", ["/v1/model", "/metrics", "/openapi.json", "/nowhere"])
def test_without_the_token_every_request_is_refused(guarded, header, path) -> None:
    headers = {} if header is None else {"authorization": header}
    answer = guarded.get(path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_requests_with_the_token_and_health_checks_are_accepted(guarded) -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}
    assert guarded.get("/v1/model", headers=headers).status_code == 200
    assert guarded.get("/healthz").status_code == 200
    assert guarded.get("/readyz").status_code == 200


@pytest.mark.parametrize("root", ["/fit", "/fit/", "/a/b"])
def test_behind_a_proxy_prefix_the_same_routes_are_open(source, root) -> None:
    """Uvicorn's --root-path is prepended to every path; a probe must still need no token."""
    app = create_app(source, Settings(token=TOKEN, reload_seconds=0))
    prefix = root.rstrip("/")
    with TestClient(app, root_path=prefix) as behind:
        assert behind.get(f"{prefix}/readyz").status_code == 200
        assert behind.get(f"{prefix}/healthz").status_code == 200
        assert behind.get(f"{prefix}/v1/model").status_code == 401
        assert behind.get("/readyz").status_code == 200


@pytest.mark.parametrize("root", ["/fit", "/a/b"])
def test_a_proxy_may_pass_its_prefix_on_or_strip_it(source, root) -> None:
    """If the proxy passes the prefix on, Uvicorn prepends it a second time."""
    app = create_app(source, Settings(token=TOKEN, reload_seconds=0))
    bearer = {"authorization": f"Bearer {TOKEN}"}
    with TestClient(app, root_path=root) as behind:
        for path in ("/readyz", "/healthz", "/"):
            stripped, kept = behind.get(f"{root}{path}"), behind.get(f"{root}{root}{path}")
            assert stripped.status_code == kept.status_code == 200
            assert stripped.content == kept.content
        assert behind.get(f"{root}{root}/v1/model").status_code == 401
        assert behind.get(f"{root}{root}/v1/model", headers=bearer).status_code == 200
        assert behind.get(f"{root}{root}{root}/readyz").status_code == 401
        counted = behind.get(f"{root}/metrics", headers=bearer).text
    assert 'route="/readyz",status="200"} 2' in counted


@pytest.mark.parametrize(
    ("path", "root", "own"),
    [
        ("/fit/readyz", "/fit", "/readyz"),
        ("/fit/readyz", "/fit/", "/readyz"),
        ("/fitreadyz", "/fit", "/fitreadyz"),
        ("/readyz", "", "/readyz"),
        ("/readyz", "/fit", "/readyz"),
        ("/fit", "/fit", "/fit"),
    ],
)
def test_own_path_removes_the_prefix(path: str, root: str, own: str) -> None:
    assert own_path({"path": path, "root_path": root}) == own


def test_every_response_has_the_security_headers(client) -> None:
    for path in ("/healthz", "/nowhere", "/v1/model"):
        headers = client.get(path, headers={"origin": "https://evil.example"}).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "access-control-allow-origin" not in headers


async def called(app, receive, sent=None, **limits) -> list[dict]:
    sent = [] if sent is None else sent

    async def send(message: dict) -> None:
        sent.append(message)

    guard = ServiceMiddleware(app, Settings(**limits), Metrics(), frozenset({"/v1/assessments"}))
    await guard(dict(POST), receive, send)
    return sent


async def idle(_scope, receive, send) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


async def empty_body() -> dict:
    return {"type": "http.request", "body": b"", "more_body": False}


def test_an_endless_body_is_aborted() -> None:
    async def never() -> dict:
        await asyncio.Event().wait()
        return {}

    start, _ = asyncio.run(called(idle, never, body_seconds=0.01))
    assert start["status"] == 408


def test_the_size_of_a_chunked_body_is_limited() -> None:
    async def piece() -> dict:
        return {"type": "http.request", "body": b"x" * 1000, "more_body": True}

    start, _ = asyncio.run(called(idle, piece, max_bytes=10_000))
    assert start["status"] == 413


def test_beyond_the_capacity_a_client_is_told_when_to_retry() -> None:
    async def both() -> list[list[dict]]:
        inside, leave = asyncio.Event(), asyncio.Event()
        first: list[dict] = []
        second: list[dict] = []

        async def wait(scope, receive, send) -> None:
            inside.set()
            await leave.wait()
            await idle(scope, receive, send)

        async def keep(sent: list[dict], message: dict) -> None:
            sent.append(message)

        guard = ServiceMiddleware(wait, Settings(max_requests=1), Metrics(), frozenset())
        slow = asyncio.create_task(guard(dict(POST), empty_body, lambda m: keep(first, m)))
        await inside.wait()
        await guard(dict(POST), empty_body, lambda m: keep(second, m))
        leave.set()
        await slow
        third: list[dict] = []
        await guard(dict(POST), empty_body, lambda m: keep(third, m))
        return [first, second, third]

    first, second, third = asyncio.run(both())
    assert [sent[0]["status"] for sent in (first, second, third)] == [200, 503, 200]
    assert (b"retry-after", b"1") in second[0]["headers"]


def test_an_internal_error_shows_no_code_and_logs_no_value(caplog) -> None:
    async def broken(*_asgi) -> None:
        raise KeyError("secret-customer")

    sent: list[dict] = []
    with (
        caplog.at_level(logging.INFO, logger="fitmodel.service"),
        pytest.raises(KeyError),
    ):
        asyncio.run(called(broken, empty_body, sent))
    start, body = sent
    assert start["status"] == 500
    assert b"secret" not in body["body"]
    assert b"problem of the service" in body["body"]
    logged = "\n".join(JsonLines().format(record) for record in caplog.records)
    assert "KeyError at broken" in logged
    assert "secret" not in logged


def test_the_log_contains_no_text_from_clients(client, caplog, prospect) -> None:
    with caplog.at_level(logging.INFO, logger="fitmodel.service"):
        client.post("/v1/assessments?x=injected%0a", json=prospect | {"note": "injected"})
        client.get("/injected%0aforged")
        client.request("INJECTED", "/healthz", headers={"x-thing": "injected"})
    lines = [JsonLines().format(record) for record in caplog.records]
    assert len(lines) >= 3
    assert all("injected" not in line.lower() and "\n" not in line for line in lines)
    assert json.loads(lines[-1])["method"] == "other"
    assert json.loads(lines[1])["route"] == "other"
