"""Read a table or query of a database through a cursor, in batches.

query -> server-side cursor -> rows -> Arrow batches with one schema
"""

from __future__ import annotations

import json
import re
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from fitmodel.exceptions import DatabaseError
from fitmodel.tables.databases import Address, connected, explained, quoted, read_address
from fitmodel.tables.opening import duplicate_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

__all__ = ["open_rows", "read_query", "read_rows"]

POSTGRESQL = {  # psycopg's names of types; all other types become text
    "bool": pa.bool_(),
    "int2": pa.int16(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "float4": pa.float32(),
    "float8": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", "UTC"),
    "bytea": pa.binary(),
}
_PARTS = re.compile(  # parts of SQL: quotes, brackets and $$ may contain ";" and "--"
    r"""(?P<remark>--[^\n]*|/\*.*?\*/|\s+)|(?P<end>;)
    |(?P<code>'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^]]*\]|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$|.)""",
    re.DOTALL | re.VERBOSE,
)
MAX_DIGITS = 38  # maximum precision of an Arrow decimal
CHUNK_ROWS = 100_000
Read = tuple[pa.Schema, "Iterator[pa.RecordBatch]"]


def read_query(text: str) -> str:
    """Return the query as given, or the content of ``@file.sql``.

    Raises
    ------
    DatabaseError
        If the file does not exist, is not UTF-8, or holds no query.
    """
    if text.startswith("@"):
        file = Path(text[1:])
        if not file.is_file():
            raise DatabaseError(f"there is no file {file} with the query")
        try:
            text = file.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise DatabaseError(
                f"{file} is not UTF-8 text: byte 0x{error.object[error.start]:02x} at position "
                f"{error.start + 1}. Remedy: save the query as UTF-8."
            ) from error
    query = _without_end(text)
    if not query:
        raise DatabaseError('the query is empty. Remedy: write --query "select ... from ..."')
    return query


def _without_end(text: str) -> str:
    """Return a statement without its last semicolon and the comments after that."""
    is_ended, end = False, None
    for part in _PARTS.finditer(text):
        if part.lastgroup == "code":
            is_ended, end = True, None
        elif part.lastgroup == "end" and end is None:
            end = part.start()
    return text[:end].strip() if is_ended else ""


@contextmanager
def open_rows(url: str, chunk_rows: int, *, query: str | None = None) -> Iterator[Read]:
    """Open a query, or without a query the table of the URL, for reading only.

    Parameters
    ----------
    url : str
        URL of the database; see `fitmodel.tables.databases`. With a query it has no table.
    chunk_rows : int
        Maximum number of rows in memory.
    query : str, optional
        One SELECT, or ``@file.sql``.

    Yields
    ------
    schema : pyarrow.Schema
        Schema of all batches.
    batches : iterator of pyarrow.RecordBatch
        The rows.

    Raises
    ------
    DatabaseError, DependencyError
        If opening or reading fails; the message names the remedy.
    """
    address, text = _statement_for(url, query)
    with _opened(address, text, chunk_rows) as read:
        yield read


def read_rows(
    url: str, query: str | None = None, only: tuple[str, Sequence[str]] | None = None
) -> pa.Table:
    """Return all rows of a table or query, or only those with some ids.

    Parameters
    ----------
    url, query
        The same as for `open_rows`.
    only : tuple of str and sequence of str, optional
        Name of a column, and its values to return.

    Raises
    ------
    DatabaseError, DependencyError
        The errors of `open_rows`.
    """
    address, text = _statement_for(url, query)
    if only is not None:
        column, values = only
        literals = ", ".join(_literal(value) for value in values) or "null"
        text = f"select * from ({text}\n) as source where {quoted(column)} in ({literals})"  # noqa: S608 - the user's query, quoted names and texts  # nosec B608
    with _opened(address, text, CHUNK_ROWS) as (schema, batches):
        return pa.Table.from_batches(list(batches), schema)


def _statement_for(url: str, query: str | None) -> tuple[Address, str]:
    """Return the address of the database and the statement to run."""
    address = read_address(url, with_table=query is None)
    if address.file is not None and not address.file.is_file():
        raise DatabaseError(f"there is no file {address.file}")
    if query is not None:
        return address, read_query(query)
    return address, f"select * from {address.quoted_table}"  # noqa: S608 - quoted  # nosec B608


def _literal(text: str) -> str:
    """Return a text as an SQL literal; the database converts it to the type of the column."""
    if "\0" in text:
        raise DatabaseError(f"{text!r} is not an id: databases cannot store its NUL character")
    return "'" + text.replace("'", "''") + "'"


@contextmanager
def _opened(address: Address, text: str, chunk_rows: int) -> Iterator[Read]:
    with connected(address) as connection, ExitStack() as results:
        reader = READERS[connection.dialect.name]
        schema, batches = reader(connection, text, chunk_rows, results)
        _check_names(schema.names)
        yield schema, _explained(batches, connection, address)


def _explained(
    batches: Iterator[pa.RecordBatch], connection: Connection, address: Address
) -> Iterator[pa.RecordBatch]:
    # Errors are translated here; further out they would be attributed to the table that is written.
    # DuckDB's errors arrive through Arrow, as errors of a stream.
    with explained(connection.dialect, address, OSError, pa.ArrowException):
        yield from batches


def _check_names(names: list[str]) -> None:
    if duplicates := duplicate_names(names):
        raise DatabaseError(
            f"the query has more than one column named {duplicates}. Remedy: select ... "
            "as another name."
        )


def _read_postgresql(connection: Connection, query: str, rows: int, results: ExitStack) -> Read:
    options = {"stream_results": True, "no_parameters": True, "postgresql_readonly": True}
    result = connection.execution_options(**options).exec_driver_sql(query)
    results.enter_context(result)
    cursor: Any = result.cursor
    fields = [pa.field(item.name, _postgresql_type(item)) for item in cursor.description]
    return pa.schema(fields), _batches(result.partitions(rows), pa.schema(fields))


def _postgresql_type(column: Any) -> pa.DataType:
    """Return the Arrow type of a column of PostgreSQL."""
    from psycopg import adapters

    adapter = adapters.types.get(column.type_code)
    # for an array, psycopg returns the type of its elements
    name = adapter.name if adapter is not None and adapter.oid == column.type_code else ""
    if name == "numeric":
        is_exact = column.precision is not None and column.precision <= MAX_DIGITS
        return pa.decimal128(column.precision, column.scale) if is_exact else pa.float64()
    return POSTGRESQL.get(name, pa.string())


def _read_sqlite(connection: Connection, query: str, rows: int, results: ExitStack) -> Read:
    """Read from SQLite: columns have no type, so the values are scanned once before reading."""
    execute = connection.execution_options(stream_results=True, no_parameters=True).exec_driver_sql
    execute("pragma query_only = on")
    result = results.enter_context(execute(query))
    names = list(result.keys())
    _check_names(names)
    kinds = ("text", "blob", "real", "integer")
    tests = ", ".join(f"max(typeof({quoted(name)}) = '{kind}')" for name in names for kind in kinds)
    types = list(execute(f"select {tests} from ({query}\n)").one())  # noqa: S608 - the user's query  # nosec B608
    fields = [
        pa.field(name, _sqlite_type(*types[4 * position : 4 * position + 4]))
        for position, name in enumerate(names)
    ]
    return pa.schema(fields), _batches(result.partitions(rows), pa.schema(fields))


def _sqlite_type(text: int, blob: int, real: int, integer: int) -> pa.DataType:
    if blob and not (text or real or integer):
        return pa.binary()
    if text or blob:
        return pa.string()
    if real:
        return pa.float64()
    return pa.int64() if integer else pa.string()


def _batches(pieces: Iterator[Sequence[Any]], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for rows in pieces:
        columns = zip(*rows, strict=True)
        arrays = [_array(values, item.type) for values, item in zip(columns, schema, strict=True)]
        yield pa.record_batch(arrays, schema=schema)


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_string(kind):
        values = [None if value is None else _text(value) for value in values]
    elif pa.types.is_floating(kind):  # exact decimals too
        values = [None if value is None else float(value) for value in values]
    return pa.array(values, kind)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _read_duckdb(connection: Connection, query: str, rows: int, results: ExitStack) -> Read:
    """Read from DuckDB, which returns Arrow."""
    del results
    driver: Any = connection.connection.driver_connection
    driver.execute("begin transaction read only")  # otherwise changes by the query are committed
    relation = driver.sql(query)
    if relation is None:
        raise DatabaseError("the query gives no rows. Remedy: write one SELECT.")
    reader = relation.to_arrow_reader(rows)
    schema = pa.schema([pa.field(item.name, _plain_type(item.type)) for item in reader.schema])
    return schema, (batch.cast(schema) for batch in reader)


def _plain_type(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_string_view(kind) else kind


READERS = {"postgresql": _read_postgresql, "sqlite": _read_sqlite, "duckdb": _read_duckdb}
