"""Registered versions and their aliases, and the bundle on disk that a registry URI names.

Only aliases are used, never MLflow's stages: ``champion`` is the version in use, ``challenger`` the
newest candidate.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from fitmodel.bundle.reading import MANIFEST, open_bundle
from fitmodel.exceptions import BundleError, TrackingError
from fitmodel.tables import atomic
from fitmodel.tracking.connection import connected, tracking_uri
from fitmodel.tracking.run_log import BUNDLE_FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fitmodel.bundle.reading import Bundle

CHAMPION = "champion"
CHALLENGER = "challenger"

BUNDLE_VERSION_TAG = "fitmodel.bundle_version"
MANIFEST_TAG = "fitmodel.manifest_sha256"

_BY_ALIAS = re.compile(r"models:/(?P<name>[^/@]+)@(?P<alias>[^/@]+)")
_BY_NUMBER = re.compile(r"models:/(?P<name>[^/@]+)/(?P<number>\d+)")
_BY_MODEL_ID = re.compile(r"models:/(?P<id>m-[0-9a-f]+)")
_BY_RUN = re.compile(r"runs:/(?P<id>[^/]+)(/[^/]+)?/?")


@dataclass(frozen=True)
class RegisteredVersion:
    """One version of a registered model, with data from the registry and from its run."""

    name: str
    version: int
    aliases: tuple[str, ...]
    created_at: datetime
    run_id: str | None
    bundle_version: str | None
    metrics: Mapping[str, float]
    tags: Mapping[str, str]


def register(
    client: Any, name: str, model_id: str, run_id: str, bundle: Bundle, *, has_skill: bool
) -> int:
    """Register a logged model as challenger and return the number of its version.

    A model with skill also becomes champion if there is no champion yet, except a user's own
    estimator, which services would not load.
    """
    version = add_version(client, name, model_id, run_id, bundle)
    client.set_registered_model_alias(name, CHALLENGER, str(version))
    is_own = bool(bundle.manifest.get("estimator"))
    if has_skill and not is_own and alias_version(client, name, CHAMPION) is None:
        client.set_registered_model_alias(name, CHAMPION, str(version))
    return version


def add_version(client: Any, name: str, model_id: str, run_id: str, bundle: Bundle) -> int:
    """Register a logged model as a version, without an alias, and return its number."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    tags = {BUNDLE_VERSION_TAG: bundle.version, MANIFEST_TAG: _manifest_digest(bundle.path)}
    result = client.create_model_version(
        name,
        _source(client, model_id),
        run_id=run_id,
        model_id=model_id,
        tags=tags,
        description=_description(bundle),
    )
    return int(result.version)


def _description(bundle: Bundle) -> str:
    """Return a version's description for the registry's page: its deals, quality and policy."""
    manifest = bundle.manifest
    verdict = manifest.get("report", {}).get("verdict")
    period = manifest.get("period") or ()
    edits = [str(edit.get("words")) for edit in manifest.get("edits", ())]
    lines = [
        f"Prospect-fit model {bundle.version}",
        "learned from deals closed " + " to ".join(map(str, period)) if period else None,
        verdict,
        f"policy: {manifest['policy']}" if manifest.get("policy") else None,
        f"edited by hand: {'; '.join(edits)}" if edits else None,
    ]
    return ". ".join(str(line).rstrip(".") for line in lines if line) + "."


def resolve(uri: str, store: str | None = None) -> Path:
    """Return the folder of the bundle that a registry or run URI names; download it if needed.

    Parameters
    ----------
    uri
        ``models:/<name>@<alias>``, ``models:/<name>/<version>``, ``models:/m-<id>`` or
        ``runs:/<run id>``.
    store
        MLflow tracking URI; default MLFLOW_TRACKING_URI, else ``sqlite:///mlflow.db``.

    Returns
    -------
    Path
        The bundle's folder. It is the place where the model was logged if that is on this machine,
        else a folder in the cache (FITMODEL_CACHE, else the user's cache folder), whose name is
        the digest of the manifest.

    Raises
    ------
    TrackingError
        If the store does not answer, has no such model, or holds a bundle that is not the one
        that was registered.
    BundleError
        If the bundle is damaged.
    """
    with connected(store) as client:
        location, manifest_digest = _locate(client, uri)
        return _fetch(f"{location}/{BUNDLE_FOLDER}", manifest_digest, uri, tracking_uri(store))


