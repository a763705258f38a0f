"""Score a Spark table through Arrow, with the same predictions as for a file.

bundle as bytes -> broadcast, once per executor -> opened once per Python worker
table -> Arrow batches of a partition, some together -> prediction columns added -> table

fitmodel must be installed where the executors run, as the pandas and pyarrow that it uses.
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

# Spark's batches have 10,000 rows; some of them scored together cost a third less per row.
GROUP_ROWS = 50_000
GROUP_BYTES = 64 * 2**20

_opened: dict[str, FitModel] = {}  # per Python worker, which Spark keeps from task to task


def score(
    df: DataFrame,
    model: FitModel | str | Path,
    *,
    reasons: int = 0,
    as_of: date | None = None,
    horizons: Sequence[int] = (),
) -> DataFrame:
    """Add the prediction columns to every row; lazy, as all of Spark.

    Parameters
    ----------
    df : pyspark.sql.DataFrame
        Prospects with the model's attributes; other columns are passed on untouched.
    model : FitModel, str or Path
        As `fitmodel.load` takes it; read where this is called, not on the executors.
    reasons : int, default=0
        How many reasons per row, as a JSON list; 0 leaves the column out.
    as_of : date, optional
        Day to count date attributes back from for prospects without a closing date; default the
        day (UTC) on which this is called, the same for every executor.
    horizons : sequence of int
        Months of further columns ``churn_probability_3m``, with their intervals; see
        `FitModel.predict`.

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
        If an attribute's column is absent or a prediction column is already there.
    BundleError, TrackingError
        As `fitmodel.load`.

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
        # Spark warns of pandas 3 even here, where no pandas object passes between it and us
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas")
        return df.mapInArrow(score_partition, _schema(df.schema, reasons, months))


def _open(key: str, shipped: Callable[[], tuple[bytes, str]]) -> FitModel:
    """The model of a key; what was shipped is looked at only the first time."""
    if key not in _opened:
        content, version = shipped()
        _opened.clear()  # a long-lived worker holds the model in use, not those before it
        _opened[key] = FitModel(scorer_from_json(content, version), {})
    return _opened[key]


def _groups(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    """Batches in their order, so many together as are worth it and do no harm to memory."""
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
    """Give the batches back as they came, each with its rows' prediction columns."""
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
