"""Form of a CSV file: unclosed quotes, header, separator, decimal commas and row numbers."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from fitmodel.exceptions import DealsError
from fitmodel.tables import csv_form
from fitmodel.tables.csv_form import (
    MarkedEnd,
    column_names,
    has_decimal_comma,
    header_fields,
    row_numbers,
    separator_of,
    values_with_next_row,
    writes_decimal_commas,
)
from fitmodel.tables.files import read_table

ROWS = ["id,note,place"] + [f'{number},"a, b\nc",x' for number in range(5)]  # two lines a row


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("end", ["", "\n", "\r\n\r\n"])
@pytest.mark.parametrize("field", [0, 2])
def test_a_file_with_an_unclosed_quote_is_refused_with_the_line_number(
    tmp_path: Path, field: int, end: str, packed: bool
) -> None:
    spoiled = ['"2,x,y', "", '2,x,"y'][field]
    content = ("\n".join([*ROWS[:3], spoiled, "3,x,y", "4,5 inch,y"]) + end).encode()
    path = tmp_path / "deals.csv"
    path.write_bytes(gzip.compress(content) if packed else content)

    with pytest.raises(DealsError, match=r"opens on line 6 and is never closed.*Remedy: close it"):
        read_table(path)


@pytest.mark.parametrize("end", ["", "\n", '\n9,"z\n\n",w', '\n9,w,"z\n\n"\n'])
def test_a_quoted_line_break_is_part_of_the_value(tmp_path: Path, end: str) -> None:
    path = tmp_path / "deals.csv"
    path.write_text("\n".join(ROWS) + end, encoding="utf-8", newline="")

    read = read_table(path)

    expected = pd.read_csv(path, dtype=str)["note"].str.strip()
    assert read["note"].tolist() == expected.tolist()


def test_a_quote_inside_a_value_is_a_character(tmp_path: Path) -> None:
    path = tmp_path / "deals.csv"
    path.write_text('id,size\n1,5" pipe\n2,"6"" pipe"\n3,7"', encoding="utf-8")

    assert read_table(path)["size"].tolist() == ['5" pipe', '6" pipe', '7"']


def test_an_unclosed_quote_in_the_header_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "deals.csv"
    path.write_text('\nid,"size\n1,secret\n', encoding="utf-8")

    with pytest.raises(DealsError, match="opens on line 2 and is never closed") as caught:
        read_table(path)
    assert "secret" not in str(caught.value)


def test_header_names_are_stripped_and_every_column_gets_a_name() -> None:
    fields, lines = header_fields(['"a\n', 'b", c,\n', "1,2,3\n"], ",")

    assert (fields, lines) == (["a\nb", " c", ""], 2)
    assert column_names([" a", "b\t", "", " "]) == ["a", "b", "Unnamed: 2", "Unnamed: 3"]
    assert separator_of('"a;b;c",d') == ","


@pytest.mark.parametrize(
    ("line", "separator"),
    [("a,b;c,d", ","), ("a;b,c;d", ";"), ("a\tb", "\t"), ("a|b|c,d", "|"), ("a", ","),
     ('"a,b,c";d', ";"), ('"a;""b;c",d', ",")],
)  # fmt: skip
def test_the_separator_is_the_most_frequent_candidate_outside_quotes(
    line: str, separator: str
) -> None:
    assert separator_of(line) == separator


def test_header_fields_counts_blank_lines_and_returns_none_for_an_open_quote() -> None:
    assert header_fields(["\n", "\r\n", "a;b\n"], ";") == (["a", "b"], 3)
    assert header_fields(['a,"b\n', "1,2\n"], ",")[0] is None
    assert header_fields(['a,"b ""x"""'], ",") == (["a", 'b "x"'], 1)


@pytest.mark.parametrize(
    ("separator", "text", "commas"),
    [
        (",", "12,5", False),
        (";", "1.5", True),
        ("\t", "a\t12,5\tb", True),
        ("\t", '"12,5"\tb', True),
        ("\t", "x\n-0,5", True),
        ("\t", "b\t+1.234,5\n", True),
        ("|", "a|1.234.567|b", True),
        ("|", "a|1.234|b", False),
        ("|", "a|1,b", False),
        ("\t", "a 12,5\tb", False),
        ("\t", "a\t12,\tb", False),
        ("\t", "", False),
    ],
)
def test_decimal_commas_are_detected(separator: str, text: str, commas: bool) -> None:
    assert has_decimal_comma(separator) is (separator != ",")
    assert writes_decimal_commas(separator, text) is commas


def test_a_value_that_swallowed_the_next_row_is_detected() -> None:
    swallowed = 'x,y\n3,"z"'
    table = pa.table({
        "a": ["1", swallowed, "2", 'no row"', 'x,y "', None],
        "b": ["1", "2", 'say ""hi""', 'a,b,c\n"q"', 'a\r1,2"', None],
        "c": ["1"] * 6,
    })  # fmt: skip
    # a complete row of three columns has two separators
    assert values_with_next_row(table, ",") == {}
    table = table.set_column(0, "a", pa.array(["1", 'x,y\n3,z"', "2", 'no row"', 'x,y, "', None]))
    assert values_with_next_row(table, ",") == {1: 'x,y\n3,z"'}
    assert values_with_next_row(table, ";") == {}
    two = pa.table({"a": ["1", 'x\r2,y"'], "b": ["1", "2"]})
    assert values_with_next_row(two, ",") == {1: 'x\r2,y"'}


