"""The service as a process: start, responses and shutdown."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest
from typer.testing import CliRunner

from fitmodel.bundle.store import write_bundle
from fitmodel.cli.main import app
from fitmodel.cli.serving import _prefix
from fitmodel.decision.policy import Policy
from fitmodel.exceptions import SpecError
from fitmodel.model.opening import SCORER_FILE
from fitmodel.model.scorer import Scorer
from fitmodel.service.settings import Settings

TOKEN = "geheim"  # noqa: S105 - no secret of anybody


@pytest.fixture(scope="module")
def source(tmp_path_factory, learned_on):
    policy = Policy("threshold", 0.3, None, "")
    scorer = Scorer(learned_on(700, seed=5).scorecard, policy, None, None, version="")
    root = tmp_path_factory.mktemp("models")
    write_bundle(root, "fit", files={SCORER_FILE: scorer.to_json()}, manifest={})
    return root / "fit"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def asked(url: str, body: bytes | None = None, token: str | None = None) -> tuple[int, bytes]:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    try:
        with urlopen(Request(url, body, headers), timeout=20) as answer:  # noqa: S310 - ours
            return answer.status, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()


def wait_until_alive(service: subprocess.Popen, url: str) -> None:
    while service.poll() is None:
        try:
            assert asked(f"{url}/healthz")[0] == 200
        except URLError:
            with contextlib.suppress(subprocess.TimeoutExpired):
                service.wait(timeout=0.1)  # polling all the time would use a core
        else:
            return
    raise AssertionError(service.stderr.read())


@pytest.mark.slow
def test_the_service_starts_responds_and_ends_on_a_signal(source) -> None:
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "fitmodel.cli", "serve", "--model", str(source)]
    service = subprocess.Popen(  # noqa: S603 - our own command
        [*command, "--port", str(port)],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"FITMODEL_TOKEN": TOKEN},
    )
    try:
        wait_until_alive(service, url)
        assert asked(f"{url}/v1/model")[0] == 401
        status, body = asked(f"{url}/v1/model", token=TOKEN)
        assert status == 200
        prospect = {item["name"]: None for item in json.loads(body)["attributes"]}
        status, answer = asked(f"{url}/v1/assessments", json.dumps(prospect).encode(), TOKEN)
        assert status == 200
        assert 0 < json.loads(answer)["early_churn_probability"] < 1
    finally:
        service.send_signal(signal.SIGTERM)
        _, log = service.communicate(timeout=30)
    assert service.returncode in {0, -signal.SIGTERM}
    records = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert [item["status"] for item in records if item.get("route") == "/v1/model"] == [401, 200]
    assert "Traceback" not in log


def test_a_missing_model_is_reported_and_the_service_does_not_start(tmp_path) -> None:
    result = CliRunner().invoke(
        app, ["serve", "--model", str(tmp_path / "none"), "--port", str(free_port())]
    )
    assert result.exit_code == 1
    assert "Error:" in result.output


def test_an_unreadable_pipeline_is_reported_and_the_service_does_not_start(
    source, tmp_path
) -> None:
    pipeline = tmp_path / "prospects.csv"
    pipeline.write_text("deal_id\nD-1\n")
    command = [
        "serve",
        "--model",
        str(source),
        "--pipeline",
        str(pipeline),
        "--port",
        str(free_port()),
    ]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1
    assert "attribute(s) are missing" in result.output


@pytest.mark.slow
def test_several_workers_respond_behind_a_prefix_with_common_counts(source, tmp_path) -> None:
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "fitmodel.cli", "serve", "--model", str(source)]
    limits = ["--workers", "2", "--root-path", "/fit", "--max-prospects", "3"]
    service = subprocess.Popen(  # noqa: S603 - our own command
        [*command, "--port", str(port), *limits, "--log", str(tmp_path / "decisions.db")],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"FITMODEL_TOKEN": TOKEN},
    )
    try:
        wait_until_alive(service, url)
        prospect = {
            item["name"]: None
            for item in json.loads(asked(f"{url}/v1/model", token=TOKEN)[1])["attributes"]
        }
        batch = f"{url}/v1/assessments/batch"
        for _ in range(8):
            assert asked(batch, json.dumps([prospect] * 3).encode(), TOKEN)[0] == 200
        assert asked(batch, json.dumps([prospect] * 4).encode(), TOKEN)[0] == 413
        counted = [asked(f"{url}/metrics", token=TOKEN)[1].decode() for _ in range(4)]
    finally:
        service.send_signal(signal.SIGTERM)
        _, log = service.communicate(timeout=60)
    totals = {
        sum(float(line.split()[-1]) for line in text.splitlines()
            if line.startswith("fitmodel_assessments_total"))
        for text in counted
    }  # fmt: skip
    assert totals == {24.0}  # for any worker
    assert all("fitmodel_model_info{" in text for text in counted)
    assert "Traceback" not in log


def test_the_limits_of_the_command_are_those_of_the_service(source, monkeypatch) -> None:
    made = []
    monkeypatch.setattr(
        "fitmodel.cli.serving.run_service", lambda service, *_: made.append(service)
    )
    flags = ["--max-bytes", "5000", "--max-prospects", "7", "--max-requests", "9",
             "--body-seconds", "2", "--answer-seconds", "3",
             "--allow-origin", "https://crm.example.com"]  # fmt: skip
    result = CliRunner().invoke(
        app, ["serve", "--model", str(source), *flags, "--port", str(free_port())]
    )
    assert result.exit_code == 0, result.output
    (service,) = made
    options = [each.kwargs for each in service.user_middleware]
    (limits,) = [each["settings"] for each in options if "settings" in each]
    assert limits.max_bytes == 5_000
    assert (limits.max_prospects, limits.max_requests) == (7, 9)
    assert (limits.body_seconds, limits.answer_seconds) == (2, 3)
    assert limits.origins == {"https://crm.example.com"}
    assert ["https://crm.example.com"] in [each.get("allow_origins") for each in options]


@pytest.mark.parametrize("arguments", [["serve", "--model", "nowhere"], ["demo", "--serve"]])
def test_a_port_in_use_is_refused_before_anything_is_loaded(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = CliRunner().invoke(app, [*arguments, "--port", str(port)])
    assert result.exit_code == 2
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use. Remedy: " in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["fit", "/fit", "/fit/", " fit/ "])
def test_the_prefix_of_a_proxy_begins_with_one_slash(path):
    assert _prefix(path) == "/fit"
    assert _prefix("/") == _prefix("") == ""


@pytest.mark.parametrize("origin", ["https://crm.example", "https://CRM.example/", "http://a:8080"])
def test_an_origin_is_read_as_browsers_send_it(origin):
    (read,) = Settings(origins=frozenset({origin})).origins
    assert read == origin.lower().rstrip("/")


@pytest.mark.parametrize("origin", ["crm.example", "https://crm.example/app", "https://", "a b"])
def test_what_is_not_an_origin_is_refused_with_an_example(origin):
    with pytest.raises(SpecError, match="is not the origin of a page.*https://crm.example.com"):
        Settings(origins=frozenset({origin}))
