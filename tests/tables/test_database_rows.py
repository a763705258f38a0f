"""Rows of a database: a table or a query, whole or for some ids alone."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from fitmodel.exceptions import DatabaseError
from fitmodel.tables.database_rows import read_rows
from fitmodel.tables.databases import connected, read_address

NASTY = "o'Brien\"; drop table people; --"


ROWS = [("a", 1), ("b", 2), (NASTY, 3), ("a", 4)]
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


def test_a_table_and_a_query_are_read_whole(people):
    assert read_rows(f"{people}/people")["number"].to_pylist() == [1, 2, 3, 4]
    query = "select number from people where number > 2;  -- late ones"
    assert read_rows(people, query)["number"].to_pylist() == [3, 4]


@pytest.mark.parametrize(
    ("column", "values", "rows_found"),
    [
        ("the id", ["a"], [1, 4]),
        ("the id", ["b", NASTY], [2, 3]),
        ("the id", ["x"], []),
        ("the id", [], []),
        ("number", ["2", "3"], [2, 3]),
    ],
)
def test_only_the_rows_of_some_ids_are_asked_for(people, column, values, rows_found):
    table = read_rows(f"{people}/people", None, (column, values))
    also = read_rows(people, "select * from people", (column, values))

    assert table.column_names == ["the id", "number"]
    assert sorted(table["number"].to_pylist()) == rows_found == sorted(also["number"].to_pylist())


def test_an_id_that_no_database_keeps_is_refused(people):
    with pytest.raises(DatabaseError, match="not an id"):
        read_rows(f"{people}/people", None, ("the id", ["a\0b"]))
