"""A registry URI leads to exactly the registered bundle."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException

from fitmodel.bundle.reading import open_bundle
from fitmodel.bundle.store import write_bundle
from fitmodel.deals.contract import DealSpec
from fitmodel.exceptions import BundleError, SpecError, TrackingError
from fitmodel.loading import load
from fitmodel.tracking import registry
from fitmodel.tracking.connection import connected
from fitmodel.tracking.lifecycle import RunOptions
from fitmodel.tracking.locating import refuse_name_of_others
from fitmodel.tracking.registry import get_alias, list_versions, resolve, set_alias, version_numbers
from fitmodel.tracking.runs import TrainingMetadata, track
from fitmodel.training import train

NAME = "prospect-fit"

pytestmark = pytest.mark.slow


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FITMODEL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat the artifacts of the store as on another machine."""
    monkeypatch.setattr(registry, "local_path", lambda _: None)


# --- resolving


def test_every_form_of_uri_finds_the_bundle(metadata: TrainingMetadata) -> None:
    tracked = track(metadata)
    store = str(metadata.spec.tracking.uri)
    with connected(store) as client:
        (model,) = client.get_run(tracked.run_id).outputs.model_outputs
    for uri in (
        f"models:/{NAME}@champion",
        f"models:/{NAME}/1",
        f"models:/{model.model_id}",
        f"runs:/{tracked.run_id}",
        f"runs:/{tracked.run_id}/fitmodel",
    ):
        assert open_bundle(resolve(uri, store)).version == metadata.bundle_path.name


def test_a_model_loads_by_its_alias(metadata: TrainingMetadata, trained: Any) -> None:
    track(metadata)
    model = load(f"models:/{NAME}@champion")
    assert model.version == metadata.bundle_path.name
    assert len(model.predict(trained.prospects)) == len(trained.prospects)


def test_a_local_bundle_is_used_without_a_copy(metadata: TrainingMetadata, cache: Path) -> None:
    track(metadata)
    path = resolve(f"models:/{NAME}@champion")
    assert path.is_relative_to(metadata.bundle_path.parents[2] / "store")
    assert not cache.exists()


@pytest.mark.parametrize(
    "uri",
    ["models:/", f"models:/{NAME}", f"{NAME}@champion", "models:/a/b/c", "runs:/", "s3://b/m"],
)
def test_the_error_for_an_invalid_uri_shows_valid_forms(mlflow_store: str, uri: str) -> None:
    with pytest.raises(TrackingError, match=r"names no model; give models:/<name>@<alias>"):
        resolve(uri, mlflow_store)


def test_an_unknown_name_alias_version_or_run_is_an_error_that_names_it(
    metadata: TrainingMetadata,
) -> None:
    track(metadata)
    for uri, message in [
        ("models:/unknown@champion", "unknown"),
        (f"models:/{NAME}@nobody", "nobody"),
        (f"models:/{NAME}/99", "99"),
        ("models:/m-00000000000000000000000000000000", "m-000"),
        ("runs:/00000000000000000000000000000000", "000"),
    ]:
        with pytest.raises(TrackingError, match=message):
            resolve(uri)


