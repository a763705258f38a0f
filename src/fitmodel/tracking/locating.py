"""Finding of a registered model's bundle for scoring: fast, and also if the registry is down.

URI -> query of the registry for the version, without importing MLflow (HTTP, SQLite)
    -> if its bundle is in the cache or on this machine: that bundle
    -> else `fitmodel.tracking.registry.resolve`, which imports MLflow and downloads the bundle
    -> if the registry does not answer: the bundle that the URI named last, with a warning

Only scoring may use an older result; promotion and comparison call `resolve`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import sqlite3
import warnings
from contextlib import closing, suppress
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

from fitmodel.exceptions import BundleError, DependencyError, SpecError, TrackingError, one_stop
from fitmodel.tables import atomic
from fitmodel.tracking.connection import (
    StoreAwayError,
    connected,
    database_file,
    no_answer,
    store_errors,
    tracking_uri,
    without_password,
)
from fitmodel.tracking.lifecycle import DEFAULT_OPTIONS, RunOptions
from fitmodel.tracking.registry import (
    BUNDLE_VERSION_TAG,
    MANIFEST_TAG,
    cache_folder,
    cached_bundle,
    checked_bundle,
    local_path,
    resolve,
    versions_of,
)
from fitmodel.tracking.run_log import BUNDLE_FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fitmodel.deals.contract import DealSpec

_NAMED = re.compile(r"models:/(?P<name>[^/@]+)(@(?P<alias>[^/@]+)|/(?P<number>\d+))")
_SECONDS = 10
# Settings of a connection that only MLflow supports: it is then used instead.
_MLFLOW_ONLY_SETTINGS = (
    "MLFLOW_TRACKING_INSECURE_TLS",
    "MLFLOW_TRACKING_SERVER_CERT_PATH",
    "MLFLOW_TRACKING_CLIENT_CERT_PATH",
    "MLFLOW_TRACKING_AUTH",
    "MLFLOW_TRACKING_AWS_SIGV4",
    "MLFLOW_WORKSPACE",
)


class RegistryAwayWarning(UserWarning):
    """The registry does not answer, so the model that it named last is used."""


class Located(NamedTuple):
    """The folder of a bundle, and whether the registry confirmed it.

    Parameters
    ----------
    path : Path
        Folder of the bundle.
    is_from_cache : bool
        Whether the registry did not answer, so that its version may have changed since.
    """

    path: Path
    is_from_cache: bool


def locate(uri: str, store: str | None = None) -> Located:
    """Return the folder of the bundle that a registry URI names, for scoring.

    Parameters
    ----------
    uri, store
        As for `fitmodel.tracking.registry.resolve`.

    Warns
    -----
    RegistryAwayWarning
        If the registry does not answer, so that the bundle that it named last is used.

    Raises
    ------
    TrackingError, BundleError
        As raised by `resolve`. If the registry does not answer, only if no bundle that it named
        before is still complete on this machine.
    DependencyError
        If the bundle is not on this machine and MLflow is not installed.
    """
    chosen = tracking_uri(store)
    try:
        path = _without_mlflow(uri, chosen) or _with_mlflow(uri, store)
    except StoreAwayError as error:
        remembered = _remembered(uri, chosen)
        if remembered is None:
            raise
        path, day = remembered
        warnings.warn(
            one_stop(f"{uri}: {error}. The model that it named last ({day}) is used, from {path}"),
            RegistryAwayWarning,
            stacklevel=3,
        )
        return Located(path, is_from_cache=True)
    _remember(uri, chosen, path)
    return Located(path, is_from_cache=False)


def _with_mlflow(uri: str, store: str | None) -> Path:
    if find_spec("mlflow") is None:
        raise DependencyError(
            f"{uri} is not known, or its bundle is not on this machine, and only MLflow can fetch "
            "it. Remedy: pip install mlflow, or copy the bundle's folder and name that"
        )
    return resolve(uri, store)


# ---- query the registry without MLflow, whose import takes seconds ----


class _VersionData(NamedTuple):
    """The data of a registered version that scoring needs."""

    source: str
    tags: Mapping[str, str]


def _without_mlflow(uri: str, store: str) -> Path | None:
    """Return the bundle's folder if it is on this machine; None if MLflow is needed."""
    parts = _NAMED.fullmatch(uri)
    if parts is None:
        return None
    file = database_file(store)
    if file is not None:
        version_data = _from_sqlite(file, parts)
    elif urlsplit(store).scheme in {"http", "https"} and not any(
        map(os.environ.get, _MLFLOW_ONLY_SETTINGS)
    ):
        version_data = _from_server(store, parts)
    else:
        return None
    manifest_digest = None if version_data is None else version_data.tags.get(MANIFEST_TAG)
    if version_data is None or manifest_digest is None:
        return None
    cached = cached_bundle(manifest_digest)
    if cached is not None:
        return cached
    local = local_path(f"{version_data.source}/{BUNDLE_FOLDER}")
    is_local = (
        local is not None and not version_data.source.startswith("models:") and local.is_dir()
    )
    return checked_bundle(local, manifest_digest, uri) if local is not None and is_local else None


