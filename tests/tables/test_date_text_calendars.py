"""Dates of other calendars, scripts and languages are read as days of the Gregorian calendar."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitmodel.tables._date_text import EPOCH, MONTHS, DateForm, day_of, detect_date_order, gregorian

DAYS = st.dates(date(2000, 1, 1), date(2039, 12, 31))
WEEKDAYS = {
    "de": ("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"),
    "fr": ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    "ru": ("пн", "вт", "ср", "чт", "пт", "сб", "вс"),
}
MONTHS_OF = {
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre"
    " dicembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "pl": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października"
    " listopada grudnia",
    "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "cs": "ledna února března dubna května června července srpna září října listopadu prosince",
    "uk": "січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня",
    "tr": "Ocak Şubat Mart Nisan Mayıs Haziran Temmuz Ağustos Eylül Ekim Kasım Aralık",
}


def read(text: str) -> date | None:
    """The day of a text, in the form that is detected for a column of this text."""
    order, _ = detect_date_order([text], [1], "day first")
    day = day_of(text, DateForm(order))
    return None if day is None else date.fromordinal(day + EPOCH)


def era(day: date) -> str:
    """A day of the Japanese calendar, whose era Reiwa began on 1 May 2019."""
    name, first = ("令和", 2019) if day >= date(2019, 5, 1) else ("平成", 1989)
    year = day.year - first + 1
    return f"{name}{'元' if year == 1 else year}年{day.month}月{day.day}日"


@given(DAYS)
def test_days_of_japanese_eras_are_read(day: date) -> None:
    assert read(era(day)) == day


@given(DAYS)
def test_years_of_the_republic_of_china_are_read(day: date) -> None:
    year = day.year - 1911
    assert read(f"民國{year}年{day.month}月{day.day}日") == day
    if year > 99:
        assert read(f"{year}/{day:%m/%d}") == day
        assert read(f"{year}-{day.month}-{day.day}") == day


@given(DAYS)
def test_korean_dates_are_read_with_spaces_and_points(day: date) -> None:
    for text in ("{0.year}. {0.month}. {0.day}.", "{0.year}년 {0.month}월 {0.day}일"):
        assert read(text.format(day)) == day


@given(DAYS)
def test_years_of_the_buddhist_calendar_are_read(day: date) -> None:
    assert read(f"{day:%d/%m}/{day.year + 543}") == day
    assert read(f"{day.year + 543}-{day:%m-%d}") == day


@given(DAYS)
def test_full_width_and_arabic_digits_are_digits(day: date) -> None:
    text = f"{day:%Y/%m/%d}"
    wide = "".join(chr(ord(sign) + 0xFEE0) for sign in text)
    arabic = "".join(chr(0x0660 + int(sign)) if sign.isdigit() else sign for sign in text)
    assert read(wide) == read(arabic) == day


@given(DAYS, st.sampled_from(sorted(WEEKDAYS)))
def test_a_weekday_before_or_behind_a_date_is_ignored(day: date, language: str) -> None:
    weekday = WEEKDAYS[language][day.weekday()]
    assert read(f"{weekday}, {day:%d.%m.%Y}") == day
    assert read(f"{day.year}年{day.month}月{day.day}日（{'月火水木金土日'[day.weekday()]}）") == day
    assert read(f"{day:%A, %B %d, %Y}") == day


@given(DAYS, st.sampled_from(sorted(MONTHS_OF)))
def test_months_are_recognised_in_any_case(day: date, language: str) -> None:
    name = MONTHS_OF[language].split()[day.month - 1]
    for month in (name, name.upper(), name.lower()):
        assert read(f"{day.day} {month} {day.year}") == day
    assert read(f"{day.day} {name} {day.year} г.") == day


def test_a_month_is_not_taken_for_a_weekday() -> None:
    """In French and Spanish, mar is Tuesday too."""
    assert read("Mar 5, 2024") == date(2024, 3, 5)
    assert set(MONTHS.values()) == set(range(1, 13))


@given(st.dates(date(1900, 1, 1), date(2199, 12, 31)))
def test_a_year_of_four_digits_is_of_the_gregorian_calendar(day: date) -> None:
    assert read(f"{day.year}年{day.month}月{day.day}日") == day
    assert read(f"{day.year}/{day.month}/{day.day}") == day


@given(DAYS.map(date.isoformat) | DAYS.map(lambda day: f"{day:%d.%m.%Y}"))
def test_a_usual_date_is_unchanged(text: str) -> None:
    assert gregorian(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "民國113年13月1日",
        "令和6年2月30日",
        "12-3456-78",
        "113",
        "until 31.12.2024",
        "R6",
        "R1.2.3",
        "R0.9.12",
    ],
)
def test_other_texts_are_no_dates(text: str) -> None:
    assert read(text) is None


def test_the_first_days_of_an_era_belong_to_it() -> None:
    first = date(2019, 5, 1)
    assert read("令和1年5月1日") == read("令和元年5月1日") == first
    assert read("平成31年4月30日") == first - timedelta(days=1)
