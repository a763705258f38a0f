"""Rows of a database: a table or a query, whole or for some ids alone."""

from __future__ import annotations

import sqlite3

import pytest

from fitmodel.exceptions import DatabaseError
from fitmodel.tables.database_rows import read_rows

NASTY = "o'Brien\"; drop table people; --"


@pytest.fixture(params=["sqlite", "duckdb"])
def people(request, tmp_path):
    """A database with a table of ids as text and as whole numbers."""
    place = tmp_path / "crm.db"
    rows = [("a", 1), ("b", 2), (NASTY, 3), ("a", 4)]
    if request.param == "sqlite":
        connection = sqlite3.connect(place)
    else:
        import duckdb

        connection = duckdb.connect(str(place))
    connection.execute('create table people ("the id" varchar, number integer)')
    connection.executemany("insert into people values (?, ?)", rows)
    connection.commit()
    connection.close()
    return f"{request.param}:///{place}"


def test_a_table_and_a_query_are_read_whole(people):
    assert read_rows(f"{people}/people")["number"].to_pylist() == [1, 2, 3, 4]
    query = "select number from people where number > 2;  -- late ones"
    assert read_rows(people, query)["number"].to_pylist() == [3, 4]


@pytest.mark.parametrize(
    ("column", "values", "found"),
    [
        ("the id", ["a"], [1, 4]),
        ("the id", ["b", NASTY], [2, 3]),
        ("the id", ["x"], []),
        ("the id", [], []),
        ("number", ["2", "3"], [2, 3]),
    ],
)
def test_only_the_rows_of_some_ids_are_asked_for(people, column, values, found):
    table = read_rows(f"{people}/people", None, (column, values))
    also = read_rows(people, "select * from people", (column, values))

    assert table.column_names == ["the id", "number"]
    assert sorted(table["number"].to_pylist()) == found == sorted(also["number"].to_pylist())


def test_an_id_that_no_database_keeps_is_refused(people):
    with pytest.raises(DatabaseError, match="no id"):
        read_rows(f"{people}/people", None, ("the id", ["a\0b"]))
