"""CSV files as users export them: scoring and training read the same file the same."""

from __future__ import annotations

import gzip

import pandas as pd
import pyarrow as pa
import pytest

from fitmodel.exceptions import DealsError, ProspectError
from fitmodel.scoring.batch import PREDICTIONS, score_file
from fitmodel.tables.files import read_table


@pytest.fixture
def lines(prospects) -> list[str]:
    return prospects.to_csv(index=False).splitlines()


@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("chunk_rows", [2, 1000])
def test_an_unclosed_quote_is_refused_without_showing_customer_data(
    model, lines, tmp_path, first, ending, chunk_rows
):
    lines[3] = f'"{lines[3]}' if first else lines[3].rpartition(",")[0] + ',"apac'
    content = ("\n".join(lines) + "\n").encode()
    source = tmp_path / f"in{ending}"
    source.write_bytes(gzip.compress(content) if ending == ".csv.gz" else content)

    with pytest.raises(ProspectError, match="opens on line 4 and is never closed") as caught:
        score_file(source, model, tmp_path / "out.csv", chunk_rows=chunk_rows)

    assert lines[3].split(",")[0] not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == [source.name]


def test_the_error_for_rows_merged_by_a_quote_is_short(model, lines, tmp_path):
    lines[3] = lines[3].rpartition(",")[0] + ',"apac'
    lines[20] = f'"{lines[20]}'  # this closes the quote
    (tmp_path / "in.csv").write_text("\n".join(lines), encoding="utf-8")

    result = score_file(tmp_path / "in.csv", model, tmp_path / "out.csv", reasons=0)

    assert result.errors == 1
    assert "over 18 lines (is a quote open?)" in result.first_error
    assert len(result.first_error) < 200


def test_a_header_is_read_as_in_training(model, prospects, lines, tmp_path):
    wide = [", ".join(lines[0].split(",")) + ",,", *(f"{line},," for line in lines[1:])]
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("\n".join(wide) + "\n", encoding="utf-8")

    result = score_file(source, model, output, reasons=0)

    assert result.errors == 0
    scored = pd.read_csv(output)
    width = prospects.shape[1]
    unnamed = [f"Unnamed: {width}", f"Unnamed: {width + 1}"]
    added = [name for name in PREDICTIONS if name != "reasons"]
    assert list(scored) == [*prospects.columns, *unnamed, *added]
    assert list(read_table(source)) == list(prospects.columns)
    expected = model.predict(prospects)["early_churn_probability"]
    assert scored["early_churn_probability"].tolist() == expected.tolist()


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_header_without_rows_is_an_empty_table(model, lines, tmp_path, end):
    (tmp_path / "in.csv").write_bytes((lines[0] + end).encode())

    result = score_file(tmp_path / "in.csv", model, tmp_path / "out.csv", reasons=0)

    assert result.rows == 0
    assert (tmp_path / "out.csv").read_text().startswith(f"{lines[0]},early_churn_probability")


def test_the_error_for_a_duplicate_column_names_it(model, prospects, tmp_path):
    table = pa.Table.from_pandas(prospects)
    twice = table.append_column("segment", table["segment"])
    pa.parquet.write_table(twice, tmp_path / "in.parquet")

    with pytest.raises(ProspectError, match=r"more than one column named \['segment'\]\. Remedy"):
        score_file(tmp_path / "in.parquet", model, tmp_path / "out.csv")


def test_the_error_for_a_folder_without_parquet_files_names_it(model, tmp_path):
    (tmp_path / "in").mkdir()

    with pytest.raises(ProspectError, match=r"folder .*in holds no Parquet file\. Remedy"):
        score_file(tmp_path / "in", model, tmp_path / "out.csv")


def test_no_row_is_lost_if_none_has_the_width_of_the_header(model, lines, tmp_path):
    source = tmp_path / "in.csv"
    source.write_text("\n".join([lines[0], *(f"{line},x" for line in lines[1:])]), encoding="utf-8")

    result = score_file(source, model, tmp_path / "out.csv", reasons=0)

    assert (result.rows, result.errors) == (60, 60)
    scored = pd.read_csv(tmp_path / "out.csv")
    assert scored["deal_id"].tolist() == [line.split(",")[0] for line in lines[1:]]


@pytest.mark.parametrize("column", ["segment", "region"])
def test_a_row_swallowed_by_an_open_quote_is_reported(model, lines, tmp_path, column):
    position = lines[0].split(",").index(column)
    fields = [line.split(",") for line in lines]
    for row in fields[3:5]:
        row[position] = f'"{row[position]}"'
    fields[3][position] = fields[3][position].removesuffix('"')
    source = tmp_path / "in.csv"
    source.write_text("\n".join(map(",".join, fields)), encoding="utf-8")

    result = score_file(source, model, tmp_path / "out.csv", reasons=0)

    assert result.errors == 1
    assert "row 3 cannot be scored: a value over 2 lines (is a quote open?)" in result.first_error
    with pytest.raises(
        DealsError, match=r"1 row\(s\) have a value that contains the next row; row 3"
    ):
        read_table(source)


def test_two_open_quotes_in_one_column_are_reported(model, lines, tmp_path):
    position = lines[0].split(",").index("segment")
    fields = [line.split(",") for line in lines]
    for row in fields[3:5]:
        row[position] = f'"{row[position]}'
    source = tmp_path / "in.csv"
    source.write_text("\n".join(map(",".join, fields)), encoding="utf-8")

    result = score_file(source, model, tmp_path / "out.csv", reasons=0)

    assert result.errors == 1
    assert "row 3 cannot be scored: a value over 2 lines (is a quote open?)" in result.first_error
    with pytest.raises(
        DealsError, match=r"1 row\(s\) have a value that contains the next row; row 3"
    ):
        read_table(source)


def test_a_row_of_wrong_width_with_invalid_utf8_gives_one_clear_error(
    model, prospects, tmp_path, capfd
) -> None:
    source = tmp_path / "in.csv"
    utf8 = prospects.assign(rep="Jörg").to_csv(index=False).encode()
    source.write_bytes(utf8 + b"\xd6,\xd6\n")  # UTF-8 that was damaged
    with pytest.raises(ProspectError, match=r"is not UTF-8 text\. Remedy"):
        score_file(source, model, tmp_path / "out.csv")
    with pytest.raises(DealsError, match=r"is not UTF-8 text: byte 0xd6 .*Remedy"):
        read_table(source)
    assert capfd.readouterr().err == ""
