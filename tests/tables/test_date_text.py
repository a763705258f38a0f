"""Reading one date as a day, in each form that a column can have."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitmodel.tables import _date_text
from fitmodel.tables._date_text import (
    DAY_FIRST,
    DIGITS,
    EXCEL,
    ISO,
    MILLISECONDS,
    MONTH_FIRST,
    NAMED,
    NUMBERS,
    ORDERS,
    SECONDS,
    YEAR_FIRST,
    DateForm,
    day_of,
    day_of_number,
    detect_date_order,
    today,
)

FIRST = date(1970, 1, 1)
LEAP = date(2024, 2, 29)
MONTHS = [
    ("January", "Januar", "enero", "janeiro", "janvier", "Jänner"),
    ("February", "Februar", "febrero", "fevereiro", "février", "Feb."),
    ("March", "März", "marzo", "março", "mars", "Mrz"),
    ("April", "April", "abril", "abr", "avril", "Apr."),
    ("May", "Mai", "mayo", "maio", "mai", "may"),
    ("June", "Juni", "junio", "junho", "juin", "Jun"),
    ("July", "Juli", "julio", "julho", "juillet", "Jul"),
    ("August", "August", "agosto", "ago", "août", "Aug"),
    ("September", "Sept", "septiembre", "setembro", "septembre", "Sep."),
    ("October", "Oktober", "octubre", "outubro", "octobre", "Okt"),
    ("November", "November", "noviembre", "novembro", "novembre", "Nov"),
    ("December", "Dezember", "diciembre", "dezembro", "décembre", "Dez."),
]


def _days(day: date) -> int:
    return (day - FIRST).days


def _read(value: object, order: str) -> date | None:
    days = day_of(value, DateForm(order))
    return None if days is None else FIRST + timedelta(days)


@pytest.mark.parametrize("month", range(1, 13))
def test_month_names_are_recognised_in_five_languages_in_any_case(month: int) -> None:
    for name in MONTHS[month - 1]:
        for written in (name, name.upper(), name.lower()):
            assert _read(f"14 {written} 2023", NAMED) == date(2023, month, 14)


@pytest.mark.parametrize(
    "text",
    [
        "5 March 2024", "05 March 2024", "5. März 2024", "5th of March 2024", "5-Mar-2024",
        "5 de marzo de 2024", "Tue 5 Mar 2024", "Tuesday, 5 March 2024", "5 Mar, 2024",
        "5 mar 24", "March 5, 2024", "March 5th, 2024", "Mar 5 2024", "Mar. 5, 2024",
        "5 March 2024 14:30", "5 March 2024, 14:30:00", "  5 March 2024  ", "5/Mar/2024",
    ],
)  # fmt: skip
def test_a_date_with_a_month_name_is_read_with_any_separators(text: str) -> None:
    assert _read(text, NAMED) == date(2024, 3, 5)


@pytest.mark.parametrize(
    "text",
    ["5 Marchember 2024", "31 April 2023", "29 February 2023", "0 March 2024", "March 2024",
     "5 March", "5 Ma 2024", "5 March 2024 late", "5 March 20245", ""],
)  # fmt: skip
def test_a_text_that_is_not_a_calendar_day_gives_none(text: str) -> None:
    assert _read(text, NAMED) is None


@pytest.mark.parametrize(
    ("text", "order", "day"),
    [
        ("2024/02/29", YEAR_FIRST, LEAP),
        ("2024.2.29", YEAR_FIRST, LEAP),
        ("2024-2-29", YEAR_FIRST, LEAP),
        ("2024年2月29日", YEAR_FIRST, LEAP),
        ("2024年2月", YEAR_FIRST, date(2024, 2, 1)),
        ("2024-02", YEAR_FIRST, date(2024, 2, 1)),
        ("2024/02/29 23:59:59", YEAR_FIRST, LEAP),
        ("2024/02-29", YEAR_FIRST, None),
        ("2024/13/01", YEAR_FIRST, None),
        ("2023/02/29", YEAR_FIRST, None),
        ("2024", YEAR_FIRST, None),
        ("29.02.2024", DAY_FIRST, LEAP),
        ("29-2-24", DAY_FIRST, LEAP),
        ("29/02/2024 7:05", DAY_FIRST, LEAP),
        ("29/02/2024, 23h59", DAY_FIRST, LEAP),
        ("29.02/2024", DAY_FIRST, None),
        ("02/29/2024", DAY_FIRST, None),
        ("02/29/2024", MONTH_FIRST, LEAP),
        ("2/29/24 11:05 PM", MONTH_FIRST, LEAP),
        ("29/02/2024", MONTH_FIRST, None),
        ("2024/02/29", DAY_FIRST, None),
        ("29022024", DAY_FIRST, None),
    ],
)
def test_each_order_reads_its_own_dates_and_refuses_the_others(
    text: str, order: str, day: date | None
) -> None:
    assert _read(text, order) == day


@pytest.mark.parametrize(
    ("digits", "year"), [("00", 2000), ("24", 2024), ("68", 2068), ("69", 1969), ("99", 1999)]
)
def test_a_two_digit_year_is_between_1969_and_2068(digits: str, year: int) -> None:
    assert _read(f"05/03/{digits}", DAY_FIRST) == date(year, 3, 5)
    assert _read(f"5 March {digits}", NAMED) == date(year, 3, 5)


@pytest.mark.parametrize(
    "text", ["2024-02-29", "2024-02-29T23:59:59Z", "2024-02-29 00:00", " 2024-02-29 "]
)
@pytest.mark.parametrize("order", ORDERS)
def test_iso_text_is_read_in_every_form_and_its_time_is_dropped(text: str, order: str) -> None:
    assert _read(text, order) == LEAP


@pytest.mark.parametrize(
    "text",
    ["2023-02-29", "2024-02-30", "2024-2-29", "2024-02-29x", "2024-02-299", "2024/02/29",
     "20240229", "0000-00-00", "2024-02", "x2024-02-29", "2024-02-2"],
)  # fmt: skip
def test_in_the_iso_form_an_invalid_day_gives_none(text: str) -> None:
    assert day_of(text) is None


@pytest.mark.parametrize(
    ("number", "day"),
    [
        (20_000, date(1954, 10, 3)),
        (25_569, FIRST),
        (45_351, LEAP),
        (45_351.999, LEAP),
        (80_000, date(2119, 1, 11)),
        (19_999.9, None),
        (80_000.1, None),
        (-45_351, None),
        (float("nan"), None),
    ],
)
def test_excel_serial_numbers_count_from_the_end_of_1899(number: float, day: date | None) -> None:
    # as pandas counts them
    if day is not None:
        assert pd.to_datetime(int(number), unit="D", origin="1899-12-30").date() == day
    result = day_of_number(number, EXCEL)
    assert result == (None if day is None else _days(day))


@pytest.mark.parametrize(
    ("number", "day"),
    [
        (20240229, LEAP),
        (20240229.0, LEAP),
        (10101, date(1, 1, 1)),
        (99991231, date.max),
        (20230229, None),
        (20241301, None),
        (20240229.5, None),
        (100000000, None),
        (0, None),
        (-20240229, None),
        (float("nan"), None),
        (float("inf"), None),
    ],
)
def test_eight_digits_are_read_as_year_month_and_day(number: float, day: date | None) -> None:
    assert day_of_number(number, DIGITS) == (None if day is None else _days(day))


@pytest.mark.parametrize(("order", "per_second"), [(SECONDS, 1), (MILLISECONDS, 1000)])
def test_unix_seconds_are_accepted_between_1979_and_2128(order: str, per_second: int) -> None:
    first, last = 300_000_000, 5_000_000_000
    assert day_of_number(first * per_second, order) == _days(date(1979, 7, 5))
    assert day_of_number(last * per_second, order) == _days(date(2128, 6, 11))
    assert day_of_number((first - 1) * per_second, order) is None
    assert day_of_number((last + 1) * per_second, order) is None


@given(st.integers(300_000_000, 5_000_000_000))
def test_the_day_of_unix_seconds_is_the_day_in_utc(second: int) -> None:
    expected = _days(datetime.fromtimestamp(second, UTC).date())
    assert day_of_number(second, SECONDS) == expected
    assert day_of_number(second * 1000 + 999, MILLISECONDS) in {expected, None}


@pytest.mark.parametrize("order", NUMBERS)
@pytest.mark.parametrize("kind", [int, float, np.int64, np.float64, str])
def test_a_number_gives_the_same_day_in_every_type(order: str, kind: type) -> None:
    number = {
        EXCEL: 45_351, DIGITS: 20240229, SECONDS: 1_709_200_000, MILLISECONDS: 1_709_200_000_000
    }[order]  # fmt: skip
    assert _read(kind(number), order) == LEAP


def test_a_number_is_a_day_only_in_numeric_forms_and_a_boolean_never_is() -> None:
    for order in (ISO, YEAR_FIRST, NAMED, DAY_FIRST, MONTH_FIRST):
        assert day_of(45_351, DateForm(order)) is None
    for order in NUMBERS:
        assert day_of(bool(1), DateForm(order)) is None
        assert day_of("-45351", DateForm(order)) is None
        assert day_of("45351 days", DateForm(order)) is None


@pytest.mark.parametrize(
    ("value", "day"),
    [
        (LEAP, LEAP),
        (datetime(2024, 2, 29, 23, 59), LEAP),  # noqa: DTZ001 - as a table has it
        (datetime(2024, 2, 29, 23, 59, tzinfo=timezone(timedelta(hours=-11))), LEAP),
        (pd.Timestamp("2024-02-29 23:59", tz="Pacific/Kiritimati"), LEAP),
        (np.datetime64("2024-02-29T23:59:59.999999999"), LEAP),
        (np.datetime64("2024-02-29", "D"), LEAP),
        (np.datetime64("2024-02", "M"), date(2024, 2, 1)),
        (np.datetime64("1969-12-31T23:00"), date(1969, 12, 31)),
        (np.datetime64("NaT"), None),
        (pd.NaT, None),
        (None, None),
        (float("nan"), None),
        (Decimal(45_351), None),
        ([LEAP], None),
    ],
)
def test_a_typed_date_gives_the_day_in_its_own_time_zone(value: object, day: date | None) -> None:
    for order in (ISO, EXCEL, DAY_FIRST):
        assert _read(value, order) == day


def test_years_beyond_9999_are_counted_like_in_numpy() -> None:
    far = pd.Timestamp(np.datetime64("12024-02-29", "s"))
    assert day_of(far) == np.datetime64("12024-02-29").astype("int64")


def test_today_is_the_day_in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2024, 2, 29, 23, 30, tzinfo=UTC).astimezone(tz)

    monkeypatch.setattr(_date_text, "datetime", Clock)
    assert today() == LEAP


@pytest.mark.parametrize(
    ("texts", "order"),
    [
        (["31/12/2024", "01/02/2024"], DAY_FIRST),
        (["12/31/2024", "01/02/2024"], MONTH_FIRST),
        (["5 March 2024", "March 6, 2024"], NAMED),
        (["2024/02/29"], YEAR_FIRST),
        (["45351", "45352.5"], EXCEL),
        ([45_351, 45_352], EXCEL),
        (["20240229"], DIGITS),
        ([1_709_200_000], SECONDS),
        ([1_709_200_000_000], MILLISECONDS),
        (["2024-02-29"], ISO),
        (["soon", "late"], ISO),
        ([], ISO),
    ],
)
def test_the_form_of_a_column_is_the_one_that_can_read_its_values(
    texts: list[object], order: str
) -> None:
    assert detect_date_order(texts, [1] * len(texts)) == (order, False)


def test_the_form_is_decided_by_rows_and_not_by_distinct_values() -> None:
    values = ["31/12/2024", "12/31/2024", "12/30/2024"]
    assert detect_date_order(values, [5, 1, 1])[0] == DAY_FIRST
    assert detect_date_order(values, [1, 1, 1])[0] == MONTH_FIRST


def test_the_iso_form_needs_at_least_half_iso_dates() -> None:
    values = ["2024-02-29", "31.12.2023"]
    assert detect_date_order(values, [1, 1])[0] == ISO
    assert detect_date_order(values, [1, 2])[0] == DAY_FIRST
    assert detect_date_order(["2024-02-29", "12/31/2023"], [4, 5])[0] == MONTH_FIRST


def test_day_and_month_are_ambiguous_only_if_both_orders_read_all_rows_differently() -> None:
    assert detect_date_order(["03/04/2024"], [1]) == (DAY_FIRST, True)
    assert detect_date_order(["04/04/2024"], [1]) == (DAY_FIRST, False)  # the same day either way
    assert detect_date_order(["03/04/2024", "13/04/2024"], [9, 1]) == (DAY_FIRST, False)
    assert detect_date_order(["03/04/2024", "04/13/2024"], [9, 1]) == (MONTH_FIRST, False)
    assert detect_date_order(["03.04.2024"], [1]) == (DAY_FIRST, False)  # points: the day is first


def test_a_hint_decides_only_an_ambiguous_column() -> None:
    for hint in (DAY_FIRST, MONTH_FIRST):
        assert detect_date_order(["03/04/2024"], [1], hint) == (hint, False)
        assert detect_date_order(["13/04/2024"], [1], hint) == (DAY_FIRST, False)
        assert detect_date_order(["03.04.2024"], [1], hint) == (DAY_FIRST, False)
