"""The choice of columns from names and content."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from fitmodel.exceptions import ProspectError
from fitmodel.learning.columns import CategoryColumn, NumberColumn, column_from_dict
from fitmodel.learning.encoding import (
    EncodingOptions,
    _shortest_between,
    column_codes,
    encode,
    fit_columns,
    quantile_cuts,
)

RANDOM = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "seats": RANDOM.poisson(30, 400).astype(float),
        "text_numbers": RANDOM.normal(size=400).round(2).astype(str),
        "segment": RANDOM.choice(["smb", "mid"], 400),
        "crm": RANDOM.choice(["Yes", "no"], 400),
        "plan_code": RANDOM.choice([1001, 1002, 2001], 400),
        "price_list": RANDOM.choice([110, 230, 560], 400),
        "empty": np.nan,
    }
)


def test_the_kind_of_a_column_follows_from_content_and_name() -> None:
    kinds = {column.name: column for column in fit_columns(FRAME, EncodingOptions())}
    assert isinstance(kinds["seats"], NumberColumn)
    assert isinstance(kinds["text_numbers"], NumberColumn)
    assert isinstance(kinds["segment"], CategoryColumn)
    assert kinds["crm"] == CategoryColumn("crm", {"no": 1, "yes": 2}, is_flag=True)
    assert isinstance(kinds["plan_code"], CategoryColumn)
    assert isinstance(kinds["price_list"], CategoryColumn)


def test_the_contract_can_force_a_kind() -> None:
    options = EncodingOptions(categorical=("seats",), numeric=("plan_code",))
    kinds = {column.name: column.kind for column in fit_columns(FRAME, options)}
    assert (kinds["seats"], kinds["plan_code"]) == ("category", "number")


def test_row_order_changes_neither_columns_nor_codes() -> None:
    columns = fit_columns(FRAME, EncodingOptions())
    shuffled = FRAME.sample(frac=1, random_state=1)
    assert fit_columns(shuffled, EncodingOptions())[:-1] == columns[:-1]
    codes = pd.DataFrame(encode(columns, FRAME), index=FRAME.index)
    again = pd.DataFrame(encode(columns, shuffled), index=shuffled.index)
    pd.testing.assert_frame_equal(codes, again.sort_index())


def test_text_in_a_number_column_names_column_count_and_example() -> None:
    columns = fit_columns(FRAME, EncodingOptions())
    wrong = FRAME.astype({"seats": object})
    wrong.loc[3:4, "seats"] = "many"
    with pytest.raises(ProspectError, match=r"seats: 2 value\(s\).*'many' in row 3"):
        encode(columns, wrong)


def test_cuts_ascend_and_leave_enough_deals_in_every_bin() -> None:
    values = np.sort(RANDOM.exponential(size=1000))
    cuts = quantile_cuts(values, 20, min_count=5)
    counts = np.bincount(np.searchsorted(cuts, values, side="right"))
    assert list(cuts) == sorted(set(cuts))
    assert len(cuts) == 19
    assert counts.min() >= 5


def test_rare_levels_share_a_code() -> None:
    levels = pd.DataFrame({"page": ["a"] * 50 + ["b"] * 50 + ["c", "d", "e"]})
    (column,) = fit_columns(levels, EncodingOptions())
    assert isinstance(column, CategoryColumn)
    assert [column.code(level) for level in "abcdef"] == [1, 2, 3, 3, 3, 4]


def test_the_name_of_a_rare_level_is_not_stored() -> None:
    pages = ["a"] * 50 + ["b"] * 50 + ["Miller Ltd", "Smith & Sons", "Smith & Sons", "12345"]
    (column,) = fit_columns(pd.DataFrame({"page": pages}), EncodingOptions())
    assert isinstance(column, CategoryColumn)
    assert column.named == ["a", "b"]
    assert "Miller" not in json.dumps(column.to_dict())
    again = column_from_dict(json.loads(json.dumps(column.to_dict())))
    for value in ("Miller Ltd", " Smith & Sons ", "12345", 12345, 12345.0, "12345.0"):
        assert again.code(value) == column.code(value) == 3
    assert again.code("Nobody Ltd") == 4


def test_only_a_date_is_marked_as_a_date() -> None:
    frame = pd.DataFrame({"seats": [1.0, 2.0, 3.0], "signed": [10.0, 20.0, 30.0]})
    seats, signed = fit_columns(frame, EncodingOptions(dates=("signed",), min_level_count=1))
    assert (seats.is_date, signed.is_date) == (False, True)
    assert (seats.low, seats.high) == (1.0, 3.0)


def test_bins_have_medians_as_centres_and_cuts_with_few_digits() -> None:
    values = pd.Series([1.0, 1, 2, 2, 10, 10, 10, 1000], name="seats")
    (column,) = fit_columns(values.to_frame(), EncodingOptions(min_level_count=2, max_bins=4))
    assert column.cuts == (2.0, 6.0), "a value equal to a cut belongs above it"
    assert column.centres == (1.0, 2.0, 10.0)


@pytest.mark.parametrize(
    ("values", "bins", "min_count", "cuts"),
    [
        ([1, 2, 3, 4], 1, 1, ()),
        ([5, 5, 5, 5], 4, 1, ()),
        ([1, 2, 3, 4], 2, 1, (2.5,)),
        ([1, 2, 3, 4], 4, 1, (2.0, 2.5, 4.0)),
        ([1, 2, 3, 4], 4, 2, (2.5,)),
        ([1, 2, 3, 4], 4, 3, ()),
        ([1, 1, 1, 9], 2, 1, (5.0,)),
        ([1, 2, 2, 2, 2, 2, 2, 3], 3, 2, ()),
        ([1, 1, 2, 2, 2, 2, 3, 3], 3, 2, (2.0, 2.5)),
        ([1, 1, 1, 9], 2, 2, ()),
        ([0.1234, 0.1234, 0.12345, 0.12345], 2, 1, (0.12343,)),
    ],
)
def test_cuts_lie_between_distinct_values_and_leave_enough_deals_on_both_sides(
    values: list[float], bins: int, min_count: int, cuts: tuple[float, ...]
) -> None:
    result = quantile_cuts(np.array(values, dtype=float), bins, min_count=min_count)
    assert result == pytest.approx(cuts)


def test_between_floats_without_a_shorter_number_the_upper_one_is_the_cut() -> None:
    below = 0.1 + 0.2
    above = np.nextafter(below, 1.0)
    assert below < _shortest_between(below, above) <= above
    assert _shortest_between(1.0, 100.0) == 50.0
    assert _shortest_between(-3.0, -1.0) == -2.0


def test_numbers_without_a_value_are_missing_in_every_column() -> None:
    (empty,) = fit_columns(pd.DataFrame({"n": [np.nan, np.nan]}), EncodingOptions(numeric=("n",)))
    assert empty.size == 1
    assert np.isnan(empty.low)
    codes, bad = column_codes(empty, pd.Series([np.nan, 3.0, "many"], dtype=object))
    assert codes.tolist() == [0, 1, 0]
    assert bad.tolist() == [False, False, True]


def test_an_unreadable_value_is_coded_missing_and_reported_also_in_a_category() -> None:
    plan = CategoryColumn("plan", {"a": 1})
    codes, bad = column_codes(plan, pd.Series(["a", ["a"], None, "b"], dtype=object))
    assert codes.tolist() == [1, 0, 0, 2]
    assert bad.tolist() == [False, True, False, False]
