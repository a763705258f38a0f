"""Security of the service: token, other sites, oversized bodies, slow clients."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from fitmodel.bundle.store import write_bundle
from fitmodel.cli.main import app as commands
from fitmodel.datasets.simulation import Simulation, simulate_deals
from fitmodel.decision.policy import Policy
from fitmodel.model.scorer import Scorer
from fitmodel.service._metrics import Metrics
from fitmodel.service._middleware import ServiceMiddleware
from fitmodel.service.app import JsonLines, create_app, make_app
from fitmodel.service.settings import LOOPBACK, Settings, read_people

TOKEN = "geheim"  # noqa: S105 - no secret of anybody
OPEN = {"/healthz", "/readyz"}
ASSESSMENTS = "/v1/assessments"


@pytest.fixture(scope="module")
def deals() -> Simulation:
    return simulate_deals(600, seed=3)


@pytest.fixture(scope="module")
def shipped(deals: Simulation, tmp_path_factory: pytest.TempPathFactory, learned_on) -> Path:
    policy = Policy("threshold", 0.3, None, "")
    scorer = Scorer(learned_on(600, seed=3).scorecard, policy, None, None, "")
    files = {"scorer.json": scorer.to_json()}
    root = tmp_path_factory.mktemp("models")
    return write_bundle(root, "fit", files=files, manifest={"spec": deals.spec.to_dict()})


@pytest.fixture(scope="module")
def prospects(deals: Simulation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pipeline") / "prospects.csv"
    deals.deals.head(5).drop(columns=["churned_on"]).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def locked(shipped: Path, prospects: Path) -> Iterator[TestClient]:
    app = create_app(shipped, Settings(token=TOKEN, reload_seconds=0), pipeline=prospects)
    with TestClient(app) as ready:
        yield ready


@pytest.fixture(scope="module")
def here(shipped: Path, prospects: Path) -> Iterator[TestClient]:
    """A client of a service without a token, on this machine only."""
    app = create_app(shipped, Settings(reload_seconds=0, hosts=LOOPBACK), pipeline=prospects)
    with TestClient(app, base_url="http://127.0.0.1:8000") as ready:
        yield ready


# --- the token


def routes(client: TestClient) -> list[tuple[str, str]]:
    return [
        (method, route.path)
        for route in client.app.routes  # type: ignore[attr-defined]
        for method in getattr(route, "methods", None) or ()
    ]


WRONG: list[dict[str, str]] = [
    {}, {"authorization": ""}, {"authorization": TOKEN}, {"authorization": "Bearer"},
    {"authorization": f"Basic {TOKEN}"}, {"authorization": f"Bearer {TOKEN}x"},
    {"authorization": f"Bearer {TOKEN[:-1]}"}, {"authorization": f"Bearer {TOKEN.upper()}"},
    {"authorization": f"Token {TOKEN}"}, {"authorization": f"Bearer {TOKEN} {TOKEN}"},
    {"x-token": TOKEN}, {"cookie": f"token={TOKEN}"}, {"authorization": "Bearer \u00e9"},
]  # fmt: skip


@pytest.mark.parametrize("headers", WRONG, ids=str)
def test_every_route_with_data_needs_the_token(locked: TestClient, headers: dict[str, str]) -> None:
    raw = {name: value.encode("utf-8") for name, value in headers.items()}
    closed = 0
    for method, path in routes(locked):
        answer = locked.request(method, path, headers=raw, params={"token": TOKEN})
        if path in OPEN:
            assert answer.status_code == 200
        elif path == "/" or path.startswith("/desk/"):
            assert "smb" not in answer.text  # files of the page, which are public
        else:
            closed += 1
            assert answer.status_code == 401, (method, path)
            assert "detail" in answer.text or method == "HEAD"
    assert closed >= 6


def test_the_token_is_compared_in_constant_time(
    locked: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hmac

    compared: list[tuple[bytes, bytes]] = []
    honest = hmac.compare_digest

    def noted(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return honest(one, other)

    monkeypatch.setattr("fitmodel.service._middleware.hmac.compare_digest", noted)
    for scheme in ("Bearer", "Basic"):
        locked.get("/v1/model", headers={"authorization": f"{scheme} wrong"})
    assert compared == [(b"wrong", TOKEN.encode())] * 2


def test_a_token_with_non_ascii_letters_is_compared_as_bytes(shipped: Path, tmp_path: Path) -> None:
    """The service's own token, and a person's, whose digest `printf %s TOKEN | sha256sum` gives."""
    secret, own = "geh\u00e9im-\u5bc6", "pers\u00f6nlich"
    digest = hashlib.sha256(own.encode()).hexdigest()
    (tmp_path / "people.toml").write_text(
        f'[kim]\nrole = "manager"\ntoken_sha256 = "{digest}"\n', encoding="utf-8"
    )
    people = read_people(tmp_path / "people.toml")
    app = create_app(shipped, Settings(token=secret, people=people, reload_seconds=0))
    with TestClient(app) as client:
        for known in (secret, own):
            for scheme, status in (("Bearer", 200), ("bearer", 200), ("Basic", 401)):
                answer = client.get(
                    "/v1/model", headers={"authorization": f"{scheme} {known}".encode()}
                )
                assert answer.status_code == status, (scheme, known)
            for sent in (known.encode("utf-16-le"), known.encode()[:-1], known.encode() + b"\xff"):
                answer = client.get("/v1/model", headers={b"authorization": b"Bearer " + sent})
                assert answer.status_code == 401, sent


# --- other names and other sites


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "localhost:1", "[::1]:8000"])
def test_a_local_service_accepts_its_own_host_names(here: TestClient, host: str) -> None:
    assert here.get("/v1/model", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "localhost.x", "[::"],
)
@pytest.mark.parametrize("path", ["/", "/v1/pipeline", "/v1/model", "/healthz"])
def test_a_foreign_host_name_is_refused(here: TestClient, host: str, path: str) -> None:
    answer = here.get(path, headers={"host": host})
    assert answer.status_code == 421
    assert "evil" not in answer.text


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_without_a_token_requests_from_other_sites_are_refused(here: TestClient, site: str) -> None:
    headers = {"sec-fetch-site": site, "content-type": "text/plain"}
    for method, path in (("POST", ASSESSMENTS), ("GET", "/v1/pipeline"), ("GET", "/metrics")):
        assert here.request(method, path, headers=headers).status_code == 403
    assert here.get("/", headers=headers).status_code == 200  # a link to the desk is allowed


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://evil.example", 403),
        ("null", 403),
        ("http://127.0.0.1:9000", 403),
        ("http://127.0.0.1", 200),
        ("https://desk.example", 200),
    ],
)
def test_without_a_token_a_page_is_known_by_its_origin_over_plain_http(
    here: TestClient, origin: str, status: int
) -> None:
    headers = {"origin": origin, "host": "127.0.0.1", "x-forwarded-host": "desk.example"}
    assert here.post(ASSESSMENTS, content=b"[]", headers=headers).status_code == status


def test_with_the_token_requests_from_other_sites_are_accepted(locked: TestClient) -> None:
    headers = {"sec-fetch-site": "cross-site", "authorization": f"Bearer {TOKEN}"}
    assert locked.get("/v1/model", headers=headers).status_code == 200


@pytest.mark.slow
def test_cors_is_disabled(locked: TestClient, here: TestClient) -> None:
    asking = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    for client in (locked, here):
        for method, path in routes(client):
            for each in (method, "OPTIONS"):
                answer_headers = client.request(each, path, headers=asking).headers
                assert not [name for name in answer_headers if name.startswith("access-control")]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::", "example.org"])  # noqa: S104
@pytest.mark.parametrize("table", ["--pipeline", "--deals"])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_without_a_token_a_pipeline_is_served_only_on_this_machine(
    shipped: Path,
    prospects: Path,
    host: str,
    table: str,
    workers: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FITMODEL_TOKEN", " \n")
    for listens in ("fitmodel.cli.serving.run_service", "fitmodel.service.app.run_workers"):
        monkeypatch.setattr(listens, lambda *_, **__: pytest.fail("it listens"))
    asked = ["serve", "--model", str(shipped), table, str(prospects), "--host", host]
    done = CliRunner().invoke(commands, [*asked, "--workers", workers])
    assert done.exit_code == 2
    assert "FITMODEL_TOKEN" in done.stderr
    assert table in done.stderr


@pytest.mark.parametrize(
    ("host", "token", "names"),
    [
        ("127.0.0.1", "", LOOPBACK | {"desk.example"}),
        ("localhost", "", LOOPBACK | {"desk.example"}),
        ("127.0.0.2", " \n", LOOPBACK | {"desk.example", "127.0.0.2"}),
        ("127.0.0.1", f"{TOKEN}\n", frozenset()),
        ("127.0.0.1", TOKEN, frozenset()),
        ("0.0.0.0", TOKEN, frozenset()),  # noqa: S104
    ],
)
def test_serve_checks_host_names_if_there_is_no_token(
    shipped: Path, host: str, token: str, names: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FITMODEL_TOKEN", token)
    made: list[Settings] = []
    monkeypatch.setattr("fitmodel.service.app.create_app", lambda *_, **__: made.append(_[1]))
    monkeypatch.setattr("fitmodel.cli.serving.run_service", lambda *_: None)
    monkeypatch.setattr("fitmodel.cli.serving.refuse_taken", lambda *_: None)
    asked = ["serve", "--model", str(shipped), "--host", host, "--allow-host", "Desk.Example"]
    done = CliRunner().invoke(commands, asked)
    assert done.exit_code == 0, done.output
    assert made[0].hosts == names
    assert made[0].token == (token.strip() or None)


@pytest.mark.parametrize(("token", "names"), [("", LOOPBACK | {"desk.example"}), (TOKEN, set())])
def test_every_worker_uses_host_names_token_and_plan(
    shipped: Path,
    tmp_path: Path,
    token: str,
    names: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FITMODEL_TOKEN", token)
    (tmp_path / "plan.toml").write_text("")
    made: list[tuple[Settings, Any]] = []

    def noted(_model: str, settings: Settings, **given: Any) -> None:
        made.append((settings, given["plans"]))

    def begin(app: str, **_: Any) -> None:
        assert app == "fitmodel.service.app:make_app"
        assert TOKEN not in os.environ["FITMODEL_SERVED"]
        make_app()

    monkeypatch.setattr("fitmodel.service.app.create_app", noted)
    monkeypatch.setattr("fitmodel.service.app.read_plan", lambda path: f"plan of {path.name}")
    monkeypatch.setattr("fitmodel.sales.plans.read_plan", lambda path: f"plan of {path.name}")
    monkeypatch.setattr("uvicorn.run", begin)
    monkeypatch.setattr("fitmodel.cli.serving.refuse_taken", lambda *_: None)
    asked = ["serve", "--model", str(shipped), "--workers", "2", "--allow-host", "Desk.Example"]
    done = CliRunner().invoke(commands, [*asked, "--plan", str(tmp_path / "plan.toml")])
    assert done.exit_code == 0, done.output
    for settings, plans in made:
        assert settings.hosts == names
        assert settings.token == (token or None)
        assert plans == ("plan of plan.toml",)
    assert len(made) == 2  # once for the error message, once in the worker


# --- too much, too deep, too slow


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" * 100_000, 400),
        (b'{"a":' * 100_000, 400),
        (b'{"seats": ' + b"9" * 10_000 + b"}", 400),
        (b"\xff\xfe\x00", 400),
        (b'{"seats": NaN}', 400),
        (b'{"seats": 1, "seats": 500}', 400),
        (b'[{"prospects": {"seats": 1, "seats": 1}}]', 400),
        (b'"text"', 400),
        (b"[{}]" + b" " * 5_000_000, 413),
        (b"[" + b"{}," * 10_000 + b"{}]", 413),
    ],
    ids=[
        "deep list",
        "deep object",
        "long number",
        "no text",
        "NaN",
        "twice",
        "twice inside",
        "text",
        "long",
        "many",
    ],
)
def test_a_dangerous_body_is_refused_with_a_message(
    here: TestClient, body: bytes, status: int
) -> None:
    answer = here.post(ASSESSMENTS, content=body)
    assert answer.status_code == status
    detail = answer.json()["detail"]
    assert "Traceback" not in detail
    assert ".py" not in detail
    assert "sys." not in detail
    assert len(detail) < 500


def test_a_client_that_does_not_read_its_response_is_disconnected() -> None:
    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x" * 10**6})

    async def stuck(message: Any) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    async def empty() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def both() -> int:
        guard = ServiceMiddleware(
            app, Settings(max_requests=1, answer_seconds=0.01), Metrics(), frozenset()
        )
        scope = {"type": "http", "method": "POST", "path": ASSESSMENTS, "headers": []}
        await guard(dict(scope), empty, stuck)
        answers: list[Any] = []

        async def keep(message: Any) -> None:
            answers.append(message)

        await guard(dict(scope), empty, keep)
        return int(answers[0]["status"])

    assert asyncio.run(both()) == 200


INJECTED = 'x\r\n{"level": "error", "message": "forged"}\r\nset-cookie: forged=1'


def test_clients_cannot_forge_log_lines_or_headers(
    here: TestClient, caplog: pytest.LogCaptureFixture, deals: Simulation
) -> None:
    prospect = json.loads(deals.deals.head(1).to_json(orient="records", date_format="iso"))[0]
    prospect |= {"segment": INJECTED, "deal_id": INJECTED, INJECTED: INJECTED}
    with caplog.at_level(logging.INFO, logger="fitmodel.service"):
        answers = [
            here.post(ASSESSMENTS, json=prospect, params={"x": INJECTED}),
            here.post(ASSESSMENTS, json=prospect, params={"language": INJECTED}),
            here.post(ASSESSMENTS, json=[prospect | {"seats": INJECTED}]),
            here.get(f"/{INJECTED.encode().hex()}/%0d%0aset-cookie:%20forged"),
        ]
    assert [answer.status_code for answer in answers] == [422, 422, 200, 404]
    assert not [name for answer in answers for name in answer.headers if "cookie" in name]
    lines = [JsonLines().format(record) for record in caplog.records]
    assert len(lines) >= len(answers)
    assert all("forged" not in line and "\n" not in line for line in lines)
