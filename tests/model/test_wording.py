"""Formatting of numbers, money, dates and levels for people."""

from __future__ import annotations

import json
import math
from datetime import date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitmodel.exceptions import SpecError
from fitmodel.learning.columns import CategoryColumn, NumberColumn
from fitmodel.model.wording import (
    Wording,
    number_text,
    percent_number,
    plain_value,
    wording_from_dict,
)
from fitmodel.tables.cells import MINUS

EURO = Wording(money="€ {:,.0f}", amount="acv", units={"term": "months", "age": "个月"})
SEATS = NumberColumn("seats", (10.0,), 1.0, 100.0)
TERM = NumberColumn("term", (10.0,), 1.0, 100.0)
ACV = NumberColumn("acv", (10.0,), 1.0, 100.0)
DAY = NumberColumn("demo", (10.0,), 1.0, 100.0, is_date=True)
PLAN = CategoryColumn("plan", {"basic": 1, "pro": 2})
FLAG = CategoryColumn("crm", {"no": 1, "yes": 2}, is_flag=True)
REGION = CategoryColumn("region", {"EU": 1, "NA": 2}, words=("NA",))


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"), (-0.0, "0"), (5.0, "5"), (-5.0, "-5"), (2024.0, "2024"), (9999.0, "9999"),
        (10_000.0, "10,000"), (-10_000.0, "-10,000"), (1_234_567.8, "1,234,568"),
        (0.5, "0.5"), (3.14159, "3.142"), (1234.56, "1235"), (0.00012345, "0.0001234"),
        (9999.4, "9999"), (-3.14159, "-3.142"),
    ],
)  # fmt: skip
def test_a_number_is_shown_with_four_digits_or_as_an_integer(number: float, text: str) -> None:
    assert number_text(number) == text


@given(st.floats(1e-3, 9e3))
def test_the_text_of_a_number_is_within_half_a_unit_of_its_fourth_digit(number: float) -> None:
    shown = float(number_text(number))
    assert abs(shown - number) <= number * 5.0001e-4


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0"), (1e-9, "<1"), (0.0049, "<1"), (0.005, "0"), (0.0051, "1"), (0.124, "12"),
     (0.126, "13"), (0.9949, "99"), (0.9951, ">99"), (1 - 1e-9, ">99"), (1.0, "100")],
)  # fmt: skip
def test_a_percentage_is_an_integer_and_0_or_100_only_if_exact(share: float, text: str) -> None:
    assert percent_number(share) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234.4, "€ 1,234"), (0.0, "€ 0"), (-0.4, "€ 0"), (-0.6, f"{MINUS}€ 1"),
     (-1234.0, f"{MINUS}€ 1,234"), (1e6, "€ 1,000,000")],
)  # fmt: skip
def test_the_minus_sign_is_before_the_currency_and_0_has_no_sign(value: float, text: str) -> None:
    assert EURO.money_text(value) == text


@pytest.mark.parametrize("money", ["{:,.0f}", "€ {:,.2f}", "{:.1f} kr"])
@given(number=st.one_of(st.floats(-1e6, 1e6), st.sampled_from([-0.0, 999.5, 1000.0, math.inf])))
def test_several_amounts_are_formatted_like_each_alone(money: str, number: float) -> None:
    words = Wording(money=money, amount="acv")
    assert words.quantities("acv", [number, 5.0]) == [
        words.quantity("acv", number + 0.0), words.quantity("acv", 5.0)
    ]  # fmt: skip
    assert words.quantities("seats", [number]) == [words.quantity("seats", number)]


def test_a_quantity_has_its_unit_with_a_space_except_in_chinese() -> None:
    assert EURO.quantity("term", 12.0) == "12 months"
    assert EURO.quantity("age", 3.0) == "3个月"
    assert EURO.quantity("seats", 12.0) == "12"
    assert EURO.quantity("acv", 1200.0) == "€ 1,200"
    assert EURO.quantity("acv", 4.2) == "€ 4"  # the contract's own format decides
    assert Wording(amount="acv").quantity("acv", 4.2) == "4.2"
    assert Wording(amount="acv").quantity("acv", 999.4) == "999.4"
    assert Wording(amount="acv").quantity("acv", 1000.4) == "1,000"
    for nothing in (math.nan, math.inf):
        assert EURO.quantity("term", nothing) == "not known"


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        (SEATS, 12, "12"), (SEATS, "1200", "1200"), (SEATS, 12.5, "12.5"),
        (SEATS, None, "not known"),
        (SEATS, math.nan, "not known"), (SEATS, "", "not known"), (SEATS, "many", "many"),
        (TERM, np.int64(12), "12 months"), (ACV, Decimal("1200.00"), "€ 1,200"),
        (DAY, 31.0, "31 days before signing"), (DAY, 1.0, "1 day before signing"),
        (DAY, -1.0, "1 day after signing"), (DAY, 0.0, "on the day of signing"),
        (DAY, math.nan, "not known"), (DAY, None, "not known"), (DAY, "2024-02-29", "2024-02-29"),
        (DAY, pd.Timestamp("2024-02-29"), "2024-02-29"), (DAY, pd.NaT, "not known"),
        (PLAN, "pro", "pro"), (PLAN, " pro ", "pro"), (PLAN, None, "not known"),
        (PLAN, "NA", "not known"), (PLAN, 12.0, "12"), (REGION, "NA", "NA"),
        (REGION, None, "not known"),
        (FLAG, True, "yes"), (FLAG, "nein", "no"), (FLAG, 1, "yes"), (FLAG, 0.0, "no"),
        (FLAG, "maybe", "maybe"),
    ],
)  # fmt: skip
def test_a_value_is_formatted_by_the_kind_of_its_column(column, value: object, text: str) -> None:
    assert EURO.value(column, value) == text


