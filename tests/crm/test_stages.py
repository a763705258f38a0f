"""Skipped and returned stages of a deal, counted from its rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitmodel.crm._history_rows import StageMoves, stage_steps

ORDER = ("lead", "demo", "offer", "won")
LEVELS = ["won", "lead", "offer", "demo", "parked"]
CODE = {level: code for code, level in enumerate(LEVELS)} | {None: -1}


def steps(*deals, stages=ORDER):
    """Skipped and returned stages per row; a deal is its first old value and its new values."""
    key, value, old, begins = [], [], [], []
    for number, (first, *rows) in enumerate(deals):
        for at, level in enumerate(rows):
            key.append(number)
            value.append(CODE[level])
            old.append(CODE[first if at == 0 else rows[at - 1]])
            begins.append(at == 0)
    arrays = (np.array(value, np.int32), np.array(old, np.int32), np.array(begins, bool))
    here = np.ones(len(key), dtype=bool)
    result = stage_steps(stages, LEVELS, np.array(key, np.int64), *arrays, here)
    return [each.tolist() for each in result]


def test_a_jump_skips_the_stages_between() -> None:
    assert steps(("lead", "demo", "offer", "won")) == [[0, 0, 0], [0, 0, 0]]
    assert steps(("lead", "offer")) == [[1], [0]]
    assert steps(("lead", "won")) == [[2], [0]]


def test_a_step_back_is_one_return_and_skips_nothing() -> None:
    assert steps(("offer", "lead", "won", "offer")) == [[0, 2, 0], [1, 0, 1]]


def test_an_unknown_or_unordered_stage_is_not_a_step() -> None:
    assert steps(("lead", "parked", "won")) == [[0, 0], [0, 0]]
    assert steps((None, "won")) == [[0], [0]]


def test_a_deal_begins_at_its_own_old_value() -> None:
    assert steps(("lead", "won"), ("lead", "demo")) == [[2, 0], [0, 0]]


def test_rows_of_other_fields_are_not_steps() -> None:
    arrays = (np.array([0, 1], np.int32), np.array([1, 0], np.int32), np.array([True, True]))
    skipped, returned = stage_steps(
        ORDER, LEVELS, np.array([0, 1]), *arrays, np.array([True, False])
    )

    assert (skipped.tolist(), returned.tolist()) == ([2, 0], [0, 0])


@given(
    st.lists(
        st.lists(st.sampled_from([None, *LEVELS[:4]]), min_size=2, max_size=6),
        min_size=1,
        max_size=3,
    )
)
def test_without_an_order_a_return_is_a_step_to_an_earlier_stage_of_the_deal(deals) -> None:
    skipped, returned = steps(*deals, stages=())
    expected = []
    for first, *rows in deals:
        seen = set() if first is None else {first}
        for level in rows:
            expected.append(int(level in seen))
            seen.add(level)

    assert returned == expected
    assert set(skipped) <= {0}


@pytest.mark.parametrize("ordered", [True, False])
def test_counts_between_two_rows_are_differences_of_cumulative_counts(ordered) -> None:
    skipped, returned = np.array([0, 2, 2, 3]), np.array([0, 0, 1, 1])
    moves = StageMoves(skipped if ordered else None, returned)
    start, stop = np.array([0, 1, 2]), np.array([3, 3, 2])
    counts = moves.between(start, stop)

    assert counts["returned"].tolist() == [1, 1, 0]
    assert list(counts) == (["skipped", "returned"] if ordered else ["returned"])
    if ordered:
        assert counts["skipped"].tolist() == [3, 1, 0]
