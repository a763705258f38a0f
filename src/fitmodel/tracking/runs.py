"""Storing of a training, an edit or a monitoring report as an MLflow run.

If the store does not answer, a training or an edit is still complete on disk. A run holds only
aggregates: of the deals it has the digest, schema and counts, never a row.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import time
from typing import TYPE_CHECKING, Any

from fitmodel.bundle.manifest import plain
from fitmodel.bundle.reading import open_bundle
from fitmodel.exceptions import TrackingError, one_stop
from fitmodel.tracking.connection import (
    connected,
    store_errors,
    tracking_uri,
    without_password,
)
from fitmodel.tracking.lifecycle import (
    VALUE_LIMIT,
    Begun,
    Tracked,
    TrainingMetadata,
    begin,
    closing,
    ending,
    open_run,
)
from fitmodel.tracking.registry import CHALLENGER, add_version, register
from fitmodel.tracking.run_log import RunLog, call_back, log_bundle, metrics_of_flags_and_deals

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import pandas as pd
    from matplotlib.figure import Figure

    from fitmodel.deals.contract import DealSpec

__all__ = [
    "Begun",
    "Tracked",
    "TrainingMetadata",
    "begin",
    "deals_digest",
    "ending",
    "track",
    "track_edit",
    "track_monitoring",
]

_BATCH = 100  # parameters in one request
_METRICS = 1000  # metrics in one request
_SCHEMA_ROWS = 1000  # deals from which the types of the columns are inferred
_NOT_IN_A_NAME = re.compile(r"[^\w./: -]")


def track(metadata: TrainingMetadata) -> Tracked:
    """Store a training as one run, log its bundle as a model and register it as challenger.

    The first version of a registered model with evidence of skill also becomes champion.

    Returns
    -------
    Tracked
        The run and the registered version. If the store did not answer or failed, there is a
        ``warning`` and no run; the bundle on the disk is still complete, and `track` may be called
        again with the same metadata.

    Raises
    ------
    BundleError
        If there is no complete bundle at ``metadata.bundle_path``.
    """
    open_bundle(metadata.bundle_path)
    begun = metadata.begun or begin(metadata.spec, metadata.options)
    if begun.run_id is None:
        return Tracked(None, warning=_not_tracked_text(metadata, str(begun.warning)))
    try:
        with connected(metadata.spec.tracking.uri) as client, closing(client, begun.run_id):
            return _fill_run(client, begun.run_id, metadata)
    except TrackingError as error:
        return Tracked(None, warning=_not_tracked_text(metadata, str(error)))


def track_edit(
    bundle_path: Path, spec: DealSpec, example: pd.DataFrame, edit: Mapping[str, Any]
) -> Tracked:
    """Store a model with an edited table as a separate run and register it as a version.

    No alias is changed: the edited model has not been compared with the champion, and must not
    replace a challenger that has been. ``promote(name, version=..., force=True, reason=...)`` puts
    it in use.

    Parameters
    ----------
    bundle_path : Path
        Bundle of the edited version.
    spec : DealSpec
        The contract that the model was trained with.
    example : DataFrame
        Attributes of one made-up prospect, stored as MLflow's input example.
    edit : mapping
        The edit as recorded in the manifest. Its words, reason, author and previous version become
        tags of the run and of the registered version.

    Returns
    -------
    Tracked
        The run and the registered version; a ``warning`` and no run if the store did not answer.
    """
    begun = begin(spec)
    if begun.run_id is None:
        return Tracked(None, warning=_not_registered_text(bundle_path, begun.warning))
    try:
        return _fill_edit(begun.run_id, bundle_path, spec, example, edit)
    except TrackingError as error:
        return Tracked(None, warning=_not_registered_text(bundle_path, error))


def _not_registered_text(bundle_path: Path, why: object) -> str:
    where = f"The complete edited version is in {bundle_path}"
    return one_stop(f"the edit was not registered: {why}. {where}")


def _fill_edit(
    run_id: str, bundle_path: Path, spec: DealSpec, example: pd.DataFrame, edit: Mapping[str, Any]
) -> Tracked:
    bundle = open_bundle(bundle_path)
    name = spec.tracking.registered_model
    tags = {f"fitmodel.edit.{key}": str(edit[key]) for key in ("words", "reason", "by")}
    tags["fitmodel.edit.from_version"] = str(edit["from_version"])
    with connected(spec.tracking.uri) as client, closing(client, run_id):
        for key, value in tags.items():
            client.set_tag(run_id, key, value[:VALUE_LIMIT])
        client.log_dict(run_id, plain(dict(edit)), "edit.json")
        for metric, value in bundle.manifest.get("metrics", {}).items():
            if edit.get("evaluation") is not None and math.isfinite(value):
                client.log_metric(run_id, metric, float(value))
        model_id = log_bundle(client, run_id, bundle_path, example, spec)
        version = add_version(client, name, model_id, run_id, bundle)
        for key, value in tags.items():
            client.set_model_version_tag(name, str(version), key, value[:VALUE_LIMIT])
    return Tracked(run_id, f"models:/{name}/{version}", version)


def track_monitoring(
    spec: DealSpec,
    manifest: Mapping[str, Any],
    values: Iterable[tuple[str, int, float]],
    files: Mapping[str, str],
) -> str:
    """Store a monitoring report as a run of the contract's experiment.

    Parameters
    ----------
    spec : DealSpec
        The contract; its ``tracking`` section names store and experiment.
    manifest : mapping
        Manifest of the monitored model, whose version is a tag of the run.
    values : iterable of (name, step, value)
        Metrics; a step is a month as 202603, or 0. Values that are not finite are left out.
    files : mapping
        From file name to text: the page and its tables.

    Returns
    -------
    str
        Id of the run.

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
            for start in range(0, len(metrics), _METRICS):
                client.log_batch(run_id, metrics=metrics[start : start + _METRICS])
            for name, text in files.items():
                client.log_text(run_id, text, name)
    return run_id


