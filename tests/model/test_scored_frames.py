"""A column of reasons behaves like any other pandas column; prospects of a frame are checked."""

from __future__ import annotations

import json
import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from fitmodel.deals.vocabulary import LEFT_OUT
from fitmodel.exceptions import ProspectError
from fitmodel.learning.columns import CategoryColumn, NumberColumn
from fitmodel.model._scored_frames import (
    ReasonsArray,
    ReasonsDtype,
    reasons_column,
    refuse_unreadable,
    warn_of_today,
    without_lost,
)
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


SCORED = pd.DataFrame(
    {"p": [0.1, 0.2, 0.3], "poor_fit": [True, False, True], "fit": ["poor", "good", "poor"]},
    index=["a", "b", "a"],
)


def test_without_lost_rows_the_predictions_are_returned_unchanged() -> None:
    assert without_lost(SCORED, {}) is SCORED


def test_a_lost_row_has_no_prediction_and_the_others_are_kept() -> None:
    before = SCORED.copy()
    with pytest.warns(
        UserWarning, match=r"1 of 3 row\(s\) get no prediction.*\(1: stage is Lost\)"
    ):
        result = without_lost(SCORED, {1: f"{LEFT_OUT}stage is Lost"})
    assert result.isna().to_numpy().tolist() == [[False] * 3, [True] * 3, [False] * 3]
    assert result.index.tolist() == ["a", "b", "a"]
    assert result["poor_fit"].dtype == "boolean"
    pd.testing.assert_frame_equal(
        result.iloc[[0, 2]].astype({"poor_fit": bool}), SCORED.iloc[[0, 2]]
    )
    pd.testing.assert_frame_equal(SCORED, before)


def test_the_five_most_frequent_reasons_for_lost_rows_are_listed_with_counts() -> None:
    table = pd.DataFrame({"p": np.zeros(21)})
    kinds = [kind for number, kind in enumerate("abcdef", start=1) for _ in range(number)]
    with pytest.warns(UserWarning, match="no prediction") as caught:
        without_lost(table, dict(enumerate(kinds)))
    message = str(caught[0].message)
    assert "(6: f; 5: e; 4: d; 3: c; 2: b)" in message
    assert "21 of 21 row(s)" in message


DEMO = NumberColumn("demo", (30.0,), 0.0, 90.0, is_date=True)
SCORER = SimpleNamespace(scorecard=SimpleNamespace(columns=(CategoryColumn("x", {}), DEMO)))


@pytest.mark.parametrize(
    ("far", "known", "warns"), [(2, 10, False), (3, 10, True), (1, 5, False), (2, 9, True)]
)
def test_more_than_a_fifth_of_dates_outside_the_past_range_gives_a_warning(
    far, known, warns
) -> None:
    days = np.array([91.0] * far + [90.0] * (known - far) + [np.nan] * 20)
    if warns:
        with pytest.warns(
            UserWarning, match=rf"^Counted now. {far / known:.0%} of the dates in 'demo'"
        ):
            warn_of_today(SCORER, {1: days}, "Counted now.")
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warn_of_today(SCORER, {1: days}, "Counted now.")


def test_without_a_note_or_a_known_date_there_is_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_today(SCORER, {1: np.array([500.0])}, None)
        warn_of_today(SCORER, {1: np.array([np.nan])}, "note")
        warn_of_today(SCORER, {}, "note")


def test_several_date_columns_give_one_warning() -> None:
    days = np.array([500.0])
    with pytest.warns(UserWarning, match="note") as caught:
        warn_of_today(SCORER, {1: days, 0: days} | {1: days}, "note")
    assert len(caught) == 1


TABLE = pd.DataFrame({"seats": ["many", "5", "few"], "demo": ["soon", "x", "y"]}, index=[7, 8, 9])


def test_unreadable_values_are_counted_per_column_with_the_first_as_example() -> None:
    unreadable = {"seats": np.array([True, False, True]), "demo": np.array([False, True, False])}
    with pytest.raises(ProspectError) as caught:
        refuse_unreadable(TABLE, unreadable, {})
    lines = str(caught.value).splitlines()
    assert lines[1:3] == [
        "  seats: 2 value(s) cannot be read, for example 'many' in row 7",
        "  demo: 1 value(s) cannot be read, for example 'x' in row 8",
    ]
    assert lines[3].startswith("Remedy: write plain numbers (1234.5) and ISO dates")


def test_unreadable_values_in_lost_rows_are_ignored() -> None:
    unreadable = {"seats": np.array([True, False, True])}
    with pytest.raises(ProspectError, match=r"seats: 1 value.*'few' in row 9"):
        refuse_unreadable(TABLE, unreadable, {0: "lost"})
    refuse_unreadable(TABLE, unreadable, {0: "lost", 2: "lost"})
    refuse_unreadable(TABLE, {"seats": np.zeros(3, dtype=bool)}, {})
    refuse_unreadable(TABLE, {}, {})
