"""Write a database table in one transaction: all rows change, or none.

batches -> a temporary table of this connection, in bulk -> at the end one statement into the table

Other readers of the table see its old rows meanwhile, and do not wait for the scoring.
"""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from fitmodel.exceptions import DatabaseError
from fitmodel.scoring._file_sink import as_text, join, text_of
from fitmodel.tables.databases import Address, connected, quoted, read_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection, Table
    from sqlalchemy.types import TypeEngine

__all__ = ["DatabaseSink"]


@dataclass(frozen=True)
class DatabaseSink:
    """A database table to write to; see `fitmodel.scoring.streams.Sink`.

    `upsert`: column of the id. Rows whose id is in the table are updated, the others are added, and
        all other rows of the table stay. Without it all rows of the table are replaced. If there is
        no such table, it is created.
    """

    url: str
    upsert: str | None = None

    @property
    def target(self) -> str:
        """The URL without the password."""
        return str(read_address(self.url, with_table=True))

    @contextmanager
    def opened(
        self, schema: pa.Schema, separator: str
    ) -> Iterator[Callable[[pa.RecordBatch], object]]:
        """Begin the transaction; return the function that writes a batch.

        Raises DatabaseError if the table has other columns, ids are missing or repeated, or the
        database refuses. Raises DependencyError if a package for this database is not installed.
        """
        del separator
        address = read_address(self.url, with_table=True)
        with _new_file_only_if_done(address), connected(address) as connection:
            exists = _check_table(connection, address, schema, self.upsert)
            stage = _make_stage(connection, schema)
            if exists and self.upsert is not None:
                _check_key(connection, stage, address, self.upsert)
            yield lambda batch: _append(connection, stage, batch)
            if self.upsert is not None:
                _check_ids(connection, stage, self.upsert)
            target = _table(str(address.table), schema, schema_name=address.schema, key=self.upsert)
            if not exists:
                target.create(connection)
            if self.upsert is None:
                connection.execute(target.delete())
            _move(connection, stage, address, self.upsert)
            stage.drop(connection)
            connection.commit()


@contextmanager
def _new_file_only_if_done(address: Address) -> Iterator[None]:
    file = address.file
    if file is None or file.exists():
        yield
        return
    done = False
    try:
        yield
        done = True
    finally:
        if not done:
            file.unlink(missing_ok=True)


def _check_table(
    connection: Connection, address: Address, schema: pa.Schema, upsert: str | None
) -> bool:
    """Return whether the table exists; before scoring, refuse a table that rows do not fit."""
    if upsert is not None and upsert not in schema.names:
        raise DatabaseError(
            f"there is no column {upsert!r} to upsert on; there are {', '.join(schema.names)}"
        )
    from sqlalchemy import inspect

    if not inspect(connection).has_table(str(address.table), schema=address.schema):
        return False
    rows = connection.execution_options(no_parameters=True).exec_driver_sql(
        f"select * from {address.quoted_table} limit 0"  # noqa: S608 - quoted  # nosec B608
    )
    existing = set(rows.keys())
    absent = [name for name in schema.names if name not in existing]
    unexpected = sorted(existing - set(schema.names)) if upsert is None else []
    if absent or unexpected:
        raise DatabaseError(
            f"{address} is there with other columns: it lacks {absent} and has besides {unexpected}"
            ". Remedy: name another table, or drop this one."
        )
    return True


def _make_stage(connection: Connection, schema: pa.Schema) -> Table:
    stage = _table(f"fitmodel_{uuid.uuid4().hex}", schema, prefixes=["TEMPORARY"])
    stage.create(connection)
    return stage


def _table(
    name: str,
    schema: pa.Schema,
    *,
    schema_name: str | None = None,
    key: str | None = None,
    prefixes: list[str] | None = None,
) -> Table:
    from sqlalchemy import Column, MetaData, Table

    columns = [
        Column(item.name, _sql_type(item.type), primary_key=item.name == key, autoincrement=False)
        for item in schema
    ]
    return Table(name, MetaData(), *columns, schema=schema_name, prefixes=prefixes or [])


def _sql_type(kind: pa.DataType) -> TypeEngine[Any]:
    import sqlalchemy as sa

    if pa.types.is_decimal(kind):
        return sa.Numeric(kind.precision, kind.scale)
    if pa.types.is_timestamp(kind):
        return sa.DateTime(timezone=kind.tz is not None)
    known = (
        (pa.types.is_boolean, sa.Boolean),
        (pa.types.is_integer, sa.BigInteger),
        (pa.types.is_floating, sa.Double),
        (pa.types.is_date, sa.Date),
        (pa.types.is_binary, sa.LargeBinary),
        (pa.types.is_large_binary, sa.LargeBinary),
    )
    return next((sql() for is_kind, sql in known if is_kind(kind)), sa.Text())