def deals_digest(deals: pd.DataFrame) -> str:
    """Return a table's digest: 32 hexadecimal digits, the same for any order of its rows.

    MLflow's own digest reads only the first 10,000 rows, and ignores dates and columns with
    missing values.
    """
    import pandas as pd

    rows = sorted(pd.util.hash_pandas_object(deals, index=False).tolist())
    text = json.dumps([[str(column) for column in deals.columns], rows])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _fill_run(client: Any, run_id: str, metadata: TrainingMetadata) -> Tracked:
    bundle = open_bundle(metadata.bundle_path)
    tags = {
        "fitmodel.version": bundle.manifest["fitmodel"],
        "fitmodel.bundle_name": bundle.name,
        "fitmodel.bundle_version": bundle.version,
        "fitmodel.regime": str(getattr(metadata.report, "regime", "full")),
    }
    settings = {**metadata.spec.to_dict(), "chosen": dict(metadata.chosen)}
    _log_tags_and_params(client, run_id, tags, settings)
    _log_deals(client, run_id, metadata.deals)
    _log_files(client, run_id, metadata)
    model_id = log_bundle(client, run_id, metadata.bundle_path, metadata.example, metadata.spec)
    _log_metrics(client, run_id, metadata, model_id)
    if metadata.options.on_run is not None:
        call_back(
            metadata.options.on_run, RunLog(client, run_id, metadata.report, metadata.bundle_path)
        )
    if not metadata.options.register:
        return Tracked(run_id, f"models:/{model_id}")
    name = metadata.spec.tracking.registered_model
    has_skill = metadata.report.has_skill
    version = register(client, name, model_id, run_id, bundle, has_skill=has_skill)
    return Tracked(run_id, f"models:/{name}@{CHALLENGER}", version)


