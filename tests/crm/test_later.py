"""A current value is compared with the value at closing regardless of notation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.crm.reading import open_deals
from fitmodel.crm.timeline import is_other_value, later_changes


def others(values, today):
    return is_other_value(np.array(values, dtype=object), pd.Series(today)).tolist()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (12, "12.0"), ("12", 12.0), (" 12", 12), ("yes", "Yes"), ("true", "yes"),
        ("2026-03-01 00:00:00", "2026-03-01"), (None, np.nan), ("", None), ("a", "a"),
    ],
)  # fmt: skip
def test_a_value_in_another_notation_is_equal(one, other) -> None:
    assert others([one], [other]) == [False]
    assert others([other], [one]) == [False]


@pytest.mark.parametrize(
    ("one", "other"), [(12, 13), ("a", "b"), (None, "a"), ("a", None), (0, None), ("yes", "no")]
)
def test_another_value_or_a_missing_value_is_different(one, other) -> None:
    assert others([one], [other]) == [True]
    assert others([other], [one]) == [True]


@pytest.mark.parametrize(
    ("yes", "no"), [("True", "False"), ("true", "false"), ("yes", "no"), ("1", "0"), (1, 0)]
)
def test_booleans_are_equal_to_the_words_of_the_other_table(yes, no) -> None:
    today = [True, False, True, False]

    assert others([yes, no, no, yes], today) == [False, False, True, True]
    assert others(today, [yes, no, no, yes]) == [False, False, True, True]
    assert others([None, yes], [True, True]) == [True, False]


def test_without_booleans_1_is_not_equal_to_yes() -> None:
    assert others([1, 1], ["yes", "1"]) == [True, False]


def test_rows_are_compared_in_order_independent_of_the_index() -> None:
    today = pd.Series(["a", "b"], index=[7, 3], dtype=object)

    assert is_other_value(np.array(["a", "a"], dtype=object), today).tolist() == [False, True]


def test_a_boolean_column_has_not_changed_if_the_history_has_the_words(
    make_spec, deals_of, changes_of
) -> None:
    # every deal was reported to have another value today
    history = changes_of(
        ("D0", "trial", None, "True", "2026-02-01"), ("D1", "trial", None, "False", "2026-02-01"),
        ("D2", "trial", None, "False", "2026-02-01"),
    )  # fmt: skip
    deals = deals_of(["2026-03-10"] * 3, trial=[True, False, True], size=["s", "m", "l"])
    opened = open_deals(deals, make_spec({}), {"fields": history})
    (change,) = later_changes(opened.today, opened.result)

    assert change.column == "trial"
    assert change.deals.tolist() == [False, False, True]
    assert change.known.all()
