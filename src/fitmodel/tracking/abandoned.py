"""Runs whose training was killed: nobody was left to end them, so the next training does.

A run names the machine and the process that began it. Where that is this machine and the process
is gone, the run is marked KILLED and its half-logged model FAILED. Of another machine nothing is
known: its runs are left alone.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from fitmodel.model.atomic import host_name, is_running

if TYPE_CHECKING:
    from collections.abc import Iterator

OWNER_TAG = "fitmodel.process"
_OWNER = re.compile(r"(?P<host>\w+)-(?P<process>[0-9]{1,9})")


def owner() -> str:
    """Name of this machine and number of this process."""
    return f"{host_name()}-{os.getpid()}"


def end_abandoned_runs(client: Any, experiment: str) -> None:
    """Mark the runs of this machine whose process is gone as KILLED."""
    for run in list(_running_runs(client, experiment)):
        found = _OWNER.fullmatch(run.data.tags.get(OWNER_TAG, ""))
        if found and found["host"] == host_name() and not is_running(int(found["process"])):
            _fail_pending_models(client, experiment, run.info.run_id)
            client.set_terminated(run.info.run_id, "KILLED")


def _fail_pending_models(client: Any, experiment: str, run_id: str) -> None:
    """A model whose files were never all there: else it would be pending for ever."""
    for model in client.search_logged_models([experiment], f"source_run_id = '{run_id}'"):
        if model.status == "PENDING":
            client.finalize_logged_model(model.model_id, "FAILED")


def _running_runs(client: Any, experiment: str) -> Iterator[Any]:
    token = None
    while True:
        page = client.search_runs([experiment], "attributes.status = 'RUNNING'", page_token=token)
        yield from page
        token = page.token
        if not token:
            return
