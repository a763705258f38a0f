"""Scoring of a Spark table through Arrow, with the same predictions as for a file.

bundle as bytes -> broadcast, once per executor -> opened once per Python worker
table -> Arrow batches of a partition, in groups -> prediction columns added -> table

fitmodel must be installed where the executors run, together with its pandas and pyarrow.
"""

from __future__ import annotations

import hashlib
import warnings
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from fitmodel.exceptions import DependencyError
from fitmodel.loading import load
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.horizons import check_horizons
from fitmodel.model.scorer import day_asked, scorer_from_json
from fitmodel.scoring.batch import check_columns, predict_chunk, prediction_fields
from fitmodel.scoring.streams import Chunk
from fitmodel.tables.values import today

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date
    from pathlib import Path

    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType

__all__ = ["score"]

# Spark's batches have 10,000 rows; scoring several of them together takes a third less per row.
GROUP_ROWS = 50_000
GROUP_BYTES = 64 * 2**20

_opened: dict[str, FitModel] = {}  # one per Python worker, which Spark reuses for several tasks


def score(
    df: DataFrame,
    model: FitModel | str | Path,
    *,
    reasons: int = 0,
    as_of: date | None = None,
    horizons: Sequence[int] = (),
) -> DataFrame:
    """Return the Spark table with the prediction columns added; evaluated lazily, as Spark does.

    Parameters
    ----------
    df : pyspark.sql.DataFrame
        Prospects with the model's attributes; other columns are kept unchanged.
    model : FitModel, str or Path
        A model, or its place as for `fitmodel.load`. It is read by the calling process, not on
        the executors.
    reasons : int, default=0
        Largest number of reasons per row, as a JSON list; 0 leaves the column out.
    as_of : date, optional
        Day from which date attributes of prospects without a closing date are counted back;
        default the day (UTC) of the call, the same for every executor.
    horizons : sequence of int
        Further horizons in months: columns ``churn_probability_3m`` and so on, with their
        intervals; see `FitModel.predict`.

    Returns
    -------
    pyspark.sql.DataFrame
        The columns of `df`, then those of ``fitmodel score``. A row that cannot be read has empty
        predictions and the problem in the column ``error``.

    Raises
    ------
    DependencyError
        If pyspark is not installed.
    ProspectError
        If an attribute's column is absent, or a prediction column is already there.
    BundleError, TrackingError
        If `fitmodel.load` cannot load the model.

    Examples
    --------
    >>> from fitmodel.scoring import spark as on_spark  # doctest: +SKIP
    >>> on_spark.score(prospects, "models:/prospect-fit@champion")  # doctest: +SKIP
    """
    ready = model if isinstance(model, FitModel) else load(model)
    months = check_horizons(ready, horizons)
    check_columns(df.columns, ready, horizons=months)
    if note := ready.today_note(df.columns, as_of):
        warnings.warn(note, UserWarning, stacklevel=2)
    content = ready.scorer.to_json()
    key = f"{ready.version} {hashlib.sha256(content).hexdigest()}"
    shipped = df.sparkSession.sparkContext.broadcast((content, ready.version))
    day = day_asked(as_of) or today()

    def score_partition(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        worker_model = _open(key, lambda: shipped.value)
        for group in _groups(batches):
            yield from _with_predictions(group, worker_model, reasons, day, months)

    with warnings.catch_warnings():
        # Spark warns about pandas 3 even here, where it and fitmodel exchange no pandas object.
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas")
        return df.mapInArrow(score_partition, _schema(df.schema, reasons, months))


def _open(key: str, shipped: Callable[[], tuple[bytes, str]]) -> FitModel:
    """Return the model of a key; the broadcast bytes are read only the first time."""
    if key not in _opened:
        content, version = shipped()
        _opened.clear()  # so that a long-lived worker keeps only the model in use in memory
        _opened[key] = FitModel(scorer_from_json(content, version), {})
    return _opened[key]


def _groups(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    """Yield the batches in order, in groups large enough to be fast and small enough for memory."""
    group: list[pa.RecordBatch] = []
    for batch in batches:
        group.append(batch)
        rows, size = sum(one.num_rows for one in group), sum(one.nbytes for one in group)
        if rows >= GROUP_ROWS or size >= GROUP_BYTES:
            yield group
            group = []
    if group:
        yield group


def _with_predictions(
    group: list[pa.RecordBatch],
    model: FitModel,
    reasons: int,
    day: date,
    horizons: Sequence[int] = (),
) -> Iterator[pa.RecordBatch]:
    """Yield each batch of the group with the prediction columns of its rows added."""
    read = [name for name in group[0].schema.names if name in model.columns]
    together = pa.concat_batches([batch.select(read) for batch in group])
    columns = predict_chunk(Chunk(together), model, reasons, as_of=day, horizons=horizons)
    fields = prediction_fields(reasons, horizons=horizons)
    schema, start = pa.schema([*group[0].schema, *fields]), 0
    for batch in group:
        added = [columns[field.name].slice(start, batch.num_rows) for field in fields]
        yield pa.record_batch([*batch.columns, *added], schema=schema)
        start += batch.num_rows


def _schema(given: StructType, reasons: int, horizons: Sequence[int] = ()) -> StructType:
    try:
        from pyspark.sql.pandas.types import from_arrow_schema
        from pyspark.sql.types import StructType
    except ImportError as error:
        raise DependencyError(
            'Spark is not installed. Remedy: pip install "fitmodel[spark]"'
        ) from error
    added: Any = from_arrow_schema(pa.schema(prediction_fields(reasons, horizons=horizons)))
    return StructType([*given.fields, *added.fields])
