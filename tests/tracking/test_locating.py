"""A registered model is located without MLflow, also if the registry is unavailable."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

import fitmodel
from fitmodel.exceptions import BundleError, DependencyError, TrackingError
from fitmodel.tracking import locating
from fitmodel.tracking.locating import Located, RegistryAwayWarning, locate
from fitmodel.tracking.registry import resolve
from fitmodel.tracking.runs import TrainingMetadata, track

pytestmark = pytest.mark.slow

NAME = "prospect-fit"
CHAMPION = f"models:/{NAME}@champion"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("FITMODEL_CACHE", str(folder))
    return folder


@pytest.mark.parametrize("uri", [CHAMPION, f"models:/{NAME}/1"])
def test_a_local_registry_database_is_read_without_mlflow(metadata: TrainingMetadata, uri) -> None:
    track(metadata)
    code = (
        f"import sys, fitmodel; model = fitmodel.load('{uri}'); "
        "assert not {'mlflow', 'sqlalchemy', 'sklearn'} & set(sys.modules); print(model.version)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own interpreter

    assert done.stdout.strip() == metadata.bundle_path.name


@pytest.mark.parametrize("uri", [CHAMPION, f"models:/{NAME}/1"])
def test_both_ways_find_the_same_bundle(metadata: TrainingMetadata, monkeypatch, uri) -> None:
    tracked = track(metadata)
    quick = locate(uri, metadata.spec.tracking.uri)
    assert quick.path.samefile(resolve(uri, metadata.spec.tracking.uri))
    monkeypatch.setattr(locating, "_without_mlflow", lambda *_: None)
    assert locate(uri).path.samefile(quick.path)
    assert locate(f"runs:/{tracked.run_id}").path.samefile(quick.path)


def test_a_removed_alias_is_an_error_also_if_it_is_cached(metadata) -> None:
    """The cache is used only if the registry does not respond."""
    track(metadata)
    locate(CHAMPION)
    for uri in ("models:/unknown@champion", f"models:/{NAME}@nobody", f"models:/{NAME}/9", "x"):
        with pytest.raises(TrackingError):
            locate(uri)
    with locating_client() as client:
        client.delete_registered_model_alias(NAME, "champion")
    with pytest.raises(TrackingError, match="champion"):
        locate(CHAMPION)


@contextmanager
def locating_client() -> Iterator[Any]:
    from fitmodel.tracking.connection import connected

    with connected() as client:
        yield client


def test_a_changed_bundle_is_refused(metadata: TrainingMetadata) -> None:
    track(metadata)
    manifest = locate(CHAMPION).path / "manifest.json"
    facts_of_old_bundle = json.loads(manifest.read_text()) | {"metrics": {"auc": 1.0}}
    del facts_of_old_bundle["digest"]
    manifest.write_text(json.dumps(facts_of_old_bundle))
    with pytest.raises(TrackingError, match="is not the one registered"):
        locate(CHAMPION)


def test_without_mlflow_a_remote_bundle_is_an_error_with_the_remedy(metadata, monkeypatch) -> None:
    track(metadata)
    monkeypatch.setattr(locating, "find_spec", lambda _name: None)
    assert locate(CHAMPION).path.is_dir()
    with pytest.raises(DependencyError, match="only MLflow can fetch it. Remedy: pip install"):
        locate(f"models:/{NAME}/9")


# ---- a registry that is away ----


def take_away() -> None:
    """Move the folder of the database; the artifacts are kept."""
    store = Path(os.environ["MLFLOW_TRACKING_URI"].removeprefix("sqlite:///"))
    shutil.move(store.parent, store.parent.with_name("moved"))


def test_without_the_registry_the_last_located_model_is_used(metadata, cache) -> None:
    track(metadata)
    bundle = shutil.copytree(locate(CHAMPION).path, cache / "copy")
    note = next((cache / "named").iterdir())
    note.write_text(json.dumps(json.loads(note.read_text()) | {"path": str(bundle)}))
    take_away()

    with pytest.warns(RegistryAwayWarning, match="named last"):
        assert locate(CHAMPION) == Located(bundle, is_from_cache=True)
    with pytest.warns(RegistryAwayWarning):
        assert fitmodel.load(CHAMPION).version == metadata.bundle_path.name
    with pytest.raises(TrackingError, match="failed"):
        resolve(CHAMPION)  # promotion and comparison never use a cached result


@pytest.mark.parametrize("note", ["", "[]", "{}", '{"uri": "another"}', '{"path": 5}'])
def test_a_damaged_cache_entry_is_ignored(metadata, cache, note) -> None:
    track(metadata)
    locate(CHAMPION)
    next((cache / "named").iterdir()).write_text(note)
    take_away()
    with pytest.raises(TrackingError, match="failed"):
        locate(CHAMPION)


def test_an_unwritable_cache_is_not_an_error(metadata, cache) -> None:
    track(metadata)
    cache.write_text("a file where the folder should be")
    assert not locate(CHAMPION).is_from_cache


def test_a_holder_reports_an_unavailable_registry_and_continues(metadata, cache, caplog) -> None:
    track(metadata)
    with fitmodel.ModelHolder(CHAMPION) as holder:
        bundle = shutil.copytree(holder.model.path, cache / "copy")
        note = next((cache / "named").iterdir())
        note.write_text(json.dumps(json.loads(note.read_text()) | {"path": str(bundle)}))
        assert not holder.is_from_cache
        take_away()
        assert not holder.refresh()
        assert not holder.refresh()
        assert holder.is_from_cache
        assert holder.failure is None
        shutil.rmtree(bundle)
        assert not holder.refresh()
        assert "StoreAwayError" in str(holder.failure)
        assert holder.model.version == metadata.bundle_path.name
    assert [record.message for record in caplog.records].count("the registry does not answer") == 1


# ---- a server ----


@contextmanager
def serving(answer: Callable[[str, dict[str, str], Any], tuple[int, Any]]) -> Iterator[str]:
    """A REST interface of a registry with given responses."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
            status, body = answer(parts.path.rpartition("mlflow/")[2], asked, self.headers)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_server_is_called_with_credentials_and_the_cache_is_used(
    metadata, cache, monkeypatch
) -> None:
    track(metadata)
    bundle = locate(CHAMPION).path
    digest = hashlib.sha256((bundle / "manifest.json").read_bytes()).hexdigest()
    shutil.copytree(bundle, cache / digest)
    seen = []

    def answer(page: str, asked: dict[str, str], headers: Any) -> tuple[int, Any]:
        seen.append((page, asked, headers["Authorization"]))
        tags = [{"key": "fitmodel.manifest_sha256", "value": digest}]
        return 200, {"model_version": {"source": "models:/m-1", "tags": tags}}

    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret")
    with serving(answer) as store:
        assert locate(CHAMPION, store) == Located(cache / digest, is_from_cache=False)
        assert locate(f"models:/{NAME}/7", store).path == cache / digest
        with_user = store.replace("//", "//me:pass@")
        assert locate(CHAMPION, with_user).path == cache / digest
    assert seen[0] == (
        "registered-models/alias",
        {"name": NAME, "alias": "champion"},
        "Bearer secret",
    )
    assert seen[1][:2] == ("model-versions/get", {"name": NAME, "version": "7"})
    assert seen[2][2] == "Basic bWU6cGFzcw=="
    with pytest.warns(RegistryAwayWarning, match="named last"):  # the server has ended
        assert locate(CHAMPION, store).path == cache / digest


@pytest.mark.parametrize("answer", [(500, {}), (200, []), (200, {"model_version": {}})])
def test_an_unreadable_response_is_passed_on_to_mlflow(answer, monkeypatch) -> None:
    monkeypatch.setattr(locating, "resolve", lambda *_: (_ for _ in ()).throw(BundleError("asked")))
    with serving(lambda *_: answer) as store, pytest.raises(BundleError, match="asked"):
        locate(CHAMPION, store)
