"""What a callback of the user may add to the run of a training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fitmodel.bundle.manifest import plain
from fitmodel.tracking.lifecycle import VALUE_LIMIT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from matplotlib.figure import Figure

    from fitmodel.tracking.lifecycle import ReportLike


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
