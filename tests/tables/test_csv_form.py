"""A quote that is never closed loses no row unseen, and a header is read as people write it."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from fitmodel.exceptions import DealsError
from fitmodel.tables.csv_form import column_names, header_fields, separator_of
from fitmodel.tables.files import read_table

ROWS = ["id,note,place"] + [f'{number},"a, b\nc",x' for number in range(5)]  # two lines a row


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("end", ["", "\n", "\r\n\r\n"])
@pytest.mark.parametrize("field", [0, 2])
def test_a_quote_that_is_never_closed_refuses_the_file_and_names_its_line(
    tmp_path: Path, field: int, end: str, packed: bool
) -> None:
    spoiled = ['"2,x,y', "", '2,x,"y'][field]
    content = ("\n".join([*ROWS[:3], spoiled, "3,x,y", "4,5 inch,y"]) + end).encode()
    path = tmp_path / "deals.csv"
    path.write_bytes(gzip.compress(content) if packed else content)

    with pytest.raises(DealsError, match=r"opens on line 6 and is never closed.*Remedy: close it"):
        read_table(path)


@pytest.mark.parametrize("end", ["", "\n", '\n9,"z\n\n",w', '\n9,w,"z\n\n"\n'])
def test_a_quoted_line_break_is_a_value_wherever_it_stands(tmp_path: Path, end: str) -> None:
    path = tmp_path / "deals.csv"
    path.write_text("\n".join(ROWS) + end, encoding="utf-8", newline="")

    read = read_table(path)

    expected = pd.read_csv(path, dtype=str)["note"].str.strip()
    assert read["note"].tolist() == expected.tolist()


def test_a_quote_inside_a_value_is_a_character(tmp_path: Path) -> None:
    path = tmp_path / "deals.csv"
    path.write_text('id,size\n1,5" pipe\n2,"6"" pipe"\n3,7"', encoding="utf-8")

    assert read_table(path)["size"].tolist() == ['5" pipe', '6" pipe', '7"']


def test_a_quote_left_open_in_the_header_is_one_too(tmp_path: Path) -> None:
    path = tmp_path / "deals.csv"
    path.write_text('\nid,"size\n1,secret\n', encoding="utf-8")

    with pytest.raises(DealsError, match="opens on line 2 and is never closed") as caught:
        read_table(path)
    assert "secret" not in str(caught.value)


def test_a_header_is_what_its_fields_say_without_blanks_and_every_column_has_a_name() -> None:
    fields, lines = header_fields(['"a\n', 'b", c,\n', "1,2,3\n"], ",")

    assert (fields, lines) == (["a\nb", " c", ""], 2)
    assert column_names([" a", "b\t", "", " "]) == ["a", "b", "Unnamed: 2", "Unnamed: 3"]
    assert separator_of('"a;b;c",d') == ","
