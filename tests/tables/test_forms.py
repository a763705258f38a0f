"""The written forms of the columns of a table, and which columns are numeric."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.tables.forms import (
    NO_FORMS,
    Finding,
    Forms,
    as_numbers,
    forms_from_dict,
    looks_like_codes,
    reads_as_numbers,
)
from fitmodel.tables.values import ONLY_ISO, UNKNOWN, DateForm, NumberForm

PRICE = NumberForm(",", ".", "EUR")
SHARE = NumberForm(unit="%")
FORMS = Forms(
    numbers={"price": PRICE, "share": SHARE, "seats": NumberForm(".", ",")},
    dates={"signed": DateForm("day first"), "left": DateForm("excel")},
    empty={"left": frozenset({"Active", "9999-12-31"})},
)


def test_a_column_without_a_form_is_read_as_plain_numbers_and_iso_dates() -> None:
    assert FORMS.number("price") == PRICE
    assert FORMS.date("left") == DateForm("excel")
    for name in ("other", None, ""):
        assert FORMS.number(name) is UNKNOWN
        assert FORMS.date(name) is ONLY_ISO
        assert not FORMS.is_empty(name, "Active")


@pytest.mark.parametrize(
    ("value", "empty"),
    [("Active", True), (" Active ", True), ("active", False), ("9999-12-31", True),
     ("9999-12-31 00:00:00", True), ("9999-12-31 00:00:01", False), ("2024-02-29", False),
     (None, False)],
)  # fmt: skip
def test_a_value_is_empty_if_its_column_lists_it_as_a_text_for_missing(
    value: object, empty: bool
) -> None:
    assert FORMS.is_empty("left", value) is empty
    assert not FORMS.is_empty("signed", value)


def test_placeholder_dates_of_a_typed_column_are_empty_like_their_text() -> None:
    far = np.datetime64("9999-12-31", "s").item()
    assert FORMS.is_empty("left", far)
    assert FORMS.is_empty("left", pd.Timestamp(np.datetime64("9999-12-31", "s")))


def test_forms_are_true_if_they_name_any_column() -> None:
    assert not NO_FORMS
    assert Forms(numbers={"price": PRICE})
    assert Forms(dates={"left": ONLY_ISO})
    assert Forms(empty={"left": frozenset()})


def test_only_selects_the_forms_of_some_columns() -> None:
    assert FORMS.only({"left", "price", "gone"}) == Forms(
        {"price": PRICE}, {"left": DateForm("excel")}, {"left": FORMS.empty["left"]}
    )
    assert FORMS.only(set()) == NO_FORMS
    assert FORMS.only({"price", "share", "seats", "signed", "left"}) == FORMS


def test_over_replaces_forms_of_the_same_column_and_keeps_the_others() -> None:
    own = Forms({"price": SHARE}, {"new": DateForm("excel")}, {"left": frozenset({"x"})})
    both = own.over(FORMS)
    assert both.numbers == {**FORMS.numbers, "price": SHARE}
    assert both.dates == {**FORMS.dates, "new": DateForm("excel")}
    assert both.empty == {"left": frozenset({"x"})}
    assert FORMS.over(NO_FORMS) == FORMS == NO_FORMS.over(FORMS)


def test_forms_are_written_and_read_back_as_plain_values() -> None:
    data = FORMS.to_dict()
    assert data == {
        "dates": {"signed": "day first", "left": "excel"},
        "numbers": {"price": "1.234,5", "share": "1234.5", "seats": "1,234.5"},
        "units": {"price": "EUR", "share": "%"},
        "empty": {"left": ["9999-12-31", "Active"]},
    }
    assert forms_from_dict(data) == FORMS
    assert forms_from_dict({}) == NO_FORMS


def test_a_unit_without_a_form_means_plain_numbers_with_that_unit() -> None:
    assert forms_from_dict({"units": {"price": "USD"}}).number("price") == NumberForm(unit="USD")


def test_an_unknown_form_is_refused_with_the_known_forms() -> None:
    with pytest.raises(ValueError, match=r"numbers must be one of .*'1,234.5'.*not '1 234'"):
        forms_from_dict({"numbers": {"price": "1 234"}})
    with pytest.raises(ValueError, match=r"dates must be one of .*'day first'.*not 'dmy'"):
        forms_from_dict({"dates": {"left": "dmy"}})


def test_the_text_of_a_finding_contains_only_its_filled_parts() -> None:
    whole = Finding("placeholder", "left", 2, "row 5", "is empty", "write it")
    assert str(whole) == "left: is empty, for example row 5. Remedy: write it"
    bare = Finding("sheet", "", 0, "", "one of two", "name it")
    assert str(bare) == "one of two. Remedy: name it"


# ---- numbers or categories ----


def _texts(*parts: tuple[str, int]) -> pd.Series:
    return pd.Series([text for text, times in parts for _ in range(times)], name="x", dtype="str")


def test_a_column_is_numeric_if_at_least_95_percent_of_its_filled_cells_are_numbers() -> None:
    assert reads_as_numbers(_texts(("12.5", 57), ("7", 38), ("many", 5)))
    assert not reads_as_numbers(_texts(("12.5", 57), ("7", 37), ("many", 6)))
    assert reads_as_numbers(_texts(("12.5", 57), ("7", 38), ("many", 5), ("", 900)))


def test_spellings_of_yes_and_no_are_not_numbers() -> None:
    for cells in (["0", "1"], ["1.0", "0"], ["ja", "nein"], ["0", "1", ""], ["", ""]):
        assert as_numbers(pd.Series(cells, dtype="str")) is None
    assert as_numbers(pd.Series([1, "0", True], dtype=object)) is None
    assert as_numbers(pd.Series([1.0, 0.0, np.nan])) is None
    assert as_numbers(pd.Series(["0", "1", "2"])) is not None


def test_numbers_are_read_in_the_requested_form() -> None:
    column = pd.Series(["1.234", "5,5", None], name="acv", dtype="str")
    reading = as_numbers(column, None)
    assert reading is not None
    assert reading.form == NumberForm(",", ".")
    assert reading.series.dropna().tolist() == [1234.0, 5.5]
    settled = as_numbers(pd.Series(["1,234", "5"]), NumberForm(".", ","))
    assert settled is not None
    assert settled.series.tolist() == [1234.0, 5.0]


def _recurring(levels: list[float], times: int) -> np.ndarray:
    return np.repeat(np.array(levels, dtype=float), times)


@pytest.mark.parametrize(
    "name",
    [
        "code",
        "plan_code",
        "plan code",
        "Zip",
        "postal",
        "account-id",
        "PLZ",
        "sku",
        "no",
        "phone_nr",
    ],
)
def test_repeated_integers_are_codes_if_the_column_name_says_so(name: str) -> None:
    assert looks_like_codes(name, _recurring([1, 2, 3], 5))
    assert not looks_like_codes(name, _recurring([1, 2, 3.5], 5))


@pytest.mark.parametrize("name", ["seats", "decode", "paid", "code_length", "ids", "nose"])
def test_small_numbers_are_amounts_if_the_column_name_does_not_say_code(name: str) -> None:
    assert not looks_like_codes(name, _recurring([1, 2, 3], 50))


def test_few_large_integers_repeated_twenty_times_are_a_price_list() -> None:
    prices = [1001.0, 1002.0, 2001.0]
    assert looks_like_codes("plan", _recurring(prices, 20))
    assert not looks_like_codes("plan", _recurring(prices, 20)[:-1])
    assert looks_like_codes("plan", _recurring([100.0, 200.0], 20))
    assert not looks_like_codes("plan", _recurring([99.0, 200.0], 20))


def test_a_price_list_has_at_most_fifty_prices() -> None:
    prices = np.arange(1000, 1051, dtype=float)
    assert looks_like_codes("plan", _recurring(list(prices[:50]), 20))
    assert not looks_like_codes("plan", _recurring(list(prices), 20))


def test_numbers_that_are_rarely_repeated_are_not_codes() -> None:
    assert looks_like_codes("id", _recurring(list(range(20)), 5))
    assert not looks_like_codes("id", np.append(_recurring(list(range(20)), 5)[:-1], 99.0))
    assert not looks_like_codes("id", np.arange(100.0))
    assert looks_like_codes("id", np.array([7.0, 8.0]))  # two levels are always few
    assert not looks_like_codes("id", np.array([7.0, 8.0, 9.0]))
    assert not looks_like_codes("id", np.array([]))


def test_at_most_a_thousand_levels_are_codes() -> None:
    assert looks_like_codes("zip", _recurring(list(range(1_000)), 6))
    assert not looks_like_codes("zip", _recurring(list(range(1_001)), 6))