def _from_sqlite(file: Path, parts: re.Match[str]) -> _VersionData | None:
    if not file.is_file():
        return None
    by_alias = (
        "SELECT version FROM registered_model_aliases WHERE name = ? AND alias = ? "
        "AND workspace = 'default'"
    )
    name = parts["name"]
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
        number = parts["number"]
        if number is None:
            number = (db.execute(by_alias, (name, parts["alias"])).fetchone() or [None])[0]
        key = (name, number)
        where = "WHERE name = ? AND version = ? AND workspace = 'default'"
        row = db.execute(f"SELECT source FROM model_versions {where}", key).fetchone()  # noqa: S608 - our own text  # nosec B608
        tags = db.execute(f"SELECT key, value FROM model_version_tags {where}", key)  # noqa: S608 - our own text  # nosec B608
        return None if row is None else _VersionData(str(row[0]), dict(tags.fetchall()))
    return None  # the tables were made by another version of MLflow


def _from_server(store: str, parts: re.Match[str]) -> _VersionData | None:
    query = {"name": parts["name"]}
    if parts["alias"] is not None:
        page, query = "registered-models/alias", query | {"alias": parts["alias"]}
    else:
        page, query = "model-versions/get", query | {"version": parts["number"]}
    url = f"{without_password(store).rstrip('/')}/api/2.0/mlflow/{page}?{urlencode(query)}"
    request = Request(url, headers=_credentials(store))  # noqa: S310 - http or https, see above
    try:
        with urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - the same  # nosec B310
            version = json.load(answer)["model_version"]
        tags = {item["key"]: item["value"] for item in version.get("tags", ())}
        return _VersionData(str(version["source"]), tags)
    except HTTPError:
        return None  # MLflow is then used, whose message is clearer
    except (URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise StoreAwayError(
            f"MLflow at {without_password(store)} failed: {no_answer(reason)}"
        ) from error
    except (ValueError, KeyError, TypeError):
        return None


def _credentials(store: str) -> dict[str, str]:
    parts = urlsplit(store)
    user = os.environ.get("MLFLOW_TRACKING_USERNAME") or parts.username
    password = os.environ.get("MLFLOW_TRACKING_PASSWORD") or parts.password
    if user is not None and password is not None:
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}


# ---- the bundle that a URI named last ----


def _note(uri: str, store: str) -> Path:
    key = hashlib.sha256(f"{without_password(store)}\n{uri}".encode()).hexdigest()[:32]
    return cache_folder() / "named" / f"{key}.json"


def _remember(uri: str, store: str, path: Path) -> None:
    """Store which bundle a URI names; an error of writing is ignored."""
    note = {"uri": uri, "path": str(path.absolute()), "bundle": path.name}
    file = _note(uri, store)
    if _read(file) | note == _read(file):
        return
    day = datetime.now(UTC).isoformat(timespec="minutes")
    with suppress(OSError):
        atomic.write_folder(file.parent, {file.name: json.dumps(note | {"at": day})})


def _remembered(uri: str, store: str) -> tuple[Path, str] | None:
    note = _read(_note(uri, store))
    if note.get("uri") != uri:
        return None
    try:
        return checked_bundle(Path(note["path"]), None, uri), str(note.get("at"))
    except (BundleError, TrackingError, OSError):
        return None


def _read(file: Path) -> dict[str, Any]:
    try:
        note = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def refuse_name_of_others(spec: DealSpec, options: RunOptions = DEFAULT_OPTIONS) -> None:
    """Refuse a training that would be registered among the versions of another library.

    A store that does not answer, or an SQLite store that does not exist yet, is no error: the
    training is complete without it.

    Raises
    ------
    SpecError
        If the contract's name has versions and none is from fitmodel: says how many, and the
        remedy.
    """
    name, store = spec.tracking.registered_model, spec.tracking.uri
    file = database_file(tracking_uri(store))
    if not options.register or (file is not None and not file.exists()):
        return
    try:
        with connected(store) as client:
            versions = versions_of(client, name)
            is_ours = (
                not versions
                or any(BUNDLE_VERSION_TAG in version.tags for version in versions)
                or any(_is_from_our_run(client, version.run_id) for version in versions)
            )
    except TrackingError:
        return
    if not is_ours:
        raise SpecError(
            f"the registered model {name!r} has {len(versions):,} version(s), and none is from "
            "fitmodel. A version added here would be mixed with those of another model. Remedy: "
            "write another name as [tracking] registered_model"
        )


def _is_from_our_run(client: Any, run_id: str | None) -> bool:
    """Return whether a run is from fitmodel: a version registered by hand has no tag of its own."""
    with suppress(*store_errors()):  # the run may have been deleted
        return bool(run_id) and BUNDLE_VERSION_TAG in client.get_run(run_id).data.tags
    return False