def test_yes_and_no_are_in_the_language_of_the_wording() -> None:
    chinese = EURO.in_language("zh")
    yes, no = (chinese.value(FLAG, each) for each in (True, False))
    assert len({yes, no, "yes", "no"}) == 4
    assert chinese.value(PLAN, "yes") == "yes"  # a level that is not a flag is not changed


def test_a_level_has_the_unit_of_its_attribute() -> None:
    assert Wording(units={"plan": "tier"}).value(PLAN, "pro") == "pro tier"


@pytest.mark.parametrize(
    ("name", "label"),
    [("seats", "Seats"), ("seats_per_user", "Seats per user"), ("crm.stage", "Crm stage"),
     ("_x_", "X"), ("größe", "Größe"), ("", ""), ("CRM_id", "CRM id")],
)  # fmt: skip
def test_a_label_is_made_from_the_name_if_the_contract_has_none(name: str, label: str) -> None:
    assert Wording().label(name) == label
    assert Wording(labels={name: "own words"}).label(name) == "own words"


def test_attributes_from_history_are_described_with_the_label_of_their_field() -> None:
    recorded = {"stage_changes": {"key": "changes", "name": "stage"}}
    words = Wording(recorded=recorded, labels={"stage": "Deal stage"})
    assert words.label("stage_changes") == "Deal stage: number of changes"
    assert words.recorded_as("stage_changes", "3") == "3 change(s) of Deal stage before signing"
    assert words.recorded_as("stage", "3") is None
    own = Wording(recorded=recorded, labels={"stage_changes": "Moves"})
    assert own.label("stage_changes") == "Moves"
    assert own.recorded_as("stage_changes", "3") is None


def test_a_count_of_0_or_1_events_is_shown_as_a_number() -> None:
    column = CategoryColumn("calls", {"no": 1, "yes": 2}, is_flag=True)
    counted = Wording(recorded={"calls": {"key": "count", "name": "call", "days": "30"}})
    assert counted.value(column, "1") == "1"
    as_of = Wording(recorded={"calls": {"key": "as_of", "name": "call"}})
    assert as_of.value(column, "1") == "yes"


@pytest.mark.parametrize(
    ("months", "text"), [(None, "early"), (1, "within a month"), (5, "within 5 months")]
)
def test_the_horizon_is_written_in_months(months: int | None, text: str) -> None:
    assert Wording(horizon_months=months).horizon == text


def test_the_expected_value_is_written_with_its_interval_if_there_is_one() -> None:
    assert EURO.value_text(900.0, -100.0, 2000.0, "unclear") == (
        f"expected value of signing: € 900 ({MINUS}€ 100 to € 2,000), gain or loss is not clear"
    )
    assert EURO.value_text(-5.0, math.nan, math.nan, "loses") == (
        f"expected value of signing: {MINUS}€ 5, loses money"
    )


WHOLE = Wording(
    labels={"plan": "Plan"}, units={"term": "months"}, money="{:.2f} kr",
    prospect={"plan": "you chose {value}"}, horizon_months=7, amount="acv", sellers=("rep", "team"),
    recorded={"calls": {"key": "count", "name": "call", "days": "30"}},
)  # fmt: skip


def test_a_wording_is_written_and_read_back_without_its_language() -> None:
    data = json.loads(json.dumps(WHOLE.in_language("zh").to_dict()))
    assert wording_from_dict(data) == WHOLE
    assert wording_from_dict(Wording().to_dict()) == Wording()
    del data["recorded"]  # from an older bundle
    assert wording_from_dict(data).recorded == {}


@pytest.mark.parametrize("name", ["labels", "units", "money", "prospect", "horizon_months",
                                  "amount", "sellers"])  # fmt: skip
def test_a_wording_with_a_missing_key_is_refused(name: str) -> None:
    data = WHOLE.to_dict()
    del data[name]
    with pytest.raises(KeyError, match=name):
        wording_from_dict(data)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [("labels", ["a"], TypeError), ("units", "months", TypeError), ("money", "{}", ValueError),
     ("horizon_months", "soon", ValueError), ("prospect", None, TypeError)],
)  # fmt: skip
def test_a_wording_with_a_wrong_type_is_refused(name: str, value: object, error: type) -> None:
    with pytest.raises(error):
        wording_from_dict(WHOLE.to_dict() | {name: value})


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(SpecError):
        EURO.in_language("xx")


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None), ("x", "x"), (True, True), (5, 5), (5.5, 5.5), (-0.0, 0.0), (math.nan, None),
        (math.inf, None), (np.float64(2.5), 2.5), (np.float64("nan"), None), (np.int64(7), 7),
        (np.bool_(0), False), (date(2024, 2, 29), "2024-02-29"),
        (datetime(2024, 2, 29, 12), "2024-02-29"),  # noqa: DTZ001 - as a table has it
        (pd.Timestamp("2024-02-29 12:00"), "2024-02-29"), (pd.NaT, None), (pd.NA, None),
        (Decimal("1.5"), "1.5"), ((1, 2), "(1, 2)"),
    ],
)  # fmt: skip
def test_a_plain_value_can_be_written_as_json(value: object, plain: object) -> None:
    result = plain_value(value)
    assert result == plain
    assert type(result) is type(plain)
    assert json.loads(json.dumps(result, allow_nan=False)) == plain
