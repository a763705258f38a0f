"""One MLflow run for each look at a model in use: what has moved, and what came of its scores."""

from __future__ import annotations

import math
import re
import time
from typing import TYPE_CHECKING

from fitmodel.tracking.connection import connected
from fitmodel.tracking.runs import closing, open_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from fitmodel.deals.contract import DealSpec

_BATCH = 1000  # metrics in one request
_NOT_IN_A_NAME = re.compile(r"[^\w./: -]")


def track_watch(
    spec: DealSpec,
    manifest: Mapping[str, Any],
    values: Iterable[tuple[str, int, float]],
    files: Mapping[str, str],
) -> str:
    """Store a look at a model as a run of the contract's experiment.

    Parameters
    ----------
    spec : DealSpec
        Its ``tracking`` section says where to.
    manifest : mapping
        The model's, which the run names.
    values : iterable of (name, step, value)
        Metrics; a step is a month as 202603, or 0. Those that are not known are left out.
    files : mapping
        File name to text: the page and its tables.

    Returns
    -------
    str
        The run's id.

    Raises
    ------
    TrackingError
        If the store does not answer.
    """
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    metrics = [
        Metric(_NOT_IN_A_NAME.sub("_", name), value, now, step)
        for name, step, value in values
        if math.isfinite(value)
    ]
    with connected(spec.tracking.uri) as client:
        run_id = open_run(client, spec)
        with closing(client, run_id):
            client.set_tag(run_id, "fitmodel.kind", "monitoring")
            client.set_tag(run_id, "fitmodel.bundle_version", str(manifest.get("version")))
            client.set_tag(run_id, "mlflow.runName", f"monitor {manifest.get('version')}")
            for start in range(0, len(metrics), _BATCH):
                client.log_batch(run_id, metrics=metrics[start : start + _BATCH])
            for name, text in files.items():
                client.log_text(run_id, text, name)
    return run_id
