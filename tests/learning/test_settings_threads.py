"""Native libraries get the contract's number of threads inside the context only."""

from __future__ import annotations

from threadpoolctl import threadpool_info, threadpool_limits

from fitmodel.learning.settings import native_threads


def most_threads() -> int:
    return max(pool["num_threads"] for pool in threadpool_info())


def test_the_thread_limit_holds_inside_the_context_only():
    with threadpool_limits(limits=2):
        with native_threads(1):
            assert most_threads() == 1
        assert most_threads() == 2
