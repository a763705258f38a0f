"""A training becomes one run with aggregates only, and is kept also if the store fails."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest

from fitmodel.bundle.reading import open_bundle
from fitmodel.exceptions import BundleError, TrackingError
from fitmodel.tables.atomic import host_name
from fitmodel.tracking.connection import connected, database_file
from fitmodel.tracking.lifecycle import OWNER_TAG
from fitmodel.tracking.registry import get_alias
from fitmodel.tracking.runs import Tracked, TrainingMetadata, begin, deals_digest, track

pytestmark = pytest.mark.slow  # each logs a model

NAME = "prospect-fit"


@pytest.fixture(autouse=True)
def _environment_names_another_store(
    mlflow_store: str,  # noqa: ARG001 - it sets the variable, which is then overwritten
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Set a wrong global store, so that any use of it would fail."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")


def at(metadata: TrainingMetadata, **changes: Any) -> TrainingMetadata:
    tracking = metadata.spec.tracking.model_copy(update=changes)
    return dataclasses.replace(
        metadata, spec=metadata.spec.model_copy(update={"tracking": tracking})
    )


def runs_of(metadata: TrainingMetadata) -> list[Any]:
    with connected(metadata.spec.tracking.uri) as client:
        experiment = client.get_experiment_by_name(metadata.spec.tracking.experiment)
        return list(client.search_runs([experiment.experiment_id]))


def artifacts_of(metadata: TrainingMetadata) -> Path:
    file = database_file(metadata.spec.tracking.uri or "")
    assert file is not None
    return file.parent / "mlruns"


# --- content of a run


def test_a_run_has_every_setting_of_the_contract(stored: tuple[TrainingMetadata, Tracked]) -> None:
    metadata, _ = stored
    (run,) = runs_of(metadata)
    assert run.info.status == "FINISHED"
    assert run.data.params["label.horizon_months"] == "5"
    assert run.data.params["tracking.registered_model"] == NAME
    for section, settings in metadata.spec.to_dict().items():
        assert {f"{section}.{key}" for key in settings} <= set(run.data.params)


def test_a_run_has_every_metric_with_its_interval_and_base(
    stored: tuple[TrainingMetadata, Tracked],
) -> None:
    metadata, _ = stored
    (run,) = runs_of(metadata)
    metric = metadata.report.metrics["log_loss"]
    logged = run.data.metrics
    assert logged["log_loss"] == metric.value
    assert (logged["log_loss.low"], logged["log_loss.high"]) == (metric.low, metric.high)
    assert logged["log_loss.base"] == metric.base
    assert all(math.isfinite(number) for number in logged.values())


def test_a_missing_metric_is_left_out(metadata: TrainingMetadata) -> None:
    nan = dataclasses.replace(metadata.report.metrics["roc_auc"], value=math.nan, low=math.nan)
    report = dataclasses.replace(metadata.report, metrics={"roc_auc": nan})  # type: ignore[type-var]
    assert track(dataclasses.replace(metadata, report=report)).warning is None
    (run,) = runs_of(metadata)
    assert set(run.data.metrics) == {"roc_auc.high", "roc_auc.base"}


def test_a_run_names_the_bundle_and_the_package_versions(
    stored: tuple[TrainingMetadata, Tracked],
) -> None:
    metadata, _ = stored
    (run,) = runs_of(metadata)
    bundle = open_bundle(metadata.bundle_path)
    assert run.data.tags["fitmodel.bundle_version"] == bundle.version
    assert run.data.tags["fitmodel.version"] == bundle.manifest["fitmodel"]
    assert "mlflow.source.name" in run.data.tags


def test_a_run_has_plots_card_report_and_candidates(
    stored: tuple[TrainingMetadata, Tracked],
) -> None:
    metadata, tracked = stored
    (folder,) = artifacts_of(metadata).glob(f"*/{tracked.run_id}/artifacts")
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")} == {
        "card.md",
        "candidates.json",
        "plots/calibration.png",
        "plots/roc.png",
        "report.json",
        "spec.json",
    }
    assert (folder / "card.md").read_text() == metadata.card
    assert json.loads((folder / "spec.json").read_text()) == metadata.spec.to_dict()


def test_a_run_names_the_deals_by_digest_and_schema(
    stored: tuple[TrainingMetadata, Tracked],
) -> None:
    metadata, _ = stored
    (run,) = runs_of(metadata)
    (entry,) = run.inputs.dataset_inputs
    assert entry.dataset.digest == deals_digest(metadata.deals)
    profile = json.loads(entry.dataset.profile)
    assert profile == {"num_rows": len(metadata.deals), "num_elements": metadata.deals.size}
    assert "contract_term_months" in entry.dataset.schema
    assert {tag.key: tag.value for tag in entry.tags} == {"mlflow.data.context": "training"}


def test_no_row_of_the_deals_reaches_the_store(stored: tuple[TrainingMetadata, Tracked]) -> None:
    metadata, _ = stored
    ids = [str(deal).encode() for deal in metadata.deals["deal_id"]]
    store = artifacts_of(metadata).parent
    files = [path for path in store.rglob("*") if path.is_file()]
    assert len(files) > 10
    for file in files:
        content = file.read_bytes()
        assert not any(deal in content for deal in ids), file


def test_artifacts_are_stored_next_to_the_database_from_any_folder(
    metadata: TrainingMetadata, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    track(metadata)
    assert list(elsewhere.iterdir()) == []
    assert artifacts_of(metadata).is_dir()


def test_settings_can_contain_any_column_name(metadata: TrainingMetadata) -> None:
    words = metadata.spec.words.model_copy(update={"labels": {"Größe % / 客户": "x" * 9000}})
    unusual = dataclasses.replace(metadata, spec=metadata.spec.model_copy(update={"words": words}))
    assert track(unusual).warning is None
    (run,) = runs_of(metadata)
    assert run.data.params["words.labels"].startswith('{"Größe % / 客户": "xxx')


def test_the_types_of_many_deals_are_inferred_from_a_sample(metadata, monkeypatch) -> None:
    """MLflow would check every text, which takes seconds for 100,000 deals."""
    from mlflow.data import pandas_dataset

    seen = []
    real = pandas_dataset.from_pandas
    monkeypatch.setattr(
        pandas_dataset,
        "from_pandas",
        lambda frame, **given: seen.append(len(frame)) or real(frame, **given),
    )
    many = pd.concat([metadata.deals] * 20, ignore_index=True)
    tracked = track(dataclasses.replace(metadata, deals=many))

    assert max(seen) <= 1_100
    with connected(metadata.spec.tracking.uri) as client:
        (entry,) = client.get_run(tracked.run_id).inputs.dataset_inputs
    assert json.loads(entry.dataset.profile)["num_rows"] == len(many) == 8_000
    assert entry.dataset.digest == deals_digest(many)


# --- the logged model


@pytest.mark.full_training
def test_the_logged_model_contains_the_bundle_and_no_pickle(
    metadata: TrainingMetadata,
) -> None:
    track(metadata)
    (folder,) = artifacts_of(metadata).glob("*/models/*/artifacts")
    logged = open_bundle(folder / "artifacts" / "bundle")
    written = open_bundle(metadata.bundle_path)
    assert logged.manifest == written.manifest
    assert {f: logged.read(f) for f in logged.files} == {f: written.read(f) for f in written.files}
    assert list(folder.rglob("*.pkl")) == []
    assert (folder / "pyfunc_model.py").is_file()
    required = (folder / "requirements.txt").read_text()
    assert "mlflow==" in required
    assert "fitmodel" not in required  # it is stored next to the model: no package index has it
    assert (folder / "code" / "fitmodel" / "__init__.py").is_file()


def test_a_signed_bundle_is_logged_with_its_signature(
    trained: Any, another: Callable[[], TrainingMetadata], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert trained.spec
    monkeypatch.setenv("FITMODEL_SIGNING_KEY", "right")
    metadata = another()
    track(metadata)
    (folder,) = artifacts_of(metadata).glob("*/models/*/artifacts/artifacts/bundle")
    assert open_bundle(folder).version == metadata.bundle_path.name


def test_the_first_version_is_champion_and_the_newest_challenger(
    another: Callable[[], TrainingMetadata],
) -> None:
    first = another()
    assert track(first).registry_version == 1
    assert track(another()).registry_version == 2
    uri = first.spec.tracking.uri
    assert get_alias(NAME, "champion", uri) == 1
    assert get_alias(NAME, "challenger", uri) == 2


# --- a run begun before the bundle is written


def test_a_run_begun_earlier_is_continued(metadata: TrainingMetadata) -> None:
    begun = begin(metadata.spec)
    assert begun.run_id is not None
    tracked = track(dataclasses.replace(metadata, begun=begun))
    assert tracked.run_id == begun.run_id
    assert len(runs_of(metadata)) == 1


def test_an_unreachable_store_is_not_called_again(
    metadata: TrainingMetadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    unreachable = at(metadata, uri="http://127.0.0.1:1")
    begun = begin(unreachable.spec)
    assert begun.run_id is None
    monkeypatch.setattr("fitmodel.tracking.runs.connected", None)
    tracked = track(dataclasses.replace(unreachable, begun=begun))
    assert "was not tracked" in str(tracked.warning)


# --- failures of the store


@pytest.mark.parametrize("uri", ["http://127.0.0.1:1", "sqlite:////no/folder/x.db", "nonsense://x"])
def test_without_a_store_the_training_is_kept_with_a_warning(
    metadata: TrainingMetadata, uri: str
) -> None:
    tracked = track(at(metadata, uri=uri))
    assert (tracked.run_id, tracked.model_uri, tracked.registry_version) == (None, None, None)
    assert uri in str(tracked.warning)
    assert str(metadata.bundle_path) in str(tracked.warning)
    assert open_bundle(metadata.bundle_path).read("card.md") == b"# Card\n"


def break_call(monkeypatch: pytest.MonkeyPatch, call: str, error: BaseException) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(f"mlflow.MlflowClient.{call}", broken)


CALLS = (
    "log_batch",
    "log_inputs",
    "log_text",
    "log_figure",
    "create_logged_model",
    "log_model_artifacts",
    "finalize_logged_model",
    "create_registered_model",
    "create_model_version",
    "set_registered_model_alias",
)


@pytest.mark.parametrize("call", CALLS)
def test_a_store_that_fails_during_tracking_leaves_a_failed_run_and_a_warning(
    metadata: TrainingMetadata, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    break_call(monkeypatch, call, OSError("the line is dead"))
    tracked = track(metadata)
    assert tracked.run_id is None
    assert "the line is dead" in str(tracked.warning)
    monkeypatch.undo()
    (run,) = runs_of(metadata)
    assert run.info.status == "FAILED"
    assert get_alias(NAME, "champion", metadata.spec.tracking.uri) is None
    assert track(metadata).warning is None


def test_a_model_whose_files_cannot_be_stored_is_failed_and_not_pending(
    metadata: TrainingMetadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_call(monkeypatch, "log_model_artifacts", OSError("no space left"))
    assert "no space left" in str(track(metadata).warning)
    monkeypatch.undo()
    (run,) = runs_of(metadata)
    with connected(metadata.spec.tracking.uri) as client:
        (model,) = client.search_logged_models([run.info.experiment_id])
    assert model.status == "FAILED"


def test_a_second_training_of_the_same_deals_at_once_is_tracked(
    metadata: TrainingMetadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow fails if two runs log the same new table in the same moment; later it does not."""
    log_inputs, calls = mlflow.MlflowClient.log_inputs, []

    def fails_once(*given: Any, **named: Any) -> None:
        calls.append(given)
        if len(calls) == 1:
            raise mlflow.exceptions.MlflowException("UNIQUE constraint failed: datasets.digest")
        log_inputs(*given, **named)

    monkeypatch.setattr("mlflow.MlflowClient.log_inputs", fails_once)
    tracked = track(metadata)

    assert (tracked.warning, len(calls)) == (None, 2)
    (run,) = runs_of(metadata)
    assert len(run.inputs.dataset_inputs) == 1


