"""A folder of Parquet files with different types is read as one table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from fitmodel.exceptions import ProspectError
from fitmodel.model.fitmodel import FitModel
from fitmodel.scoring.batch import count_rows, score_file
from fitmodel.scoring.tables import open_source

NAME = "early_churn_probability"
Retype = Callable[[pa.Table], pa.Table]


def cast(column: str, *kinds: pa.DataType) -> Retype:
    """The table with a column cast to another type, via intermediate types."""

    def retyped(table: pa.Table) -> pa.Table:
        values = table[column]
        for kind in kinds:
            values = values.cast(kind)
        return table.set_column(table.schema.get_field_index(column), column, values)

    return retyped


def in_zone(column: str, zone: str) -> Retype:
    """The table with days as midnight of a time zone, which in UTC is the day before."""

    def retyped(table: pa.Table) -> pa.Table:
        values = pc.assume_timezone(table[column].cast(pa.timestamp("us")), zone)
        return table.set_column(table.schema.get_field_index(column), column, values)

    return retyped


def as_category(column: str) -> Retype:
    """The table with a column's texts as a dictionary."""

    def retyped(table: pa.Table) -> pa.Table:
        values = table[column].dictionary_encode()
        return table.set_column(table.schema.get_field_index(column), column, values)

    return retyped


OTHER_TYPES = {
    "whole numbers": cast("seats", pa.int64()),
    "short numbers": cast("seats", pa.int16()),
    "numbers as text": cast("seats", pa.int64(), pa.string()),
    "exact decimals": cast("seats", pa.int64(), pa.decimal128(19, 0), pa.decimal128(21, 2)),
    "days": cast("closed_on", pa.date32()),
    "days as text": cast("closed_on", pa.date32(), pa.string()),
    "milliseconds": cast("first_contact_on", pa.timestamp("ms")),
    "nanoseconds": cast("first_contact_on", pa.timestamp("ns")),
    "east of Greenwich": in_zone("first_contact_on", "Asia/Tokyo"),
    "west of Greenwich": in_zone("closed_on", "America/New_York"),
    "categories": as_category("segment"),
    "long texts": cast("segment", pa.string(), pa.large_string()),
}


def write(folder: Path, *tables: pa.Table) -> Path:
    folder.mkdir()
    for number, table in enumerate(tables):
        pq.write_table(table, folder / f"{number}.parquet")
    return folder


@pytest.fixture
def parts(prospects: pd.DataFrame) -> tuple[pa.Table, pa.Table]:
    plain = prospects.astype({"seats": float}).reset_index(drop=True)
    table = pa.Table.from_pandas(plain, preserve_index=False)
    return table.slice(0, 30), table.slice(30)


@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
@pytest.mark.parametrize("kind", OTHER_TYPES)
def test_files_with_different_types_are_scored_as_one_table(
    model: FitModel, prospects: pd.DataFrame, parts, tmp_path: Path, kind: str, first: bool
) -> None:
    """Arrow would cast to the types of the first file, for example a time zone to UTC."""
    given = list(parts)
    given[0 if first else 1] = OTHER_TYPES[kind](given[0 if first else 1])

    done = score_file(write(tmp_path / "in", *given), model, tmp_path / "out.parquet", reasons=0)

    assert (done.rows, done.errors) == (60, 0)
    scored = pd.read_parquet(tmp_path / "out.parquet")
    assert scored[NAME].tolist() == model.predict(prospects, reasons=0)[NAME].tolist()
    assert scored["unfamiliar"].tolist() == model.predict(prospects)["unfamiliar"].tolist()


def test_a_fraction_in_a_later_file_of_integers_is_read(model, parts, tmp_path) -> None:
    first, second = parts
    whole = cast("seats", pa.int64())(first)
    half = second.to_pandas().assign(seats=2.5)
    folder = write(tmp_path / "in", whole, pa.Table.from_pandas(half, preserve_index=False))

    score_file(folder, model, tmp_path / "out.parquet", reasons=0)

    scored = pd.read_parquet(tmp_path / "out.parquet")
    assert scored["seats"].tolist() == [*first["seats"].to_pylist(), *[2.5] * 30]


def test_a_text_among_numbers_is_the_error_of_its_row(model, parts, tmp_path) -> None:
    first, second = parts
    words = second.to_pandas().astype({"seats": object})
    words["seats"] = ["many", *words["seats"].iloc[1:].map(str)]
    folder = write(tmp_path / "in", first, pa.Table.from_pandas(words, preserve_index=False))

    done = score_file(folder, model, tmp_path / "out.parquet", reasons=0)

    assert (done.rows, done.errors) == (60, 1)
    assert done.first_error == "row 31 cannot be scored: seats: 'many' cannot be read"


@pytest.mark.parametrize("empty_first", [True, False])
def test_a_column_without_values_takes_the_type_of_the_other_files(
    model, parts, tmp_path, empty_first
) -> None:
    given = list(parts)
    here = 0 if empty_first else 1
    column = given[here].schema.get_field_index("seats")
    given[here] = given[here].set_column(column, "seats", pa.nulls(30))

    score_file(write(tmp_path / "in", *given), model, tmp_path / "out.parquet", reasons=0)

    scored = pd.read_parquet(tmp_path / "out.parquet")
    assert scored["seats"].isna().sum() == 30
    assert scored[NAME].notna().all()


def test_a_column_found_only_in_later_files_is_kept(model, parts, tmp_path) -> None:
    first, second = parts
    noted = second.append_column("note", pa.array(["x"] * 30))

    score_file(write(tmp_path / "in", first, noted), model, tmp_path / "out.parquet")

    notes = pd.read_parquet(tmp_path / "out.parquet")["note"]
    assert notes.isna().tolist() == [True] * 30 + [False] * 30


def test_a_partition_column_may_also_be_in_the_files(model, prospects, tmp_path) -> None:
    for segment, rows in prospects.groupby("segment"):
        folder = tmp_path / "in" / f"segment={segment}"
        folder.mkdir(parents=True)
        rows.to_parquet(folder / "rows.parquet", index=False)

    done = score_file(tmp_path / "in", model, tmp_path / "out.parquet", reasons=0)

    assert (done.rows, done.errors) == (60, 0)
    assert count_rows(tmp_path / "in") == 60
    scored = pd.read_parquet(tmp_path / "out.parquet")
    expected = model.predict(prospects, reasons=0)[NAME]
    assert sorted(scored[NAME]) == sorted(expected)


def test_the_error_for_incompatible_types_names_them(parts, tmp_path) -> None:
    first, second = (part.append_column("tags", pa.array(["x"] * 30)) for part in parts)
    lists = second.set_column(second.num_columns - 1, "tags", pa.array([["x"]] * 30))
    with (
        pytest.raises(ProspectError, match=r"tags is list<.*1\.parquet and string in .*0\.parquet"),
        open_source(write(tmp_path / "in", first, lists), 10),
    ):
        pass
