"""Reading a CSV file from any row gives the same rows as reading it from the beginning."""

from __future__ import annotations

import gzip
import io

import numpy as np
import pytest

from fitmodel.exceptions import ProspectError
from fitmodel.scoring import _csv_source
from fitmodel.scoring._csv_source import stream_after_rows
from fitmodel.scoring.streams import COMPRESSORS, WRITERS
from fitmodel.scoring.tables import open_source

CELLS = ["a", "", '"b, c"', '"d\ne"', '"f ""g"" h"', '""', "Total", "0042", "é", '"\n"', '"i\r\nj"']
NEW_ROWS = ["\n", "\r\n", "\n\n", "\n \n"]
"""Ends of rows; a line of one blank is a row that is too short."""


def _content(seed: int, separator: str) -> bytes:
    """A file with quotes, line breaks, blank lines and rows of wrong width."""
    random = np.random.default_rng(seed)
    ends = random.choice(NEW_ROWS, size=3)
    rows = ["id,one,two".replace(",", separator)]
    for number in range(40):
        width = random.choice([2, 2, 2, 2, 1, 3])
        cells = random.choice(CELLS, size=width)
        rows.append(separator.join([f"D{number}", *cells]))
    text = "".join(row + random.choice(ends) for row in rows)
    mark = "\ufeff" if seed % 2 else ""
    return (mark + (text.rstrip() if seed % 5 == 0 else text)).encode()


def _as_rows(chunks) -> list:
    return [
        (chunk.batch.num_rows, chunk.batch.to_pylist(), dict(chunk.problems)) for chunk in chunks
    ]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("block", [200, 1 << 20])
def test_the_rows_after_a_position_equal_those_of_the_whole_file(
    tmp_path, monkeypatch, seed, block
) -> None:
    monkeypatch.setattr(_csv_source, "BLOCK_BYTES", block)
    path = tmp_path / "in.csv"
    path.write_bytes(_content(seed, ",;\t"[seed % 3]))
    with open_source(path, 4) as source:
        whole = _as_rows(source.chunks)
    assert sum(rows for rows, *_ in whole) >= 40
    for passed in range(1, len(whole) + 1):
        with open_source(path, 4) as source:
            rows = sum(rows for rows, *_ in whole[:passed])
            assert source.after(rows) is not None
            assert _as_rows(source.chunks_after(rows)) == whole[passed:]


@pytest.mark.parametrize("ending", [".csv.gz", ".csv.bz2", ".csv.zst"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_compressed_files_and_other_encodings_can_be_continued(
    tmp_path, monkeypatch, ending, encoding
) -> None:
    monkeypatch.setattr(_csv_source, "BLOCK_BYTES", 500)
    path = tmp_path / f"in{ending}"
    rows = "".join(f'D{n},"a, b",Zürich Größe\n' for n in range(40))
    with WRITERS[ending](path) as stream:
        stream.write(f"A report\n\nid,one,two\n{rows}".encode(encoding))
    with open_source(path, 4) as source:
        whole = _as_rows(source.chunks)
    assert whole[-1][1][-1] == {"id": "D39", "one": "a, b", "two": "Zürich Größe"}
    for passed in range(1, len(whole) + 1):
        with open_source(path, 4) as source:
            assert source.after(4 * passed) is not None
            assert _as_rows(source.chunks_after(4 * passed)) == whole[passed:]


@pytest.mark.parametrize("ending", COMPRESSORS)
def test_all_streams_of_a_compressed_file_are_scored(tmp_path, ending) -> None:
    parts = [b"id,one\n", *(b"D%d,%d\n" % (row, row) for row in range(500))]
    path = tmp_path / f"in{ending}"
    path.write_bytes(b"".join(map(COMPRESSORS[ending], parts)))
    with open_source(path, 64) as source:
        rows = [row for chunk in source.chunks for row in chunk.batch.column("id").to_pylist()]
    assert rows == [f"D{row}" for row in range(500)]


def test_a_truncated_compressed_file_is_refused_with_its_name(tmp_path) -> None:
    path = tmp_path / "in.csv.gz"
    packed = gzip.compress(b"id,one\n" + b"".join(b"D%d,1\n" % n for n in range(400_000)))
    path.write_bytes(packed[: len(packed) // 2])  # the megabyte with the header is complete
    with open_source(path, 4) as source, pytest.raises(ProspectError, match=r"in\.csv\.gz cannot"):
        next(source.chunks_after(390_000))


def test_titles_above_the_header_are_not_rows(tmp_path) -> None:
    path = tmp_path / "in.csv"
    rows = "".join(f"D{n},1,2\n" for n in range(20))
    path.write_text(f"\ufeffA report\n\nid,one,two\n{rows}", encoding="utf-8")
    with open_source(path, 4) as source:
        assert source.schema.names == ["id", "one", "two"]
        assert source.after(8) is not None
        later = list(source.chunks_after(8))
    assert later[0].batch.column("id").to_pylist() == ["D8", "D9", "D10", "D11"]
    assert sum(chunk.batch.num_rows for chunk in later) == 12


@pytest.mark.parametrize("cell", ['5" pipe', '"5" pipe', 'a""b', "one\rtwo"])
def test_rows_with_unusual_quotes_are_left_to_the_parser(tmp_path, cell) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(("id,one\n" + "".join(f"D{n},{cell}\n" for n in range(20))).encode())
    with open_source(path, 4) as source:
        whole = _as_rows(source.chunks)
    with open_source(path, 4) as source:
        assert source.after(8) is None
        assert _as_rows(source.chunks_after(8)) == whole[2:]


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_a_row_begins_after_the_line_break_of_the_previous_row(monkeypatch, block) -> None:
    monkeypatch.setattr(_csv_source, "BLOCK_BYTES", block)
    text = b'h,i\n\r\n1,"a\nb"\r\n\n2,c'
    rests = [stream_after_rows(io.BytesIO(text), rows, ",") for rows in range(1, 4)]
    left = [(rest.already_read + rest.stream.read(), rest.lines) for rest in rests]
    assert left == [(text[4:], 1), (b"\n2,c", 4), (b"", 5)]
    assert stream_after_rows(io.BytesIO(text), 4, ",") is None


def test_the_error_for_an_open_quote_names_its_line_also_in_a_continued_file(tmp_path) -> None:
    path = tmp_path / "in.csv"
    rows = "".join(f"D{n},1\n" for n in range(20))
    path.write_text(f'id,one\n{rows}D20,"open\n', encoding="utf-8")
    with open_source(path, 4) as source, pytest.raises(ProspectError, match="on line 22"):
        list(source.chunks_after(8))
