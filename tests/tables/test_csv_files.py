"""A CSV file read block by block onto disk gives the same table as one read into memory."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

from fitmodel.exceptions import DealsError
from fitmodel.tables import _csv_files
from fitmodel.tables.files import read_file, spool_csv

ROWS = 400
BLOCK = 1 << 10
"""Bytes: each of the files below has many blocks."""


def _lines(values, header="id,value", separator=","):
    return "\n".join([header, *(f"D{n}{separator}{value}" for n, value in enumerate(values))])


def _late(first, last):
    """One value over many blocks, and another in the last row."""
    return [*[first] * (ROWS - 1), last]


FILES = {
    "whole numbers": _lines(range(ROWS)),
    "a fraction late": _lines(_late("7", "7.25")),
    "a text late": _lines(_late("7", "many")),
    "a code late": _lines(_late("17", "007")),
    "a missing value late": _lines(_late("+17", "NA")),
    "a missing value among words": _lines(_late("big", "NA")),
    "digits that a float would lose": _lines(_late("900719925474099312", "")),
    "digits that no integer holds": _lines(_late("7", "9" * 19)),
    "not finite": _lines(_late("1e3", "-inf")),
    "nothing at all": _lines([""] * ROWS),
    "a comma late": _lines(_late("1.500", "1,5"), "id;value", ";"),
    "points late": _lines(_late("1,5", "1.234.567,25"), "id;value", ";"),
    "no number with a comma": _lines(_late("1,5", "1,5,5"), "id;value", ";"),
    "a code with a comma": _lines(_late("1,5", "01,5"), "id;value", ";"),
    "zeros before a comma": _lines(_late("0,125", "0,5"), "id;value", ";"),
    "quotes and line breaks": _lines(
        ['"one, ""two""\nthree"', '" x "', "plain"] * (ROWS // 3), "id,value"
    ),
    "sums and a blank row": _lines(range(ROWS), "id,value") + "\n,\n\nTotal,79800\n",
    "short sums": _lines(range(ROWS)).replace("\n", ",1\n").replace("value,1", "value,more")
    + (",1\nTotal\nmade by hand"),
    "titles": f"All changes\n\n{_lines(_late('1', '2'), 'id,value').replace(',', ',a,b,')}",
    "a column without a name": _lines([f"{n}," for n in range(ROWS)], "id,value,"),
    "breaks of Windows": _lines(range(ROWS)).replace("\n", "\r\n"),
    "blank lines": _lines(range(ROWS)).replace("\nD", "\n\nD"),
}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch) -> None:
    monkeypatch.setattr(_csv_files, "BLOCK_BYTES", BLOCK)


def _assert_same(path) -> None:
    whole, on_disk_table = read_file(path), spool_csv(path)
    frame = on_disk_table.table.to_pandas()
    assert on_disk_table.table.column(0).num_chunks > 1 or len(frame) < ROWS / 2
    pd.testing.assert_frame_equal(frame, whole.table, check_exact=True)
    np.testing.assert_array_equal(on_disk_table.row_numbers, whole.row_numbers)
    assert on_disk_table.findings == whole.findings


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("packed", [False, True])
def test_a_table_read_onto_disk_equals_the_one_read_into_memory(tmp_path, name, packed) -> None:
    content = FILES[name].encode()
    path = tmp_path / "a.csv"
    path.write_bytes(gzip.compress(content) if packed else content)
    _assert_same(path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16", "gb18030"])
def test_every_encoding_is_read_onto_disk(tmp_path, encoding) -> None:
    word = "北京市" if encoding == "gb18030" else "Grüße"
    path = tmp_path / "a.csv"
    path.write_bytes(_lines([word] * ROWS).encode(encoding))
    _assert_same(path)


def test_an_encoding_that_appears_only_in_a_late_row_is_detected(tmp_path) -> None:
    padding = "x" * 4000
    content = _lines(_late(padding, "Straße"), "id,value")
    path = tmp_path / "a.csv"
    path.write_bytes(content.encode("cp1252"))
    _csv_files.BLOCK_BYTES = 1 << 16  # a block must be larger than a row
    assert len(content) > 1 << 20
    _assert_same(path)
    assert spool_csv(path).table.column("value")[-1].as_py() == "Straße"


@pytest.mark.parametrize(
    "content",
    [
        _lines(_late("1", "2,3")),
        _lines(_late("1", '"never closed')),
        _lines(['"open', '"a"', *[1] * ROWS], "id,value"),
        "id,value\n",
        "id,id\n1,2\n",
        _lines(_late("1", "x" * (2 * BLOCK))),
    ],
)
def test_errors_are_the_same_on_disk_and_in_memory(tmp_path, content) -> None:
    path = tmp_path / "a.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DealsError) as whole:
        read_file(path)
    with pytest.raises(DealsError) as on_disk_table:
        spool_csv(path)
    assert str(on_disk_table.value) == str(whole.value)


def test_a_windows_line_break_between_two_blocks_is_kept(tmp_path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(_lines(['"one\r\ntwo"'] * ROWS).encode())
    assert spool_csv(path).table.column("value").unique().to_pylist() == ["one\r\ntwo"]
    assert read_file(path).table["value"].unique().tolist() == ["one\r\ntwo"]