def test_a_training_tracked_after_a_failure_is_complete(
    metadata: TrainingMetadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        break_call(patch, "create_model_version", OSError("the line is dead"))
        track(metadata)
    tracked = track(metadata)
    assert tracked.warning is None
    assert get_alias(NAME, "champion", metadata.spec.tracking.uri) == tracked.registry_version


def test_ctrl_c_ends_the_run_as_killed(
    metadata: TrainingMetadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        break_call(patch, "log_figure", KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            track(metadata)
    (run,) = runs_of(metadata)
    assert run.info.status == "KILLED"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not say whether a process lives")
@pytest.mark.parametrize(
    ("tag", "status"),
    [
        (f"{host_name()}-999999999", "KILLED"),  # above the largest process number of Linux
        (f"{host_name()}-{os.getpid()}", "RUNNING"),
        ("elsewhere-999999999", "RUNNING"),
        (f"{host_name()}-x", "RUNNING"),
        (f"{host_name()}-{10**30}", "RUNNING"),
        ("", "RUNNING"),
    ],
    ids=["dead", "alive", "another machine", "no number", "no such number", "none"],
)
def test_the_next_training_ends_the_run_of_a_killed_training(
    metadata: TrainingMetadata, tag: str, status: str
) -> None:
    killed = begin(metadata.spec).run_id
    with connected(metadata.spec.tracking.uri) as client:
        assert client.get_run(killed).data.tags[OWNER_TAG] == f"{host_name()}-{os.getpid()}"
        client.set_tag(killed, OWNER_TAG, tag)
        experiment = client.get_run(killed).info.experiment_id
        half = client.create_logged_model(experiment, source_run_id=killed).model_id

    track(metadata)

    result = {run.info.run_id: run.info.status for run in runs_of(metadata)}
    assert result.pop(killed) == status
    assert list(result.values()) == ["FINISHED"]
    with connected(metadata.spec.tracking.uri) as client:
        models = {one.model_id: one.status for one in client.search_logged_models([experiment])}
    assert models.pop(half) == ("FAILED" if status == "KILLED" else "PENDING")
    assert list(models.values()) == ["READY"]


def test_tracking_without_a_bundle_is_refused(metadata: TrainingMetadata, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no bundle at"):
        track(dataclasses.replace(metadata, bundle_path=tmp_path / "absent"))


def test_the_error_for_a_deleted_experiment_names_the_remedy(metadata: TrainingMetadata) -> None:
    track(metadata)
    with connected(metadata.spec.tracking.uri) as client:
        client.delete_experiment(client.get_experiment_by_name(NAME).experiment_id)
    tracked = track(metadata)
    assert "has been deleted; restore it with" in str(tracked.warning)


def test_an_experiment_created_concurrently_is_used(
    metadata: TrainingMetadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    track(metadata)
    find = MlflowClient.get_experiment_by_name
    answers = iter([None])
    monkeypatch.setattr(
        "mlflow.MlflowClient.get_experiment_by_name",
        lambda client, name: next(answers, find(client, name)),
    )
    assert track(metadata).warning is None
    monkeypatch.undo()
    assert len(runs_of(metadata)) == 2


def test_another_error_when_creating_the_experiment_is_reported(
    metadata: TrainingMetadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.exceptions import MlflowException

    break_call(monkeypatch, "create_experiment", MlflowException("not allowed"))
    assert "not allowed" in str(begin(metadata.spec).warning)
    with (
        pytest.raises(TrackingError, match="not allowed"),
        connected(metadata.spec.tracking.uri) as c,
    ):
        c.create_experiment("x")


# --- the digest of the deals


def test_the_digest_does_not_depend_on_the_order_of_rows(metadata: TrainingMetadata) -> None:
    shuffled = metadata.deals.sample(frac=1, random_state=0)
    assert deals_digest(shuffled) == deals_digest(metadata.deals)


def test_the_digest_depends_on_every_value_name_and_row() -> None:
    table = pd.DataFrame(
        {"a": [1.0, np.nan], "b": ["x", None], "c": pd.to_datetime(["2026-01-01", None])}
    )
    others = [
        table.assign(a=[1.0, 2.0]),
        table.assign(b=["x", "y"]),
        table.assign(c=pd.to_datetime(["2026-01-02", None])),
        table.rename(columns={"a": "A"}),
        table.head(1),
        pd.concat([table, table.head(1)]),
    ]
    digests = {deals_digest(other) for other in [table, *others]}
    assert len(digests) == 7


def test_the_digest_accepts_columns_of_mixed_types() -> None:
    table = pd.DataFrame({"a": [1, "one", None], "b": [True, None, "yes"]})
    assert len(deals_digest(table)) == 32
