"""The service as a process: it begins, answers, and ends when it is told to."""

from __future__ import annotations

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
from fitmodel.decision.policy import Policy
from fitmodel.model.opening import SCORER_FILE
from fitmodel.model.scorer import Scorer

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
            continue
        return
    raise AssertionError(service.stderr.read())


@pytest.mark.slow
def test_the_service_begins_answers_and_ends_on_a_signal(source) -> None:
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
        status, told = asked(f"{url}/v1/model", token=TOKEN)
        assert status == 200
        prospect = {item["name"]: None for item in json.loads(told)["attributes"]}
        status, answer = asked(f"{url}/v1/assessments", json.dumps(prospect).encode(), TOKEN)
        assert status == 200
        assert 0 < json.loads(answer)["early_churn_probability"] < 1
    finally:
        service.send_signal(signal.SIGTERM)
        _, log = service.communicate(timeout=30)
    assert service.returncode in {0, -signal.SIGTERM}
    facts = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert [item["status"] for item in facts if item.get("route") == "/v1/model"] == [401, 200]
    assert "Traceback" not in log


def test_a_model_that_is_not_there_is_said_and_nothing_begins(tmp_path) -> None:
    found = CliRunner().invoke(app, ["serve", "--model", str(tmp_path / "none")])
    assert found.exit_code == 1
    assert "Error:" in found.output


def test_a_pipeline_that_the_model_cannot_read_is_said_and_nothing_begins(source, tmp_path) -> None:
    pipeline = tmp_path / "prospects.csv"
    pipeline.write_text("deal_id\nD-1\n")
    command = ["serve", "--model", str(source), "--pipeline", str(pipeline)]
    found = CliRunner().invoke(app, command)
    assert found.exit_code == 1
    assert "attribute(s) are missing" in found.output
