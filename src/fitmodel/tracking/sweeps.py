"""The MLflow run that holds the runs of a sweep."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from fitmodel.exceptions import TrackingError
from fitmodel.tracking.connection import connected
from fitmodel.tracking.lifecycle import begin, closing

if TYPE_CHECKING:
    import pandas as pd

    from fitmodel.deals.contract import DealSpec
    from fitmodel.tracking.lifecycle import RunOptions


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
