"""1.234 among integers is 1234 if the file has decimal commas, otherwise 1.234 with a warning."""

from __future__ import annotations

from pathlib import Path

import pytest

from fitmodel.checking import check_deals
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.reading import read_deals
from fitmodel.tables._csv_files import read_csv_file, spool_csv_file
from fitmodel.tables.files import FileTable
from fitmodel.tables.values import NumberForm

SEATS = ["1.234", "950", "2.500", "", "12.000"]


def _read(path: Path) -> FileTable:
    return read_csv_file(path, path.read_bytes())


def _file(folder: Path, price: list[str], seats: list[str], separator: str = ";") -> Path:
    lines = [("price", "seats"), *zip(price, seats, strict=True)]
    path = folder / "deals.csv"
    path.write_text("\n".join(separator.join(line) for line in lines), encoding="utf-8")
    return path


def test_points_separate_thousands_if_another_column_has_decimal_commas(tmp_path: Path) -> None:
    path = _file(tmp_path, ["12,5", "3", "0,75", "8", "9"], SEATS)
    read = _read(path)

    assert read.table["price"].tolist() == [12.5, 3, 0.75, 8, 9]
    assert read.table["seats"].dropna().tolist() == [1234, 950, 2500, 12000]
    assert read.forms.numbers["seats"] == NumberForm(decimal=",", thousands=".")
    (finding,) = read.findings
    assert (finding.code, finding.column, finding.count) == ("thousands", "seats", 3)
    assert "3 row(s) are read with points as thousands separators: '1.234' is 1234" in str(finding)
    on_disk = spool_csv_file(path, path.read_bytes())
    assert on_disk.table.column("seats").to_pylist()[:3] == [1234, 950, 2500]
    assert on_disk.findings == read.findings


def test_without_decimal_commas_the_point_is_decimal_with_a_finding(
    tmp_path: Path,
) -> None:
    read = _read(_file(tmp_path, ["12", "3", "1", "8", "9"], SEATS))

    assert read.table["seats"].dropna().tolist() == [1.234, 950, 2.5, 12]
    assert "seats" not in read.forms.numbers
    (finding,) = read.findings
    assert finding.code == "unclear_points"
    assert "read as decimal fractions: '1.234' may also mean 1234" in str(finding)
    assert "write the numbers without it (1234)" in finding.remedy


@pytest.mark.parametrize(
    "seats",
    [
        ["1.234", "950.5", "2.500", "1", "2"],
        ["0.125", "1.250", "3.500", "1", "2"],
        ["1.2345", "950", "1", "1", "2"],
        ["1234", "950", "1", "1", "2"],
        ["1.5e3", "950", "1.250", "1", "2"],
    ],
)
def test_a_number_possible_only_with_a_decimal_point_settles_the_column(
    tmp_path: Path, seats: list[str]
) -> None:
    read = _read(_file(tmp_path, ["12,5", "3", "0,75", "8", "9"], seats))

    assert read.table["seats"].tolist() == [float(cell) for cell in seats]
    assert read.findings == ()


def test_in_a_file_separated_by_commas_a_point_is_decimal(tmp_path: Path) -> None:
    seats = ["1.234", "950", "2.5", "", "12.001"]
    read = _read(_file(tmp_path, ["12", "3", "1", "8", "9"], seats, separator=","))

    assert read.table["seats"].dropna().tolist() == [1.234, 950, 2.5, 12.001]
    assert read.findings == ()


def test_zeros_at_the_end_show_that_points_may_separate_thousands(tmp_path: Path) -> None:
    """Programs write numbers without a zero at the end, in any file."""
    read = _read(_file(tmp_path, ["12", "3", "1", "8", "9"], SEATS, separator=","))

    assert read.table["seats"].dropna().tolist() == [1.234, 950, 2.5, 12]
    (finding,) = read.findings
    assert (finding.code, finding.column, finding.count) == ("unclear_points", "seats", 3)
    rates = ["0.250", "950", "2.500", "", "12.000"]  # 0.250 can only be a fraction
    assert _read(_file(tmp_path, ["1"] * 5, rates, separator=",")).findings == ()


def test_the_check_has_a_code_and_deals_are_read_in_thousands(tmp_path: Path) -> None:
    company = simulate_deals(300, seed=5)
    rows = range(len(company.deals))
    table = company.deals.assign(
        fee=[f"{row % 9},5" for row in rows], users=[("1.200", "900")[row % 2] for row in rows]
    )
    path = tmp_path / "deals.csv"
    table.to_csv(path, sep=";", index=False)

    assert set(read_deals(path, company.spec)["users"]) == {900, 1200}
    (result,) = [each for each in check_deals(path, company.spec).results if each.code == "FM327"]
    assert (result.column, result.level) == ("users", "note")


def test_the_check_warns_if_the_meaning_of_the_point_is_unclear(tmp_path: Path) -> None:
    company = simulate_deals(300, seed=5)
    path = tmp_path / "deals.csv"
    table = company.deals.assign(users=["1.200", "900"] * (len(company.deals) // 2))
    table.to_csv(path, sep=";", index=False)

    results = check_deals(path, company.spec).results
    assert ("users", "warning") in {
        (each.column, each.level) for each in results if each.code == "FM327"
    }