def list_versions(name: str, store: str | None = None) -> tuple[RegisteredVersion, ...]:
    """Return a registered model's versions, newest first; empty if the name is not registered."""
    with connected(store) as client:
        aliases = _aliases(client, name)
        versions = [_version(client, each, aliases) for each in versions_of(client, name)]
    return tuple(sorted(versions, key=lambda version: version.version, reverse=True))


def get_alias(name: str, alias: str, store: str | None = None) -> int | None:
    """Return the number of the version that an alias points at; None without such an alias."""
    with connected(store) as client:
        return alias_version(client, name, alias)


def set_alias(name: str, alias: str, version: int, store: str | None = None) -> None:
    """Point an alias at a version, in one step of the store, so that it is always valid."""
    with connected(store) as client:
        client.set_registered_model_alias(name, alias, str(version))


def _source(client: Any, model_id: str) -> str:
    # A server resolves models:/ in its own store. Without a server, MLflow would look up the id in
    # the store of its global tracking URI, which may be a different store.
    if urlsplit(client.tracking_uri).scheme in {"http", "https"}:
        return f"models:/{model_id}"
    return str(client.get_logged_model(model_id).artifact_location)


def version_numbers(client: Any, name: str) -> list[int]:
    """Return the numbers of all versions, newest first; for callers that have a client."""
    versions = versions_of(client, name)
    return sorted((int(version.version) for version in versions), reverse=True)


def alias_version(client: Any, name: str, alias: str) -> int | None:
    """Return the version that an alias points at, or None; for callers that have a client."""
    return _aliases(client, name).get(alias)


def _aliases(client: Any, name: str) -> dict[str, int]:
    from mlflow.exceptions import MlflowException

    try:
        model = client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return {}
    return {alias: int(version) for alias, version in model.aliases.items()}


def _version(client: Any, registered: Any, aliases: Mapping[str, int]) -> RegisteredVersion:
    number = int(registered.version)
    return RegisteredVersion(
        name=registered.name,
        version=number,
        aliases=tuple(
            sorted(alias for alias, its_number in aliases.items() if its_number == number)
        ),
        created_at=datetime.fromtimestamp(registered.creation_timestamp / 1000, UTC),
        run_id=registered.run_id or None,
        bundle_version=registered.tags.get(BUNDLE_VERSION_TAG),
        metrics=_run_metrics(client, registered.run_id),
        tags=dict(registered.tags),
    )


def _run_metrics(client: Any, run_id: str | None) -> dict[str, float]:
    from mlflow.exceptions import MlflowException

    if not run_id:
        return {}
    try:
        return dict(client.get_run(run_id).data.metrics)
    except MlflowException as error:  # the run was deleted permanently, but not the version
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return {}


def versions_of(client: Any, name: str) -> list[Any]:
    """Return MLflow's versions of a registered model; for callers that have a client."""
    # MLflow's filters cannot escape a quote: a name with both kinds is looked up among all
    quote = '"' if "'" in name else "'"
    wanted = None if quote in name else f"name = {quote}{name}{quote}"
    return [each for each in client.search_model_versions(wanted) if each.name == name]


def _locate(client: Any, uri: str) -> tuple[str, str | None]:
    """Return the location of the logged model, and the digest registered for its manifest."""
    if result := _BY_ALIAS.fullmatch(uri):
        number = alias_version(client, result["name"], result["alias"])
        if number is None:
            raise TrackingError(
                f"no version of {result['name']!r} is {result['alias']} in the registry. Remedy: "
                "`fitmodel train` makes the first with evidence of skill champion, and "
                "`fitmodel promote --force REASON` any; `fitmodel models` lists them"
            )
        return _version_location(client, client.get_model_version(result["name"], str(number)))
    if result := _BY_NUMBER.fullmatch(uri):
        return _version_location(client, client.get_model_version(result["name"], result["number"]))
    if result := _BY_MODEL_ID.fullmatch(uri):
        return client.get_logged_model(result["id"]).artifact_location, None
    if result := _BY_RUN.fullmatch(uri):
        return _run_location(client, result["id"]), None
    raise TrackingError(
        f"{uri!r} names no model; give models:/<name>@<alias> (for example "
        "models:/prospect-fit@champion), models:/<name>/<version> or runs:/<run id>"
    )


