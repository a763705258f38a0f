"""A column of reasons behaves like any other pandas column."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from fitmodel.model._reason_column import ReasonsArray, ReasonsDtype, reasons_column
from fitmodel.model.inputs import reasons_type


class _Reason:
    """The parts of a reason that the column needs."""

    def __init__(self, name: str) -> None:
        self.name = name

    def to_dict(self) -> dict[str, object]:
        return {"attribute": self.name, "value": ["ü", 1], "contribution": 0.5, "sentence": "so"}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Reason) and self.name == other.name

    __hash__ = None

    def __str__(self) -> str:
        return f"<{self.name}>"

    __repr__ = __str__


A, B, C = map(_Reason, "abc")


@pytest.fixture
def column() -> pd.Series:
    return pd.Series(reasons_column([[A, B], [], [C]]), index=["x", "y", "z"])


def test_a_cell_is_the_list_of_reasons_of_its_row(column) -> None:
    assert column.dtype == ReasonsDtype() == "reasons"
    assert column.tolist() == [[A, B], [], [C]]
    assert column["x"] == [A, B]
    assert len(column) == 3
    assert column.array.nbytes == 3 * 8
    assert reasons_column([(A,)])[0] == [A]  # a tuple becomes a list
    assert len(reasons_column([])) == 0


def test_rows_are_selected_by_position_slice_mask_and_order(column) -> None:
    assert column.iloc[[2, 0]].tolist() == [[C], [A, B]]
    assert column.iloc[1:].tolist() == [[], [C]]
    assert column[np.array([True, False, True])].tolist() == [[A, B], [C]]
    assert column.iloc[::-1].index.tolist() == ["z", "y", "x"]
    assert isinstance(column.array[:2], ReasonsArray)


def test_a_row_that_was_not_scored_is_missing(column) -> None:
    wider = column.reindex(["x", "new", "z"])
    assert wider.isna().tolist() == [False, True, False]
    assert wider.tolist() == [[A, B], None, [C]]
    masked = column.mask(np.array([False, False, True]))
    assert masked.tolist() == [[A, B], [], None]
    assert column.isna().tolist() == [False] * 3


def test_take_fills_missing_values_only_if_allowed(column) -> None:
    array = column.array
    assert list(array.take([-1, 0])) == [[C], [A, B]]
    assert list(array.take([-1, 0], allow_fill=True)) == [None, [A, B]]


def test_columns_are_concatenated_in_order(column) -> None:
    both = pd.concat([column, column.iloc[:1]])
    assert both.dtype == "reasons"
    assert both.tolist() == [[A, B], [], [C], [A, B]]


def test_changing_a_copy_does_not_change_the_original(column) -> None:
    again = column.copy()
    again.iloc[0] = [C]
    assert again["x"] == [C]
    assert column["x"] == [A, B]
    array = column.array.copy()
    array[1:] = reasons_column([[A], [B]])
    assert list(array) == [[A, B], [A], [B]]
    assert column["z"] == [C]


def test_cells_are_compared_one_by_one(column) -> None:
    other = reasons_column([[A, B], [B], [C]])
    assert (column.array == other).tolist() == [True, False, True]
    assert (column.array == [C]).tolist() == [False, False, True]


def test_conversion_to_objects_or_text_keeps_the_lists(column) -> None:
    assert column.astype(object).tolist() == column.tolist()
    assert column.astype(str).tolist() == ["[<a>, <b>]", "[]", "[<c>]"]
    assert np.asarray(column.array).shape == (3,)
    assert "[<a>, <b>]" in repr(column)
    assert column.map(len).tolist() == [2, 0, 1]


def test_only_lists_are_accepted_as_reasons() -> None:
    made = pd.array([[A], None, (B,)], dtype="reasons")
    assert list(made) == [[A], None, (B,)]
    with pytest.raises(TypeError, match="'text' is not a list of reasons"):
        pd.array(["text"], dtype="reasons")


def test_a_cell_in_arrow_is_a_list_of_structs_with_values_as_json(column) -> None:
    array = pa.array(column.reindex(["x", "new", "y"]).array)
    assert array.type == reasons_type()
    first, missing, empty = array.to_pylist()
    assert missing is None
    assert empty == []
    assert [each["attribute"] for each in first] == ["a", "b"]
    assert first[0]["value"] == '["ü", 1]'
    assert json.loads(first[0]["value"]) == ["ü", 1]
    assert (first[0]["contribution"], first[0]["sentence"]) == (0.5, "so")
