"""Reading tables from Excel workbooks."""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from openpyxl import Workbook, load_workbook

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.reading import read_deals
from fitmodel.exceptions import DealsError, ProspectError
from fitmodel.scoring.tables import open_source
from fitmodel.tables.files import read_file, read_table

HEADER = ["id", "signed", "left", "seats", "acv", "crm", "region"]
ROWS = [
    [f"D{n}", dt.datetime(2024, 1, 1 + n), dt.datetime(2024, 3, 5) if n % 3 == 0 else None,  # noqa: DTZ001
     10 + n, 100.5 * n, bool(n % 2), ["NA", "EU", "APAC"][n % 3]]
    for n in range(12)
]  # fmt: skip
SPEC = DealSpec(
    deals={"id": "id", "closed_on": "signed", "churned_on": "left", "observed_until": "2025-06-30",
           "amount": "acv"}
)  # fmt: skip


def _book(path, **sheets: list[list[object]]):
    workbook = Workbook()
    workbook.remove(workbook.active)
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(row)
    workbook.save(path)
    return path


def test_cells_have_their_types(tmp_path) -> None:
    table = read_table(_book(tmp_path / "x.xlsx", Deals=[HEADER, *ROWS]))
    expected = pd.DataFrame(ROWS, columns=HEADER)
    pd.testing.assert_frame_equal(table, expected, check_dtype=False)
    assert table.dtypes.astype(str).tolist() == ["str", "datetime64[us]", "datetime64[us]",
                                                 "int64", "float64", "bool", "str"]  # fmt: skip


def test_a_sheet_gives_the_same_deals_as_a_csv_file(tmp_path) -> None:
    rows = [[*row[:5], "yes" if row[5] else "no", row[6]] for row in ROWS]
    workbook = _book(tmp_path / "x.xlsx", Deals=[HEADER, *rows])
    pd.DataFrame(rows, columns=HEADER).to_csv(tmp_path / "x.csv", index=False)
    one, other = (read_deals(path, SPEC) for path in (workbook, tmp_path / "x.csv"))
    pd.testing.assert_frame_equal(one, other, check_dtype=False)


def test_title_and_total_rows_are_left_out_and_rows_keep_their_numbers(tmp_path) -> None:
    total = ["Total", None, None, 186, 6633.0, None, None]
    rows = [["My deals"], ["of 2024"], [], HEADER, *ROWS, total]
    result = read_file(_book(tmp_path / "x.xlsx", Deals=rows))
    assert len(result.table) == 12
    assert result.row_numbers.tolist() == list(range(5, 17))
    assert [finding.code for finding in result.findings] == ["title_row", "total_row"]


def test_the_first_sheet_with_a_table_is_read_unless_a_sheet_is_named(tmp_path) -> None:
    workbook = _book(tmp_path / "x.xlsx", Notes=[["read me"]], Deals=[HEADER, *ROWS],
                 More=[["a", "b"], [1, 2]])  # fmt: skip
    result = read_file(workbook)
    assert result.table.columns.tolist() == HEADER
    assert "'Deals' was read, not 'More'" in str(result.findings[0])
    assert read_table(workbook, sheet="More").to_dict("list") == {"a": [1], "b": [2]}
    named = SPEC.replace(reading={"sheet": "Deals"})
    assert len(read_deals(workbook, named)) == 12
    with pytest.raises(DealsError, match="no sheet 'X'; it has 'Notes', 'Deals', 'More'"):
        read_table(workbook, sheet="X")


def test_sheets_with_the_same_columns_are_said_to_be_missing(tmp_path) -> None:
    """One sheet for each year: only the first is read."""
    years = _book(tmp_path / "x.xlsx", **{"2024": [HEADER, *ROWS], "2025": [HEADER, *ROWS],
                                          "Notes": [["a", "b"], [1, 2]]})  # fmt: skip
    (finding, *_) = read_file(years).findings

    assert "'2024' was read, not '2025', 'Notes'. 1 of them have the same columns" in str(finding)
    assert "Remedy: copy the rows of all these sheets into one" in str(finding)


