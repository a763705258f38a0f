"""Any source can be combined with any sink, and unsuitable options are refused."""

from __future__ import annotations

import sys
from datetime import date

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy

from fitmodel.exceptions import ProspectError, SpecError
from fitmodel.scoring.sources import count_source_rows, score_source


@pytest.fixture
def table(prospects, tmp_path) -> str:
    prospects.to_csv(tmp_path / "in.csv", index=False)
    return str(tmp_path / "in.csv")


def test_a_round_trip_through_all_sources_and_sinks_keeps_the_numbers(
    table, model, prospects, tmp_path
) -> None:
    columns = ", ".join(f'"{name}"' for name in prospects)
    query = f"select {columns} from t order by deal_id"  # noqa: S608 - of this test's own names
    first, second = f"sqlite:///{tmp_path}/a.db", f"duckdb:///{tmp_path}/b.duckdb"
    output = str(tmp_path / "out.parquet")
    score_source(table, model, f"{first}/t", reasons=0)
    score_source(first, model, f"{second}/t", query=query, reasons=0)
    result = score_source(second, model, output, query=query, reasons=0)
    there = pd.read_parquet(output).sort_values("deal_id", ignore_index=True)
    expected = model.predict(prospects.sort_values("deal_id"), reasons=0)
    assert result.rows == len(prospects)
    assert there["fit"].tolist() == expected["fit"].tolist()
    difference = there["early_churn_probability"] - expected["early_churn_probability"].to_numpy()
    assert difference.abs().max() < 1e-12


KINDS = {
    "list": (pa.array([["a", "b;c"], [], None]), ['["a", "b;c"]', "[]", None]),
    "structure": (pa.array([{"day": date(2026, 1, 2)}, None, {"day": None}]),
                  ['{"day": "2026-01-02"}', None, '{"day": null}']),
    "map": (pa.array([[("é", 1)], [], None], pa.map_(pa.string(), pa.int64())),
            ['[["é", 1]]', "[]", None]),
    "dictionary": (pa.array(["u", None, "v"]).dictionary_encode(), ["u", None, "v"]),
    "bytes": (pa.array([b"ab", None, "é".encode()]), ["ab", None, "é"]),
    "bytes that are no text": (pa.array([b"\x00\xff", None, b"ab"]), [r"\x00ff", None, "ab"]),
}  # fmt: skip
"""Arrow columns that CSV has no type for, and their texts."""


@pytest.mark.parametrize("kind", KINDS)
def test_columns_without_a_type_in_csv_are_written_as_text(prospects, model, tmp_path, kind):
    column, texts = KINDS[kind]
    rows = pa.Table.from_pandas(prospects.head(3), preserve_index=False)
    pq.write_table(rows.append_column("more", column), tmp_path / "in.parquet")
    score_source(str(tmp_path / "in.parquet"), model, str(tmp_path / "out.csv"), reasons=0)
    written = pd.read_csv(tmp_path / "out.csv", dtype=str)["more"]
    assert [None if pd.isna(text) else text for text in written] == texts


@pytest.mark.parametrize("url", ["sqlite:///{}/a.db", "duckdb:///{}/a.duckdb"])
@pytest.mark.parametrize("kind", ["list", "structure", "map", "dictionary"])
def test_a_database_gets_nested_columns_as_the_text_of_csv(prospects, model, tmp_path, kind, url):
    column, texts = KINDS[kind]
    rows = pa.Table.from_pandas(prospects.head(3), preserve_index=False)
    pq.write_table(rows.append_column("more", column), tmp_path / "in.parquet")
    database = url.format(tmp_path)
    score_source(str(tmp_path / "in.parquet"), model, f"{database}/t", reasons=0)
    with sqlalchemy.create_engine(database).connect() as connection:
        stored = connection.execute(sqlalchemy.text("select deal_id, more from t")).all()
    assert dict(stored) == dict(zip(prospects["deal_id"].head(3), texts, strict=True))


def test_options_for_databases_are_refused_for_files(table, model) -> None:
    with pytest.raises(SpecError, match="--query asks a database; .*in.csv is a file"):
        score_source(table, model, "out.csv", query="select 1")
    with pytest.raises(SpecError, match="--upsert changes rows of a database; out.csv is a file"):
        score_source(table, model, "out.csv", upsert="deal_id")


def test_files_are_checked_also_in_combination_with_a_database(model, tmp_path) -> None:
    url = f"sqlite:///{tmp_path}/a.db/t"
    with pytest.raises(ProspectError, match="there is no file absent.csv"):
        score_source("absent.csv", model, url)
    with pytest.raises(ProspectError, match="there is no folder"):
        score_source(url, model, str(tmp_path / "nowhere" / "out.csv"))
    assert count_source_rows(url) is None


def test_the_error_for_a_missing_driver_names_the_extra(
    table, model, tmp_path, monkeypatch
) -> None:
    from fitmodel.exceptions import DependencyError

    monkeypatch.setitem(sys.modules, "duckdb_engine", None)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DependencyError, match=r"pip install \"fitmodel\[sql\]\""):
        score_source(table, model, "postgresql://u:geheim@host/db/t")
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    monkeypatch.setitem(sys.modules, "sqlalchemy.engine", None)
    with pytest.raises(DependencyError, match=r"SQLAlchemy is not installed"):
        score_source(table, model, f"sqlite:///{tmp_path}/a.db/t")
