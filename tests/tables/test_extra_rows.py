"""Titles above a table and totals below it are left out and reported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from fitmodel.exceptions import DealsError
from fitmodel.tables.csv_form import HeaderPosition, find_top, header_index
from fitmodel.tables.extra_rows import (
    is_total_line,
    rows_left_out,
    titles_finding,
    total_rows,
)
from fitmodel.tables.files import read_file

ROWS = "id,plan,seats,acv\n" + "".join(f"D{n},pro,{n},{n * 10}.5\n" for n in range(1, 31))


def _read(tmp_path, text: str):
    (tmp_path / "deals.csv").write_text(text, encoding="utf-8")
    return read_file(tmp_path / "deals.csv")


@pytest.mark.parametrize(
    "above",
    ["Deals 2024\n", "Deals 2024\nmade by Ann, Berlin\n\n", "Deals 2024,,,\n,,,\n", "\nReport:\n"],
)
def test_titles_are_left_out_and_rows_keep_their_numbers(tmp_path, above: str) -> None:
    result = _read(tmp_path, above + ROWS)
    assert result.table["id"].tolist() == [f"D{n}" for n in range(1, 31)]
    assert result.table["seats"].sum() == 465
    assert result.row_numbers[0] == above.count("\n") + 2
    assert [finding.code for finding in result.findings] == ["title_row"]


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;"])
@pytest.mark.parametrize("columns", [2, 4])
def test_the_line_that_tells_excel_the_separator_is_no_header(tmp_path, line, columns) -> None:
    rows = [";".join(row.split(",")[:columns]) for row in ROWS.splitlines()]
    result = _read(tmp_path, "\n".join([line, *rows]))
    assert list(result.table) == ROWS.splitlines()[0].split(",")[:columns]
    assert result.row_numbers[0] == 3


@pytest.mark.parametrize("word", ["Total", "TOTALS:", "Grand Total", "Summe", "Suma", "合计",
                                  "Total geral", "Sous-total", "Total (30 rows)"])  # fmt: skip
def test_a_total_line_is_left_out_whichever_column_has_its_word(tmp_path, word: str) -> None:
    for line in (f"{word},,465,4665.0\n", f",{word},465,4665.0\n", f"{word},,,\n"):
        result = _read(tmp_path, ROWS + line)
        assert len(result.table) == 30
        (finding,) = result.findings
        assert (finding.code, finding.count) == ("total_row", 1)
        assert "row 32" in finding.example


def test_subtotals_between_rows_do_not_change_the_row_numbers(tmp_path) -> None:
    lines = ROWS.splitlines(keepends=True)
    text = "".join([*lines[:11], "Subtotal,,55,555\n", *lines[11:], "Total,,465,4665\n"])
    result = _read(tmp_path, text)
    assert len(result.table) == 30
    assert result.row_numbers.tolist() == [*range(2, 12), *range(13, 33)]


def test_short_total_lines_and_a_note_at_the_end_are_left_out(tmp_path) -> None:
    result = _read(tmp_path, ROWS + "Total,465\nConfidential\n")
    assert len(result.table) == 30
    assert "2 short line(s)" in str(result.findings[0])


def test_empty_rows_are_left_out_and_reported(tmp_path) -> None:
    result = _read(tmp_path, ROWS + ",,,\n,,,\n")
    assert len(result.table) == 30
    assert [(item.code, item.count) for item in result.findings] == [("empty_row", 2)]


def test_repeated_headers_are_left_out_and_reported(tmp_path) -> None:
    """As a report prints them on each page; the columns of numbers stay numbers."""
    text = "deal,seats,plan\nA,3,Basic\ndeal,seats,plan\nB,4,plan\ndeal,seats,plan\nC,5,Pro\n"
    read = _read(tmp_path, text)

    assert read.table["seats"].tolist() == [3, 4, 5]
    assert read.table["plan"].tolist() == ["Basic", "plan", "Pro"]
    (finding,) = read.findings
    assert (finding.code, finding.count) == ("header_row", 2)
    assert "row 3" in str(finding)


@pytest.mark.parametrize(
    "line", ["Total Wine,pro,5,10\n", "D31,Total,5,10\n", "Total,pro,5,10\n", "D31,,,\n"]
)
def test_a_deal_that_looks_like_a_total_line_is_kept(tmp_path, line: str) -> None:
    result = _read(tmp_path, ROWS + line)
    assert len(result.table) == 31
    assert result.findings == ()


def test_a_word_for_totals_in_many_rows_is_a_level(tmp_path) -> None:
    rows = "".join(f"{word},,{n}\n" for n, word in enumerate(["Total", "Basic"] * 20))
    assert len(_read(tmp_path, "plan,note,n\n" + rows).table) == 40


def test_a_short_row_that_is_a_deal_is_an_error(tmp_path) -> None:
    with pytest.raises(
        DealsError, match=r"1 row\(s\) do not have the header's 4 fields; row 32 has 2"
    ):
        _read(tmp_path, ROWS + "D31,pro\n")


def test_the_header_is_the_first_row_by_default() -> None:
    assert header_index([["a", "b", "c"], ["1", "", ""], ["2", "", ""]]) == 0
    assert header_index([[], ["a", "b"], ["1", "2"]]) == 1
    assert header_index([["Report", "", ""], ["1", "2", "3"], ["4", "5", "6"]]) == 0
    assert header_index([["", ""], [" "]]) is None


def test_a_column_is_numeric_after_its_total_line_is_removed(tmp_path) -> None:
    result = _read(tmp_path, "n,a,b\n1,x,2\n2,y,3\nTotal,,5\n")
    pd.testing.assert_frame_equal(
        result.table, pd.DataFrame({"n": [1, 2], "a": ["x", "y"], "b": [2, 3]})
    )


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_blank_lines_between_rows_count_in_row_numbers(
    tmp_path: Path, ending: str, encoding: str
) -> None:
    """A spreadsheet shows blank lines, so a row number in a message agrees with the spreadsheet."""
    rows = [f"{n},pro,a" for n in range(5, 25)]
    top = ["Deals of 2024", "", "id,plan,note", "1,pro,a", ""]
    lines = [*top, '2,pro,"two\nlines"', "3,pro,c", "", "", "4,pro,d", *rows, ""]
    path = tmp_path / "deals.csv"
    path.write_bytes(ending.join(lines).replace("two\n", f"two{ending}").encode(encoding))
    result = read_file(path)

    assert result.table["id"].tolist() == list(range(1, 25))
    assert result.row_numbers.tolist() == [4, 6, 7, 10, *range(11, 31)]


# ---- the parts of the search, on rows and lines given by hand ----


@pytest.mark.parametrize(
    ("lines", "top"),
    [
        (["a,b,c\n", "1,2,3\n"], HeaderPosition(0, (), ",")),
        (["\n", " \n", "a;b;c\n", "1;2;3\n"], HeaderPosition(2, (), ";")),
        (["Deals\n", "a;b;c\n", "1;2;3\n", "4;5;6\n"], HeaderPosition(1, ("Deals",), ";")),
        (["Deals, all\n", "\n", "by Ann\n", "a\tb\tc\n", "1\t2\t3\n", "4\t5\t6\n"],
         HeaderPosition(3, ("Deals, all", "by Ann"), "\t")),
        (["a,b\n", "1,2\n", "3,4\n"], HeaderPosition(0, (), ",")),
        # Too narrow for titles.
        (["Report\n", "a,b\n", "1,2\n", "3,4\n"], HeaderPosition(0, (), ",")),
        ([], None),
        (["\n", "  \n"], None),
    ],
)  # fmt: skip
def test_the_header_is_found_below_the_titles(lines, top) -> None:
    assert find_top(lines) == top


def test_a_header_has_distinct_names_and_no_numbers() -> None:
    table = [["1", "2", "3", "4"]] * 3
    assert header_index([["Deals", "", "", ""], ["a", "b", "c", "d"], *table]) == 1
    assert header_index([["Deals", "", "", ""], ["a", "b", "c", "a"], *table]) == 0
    assert header_index([["Deals", "", "", ""], ["a", "b", "c", "7"], *table]) == 0
    assert header_index([["Deals", "", "", ""], ["a", "b", "", ""], *table]) == 1  # half is enough
    assert header_index([["Deals", "x", "", ""], ["a", "b", "c", "d"]]) == 0


def test_at_most_nineteen_title_rows_are_left_out() -> None:
    table = [["a", "b", "c"], *[["1", "2", "3"]] * 30]
    assert header_index([["title", "", ""]] * 19 + table) == 19
    assert header_index([["title", "", ""]] * 20 + table) == 0


@pytest.mark.parametrize(
    ("cells", "last", "is_sum"),
    [
        (["Total", "", "465"], False, True),
        (["Total", "7", "465"], False, False),
        (["Total", "7", "465"], True, True),
        (["", "Summe:", "465"], False, True),
        (["Total", "", "many"], False, False),
        (["Total deals", "", "465"], True, False),
        (["totals (all)", "", "1,234.50 €"], False, True),
    ],
)
def test_a_total_row_has_a_word_for_totals_and_otherwise_numbers(
    cells: list[str], last: bool, is_sum: bool
) -> None:
    rows = [[f"D{n}", "1", "2"] for n in range(20)]
    rows.insert(20 if last else 10, cells)
    table = pa.table([list(column) for column in zip(*rows, strict=True)], names=["a", "b", "c"])
    position = rows.index(cells)
    assert total_rows(table) == ([position] if is_sum else [])
    if last:  # a block of a longer table does not end it
        assert total_rows(table, is_end=False) == []


def test_the_word_for_totals_is_in_the_first_four_columns_of_at_most_a_tenth_of_the_rows() -> None:
    def table(position: int, sums: int) -> pa.Table:
        rows = [["x", "1", "2", "3", "4", "5"] for _ in range(20)]
        for row in range(sums):
            rows[row] = [""] * 6
            rows[row][position] = "Total"
        return pa.table([list(each) for each in zip(*rows, strict=True)], names=list("abcdef"))

    assert total_rows(table(3, 1)) == [0]
    assert total_rows(table(4, 1)) == []
    assert total_rows(table(0, 2)) == [0, 1]
    assert total_rows(table(0, 3)) == []


@pytest.mark.parametrize(
    ("fields", "is_sum"),
    [(["Total", "465"], True), (["Total"], True), ([], True), (["", " "], True),
     (["Summe", "1.234,5"], True), (["Total", "x"], False), (["D1", "465"], False)],
)  # fmt: skip
def test_a_short_row_is_recognised_as_a_total_line_by_its_fields(fields, is_sum: bool) -> None:
    assert is_total_line(fields) is is_sum


def test_removed_rows_are_counted_with_the_number_of_the_first() -> None:
    table = pa.table({
        "a": ["x", "", "Total", None, "y"], "b": ["1", " ", "", None, "2"],
        "c": ["1", "", "9", None, "3"],
    })  # fmt: skip
    left_out, findings = rows_left_out(table, np.array([2, 3, 5, 6, 7]))
    assert left_out.tolist() == [False, True, True, True, False]
    assert [(each.code, each.count, each.example) for each in findings] == [
        ("total_row", 1, "row 5: 'Total, 9'"),
        ("empty_row", 2, "row 3"),
    ]
    one = pa.table({"a": ["x", None, ""]})
    assert not rows_left_out(one, np.arange(3))[0].any()  # an empty cell is a missing value
    nothing = pa.table({"a": [None, ""], "b": ["", None]})
    assert not rows_left_out(nothing, np.arange(2))[0].any()


def test_titles_are_reported_with_the_first_one() -> None:
    finding = titles_finding(["Deals 2024", "by Ann"])
    assert (finding.code, finding.count) == ("title_row", 2)
    assert finding.example == "row 1: 'Deals 2024'"


@pytest.mark.parametrize(
    "word", ["Subtotal 2024-Q1", "Total for north", "小计\uff1a2024", "Summe: Q1"]
)
def test_a_sum_of_a_part_within_the_table_is_left_out(tmp_path, word: str) -> None:
    """The word says what was added up, and half of the cells are empty."""
    lines = ROWS.splitlines(keepends=True)
    result = _read(tmp_path, "".join([*lines[:16], f"{word},,,1200.5\n", *lines[16:]]))

    assert result.table["id"].tolist() == [f"D{n}" for n in range(1, 31)]
    assert [(each.code, each.count) for each in result.findings] == [("total_row", 1)]


@pytest.mark.parametrize(
    "row", ["Total Energies,pro,40,400.5", "Sum Up Ltd,,3,30", "Total Wine,pro,,"]
)
def test_a_customer_whose_name_begins_with_such_a_word_is_a_row(tmp_path, row: str) -> None:
    result = _read(tmp_path, f"{ROWS}{row}\nD31,pro,1,2.5\n")
    assert len(result.table) == 32
    assert result.findings == ()


GROUPED = "Account,Dates,,Size,\nid,signed,left,seats,acv\n" + "".join(
    f"D{n},2024-01-{n:02},2024-02-{n:02},{n},{n * 10}.5\n" for n in range(1, 29)
)


def test_names_of_groups_of_columns_above_the_header_are_left_out(tmp_path) -> None:
    result = _read(tmp_path, GROUPED)

    assert list(result.table.columns) == ["id", "signed", "left", "seats", "acv"]
    assert len(result.table) == 28
    assert [finding.code for finding in result.findings] == ["title_row"]


@pytest.mark.parametrize("header", ["id,signed,,seats,", "id,signed,left,seats,acv"])
def test_a_first_row_of_words_below_the_header_stays_a_row(tmp_path, header: str) -> None:
    """Nothing says that it is a header: its dates and numbers are only missing."""
    rows = "".join(f"D{n},2024-01-{n:02},,{n},\n" for n in range(1, 20))
    result = _read(tmp_path, f"{header}\nD0,open,x,none,y\n{rows}")
    assert len(result.table) == 20
    assert "title_row" not in [finding.code for finding in result.findings]
