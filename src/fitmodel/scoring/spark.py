"""Scoring of Spark tables through Arrow, with attributes from history, as for a file.

bundle as bytes -> broadcast, once per executor -> opened once per Python worker
history tables -> the rows of each deal as one list -> joined to the prospects by id
       -> Arrow batches -> the same attributes as of a day -> columns
table -> Arrow batches of a partition, in groups -> prediction columns added -> table

fitmodel must be installed where the executors run, together with its pandas and pyarrow.
"""

from __future__ import annotations

import hashlib
import warnings
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from fitmodel.crm.attributes import attributes_as_of, read_crm_tables
from fitmodel.crm.columns import columns_needed, columns_of, field_columns_of
from fitmodel.crm.prospects import contract_of
from fitmodel.crm.requests import text_rows
from fitmodel.deals.contract import DealSpec
from fitmodel.exceptions import DependencyError, SpecError
from fitmodel.loading import load
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.horizons import check_horizons
from fitmodel.model.scorer import as_of_date, scorer_from_json
from fitmodel.scoring.batch import check_columns, predict_chunk, prediction_fields
from fitmodel.scoring.streams import Chunk
from fitmodel.tables.values import today

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType

__all__ = ["add_history", "score"]

# Spark's batches have 10,000 rows; scoring several of them together takes a third less per row.
GROUP_ROWS = 50_000
GROUP_BYTES = 64 * 2**20

_opened: dict[str, FitModel] = {}  # one per Python worker, which Spark reuses for several tasks
_ROWS = "__rows_of_"


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
        A model, or a source for `fitmodel.load`. It is read by the calling process, not on
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
    day = as_of_date(as_of) or today()

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
        rows, size = sum(each.num_rows for each in group), sum(each.nbytes for each in group)
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