def test_the_error_for_a_run_without_a_model_says_so(
    metadata: TrainingMetadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise OSError("the line is dead")

    with monkeypatch.context() as patch:
        patch.setattr("mlflow.MlflowClient.create_logged_model", broken)
        track(metadata)
    with connected() as client:
        (run,) = client.search_runs([client.get_experiment_by_name(NAME).experiment_id])
    with pytest.raises(TrackingError, match="has no model"):
        resolve(f"runs:/{run.info.run_id}")


def change_logged(path: Path) -> None:
    manifest = json.loads((path / "manifest.json").read_text())
    del manifest["digest"]  # else the manifest's own digest would be wrong before the registry's
    (path / "manifest.json").write_text(json.dumps(manifest | {"metrics": {"roc_auc": 1.0}}))


def remove_scorer(path: Path) -> None:
    (path / "scorer.json").unlink()


def test_a_bundle_changed_after_it_was_registered_is_refused(metadata: TrainingMetadata) -> None:
    track(metadata)
    change_logged(resolve(f"models:/{NAME}@champion"))
    with pytest.raises(TrackingError, match="is not the one registered"):
        resolve(f"models:/{NAME}@champion")


def test_a_bundle_damaged_in_the_store_is_refused(metadata: TrainingMetadata) -> None:
    track(metadata)
    path = resolve(f"models:/{NAME}@champion")
    remove_scorer(path)
    with pytest.raises(BundleError, match=r"scorer\.json is missing"):
        resolve(f"models:/{NAME}@champion")


def test_missing_artifacts_are_an_error(metadata: TrainingMetadata) -> None:
    track(metadata)
    shutil.rmtree(resolve(f"models:/{NAME}@champion"))
    with pytest.raises(BundleError, match="no bundle at"):
        resolve(f"models:/{NAME}@champion")


# --- the cache


@pytest.mark.usefixtures("elsewhere")
def test_a_remote_bundle_is_downloaded_once(
    metadata: TrainingMetadata, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    track(metadata)
    first = resolve(f"models:/{NAME}@champion")
    assert first.parent == cache
    assert open_bundle(first).version == metadata.bundle_path.name
    monkeypatch.setattr("mlflow.artifacts.download_artifacts", None)
    assert resolve(f"models:/{NAME}/1") == first


@pytest.mark.usefixtures("elsewhere")
def test_a_damaged_cache_entry_is_downloaded_again(metadata: TrainingMetadata, cache: Path) -> None:
    track(metadata)
    path = resolve(f"models:/{NAME}@champion")
    for damage in ((path / "scorer.json").unlink, lambda: change_logged(path)):
        damage()
        assert resolve(f"models:/{NAME}@champion") == path
        assert open_bundle(path).read("scorer.json")
    assert [folder.name for folder in cache.iterdir()] == [path.name]


@pytest.mark.usefixtures("elsewhere")
def test_a_bundle_without_a_registered_digest_is_cached_under_its_own_digest(
    metadata: TrainingMetadata, cache: Path
) -> None:
    tracked = track(metadata)
    path = resolve(f"runs:/{tracked.run_id}")
    assert resolve(f"models:/{NAME}/1") == path
    assert [folder.name for folder in cache.iterdir()] == [path.name]


@pytest.mark.usefixtures("elsewhere")
def test_a_download_that_differs_from_the_registered_bundle_is_removed(
    metadata: TrainingMetadata, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    track(metadata)

    def attack(artifact_uri: str, dst_path: str, tracking_uri: str) -> str:
        assert artifact_uri
        assert tracking_uri
        files = {"scorer.json": b"{}"}
        return str(write_bundle(Path(dst_path), NAME, files=files, manifest={}))

    monkeypatch.setattr("mlflow.artifacts.download_artifacts", attack)
    with pytest.raises(TrackingError, match="is not the one registered"):
        resolve(f"models:/{NAME}@champion")
    assert list(cache.iterdir()) == []


@pytest.mark.usefixtures("elsewhere")
def test_a_download_with_a_changed_file_is_removed(
    metadata: TrainingMetadata, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    track(metadata)

    def attack(artifact_uri: str, dst_path: str, tracking_uri: str) -> str:
        assert artifact_uri
        assert tracking_uri
        copy = Path(shutil.copytree(metadata.bundle_path, Path(dst_path) / "bundle"))
        (copy / "card.md").write_bytes(b"* Card\n")
        return str(copy)

    monkeypatch.setattr("mlflow.artifacts.download_artifacts", attack)
    with pytest.raises(BundleError, match="is not the file the manifest states"):
        resolve(f"models:/{NAME}@champion")
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"FITMODEL_CACHE": "/chosen"}, "/chosen"),
        ("linux", {"XDG_CACHE_HOME": "/xdg"}, "/xdg/fitmodel/bundles"),
        ("linux", {"HOME": "/home/me"}, "/home/me/.cache/fitmodel/bundles"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/fitmodel/bundles"),
    ],
)
def test_the_cache_is_in_the_cache_folder_of_the_platform(
    monkeypatch: pytest.MonkeyPatch, platform: str, variables: dict[str, str], expected: str
) -> None:
    for name in ("FITMODEL_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.platform", platform)
    assert registry.cache_folder() == Path(expected)


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("file:///a%20b/c", "/a b/c"),
        ("/a/b", "/a/b"),
        ("relative/b", "relative/b"),
        ("mlflow-artifacts:/1/models", None),
        ("s3://bucket/a", None),
    ],
)
def test_only_local_folders_have_a_local_path(location: str, path: str | None) -> None:
    assert registry.local_path(location) == (None if path is None else Path(path))


# --- versions and aliases


def test_versions_are_listed_newest_first_with_their_metadata(
    another: Callable[[], TrainingMetadata],
) -> None:
    metadata = [another(), another()]
    runs = [track(each).run_id for each in metadata]
    newest, oldest = list_versions(NAME)
    assert (newest.version, newest.aliases, newest.run_id) == (2, ("challenger",), runs[1])
    assert (oldest.version, oldest.aliases, oldest.run_id) == (1, ("champion",), runs[0])
    assert newest.bundle_version == metadata[1].bundle_path.name
    assert newest.metrics["roc_auc"] == metadata[1].report.metrics["roc_auc"].value
    assert abs((datetime.now(UTC) - newest.created_at).total_seconds()) < 600