def test_serial_numbers_and_words_in_date_columns_are_read(tmp_path) -> None:
    zero = dt.datetime(1899, 12, 30)  # noqa: DTZ001
    rows = [[row[0], (row[1] - zero).days, row[2] or "Active", *row[3:]] for row in ROWS]
    deals = read_deals(_book(tmp_path / "x.xlsx", Deals=[HEADER, *rows]), SPEC)
    assert deals["signed"].tolist() == [pd.Timestamp(row[1]) for row in ROWS]
    assert deals["left"].notna().tolist() == [row[2] is not None for row in ROWS]


def test_a_damaged_or_empty_workbook_is_refused(tmp_path) -> None:
    for start in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        (tmp_path / "x.xlsx").write_bytes(start + b"junk" * 99)
        with pytest.raises(DealsError, match="spreadsheet or zip that cannot be opened.*Remedy"):
            read_table(tmp_path / "x.xlsx")
    with pytest.raises(DealsError, match="no sheet with a header and rows"):
        read_table(_book(tmp_path / "y.xlsx", Deals=[["a", "b"]]))


def test_a_workbook_in_the_old_xls_format_is_read() -> None:
    """`contracts.xls` is BIFF8 (Excel 97), written with xlwt 1.3: titles, dates, total, note."""
    result = read_file(Path(__file__).parent / "data" / "contracts.xls")
    numbers = range(30)
    signed = [dt.datetime(2024, 1 + n % 12, 1 + n % 27) for n in numbers]  # noqa: DTZ001 - days
    left = [day + dt.timedelta(days=60 + 10 * n) for n, day in enumerate(signed)]

    assert result.table["Vertragsnummer"].tolist() == [f"V-{n:03}" for n in numbers]
    assert result.table["Vertragsbeginn"].tolist() == signed
    gone = result.table["Kündigungsdatum"]
    assert gone.dropna().tolist() == left[::3]
    assert gone.notna().tolist() == [n % 3 == 0 for n in numbers]
    assert result.table["Branche"].tolist() == ["NA", "EU", "APAC"] * 10
    assert result.table["Jahreswert"].tolist() == [1000.5 + n for n in numbers]
    assert result.table["Aktiv"].tolist() == [n % 3 != 0 for n in numbers]
    assert result.row_numbers.tolist() == list(range(5, 35))
    assert [each.code for each in result.findings] == ["title_row", "total_row"]


def test_deals_are_read_from_the_old_xls_format() -> None:
    spec = DealSpec(
        deals={"id": "Vertragsnummer", "closed_on": "Vertragsbeginn", "amount": "Jahreswert",
               "churned_on": "Kündigungsdatum", "observed_until": "2025-12-31"}
    )  # fmt: skip
    deals = read_deals(Path(__file__).parent / "data" / "contracts.xls", spec)

    assert (len(deals), int(deals["Kündigungsdatum"].notna().sum())) == (30, 10)


def test_cells_merged_over_rows_have_their_value_in_each_row(tmp_path) -> None:
    """A person who merges the cells of a region means the region of all these rows."""
    rows = [[["north", "south"][n >= 5], f"D{n}", n] for n in range(12)]
    path = _book(tmp_path / "x.xlsx", Deals=[["region", "id", "seats"], *rows])
    book = load_workbook(path)
    book["Deals"].merge_cells("A2:A6")
    book["Deals"].merge_cells("A7:A13")
    book["Deals"]["E1"] = None
    book.save(path)
    result = read_file(path)

    assert (
        pd.read_excel(path, engine="openpyxl")["region"].notna().sum() == 2
    )  # what the file holds
    assert result.table["region"].tolist() == [row[0] for row in rows]
    assert result.table["id"].tolist() == [row[1] for row in rows]
    finding = next(each for each in result.findings if each.code == "merged_cells")
    assert str(finding).startswith("10 cell(s) are merged")


def test_a_merged_title_is_no_row_of_values(tmp_path) -> None:
    path = _book(tmp_path / "x.xlsx", Deals=[["Our deals"], HEADER, *ROWS])
    book = load_workbook(path)
    book["Deals"].merge_cells("A1:G1")
    book.save(path)
    result = read_file(path)

    assert len(result.table) == 12
    assert "merged_cells" not in {each.code for each in result.findings}


def test_merged_cells_below_all_rows_are_left_alone(tmp_path) -> None:
    path = _book(tmp_path / "x.xlsx", Deals=[HEADER, *ROWS])
    book = load_workbook(path)
    book["Deals"].merge_cells("A40:A45")
    book.save(path)

    assert len(read_file(path).table) == 12


