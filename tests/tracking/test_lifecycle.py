"""Name, parent, tags and experiment of a run, and callbacks."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import matplotlib.pyplot as plt
import mlflow
import numpy as np
import pandas as pd
import pytest

import fitmodel
from fitmodel.exceptions import SpecError
from fitmodel.loading import load
from fitmodel.tracking.connection import connected, without_autolog
from fitmodel.tracking.lifecycle import RunOptions
from fitmodel.tracking.registry import get_alias, list_versions, resolve
from fitmodel.tracking.runs import TrainingMetadata, track

pytestmark = pytest.mark.slow  # each logs a model

NAME = "prospect-fit"


@pytest.fixture
def global_store(mlflow_store: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The store of the test, also set as MLflow's global store as in a notebook."""
    from mlflow.tracking._tracking_service import utils

    monkeypatch.setattr(utils, "_tracking_uri", mlflow_store)
    yield mlflow_store
    while mlflow.active_run() is not None:
        mlflow.end_run()


def with_options(metadata: TrainingMetadata, **options: Any) -> TrainingMetadata:
    return dataclasses.replace(metadata, options=RunOptions(**options))


def run_of(tracked: Any) -> Any:
    with connected() as client:
        return client.get_run(tracked.run_id)


def test_name_tags_and_experiment_are_those_of_the_caller(metadata: TrainingMetadata) -> None:
    given = with_options(metadata, run_name="weekly", tags={"team": "data"}, experiment="spring")
    run = run_of(track(given))

    assert run.info.run_name == "weekly"
    assert run.data.tags["team"] == "data"
    with connected() as client:
        assert client.get_experiment(run.info.experiment_id).name == "spring"


@pytest.mark.usefixtures("global_store")
def test_an_active_run_of_the_same_store_becomes_the_parent(metadata) -> None:
    experiment = mlflow.create_experiment("pipeline")  # not set globally, because that would last
    with mlflow.start_run(experiment_id=experiment) as parent:
        run = run_of(track(metadata))
        assert mlflow.active_run().info.run_id == parent.info.run_id

    assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert run.info.experiment_id == parent.info.experiment_id
    assert "mlflow.parentRunId" not in run_of(track(dataclasses.replace(metadata))).data.tags


def test_an_active_run_of_another_store_is_not_changed(
    metadata, global_store, migrated_store, tmp_path, monkeypatch
) -> None:
    from mlflow.tracking._tracking_service import utils

    assert global_store
    shutil.copy(migrated_store, tmp_path / "other.db")
    monkeypatch.setattr(utils, "_tracking_uri", f"sqlite:///{tmp_path / 'other.db'}")
    with mlflow.start_run(experiment_id="0"):
        run = run_of(track(metadata))

    assert "mlflow.parentRunId" not in run.data.tags


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"on_run": 5}, "on_run is 5. Remedy: give a function that takes the run"),
        ({"tags": ["team"]}, r"tags is \['team'\]. Remedy: give a mapping"),
        ({"run_name": 26}, "run_name is 26. Remedy: give a text"),
        ({"experiment": Path("x")}, "experiment is .*Path.*Remedy: give a text"),
    ],
)
def test_invalid_run_options_are_refused_before_the_training(metadata, given, message) -> None:
    messages: list[str] = []
    with pytest.raises(SpecError, match=message):
        fitmodel.train("nowhere.csv", metadata.spec, progress=messages.append, **given)
    assert not messages
    with pytest.raises(SpecError, match=message):
        RunOptions(**given)


def test_without_register_there_is_a_run_with_a_model_but_no_version(metadata) -> None:
    tracked = track(with_options(metadata, register=False))

    assert tracked.registry_version is None
    assert list_versions(NAME) == ()
    assert get_alias(NAME, "challenger") is None
    assert resolve(str(tracked.model_uri)).is_dir()


def test_a_callback_can_log_to_the_open_run(metadata, tmp_path) -> None:
    (tmp_path / "note.txt").write_text("by hand")
    figure = plt.figure()

    def add(run: Any) -> None:
        assert run.report is metadata.report
        assert run.bundle_path == metadata.bundle_path
        run.log_metrics({"rows_in_the_crm": 812})
        run.log_params({"branch": "main"})
        run.set_tags({"ticket": 26})
        run.log_text("text", "a.txt")
        run.log_dict({"b": 1}, "b.json")
        run.log_figure(figure, "c.png")
        run.log_artifact(tmp_path / "note.txt", "notes")

    tracked = track(with_options(metadata, on_run=add))

    data = run_of(tracked).data
    assert data.metrics["rows_in_the_crm"] == 812
    assert data.params["branch"] == "main"
    assert data.tags["ticket"] == "26"
    with connected() as client:
        files = {item.path for item in client.list_artifacts(tracked.run_id)}
    assert files >= {"a.txt", "b.json", "c.png", "notes"}


