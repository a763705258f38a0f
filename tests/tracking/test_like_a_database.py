"""Kills, silence and crowds: the old champion or the new one is in use, never neither."""

from __future__ import annotations

import dataclasses
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.exceptions import BundleError, TrackingError
from fitmodel.model.bundle import open_bundle
from fitmodel.model.fitmodel import load
from fitmodel.retraining import retrain
from fitmodel.tracking.promotion import promote
from fitmodel.tracking.registry import get_alias, list_versions, resolve
from fitmodel.tracking.runs import TrainingFacts, track
from fitmodel.training import train

NAME = "prospect-fit"
KILLS = 25
# Imports once; for every line it is sent, forks a child that promotes and rolls back without end.
MOVER = """
import os, signal, sys
import mlflow, sqlalchemy, alembic.util  # slow to import, and imported once
from fitmodel.tracking.in_use import follow_champion
from fitmodel.tracking.promotion import promote, rollback

models, store = sys.argv[1:]
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the killed are not mourned
for line in sys.stdin:
    child = os.fork()
    while child == 0:
        promote("prospect-fit", version=2, force=True, reason="to be killed", store=store)
        follow_champion(models, "prospect-fit", store)
        print(os.getpid(), flush=True)  # from here on it may be killed
        rollback("prospect-fit", store=store)
        follow_champion(models, "prospect-fit", store)
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="processes are forked and killed another way there"),
]


def command(*arguments: object, store: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, *map(str, arguments)],
        env={**os.environ, "MLFLOW_TRACKING_URI": store, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = process.communicate(timeout=180)
    return process.returncode, said


@pytest.fixture
def two(another: Callable[[], TrainingFacts]) -> list[TrainingFacts]:
    """Version 1 is champion, version 2 challenger, and the folder's models are the same."""
    made = [another(), another()]
    for facts in made:
        track(facts)
    return made


def test_a_promotion_killed_at_any_moment_leaves_the_old_champion_or_the_new(
    two: list[TrainingFacts], tmp_path: Path, mlflow_store: str
) -> None:
    versions = {facts.bundle_path.name for facts in two}
    mover = command("-c", MOVER, tmp_path / "models", mlflow_store, store=mlflow_store)
    moments, seen = np.random.default_rng(0), set()
    try:
        for _ in range(KILLS):
            mover.stdin.write("go\n")
            mover.stdin.flush()
            child = int(mover.stdout.readline())
            threading.Event().wait(moments.uniform(0.02, 0.4))
            os.kill(child, signal.SIGKILL)
            champion = load(f"models:/{NAME}@champion")
            assert champion.version in versions
            assert load(tmp_path / "models" / NAME).version in versions
            seen.add(champion.version)
    finally:
        mover.kill()
        mover.communicate()
    assert seen == versions  # or nothing was moved while it was killed
    # and what a kill has left lies in nobody's way
    assert promote(NAME, version=2, force=True, reason="after the kills").version == 2
    assert get_alias(NAME, "champion") == 2


def test_two_trainings_and_a_promotion_at_once_all_count(
    two: list[TrainingFacts], tmp_path: Path, mlflow_store: str
) -> None:
    simulation = simulate_deals(700, seed=5, n_attributes=4)
    simulation.deals.to_csv(tmp_path / "deals.csv", index=False)
    spec = simulation.spec.replace(tracking={"uri": mlflow_store})
    (tmp_path / "fitmodel.toml").write_text(spec.to_toml())
    contract = ("-c", tmp_path / "fitmodel.toml", "--models", tmp_path / "models")
    cli = ("-m", "fitmodel.cli")
    at_once = [
        command(*cli, "train", tmp_path / "deals.csv", *contract, store=mlflow_store),
        command(*cli, "train", tmp_path / "deals.csv", *contract, store=mlflow_store),
        command(*cli, "promote", "--version", 2, "--force", "now", *contract, store=mlflow_store),
    ]
    for process in at_once:
        code, said = ended(process)
        assert code == 0, said
    assert get_alias(NAME, "champion") == 2
    assert [found.version for found in list_versions(NAME)] == [4, 3, 2, 1]
    assert get_alias(NAME, "challenger") in {3, 4}
    champion = load(f"models:/{NAME}@champion")
    assert champion.version == two[1].bundle_path.name
    assert load(tmp_path / "models" / NAME).version == champion.version


@pytest.fixture
def silent() -> Iterator[tuple[str, list[socket.socket]]]:
    """A server that takes every call and never says a word."""
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


def test_a_server_that_never_answers_costs_a_few_calls_and_not_the_model(
    silent: tuple[str, list[socket.socket]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri, calls = silent
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")  # ten by itself
    simulation = simulate_deals(700, seed=5, n_attributes=4)
    spec = simulation.spec.replace(tracking={"uri": uri})
    run = train(simulation.deals, spec, models=tmp_path)
    assert run.run_id is None
    assert "Nothing is lost" in " ".join(run.warnings)
    assert load(tmp_path / NAME).version == run.bundle_path.name == run.in_use
    assert 1 <= len(calls) <= 4  # asked once, and once more; not again for every step
    with pytest.raises(TrackingError, match="failed"):
        retrain(simulation.deals, spec, models=tmp_path)
    with pytest.raises(TrackingError, match="failed"):
        promote(NAME, store=uri)
    assert len(calls) <= 12


def test_where_both_bundles_are_damaged_the_alias_stays_and_the_folders_model_serves(
    two: list[TrainingFacts], tmp_path: Path
) -> None:
    for version in (1, 2):
        scorer = resolve(f"models:/{NAME}/{version}") / "scorer.json"
        scorer.write_bytes(scorer.read_bytes()[:-1])
    with pytest.raises(BundleError, match="scorer.json"):
        promote(NAME, version=2, force=True, reason="whatever it costs")
    assert get_alias(NAME, "champion") == 1
    assert open_bundle(tmp_path / "models" / NAME).version in {f.bundle_path.name for f in two}


def at(facts: TrainingFacts, uri: str) -> TrainingFacts:
    tracking = facts.spec.tracking.model_copy(update={"uri": uri})
    return dataclasses.replace(facts, spec=facts.spec.model_copy(update={"tracking": tracking}))


def test_facts_of_a_training_that_was_not_tracked_can_be_tracked_later(
    facts: TrainingFacts, silent: Any, mlflow_store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    assert track(at(facts, silent[0])).run_id is None
    assert track(facts).registry_version == 1
    assert get_alias(NAME, "champion", mlflow_store) == 1