def _version_location(client: Any, version: Any) -> tuple[str, str | None]:
    manifest_digest = version.tags.get(MANIFEST_TAG)
    if result := _BY_MODEL_ID.fullmatch(version.source):
        return client.get_logged_model(result["id"]).artifact_location, manifest_digest
    return version.source, manifest_digest


def _run_location(client: Any, run_id: str) -> str:
    outputs = client.get_run(run_id).outputs
    models = outputs.model_outputs if outputs is not None else []
    if not models:
        raise TrackingError(f"run {run_id} has no model; it may have failed before logging one")
    return str(client.get_logged_model(models[-1].model_id).artifact_location)


def _fetch(location: str, manifest_digest: str | None, uri: str, store: str) -> Path:
    local = local_path(location)
    if local is not None:
        if manifest_digest is None and not local.exists():  # no model that fitmodel registered
            raise TrackingError(
                f"{uri} is no model of fitmodel, or its files were removed: {local} is absent. "
                "Remedy: name a model that `fitmodel train` has registered"
            )
        return checked_bundle(local, manifest_digest, uri)
    cached = None if manifest_digest is None else cached_bundle(manifest_digest)
    return cached or _download(location, manifest_digest, uri, store, cache_folder())


def cached_bundle(manifest_digest: str) -> Path | None:
    """Return the cached bundle with this manifest digest; None if not complete in the cache."""
    path = cache_folder() / manifest_digest
    return path if _is_cached(path) else None


def local_path(location: str) -> Path | None:
    """Return the folder of a location on this machine; None for a location elsewhere."""
    parts = urlsplit(location)
    if parts.scheme == "file":
        return Path(url2pathname(parts.path))
    is_path = len(parts.scheme) <= 1  # a scheme of one letter is a drive of Windows
    return Path(location) if is_path else None


def _download(
    location: str, manifest_digest: str | None, uri: str, store: str, cache: Path
) -> Path:
    import mlflow.artifacts

    cache.mkdir(parents=True, exist_ok=True)
    with atomic.workspace(cache) as folder:
        path = mlflow.artifacts.download_artifacts(
            artifact_uri=location, dst_path=str(folder), tracking_uri=store
        )
        bundle = open_bundle(checked_bundle(Path(path), manifest_digest, uri))
        for file in bundle.files:
            bundle.read(file)
        target = cache / _manifest_digest(bundle.path)
        if not _is_cached(target):
            shutil.rmtree(target, ignore_errors=True)
            bundle.path.rename(target)
    return target


def checked_bundle(path: Path, manifest_digest: str | None, uri: str) -> Path:
    """Return a bundle's path after checking that it opens and is the one registered."""
    open_bundle(path)
    result = _manifest_digest(path)
    if manifest_digest is not None and result != manifest_digest:
        raise TrackingError(
            f"the bundle at {path} is not the one registered as {uri}: its manifest has digest "
            f"{result[:12]}… and {manifest_digest[:12]}… was registered; do not use it"
        )
    return path


def _is_cached(path: Path) -> bool:
    try:
        open_bundle(path)
    except BundleError:
        return False
    return _manifest_digest(path) == path.name


def _manifest_digest(bundle: Path) -> str:
    return hashlib.sha256((bundle / MANIFEST).read_bytes()).hexdigest()


def cache_folder() -> Path:
    """Return the folder of downloaded bundles: FITMODEL_CACHE, else in the user's cache."""
    chosen = os.environ.get("FITMODEL_CACHE")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "fitmodel" / "bundles"