def _wide(**values: str) -> pa.Table:
    """Return a table of one row and eight columns, a to h."""
    return pa.table({name: [values.get(name, "x")] for name in "abcdefgh"})


@pytest.mark.parametrize(
    "values",
    [
        {"c": "retail,4,5,6,7,8\n1,2,retail"},
        {"c": "retail,4,5,6,7,8\r\n1,2,3,4,5,6,7,8\r\n1,2,retail"},
        {"a": "1,2,3,4,5,6,7,8\r1"},
        {"h": "8\n1,2,3,4,5,6,7,8"},
    ],
)
def test_a_value_with_pieces_of_rows_is_detected_without_a_quote_at_its_end(
    values: dict[str, str],
) -> None:
    assert values_with_next_row(_wide(**values), ",") == {0: next(iter(values.values()))}


@pytest.mark.parametrize(
    "values",
    [
        {"c": "a note, in two lines,\nwith, commas"},
        {"c": "retail,4,5,6,7,8\n1,2,3\n1,2,retail"},
        {"c": "a line, and a break, at its end, a, b, c\n"},
        {"h": "\n"},
    ],
)
def test_a_note_of_several_lines_is_a_value(values: dict[str, str]) -> None:
    assert values_with_next_row(_wide(**values), ",") == {}


def test_separators_of_narrow_tables_prove_nothing() -> None:
    table = pa.table({"a": ["1"], "b": ["Hello, Kim\nBest, Tom"], "c": ["3"]})
    assert values_with_next_row(table, ",") == {}


@pytest.mark.parametrize("size", [1, 3, 16, 1 << 10])
@pytest.mark.parametrize("text", ["", "a,b\n", "a,b\r\n1,ü\r\n", "a,b\n1,2"])
def test_the_end_marker_row_is_appended_once(text: str, size: int) -> None:
    marked = MarkedEnd(io.BytesIO(text.encode()), ",", 2)
    pieces = list(iter(lambda: marked.read(size), b""))
    whole = b"".join(pieces).decode()
    assert whole.startswith(text)
    row = whole.removeprefix(text).removeprefix("\n")
    assert marked.is_end(row)
    assert row.count(",") == 2  # one field more than the header
    assert not marked.is_end(text)
    assert marked.read(size) == b""


def test_a_windows_line_break_is_never_split_between_reads() -> None:
    text = b"ab\r\n" * 20
    for size in range(24, 60):
        marked = MarkedEnd(io.BytesIO(text), ",", 1)
        for piece in iter(lambda m=marked, s=size: m.read(s), b""):
            assert not piece.endswith(b"\r")


def test_the_line_of_an_open_quote_is_counted_from_the_end() -> None:
    text = 'a,b\n1,2\n3,"x\ny\n'
    marked = MarkedEnd(io.BytesIO(text.encode()), ",", 2, lines=10)
    whole = marked.read(1 << 10).decode()
    swallowed = whole[text.index("x") :]
    assert marked.line_of_open_quote(swallowed) == 10 + 3
    assert marked.line_of_open_quote("x\ny") is None
    assert marked.line_of_open_quote(None) is None


def test_invalid_utf8_is_an_error_also_at_the_end() -> None:
    for content in (b"a\xff\n", b"a\n\xe4\xb8"):
        marked = MarkedEnd(io.BytesIO(content), ",", 1)
        with pytest.raises(UnicodeDecodeError):
            list(iter(lambda m=marked: m.read(100), b""))
    cut = MarkedEnd(io.BytesIO("上海\n".encode() * 9), ",", 1)  # characters cut between reads
    assert "".join(p.decode("utf-8", "ignore") for p in iter(lambda: cut.read(24), b""))


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("lines", "above", "numbers"),
    [
        (["a,b", "1,2", "3,4"], 0, [2, 3]),
        (["T", "", "a,b", "1,2", "3,4"], 2, [4, 5]),
        (["a,b", "", "1,2", "", "", "3,4", ""], 0, [3, 6]),
        (["a,b", '1,"x', "", 'y"', "", "3,4"], 0, [2, 4]),
    ],
)
def test_row_numbers_count_blank_lines_but_not_quoted_line_breaks(
    lines, above: int, numbers: list[int], ending: str
) -> None:
    content = ending.join(lines).encode()
    assert row_numbers(lambda: io.BytesIO(content), 2, above, ",").tolist() == numbers


def test_blank_lines_are_counted_across_blocks(monkeypatch) -> None:
    content = b"a,b\n1,2\n\n3,4\r\n\r\n5,6\n"
    for block in range(1, len(content) + 1):
        monkeypatch.setattr(csv_form, "_BLOCK", block)
        numbers = row_numbers(lambda: io.BytesIO(content), 3, 0, ",")
        assert numbers.tolist() == [2, 4, 6]
