"""Months are calendar months, counted so that a whole number of them is reached on one day."""

from __future__ import annotations

import calendar
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitmodel.deals.months import DAYS_PER_MONTH, add_months, months_between, to_days

DAYS = st.dates(date(1970, 1, 1), date(2100, 12, 31))
HORIZONS = st.integers(-60, 240)
SEEDED = settings(derandomize=True, deadline=None)


def _later(day: date, months: int) -> date:
    """The definition, in the standard library: same day of the month, or the month's last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


@SEEDED
@given(DAYS, HORIZONS)
def test_adding_months_gives_the_same_day_or_the_last_day_of_the_month(day, months):
    assert add_months(to_days(day), months)[0] == np.datetime64(_later(day, months))


@pytest.mark.parametrize(
    ("closed", "months", "reached"),
    [
        ("2023-01-31", 1, "2023-02-28"),
        ("2024-01-31", 1, "2024-02-29"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2024-02-29", 48, "2028-02-29"),
        ("2024-10-31", 5, "2025-03-31"),
        ("2023-12-31", 2, "2024-02-29"),
        ("2024-03-31", -1, "2024-02-29"),
    ],
)
def test_adding_months_at_the_end_of_a_month(closed, months, reached):
    assert add_months(to_days(closed), months)[0] == np.datetime64(reached)


@SEEDED
@given(DAYS, DAYS, HORIZONS)
def test_months_between_reaches_a_horizon_exactly_on_its_day(start, end, months):
    counted = months_between(to_days(start), to_days(end))[0]
    assert (counted <= months) == (end <= _later(start, months))
    assert (counted >= months) == (end >= _later(start, months))


@SEEDED
@given(DAYS, DAYS)
def test_months_between_increases_with_every_day(start, end):
    now, next_day = (months_between(to_days(start), to_days(e))[0] for e in (end, end + _DAY))
    assert now < next_day


_DAY = timedelta(days=1)


def test_a_missing_date_gives_missing_months():
    start, end = to_days(["2024-01-01", None]), to_days([None, "2024-01-01"])
    assert np.isnan(months_between(start, end)).all()
    assert np.isnat(add_months(start, 3)).tolist() == [False, True]


def test_hours_and_time_zones_do_not_change_the_day():
    evening = pd.Series(pd.to_datetime(["2024-03-01 23:30", None])).dt.tz_localize("Europe/Berlin")
    days = to_days(evening)
    assert days[0] == np.datetime64("2024-03-01")
    assert np.isnat(days[1])


def test_a_text_that_is_not_a_date_is_refused():
    with pytest.raises(ValueError, match="soon"):
        to_days(pd.Series(["2024-01-01", "soon"]))


def test_days_per_month_is_the_average_of_the_calendar_over_400_years():
    """The calendar repeats after 400 years, of which 97 are leap years."""
    days = (np.datetime64("2400-01-01") - np.datetime64("2000-01-01")).astype(int)
    assert days / DAYS_PER_MONTH == pytest.approx(4800, abs=0.2)
