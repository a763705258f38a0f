"""Arrays and values stored on disk are read back unchanged."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitmodel.tables._spool import Levels, Spool, on_disk_table, unnamed_file

PARTS = st.lists(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=5), max_size=5)


@pytest.mark.parametrize("on_disk", [False, True])
@settings(max_examples=40)
@given(parts=PARTS)
def test_the_parts_of_an_array_are_joined_in_order(on_disk: bool, parts: list[list[int]]) -> None:
    spool = Spool(np.int32, on_disk=on_disk)
    for part in parts:
        spool.add(np.array(part))
    assert len(spool) == sum(map(len, parts))
    whole = spool.array()
    assert whole.dtype == np.int32
    assert whole.tolist() == [number for part in parts for number in part]


@pytest.mark.parametrize("on_disk", [False, True])
@settings(max_examples=40)
@given(parts=st.lists(st.lists(st.integers(-9, 9), max_size=4), max_size=4))
def test_cumulative_sums_continue_across_parts(on_disk: bool, parts: list[list[int]]) -> None:
    spool = Spool(np.int64, on_disk=on_disk)
    for part in parts:
        spool.add_running(np.array(part, dtype=np.int64))
    steps = [step for part in parts for step in part]
    assert spool.array().tolist() == np.cumsum(steps).tolist()


@pytest.mark.parametrize("on_disk", [False, True])
def test_a_strided_array_is_stored_correctly(on_disk: bool) -> None:
    spool = Spool(np.float64, on_disk=on_disk)
    spool.add(np.arange(10)[::2])
    assert spool.array().tolist() == [0.0, 2.0, 4.0, 6.0, 8.0]


def test_the_file_is_closed_when_its_owner_is_deleted() -> None:
    owner = type("Owner", (), {})()
    file = unnamed_file(owner)
    file.write(b"x")
    del owner
    assert file.closed


def test_batches_become_one_table_with_their_schema() -> None:
    schema = pa.schema([("n", pa.int64()), ("name", pa.string())])
    rows = [[(1, "a"), (2, None)], [], [(3, "上海")]]
    batches = [
        pa.record_batch([[n for n, _ in part], [name for _, name in part]], schema=schema)
        for part in rows
    ]
    table = on_disk_table(schema, batches)
    assert table.schema == schema
    assert table.equals(pa.Table.from_batches(batches))
    assert on_disk_table(schema, []).num_rows == 0
    assert on_disk_table(schema, []).schema == schema


VALUES = st.one_of(st.text(max_size=3), st.integers(0, 9), st.dates())


@pytest.mark.parametrize("on_disk", [False, True])
@settings(max_examples=40)
@given(parts=st.lists(st.lists(VALUES, max_size=4), max_size=4))
def test_the_code_of_each_value_gives_the_value(on_disk: bool, parts: list[list[object]]) -> None:
    levels = Levels(on_disk=on_disk)
    starts = [levels.add(part) for part in parts]
    everything = [value for part in parts for value in part]
    assert starts == [sum(map(len, parts[:position])) for position in range(len(parts))]
    assert len(levels) == len(everything)
    assert list(levels) == everything
    assert [levels[code] for code in range(len(levels))] == everything


@pytest.mark.parametrize("on_disk", [False, True])
def test_codes_can_be_repeated_in_any_order_and_minus_one_gives_none(on_disk: bool) -> None:
    levels = Levels(on_disk=on_disk)
    levels.add(["a", 7, ""])
    levels.add([date(2024, 2, 29), "a"])
    codes = np.array([4, 0, -1, 3, 1, 1, 2, -1])
    taken = levels.take(codes)
    assert taken.tolist() == ["a", "a", None, date(2024, 2, 29), 7, 7, "", None]
    assert levels.take(np.array([], dtype=np.int64)).tolist() == []
