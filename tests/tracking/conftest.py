"""A small real model, its bundle, and the metadata that a training passes to tracking."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from fitmodel.bundle.store import write_bundle
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.decision.policy import Policy
from fitmodel.evaluation.metrics import Metric, compute_metrics
from fitmodel.learning.curve_fitting import learned_curve
from fitmodel.model.scorer import Scorer
from fitmodel.tracking.lifecycle import TrainingMetadata
from fitmodel.tracking.runs import Tracked, track


@dataclasses.dataclass(frozen=True)
class Report:
    """A stand-in for a training report."""

    metrics: dict[str, Metric]

    @property
    def has_skill(self) -> bool:
        skill = self.metrics.get("log_loss_skill")
        return skill is not None and skill.low > 0

    def to_dict(self) -> dict[str, Any]:
        return {"metrics": {name: dataclasses.asdict(m) for name, m in self.metrics.items()}}


@dataclasses.dataclass(frozen=True)
class Trained:
    """The result of a training before anything is written."""

    deals: pd.DataFrame
    spec: Any
    scorer: Scorer
    report: Report
    prospects: pd.DataFrame


@pytest.fixture(scope="session", autouse=True)
def _no_screen() -> None:
    mpl.use("agg")


@pytest.fixture(scope="session")
def trained(learned_on) -> Trained:
    simulation = simulate_deals(n=400, seed=0)
    learned = learned_on(400, seed=0)
    policy = Policy(kind="threshold", threshold=0.3, money=None, description="above 30%")
    attributes = learned.training_set.attributes
    seen = pd.Series(learned.estimator.predict_proba(attributes)[:, 1], index=attributes.index)
    roles, curve = ("annual_value", "closed_on", ""), learned_curve(learned, seen)
    scorer = Scorer(learned.scorecard, policy, *roles, curve=curve)
    generator = np.random.default_rng(0)
    truth = generator.uniform(0.02, 0.9, 300)
    outcome = (generator.uniform(size=300) < truth).astype(float)
    report = Report(compute_metrics(outcome, truth, base_rate=outcome.mean(), n_boot=50))
    prospects = simulate_deals(n=40, seed=1).deals.drop(columns=["churned_on"])
    return Trained(simulation.deals, simulation.spec, scorer, report, prospects)


@pytest.fixture
def bundle(trained: Trained, tmp_path: Path) -> Path:
    return make_bundle(tmp_path, trained)


def make_bundle(root: Path, trained: Trained, card: str = "# Card\n") -> Path:
    return write_bundle(
        root / "models",
        "prospect-fit",
        files={
            "scorer.json": trained.scorer.to_json(),
            "card.md": card.encode(),
            "estimator.joblib": b"never read here",
        },
        manifest={"spec": trained.spec.to_dict()},
    )


@pytest.fixture
def metadata(trained: Trained, bundle: Path, mlflow_store: str) -> TrainingMetadata:
    return make_facts(trained, bundle, mlflow_store)


def make_facts(trained: Trained, bundle: Path, store: str) -> TrainingMetadata:
    from matplotlib.figure import Figure

    tracking = trained.spec.tracking.model_copy(update={"uri": store})
    example = trained.prospects.head(1).drop(columns=["deal_id", "rep", "team", "closed_on"])
    return TrainingMetadata(
        bundle_path=bundle,
        spec=trained.spec.model_copy(update={"tracking": tracking}),
        report=trained.report,
        deals=trained.deals,
        example=example.assign(landing_page="typical"),
        card="# Card\n",
        figures={"roc": Figure(), "calibration": Figure()},
        candidates=pd.DataFrame({"learner": ["book", "forest"], "log_loss": [0.4, 0.41]}),
    )


@pytest.fixture
def another(trained: Trained, tmp_path: Path, mlflow_store: str) -> Callable[[], TrainingMetadata]:
    """Return a function; each call is another training."""

    def train() -> TrainingMetadata:
        return make_facts(trained, make_bundle(tmp_path, trained), mlflow_store)

    return train


@pytest.fixture(scope="session")
def stored(
    trained: Trained, migrated_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TrainingMetadata, Tracked]:
    """A training and the run in which it was tracked, for tests that only read the store."""
    root = tmp_path_factory.mktemp("stored")
    (root / "store").mkdir()
    uri = f"sqlite:///{shutil.copy(migrated_store, root / 'store' / 'mlflow.db')}"
    metadata = make_facts(trained, make_bundle(root, trained), uri)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")  # any use of it would fail
        return metadata, track(metadata)


PATHS_IN_STORE = {
    "experiments": ("artifact_location",),
    "runs": ("artifact_uri",),
    "params": ("value",),
    "logged_models": ("artifact_location",),
    "model_versions": ("source", "storage_location"),
}
"""Columns of MLflow's tables that contain the path of the store."""


@pytest.fixture(scope="session")
def tracked_twice(
    trained: Trained, migrated_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[TrainingMetadata]:
    """Two tracked trainings in one folder, made once and copied: tracking takes 0.3 s."""
    root = tmp_path_factory.mktemp("twice")
    (root / "store").mkdir()
    uri = f"sqlite:///{shutil.copy(migrated_store, root / 'store' / 'mlflow.db')}"
    made = [make_facts(trained, make_bundle(root, trained), uri) for _ in range(2)]
    for each in made:
        track(each)
    return made


@pytest.fixture
def two(
    tracked_twice: list[TrainingMetadata], tmp_path: Path, mlflow_store: str
) -> list[TrainingMetadata]:
    """Version 1 is champion and version 2 challenger; the folder has the same models."""
    before, after = str(tracked_twice[0].bundle_path.parents[2]), str(tmp_path)
    shutil.copytree(before, tmp_path, dirs_exist_ok=True)
    for file in tmp_path.rglob("store/**/*"):
        if file.name in {"MLmodel", "spec.json"}:
            file.write_text(file.read_text().replace(before, after))
    with contextlib.closing(sqlite3.connect(tmp_path / "store" / "mlflow.db")) as store, store:
        for table, columns in PATHS_IN_STORE.items():
            for column in columns:
                store.execute(
                    f"UPDATE {table} SET {column} = replace({column}, ?, ?)",  # noqa: S608
                    (before, after),
                )
    return [
        dataclasses.replace(
            each,
            bundle_path=tmp_path / each.bundle_path.relative_to(before),
            spec=each.spec.replace(tracking={"uri": mlflow_store}),
        )
        for each in tracked_twice
    ]
