"""Attributes from history and events for prospects in Spark, computed by the same code.

tables -> the rows of each deal as one list -> joined to the prospects by id
       -> Arrow batches -> the same attributes as of a day -> columns
"""

from __future__ import annotations

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
from fitmodel.tables.values import today

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date
    from pathlib import Path

    from pyspark.sql import DataFrame

__all__ = ["add_history"]
_ROWS = "__rows_of_"


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
        A model, or its place as for `fitmodel.load`.
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
    >>> from fitmodel.scoring import spark, spark_history  # doctest: +SKIP
    >>> known = spark_history.add_history(prospects, model, {"fields": history})  # doctest: +SKIP
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

    return joined.mapInArrow(attach, _schema(df, spec))


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


def _schema(df: DataFrame, spec: DealSpec) -> Any:
    from pyspark.sql.types import DoubleType, StringType, StructField, StructType

    texts = _value_columns(spec)
    kinds = {n: StringType() if n in texts else DoubleType() for n in columns_of(spec)}
    fields = [
        StructField(each.name, kinds.pop(each.name), nullable=True) if each.name in kinds else each
        for each in df.schema.fields
    ]
    return StructType([*fields, *(StructField(name, kind) for name, kind in kinds.items())])