def _check_key(connection: Connection, stage: Table, address: Address, upsert: str) -> None:
    """Before scoring, refuse a table without a unique constraint on the id."""
    explained = f"explain {_move_statement(stage, address, upsert)}"
    connection.execution_options(no_parameters=True).exec_driver_sql(explained)


def _check_ids(connection: Connection, stage: Table, upsert: str) -> None:
    """Refuse rows without an id or with a repeated id; SQLite would silently keep one of them.

    Raises DatabaseError if ids are missing or repeated; the message has their number and an
    example.
    """
    from sqlalchemy import func, select

    ids = stage.columns[upsert]
    rows, known, distinct = connection.execute(
        select(func.count(), func.count(ids), func.count(ids.distinct())).select_from(stage)
    ).one()
    if known < rows:
        raise DatabaseError(
            f"{rows - known:,} of {rows:,} rows have no {upsert!r}, by which rows are updated. "
            "Nothing was written. Remedy: give it, or leave such rows out."
        )
    if distinct < known:
        most_repeated = (
            select(ids, func.count()).group_by(ids).order_by(func.count().desc(), ids).limit(1)
        )
        example, count = connection.execute(most_repeated).one()
        raise DatabaseError(
            f"{known - distinct:,} of {rows:,} rows repeat the {upsert!r} of another, for example "
            f"{example!r} in {count:,} rows: only one of them could stay. Nothing was written. "
            "Remedy: give one row for each, or upsert by another column."
        )


def _move(connection: Connection, stage: Table, address: Address, upsert: str | None) -> None:
    """Insert the staged rows in one statement; with `upsert`, update rows with the same id."""
    statement = _move_statement(stage, address, upsert)
    connection.execution_options(no_parameters=True).exec_driver_sql(statement)


def _move_statement(stage: Table, address: Address, upsert: str | None) -> str:
    columns = [column.name for column in stage.columns]
    names = ", ".join(quoted(name) for name in columns)
    statement = (
        f"insert into {address.quoted_table} ({names}) "  # noqa: S608 - every name is quoted  # nosec B608
        f"select {names} from {quoted(stage.name)} where true"
    )
    if upsert is not None:
        changes = ", ".join(
            f"{quoted(name)} = excluded.{quoted(name)}" for name in columns if name != upsert
        )
        statement += f" on conflict ({quoted(upsert)}) do update set {changes}"  # quoted  # nosec B608
    return statement


def _append(connection: Connection, stage: Table, batch: pa.RecordBatch) -> None:
    if batch.num_rows:
        APPEND[connection.dialect.name](connection, stage, _flat(batch))


def _flat(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch with lists, structures and dictionaries as the text used in CSV."""
    for position, item in enumerate(batch.schema):
        if pa.types.is_nested(item.type) or pa.types.is_dictionary(item.type):
            batch = batch.set_column(position, item.name, as_text(batch.column(position)))
    return batch


def _copy(connection: Connection, stage: Table, batch: pa.RecordBatch) -> None:
    """Insert rows with PostgreSQL's COPY, whose text Arrow makes."""
    raw: Any = connection.connection.driver_connection
    columns = [_copy_field(column) for column in batch.columns]
    columns[-1] = join([columns[-1], ""], "\n")
    with raw.cursor() as cursor, cursor.copy(f"copy {quoted(stage.name)} from stdin") as copy:
        copy.write(text_of(join(columns, "\t")))


def _copy_field(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        values = [None if value is None else f"\\x{value.hex()}" for value in column.to_pylist()]
        column = pa.array(values, pa.large_string())
    text = column.cast(pa.large_string())
    if not (pa.types.is_primitive(kind) or pa.types.is_decimal(kind)):
        for mark, escaped in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
            text = pc.replace_substring(text, mark, escaped)
    return text.fill_null("\\N")


def _insert(connection: Connection, stage: Table, batch: pa.RecordBatch) -> None:
    connection.execute(stage.insert(), batch.to_pylist())


def _insert_arrow(connection: Connection, stage: Table, batch: pa.RecordBatch) -> None:
    """Insert an Arrow batch into DuckDB, which reads it without a copy."""
    raw: Any = connection.connection.driver_connection
    raw.register("fitmodel_batch", pa.Table.from_batches([batch]))
    raw.execute(f"insert into {quoted(stage.name)} select * from fitmodel_batch")  # noqa: S608 - quoted  # nosec B608
    raw.unregister("fitmodel_batch")


APPEND = {"postgresql": _copy, "sqlite": _insert, "duckdb": _insert_arrow}
