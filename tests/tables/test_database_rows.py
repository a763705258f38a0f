"""Rows of a database: a whole table or query, or only the rows of some ids."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest
import sqlalchemy as sa

from fitmodel.exceptions import DatabaseError
from fitmodel.tables import database_rows
from fitmodel.tables.database_rows import open_rows, read_query, read_rows
from fitmodel.tables.databases import connected, read_address

DIFFICULT = "o'Brien\"; drop table people; --"


ROWS = [("a", 1), ("b", 2), (DIFFICULT, 3), ("a", 4)]
KINDS = ["sqlite", "duckdb", pytest.param("postgresql", marks=pytest.mark.slow)]


@pytest.fixture(params=KINDS)
def people(request, tmp_path):
    """URL of a database with a table of ids as text and as whole numbers."""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql")
    else:
        url = f"{request.param}:///{tmp_path}/crm.db"
    with connected(read_address(url, with_table=False)) as connection:
        connection.execute(sa.text('create table people ("the id" varchar, number integer)'))
        insert = sa.text("insert into people values (:id, :number)")
        for name, number in ROWS:
            connection.execute(insert, {"id": name, "number": number})
        connection.commit()
    return url


def test_all_rows_of_a_table_and_of_a_query_are_read(people):
    assert read_rows(f"{people}/people")["number"].to_pylist() == [1, 2, 3, 4]
    query = "select number from people where number > 2;  -- late ones"
    assert read_rows(people, query)["number"].to_pylist() == [3, 4]


@pytest.mark.parametrize(
    ("column", "values", "rows_found"),
    [
        ("the id", ["a"], [1, 4]),
        ("the id", ["b", DIFFICULT], [2, 3]),
        ("the id", ["x"], []),
        ("the id", [], []),
        ("number", ["2", "3"], [2, 3]),
    ],
)
def test_only_the_rows_of_some_ids_are_read(people, column, values, rows_found):
    table = read_rows(f"{people}/people", None, (column, values))
    also = read_rows(people, "select * from people", (column, values))

    assert table.column_names == ["the id", "number"]
    assert sorted(table["number"].to_pylist()) == rows_found == sorted(also["number"].to_pylist())


def test_an_id_that_a_database_cannot_store_is_refused(people):
    with pytest.raises(DatabaseError, match="not an id"):
        read_rows(f"{people}/people", None, ("the id", ["a\0b"]))


# ---- the query ----


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("select 1", "select 1"),
        ("  select 1 ;  ", "select 1"),
        ("select 1; -- late\n", "select 1"),
        ("select 1 -- late", "select 1 -- late"),
        ("select 1;;\n/* a;b */ ;", "select 1"),
        ("select ';' as x;", "select ';' as x"),
        ("select 'it''s; x';", "select 'it''s; x'"),
        ('select 1 as "a;b";', 'select 1 as "a;b"'),
        ("select `a;b`;", "select `a;b`"),
        ("select [a;b];", "select [a;b]"),
        ("select $$a;b$$;", "select $$a;b$$"),
        ("select $q$a;$$;b$q$;", "select $q$a;$$;b$q$"),
        ("select /* ; */ 1;", "select /* ; */ 1"),
        ("select 1 -- ;\n + 1;", "select 1 -- ;\n + 1"),
        ("select '--;' as x;", "select '--;' as x"),
        ("select 1; select 2", "select 1; select 2"),  # the database refuses it
    ],
)
def test_the_final_semicolon_of_a_query_is_removed(text: str, query: str) -> None:
    assert read_query(text) == query


@pytest.mark.parametrize("text", ["", "  ", ";", "-- nothing", "/* a */ ; ", "\n;;\n"])
def test_an_empty_query_is_refused(text: str) -> None:
    with pytest.raises(DatabaseError, match="the query is empty. Remedy: write --query"):
        read_query(text)


def test_a_query_can_be_read_from_a_file(tmp_path) -> None:
    file = tmp_path / "q.sql"
    file.write_text("\ufeffselect 'ü';\n", encoding="utf-8")
    assert read_query(f"@{file}") == "select 'ü'"
    with pytest.raises(DatabaseError, match=r"there is no file .*none\.sql with the query"):
        read_query(f"@{tmp_path}/none.sql")
    file.write_bytes(b"select '\xfc'")
    with pytest.raises(DatabaseError, match=r"is not UTF-8 text: byte 0xfc at position 9\. Rem"):
        read_query(f"@{file}")


# ---- types ----


def _sqlite(tmp_path, *rows, columns="a"):
    url = f"sqlite:///{tmp_path}/x.db"
    with connected(read_address(url, with_table=False)) as connection:
        connection.exec_driver_sql(f"create table t ({columns})")
        marks = ", ".join("?" * len(columns.split(",")))
        for row in rows:
            connection.exec_driver_sql(f"insert into t values ({marks})", row)  # noqa: S608 - marks only
        connection.commit()
    return url


@pytest.mark.parametrize(
    ("values", "kind", "read"),
    [
        ([1, 2], pa.int64(), [1, 2]),
        ([1, None], pa.int64(), [1, None]),
        ([1, 2.5], pa.float64(), [1.0, 2.5]),
        ([2.5, None], pa.float64(), [2.5, None]),
        (["a", None], pa.string(), ["a", None]),
        ([1, "a"], pa.string(), ["1", "a"]),
        ([2.5, "a"], pa.string(), ["2.5", "a"]),
        ([b"\x00\x01", None], pa.binary(), [b"\x00\x01", None]),
        ([b"a\xff", "b"], pa.string(), ["a\N{REPLACEMENT CHARACTER}", "b"]),
        ([b"12", 3], pa.string(), ["12", "3"]),
        ([b"12", 3.5], pa.string(), ["12", "3.5"]),
        ([None, None], pa.string(), [None, None]),
        ([], pa.string(), []),
    ],
)
def test_a_sqlite_column_has_the_narrowest_type_for_all_its_values(
    tmp_path, values, kind, read
) -> None:
    table = read_rows(f"{_sqlite(tmp_path, *((value,) for value in values))}/t")
    assert table.schema.field("a").type == kind
    assert table["a"].to_pylist() == read


def test_each_column_has_its_own_type(tmp_path) -> None:
    url = _sqlite(tmp_path, (1, "x", 2.5, b"y"), (2, None, 3, b"z"), columns="a, b, c, d")
    table = read_rows(f"{url}/t")
    assert table.schema.types == [pa.int64(), pa.string(), pa.float64(), pa.binary()]
    assert table.to_pylist()[1] == {"a": 2, "b": None, "c": 3.0, "d": b"z"}


@pytest.mark.parametrize(
    ("values", "kind", "read"),
    [
        ((None, "a", {"n": "ü"}, [1], b"b\xff", 5), pa.string(),
         [None, "a", '{"n": "ü"}', "[1]", "b\N{REPLACEMENT CHARACTER}", "5"]),
        ((Decimal("0.2"), None, 3), pa.float64(), [0.2, None, 3.0]),
        ((Decimal("1.50"), None), pa.decimal128(5, 2), [Decimal("1.50"), None]),
        ((1, None), pa.int16(), [1, None]),
    ],
)  # fmt: skip
def test_values_from_the_driver_are_converted_to_the_type_of_the_column(values, kind, read) -> None:
    array = database_rows._array(values, kind)
    assert array.type == kind
    assert array.to_pylist() == read


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
@pytest.mark.parametrize("chunk", [1, 2, 3, 100])
def test_batches_together_contain_all_rows(tmp_path, kind, chunk) -> None:
    url = f"{kind}:///{tmp_path}/x.db"
    with connected(read_address(url, with_table=False)) as connection:
        connection.exec_driver_sql("create table t (n integer, name varchar)")
        connection.exec_driver_sql("insert into t values (1,'a'),(2,null),(3,'c'),(4,'d')")
        connection.commit()
    with open_rows(f"{url}/t", chunk, query=None) as (schema, batches):
        pieces = list(batches)
    assert schema.names == ["n", "name"]
    assert all(piece.schema == schema for piece in pieces)
    if kind == "sqlite":  # DuckDB gives its own pieces
        assert max(piece.num_rows for piece in pieces) == min(chunk, 4)
    assert pa.Table.from_batches(pieces)["name"].to_pylist() == ["a", None, "c", "d"]


# ---- refusals ----


def test_a_missing_database_file_is_an_error_and_is_not_created(tmp_path) -> None:
    with pytest.raises(DatabaseError, match=r"there is no file .*none\.db"):
        read_rows(f"sqlite:///{tmp_path}/none.db/t")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_query_that_changes_data_is_refused(tmp_path, kind) -> None:
    url = f"{kind}:///{tmp_path}/x.db"
    with connected(read_address(url, with_table=False)) as connection:
        connection.exec_driver_sql("create table t (n integer)")
        connection.exec_driver_sql("insert into t values (1)")
        connection.commit()
    for statement in ("delete from t returning n", "drop table t", "update t set n = 2"):
        with pytest.raises(DatabaseError, match="Remedy"):
            read_rows(url, statement)
    assert read_rows(f"{url}/t")["n"].to_pylist() == [1]


def test_two_columns_with_the_same_name_are_refused(tmp_path) -> None:
    url = _sqlite(tmp_path, (1,))
    with pytest.raises(DatabaseError, match=r"more than one column named \['a'\]. Remedy: select"):
        read_rows(url, "select a, a from t")
