"""Native libraries get as many threads as the contract allows, and theirs back afterwards."""

from __future__ import annotations

from threadpoolctl import threadpool_info, threadpool_limits

from fitmodel.learning.settings import native_threads


def most_threads() -> int:
    return max(pool["num_threads"] for pool in threadpool_info())


def test_the_limit_holds_inside_and_ends_outside():
    with threadpool_limits(limits=2):
        with native_threads(1):
            assert most_threads() == 1
        assert most_threads() == 2
