"""The first bytes of a file, and the texts of errors in tables."""

from __future__ import annotations

import bz2
import gzip

import pyarrow as pa
import pytest

from fitmodel.tables.files import read_table
from fitmodel.tables.opening import (
    MAX_COLUMNS,
    SNIFF_BYTES,
    csv_error,
    duplicate_names,
    head_of,
    merged_rows_error,
    names_error,
    open_bytes,
    open_quote_error,
    width_error,
)


def _zstd(content: bytes) -> bytes:
    return bytes(pa.compress(content, codec="zstd", asbytes=True))


PACK = {"plain": bytes, "gzip": gzip.compress, "bzip2": bz2.compress, "zstd": _zstd}


@pytest.mark.parametrize("packed", PACK)
@pytest.mark.parametrize("content", [b"", b"\x1f", b"BZ", b"id,x\n1,2\n"])
def test_a_compressed_file_is_opened_uncompressed(tmp_path, content: bytes, packed: str) -> None:
    path = tmp_path / "deals"  # the name has no extension
    path.write_bytes(PACK[packed](content))
    with open_bytes(path) as file:
        assert file.read() == content
    assert head_of(path) == content


@pytest.mark.parametrize("packed", PACK)
def test_all_streams_of_a_compressed_file_are_read(tmp_path, packed: str) -> None:
    parts = [b"id,x\n", *(b"D%d,%d\n" % (row, row) for row in range(300))]
    path = tmp_path / "deals"
    path.write_bytes(b"".join(map(PACK[packed], parts)))
    with open_bytes(path) as file:
        assert file.read() == b"".join(parts)
    assert read_table(path)["x"].tolist() == list(range(300))


@pytest.mark.parametrize("packed", [False, True])
def test_the_head_of_a_long_file_is_its_first_mebibyte(tmp_path, packed: bool) -> None:
    content = bytes(range(256)) * 4097
    (tmp_path / "x").write_bytes(gzip.compress(content) if packed else content)
    assert SNIFF_BYTES == 1024 * 1024
    assert head_of(tmp_path / "x") == content[: 1024 * 1024]


def test_duplicate_column_names_are_listed_once_in_order() -> None:
    assert duplicate_names(["b", "a", "b", "c", "a", "b"]) == ["a", "b"]
    assert duplicate_names(["a", "A", " a"]) == []
    assert names_error(["a", "b"]) is None
    assert names_error(["b", "a", "b"]) == (
        "has more than one column named ['b']. Remedy: rename them."
    )


def test_more_than_ten_thousand_columns_are_refused() -> None:
    names = [f"c{position}" for position in range(MAX_COLUMNS + 1)]
    assert names_error(names[:10_000]) is None
    assert names_error(names) == (
        "has 10,001 columns, more than 10,000. Remedy: keep those that were known before signing."
    )


def test_the_error_of_a_row_shows_its_width_lines_and_beginning() -> None:
    assert width_error("a,b", 2, 3) == "2 fields where the header has 3: 'a,b'"
    assert width_error("a,b\nc\nd", 2, 3).startswith(
        "2 fields where the header has 3 over 3 lines (is a quote open?): "
    )
    assert merged_rows_error("a") == "a value: 'a'"
    assert merged_rows_error("a\r\nb") == r"a value over 2 lines (is a quote open?): 'a\r\nb'"
    assert len(merged_rows_error("a" * 500)) == len("a value: ") + 60
    assert "opens on line 7 and is never closed" in open_quote_error(7)


def test_the_error_for_a_too_long_row_names_the_limit_in_megabytes() -> None:
    long = csv_error("CSV parse error: straddling object straddles two blocks", 16 << 20)
    assert long.startswith("has a row of more than 16 MB. Remedy: close every quote")
    assert csv_error("bad thing", 16 << 20) == "cannot be read as CSV: bad thing"
