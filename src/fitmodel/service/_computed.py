"""Slow computations of the service: each runs once in the background, and its value is kept.

ask -> "computing", with the current step -> ... -> the value, until its source changes
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from fitmodel.exceptions import FitModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

logger = logging.getLogger("fitmodel.service")
T = TypeVar("T")
STEP_SECONDS = 0.5


@dataclass(frozen=True)
class State(Generic[T]):
    """State of a computation: its value, or its current step, or the error that it ended with.

    Attributes
    ----------
    value : object or None
        The value; None while it is computed, and after an error.
    step : str
        Name of the current step; "" if there is none.
    problem : str
        Message of the error; "" without one.
    """

    value: T | None = None
    step: str = ""
    problem: str = ""


class Computed(Generic[T]):
    """Values by key, each computed once for each state of its source.

    Parameters
    ----------
    compute : callable
        Computes the value; called with the key and a function to report each step with.
    source : callable
        Returns a stamp of the data that the values are computed from; when the stamp changes, they
        are computed again.
    """

    def __init__(
        self,
        compute: Callable[[str, Callable[[str], None]], T],
        source: Callable[[], Hashable],
    ) -> None:
        self._compute, self._source = compute, source
        self._lock = threading.Lock()
        self._begun: dict[str, tuple[Hashable, Future[T]]] = {}
        self._steps: dict[str, str] = {}
        # One at a time, so that the processors stay free for requests.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="fitmodel-pages")

    def ask(self, key: str) -> State[T]:
        """Return the value, or the current step; start the computation if it is not running."""
        with self._lock:
            stamp = self._source()
            begun = self._begun.get(key)
            if begun is None or begun[0] != stamp:
                begun = (stamp, self._thread.submit(self._run, key))
                self._begun[key] = begun
        future = begun[1]
        if not future.done():
            return State(step=self._steps.get(key, ""))
        try:
            return State(value=future.result())
        except (FitModelError, OSError) as error:
            return State(problem=str(error))

    def wait(self, key: str, tell: Callable[[str], None] | None = None) -> State[T]:
        """Wait for the computation and return its state; `tell` is called with each step."""
        self.ask(key)
        future = self._begun[key][1]
        while tell is not None and not future.done():
            tell(self._steps.get(key, ""))
            wait_for([future], timeout=STEP_SECONDS)
        future.exception()
        return self.ask(key)

    def close(self) -> None:
        """Start no more computations."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _run(self, key: str) -> T:
        def tell(step: str) -> None:
            self._steps[key] = step

        try:
            return self._compute(key, tell)
        except (FitModelError, OSError) as error:
            facts: dict[str, Any] = {"page": key, "error": f"{type(error).__name__}: {error}"}
            logger.error("page not computed", extra={"facts": facts})  # noqa: TRY400 - a traceback could hold a name
            raise
