"""Tests with a real MLflow server: artifacts are uploaded, and the server may fail."""

from __future__ import annotations

import contextlib
import dataclasses
import http.server
import importlib
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from email.message import Message
from pathlib import Path
from typing import Any, ClassVar

import pytest

from fitmodel.bundle.reading import open_bundle
from fitmodel.exceptions import TrackingError
from fitmodel.tracking.locating import Located, RegistryAwayWarning, locate
from fitmodel.tracking.promotion import promote, rollback
from fitmodel.tracking.registry import get_alias, resolve
from fitmodel.tracking.runs import TrainingMetadata, track

NAME = "prospect-fit"
OTHER = "other-fit"
SECRET = "pepper"  # noqa: S105 - of this test alone
DOCS = Path(__file__).parents[2] / "docs"
WEBHOOKS_TO_THIS_MACHINE = {
    "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
    "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="process groups are ended another way there"),
]


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own loopback server
            return bool(answer.status == 200)
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


@contextlib.contextmanager
def running_server(store: str, folder: Path) -> Iterator[str]:
    port = free_port()
    arguments = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    stores = ["--backend-store-uri", store, "--artifacts-destination", str(folder)]
    process = subprocess.Popen(  # noqa: S603 - our own loopback server
        [sys.executable, "-m", "mlflow", "server", *arguments, *stores],
        env={
            **os.environ,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            **WEBHOOKS_TO_THIS_MACHINE,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield _when_ready(process, f"http://127.0.0.1:{port}")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _when_ready(process: subprocess.Popen[bytes], url: str) -> str:
    for _ in range(200):
        if answers(f"{url}/health"):
            return url
        with contextlib.suppress(subprocess.TimeoutExpired):
            pytest.fail(f"the server ended with {process.wait(timeout=0.3)}")
    pytest.fail("the server did not answer within a minute")


class Server:
    """An MLflow server that is started when it is needed; starting takes seconds."""

    def __init__(self, store: str, folder: Path) -> None:
        self.store, self.folder = store, folder
        self.running = contextlib.ExitStack()
        self.address: str | None = None

    def uri(self) -> str:
        if self.address is None:
            self.address = self.running.enter_context(running_server(self.store, self.folder))
        return self.address

    def end(self) -> None:
        self.running.close()
        self.address = None


@pytest.fixture(scope="module")
def on_sqlite(
    store_in: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    server = Server(store_in(folder), folder / "artifacts")
    yield server
    server.end()


@pytest.fixture
def on_postgresql(postgresql: str, tmp_path: Path) -> Iterator[Server]:
    server = Server(postgresql, tmp_path / "artifacts")
    yield server
    server.end()


def at(metadata: TrainingMetadata, uri: str) -> TrainingMetadata:
    tracking = metadata.spec.tracking.model_copy(update={"uri": uri})
    return dataclasses.replace(
        metadata, spec=metadata.spec.model_copy(update={"tracking": tracking})
    )


@pytest.mark.parametrize("database", ["on_sqlite", "on_postgresql"])
def test_a_training_is_tracked_on_a_server_and_kept_if_the_server_fails(
    database: str,
    metadata: TrainingMetadata,
    another: Any,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FITMODEL_CACHE", str(tmp_path / "cache"))
    server: Server = request.getfixturevalue(database)
    uri = server.uri()
    assert track(at(metadata, uri)).warning is None
    assert track(at(another(), uri)).registry_version == 2
    path = resolve(f"models:/{NAME}@champion", uri)
    assert path.parent == tmp_path / "cache"
    assert open_bundle(path).version == metadata.bundle_path.name
    promote(NAME, force=True, reason="to roll it back", store=uri)
    assert get_alias(NAME, "champion", uri) == 2
    assert rollback(NAME, store=uri).version == 1
    assert locate(f"models:/{NAME}@champion", uri) == Located(path, is_from_cache=False)
    assert loads_without_mlflow(uri) == path.name[:8]
    server.end()
    tracked = track(at(metadata, uri))
    assert tracked.run_id is None
    assert "Nothing is lost" in str(tracked.warning)
    with pytest.raises(TrackingError, match="failed"):
        resolve(f"models:/{NAME}@champion", uri)
    with pytest.warns(RegistryAwayWarning, match="named last"):
        assert locate(f"models:/{NAME}@champion", uri) == Located(path, is_from_cache=True)


def loads_without_mlflow(store: str) -> str:
    """Load the champion in a separate process, and check the imported modules."""
    code = (
        f"import sys, fitmodel; model = fitmodel.load('models:/{NAME}@champion'); "
        "assert 'mlflow' not in sys.modules; print(model.path.name[:8])"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code],
        env={**os.environ, "MLFLOW_TRACKING_URI": store},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


class Inbox(http.server.BaseHTTPRequestHandler):
    """Stores the headers and the body of each request."""

    received: ClassVar[queue.Queue[tuple[Message, bytes]]] = queue.Queue()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.put((self.headers, body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_args: Any) -> None:
        """Log nothing."""


def test_the_webhook_of_the_guide_notifies_the_receiver_of_a_champion(
    on_sqlite: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    monkeypatch.syspath_prepend(DOCS / "examples")
    new_champion = importlib.import_module("webhook_receiver").new_champion
    for name, value in WEBHOOKS_TO_THIS_MACHINE.items():
        monkeypatch.setenv(name, value)
    inbox = http.server.HTTPServer(("127.0.0.1", 0), Inbox)
    threading.Thread(target=inbox.serve_forever, daemon=True).start()
    try:
        client = MlflowClient(on_sqlite.uri())
        client.create_registered_model(OTHER)
        address = f"http://127.0.0.1:{inbox.server_port}/"
        events = ["model_version_alias.created"]
        webhook = client.create_webhook("new", address, events, secret=SECRET)
        run = client.create_run(client.create_experiment("webhooks"))
        source = f"{run.info.artifact_uri}/model"
        version = client.create_model_version(OTHER, source, run_id=run.info.run_id).version
        for alias in ("challenger", "champion"):
            client.set_registered_model_alias(OTHER, alias, version)
        sent = [Inbox.received.get(timeout=30) for _ in range(2)]
        client.delete_webhook(webhook.webhook_id)
    finally:
        inbox.shutdown()
        inbox.server_close()

    champions = {new_champion(headers, body, SECRET, OTHER) for headers, body in sent}
    assert champions == {None, str(version)}
    headers, body = sent[0]
    for secret, content in (("salt", body), (SECRET, body + b" ")):
        with pytest.raises(PermissionError, match="signature"):
            new_champion(headers, content, secret, OTHER)
    later = time.time() + 301
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(PermissionError, match="too old"):
        new_champion(headers, body, SECRET, OTHER)
