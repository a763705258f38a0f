"""The as-of moment of each deal, and the rows before it, compared with simple loops."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitmodel.crm._moments import (
    DAY,
    NOT_A_TIME,
    days_between,
    first_not_before,
    moments_of,
    rows_of,
)


def at(text: str) -> int:
    return int(np.datetime64(text, "us").astype(np.int64))


RANGES = st.lists(st.lists(st.integers(0, 9), max_size=6).map(sorted), min_size=1, max_size=5)


@given(RANGES, st.lists(st.integers(-1, 10), min_size=5, max_size=5))
def test_the_position_equals_that_of_a_search_in_each_range(ranges, moments) -> None:
    times = np.array([time for each in ranges for time in each], dtype=np.int64)
    stop = np.cumsum([len(each) for each in ranges]).astype(np.int64)
    start = stop - [len(each) for each in ranges]
    asked = np.array(moments[: len(ranges)], dtype=np.int64)
    result = first_not_before(times, start, stop, asked)

    expected = [
        first + int(np.searchsorted(each, moment, side="left"))
        for first, each, moment in zip(start.tolist(), ranges, asked.tolist(), strict=True)
    ]
    assert result.tolist() == expected


def test_the_input_ranges_are_not_changed() -> None:
    start, stop = np.array([0], dtype=np.int64), np.array([3], dtype=np.int64)
    first_not_before(np.array([1, 2, 3]), start, stop, np.array([2], dtype=np.int64))

    assert (start.tolist(), stop.tolist()) == ([0], [3])


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5)), max_size=6))
def test_rows_of_ranges_are_listed_with_their_range(ranges) -> None:
    start = np.array([first for first, _ in ranges], dtype=np.int64)
    stop = start + np.array([length for _, length in ranges], dtype=np.int64)
    positions, owner = rows_of(start, stop)

    assert positions.tolist() == [
        first + step for first, length in ranges for step in range(length)
    ]
    assert owner.tolist() == [
        number for number, (_, length) in enumerate(ranges) for _ in range(length)
    ]


@pytest.mark.parametrize(
    ("earlier", "later", "days"),
    [
        ("2026-03-01T23:59:59", "2026-03-02T00:00:01", 1),  # calendar days, not 24 hours
        ("2026-03-01T00:00:00", "2026-03-01T23:59:59", 0),
        ("2026-03-02", "2026-03-01", -1),
        ("1969-12-31T12:00", "1970-01-01T12:00", 1),
        ("2024-02-28", "2024-03-01", 2),
    ],
)
def test_days_are_calendar_days_also_before_1970(earlier, later, days) -> None:
    assert days_between(np.array([at(earlier)]), np.array([at(later)])).tolist() == [days]


def test_days_from_or_to_a_missing_moment_are_missing() -> None:
    moment = at("2026-03-01")
    days = days_between(np.array([NOT_A_TIME, moment]), np.array([moment, NOT_A_TIME]))

    assert np.isnan(days).all()


def test_a_deal_is_cut_before_its_closing_day_and_a_prospect_after_today(make_spec) -> None:
    spec = make_spec({})
    deals = pd.DataFrame({"closed_on": ["2026-03-10", "2026-05-01", "2026-05-02", None]})
    moments = moments_of(deals, spec, date(2026, 5, 1))

    assert moments.times.tolist() == [
        at("2026-03-10"), at("2026-05-01"), at("2026-05-02"), at("2026-05-02")
    ]  # fmt: skip
    assert moments.is_open.tolist() == [False, False, True, True]
    assert not moments.is_now


def test_known_before_days_moves_the_moment_earlier(make_spec) -> None:
    spec = make_spec({}, attributes={"known_before_days": 14})
    deals = pd.DataFrame({"closed_on": ["2026-03-10", None]})
    moments = moments_of(deals, spec, date(2026, 5, 1))

    assert moments.times.tolist() == [at("2026-02-24"), at("2026-05-02")]


def test_without_closing_dates_and_day_all_rows_are_prospects_as_of_now(
    make_spec,
) -> None:
    moments = moments_of(pd.DataFrame({"plan": ["a", "b"]}), make_spec({}))

    assert moments.is_open.all()
    assert moments.is_now
    assert len(set(moments.times.tolist())) == 1
    assert moments.times[0] % DAY == 0
