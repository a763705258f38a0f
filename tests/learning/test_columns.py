"""A value and a series of values get the same codes."""

from __future__ import annotations

import math
import re
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitmodel.exceptions import ProspectError
from fitmodel.learning.columns import (
    MISSING,
    CategoryColumn,
    NumberColumn,
    UnreadableValueError,
    _blake2_level,
    as_day,
    column_from_dict,
    flag_text,
    hidden_level,
    level_text,
)
from fitmodel.learning.encoding import column_codes

NUMBER = NumberColumn("seats", (1.0, 5.0, 10.0), 0.0, 20.0)
CATEGORY = CategoryColumn("segment", {"smb": 1, "mid": 2, "rare a": 3, "rare b": 3})
FLAG = CategoryColumn("crm", {"no": 1, "yes": 2}, is_flag=True)
VALUES = st.one_of(
    st.none(), st.integers(), st.floats(), st.sampled_from(["4", " 7.5 ", "", "nan", "1e400"])
)


@given(st.lists(VALUES, min_size=1, max_size=20))
def test_a_column_of_numbers_is_coded_as_each_of_its_values(values: list[object]) -> None:
    whole, unreadable = column_codes(NUMBER, pd.Series(values, dtype=object))
    assert not unreadable.any()
    assert whole.tolist() == [NUMBER.code(value) for value in values]


@given(st.lists(st.one_of(st.none(), st.sampled_from(["smb", "mid ", "rare b", "new", ""]))))
def test_a_column_of_levels_is_coded_as_each_of_its_values(values: list[object]) -> None:
    whole, _ = column_codes(CATEGORY, pd.Series(values, dtype=object))
    assert whole.tolist() == [CATEGORY.code(value) for value in values]


def test_a_value_equal_to_a_cut_belongs_to_the_bin_above() -> None:
    assert [NUMBER.code(value) for value in (0.5, 1.0, 4.9, 5.0, 10.0)] == [1, 2, 2, 3, 4]


def test_infinite_and_nan_numbers_are_missing() -> None:
    for value in (None, math.nan, math.inf, -math.inf, pd.NA, pd.NaT, "", "NA"):
        assert NUMBER.code(value) == MISSING


def test_text_in_a_number_is_refused() -> None:
    with pytest.raises(UnreadableValueError, match="'many' is not a number"):
        NUMBER.code("many")


def test_an_unseen_level_has_a_code_of_its_own() -> None:
    assert CATEGORY.code("enterprise") == CATEGORY.size + 1
    assert CATEGORY.label(CATEGORY.size + 1) == "never seen before"
    assert CATEGORY.label(3) == "2 rare levels"


@pytest.mark.parametrize("text", ["Yes", "y", "TRUE", "1", "1.0", "ja", "oui", "是"])
def test_yes_is_read_in_any_spelling(text: str) -> None:
    typed = True
    assert FLAG.code(text) == FLAG.code(typed) == 2
    assert flag_text(text) == "yes"


def test_codes_given_as_numbers_or_as_text_are_the_same_level() -> None:
    assert level_text(12) == level_text(12.0) == level_text(" 12 ") == "12"


def test_a_code_with_leading_zeros_matches_the_number_read_in_training() -> None:
    codes = CategoryColumn("plan", {"7": 1, "12": 2})
    assert [codes.code(value) for value in ("007", "12.0", 7, "nan7", "1e999")] == [1, 2, 1, 3, 3]


@pytest.mark.parametrize("one", ["01", "1.00", Decimal("1.00"), "1e0", "１", "١"])  # noqa: RUF001 - other scripts
def test_a_number_of_a_flag_is_read_however_it_is_written(one: object) -> None:
    assert FLAG.code(one) == FLAG.code(1) == 2
    assert FLAG.text(one) == "yes"


def test_an_underscore_in_a_code_is_not_a_separator_of_digits() -> None:
    codes = CategoryColumn("plan", {"101": 1, "10": 2})
    assert codes.code("1_01") == codes.code("1_0") == codes.size + 1


def test_days_are_counted_the_same_from_text_and_timestamps() -> None:
    assert as_day("2024-02-29") == as_day(pd.Timestamp("2024-02-29 13:00")) == 19782
    assert as_day(np.datetime64("2024-02-29")) == 19782
    with pytest.raises(UnreadableValueError, match="is not a date"):
        as_day("29.2.2024")


@pytest.mark.parametrize("column", [NUMBER, CATEGORY, FLAG])
def test_a_column_is_rebuilt_from_its_json_form(column: NumberColumn | CategoryColumn) -> None:
    assert column_from_dict(column.to_dict()) == column


