"""Kills, timeouts and concurrency: the old or the new champion is always in use."""

from __future__ import annotations

import dataclasses
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fitmodel.bundle.reading import open_bundle
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.exceptions import BundleError, TrackingError
from fitmodel.loading import load
from fitmodel.retraining import retrain
from fitmodel.tracking.promotion import promote
from fitmodel.tracking.registry import get_alias, list_versions, resolve
from fitmodel.tracking.runs import TrainingMetadata, track
from fitmodel.training import train
from warm_python import WarmPython, warm_python

NAME = "prospect-fit"
KILLS = 8
NO_CODE = str(Path(__file__).parents[1] / "no_code")
# Slow imports, and the parts of a training that conftest.py leaves out too.
IMPORTS = f"""
import functools
import git, IPython, jinja2, mlflow.pyfunc, rich.console
import mlflow.store.tracking.sqlalchemy_store, mlflow.store.model_registry.sqlalchemy_store
import sklearn.ensemble, sklearn.impute, sklearn.pipeline
from mlflow.store.db import utils
from sqlalchemy.orm import configure_mappers
import fitmodel.retraining
from fitmodel.cli.main import app
from fitmodel.evaluation.report import TrainingReport
from fitmodel.learning import _other_classifiers as _black_box
from fitmodel.tracking import run_log

TrainingReport.figures = lambda _report: {{}}
run_log._package = lambda: {NO_CODE!r}
_black_box.N_REPLICATES = 1
configure_mappers()
utils._get_latest_schema_revision = functools.cache(utils._get_latest_schema_revision)
utils._get_latest_schema_revision()
"""
COMMAND = "import sys; from fitmodel.cli.main import app; app(sys.argv[1:])"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="processes are forked and killed another way there"),
]


@pytest.fixture(scope="module")
def python() -> Iterator[WarmPython]:
    with warm_python(IMPORTS) as ready:
        yield ready


@pytest.fixture
def contract(
    tmp_path: Path, mlflow_store: str, quick_learner: dict[str, Any]
) -> tuple[object, ...]:
    """Options of a command that name the store and the models folder of the test."""
    simulated = simulate_deals(50, seed=5, n_attributes=4).spec
    spec = simulated.replace(tracking={"uri": mlflow_store}, learning=quick_learner)
    (tmp_path / "fitmodel.toml").write_text(spec.to_toml())
    return ("-c", tmp_path / "fitmodel.toml", "--models", tmp_path / "models")


def test_a_promotion_killed_at_any_moment_leaves_the_old_champion_or_the_new(
    two: list[TrainingMetadata], python: WarmPython, contract: tuple[object, ...], tmp_path: Path
) -> None:
    versions = [metadata.bundle_path.name for metadata in two]
    promotion: tuple[object, ...] = ("promote", "--version", 2, "--force", "to be timed", *contract)
    begun = time.monotonic()
    assert python.run(COMMAND, *promotion) == 0
    duration = time.monotonic() - begun
    for moment in np.linspace(0, 1.1 * duration, KILLS):
        wanted = 2 if get_alias(NAME, "champion") == 1 else 1
        promotion = ("promote", "--version", wanted, "--force", "to be killed", *contract)
        child = python.start(COMMAND, *promotion)
        time.sleep(moment)
        os.kill(child, signal.SIGKILL)
        python.wait(child)
        assert load(f"models:/{NAME}@champion").version in versions
        assert load(tmp_path / "models" / NAME).version in versions
    # files left by a kill cause no error
    assert python.run(COMMAND, *promotion) == 0
    assert get_alias(NAME, "champion") == wanted
    assert load(tmp_path / "models" / NAME).version == versions[wanted - 1]


def test_two_concurrent_trainings_and_a_promotion_all_succeed(
    two: list[TrainingMetadata], python: WarmPython, contract: tuple[object, ...], tmp_path: Path
) -> None:
    deals = tmp_path / "deals.csv"
    simulate_deals(700, seed=5, n_attributes=4).deals.to_csv(deals, index=False)
    commands: list[tuple[object, ...]] = [
        ("train", deals, *contract),
        ("train", deals, *contract),
        ("promote", "--version", 2, "--force", "now", *contract),
    ]
    paths = [tmp_path / f"said {number}" for number in range(3)]
    at_once = [
        python.start(COMMAND, *command, output=output)
        for output, command in zip(paths, commands, strict=True)
    ]
    for child, output in zip(at_once, paths, strict=True):
        assert python.wait(child) == 0, output.read_text()
    assert get_alias(NAME, "champion") == 2
    assert [result.version for result in list_versions(NAME)] == [4, 3, 2, 1]
    assert get_alias(NAME, "challenger") in {3, 4}
    champion = load(f"models:/{NAME}@champion")
    assert champion.version == two[1].bundle_path.name
    assert load(tmp_path / "models" / NAME).version == champion.version


@pytest.fixture
def silent() -> Iterator[tuple[str, list[socket.socket]]]:
    """A server that accepts every connection and never responds."""
    listener = socket.create_server(("127.0.0.1", 0))
    calls: list[socket.socket] = []

    def take() -> None:
        while True:
            try:
                call, _ = listener.accept()
            except OSError:  # it was closed: the test is over
                return
            calls.append(call)

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", calls
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(timeout=5)
    for call in calls:
        call.close()


def test_a_server_that_never_responds_does_not_prevent_the_training(
    silent: tuple[str, list[socket.socket]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    quick_learner: dict[str, Any],
) -> None:
    uri, calls = silent
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")  # ten by itself
    simulation = simulate_deals(700, seed=5, n_attributes=4, signal=3.0)
    spec = simulation.spec.replace(tracking={"uri": uri}, learning=quick_learner)
    run = train(simulation.deals, spec, models=tmp_path)
    assert run.run_id is None
    assert "Nothing is lost" in " ".join(run.warnings)
    assert load(tmp_path / NAME).version == run.bundle_path.name == run.in_use
    assert 1 <= len(calls) <= 4  # called twice, and not again for every step
    with pytest.raises(TrackingError, match="failed"):
        retrain(simulation.deals, spec, models=tmp_path)
    with pytest.raises(TrackingError, match="failed"):
        promote(NAME, store=uri)
    assert len(calls) <= 12


def test_with_both_bundles_damaged_the_alias_is_kept_and_the_folder_model_is_used(
    two: list[TrainingMetadata], tmp_path: Path
) -> None:
    for version in (1, 2):
        scorer = resolve(f"models:/{NAME}/{version}") / "scorer.json"
        scorer.write_bytes(scorer.read_bytes()[:-1])
    with pytest.raises(BundleError, match="scorer.json"):
        promote(NAME, version=2, force=True, reason="whatever it costs")
    assert get_alias(NAME, "champion") == 1
    with pytest.raises(BundleError, match="scorer.json"):
        load(f"models:/{NAME}@champion")
    assert open_bundle(tmp_path / "models" / NAME).version in {f.bundle_path.name for f in two}


def at(metadata: TrainingMetadata, uri: str) -> TrainingMetadata:
    tracking = metadata.spec.tracking.model_copy(update={"uri": uri})
    return dataclasses.replace(
        metadata, spec=metadata.spec.model_copy(update={"tracking": tracking})
    )


def test_an_untracked_training_can_be_tracked_later(
    metadata: TrainingMetadata, silent: Any, mlflow_store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    assert track(at(metadata, silent[0])).run_id is None
    assert track(metadata).registry_version == 1
    assert get_alias(NAME, "champion", mlflow_store) == 1