def test_an_unregistered_name_has_no_versions_and_no_aliases(mlflow_store: str) -> None:
    assert list_versions("it's \\ unknown", mlflow_store) == ()
    assert get_alias("unknown", "champion", mlflow_store) is None


def test_an_alias_can_be_moved_only_to_an_existing_version(
    another: Callable[[], TrainingMetadata],
) -> None:
    track(another())
    track(another())
    set_alias(NAME, "trial", 1)
    set_alias(NAME, "trial", 2)
    assert get_alias(NAME, "trial") == 2
    with pytest.raises(TrackingError, match="99"):
        set_alias(NAME, "trial", 99)
    assert get_alias(NAME, "trial") == 2


def test_a_version_remains_after_its_run_is_deleted(metadata: TrainingMetadata) -> None:
    tracked = track(metadata)
    with connected() as client:
        client.delete_run(tracked.run_id)
    (version,) = list_versions(NAME)
    assert version.run_id == tracked.run_id


def test_a_registered_model_of_another_library_is_refused_by_name(
    mlflow_store: str, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "MLmodel").write_text("flavors: {sklearn: {}}", encoding="utf-8")
    with connected(mlflow_store) as client:
        client.create_registered_model("other")
        client.create_model_version("other", source=str(tmp_path / "other"))
    with pytest.raises(TrackingError, match=r"^models:/other/1 is no model of fitmodel, or its"):
        load("models:/other/1")


def _add_version_of_another_library(store: str, name: str, folder: Path, **options: Any) -> None:
    folder.mkdir(exist_ok=True)
    with connected(store) as client:
        with suppress(MlflowException):
            client.create_registered_model(name)
        client.create_model_version(name, source=str(folder), **options)


@pytest.mark.parametrize("name", ["it's churn", 'the "new" fit', """it's the "new" fit"""])
def test_versions_are_found_by_a_name_with_quotes(
    mlflow_store: str, tmp_path: Path, name: str
) -> None:
    for each in ("its", name, name):
        _add_version_of_another_library(mlflow_store, each, tmp_path / "other")
    with connected(mlflow_store) as client:
        assert version_numbers(client, name) == [2, 1]
    assert [each.version for each in list_versions(name, mlflow_store)] == [2, 1]


def _named(name: str, store: str, trained: Any) -> DealSpec:
    return trained.spec.replace(tracking={"registered_model": name, "uri": store})


def test_a_name_of_another_library_is_refused_before_the_training(
    mlflow_store: str, trained: Any, tmp_path: Path
) -> None:
    name = "it's churn"
    for _ in range(2):
        _add_version_of_another_library(mlflow_store, name, tmp_path / "other")
    spec, others = (_named(each, mlflow_store, trained) for each in ("its", name))
    steps: list[str] = []
    refuse_name_of_others(spec)
    assert [each.version for each in list_versions(name, mlflow_store)] == [2, 1]
    with pytest.raises(SpecError, match="has 2 version"):
        refuse_name_of_others(others)

    _add_version_of_another_library(mlflow_store, "its", tmp_path / "other")
    with pytest.raises(
        SpecError, match=r"^the registered model 'its' has 1 version\(s\), and none"
    ):
        train(trained.deals, spec, models=tmp_path / "models", progress=steps.append)
    refuse_name_of_others(spec, RunOptions(register=False))
    assert steps == ["reading"]
    assert not (tmp_path / "models").exists()
    assert [each.version for each in list_versions("its", mlflow_store)] == [1]


def test_a_name_with_a_version_of_fitmodel_is_not(
    metadata: TrainingMetadata, trained: Any, tmp_path: Path
) -> None:
    """Also if a run's model was registered by hand, and the version has no tag."""
    store, run_id = str(metadata.spec.tracking.uri), track(metadata).run_id
    _add_version_of_another_library(store, NAME, tmp_path / "other")
    _add_version_of_another_library(store, "by hand", tmp_path / "other", run_id=run_id)
    refuse_name_of_others(_named(NAME, store, trained))
    refuse_name_of_others(_named("by hand", store, trained))


def test_runs_are_read_only_if_no_version_has_a_tag_of_fitmodel(
    metadata: TrainingMetadata, trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request for each of hundreds of versions would take minutes."""
    store, run_id = str(metadata.spec.tracking.uri), track(metadata).run_id
    _add_version_of_another_library(store, NAME, tmp_path / "other", run_id=run_id)
    monkeypatch.delattr("mlflow.MlflowClient.get_run")
    refuse_name_of_others(_named(NAME, store, trained))


def test_a_store_that_is_away_or_not_there_yet_refuses_no_name(
    trained: Any, tmp_path: Path
) -> None:
    for store in ("http://127.0.0.1:9", f"sqlite:///{tmp_path}/mlflow.db"):
        refuse_name_of_others(_named(NAME, store, trained))
    assert list(tmp_path.iterdir()) == []
