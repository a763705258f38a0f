"""Opening of an MLflow run, and ending it as finished, failed or killed in every case.

A tag of the run names the machine and the process that opened it. The next training on the same
machine marks runs whose process has ended as KILLED, and their incomplete logged models as FAILED.
Runs of other machines are not changed.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from fitmodel.exceptions import SpecError, TrackingError
from fitmodel.tables.atomic import host_name, is_running
from fitmodel.tracking.connection import (
    absolute_uri,
    connected,
    database_file,
    store_errors,
    tracking_uri,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pandas as pd
    from matplotlib.figure import Figure

    from fitmodel.deals.contract import DealSpec
    from fitmodel.evaluation.metrics import Metric


VALUE_LIMIT = 6000  # largest number of characters of a parameter in MLflow
OWNER_TAG = "fitmodel.process"
_PARENT_TAG = "mlflow.parentRunId"
_OWNER = re.compile(r"(?P<host>\w+)-(?P<process>[0-9]{1,9})")


@dataclass(frozen=True)
class RunOptions:
    """Options of how a training is tracked, in addition to the contract.

    Parameters
    ----------
    run_name : str or None
        Name of the run; None for a random name from MLflow.
    tags : mapping of str to str
        Tags of the run.
    experiment : str or None
        Name of the experiment, instead of the contract's.
    register : bool
        Whether the model is registered as a version.
    on_run : callable or None
        Function that is called with a `fitmodel.tracking.run_log.RunLog` before the run ends.
    parent : str or None
        Id of the parent run; default the active run.
    """

    run_name: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    experiment: str | None = None
    register: bool = True
    on_run: Callable[[Any], None] | None = None
    parent: str | None = None

    def __post_init__(self) -> None:
        """Refuse, before the training, options that could not be logged after it.

        Raises
        ------
        SpecError
            If an option has a wrong type.
        """
        names = {"run_name": self.run_name, "experiment": self.experiment}
        wrong = {
            name: (value, "a text")
            for name, value in names.items()
            if not (value is None or isinstance(value, str))
        }
        if not isinstance(self.tags, Mapping):
            wrong["tags"] = (self.tags, "a mapping such as {'team': 'data'}")
        if not (self.on_run is None or callable(self.on_run)):
            wrong["on_run"] = (self.on_run, "a function that takes the run")
        for name, (value, expected) in wrong.items():
            raise SpecError(f"{name} is {value!r}. Remedy: give {expected}, or leave it out.")


DEFAULT_OPTIONS = RunOptions()


def begin(spec: DealSpec, options: RunOptions = DEFAULT_OPTIONS) -> Begun:
    """Open the run before the bundle is written, so that the manifest can contain its id.

    A store that does not answer raises no error: ``run_id`` is then None, and `track` with this
    result does not try again.
    """
    try:
        with connected(spec.tracking.uri) as client:
            return Begun(open_run(client, spec, options))
    except TrackingError as error:
        return Begun(None, str(error))


def open_run(client: Any, spec: DealSpec, options: RunOptions = DEFAULT_OPTIONS) -> str:
    """Open a run in its experiment, which is created if needed, and return the run's id.

    A run that is active in the same store becomes the parent; its experiment is then used, unless
    the options name another.
    """
    from mlflow.tracking.context.registry import resolve_tags

    given = options.parent
    parent = _active_run(client) if given is None else client.get_run(given)
    if parent is None or options.experiment is not None:
        experiment = _experiment(client, spec, options.experiment or spec.tracking.experiment)
    else:
        experiment = parent.info.experiment_id
    end_abandoned_runs(client, experiment)
    tags = {key: value[:VALUE_LIMIT] for key, value in resolve_tags().items()}
    tags |= {str(key): str(value)[:VALUE_LIMIT] for key, value in options.tags.items()}
    if parent is not None:
        tags[_PARENT_TAG] = parent.info.run_id
    run = client.create_run(experiment, tags=tags | {OWNER_TAG: owner()}, run_name=options.run_name)
    return str(run.info.run_id)


def _active_run(client: Any) -> Any:
    """Return the run that the caller opened in this store with ``mlflow.start_run``, or None."""
    if "mlflow" not in sys.modules:
        return None
    import mlflow

    run = mlflow.active_run()
    same = absolute_uri(mlflow.get_tracking_uri()) == absolute_uri(client.tracking_uri)
    return run if same else None


def _experiment(client: Any, spec: DealSpec, name: str) -> str:
    from mlflow.exceptions import MlflowException

    result = client.get_experiment_by_name(name)
    if result is None:
        try:
            return str(client.create_experiment(name, _artifact_location(spec, name)))
        except MlflowException as error:  # another training may have just created it
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            result = client.get_experiment_by_name(name)
    if result.lifecycle_stage != "active":
        raise TrackingError(
            f"MLflow experiment {name!r} has been deleted; restore it with "
            f"`mlflow experiments restore --experiment-id {result.experiment_id}` or name another "
            "in [tracking] experiment"
        )
    return str(result.experiment_id)


def _artifact_location(spec: DealSpec, experiment: str) -> str | None:
    # The folder is next to the SQLite file; MLflow would use ./mlruns of the working folder.
    file = database_file(tracking_uri(spec.tracking.uri))
    if file is None:
        return None
    folder = re.sub(r"[^\w.-]", "_", experiment)
    return (file.parent / "mlruns" / folder).as_uri()


@contextlib.contextmanager
def ending(begun: Begun, spec: DealSpec) -> Iterator[None]:
    """Mark the run as failed or killed if the block raises an error."""
    try:
        yield
    except BaseException as error:
        if begun.run_id is not None:
            with contextlib.suppress(TrackingError), connected(spec.tracking.uri) as client:
                client.set_terminated(begun.run_id, _status(error))
        raise


def _status(error: BaseException) -> str:
    return "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"


@contextlib.contextmanager
def closing(client: Any, run_id: str) -> Iterator[None]:
    """End the run with the status of the block: finished, failed, or killed by Ctrl-C."""
    try:
        yield
    except BaseException as error:
        with contextlib.suppress(*store_errors()):  # the first error says more than a second
            client.set_terminated(run_id, _status(error))
        raise
    client.set_terminated(run_id, "FINISHED")


def owner() -> str:
    """Return the name of this machine and the id of this process."""
    return f"{host_name()}-{os.getpid()}"


def end_abandoned_runs(client: Any, experiment: str) -> None:
    """Mark the runs of this machine whose process has ended as KILLED."""
    for run in list(_running_runs(client, experiment)):
        result = _OWNER.fullmatch(run.data.tags.get(OWNER_TAG, ""))
        if result and result["host"] == host_name() and not is_running(int(result["process"])):
            _fail_pending_models(client, experiment, run.info.run_id)
            client.set_terminated(run.info.run_id, "KILLED")


def _fail_pending_models(client: Any, experiment: str, run_id: str) -> None:
    """Mark incomplete logged models of a run as failed; otherwise they stay pending."""
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


class ReportLike(Protocol):
    """The part of a training report that is logged: out-of-time metrics, and all results."""

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """From a metric's name to its value, its interval, and the value of the base rate."""

    @property
    def has_skill(self) -> bool:
        """Whether the model is significantly better than the base rate."""

    def to_dict(self) -> dict[str, Any]:
        """Return all results in a form that JSON can hold."""


