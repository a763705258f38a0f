"""Additions to an MLflow run: usual metrics, a user's own entries, the parent run of a sweep."""

from __future__ import annotations

import contextlib
import warnings
from typing import TYPE_CHECKING, Any

from fitmodel.bundle.manifest import plain
from fitmodel.exceptions import TrackingError
from fitmodel.tracking.connection import connected
from fitmodel.tracking.lifecycle import VALUE_LIMIT, begin, closing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import pandas as pd
    from matplotlib.figure import Figure

    from fitmodel.deals.contract import DealSpec
    from fitmodel.tracking.lifecycle import ReportLike, RunOptions, TrainingMetadata


class RunLog:
    """A training's MLflow run while it is still open, to which a user's function can log.

    Parameters
    ----------
    client : MlflowClient
        Client of the store, for everything that the methods do not offer.
    run_id : str
        Id of the run.
    report : TrainingReport
        Report of the training, with the model's metrics.
    bundle_path : Path
        Folder of the bundle that was written.

    Examples
    --------
    >>> def add_team(run):
    ...     run.log_metrics({"rows_in_the_crm": 812})
    ...     run.set_tags({"team": "data"})
    >>> fitmodel.train("deals.csv", spec, on_run=add_team)  # doctest: +SKIP
    """

    def __init__(self, client: Any, run_id: str, report: ReportLike, bundle_path: Path) -> None:
        self.client = client
        self.run_id = run_id
        self.report = report
        self.bundle_path = bundle_path

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Log metrics: from name to number."""
        for name, value in metrics.items():
            self.client.log_metric(self.run_id, name, float(value), step=step)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log parameters: from name to setting, which is stored as text."""
        for name, value in params.items():
            self.client.log_param(self.run_id, name, str(value)[:VALUE_LIMIT])

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags: from name to text."""
        for name, value in tags.items():
            self.client.set_tag(self.run_id, name, str(value)[:VALUE_LIMIT])

    def log_text(self, text: str, name: str) -> None:
        """Log a text as a file of this name."""
        self.client.log_text(self.run_id, text, name)

    def log_dict(self, values: Mapping[str, Any], name: str) -> None:
        """Log values as a JSON or YAML file of this name."""
        self.client.log_dict(self.run_id, plain(dict(values)), name)

    def log_figure(self, figure: Figure, name: str) -> None:
        """Log a matplotlib figure as a file of this name."""
        self.client.log_figure(self.run_id, figure, name)

    def log_artifact(self, path: str | Path, folder: str | None = None) -> None:
        """Log a file from the disk, into a folder of the run if `folder` is given."""
        self.client.log_artifact(self.run_id, str(path), folder)


def call_back(on_run: Callable[[Any], None], run: RunLog) -> None:
    """Call a user's function with the run; warn if it has logged to another run.

    ``mlflow.log_metric`` and similar functions do not know this run. If no run is active, they
    start one and leave it open; it is ended here.
    """
    import mlflow

    before = mlflow.active_run()
    on_run(run)
    after = mlflow.active_run()
    if after is None or (before is not None and before.info.run_id == after.info.run_id):
        return
    mlflow.end_run()
    warnings.warn(
        f"on_run has logged to a run of its own, {after.info.run_name!r}, with mlflow.log_... "
        "Remedy: log with what it is given: run.log_metrics, run.log_artifact and so on.",
        UserWarning,
        stacklevel=2,
    )


_FLAGGED = ("precision", "recall", "share_flagged", "expected_share", "net", "saved", "cost")
_COUNTS = {
    "base_rate": "early_churn_rate",
    "n_deals": "deals",
    "n_early_churners": "early_churners",
    "n_train": "train_deals",
    "n_test": "test_deals",
}


def metrics_of_flags_and_deals(metadata: TrainingMetadata) -> dict[str, Any]:
    """Return metrics of the policy's flags, counts of deals, today's level and the duration.

    Returns
    -------
    dict of str to float or None
        ``precision``, ``recall`` and ``share_flagged`` are those of the flags among the evaluated
        deals; ``level`` is today's hazard of leaving divided by the long-run hazard;
        ``training_seconds`` is the duration in seconds.
    """
    report: Any = metadata.report
    flagged = getattr(report, "flagged", {})
    level = getattr(report, "level", None)
    counts = {name: getattr(report, field, None) for field, name in _COUNTS.items()}
    return (
        {name: flagged[name] for name in _FLAGGED if name in flagged}
        | counts
        | {
            "level": None if level is None else level.factor,
            "training_seconds": metadata.seconds,
        }
    )


def begin_sweep(spec: DealSpec, options: RunOptions) -> str | None:
    """Open the parent run of a sweep and return its id; None if the store does not answer."""
    return begin(spec, options).run_id


def end_sweep(spec: DealSpec, run_id: str | None, table: pd.DataFrame) -> None:
    """Log the comparison to the run, as ``comparison.json``, and end the run."""
    if run_id is None:
        return
    with (
        contextlib.suppress(TrackingError),
        connected(spec.tracking.uri) as client,
        closing(client, run_id),
    ):
        client.set_tag(run_id, "fitmodel.kind", "sweep")
        if len(table):
            client.log_table(
                run_id, table.astype(object).where(table.notna(), None), "comparison.json"
            )