def test_a_callback_that_logs_to_another_run_gets_a_warning(metadata, monkeypatch) -> None:
    """``mlflow.log_metric`` starts a run if none is active, and leaves it open."""
    monkeypatch.setattr(mlflow.tracking.fluent, "_active_experiment_id", None)

    def stray(_run: Any) -> None:
        mlflow.log_metric("rows_in_the_crm", 812)

    def same(run: Any) -> None:
        with mlflow.start_run(run_id=run.run_id):
            mlflow.log_metric("rows_in_the_crm", 812)

    with pytest.warns(
        UserWarning, match=r"a run of its own, .*Remedy: log with .*run\.log_metrics"
    ):
        track(with_options(metadata, on_run=stray))
    assert mlflow.active_run() is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tracked = track(with_options(metadata, on_run=same))
        with mlflow.start_run():
            track(with_options(metadata, on_run=stray))
            assert mlflow.active_run() is not None
    assert run_of(tracked).data.metrics["rows_in_the_crm"] == 812


def test_a_callback_that_fails_fails_the_run_and_registers_nothing(metadata) -> None:
    def fail(run: Any) -> None:
        raise ZeroDivisionError(run.run_id)

    with pytest.raises(ZeroDivisionError) as error:
        track(with_options(metadata, on_run=fail))

    with connected() as client:
        assert client.get_run(str(error.value)).info.status == "FAILED"
    assert list_versions(NAME) == ()
    assert metadata.bundle_path.is_dir()


def test_metrics_have_searchable_names(metadata) -> None:
    class Report(type(metadata.report)):
        flagged = MappingProxyType(
            {"precision": 0.5, "recall": 0.25, "share_flagged": 0.1, "net": float("nan")}
        )
        n_deals, n_train, n_test, n_early_churners, base_rate = 400, 300, 100, 80, 0.2

    report = Report(metadata.report.metrics)
    tracked = track(dataclasses.replace(metadata, report=report, seconds=7.5))

    metrics = run_of(tracked).data.metrics
    for name, value in {
        "precision": 0.5,
        "recall": 0.25,
        "share_flagged": 0.1,
        "training_seconds": 7.5,
        "deals": 400,
        "early_churners": 80,
        "early_churn_rate": 0.2,
    }.items():
        assert metrics[name] == value
    assert "net" not in metrics  # not known


def test_the_registered_version_has_a_description(metadata) -> None:
    tracked = track(metadata)
    with connected() as client:
        version = client.get_model_version(NAME, str(tracked.registry_version))

    assert version.description.startswith(f"Prospect-fit model {metadata.bundle_path.name}")


def test_autologging_is_disabled_during_a_training_and_restored() -> None:
    from mlflow.utils import autologging_utils

    with without_autolog():
        assert autologging_utils._AUTOLOGGING_GLOBALLY_DISABLED
    assert not autologging_utils._AUTOLOGGING_GLOBALLY_DISABLED


ELSEWHERE = """
import os, sys
sys.path = [p for p in sys.path if not os.path.isdir(os.path.join(p, "fitmodel"))]
sys.meta_path = [m for m in sys.meta_path if "editable" not in getattr(m, "__name__", "").lower()]
import importlib.util
assert importlib.util.find_spec("fitmodel") is None
import mlflow, pandas
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model(f"models:/{sys.argv[2]}@champion")
import fitmodel
assert os.sep.join(["code", "fitmodel", ""]) in fitmodel.__file__, fitmodel.__file__
model.predict(pandas.read_parquet("rows.parquet"), params={"reasons": 0}).to_parquet("out.parquet")
"""


@pytest.mark.full_training
@pytest.mark.slow
def test_the_logged_model_gives_the_same_columns_without_fitmodel_installed(
    metadata, trained, tmp_path
) -> None:
    tracked = track(metadata)
    folder = resolve(str(tracked.model_uri)).parents[1]
    rows = trained.prospects.head(20)
    rows.to_parquet(tmp_path / "rows.parquet")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    store = str(metadata.spec.tracking.uri)

    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-W", "ignore", "-c", ELSEWHERE, store, NAME],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr[-2000:]
    assert Path(folder, "code", "fitmodel").is_dir()
    scored = pd.read_parquet(tmp_path / "out.parquet")
    expected = load(metadata.bundle_path).predict(rows, reasons=0)
    assert list(scored.columns) == list(expected.columns)
    np.testing.assert_allclose(
        scored["early_churn_probability"], expected["early_churn_probability"], atol=1e-12
    )
