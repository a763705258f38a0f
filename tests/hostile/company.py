"""A small company: the operations in it, and the conditions that must hold after a failure.

Everything is done in forks of one process that has imported all of it: see `failures.py`.
"""

from __future__ import annotations

import functools
import gc
import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.store.db import utils

from fitmodel import training
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.evaluation.report import TrainingReport
from fitmodel.learning import _other_classifiers as black_box
from fitmodel.loading import load
from fitmodel.monitoring.log import DecisionLog
from fitmodel.scoring.batch import score_file
from fitmodel.tracking import run_log
from fitmodel.tracking.connection import connected
from fitmodel.tracking.lifecycle import begin
from fitmodel.tracking.promotion import follow_champion, promote
from fitmodel.tracking.registry import get_alias, list_versions
from fitmodel.training import train

NAME, EXPERIMENT = "prospect-fit", "a-night"
NO_CODE = str(Path(__file__).parents[1] / "no_code")
ATTRIBUTES = ("segment", "seats", "onboarding_package", "contract_term_months")
QUICK = {"components": ("logistic",), "penalties": (3.0, 30.0), "replicates": 3, "folds": 3}
OPENING = "opening the run"  # the last moment of a training at which forks share no run
COPIES = 10  # of the deals, scored in chunks


class Company:
    """Deals, a store, a folder of models, and prospects."""

    def __init__(self, store: str, folder: Path) -> None:
        sim = simulate_deals(600, seed=5, signal=2.0)  # for skill: without it no model is in use
        self.store, self.folder, self.models = store, folder, folder / "models"
        self.spec = sim.spec.replace(
            tracking={"uri": store, "experiment": EXPERIMENT},
            attributes={"include": ATTRIBUTES, "actionable": ()},
            learning=QUICK,
        )
        self.deals, self.prospects = sim.deals, sim.deals.head(50).drop(columns=["churned_on"])
        many = pd.concat([sim.deals.drop(columns=["churned_on"])] * COPIES, ignore_index=True)
        many.to_parquet(folder / "prospects.parquet")

    def answered(self, model: Any) -> list[float]:
        return load(model).predict(self.prospects, reasons=0)["early_churn_probability"].tolist()

    def registered(self, version: int | None) -> list[float]:
        os.environ["MLFLOW_TRACKING_URI"] = self.store
        return self.answered(f"models:/{NAME}/{version}")

    # -- operations that are killed

    def train(self, tell: Callable[[str], None]) -> list[Any]:
        """Whether it was tracked, and the predictions of the model."""

        def begun(*given: Any) -> Any:
            tell(OPENING)
            return begin(*given)

        training.begin = begun
        run = train(self.deals, self.spec, models=self.models, progress=tell)
        return [run.run_id is not None, *self.answered(run.bundle_path)]

    def score(self, tell: Callable[[str], None]) -> str:
        tell("beginning")
        out = self.folder / "scored.csv"
        model = load(self.models / NAME)
        score_file(self.folder / "prospects.parquet", model, out, reasons=1, chunk_rows=1_000)
        return hashlib.sha256(out.read_bytes()).hexdigest()

    def promote(self, tell: Callable[[str], None]) -> int:
        tell("beginning")
        version = 2 if self.champion() == 1 else 1
        promote(NAME, version=version, force=True, reason="a trial", store=self.store)
        follow_champion(self.models, NAME, self.store)
        return version

    def log(self, tell: Callable[[str], None]) -> int:
        tell("beginning")
        log = DecisionLog(self.folder / "decisions.db", salt="salt")
        model = load(self.models / NAME)
        with (self.folder / "acknowledged").open("a") as acknowledged:
            for position, prospect in enumerate(self.prospects.to_dict("records")):
                name = f"{os.getpid()}-{position}"
                log.append(name, model.predict(prospect, reasons=0), prospect)
                log.decide(name, "signed", by="Kim")
                os.write(acknowledged.fileno(), f"{log.stored_id(name)}\n".encode())
        return len(log.decisions())

    # -- conditions that must hold after any kill

    def look(self, kind: str) -> None:
        """Everything opens; the newest version and the registry's champion give predictions."""
        for file in (Path(self.store.removeprefix("sqlite:///")), self.folder / "decisions.db"):
            if file.exists():
                connection = sqlite3.connect(file)
                assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",), file
                connection.close()
        self.answered(self.models / NAME)
        if kind in {"train", "promote"}:  # the others do not know the store
            for version in {self.champion(), self.versions()[0]}:
                self.registered(version)
        out = self.folder / "scored.csv"
        if kind == "score" and out.exists():
            assert len(pd.read_csv(out)) == len(self.deals) * COPIES, "half a file"

    def look_closely(self) -> None:
        """Every version opens, every acknowledged decision is there, no run is left running."""
        for version in self.versions():
            self.registered(version)
        acknowledged = self.folder / "acknowledged"
        if acknowledged.exists():
            kept = set(DecisionLog(self.folder / "decisions.db").decisions()["prospect"])
            assert set(acknowledged.read_text().split()) <= kept
        with connected(self.store) as client:
            experiment = client.get_experiment_by_name(EXPERIMENT).experiment_id
            runs = client.search_runs([experiment])
            models = client.search_logged_models([experiment])
        status = Counter(run.info.status for run in runs)
        assert set(status) <= {"FINISHED", "FAILED", "KILLED"}, status
        assert {model.status for model in models} <= {"READY", "FAILED"}

    def versions(self) -> list[int]:
        return sorted((each.version for each in list_versions(NAME, self.store)), reverse=True)

    def champion(self) -> int | None:
        return get_alias(NAME, "champion", self.store)

    def leftovers(self) -> list[Path]:
        """Files left from unfinished work."""
        return [path for path in self.folder.rglob("*") if path.name.startswith(".writing-")]


def forked(work: Callable[[], Any]) -> Any:
    """Result of the work, done in a fork."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _answer(work, writing)
    os.close(writing)
    with open(reading, "rb") as reported:  # noqa: PTH123 - a pipe has no path
        answer = reported.read()
    _, status = os.waitpid(child, 0)
    if status:
        raise SystemExit("a fork failed; it has said why")
    return json.loads(answer)


def _answer(work: Callable[[], Any], writing: int) -> None:
    code = 1
    try:
        os.write(writing, json.dumps(work()).encode())
        code = 0
    except BaseException:  # noqa: BLE001 - whoever started this stops
        traceback.print_exc()
    finally:
        os._exit(code)


def warm_up(store: str) -> None:
    """Do everything once with a copy of an empty store, so that every fork has the imports."""
    # plots, a copy of fitmodel next to each model and a reference in six fits take long
    TrainingReport.figures = lambda _report: {}  # type: ignore[method-assign]
    run_log._package = lambda: NO_CODE
    black_box.N_REPLICATES = 1
    # MLflow loads all its migrations for every store that is opened, to know which is the newest
    utils._get_latest_schema_revision = functools.cache(utils._get_latest_schema_revision)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(store.removeprefix("sqlite:///"), Path(folder) / "mlflow.db")
        company = Company(f"sqlite:///{folder}/mlflow.db", Path(folder))
        for kind in ("train", "score", "log"):
            getattr(company, kind)(lambda _step: None)
            company.look(kind)
    gc.freeze()  # so that no fork copies memory that it only reads
