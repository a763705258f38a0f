"""What is added to a run of MLflow: usual metrics, a user's own, the parent of a sweep."""

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
    """A training's MLflow run, while it is still open.

    Parameters
    ----------
    client : MlflowClient
    run_id : str
    report : TrainingReport
        How good the model is.
    bundle_path : Path
        The bundle that was written.

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
        """Add numbers."""
        for name, value in metrics.items():
            self.client.log_metric(self.run_id, name, float(value), step=step)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Add settings."""
        for name, value in params.items():
            self.client.log_param(self.run_id, name, str(value)[:VALUE_LIMIT])

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Add tags."""
        for name, value in tags.items():
            self.client.set_tag(self.run_id, name, str(value)[:VALUE_LIMIT])

    def log_text(self, text: str, name: str) -> None:
        """Add a file with this text."""
        self.client.log_text(self.run_id, text, name)

    def log_dict(self, values: Mapping[str, Any], name: str) -> None:
        """Add a JSON or YAML file."""
        self.client.log_dict(self.run_id, plain(dict(values)), name)

    def log_figure(self, figure: Figure, name: str) -> None:
        """Add a plot."""
        self.client.log_figure(self.run_id, figure, name)

    def log_artifact(self, path: str | Path, folder: str | None = None) -> None:
        """Add a file from the disk."""
        self.client.log_artifact(self.run_id, str(path), folder)


def call_back(on_run: Callable[[Any], None], run: RunLog) -> None:
    """Call a user's function with the run; warn of what it has logged to a run of its own.

    ``mlflow.log_metric`` and the like know nothing of this run: where none is active they begin
    one, and leave it open.
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


def metrics_of_flags_and_deals(facts: TrainingMetadata) -> dict[str, Any]:
    """Return what the policy flags, the counts of deals, today's level and the duration.

    Returns
    -------
    dict of str to float or None
        ``precision``, ``recall`` and ``share_flagged`` are those of the flags among the deals
        evaluated on; ``level`` is today's hazard of leaving over the long-run one.
    """
    report: Any = facts.report
    flagged = getattr(report, "flagged", {})
    level = getattr(report, "level", None)
    counts = {name: getattr(report, field, None) for field, name in _COUNTS.items()}
    return (
        {name: flagged[name] for name in _FLAGGED if name in flagged}
        | counts
        | {
            "level": None if level is None else level.factor,
            "training_seconds": facts.seconds,
        }
    )


def begin_sweep(spec: DealSpec, options: RunOptions) -> str | None:
    """Open the run; None where the store does not answer."""
    return begin(spec, options).run_id


def end_sweep(spec: DealSpec, run_id: str | None, table: pd.DataFrame) -> None:
    """Add the comparison to the run, as ``comparison.json``, and end it."""
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
