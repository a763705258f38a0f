"""A column of moments is on one clock, whatever its cells are written like."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fitmodel.tables.moments import read_moments

STAMPS = st.datetimes(
    min_value=pd.Timestamp("1990-01-01").to_pydatetime(),
    max_value=pd.Timestamp("2090-01-01").to_pydatetime(),
)


def _read(cells, *args, **options):
    moments = read_moments(pd.Series(cells, dtype=object), *args, **options)
    return [None if np.isnat(each) else str(each)[:19] for each in moments.times]


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        ("2026-03-01", "2026-03-01T00:00:00"),
        ("2026-03-01T10:20:30", "2026-03-01T10:20:30"),
        ("2026-03-01 10:20", "2026-03-01T10:20:00"),
        ("2026-03-01T10:20:30Z", "2026-03-01T10:20:30"),
        ("2026-03-01T10:20:30.123+02:00", "2026-03-01T08:20:30"),
        ("2026-03-01T10:20:30.000+0000", "2026-03-01T10:20:30"),  # Salesforce
        ("2026-03-01 10:20:30 UTC", "2026-03-01T10:20:30"),  # BigQuery
        ("01.03.2026 10:20", "2026-03-01T10:20:00"),
        ("1 March 2026", "2026-03-01T00:00:00"),
        (1_772_360_430_000, "2026-03-01T10:20:30"),  # HubSpot's milliseconds
        (1_772_360_430, "2026-03-01T10:20:30"),
        (pd.Timestamp("2026-03-01 10:20:30"), "2026-03-01T10:20:30"),
    ],
)
def test_each_way_of_writing_gives_the_moment(cell, moment):
    assert _read([cell]) == [moment]


def test_the_afternoon_is_read():
    written = ["03/25/2026 1:05 PM", "03/25/2026 12:10 AM", "03/26/2026 11:00 AM"]

    assert _read(written) == ["2026-03-25T13:05:00", "2026-03-25T00:10:00", "2026-03-26T11:00:00"]


def test_a_zone_is_converted_and_a_date_alone_is_the_beginning_of_its_day_there():
    cells = ["2026-03-01T23:30:00Z", "2026-03-01", "2026-03-01T23:30:00"]

    read = _read(cells, "Asia/Shanghai")

    assert read == ["2026-03-02T07:30:00", "2026-03-01T00:00:00", "2026-03-01T23:30:00"]


def test_typed_stamps_and_their_text_are_one_moment():
    stamps = pd.Series(pd.to_datetime(["2026-03-01T23:30:00Z", "2026-07-01T08:00:00Z"], utc=True))

    typed = read_moments(stamps, "Europe/Berlin").times
    written = read_moments(stamps.astype("str"), "Europe/Berlin").times

    assert typed.tolist() == written.tolist()


def test_what_is_no_date_is_unreadable_and_what_is_empty_is_not():
    read = read_moments(pd.Series(["2026-03-01", "soon", None, ""], dtype=object))

    assert read.unreadable.tolist() == [False, True, False, False]
    assert np.isnat(read.times).tolist() == [False, True, True, True]


def test_dates_that_read_both_ways_are_told_until_the_contract_says_which():
    cells = ["03/04/2026", "05/06/2026"]

    assert read_moments(pd.Series(cells)).swapped
    assert not read_moments(pd.Series(cells), order="month first").swapped
    assert _read(cells, order="month first") == ["2026-03-04T00:00:00", "2026-05-06T00:00:00"]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STAMPS, min_size=1, max_size=5), st.sampled_from([0, 1, 2, -5, 8]))
def test_the_order_of_stamps_with_offsets_is_that_of_their_instants(stamps, hours):
    sign = "-" if hours < 0 else "+"
    texts = [
        f"{stamp.replace(microsecond=0).isoformat()}{sign}{abs(hours):02}:00" for stamp in stamps
    ]

    read = read_moments(pd.Series(texts)).times
    expected = [
        np.datetime64(stamp.replace(microsecond=0), "us") - np.timedelta64(hours, "h")
        for stamp in stamps
    ]

    assert read.tolist() == np.array(expected).tolist()