DAY = NumberColumn("seen", (), 0.0, 1.0, is_date=True)


@pytest.mark.parametrize("column", [NUMBER, CATEGORY, DAY], ids=lambda column: column.name)
def test_a_deeply_nested_value_is_unreadable_and_shortened_in_the_message(column) -> None:
    deep: list[object] = []
    for _ in range(5_000):
        deep = [deep]
    with pytest.raises(UnreadableValueError, match=r"^\[\[\[\[\.\.\.\]\]\]\] is no"):
        column.code(deep)


def test_the_message_shows_both_ends_of_a_long_text() -> None:
    with pytest.raises(UnreadableValueError, match=r"^'ax{40,50}\.\.\.x{40,50}z' is not"):
        NUMBER.code("a" + "x" * 1_000_000 + "z")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"levels": {"a": 0, "b": 1}}, "codes of 'segment' are not 1, 2, 3 and so on"),
        ({"levels": {"a": 1, "b": 3}}, "codes of 'segment' are not 1, 2, 3 and so on"),
        ({"levels": {"a": 2, "b": 3}}, "codes of 'segment' are not 1, 2, 3 and so on"),
        ({"levels": {"a": -1, "b": 1}}, "codes of 'segment' are not 1, 2, 3 and so on"),
        ({"words": ["NA", "nothing"]}, "words of 'segment' are not all words that may be a level"),
        ({"name": 3}, "name of an attribute must be text, not 3"),
        ({"kind": "picture"}, "'segment' has an unknown kind 'picture'"),
    ],
)
def test_a_category_that_was_forged_is_refused(change: dict, message: str) -> None:
    with pytest.raises(ProspectError, match=message):
        column_from_dict(CATEGORY.to_dict() | change)


@pytest.mark.parametrize("cuts", [[5.0, 1.0], [1.0, 1.0], [1.0, math.nan, 2.0]])
def test_cuts_that_are_not_ascending_are_refused(cuts: list[float]) -> None:
    with pytest.raises(ProspectError, match="cuts of 'seats' are not ascending"):
        column_from_dict(NUMBER.to_dict() | {"cuts": cuts})


def test_levels_that_share_a_code_and_an_empty_category_are_rebuilt() -> None:
    for levels in ({"a": 1, "b": 1, "c": 2}, {}):
        column = CategoryColumn("plan", levels)
        assert column_from_dict(column.to_dict()) == column
        assert column.size == len(set(levels.values()))


def test_a_value_outside_the_training_range_is_detected_alone_and_in_an_array() -> None:
    values = [-0.1, 0.0, 10.0, 20.0, 20.1, math.nan, math.inf]
    outside = [True, False, False, False, True, False, False]
    assert NUMBER.outside(np.array(values)).tolist() == outside
    assert [NUMBER.is_outside(value) for value in values[:6]] == outside[:6]
    assert not NUMBER.is_outside(None)
    assert NUMBER.is_outside(" 20.5 ")
    with pytest.raises(UnreadableValueError):
        NUMBER.is_outside("many")


def test_each_bin_has_a_label() -> None:
    labels = [NUMBER.label(code) for code in range(NUMBER.size + 1)]
    assert labels == ["missing", "below 1", "1 to 5", "5 to 10", "10 or more"]
    assert NumberColumn("same", (), 1.0, 1.0).label(1) == "any"


def test_a_hidden_level_is_matched_by_its_new_and_its_old_digest() -> None:
    """Digests in older bundles are shorter."""
    for digest in (hidden_level, _blake2_level):
        column = CategoryColumn("account", {"known": 1, digest("Acme"): 2, digest("12"): 2})
        assert column.code("Acme") == 2
        assert column.code(12.0) == column.code("012") == 2
        assert column.code("Acme ") == column.code("Acme")
        assert column.code("Other") == 3
        assert column.named == ["known"]
        assert set(column.hidden.values()) == {2}
        assert re.fullmatch("#[0-9a-f]+", digest("Acme"))
    assert (len(hidden_level("Acme")), len(_blake2_level("Acme"))) == (25, 17)


def test_a_spelling_of_a_missing_value_is_a_level_only_if_the_column_lists_it() -> None:
    region = CategoryColumn("region", {"EU": 1, "NA": 2}, words=("NA",))
    reference = CategoryColumn("region", {"EU": 1})
    assert (region.code("NA"), region.code(" NA "), region.code("null")) == (2, 2, MISSING)
    assert reference.code("NA") == MISSING
    assert region.is_word("NA")
    assert not region.is_word(None)
    assert not reference.is_word("NA")
