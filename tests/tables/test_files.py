"""A file is recognised by its content and read completely, or refused with the remedy."""

from __future__ import annotations

import bz2
import gzip
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fitmodel.exceptions import DealsError
from fitmodel.tables.files import is_csv, read_file, read_table, spool_csv

CSV = b"id,seats\nD1,5\nD2,7\n"
FRAME = pd.DataFrame({"id": ["D1", "D2"], "seats": [5, 7]})


def _put(path, content: bytes):
    path.write_bytes(content)
    return path


def test_a_file_is_recognised_by_its_content_and_not_by_its_name(tmp_path) -> None:
    packed = _put(tmp_path / "packed.csv", gzip.compress(CSV))
    plain = _put(tmp_path / "plain.xlsx", CSV)
    FRAME.to_parquet(tmp_path / "table.csv")
    for path in (packed, plain, tmp_path / "table.csv"):
        pd.testing.assert_frame_equal(read_table(path), FRAME)
    assert is_csv(packed)
    assert is_csv(str(plain))
    assert not is_csv(tmp_path / "table.csv")
    assert not is_csv(_put(tmp_path / "book", b"PK\x03\x04rest"))
    assert not is_csv(_put(tmp_path / "old", b"\xd0\xcf\x11\xe0rest"))


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_any_usual_separator_and_line_ending_give_the_same_table(tmp_path, separator, end) -> None:
    text = CSV.decode().strip().replace(",", separator) + end
    path = _put(tmp_path / "a.csv", text.encode())
    pd.testing.assert_frame_equal(read_table(path), FRAME)


