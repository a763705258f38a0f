"""Databases as sources and sinks: PostgreSQL, SQLite and DuckDB, combined with files."""

from __future__ import annotations

import contextlib
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sqlalchemy as sa

from fitmodel.exceptions import DatabaseError, ProspectError
from fitmodel.scoring._database_sink import DatabaseSink
from fitmodel.scoring._file_sink import FileSink
from fitmodel.scoring.batch import score_stream
from fitmodel.scoring.sources import open_database
from fitmodel.scoring.tables import open_source
from fitmodel.tables.database_rows import read_query
from fitmodel.tables.databases import connected, is_database, read_address

pytestmark = pytest.mark.filterwarnings("error")
KINDS = ["sqlite", "duckdb", pytest.param("postgresql", marks=pytest.mark.slow)]
NUMBERS = ["early_churn_probability", "probability_low", "probability_high", "expected_value"]


@pytest.fixture
def database(request, tmp_path) -> str:
    """URL of an empty database of the requested kind."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql")
    return f"{request.param}:///{tmp_path}/deals.{request.param}"


each = pytest.mark.parametrize("database", KINDS, indirect=True)


def write(url: str, table: str, rows: pd.DataFrame, key: str | None = None) -> None:
    batch = pa.RecordBatch.from_pandas(rows, preserve_index=False)
    with DatabaseSink(f"{url}/{table}", key).opened(batch.schema, ",") as append:
        append(batch)


def read(url: str, query: str) -> pd.DataFrame:
    with open_database(url, 7, query=query) as source:
        batches = [chunk.batch for chunk in source.chunks]
        return pa.Table.from_batches(batches, source.schema).to_pandas()


def run(url: str, statement: str) -> None:
    with connected(read_address(url, with_table=False)) as connection:
        connection.execute(sa.text(statement))
        connection.commit()


def score(model, url, output, *, query=None, upsert=None, **options):
    with open_database(url, 16, query=query) as source:
        sink = DatabaseSink(output, upsert) if is_database(output) else FileSink(output)
        return score_stream(source, model, sink, reasons=options.pop("reasons", 0), **options)


@each
def test_a_scored_table_has_the_same_numbers_as_predict(database, model, prospects) -> None:
    write(database, "prospects", prospects)
    result = score(model, f"{database}/prospects", f"{database}/scored", reasons=3)
    scored = read(database, "select * from scored").set_index("deal_id")
    expected = model.predict(prospects.set_index("deal_id"), reasons=0)
    assert result.rows == len(prospects) == len(scored)
    assert result.flagged == expected["poor_fit"].sum()
    for name in NUMBERS:
        np.testing.assert_allclose(scored[name].astype(float), expected[name], rtol=0, atol=1e-12)
    assert scored["fit"].tolist() == expected["fit"].tolist()
    assert scored["error"].isna().all()
    assert scored["reasons"].str.startswith("[{").all()


@each
def test_a_query_selects_the_rows(database, model, prospects, tmp_path) -> None:
    write(database, "prospects", prospects)
    file = tmp_path / "some.sql"
    file.write_text("select * from prospects\nwhere segment like 's%' and ':a' <> '%s';\n")
    result = score(model, database, tmp_path / "out.parquet", query=f"@{file}")
    chosen = prospects["segment"].astype(str).str.startswith("s")
    assert 0 < result.rows == chosen.sum() < len(prospects)
    assert set(pd.read_parquet(tmp_path / "out.parquet")["deal_id"]) == set(
        prospects.loc[chosen, "deal_id"]
    )


@each
def test_a_file_is_written_to_a_table_and_read_back(database, model, prospects, tmp_path) -> None:
    prospects.to_csv(tmp_path / "in.csv", index=False)
    with open_source(tmp_path / "in.csv", 16) as source:
        score_stream(source, model, DatabaseSink(f"{database}/scored"), reasons=0)
    scored = read(database, "select * from scored")
    assert scored["deal_id"].tolist() == prospects["deal_id"].tolist()
    assert scored["early_churn_probability"].between(0, 1).all()


AWKWARD = pd.DataFrame(
    {
        "id": [1, 2, 3, 4],
        "te\"x't %s": ["tab\there", "back\\slash \\N", 'quote " and\nline\r', None],
        "empty": ["", None, "客户", "NULL"],
        "number": [0.1, np.nan, -1e300, 5e-324],
        "flag": pd.array([True, False, None, True], dtype="boolean"),
        "day": pd.to_datetime(
            ["2026-01-31", None, "1999-12-31", "2026-06-30 12:30:01.000002"], format="ISO8601"
        ),
    }
)


@each
def test_values_are_written_and_read_back_unchanged(database) -> None:
    write(database, "awk ward", AWKWARD)
    with open_database(f"{database}/awk ward", 2) as source:
        back = pa.Table.from_batches([chunk.batch for chunk in source.chunks]).to_pydict()
    given = pa.Table.from_pandas(AWKWARD, preserve_index=False).to_pydict()
    for name in ("id", "te\"x't %s", "empty", "number"):
        assert back[name] == given[name]
    assert [None if flag is None else bool(flag) for flag in back["flag"]] == given["flag"]
    assert [pd.Timestamp(day) for day in back["day"] if day] == list(AWKWARD["day"].dropna())


@each
def test_a_column_without_values_and_an_empty_table_are_read(database) -> None:
    run(database, "create table gaps (id integer, gap integer)")
    assert read(database, "select * from gaps").empty
    run(database, "insert into gaps values (1, null), (2, null)")
    assert read(database, "select * from gaps")["gap"].isna().all()


@each
def test_scoring_again_replaces_the_rows(database, model, prospects) -> None:
    write(database, "prospects", prospects)
    for query in ("select * from prospects", "select * from prospects limit 5"):
        score(model, database, f"{database}/scored", query=query)
    assert len(read(database, "select * from scored")) == 5


@each
def test_an_upsert_updates_existing_ids_and_adds_new_ones(database) -> None:
    first = pd.DataFrame({"id": ["a", "b"], "value": [1.0, 2.0]})
    second = pd.DataFrame({"id": ["b", "c"], "value": [20.0, 30.0]})
    write(database, "target", first, key="id")
    write(database, "target", second, key="id")
    result = read(database, "select * from target order by id")
    assert result.to_dict("list") == {"id": ["a", "b", "c"], "value": [1.0, 20.0, 30.0]}


@each
@pytest.mark.parametrize("is_there", [True, False], ids=["into a table", "into a new table"])
@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (["b", "c", "b", "b"], r"2 of 4 rows repeat the 'id' of another, for example 'b' in 3 row"),
        (["b", None, "c", None], r"2 of 4 rows have no 'id', by which rows are updated"),
        ([None], r"1 of 1 rows have no 'id'"),
    ],
)
def test_duplicate_or_missing_ids_are_refused_in_an_upsert(
    database, is_there, ids, message
) -> None:
    """SQLite would keep the last row of an id, and add rows without an id in every run."""
    if is_there:
        write(database, "t", pd.DataFrame({"id": ["a", "b"], "p": [0.1, 0.2]}), "id")
    rows = pd.DataFrame({"id": pd.Series(ids, dtype="str"), "p": np.linspace(0.3, 0.9, len(ids))})

    with pytest.raises(DatabaseError, match=rf"{message}.*Nothing was written\. Remedy: "):
        write(database, "t", rows, "id")

    if is_there:
        assert read(database, "select p from t order by id")["p"].tolist() == [0.1, 0.2]
    else:
        write(database, "t", pd.DataFrame({"id": ["a"], "p": [0.5]}), "id")  # it was not created
        assert read(database, "select p from t")["p"].tolist() == [0.5]


@each
def test_the_error_for_an_upsert_without_a_key_names_the_remedy(database) -> None:
    rows = pd.DataFrame({"id": ["a", "b"], "value": [1.0, 2.0]})
    write(database, "target", rows)
    with pytest.raises(DatabaseError, match="make the id the table's primary key"):
        write(database, "target", rows, key="id")
    with pytest.raises(DatabaseError, match="no column 'nobody' to upsert on; there are id, value"):
        write(database, "target", rows, key="nobody")


@each
def test_a_table_with_other_columns_is_refused_and_not_changed(database, model, prospects) -> None:
    write(database, "prospects", prospects)
    with pytest.raises(DatabaseError, match=r"is there with other columns: it lacks \['early_ch"):
        score(model, f"{database}/prospects", f"{database}/prospects")
    assert len(read(database, "select * from prospects")) == len(prospects)


@each
def test_after_a_failure_the_old_rows_remain_and_there_is_no_new_table(
    database, model, prospects
) -> None:
    spoiled = prospects.assign(seats=prospects["seats"].astype(str).replace("nan", None))
    spoiled.loc[spoiled.index[-1], "seats"] = "many"
    write(database, "prospects", spoiled)
    good = "select * from prospects where seats <> 'many'"
    score(model, database, f"{database}/scored", query=good)
    before = read(database, "select * from scored")
    for output in ("scored", "other"):
        with pytest.raises(ProspectError, match="Nothing was written"):
            score(model, f"{database}/prospects", f"{database}/{output}", strict=True)
    pd.testing.assert_frame_equal(read(database, "select * from scored"), before)
    with pytest.raises(DatabaseError, match="check the names in the query"):
        read(database, "select * from other")


@each
def test_rows_refused_by_the_table_leave_it_unchanged(database) -> None:
    run(database, "create table target (id integer, value double precision not null)")
    write(database, "target", pd.DataFrame({"id": [1, 2], "value": [1.0, 2.0]}))
    with pytest.raises(DatabaseError, match=r"target: .*(?i:not.null)"):
        write(database, "target", pd.DataFrame({"id": [3, 4], "value": [3.0, None]}))
    assert read(database, "select * from target")["id"].tolist() == [1, 2]


@each
def test_a_query_that_writes_does_not_change_the_database(database) -> None:
    write(database, "target", pd.DataFrame({"id": [1, 2]}))
    with contextlib.suppress(DatabaseError):
        read(database, "delete from target returning id")
    assert len(read(database, "select * from target")) == 2


@each
def test_the_error_for_an_invalid_query_names_the_problem(database, model, prospects) -> None:
    write(database, "prospects", prospects)
    with pytest.raises(DatabaseError, match="must be one SELECT"):
        read(database, "select from where")
    with pytest.raises(DatabaseError, match="check the names in the query"):
        read(database, "select * from nowhere")
    with pytest.raises(DatabaseError, match=r"more than one column named \['deal_id'\]"):
        read(database, "select deal_id, deal_id from prospects")
    with pytest.raises(ProspectError, match=r"(?s)attribute\(s\) are missing.*seats"):
        score(model, database, f"{database}/scored", query="select deal_id from prospects")


@pytest.mark.slow
def test_numbers_and_dates_of_postgresql_keep_their_types(postgresql) -> None:
    select = "select 1.50::numeric(8,2) as exact, 0.1::numeric as free, date '2026-06-30' as day, "
    more = "true as flag, '{\"a\": [1]}'::jsonb as data, array[1,2] as list, null::int as none, "
    last = "timestamptz '2026-06-30 23:00+02' as instant, 7::smallint as small"
    with open_database(postgresql, 5, query=select + more + last) as source:
        (row,) = next(source.chunks).batch.to_pylist()
    assert (row["exact"], row["free"], row["small"]) == (Decimal("1.50"), 0.1, 7)
    assert (str(row["day"]), row["flag"], row["none"]) == ("2026-06-30", True, None)
    assert (row["data"], row["list"]) == ('{"a": [1]}', "[1, 2]")
    assert row["instant"] == pd.Timestamp("2026-06-30 21:00", tz="UTC")


def test_an_error_during_reading_from_duckdb_is_reported(tmp_path) -> None:
    url = f"duckdb:///{tmp_path}/deals.duckdb"
    write(url, "numbers", pd.DataFrame({"i": range(5)}))
    with pytest.raises(DatabaseError, match=r"^duckdb:///.*boom"):
        read(url, "select case when i = 4 then error('boom') else i end as x from numbers")


@pytest.mark.slow
def test_an_error_during_reading_names_the_source_database(
    postgresql, model, prospects, tmp_path
) -> None:
    write(postgresql, "prospects", prospects)
    query = "select *, 1 / (50 - row_number() over ()) as broken from prospects"
    with pytest.raises(DatabaseError, match=r"^postgresql://.*division by zero"):
        score(model, postgresql, f"sqlite:///{tmp_path}/new.db/scored", query=query)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_table_name_can_include_a_schema(postgresql) -> None:
    run(postgresql, "create schema sales")
    write(postgresql, "sales.target", pd.DataFrame({"id": [1]}))
    assert read(postgresql, "select * from sales.target")["id"].tolist() == [1]


@pytest.mark.slow
def test_no_message_contains_a_password(postgresql) -> None:
    secret = "s3cret"  # noqa: S105 - of a server that lives for the tests
    wrong = postgresql.replace("%2Fword", "%2Fwrong")
    for url in (wrong, postgresql + "_absent"):
        with pytest.raises(DatabaseError) as error:
            read(url, "select 1")
        assert secret not in str(error.value)
        assert "***" in str(error.value)
    assert secret not in DatabaseSink(f"{postgresql}/scored").target


def test_the_error_for_an_unreachable_database_shows_no_password() -> None:
    with pytest.raises(DatabaseError, match=r"u:\*\*\*@127.0.0.1:1/db: .*runs at this host"):
        read("postgresql://u:geheim@127.0.0.1:1/db", "select 1")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite:///deals.db", "has no table"),
        ("postgresql://u:geheim@host/db", r"has no table.*postgresql://host/database/TABLE"),
        (
            "mysql://u:geheim@host/db/t",
            "mysql is not supported; supported are postgresql, sqlite, duckdb",
        ),
        ("postgresql://u:geheim@host:port/db/t", "not a database's URL"),
        ("oracle+nothing://u:geheim@host/db/t", "not supported|not a database's URL"),
    ],
)
def test_the_error_for_an_invalid_url_shows_valid_forms(url, message) -> None:
    with pytest.raises(DatabaseError, match=message) as error:
        read_address(url, with_table=True)
    assert "geheim" not in str(error.value)


def test_a_missing_database_file_is_not_created(tmp_path, model, prospects) -> None:
    with pytest.raises(DatabaseError, match="there is no file"):
        read(f"sqlite:///{tmp_path}/absent.db", "select 1")
    prospects.assign(seats="many").to_csv(tmp_path / "in.csv", index=False)
    for kind in ("sqlite", "duckdb"):
        output = f"{kind}:///{tmp_path}/new.{kind}/scored"
        with open_source(tmp_path / "in.csv", 16) as source, pytest.raises(ProspectError):
            score_stream(source, model, DatabaseSink(output), strict=True)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]
    with pytest.raises(DatabaseError, match="there is no folder"):
        write(f"sqlite:///{tmp_path}/nowhere/new.db", "t", prospects)


def test_mixed_types_in_a_sqlite_column_become_text(tmp_path) -> None:
    url = f"sqlite:///{tmp_path}/mixed.db"
    write(url, "empty", pd.DataFrame({"id": [1]}))
    query = "select 1 as a, 1 as b, 'x' as c union all select 2.5, 'y', null"
    result = read(url, query)
    assert result["a"].tolist() == [1.0, 2.5]
    assert result["b"].tolist() == ["1", "y"]


@each
def test_a_query_may_end_with_comments_and_contain_comment_marks_in_texts(database) -> None:
    write(database, "deals", pd.DataFrame({"id": [1, 2], "note": ["a -- b; c", "x"]}))
    for query in (
        "select * from deals -- all",
        "select * from deals; -- done",
        "select * from deals /* all; */ ;; -- done;\n-- really",
        "-- first; the note\nselect * from deals where note = 'a -- b; c' or note = 'x';",
    ):
        assert read(database, query)["id"].tolist() == [1, 2], query
    marks = "select note as \"a;--b\" from deals where note <> ';--' order by id; -- the end"
    assert read(database, marks)["a;--b"].tolist() == ["a -- b; c", "x"]


def test_only_final_semicolons_and_comments_of_a_query_are_removed() -> None:
    for kept in ("select '; --'", "select $q$ ; -- $q$", "select [a;--b]", "select 1; select 2"):
        assert read_query(f"{kept} ; /* done; */ -- 'so'") == kept
        assert read_query(kept) == kept
    with pytest.raises(DatabaseError, match="the query is empty"):
        read_query("-- nothing;\n;")


def test_a_query_file_must_be_utf8_and_a_byte_order_mark_is_removed(tmp_path) -> None:
    file = tmp_path / "q.sql"
    file.write_bytes(b"\xef\xbb\xbfselect 1")
    assert read_query(f"@{file}") == "select 1"
    file.write_bytes("select 'Zürich'".encode("latin-1"))
    with pytest.raises(DatabaseError, match=r"not UTF-8 text: byte 0xfc at position 10\. Remedy"):
        read_query(f"@{file}")


def test_a_query_is_given_as_text_or_as_a_file() -> None:
    assert read_query(" select 1 ; ") == "select 1"
    with pytest.raises(DatabaseError, match="there is no file nowhere.sql"):
        read_query("@nowhere.sql")
    with pytest.raises(DatabaseError, match="the query is empty"):
        read_query(" ;")


@each
def test_an_upsert_into_a_table_without_a_key_is_refused_before_anything_is_scored(
    database, model, prospects, tmp_path
) -> None:
    write(database, "scored", pd.DataFrame({"deal_id": ["a"]}))
    columns = [*prospects.columns, *prediction_names()]
    run(database, "drop table scored")
    listed = ", ".join(f'"{name}" text' for name in columns)
    run(database, f"create table scored ({listed})")
    prospects.to_csv(tmp_path / "in.csv", index=False)
    scored = []
    with open_source(tmp_path / "in.csv", 16) as source:
        sink = DatabaseSink(f"{database}/scored", "deal_id")
        with pytest.raises(DatabaseError, match="make the id the table's primary key"):
            score_stream(source, model, sink, reasons=0, progress=scored.append)

    assert scored == []


def prediction_names() -> list[str]:
    from fitmodel.scoring.batch import prediction_fields

    return [field.name for field in prediction_fields(0)]