def _log_tags_and_params(
    client: Any, run_id: str, tags: Mapping[str, str], sections: Mapping[str, Any]
) -> None:
    """Log tags and settings in few requests; the tags come first."""
    from mlflow.entities import Param, RunTag

    client.log_batch(run_id, tags=[RunTag(key, value) for key, value in tags.items()])
    params = [Param(key, value) for key, value in _flat(sections).items()]
    for start in range(0, len(params), _BATCH):
        client.log_batch(run_id, params=params[start : start + _BATCH])


def _flat(sections: Mapping[str, Any]) -> dict[str, str]:
    """Return every setting as ``section.key``; nested tables, keyed by column, become JSON."""
    flat: dict[str, str] = {}
    for section, settings in sections.items():
        fields = settings if isinstance(settings, dict) else {"": settings}
        for key, value in fields.items():
            text = value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)
            flat[f"{section}.{key}".rstrip(".")] = text[:VALUE_LIMIT]
    return flat


def _log_deals(client: Any, run_id: str, deals: pd.DataFrame) -> None:
    """Log digest, size and schema of the deals; the types are inferred from a sample.

    MLflow examines each text of a column to infer its type, which takes seconds for 100,000 deals.
    """
    from mlflow.data.pandas_dataset import from_pandas
    from mlflow.entities import Dataset, DatasetInput, InputTag

    sample = deals.iloc[:: max(1, len(deals) // _SCHEMA_ROWS)]
    # Integers are logged as doubles, else MLflow warns that integers cannot be missing.
    numbers = sample.select_dtypes("integer").columns
    digest = deals_digest(deals)
    as_floats = sample.astype(dict.fromkeys(numbers, float))
    of_sample: Any = from_pandas(as_floats, name="deals", digest=digest)
    of_sample = of_sample._to_mlflow_entity()  # noqa: SLF001 - MLflow's log_input does the same
    size = json.dumps({"num_rows": len(deals), "num_elements": int(deals.size)})
    dataset = Dataset(
        "deals", digest, of_sample.source_type, of_sample.source, of_sample.schema, size
    )
    entry = DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])
    try:
        client.log_inputs(run_id, datasets=[entry])
    except store_errors():  # another training of the same deals was logged in the same moment
        client.log_inputs(run_id, datasets=[entry])


def _log_files(client: Any, run_id: str, metadata: TrainingMetadata) -> None:
    client.log_text(run_id, metadata.card, "card.md")
    client.log_dict(run_id, plain(metadata.spec.to_dict()), "spec.json")
    client.log_dict(run_id, plain(metadata.report.to_dict()), "report.json")
    for name, figure in metadata.figures.items():
        _fix_layout(figure)
        client.log_figure(run_id, figure, f"plots/{name}.png")
    if metadata.candidates is not None:
        client.log_table(run_id, metadata.candidates, "candidates.json")


def _fix_layout(figure: Figure) -> None:
    """Compute a figure's layout once; with a layout engine, matplotlib draws twice to save it."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)


def _log_metrics(client: Any, run_id: str, metadata: TrainingMetadata, model_id: str) -> None:
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    numbers = {
        name if part == "value" else f"{name}.{part}": getattr(metric, part)
        for name, metric in metadata.report.metrics.items()
        for part in ("value", "low", "high", "base")
    } | metrics_of_flags_and_deals(metadata)
    client.log_batch(
        run_id,
        metrics=[
            Metric(key, float(number), now, 0, model_id=model_id)
            for key, number in numbers.items()
            if number is not None and math.isfinite(number)
        ],
    )


def _not_tracked_text(metadata: TrainingMetadata, why: str) -> str:
    store = without_password(tracking_uri(metadata.spec.tracking.uri))
    return one_stop(
        f"the training was not tracked: {why}. Nothing is lost: the complete model is in "
        f"{metadata.bundle_path} and can be used from there. To have it tracked, see that {store} "
        "answers and train again, or call fitmodel.tracking.runs.track with the same metadata"
    )