# ---- formulas ----


def _rewritten(path: Path, part: str, *changes: tuple[str, str]) -> Path:
    """Change texts of a file inside a workbook, as another program would have written it."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for pattern, new in changes:
        parts[part] = re.sub(pattern.encode(), new.encode(), parts[part])
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def _with_formulas(path: Path, *, value: str = "<v />", on_load: bool = True) -> Path:
    rows = [[*row[:4], f"=D{n + 2}*12", *row[5:]] for n, row in enumerate(ROWS)]
    other = [["name", "sum"], ["a", "=1+1"]]
    _book(path, **{"Deals & more": [HEADER, *rows], "Other": other})
    if not on_load:
        _rewritten(path, "xl/workbook.xml", (' fullCalcOnLoad="1"', ""))
    return _rewritten(path, "xl/worksheets/sheet1.xml", (r"</f><v ?/>", f"</f>{value}"))


@pytest.mark.parametrize("value", ["<v />", "<v></v>", "", "<v>0</v>", "<v>0.0</v>"])
def test_formulas_that_were_never_calculated_are_refused(tmp_path, value: str) -> None:
    """The library openpyxl stores no value, others 0 or 0.0; all ask to calculate when opened."""
    with pytest.raises(DealsError) as caught:
        read_file(_with_formulas(tmp_path / "x.xlsx", value=value))
    assert "sheet 'Deals & more': formulas have no calculated value" in str(caught.value)
    assert "\n  acv: 12 cell(s), for example E2 =D2*12\nRemedy: open" in str(caught.value)


def test_a_prefix_and_shared_formulas_are_read_too(tmp_path) -> None:
    path = _with_formulas(tmp_path / "x.xlsx")
    changes = (r"<(/?)(?=[cfv]\b)", r"<\1x:"), (r"<x:f>D3\*12</x:f>", '<x:f t="shared" si="0"/>')
    _rewritten(
        path,
        "xl/worksheets/sheet1.xml",
        *changes,
        (
            "<worksheet ",
            '<worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main" ',
        ),
    )
    with pytest.raises(DealsError, match=r"acv: 12 cell\(s\)"):
        read_file(path)


def test_calculated_formulas_are_read_as_their_values(tmp_path) -> None:
    """Also 0 where the program did not ask to calculate, and an empty text."""
    known = _with_formulas(tmp_path / "known.xlsx", value="<v>1200</v>")
    zero = _with_formulas(tmp_path / "zero.xlsx", value="<v>0</v>", on_load=False)
    empty = _with_formulas(tmp_path / "empty.xlsx", value="<v></v>")
    _rewritten(empty, "xl/worksheets/sheet1.xml", (r'(r="E\d+")><f>', r'\1 t="str"><f>'))

    assert set(read_table(known)["acv"]) == {1200}
    assert set(read_table(zero)["acv"]) == {0}
    assert read_table(empty)["acv"].isna().all()


def test_a_formula_with_its_value_as_inline_text_is_calculated(tmp_path) -> None:
    path = _with_formulas(tmp_path / "x.xlsx", value="<is><t>1200</t></is>")
    _rewritten(path, "xl/worksheets/sheet1.xml", (r'(r="E\d+")><f>', r'\1 t="inlineStr"><f>'))

    assert set(read_table(path)["acv"]) == {"1200"}


def test_formulas_in_titles_sums_and_other_sheets_do_not_matter(tmp_path) -> None:
    rows = [["My deals", "=1+1"], [], HEADER, *ROWS, ["Total", None, None, "=SUM(D2:D13)", 6633.0]]
    path = _book(tmp_path / "x.xlsx", Deals=rows, Other=[["name", "sum"], ["a", "=1+1"]])

    assert len(read_table(path)) == 12
    with pytest.raises(DealsError, match=r"sheet 'Other'.*(?s:.)*sum: 1 cell"):
        read_file(path, sheet="Other")


def test_prospects_with_formulas_that_were_never_calculated_are_refused(tmp_path) -> None:
    path = _with_formulas(tmp_path / "x.xlsx")
    with (
        pytest.raises(ProspectError, match=r"acv: 12 cell\(s\)"),
        open_source(path, 100) as source,
    ):
        list(source.chunks)
