"""Database connections and table names; errors in plain words.

``postgresql://user:secret@host/db/schema.table``, ``sqlite:///file.db/table``,
``duckdb:///file.duckdb/table``: a URL as SQLAlchemy writes it, and the table after a slash.
Nothing here says or logs a password.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitmodel.exceptions import DatabaseError, DependencyError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL, Connection, Engine

DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
DIALECTS = ("postgresql", "sqlite", "duckdb")
FORMS = "postgresql://host/database/TABLE, sqlite:///file.db/TABLE or duckdb:///file.duckdb/TABLE"


def is_database(name: object) -> bool:
    """Tell a database's URL from a file's name."""
    return "://" in str(name)


@dataclass(frozen=True)
class Address:
    """A database, and a table of it or none.

    Attributes
    ----------
    url : sqlalchemy.URL
        Its text hides the password.
    table, schema : str or None
    """

    url: URL
    table: str | None = None
    schema: str | None = None

    def __str__(self) -> str:
        """The URL for people to read, without the password."""
        whole = ".".join(part for part in (self.schema, self.table) if part)
        plain = self.url.set(drivername=self.url.get_backend_name(), query={})
        shown = plain.render_as_string(hide_password=True)
        return f"{shown}/{whole}" if whole else shown

    @property
    def quoted_table(self) -> str:
        """Schema and table as a statement names them."""
        return ".".join(quoted(part) for part in (self.schema, self.table) if part)

    @property
    def file(self) -> Path | None:
        """Of an embedded database."""
        if self.url.get_backend_name() == "postgresql":
            return None
        return Path(self.url.database or "")


def quoted(name: str) -> str:
    """A name as standard SQL quotes it, which all the databases here read."""
    return '"' + name.replace('"', '""') + '"'


def read_address(name: str, *, with_table: bool) -> Address:
    """Read a URL; with a table its last part is the table, ``schema.table`` too.

    Raises
    ------
    DatabaseError
        If it is not a URL, names no table, or is of a database that is not known here.
    DependencyError
        If SQLAlchemy is not installed.
    """
    url = _read_url(name)
    if not with_table:
        return Address(url)
    database, _, table = (url.database or "").rpartition("/")
    address = Address(url.set(database=database))
    if not database or not table or (address.file is not None and address.file.is_dir()):
        raise DatabaseError(f"{Address(url)} names no table. Remedy: write {FORMS}.")
    schema, _, plain = table.rpartition(".")
    return Address(address.url, plain, schema or None)


def _read_url(name: str) -> URL:
    try:
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError
    except ImportError as error:
        raise DependencyError(_missing("SQLAlchemy")) from error
    kind, _, rest = name.partition("://")
    try:
        url = make_url(f"{DRIVERS.get(kind, kind)}://{rest}")
    except (ArgumentError, ValueError):  # its text may be the URL, and so the password
        raise DatabaseError(f"this is not a database's URL. Remedy: write {FORMS}.") from None
    if url.get_backend_name() not in DIALECTS:
        raise DatabaseError(
            f"{url.get_backend_name()} is none of {', '.join(DIALECTS)}. Remedy: write {FORMS}, "
            "or export the table to Parquet."
        )
    return url


@contextmanager
def connected(address: Address) -> Iterator[Connection]:
    """A connection, of which what is not committed is rolled back; errors name the remedy.

    Raises
    ------
    DatabaseError, DependencyError
        While connecting or inside: whatever the database or its driver raises.
    """
    engine = _engine(address)
    try:
        with explained(engine.dialect, address), engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def explained(dialect: Any, address: Address, *also: type[Exception]) -> Iterator[None]:
    """Turn what the database or its driver raises into an error that names the remedy.

    Raises
    ------
    DatabaseError
    """
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except MemoryError:  # Arrow's own is among what a reader may raise, and no problem of the query
        raise
    except (SQLAlchemyError, dialect.dbapi.Error, *also) as error:
        raise DatabaseError(_explained(error, address)) from None  # its cause may hold values


def _engine(address: Address) -> Engine:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import NoSuchModuleError
    from sqlalchemy.pool import NullPool

    if address.file is not None and not address.file.absolute().parent.is_dir():
        raise DatabaseError(f"there is no folder {address.file.parent} for {address.file.name}")
    try:
        return create_engine(address.url, poolclass=NullPool, hide_parameters=True)
    except (ImportError, NoSuchModuleError) as error:
        raise DependencyError(_missing(f"the driver of {address.url.drivername}")) from error


def _missing(what: str) -> str:
    return f'{what} is not installed. Remedy: pip install "fitmodel[sql]"'


NAMES = "see the names in the query and in the URL"
RUNNING = "see whether the database runs at this host and port"
KEY = "make the id the table's primary key, or name the column that is"
REMEDIES = {  # what drivers say, in their own words -> what to do; the first that fits
    ("refused", "could not translate", "timeout expired", "not resolve"): RUNNING,
    ("no unique", "unique/primary", "not match any primary", "not referenced by"): KEY,
    ("second time", "more than once", "same command"): "give the table one row per id",
    ("not null", "not-null"): "give every row an id",
    ("authentication", "no password supplied", "role "): "see user and password in the URL",
    ("permission denied", "readonly"): "ask for the right to read or write this table",
    ("no such table", "no such column", "does not exist", "not found in from"): NAMES,
    ("locked", "conflicting lock"): "close what else has the file open",
    ("syntax error", "one statement at a time"): "see the query; it must be one SELECT",
}


def _explained(error: Exception, address: Address) -> str:
    text = str(getattr(error, "orig", None) or error)
    if address.url.password:
        text = text.replace(str(address.url.password), "***")
    first = next((line.strip() for line in text.splitlines() if line.strip()), "no message")
    result = (
        remedy for marks, remedy in REMEDIES.items() if any(mark in text.lower() for mark in marks)
    )
    return f"{address}: {first.rstrip('.')}. Remedy: {next(result, 'ask its administrator')}."
