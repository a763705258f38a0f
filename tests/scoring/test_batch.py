"""Scoring of files: the same files with predictions."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from fitmodel.exceptions import ProspectError, SpecError
from fitmodel.scoring.batch import PREDICTIONS, score_file
from fitmodel.scoring.tables import count_rows

NUMBERS = ["early_churn_probability", "probability_low", "probability_high", "expected_value"]


def _written(path) -> pd.DataFrame:
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype=str)


def _text_rows(path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))


@pytest.fixture
def table(prospects, tmp_path):
    path = tmp_path / "prospects.csv"
    prospects.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".csv.bz2", ".csv.zst", ".tsv", ".parquet"])
def test_a_file_gets_the_same_numbers_as_predict(model, prospects, tmp_path, ending):
    source, output = tmp_path / f"in{ending}", tmp_path / f"out{ending}"
    if ending == ".parquet":
        prospects.to_parquet(source)
    elif ending == ".csv.zst":  # pandas would need another package for it
        with pa.CompressedOutputStream(str(source), "zstd") as stream:
            stream.write(prospects.to_csv(index=False).encode())
    else:
        prospects.to_csv(source, index=False, sep="\t" if ending == ".tsv" else ",")

    result = score_file(source, model, output, reasons=2)

    if ending == ".parquet":
        scored = pd.read_parquet(output)
    elif ending == ".csv.zst":
        scored = pd.read_csv(io.BytesIO(pa.input_stream(str(output), compression="zstd").read()))
    else:
        scored = pd.read_csv(output, sep="\t" if ending == ".tsv" else ",")
    expected = model.predict(prospects, reasons=2)
    for name in NUMBERS:
        np.testing.assert_allclose(scored[name].astype(float), expected[name], rtol=0, atol=1e-15)
    for name in ("poor_fit", "fit", "unfamiliar", "model_version"):
        assert scored[name].tolist() == expected[name].tolist()
    assert json.loads(scored["reasons"][0]) == [r.to_dict() for r in expected["reasons"].iloc[0]]
    assert (result.rows, result.errors) == (len(prospects), 0)
    assert result.flagged == expected["poor_fit"].sum()
    assert result.unfamiliar == expected["unfamiliar"].sum()


def test_texts_of_the_original_columns_are_not_changed(model, prospects, tmp_path):
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    unusual = prospects.astype(str).assign(deal_id="007", note='says "no", then\nleaves', empty="")
    unusual["seats"] = "04"
    unusual.to_csv(source, index=False)

    score_file(source, model, output, reasons=0)

    before, after = _text_rows(source), _text_rows(output)
    assert [row[: unusual.shape[1]] for row in after] == before


def test_only_values_that_need_it_are_quoted(model, table, tmp_path):
    score_file(table, model, tmp_path / "out.csv", reasons=0)

    before = table.read_text(encoding="utf-8").splitlines()
    after = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert [b for b, a in zip(before, after, strict=True) if not a.startswith(b + ",")] == []


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_the_chunk_size_does_not_change_the_output(model, prospects, tmp_path, ending):
    source = tmp_path / f"in{ending}"
    prospects.to_parquet(source) if ending == ".parquet" else prospects.to_csv(source)

    for rows in (1, 7, 1000):
        score_file(source, model, tmp_path / f"out{rows}{ending}", chunk_rows=rows)

    whole = _written(tmp_path / f"out1000{ending}")
    for rows in (1, 7):
        pd.testing.assert_frame_equal(_written(tmp_path / f"out{rows}{ending}"), whole)


def test_csv_and_parquet_can_be_converted_into_each_other(model, prospects, table, tmp_path):
    score_file(table, model, tmp_path / "out.parquet", reasons=0)
    prospects.to_parquet(tmp_path / "in.parquet")
    score_file(tmp_path / "in.parquet", model, tmp_path / "out.csv", reasons=0)

    one, other = _written(tmp_path / "out.parquet"), pd.read_csv(tmp_path / "out.csv")
    assert one["deal_id"].tolist() == other["deal_id"].tolist()
    np.testing.assert_allclose(one[NUMBERS[0]], other[NUMBERS[0]], rtol=0, atol=1e-15)


def test_columns_of_parquet_keep_their_types(model, prospects, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    prospects.assign(tags=[["a", "b"]] * len(prospects)).to_parquet(tmp_path / "in.parquet")
    score_file(tmp_path / "in.parquet", model, tmp_path / "out.parquet")

    before, after = (pq.read_schema(tmp_path / name) for name in ("in.parquet", "out.parquet"))
    assert [after.field(item.name) for item in before] == list(before)
    assert after.field("poor_fit").type == pa.bool_()


def test_an_unreadable_row_is_written_with_its_error(model, prospects, tmp_path):
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    spoiled = prospects.astype(str).replace("nan", "")
    spoiled.loc[spoiled.index[[3, 40]], "seats"] = "many"
    spoiled.to_csv(source, index=False)

    result = score_file(source, model, output, chunk_rows=10)

    scored = _written(output)
    assert (result.rows, result.errors) == (60, 2)
    assert result.first_error == "row 4 cannot be scored: seats: 'many' cannot be read"
    assert np.flatnonzero(scored["error"].notna()).tolist() == [3, 40]
    assert scored.loc[[3, 40], [*NUMBERS, "poor_fit", "fit", "reasons"]].isna().all(axis=None)
    clean = model.predict(prospects)["early_churn_probability"].drop(prospects.index[[3, 40]])
    rest = scored.loc[scored["error"].isna(), "early_churn_probability"].astype(float)
    np.testing.assert_allclose(rest, clean, rtol=0, atol=1e-15)


def test_strict_mode_stops_at_a_bad_row_and_writes_nothing(model, prospects, tmp_path):
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    prospects.assign(seats=["many", *["4"] * 59]).to_csv(source, index=False)

    with pytest.raises(ProspectError, match="row 1 cannot be scored: seats: 'many'"):
        score_file(source, model, output, strict=True)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv"]


@pytest.mark.slow
@pytest.mark.parametrize("chunk_rows", [1, 2, 1000])
def test_rows_of_the_wrong_width_keep_their_position(model, table, tmp_path, chunk_rows):
    lines = table.read_text(encoding="utf-8").splitlines()
    for position, line in (
        (61, "last,one"),
        (4, f"{lines[4]},too,much"),
        (1, "first"),
        (1, "zeroth"),
    ):
        lines.insert(position, line)
    table.write_text("\n".join([*lines[:3], "", *lines[3:]]) + "\n", encoding="utf-8")

    result = score_file(table, model, tmp_path / "out.csv", chunk_rows=chunk_rows)

    scored = _written(tmp_path / "out.csv")
    assert scored["deal_id"].tolist() == [line.split(",")[0] for line in lines[1:]]
    assert np.flatnonzero(scored["error"].notna()).tolist() == [0, 1, 5, 63]
    assert scored["error"][63] == "2 fields where the header has 20: 'last,one'"
    wide = next(line for line in lines if line.endswith(",too,much"))
    assert scored["error"][5] == f"22 fields where the header has 20: {wide!r}"[:94] + "…"
    assert scored.loc[scored["error"].isna(), "early_churn_probability"].notna().all()
    assert (result.rows, result.errors) == (64, 4)


def test_a_semicolon_file_has_decimal_commas_as_in_training(model, prospects, tmp_path):
    source = tmp_path / "in.csv"
    prospects.to_csv(source, index=False, sep=";", decimal=",")

    score_file(source, model, tmp_path / "out.csv", reasons=0)

    scored = pd.read_csv(tmp_path / "out.csv", sep=";")
    assert scored["error"].isna().all()
    expected = model.predict(prospects)["early_churn_probability"]
    np.testing.assert_allclose(scored["early_churn_probability"], expected, rtol=0, atol=1e-15)


def test_an_empty_table_gives_an_empty_output(model, prospects, tmp_path):
    prospects.head(0).to_csv(tmp_path / "in.csv", index=False)

    result = score_file(tmp_path / "in.csv", model, tmp_path / "out.csv")

    assert result.rows == 0
    assert list(_written(tmp_path / "out.csv")) == [*prospects.columns, *PREDICTIONS]


def test_a_byte_order_mark_is_not_part_of_the_first_name(model, table, tmp_path):
    table.write_bytes(b"\xef\xbb\xbf" + table.read_bytes())

    score_file(table, model, tmp_path / "out.csv")

    assert next(iter(_written(tmp_path / "out.csv"))) == "deal_id"


def test_a_pipe_is_read_and_written_as_csv(model, table, tmp_path, monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written))

    with table.open(encoding="utf-8") as piped:
        monkeypatch.setattr(sys, "stdin", piped)
        score_file("-", model, "-", reasons=0)

    score_file(table, model, tmp_path / "out.csv", reasons=0)
    assert written.getvalue() == (tmp_path / "out.csv").read_bytes()


def test_progress_is_reported_for_every_chunk(model, table, tmp_path):
    reported: list[int] = []

    score_file(table, model, tmp_path / "out.csv", chunk_rows=25, progress=reported.append)

    assert reported == [25, 25, 10]


def test_an_interrupted_batch_leaves_only_the_old_output(model, table, tmp_path):
    output = tmp_path / "out.csv"
    output.write_text("old", encoding="utf-8")

    def interrupt(_rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score_file(table, model, output, chunk_rows=25, progress=interrupt)

    assert output.read_text(encoding="utf-8") == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "prospects.csv"]


def test_a_complete_batch_replaces_the_old_output(model, table, tmp_path):
    output = tmp_path / "out.csv"
    output.write_text("old", encoding="utf-8")

    score_file(table, model, output)

    assert len(_written(output)) == 60


def test_rows_are_counted_if_the_file_stores_their_number(prospects, table, tmp_path):
    prospects.to_parquet(tmp_path / "in.parquet")

    assert count_rows(tmp_path / "in.parquet") == 60
    assert count_rows(table) is None


def _spoil(name: str, table) -> None:
    text = table.read_text(encoding="utf-8")
    contents = {
        "empty": b"",
        "blank": b"\n\n",
        "damaged": text.replace("deal_id", "Straße", 1).encode() + b"caf\xe9" + b"," * 19 + b"\n",
        "lacking": text.replace("seats", "seat", 1).encode(),
        "twice": text.replace("seats", "segment", 1).encode(),
        "scored": text.replace("rep", "fit", 1).encode(),
    }
    table.write_bytes(contents[name])


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        ("empty", "is empty. Remedy: export"),
        ("blank", "is empty. Remedy: export"),
        ("damaged", "is not UTF-8 text. Remedy"),
        ("lacking", r"seats \(did you mean 'seat'\?\)"),
        ("twice", r"more than one column named \['segment'\]"),
        ("scored", "already has the column\\(s\\) fit. Remedy"),
    ],
)
def test_the_error_for_a_table_that_cannot_be_scored_says_why(
    model, table, tmp_path, problem, message
):
    _spoil(problem, table)

    with pytest.raises(ProspectError, match=message):
        score_file(table, model, tmp_path / "out.csv")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["prospects.csv"]


@pytest.mark.parametrize(
    ("ending", "message"),
    [
        (".parquet", "cannot be read as Parquet"),
        (".csv.gz", "cannot be read as CSV: Not a gzipped"),
        (".csv.zst", "cannot be read as CSV: ZSTD decompress failed"),
    ],
)
def test_a_file_with_a_wrong_extension_is_an_error(model, table, tmp_path, ending, message):
    wrong = table.rename(tmp_path / f"in{ending}")

    with pytest.raises(ProspectError, match=message):
        score_file(wrong, model, tmp_path / "out.csv")


def test_a_truncated_gzip_file_is_an_error_without_output(model, table, tmp_path):
    half = tmp_path / "in.csv.gz"
    half.write_bytes(gzip.compress(table.read_bytes())[:-200])

    with pytest.raises(ProspectError, match="cannot be read as CSV: Compressed file ended"):
        score_file(half, model, tmp_path / "out.csv")

    assert not (tmp_path / "out.csv").exists()


def test_a_truncated_zstandard_file_is_an_error(model, table, tmp_path):
    half = tmp_path / "in.csv.zst"
    half.write_bytes(pa.compress(table.read_bytes(), codec="zstd", asbytes=True)[:-200])

    with pytest.raises(ProspectError, match="cannot be read as CSV: Truncated"):
        score_file(half, model, tmp_path / "out.csv")


@pytest.mark.parametrize("ending", [".csv.gz", ".csv.bz2", ".csv.zst", ".parquet"])
def test_the_same_rows_give_the_same_bytes(model, table, tmp_path, monkeypatch, ending):
    score_file(table, model, tmp_path / f"one{ending}")
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    score_file(table, model, tmp_path / f"two{ending}")

    assert (tmp_path / f"one{ending}").read_bytes() == (tmp_path / f"two{ending}").read_bytes()


def test_reasons_are_written_in_the_requested_language(model, prospects, table, tmp_path):
    score_file(table, model, tmp_path / "out.csv", language="zh")

    written_reasons = json.loads(_written(tmp_path / "out.csv")["reasons"][0])
    expected = model.predict(prospects.iloc[0].to_dict(), language="zh").reasons
    assert [item["sentence"] for item in written_reasons] == [
        reason.sentence for reason in expected
    ]
    with pytest.raises(SpecError, match="choose one of en, zh"):
        score_file(table, model, tmp_path / "other.csv", language="xx")
    assert not (tmp_path / "other.csv").exists()


def test_an_output_inside_the_input_folder_is_refused(model, prospects, tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    prospects.to_parquet(tmp_path / "in" / "a.parquet")

    for position in ("out.parquet", "deep/out.csv"):
        with pytest.raises(ProspectError, match=r"lies in the folder .*in, .*Remedy: write it els"):
            score_file(tmp_path / "in", model, tmp_path / "in" / position)


def test_impossible_paths_are_errors(model, table, tmp_path):
    with pytest.raises(ProspectError, match=r"is the input\. Remedy: name another output"):
        score_file(table, model, table)
    with pytest.raises(ProspectError, match=r"workbooks are only read\. Remedy: write \.csv"):
        score_file(table, model, tmp_path / "out.xlsx")
    with pytest.raises(ProspectError, match=r"is none of \.csv, .*\.tsv, \.parquet"):
        score_file(table, model, tmp_path / "out.ods.txt")
    with pytest.raises(ProspectError, match="there is no file"):
        score_file(tmp_path / "absent.csv", model, tmp_path / "out.csv")
    with pytest.raises(ProspectError, match="there is no folder"):
        score_file(table, model, tmp_path / "absent" / "out.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ProspectError, match=r"is a folder\. Remedy: name a file"):
        score_file(table, model, tmp_path / "folder.csv")


def test_a_folder_of_parquet_is_one_table_and_its_partitions_are_columns(
    model, prospects, tmp_path
):
    ordered = prospects.sort_values("segment", kind="stable").reset_index(drop=True)
    ordered.to_parquet(tmp_path / "in", partition_cols=["segment"])

    result = score_file(tmp_path / "in", model, tmp_path / "out.parquet", chunk_rows=7)

    scored = _written(tmp_path / "out.parquet")
    assert result.rows == count_rows(tmp_path / "in") == len(ordered)
    assert scored["deal_id"].tolist() == ordered["deal_id"].tolist()
    expected = model.predict(ordered)["early_churn_probability"]
    np.testing.assert_array_equal(scored["early_churn_probability"], expected)


@pytest.mark.parametrize("number", [0, -5, True, 2.5, "8"])
@pytest.mark.parametrize("name", ["chunk_rows", "workers"])
def test_an_invalid_number_of_rows_or_threads_is_refused(
    model, prospects, tmp_path, name, number
) -> None:
    """Chunks without rows would cause an endless loop."""
    prospects.to_csv(tmp_path / "in.csv", index=False)
    with pytest.raises(ProspectError, match=f"{name} is .*Remedy: give a whole number from 1 on"):
        score_file(tmp_path / "in.csv", model, tmp_path / "out.csv", **{name: number})
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


@pytest.mark.parametrize("name", ["crm.db", "crm.SQLITE"])
def test_the_file_of_a_database_is_refused_with_the_address_to_give(name, model, tmp_path) -> None:
    with pytest.raises(ProspectError, match=f"give it as sqlite:///{name} with --query"):
        score_file(name, model, tmp_path / "scored.csv")
