"""How many threads native libraries may use while something is learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import threadpool_limits


def native_threads(number: int) -> threadpool_limits:
    """Limit OpenMP and BLAS to so many threads, as a context.

    Idle OpenMP threads wait by spinning: two of them on two cores that somebody else uses made a
    fit of 23 ms take seconds. One thread is rarely slower and never a trap.
    """
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=number)
