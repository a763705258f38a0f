"""Database URLs: never show the password, and errors name the remedy."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from fitmodel.exceptions import DatabaseError, DependencyError
from fitmodel.tables import databases
from fitmodel.tables.databases import (
    Address,
    connected,
    explained,
    is_database,
    quoted,
    read_address,
)

SECRET = "s3cr3t%2Fword"  # noqa: S105 - of no account
POSTGRES = f"postgresql://ann:{SECRET}@host:5433/crm"


@pytest.mark.parametrize(
    ("name", "known"),
    [("sqlite:///a.db/x", True), (POSTGRES, True), ("a.db", False), ("C:\\a.csv", False),
     (Path("a/b.csv"), False), ("", False)],
)  # fmt: skip
def test_a_database_url_is_distinguished_from_a_file_name(name: object, known: bool) -> None:
    assert is_database(name) is known


@pytest.mark.parametrize(
    ("name", "text"),
    [("a", '"a"'), ('say "x"', '"say ""x"""'), ("", '""'), ("a.b", '"a.b"'), ('"', '""""')],
)
def test_a_quoted_name_is_read_back_by_the_database(name: str, text: str) -> None:
    assert quoted(name) == text
    if name:
        with sa.create_engine("sqlite://").connect() as connection:
            (row,) = connection.exec_driver_sql(f"select 1 as {text}").mappings()
        assert dict(row) == {name: 1}


def test_the_last_part_of_a_url_is_the_table_and_may_have_a_schema() -> None:
    plain = read_address(f"{POSTGRES}/deals", with_table=True)
    assert (plain.table, plain.schema, plain.url.database) == ("deals", None, "crm")
    assert plain.quoted_table == '"deals"'
    owned = read_address(f"{POSTGRES}/sales.won deals", with_table=True)
    assert (owned.table, owned.schema) == ("won deals", "sales")
    assert owned.quoted_table == '"sales"."won deals"'


def test_with_a_query_the_whole_path_is_the_database() -> None:
    address = read_address("sqlite:////data/crm.db", with_table=False)
    assert (address.table, address.schema) == (None, None)
    assert address.url.database == "/data/crm.db"
    assert address.file == Path("/data/crm.db")


@pytest.mark.parametrize("kind", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_uses_the_same_driver(kind: str) -> None:
    address = read_address(f"{kind}://host/crm/deals", with_table=True)
    assert address.url.drivername == "postgresql+psycopg"
    assert address.file is None
    assert str(address) == "postgresql://host/crm/deals"


def test_an_address_shows_neither_password_nor_options() -> None:
    address = read_address(f"{POSTGRES}/sales.deals?sslmode=require", with_table=True)
    assert str(address) == "postgresql://ann:***@host:5433/crm/sales.deals"
    assert SECRET not in repr(address)
    assert "s3cr3t" not in repr(address)


@pytest.mark.parametrize(
    "name",
    ["sqlite:///crm.db", "sqlite:////data/crm.db/", "sqlite://", "postgresql://host/crm",
     "postgresql://host", "duckdb:///crm.duckdb"],
)  # fmt: skip
def test_a_url_without_a_table_is_refused_with_the_forms(name: str) -> None:
    with pytest.raises(DatabaseError, match=r"has no table\. Remedy: write postgresql://host/"):
        read_address(name, with_table=True)


def test_a_missing_database_file_is_not_read_as_a_folder_with_a_table(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="has no table"):
        read_address(f"sqlite:///{tmp_path}/deals.db", with_table=True)
    (tmp_path / "crm.db").touch()
    assert read_address(f"sqlite:///{tmp_path}/crm.db/deals", with_table=True).table == "deals"


def test_an_unsupported_database_is_refused_with_the_supported_ones() -> None:
    with pytest.raises(
        DatabaseError, match=r"mysql is not supported; supported are postgresql, sqlite, duckdb"
    ) as got:
        read_address(f"mysql://ann:{SECRET}@host/crm/deals", with_table=True)
    assert "export the table to Parquet" in str(got.value)
    assert "s3cr3t" not in str(got.value)


@pytest.mark.parametrize(
    "name", [f"://ann:{SECRET}@host", f"postgresql://a:{SECRET}@host:port/x/t"]
)
def test_an_invalid_url_is_refused_without_quoting_it(name: str) -> None:
    with pytest.raises(DatabaseError, match="this is not a database's URL") as caught:
        read_address(name, with_table=True)
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.__cause__ is None


# ---- connections and their errors ----


def _sqlite(path: Path) -> Address:
    return read_address(f"sqlite:///{path}", with_table=False)


def test_uncommitted_changes_are_rolled_back(tmp_path: Path) -> None:
    address = _sqlite(tmp_path / "a.db")
    with connected(address) as connection:
        connection.exec_driver_sql("create table t (n integer)")
        connection.commit()
        connection.exec_driver_sql("insert into t values (1)")
    with connected(address) as connection:
        assert connection.exec_driver_sql("select count(*) from t").scalar() == 0


def test_the_error_for_a_missing_folder_names_it(tmp_path: Path) -> None:
    with (
        pytest.raises(DatabaseError, match=r"there is no folder .*/none for a\.db"),
        connected(_sqlite(tmp_path / "none" / "a.db")),
    ):
        pass


def test_an_error_inside_the_block_names_the_database_and_the_remedy(tmp_path: Path) -> None:
    address = _sqlite(tmp_path / "a.db")
    for statement, remedy in (
        ("select * from none", "check the names in the query and in the URL"),
        ("select from where", "check the query; it must be one SELECT"),
    ):
        with (
            pytest.raises(DatabaseError, match=rf"^sqlite:///.*a\.db: .*Remedy: {remedy}\.$"),
            connected(address) as connection,
        ):
            connection.exec_driver_sql(statement)


def test_an_exception_of_the_caller_is_not_changed(tmp_path: Path) -> None:
    with pytest.raises(KeyError), connected(_sqlite(tmp_path / "a.db")):
        raise KeyError("mine")


DIALECT = SimpleNamespace(dbapi=SimpleNamespace(Error=RuntimeError))
"""A driver of which every RuntimeError is an error of the database."""


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("Connection refused", "check whether the database runs at this host and port"),
        ("could not translate host name", "check whether the database runs at this host and port"),
        ("there is no unique or exclusion constraint", "make the id the table's primary key"),
        ("cannot affect row a second time", "give the table one row per id"),
        ("NOT NULL constraint failed", "give every row an id"),
        ("password authentication failed", "check user and password in the URL"),
        ('role "ann" does not exist', "check user and password in the URL"),
        ("permission denied for table deals", "ask for the right to read or write this table"),
        ("attempt to write a readonly database", "ask for the right to read or write this table"),
        ('relation "deals" does not exist', "check the names in the query and in the URL"),
        ("database is locked", "close the other program that has the file open"),
        ("You can only execute one statement at a time", "check the query; it must be one SELECT"),
        ("the disk is on fire", "ask the administrator of the database"),
        ("", "ask the administrator of the database"),
    ],
)
def test_errors_of_a_driver_get_a_remedy(text: str, remedy: str) -> None:
    address = read_address("sqlite:///a.db", with_table=False)
    with pytest.raises(DatabaseError) as caught, explained(DIALECT, address):
        raise RuntimeError(text)
    message = str(caught.value)
    assert f": {text or 'no message'}. Remedy: {remedy}" in message
    assert caught.value.__cause__ is None


def test_only_the_first_line_of_a_driver_error_is_shown_without_the_password() -> None:
    address = read_address(f"postgresql://ann:{SECRET}@host/crm", with_table=False)
    with pytest.raises(DatabaseError) as caught, explained(DIALECT, address):
        raise RuntimeError("\n  bad password s3cr3t/word.\nDETAIL: a customer's name")
    assert str(caught.value) == (
        "postgresql://ann:***@host/crm: bad password ***. "
        "Remedy: ask the administrator of the database."
    )


def test_additional_exception_types_are_explained_and_others_are_not_changed() -> None:
    address = read_address("sqlite:///a.db", with_table=False)
    with pytest.raises(DatabaseError, match="late"), explained(DIALECT, address, OSError):
        raise OSError("late")
    with pytest.raises(OSError, match="late"), explained(DIALECT, address):
        raise OSError("late")
    with pytest.raises(MemoryError), explained(DIALECT, address, MemoryError):
        raise MemoryError


def test_the_error_for_a_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sa, "create_engine", lambda *_, **__: (_ for _ in ()).throw(ImportError()))
    with (
        pytest.raises(DependencyError, match=r"driver of sqlite is not installed.*fitmodel\[sql\]"),
        databases.connected(read_address("sqlite:///a.db", with_table=False)),
    ):
        pass
