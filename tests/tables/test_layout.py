"""Titles above a table and sums below it are not rows of it, and are said to be left out."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from fitmodel.exceptions import DealsError
from fitmodel.tables.files import read_file
from fitmodel.tables.layout import header_index

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


@pytest.mark.parametrize("word", ["Total", "TOTALS:", "Grand Total", "Summe", "Suma", "合计",
                                  "Total geral", "Sous-total", "Total (30 rows)"])  # fmt: skip
def test_a_line_of_sums_is_left_out_wherever_its_word_stands(tmp_path, word: str) -> None:
    for line in (f"{word},,465,4665.0\n", f",{word},465,4665.0\n", f"{word},,,\n"):
        result = _read(tmp_path, ROWS + line)
        assert len(result.table) == 30
        (finding,) = result.findings
        assert (finding.code, finding.count) == ("total_row", 1)
        assert "row 32" in finding.example


def test_subtotals_between_the_rows_leave_the_numbers_of_the_others_right(tmp_path) -> None:
    lines = ROWS.splitlines(keepends=True)
    text = "".join([*lines[:11], "Subtotal,,55,555\n", *lines[11:], "Total,,465,4665\n"])
    result = _read(tmp_path, text)
    assert len(result.table) == 30
    assert result.row_numbers.tolist() == [*range(2, 12), *range(13, 33)]


def test_short_lines_of_sums_and_a_note_at_the_end_are_left_out(tmp_path) -> None:
    result = _read(tmp_path, ROWS + "Total,465\nConfidential\n")
    assert len(result.table) == 30
    assert "2 short line(s)" in str(result.findings[0])


def test_rows_that_hold_nothing_are_left_out_and_said(tmp_path) -> None:
    result = _read(tmp_path, ROWS + ",,,\n,,,\n")
    assert len(result.table) == 30
    assert [(item.code, item.count) for item in result.findings] == [("empty_row", 2)]


@pytest.mark.parametrize(
    "line", ["Total Wine,pro,5,10\n", "D31,Total,5,10\n", "Total,pro,5,10\n", "D31,,,\n"]
)
def test_a_deal_that_only_looks_like_it_is_kept(tmp_path, line: str) -> None:
    result = _read(tmp_path, ROWS + line)
    assert len(result.table) == 31
    assert result.findings == ()


def test_a_word_for_sums_that_many_rows_have_is_a_level(tmp_path) -> None:
    rows = "".join(f"{word},,{n}\n" for n, word in enumerate(["Total", "Basic"] * 20))
    assert len(_read(tmp_path, "plan,note,n\n" + rows).table) == 40


def test_a_short_row_that_is_a_deal_is_still_an_error(tmp_path) -> None:
    with pytest.raises(
        DealsError, match=r"1 row\(s\) do not have the header's 4 fields; row 32 has 2"
    ):
        _read(tmp_path, ROWS + "D31,pro\n")


def test_the_header_is_the_first_row_where_nothing_says_otherwise() -> None:
    assert header_index([["a", "b", "c"], ["1", "", ""], ["2", "", ""]]) == 0
    assert header_index([[], ["a", "b"], ["1", "2"]]) == 1
    assert header_index([["Report", "", ""], ["1", "2", "3"], ["4", "5", "6"]]) == 0
    assert header_index([["", ""], [" "]]) is None


def test_a_number_below_a_sum_is_a_number_again(tmp_path) -> None:
    result = _read(tmp_path, "n,a,b\n1,x,2\n2,y,3\nTotal,,5\n")
    pd.testing.assert_frame_equal(
        result.table, pd.DataFrame({"n": [1, 2], "a": ["x", "y"], "b": [2, 3]})
    )


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_blank_lines_between_rows_count_as_rows_of_the_sheet(
    tmp_path: Path, ending: str, encoding: str
) -> None:
    """A spreadsheet shows them, so the row that a message names is found where it says."""
    rows = [f"{n},pro,a" for n in range(5, 25)]
    top = ["Deals of 2024", "", "id,plan,note", "1,pro,a", ""]
    lines = [*top, '2,pro,"two\nlines"', "3,pro,c", "", "", "4,pro,d", *rows, ""]
    path = tmp_path / "deals.csv"
    path.write_bytes(ending.join(lines).replace("two\n", f"two{ending}").encode(encoding))
    result = read_file(path)

    assert result.table["id"].tolist() == list(range(1, 25))
    assert result.row_numbers.tolist() == [4, 6, 7, 10, *range(11, 31)]
