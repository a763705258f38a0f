"""What is added to an MLflow run: the bundle as a model, metrics, and a user's own entries.

Input columns of the logged model have the type *any*: MLflow refuses integers in a column declared
as double (even 5 for 5.0), and an empty column declared as string, but ``predict`` accepts both.
Therefore ``predict`` does the checking; its messages name the remedy.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fitmodel
from fitmodel.bundle.manifest import plain
from fitmodel.bundle.reading import MANIFEST, SIGNATURE, open_bundle
from fitmodel.exceptions import TrackingError
from fitmodel.tracking.connection import connected, store_errors
from fitmodel.tracking.lifecycle import VALUE_LIMIT, begin, closing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import pandas as pd
    from matplotlib.figure import Figure

    from fitmodel.bundle.reading import Bundle
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


MODEL_NAME = "fitmodel"
BUNDLE_FOLDER = "artifacts/bundle"

_SCRIPT = Path(__file__).with_name("pyfunc_model.py")
_OUTPUTS = {
    "early_churn_probability": "double",
    "probability_low": "double",
    "probability_high": "double",
    "poor_fit": "boolean",
    "fit": "string",
    "expected_value": "double",
    "unfamiliar": "boolean",
    "reasons": None,
    "model_version": "string",
    "worth": "string",
    "escalate": "boolean",
    "expected_value_low": "double",
    "expected_value_high": "double",
    "own_evidence": "double",
}
_OPTIONAL_OUTPUTS = frozenset(
    {"expected_value", "expected_value_low", "expected_value_high", "own_evidence", "reasons"}
)
_SCORING = ("lazy-loader", "mlflow", "numpy", "pandas", "pyarrow", "pydantic", "tomli-w")
_OWN_ESTIMATOR = ("interpret-core", "joblib", "scikit-learn", "scipy")


def log_bundle(
    client: Any, run_id: str, bundle_path: Path, example: pd.DataFrame, spec: DealSpec
) -> str:
    """Log a bundle as the run's model and return the id of the logged model."""
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus

    model = client.create_logged_model(
        client.get_run(run_id).info.experiment_id, name=MODEL_NAME, source_run_id=run_id
    )
    try:
        with tempfile.TemporaryDirectory() as folder:
            _save(Path(folder), model, bundle_path, example, spec)
            client.log_model_artifacts(model.model_id, str(Path(folder) / "model"))
    except BaseException:
        with contextlib.suppress(*store_errors()):  # the first error says more than a second
            client.finalize_logged_model(model.model_id, LoggedModelStatus.FAILED)
        raise
    client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
    return str(model.model_id)


def _save(
    folder: Path, model: Any, bundle_path: Path, example: pd.DataFrame, spec: DealSpec
) -> None:
    import mlflow.pyfunc
    from mlflow.models import Model

    bundle = open_bundle(bundle_path)
    copy = _checked_copy(bundle, folder / "bundle")
    mlflow.pyfunc.save_model(
        path=folder / "model",
        mlflow_model=Model(
            artifact_path=model.artifact_location,
            model_uuid=model.model_id,
            model_id=model.model_id,
            run_id=model.source_run_id,
        ),
        python_model=str(_SCRIPT),
        artifacts={"bundle": str(copy)},
        signature=_signature([*example.columns, *_optional_columns(spec, example)]),
        input_example=example.head(1).reset_index(drop=True),
        code_paths=[_package()],
        pip_requirements=_requirements(bundle),
        metadata={"fitmodel": {"name": bundle.name, "version": bundle.version}},
    )
    for unused in (folder / "model" / "code").glob("fitmodel/service/desk"):
        shutil.rmtree(unused)  # files of the app's pages: scoring does not read them


def _package() -> str:
    """Return the folder of fitmodel, of which a copy is logged with the model.

    The version that a bundle needs may not be in any package index.
    """
    return str(Path(fitmodel.__file__).parent)


def _requirements(bundle: Bundle) -> list[str]:
    """Return the packages that scoring imports, with the versions of this environment."""
    names = [*_SCORING, *(_OWN_ESTIMATOR if bundle.manifest.get("estimator") else ())]
    return [f"{name}=={importlib.metadata.version(name)}" for name in names]


def _checked_copy(bundle: Bundle, folder: Path) -> Path:
    # The copy has the fixed name by which it is found again, and only files in the manifest.
    folder.mkdir()
    for name in (MANIFEST, SIGNATURE):
        if (bundle.path / name).exists():
            shutil.copyfile(bundle.path / name, folder / name)
    for file in bundle.files:
        (folder / file).write_bytes(bundle.read(file))
    return folder


def _optional_columns(spec: DealSpec, example: pd.DataFrame) -> list[str]:
    # `predict` uses these columns if they are given; MLflow drops columns not in the signature.
    used = (spec.deals.closed_on, spec.deals.amount, *spec.rows.chosen_by)
    names = [name for name in dict.fromkeys(used) if name is not None]
    return [name for name in names if name not in example.columns]


def _signature(columns: Iterable[str]) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
    from mlflow.types.schema import AnyType

    any_type = AnyType()  # type: ignore[no-untyped-call]  # MLflow annotates it incompletely
    inputs = Schema([ColSpec(any_type, str(name), required=False) for name in columns])
    outputs = Schema(
        [
            ColSpec(kind or any_type, name, required=name not in _OPTIONAL_OUTPUTS)
            for name, kind in _OUTPUTS.items()
        ]
    )
    specs = [ParamSpec("reasons", DataType.long, 3), ParamSpec("language", DataType.string, "en")]
    specs.append(ParamSpec("horizons", DataType.long, [], shape=(-1,)))
    params = ParamSchema(specs)
    return ModelSignature(inputs=inputs, outputs=outputs, params=params)
