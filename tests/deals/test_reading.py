"""A valid table of deals is read; the problems of an invalid one are reported together."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.reading import read_deals, read_table, with_unique_index
from fitmodel.exceptions import DealsError

SPEC = DealSpec(
    deals={
        "id": "id",
        "closed_on": "closed",
        "churned_on": "churned",
        "observed_until": "2024-12-31",
        "amount": "value",
    }
)
GOOD = pd.DataFrame(
    {
        "id": ["007", "008", "009"],
        "closed": ["2024-01-05", "2024-02-05", "2024-03-05"],
        "churned": ["2024-02-01", None, None],
        "value": ["1,200", "$900", None],
        "segment": ["smb", "none", "mid"],
    }
)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_the_separator_and_a_byte_order_mark_are_detected(
    tmp_path: Path, separator: str, encoding: str
) -> None:
    path = tmp_path / "deals.csv"
    GOOD.to_csv(path, index=False, sep=separator, encoding=encoding)
    deals = read_deals(path, SPEC)
    assert deals["closed"].tolist() == [pd.Timestamp(day) for day in GOOD["closed"]]
    assert deals["churned"].notna().tolist() == [True, False, False]
    assert deals["segment"].tolist() == ["smb", "none", "mid"]


def test_a_frame_keeps_its_index_is_not_changed_and_can_be_read_twice() -> None:
    frame = GOOD.set_axis(["a", "b", "c"])
    before = frame.copy()
    deals = read_deals(frame, SPEC)
    pd.testing.assert_frame_equal(frame, before)
    assert deals.index.tolist() == ["a", "b", "c"]
    assert deals["value"].tolist()[:2] == [1200.0, 900.0]
    pd.testing.assert_frame_equal(read_deals(deals, SPEC), deals)


@pytest.mark.parametrize(
    ("texts", "second"),
    [
        (["05.01.2024", "31.01.2024", "05.03.2024"], "2024-01-31"),
        (["01/05/2024", "01/31/2024", "03/05/2024"], "2024-01-31"),
        (["45296", "45322", "45356"], "2024-01-31"),
        (["2024-01-05T10:00:00Z", "2024-01-31 23:59:00+00:00", "2024-03-05"], "2024-01-31"),
    ],
)
def test_dates_are_read_in_one_format_for_the_whole_column(texts, second) -> None:
    deals = read_deals(GOOD.assign(closed=texts, churned=[None, "2024-03-01", None]), SPEC)
    assert deals["closed"].iloc[1] == pd.Timestamp(second)


def test_all_errors_are_reported_together_with_count_example_and_remedy() -> None:
    bad = GOOD.assign(
        id=["7", "7", "9"],
        closed=["2024-01-05", "soon", "2025-03-05"],
        churned=["2024-01-04", None, None],
        value=["many", "1", "2"],
    )
    with pytest.raises(DealsError, match=r"problem\(s\) in the deals") as caught:
        read_deals(bad, SPEC)
    text = str(caught.value)
    for part in (
        "repeat the id",
        "are not dates",
        "row 1: 'soon'",
        "observed_until",
        "many",
        "are before closing",
    ):
        assert part in text
    assert text.count("Remedy") >= 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"churned": ["2023-12-01", None, None]}, "1 row.s. are before closing"),
        ({"churned": None}, "no early churner"),
        ({"closed": "2024-12-30", "churned": None}, "no deal is mature"),
        ({"segment": None, "value": None}, "every value is empty.*no other attribute is left"),
    ],
)
def test_contradictions_are_named(change, message) -> None:
    with pytest.raises(DealsError, match=message):
        read_deals(GOOD.assign(**change), SPEC)


def test_a_missing_column_shows_the_nearest_name() -> None:
    with pytest.raises(
        DealsError, match=r"closed: there is no such column.*did you mean 'closed_'"
    ):
        read_deals(GOOD.rename(columns={"closed": "closed_"}), SPEC)


def test_a_column_that_is_the_index_of_the_table_is_said_to_be_so() -> None:
    with pytest.raises(
        DealsError, match=r"id: there is no such column.*call reset_index\(\) first"
    ):
        read_deals(GOOD.set_index("id"), SPEC)


@pytest.mark.parametrize(
    ("source", "kind", "remedy"),
    [(pa.Table.from_pandas(GOOD), "pyarrow.Table", "call its to_pandas()"),
     (GOOD.to_dict("records"), "list", "make a pandas.DataFrame of it")],
)  # fmt: skip
def test_tables_of_other_libraries_are_refused_with_what_to_call(source, kind, remedy) -> None:
    with pytest.raises(DealsError) as caught:
        read_deals(source, SPEC)
    assert f"not {kind}. Remedy: {remedy}." in str(caught.value)


def test_one_row_is_not_enough() -> None:
    with pytest.raises(DealsError, match=r"the table has 1 row"):
        read_deals(GOOD.head(1), SPEC)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "blank lines"),
        (b"a,b\n", "no rows"),
        (b"a,a\n1,2\n", "more than one column named"),
        ("name\nMüller\n".encode() * 3 + b"M\xfcller\n", "not UTF-8 text: byte 0xfc"),
    ],
)
def test_files_that_are_not_tables_are_refused_with_the_reason(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "deals.csv"
    path.write_bytes(content)
    with pytest.raises(DealsError, match=message):
        read_table(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DealsError, match="there is no file"):
        read_table(tmp_path / "absent.csv")
    with pytest.raises(DealsError, match="is a folder"):
        read_table(tmp_path)


def test_a_parquet_file_is_read_like_the_frame_it_was_written_from(tmp_path: Path) -> None:
    GOOD.to_parquet(tmp_path / "deals.parquet")
    pd.testing.assert_frame_equal(
        read_deals(tmp_path / "deals.parquet", SPEC), read_deals(GOOD, SPEC), check_dtype=False
    )


@pytest.mark.parametrize(("yes", "no"), [("Yes", "no"), ("1.0", "0"), ("ja", "nein"), ("是", "否")])
def test_the_churn_flag_is_read_in_any_spelling(yes: str, no: str) -> None:
    spec = DealSpec(deals={"tenure_months": "months", "churned": "left"})
    table = pd.DataFrame({"months": [2, 9, 9], "left": [yes, no, no], "seats": [1, 2, 3]})
    assert read_deals(table, spec)["left"].tolist() == [True, False, False]
    with pytest.raises(DealsError, match=r"left: 1 row\(s\) are neither yes nor no.*maybe"):
        read_deals(table.assign(left=[yes, no, "maybe"]), spec)


def test_complex_numbers_are_reported_as_an_error() -> None:
    with pytest.raises(DealsError, match="segment: .*complex number.*Remedy"):
        read_deals(GOOD.assign(segment=[1 + 2j, 3 + 1j, 2j]), SPEC)


def test_a_parquet_with_a_broken_page_is_a_deals_error(tmp_path: Path) -> None:
    path = tmp_path / "deals.parquet"
    GOOD.to_parquet(path, compression=None)
    whole = path.read_bytes()
    at = whole.index(b"smb")
    path.write_bytes(whole[:at] + b"\xff\xfe\xfd" + whole[at + 3 :])
    with pytest.raises(DealsError, match="cannot be read as Parquet"):
        read_table(path)


def test_running_out_of_memory_is_not_reported_as_an_error_of_the_file(
    tmp_path: Path, monkeypatch
) -> None:
    GOOD.to_parquet(tmp_path / "deals.parquet")

    def too_much(_path: Path) -> None:
        raise pa.ArrowMemoryError("malloc of size 51249152 failed")

    monkeypatch.setattr("pyarrow.parquet.read_table", too_much)
    with pytest.raises(MemoryError):
        read_table(tmp_path / "deals.parquet")


def test_rows_are_renumbered_only_if_the_index_has_duplicates() -> None:
    distinct = GOOD.set_axis(GOOD.index + 7)
    assert with_unique_index(distinct) is distinct
    twice = pd.concat([GOOD, distinct, GOOD])
    assert with_unique_index(twice).index.tolist() == list(range(len(twice)))
    assert with_unique_index(twice)["segment"].tolist() == twice["segment"].tolist()