@pytest.mark.parametrize("read", [read_file, spool_csv])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty. Remedy: export the deals again"),
        (bytes(4000), r"is not text: .* control character '\\x00'. Remedy: export the deals"),
        (bytes(range(8, 40)) * 99, "is not text"),
        (b"id,se\x00ats\n1,2\n", "is not text"),
        (b"id,seats\n", "has a header but no rows. Remedy: export the deals again"),
        (b"id,seats\n\n\n", "has a header but no rows"),
        (b"\n\n \n", "has blank lines only. Remedy: export the deals again"),
        (b"id,id,x\n1,2,3\n", r"more than one column named \['id'\]. Remedy: rename them"),
        (
            b"id,x\n1,2\n3\n4,5,6\n7,8\n",
            r"2 row\(s\) do not have the header's 2 fields; row 3 has 1",
        ),
        (b"a\x01,\xfc\x02\n1,2\n", r"is not UTF-8 text: byte 0xfc at position 4 of line 1"),
        (gzip.compress(CSV, mtime=0)[:-12], "cannot be read: "),
        (bz2.compress(CSV)[:-12], "cannot be read: "),
        (pa.compress(CSV, codec="zstd", asbytes=True)[:-6], "cannot be read: "),
    ],
)
def test_a_file_that_is_not_a_table_is_refused_with_the_remedy(
    tmp_path, content, message, read
) -> None:
    path = _put(tmp_path / "deals.csv", content)
    with pytest.raises(DealsError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("read", [read_file, spool_csv])
def test_a_folder_and_a_missing_file_are_refused_with_the_remedy(tmp_path, read) -> None:
    with pytest.raises(DealsError, match="is a folder. Remedy: give one CSV, Parquet or Excel"):
        read(tmp_path)
    with pytest.raises(DealsError, match=r"there is no file .*none\.csv. Remedy: check the name"):
        read(tmp_path / "none.csv")


# ---- Parquet ----


def test_parquet_types_are_kept(tmp_path) -> None:
    table = pa.table({
        "id": ["a", None], "n": pa.array([1, 2], pa.int16()), "x": [0.5, None],
        "day": pa.array([date(2024, 2, 29), None]), "flag": [True, False],
        "amount": pa.array([Decimal("0.20"), None], pa.decimal128(18, 2)),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "a.parquet")
    read = read_file(tmp_path / "a.parquet")
    frame = read.table
    assert frame["id"].tolist()[0] == "a"
    assert frame["n"].tolist() == [1, 2]
    assert frame["day"].tolist() == [pd.Timestamp("2024-02-29"), pd.NaT]
    assert frame["flag"].tolist() == [True, False]
    np.testing.assert_array_equal(frame["amount"], [0.2, np.nan])
    assert read.row_numbers is not None
    assert read.row_numbers.tolist() == [0, 1]
    assert frame.index.tolist() == [0, 1]


def test_an_index_written_by_pandas_is_not_a_column(tmp_path) -> None:
    FRAME.set_axis([7, 9]).to_parquet(tmp_path / "a.parquet")
    assert "__index_level_0__" in pq.read_schema(tmp_path / "a.parquet").names
    pd.testing.assert_frame_equal(read_table(tmp_path / "a.parquet"), FRAME)
    FRAME.set_index("id").to_parquet(tmp_path / "b.parquet")
    assert sorted(read_table(tmp_path / "b.parquet").columns) == ["id", "seats"]


@pytest.mark.parametrize("content", [b"PAR1", b"PAR1 no table PAR1", b"id,seats\nD1,5\n"])
def test_an_invalid_parquet_file_is_refused(tmp_path, content: bytes) -> None:
    path = _put(tmp_path / "deals.parquet", content)
    with pytest.raises(DealsError, match=r"deals\.parquet cannot be read as Parquet: "):
        read_table(path)


def test_parquet_without_rows_or_with_duplicate_columns_is_refused(tmp_path) -> None:
    pq.write_table(pa.table({"id": pa.array([], pa.string())}), tmp_path / "a.parquet")
    with pytest.raises(DealsError, match="has a header but no rows"):
        read_table(tmp_path / "a.parquet")
    twice = pa.table([pa.array([1]), pa.array([2])], names=["id", "id"])
    pq.write_table(twice, tmp_path / "b.parquet")
    with pytest.raises(DealsError, match=r"more than one column named \['id'\]"):
        read_table(tmp_path / "b.parquet")


@pytest.mark.parametrize("read", [read_file, spool_csv])
def test_rows_keep_their_numbers_among_blank_lines_and_short_total_lines(tmp_path, read) -> None:
    rows = "".join(f"D{n},{n},x\n" for n in range(5, 25))
    content = f"id,n,plan\nD1,1,x\n\nD2,2,x\nSubtotal,3\nD3,3,x\n\n{rows}Total,300\nby Ann\n"
    table = read(_put(tmp_path / "a.csv", content.encode()))
    ids = table.table["id"].to_pylist() if read is spool_csv else table.table["id"].tolist()
    assert ids == ["D1", "D2", "D3", *(f"D{n}" for n in range(5, 25))]
    assert table.row_numbers.tolist() == [2, 4, 6, *range(8, 28)]
    assert [finding.count for finding in table.findings] == [3]


@pytest.mark.parametrize("read", [read_file, spool_csv])
@pytest.mark.parametrize("titles", ["", "Deals\n\nby Ann\n"])
def test_a_short_line_is_left_out_only_below_all_rows(tmp_path, read, titles: str) -> None:
    rows = "".join(f"D{n},{n},x\n" for n in range(20))
    below = f"{titles}id,n,plan\n{rows}Total,6\nby Bob\nend\n"
    assert len(read(_put(tmp_path / "a.csv", below.encode())).table) == 20
    quoted = below + '"Copyright (c) 2026 a vendor, inc."\n\n"Confidential"\n'
    assert len(read(_put(tmp_path / "q.csv", quoted.encode())).table) == 20
    among = f"{titles}id,n,plan\n{rows}lonely\nD5,5,x\n"
    with pytest.raises(DealsError, match=r"1 row\(s\) do not have the header's 3 fields.*'lonely'"):
        read(_put(tmp_path / "b.csv", among.encode()))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<html><body><table><tr><td>1</td></tr></table></body></html>", "web page or XML"),
        ("\ufeff<!DOCTYPE html>\n<table>", "web page or XML"),
        ("  <?xml version='1.0'?><Workbook></Workbook>", "web page or XML"),
        ('{"deal_id": "D1", "plan": "a"}\n{"deal_id": "D2", "plan": "b"}', "is JSON"),
        ('[{"deal_id": "D1"}]', "is JSON"),
        ('[\n  {\n    "deal_id": "D1"\n  }\n]', "is JSON"),
        ('{\n  "deals": []\n}', "is JSON"),
    ],
)
def test_a_web_page_or_json_is_named_as_what_it_is(tmp_path, content: str, message: str) -> None:
    with pytest.raises(DealsError, match=message):
        read_file(_put(tmp_path / "deals.xls", content.encode()))
