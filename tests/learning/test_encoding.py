"""Columns find their kind from names and content."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from fitmodel.exceptions import ProspectError
from fitmodel.learning.columns import CategoryColumn, NumberColumn, column_from_dict
from fitmodel.learning.encoding import EncodingOptions, encode, fit_columns, quantile_cuts

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


def test_kinds_are_told_by_content_and_name() -> None:
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


def test_the_name_of_a_level_that_hardly_a_deal_had_is_not_kept() -> None:
    pages = ["a"] * 50 + ["b"] * 50 + ["Miller Ltd", "Smith & Sons", "Smith & Sons", "12345"]
    (column,) = fit_columns(pd.DataFrame({"page": pages}), EncodingOptions())
    assert isinstance(column, CategoryColumn)
    assert column.named == ["a", "b"]
    assert "Miller" not in json.dumps(column.to_dict())
    again = column_from_dict(json.loads(json.dumps(column.to_dict())))
    for value in ("Miller Ltd", " Smith & Sons ", "12345", 12345, 12345.0, "12345.0"):
        assert again.code(value) == column.code(value) == 3
    assert again.code("Nobody Ltd") == 4