@dataclass(frozen=True, eq=False)
class Begun:
    """The id of a run that was opened, or a warning on why it could not be opened."""

    run_id: str | None
    warning: str | None = None


@dataclass(frozen=True, eq=False)
class TrainingMetadata:
    """Everything that `fitmodel.tracking.runs.track` stores about one training.

    Parameters
    ----------
    bundle_path
        Folder of the written bundle, ``models/<name>/<version>``; all its files are logged.
    spec
        The contract; its ``tracking`` section names store and experiment.
    report
        Report with out-of-time metrics and all results.
    deals
        The training deals; only their digest, schema and counts are stored, no row.
    example
        One made-up or typical prospect with the columns that ``predict`` reads. It is stored, so
        it must not be a real prospect.
    card
        The model card (Markdown).
    figures
        From name to plot: ``roc``, ``precision_recall``, ``calibration``, ``bands``.
    candidates
        The learners that were compared, one row each.
    chosen
        Settings that the learner chose, and today's level; logged as parameters ``chosen.*``.
    begun
        Result of `fitmodel.tracking.runs.begin`; without it, a run is opened here.
    options
        Name, tags and experiment of the run, and whether the model is registered.
    seconds
        Duration of the training in seconds.
    """

    bundle_path: Path
    spec: DealSpec
    report: ReportLike
    deals: pd.DataFrame
    example: pd.DataFrame
    card: str
    figures: Mapping[str, Figure] = field(default_factory=dict)
    candidates: pd.DataFrame | None = None
    chosen: Mapping[str, Any] = field(default_factory=dict)
    begun: Begun | None = None
    options: RunOptions = DEFAULT_OPTIONS
    seconds: float | None = None


@dataclass(frozen=True)
class Tracked:
    """Run, model and version as which a training was stored; ``warning`` says what failed."""

    run_id: str | None
    model_uri: str | None = None
    registry_version: int | None = None
    warning: str | None = None
