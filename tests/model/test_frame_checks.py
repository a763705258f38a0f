"""Checks of a table of prospects: lost rows, unreadable values, dates outside the past range."""

from __future__ import annotations

import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.vocabulary import LEFT_OUT
from fitmodel.exceptions import ProspectError
from fitmodel.learning.columns import CategoryColumn, NumberColumn
from fitmodel.model._frame_checks import refuse_unreadable, warn_of_today, without_lost

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