def add_history(
    df: DataFrame,
    model: FitModel | str | Path,
    tables: Mapping[str, DataFrame] | None = None,
    *,
    as_of: date | None = None,
) -> DataFrame:
    """Return the prospects with the attributes from history and events; evaluated lazily.

    Parameters
    ----------
    df : pyspark.sql.DataFrame
        Prospects with the contract's id.
    model : FitModel, str or Path
        A model, or a source for `fitmodel.load`.
    tables : mapping of str to pyspark.sql.DataFrame, optional
        The tables of the model's contract, by their names in the contract. Times are read as Spark
        writes them, in the time zone of the session. Tables that are not given are read by the
        calling process from the file or database in the contract; so give large ones here.
    as_of : date, optional
        Day as of which the attributes are computed; default today (UTC).

    Returns
    -------
    pyspark.sql.DataFrame
        The columns of `df`, then the other attributes. Columns of `df` that have a history are
        replaced, as text. `fitmodel.scoring.spark.score` can score this table.

    Raises
    ------
    DependencyError
        If pyspark is not installed.
    SpecError
        If the model's contract names no tables, or the prospects have no id.
    DealsError, DatabaseError
        If a table that is not given cannot be read.

    Notes
    -----
    Only the rows of one batch of deals are in memory at a time. If two changes of a field have the
    same time and no old values, their order can differ from that of a file, since Spark does not
    keep the order of rows.

    Examples
    --------
    >>> from fitmodel.scoring import spark  # doctest: +SKIP
    >>> known = spark.add_history(prospects, model, {"fields": history})  # doctest: +SKIP
    >>> spark.score(known, model)  # doctest: +SKIP
    """
    ready = model if isinstance(model, FitModel) else load(model)
    spec = contract_of(ready.manifest)
    if spec is None:
        raise SpecError("the model's contract names no tables beside the deals")
    sections: dict[str, Any] = {**spec.history, **spec.events}
    if spec.deals.id not in df.columns:
        raise SpecError(f"the column {spec.deals.id!r} of the model's contract is not given")
    joined, given = df, dict(tables or {})
    for name, section in sections.items():
        table = given[name] if name in given else _read(df, name, section)
        joined = _joined(joined, str(spec.deals.id), name, section, table)
    plain, day = spec.to_dict(), as_of or today()

    def attach(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        contract = DealSpec(**plain)
        for batch in batches:
            yield _attached(batch, contract, day)

    return joined.mapInArrow(attach, _history_schema(df, spec))


def _read(df: DataFrame, name: str, section: Any) -> DataFrame:
    """Return a table of the contract that the caller did not give, as a Spark table."""
    rows = text_rows(name, section)
    columns = {str(column): pa.array(rows[column], pa.string()) for column in rows.columns}
    return df.sparkSession.createDataFrame(pa.table(columns))


def _joined(df: DataFrame, id_column: str, name: str, section: Any, table: DataFrame) -> DataFrame:
    """Return the prospects with a column that lists each one's rows of one table."""
    try:
        from pyspark.sql import functions
    except ImportError as error:
        raise DependencyError(
            'Spark is not installed. Remedy: pip install "fitmodel[spark]"'
        ) from error
    key = f"__id_of_{name}"
    needed = [column for column in columns_needed(section) if column in table.columns]
    texts = [functions.col(f"`{c}`").cast("string").alias(c) for c in needed if c != section.id]
    rows = (
        table.select(functions.col(f"`{section.id}`").cast("string").alias(key), *texts)
        .groupBy(key)
        .agg(
            functions.collect_list(
                functions.struct(*(functions.col(f"`{c}`") for c in needed if c != section.id))
            ).alias(f"{_ROWS}{name}")
        )
    )
    same = functions.col(f"`{id_column}`").cast("string") == functions.col(key)
    return df.join(rows, same, "left").drop(key)


def _attached(batch: pa.RecordBatch, spec: DealSpec, day: date) -> pa.RecordBatch:
    """Return one batch of prospects with their attributes, without the lists of rows."""
    id_column = str(spec.deals.id)
    names = [name for name in batch.schema.names if not name.startswith(_ROWS)]
    ids = batch.column(id_column).cast(pa.string())
    sections: dict[str, Any] = {**spec.history, **spec.events}
    given = {
        name: _rows(batch.column(f"{_ROWS}{name}"), ids, section)
        for name, section in sections.items()
    }
    tables = read_crm_tables(spec, given)
    prospects = batch.select(names).to_pandas()
    attributes = attributes_as_of(prospects, spec, tables, day).frame
    texts = _value_columns(spec)
    added = {
        name: _texts(attributes[name])
        if name in texts
        else pa.array(attributes[name], pa.float64(), from_pandas=True)
        for name in columns_of(spec)
    }
    arrays = {name: added.pop(name, batch.column(name)) for name in names} | added
    return pa.record_batch(list(arrays.values()), names=list(arrays))


def _rows(lists: pa.ListArray, ids: pa.StringArray, section: Any) -> pd.DataFrame:
    """Return the rows of one table for all prospects of a batch."""
    owners, rows = lists.value_parent_indices(), lists.flatten()
    columns = {field.name: rows.field(field.name) for field in rows.type}
    columns[section.id] = ids.take(owners)
    absent = [name for name in columns_needed(section) if name not in columns]
    frame: pd.DataFrame = pa.table(columns).to_pandas()
    return frame.assign(**dict.fromkeys(absent, None))


def _texts(values: pd.Series[Any]) -> pa.Array:
    return pa.array([None if pd.isna(v) else str(v) for v in values.astype(object)], pa.string())


def _value_columns(spec: DealSpec) -> set[str]:
    return {each.value for each in field_columns_of(spec) if each.value is not None}


def _history_schema(df: DataFrame, spec: DealSpec) -> Any:
    from pyspark.sql.types import DoubleType, StringType, StructField, StructType

    texts = _value_columns(spec)
    kinds = {n: StringType() if n in texts else DoubleType() for n in columns_of(spec)}
    fields = [
        StructField(each.name, kinds.pop(each.name), nullable=True) if each.name in kinds else each
        for each in df.schema.fields
    ]
    return StructType([*fields, *(StructField(name, kind) for name, kind in kinds.items())])
