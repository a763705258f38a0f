"""Connect to databases, parse their URLs, and translate their errors into plain words.

``postgresql://user:secret@host/db/schema.table``, ``sqlite:///file.db/table``,
``duckdb:///file.duckdb/table``: a URL of SQLAlchemy, followed by a slash and the table. Passwords
are never shown or logged.
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
    """Return whether a name is the URL of a database and not the name of a file."""
    return "://" in str(name)


@dataclass(frozen=True)
class Address:
    """A database, and optionally a table in it.

    Attributes
    ----------
    url : sqlalchemy.URL
        URL of the database, without a table. Its text hides the password.
    table, schema : str or None
        The table and its schema.
    """

    url: URL
    table: str | None = None
    schema: str | None = None

    def __str__(self) -> str:
        """Return the URL without the password."""
        qualified_name = ".".join(part for part in (self.schema, self.table) if part)
        url = self.url.set(drivername=self.url.get_backend_name(), query={})
        shown = url.render_as_string(hide_password=True)
        return f"{shown}/{qualified_name}" if qualified_name else shown

    @property
    def quoted_table(self) -> str:
        """Schema and table, quoted for a statement."""
        return ".".join(quoted(part) for part in (self.schema, self.table) if part)

    @property
    def file(self) -> Path | None:
        """File of an embedded database (SQLite, DuckDB); None for a server."""
        if self.url.get_backend_name() == "postgresql":
            return None
        return Path(self.url.database or "")


def quoted(name: str) -> str:
    """Return a name in the quotes of standard SQL, which all supported databases accept."""
    return '"' + name.replace('"', '""') + '"'


def read_address(name: str, *, with_table: bool) -> Address:
    """Return the address from a URL; with a table, its last part is ``table`` or ``schema.table``.

    Raises
    ------
    DatabaseError
        If it is not a URL, has no table, or the database is not supported.
    DependencyError
        If SQLAlchemy is not installed.
    """
    url = _read_url(name)
    if not with_table:
        return Address(url)
    database, _, table = (url.database or "").rpartition("/")
    address = Address(url.set(database=database))
    if not database or not table or (address.file is not None and address.file.is_dir()):
        raise DatabaseError(f"{Address(url)} has no table. Remedy: write {FORMS}.")
    schema, _, name_of_table = table.rpartition(".")
    return Address(address.url, name_of_table, schema or None)


def _read_url(name: str) -> URL:
    try:
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError
    except ImportError as error:
        raise DependencyError(_missing("SQLAlchemy")) from error
    kind, _, rest = name.partition("://")
    try:
        url = make_url(f"{DRIVERS.get(kind, kind)}://{rest}")
    except (ArgumentError, ValueError):  # the error's text may contain the URL with its password
        raise DatabaseError(f"this is not a database's URL. Remedy: write {FORMS}.") from None
    if url.get_backend_name() not in DIALECTS:
        raise DatabaseError(
            f"{url.get_backend_name()} is not supported; supported are {', '.join(DIALECTS)}. "
            f"Remedy: write {FORMS}, or export the table to Parquet."
        )
    return url


@contextmanager
def connected(address: Address) -> Iterator[Connection]:
    """Open a connection; changes that are not committed are rolled back.

    Raises
    ------
    DatabaseError, DependencyError
        If the database or its driver raises an error, inside of the block too.
    """
    engine = _engine(address)
    try:
        with explained(engine.dialect, address), engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def explained(dialect: Any, address: Address, *also: type[Exception]) -> Iterator[None]:
    """Turn errors of the database or its driver into errors that name the remedy.

    Raises
    ------
    DatabaseError
        If the database, its driver or one of the classes in `also` raises an error.
    """
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except MemoryError:  # Arrow's subclass may be in `also`, but it is not an error of the query
        raise
    except (SQLAlchemyError, dialect.dbapi.Error, *also) as error:
        raise DatabaseError(_explained(error, address)) from None  # the cause may contain values


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


def _missing(component: str) -> str:
    return f'{component} is not installed. Remedy: pip install "fitmodel[sql]"'


NAMES = "check the names in the query and in the URL"
RUNNING = "check whether the database runs at this host and port"
KEY = "make the id the table's primary key, or name the column that is"
REMEDIES = {  # words in a driver's message -> remedy; the first match is used
    ("refused", "could not translate", "timeout expired", "not resolve"): RUNNING,
    ("no unique", "unique/primary", "not match any primary", "not referenced by"): KEY,
    ("second time", "more than once", "same command"): "give the table one row per id",
    ("not null", "not-null"): "give every row an id",
    ("authentication", "no password supplied", "role "): "check user and password in the URL",
    ("permission denied", "readonly"): "ask for the right to read or write this table",
    ("no such table", "no such column", "does not exist", "not found in from"): NAMES,
    ("locked", "conflicting lock"): "close the other program that has the file open",
    ("syntax error", "one statement at a time"): "check the query; it must be one SELECT",
}


def _explained(error: Exception, address: Address) -> str:
    text = str(getattr(error, "orig", None) or error)
    if address.url.password:
        text = text.replace(str(address.url.password), "***")
    first = next((line.strip() for line in text.splitlines() if line.strip()), "no message")
    remedies = (
        remedy for words, remedy in REMEDIES.items() if any(word in text.lower() for word in words)
    )
    remedy = next(remedies, "ask the administrator of the database")
    return f"{address}: {first.rstrip('.')}. Remedy: {remedy}."
