"""A column of timestamps in any notation is converted to one time zone."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fitmodel.tables.moments import days_not_in_iso, form_of_days, read_moments
from fitmodel.tables.values import DateForm

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
def test_each_notation_gives_the_timestamp(cell, moment):
    assert _read([cell]) == [moment]


def test_am_and_pm_are_read():
    written = ["03/25/2026 1:05 PM", "03/25/2026 12:10 AM", "03/26/2026 11:00 AM"]

    assert _read(written) == ["2026-03-25T13:05:00", "2026-03-25T00:10:00", "2026-03-26T11:00:00"]


def test_time_zones_are_converted_and_a_date_means_the_start_of_its_day():
    cells = ["2026-03-01T23:30:00Z", "2026-03-01", "2026-03-01T23:30:00"]

    read = _read(cells, "Asia/Shanghai")

    assert read == ["2026-03-02T07:30:00", "2026-03-01T00:00:00", "2026-03-01T23:30:00"]


def test_typed_timestamps_and_their_texts_give_the_same_result():
    stamps = pd.Series(pd.to_datetime(["2026-03-01T23:30:00Z", "2026-07-01T08:00:00Z"], utc=True))

    typed = read_moments(stamps, "Europe/Berlin").times
    written = read_moments(stamps.astype("str"), "Europe/Berlin").times

    assert typed.tolist() == written.tolist()


def test_a_text_that_is_not_a_date_is_unreadable_but_an_empty_cell_is_not():
    read = read_moments(pd.Series(["2026-03-01", "soon", None, ""], dtype=object))

    assert read.unreadable.tolist() == [False, True, False, False]
    assert np.isnat(read.times).tolist() == [False, True, True, True]


def test_ambiguous_dates_are_reported_unless_the_order_is_given():
    cells = ["03/04/2026", "05/06/2026"]

    assert read_moments(pd.Series(cells)).is_ambiguous
    assert not read_moments(pd.Series(cells), order="month first").is_ambiguous
    assert _read(cells, order="month first") == ["2026-03-04T00:00:00", "2026-05-06T00:00:00"]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STAMPS, min_size=1, max_size=5), st.sampled_from([0, 1, 2, -5, 8]))
def test_timestamps_with_offsets_are_converted_to_utc(stamps, hours):
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


@pytest.mark.parametrize(
    ("cells", "moments"),
    [
        ([45_351.5, 45_351], ["2024-02-29T12:00:00", "2024-02-29T00:00:00"]),
        (["45351.25", "45351.999988"], ["2024-02-29T06:00:00", "2024-02-29T23:59:59"]),
        (["20240229"], ["2024-02-29T00:00:00"]),
        (["2024/02/29 7:05"], ["2024-02-29T07:05:00"]),
        (["29.02.2024, 23:59:59"], ["2024-02-29T23:59:59"]),
        (["29/02/2024 7h05"], ["2024-02-29T07:05:00"]),
        (["02/29/2024 12:30 pm"], ["2024-02-29T12:30:00"]),
        (["02/29/2024 12:30am"], ["2024-02-29T00:30:00"]),
        (["2024/2/29 下午3:05"], ["2024-02-29T15:05:00"]),
        (["2024/2/29 上午 3:05"], ["2024-02-29T03:05:00"]),
        (["2024年2月29日 午後 0:05"], ["2024-02-29T12:05:00"]),
        (["2024. 2. 29. 오후 3:05:10"], ["2024-02-29T15:05:10"]),
        (["29 Feb 2024 11:59:58.5 PM"], ["2024-02-29T23:59:58"]),
        ([pd.Timestamp("2024-02-29 10:20:30").date()], ["2024-02-29T00:00:00"]),
        (["2024-02-29T10:20:30,5"], ["2024-02-29T10:20:30"]),
        (["2024-02-29T10:20+02"], ["2024-02-29T08:20:00"]),
        (["2024-02-29T10:20:30 +0530"], ["2024-02-29T04:50:30"]),
        (["2024-03-01T00:30+01:00"], ["2024-02-29T23:30:00"]),
        (["2024-02-30", "2024-02-29T25:00"], [None, None]),
        ([True, "2024-02-29"], [None, "2024-02-29T00:00:00"]),
    ],
)  # fmt: skip
def test_the_time_of_day_is_kept_in_every_form_of_date(cells, moments):
    assert _read(cells) == moments


def test_fractions_of_a_second_are_kept():
    cells = pd.Series(["2024-02-29T10:20:30.123456Z", "2024-02-29T10:20:30.5"])
    assert [str(each)[19:] for each in read_moments(cells).times] == [".123456", ".500000"]
    milliseconds = read_moments(pd.Series([1_709_202_030_123, 1_709_202_030_001])).times
    assert [str(each)[17:] for each in milliseconds] == ["30.123000", "30.001000"]


ZONES = ["Europe/Berlin", "Asia/Kolkata", "America/Los_Angeles", "UTC"]


@settings(max_examples=30)
@given(STAMPS, st.sampled_from(ZONES))
def test_an_instant_is_converted_to_the_time_zone(stamp, zone):
    instant = pd.Timestamp(stamp.replace(microsecond=0), tz="UTC")
    clock = instant.tz_convert(zone).strftime("%Y-%m-%dT%H:%M:%S")
    seconds = int(instant.timestamp())
    for cells in ([instant.isoformat()], [seconds], [seconds * 1000], [instant]):
        assert _read(cells, zone) == [clock]
    typed = read_moments(pd.Series([instant]), zone).times
    assert str(typed[0])[:19] == clock


@pytest.mark.parametrize("kind", ["datetime64[s]", "datetime64[ns]", "timestamp[us][pyarrow]"])
def test_typed_timestamps_without_a_zone_are_not_converted(kind):
    stamps = pd.Series(pd.to_datetime(["2024-02-29 10:20:30", None])).astype(kind)
    moments = read_moments(stamps, "Asia/Tokyo")
    assert [str(each)[:19] for each in moments.times] == ["2024-02-29T10:20:30", "NaT"]
    assert not moments.unreadable.any()


@pytest.mark.parametrize(
    "cells",
    [
        (44_197.5, 45_352, datetime(2024, 2, 29, 6)),  # noqa: DTZ001 - as a workbook has it
        (44_197.5, 45_352, "2024-02-29 6:00"),
        ("44197.5", "45352", "2024-02-29 6:00"),
        (1_609_502_400, 1_709_251_200, datetime(2024, 2, 29, 6)),  # noqa: DTZ001
        ("1609502400", "1709251200", "2024-02-29 6:00"),
    ],
)
def test_a_date_among_serial_numbers_or_seconds_is_read(cells):
    noon, midnight, six = "2021-01-01T12:00:00", "2024-03-01T00:00:00", "2024-02-29T06:00:00"
    assert _read(cells) == [noon, midnight, six]
    assert _read(cells[::-1]) == [six, midnight, noon]


PARTS = [
    ["25/01/2024 10:00", "03/04/2024"],
    ["01/25/2024 10:00", "03/04/2024"],
    ["44197.5", "45352"],
    [1_709_202_030_123, 1_709_202_030_000],
    ["2024-02-29T10:20Z", "25.01.2024"],
    ["5 March 2024 7:00 PM", None, "soon"],
]


@pytest.mark.parametrize("cells", PARTS)
def test_a_column_read_in_parts_gives_the_same_result(cells):
    column = pd.Series(cells, dtype=object)
    whole = read_moments(column)
    form, is_ambiguous = form_of_days(days_not_in_iso(cells))
    parts = [read_moments(column.iloc[[row]], form=form) for row in range(len(cells))]
    np.testing.assert_array_equal(np.concatenate([part.times for part in parts]), whole.times)
    np.testing.assert_array_equal(
        np.concatenate([part.unreadable for part in parts]), whole.unreadable
    )
    assert is_ambiguous == whole.is_ambiguous


def test_the_form_is_decided_by_the_values_that_are_not_iso_timestamps():
    cells = [
        "2024-02-29", "2024-02-29T10:20Z", "25/01/2024 10:00", "25/01/2024", None, 45_351.75,
        "45351.25", 1_709_202_030, 1_709_202_031,
    ]  # fmt: skip
    assert days_not_in_iso(cells) == {"25/01/2024", 45_351.0, "45351.0", 1.71e9}
    assert form_of_days([]) == (None, False)
    assert form_of_days({"03/04/2024"}) == (DateForm("day first"), True)
    assert form_of_days({"03/04/2024"}, "month first") == (DateForm("month first"), False)
    assert form_of_days({"03/04/2024", "13/04/2024"}) == (DateForm("day first"), False)
