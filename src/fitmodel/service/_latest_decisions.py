"""The latest decision on every prospect of the list, from one query of the decision log.

one query: decisions that were not undone, questions to a manager, ids assessed since the last query
     -> the latest of each prospect -> found by the id of a row, as the log finds a prospect
If the log is locked or not available, the list waits at most two seconds for it.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypedDict

from fitmodel.exceptions import TrackingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fitmodel.monitoring.log import DecisionLog

KNOWN_IDS = 50_000  # ids whose spellings are cached, because with a salt each one is hashed
ANSWER_SECONDS = 2.0  # a writer waits longer for a locked log, see `BUSY_SECONDS` of the store
OVERLAP = 1_000  # assessments read again: with several writers, higher numbers may commit first
LATEST_QUERY = """
SELECT action AS kind, prospect, by, time, number FROM decisions
  WHERE number NOT IN (SELECT decision FROM undone)
UNION ALL SELECT 'asked', prospect, by, time, number FROM requests
UNION ALL SELECT 'assessed', prospect, loose, '', MAX(number) FROM assessments
  WHERE number > ? GROUP BY prospect, loose
UNION ALL SELECT 'forgotten', '', '', '', MAX(number) FROM forgotten
ORDER BY 4, 5
"""


class Decision(TypedDict):
    """A decision on a prospect, or a question to a manager."""

    kind: str
    by: str
    time: str


class LatestDecisions:
    """The latest decision on each prospect, read from the log at every call.

    Only the ids under which the log has assessments are kept between calls.

    Parameters
    ----------
    log : DecisionLog
        The decision log to read.
    """

    def __init__(self, log: DecisionLog) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="fitmodel-decisions")
        self._pending_query: Future[list[Any]] | None = None
        self._spellings = lru_cache(maxsize=KNOWN_IDS)(self._spell)
        self._last = 0  # number of the last assessment that was read
        self._removals: int | None = None
        self._assessed: set[str] = set()  # ids as the log stores them
        self._ids_by_loose_id: dict[str, set[str]] = {}  # the same ids by the id in lower case

    def on(self, prospects: Sequence[str | None]) -> list[Decision | None]:
        """Return the latest decision on each of the prospects; None for one without a decision.

        Raises
        ------
        TrackingError
            If the log does not answer, or not within two seconds.
        """
        with self._lock:
            latest = self._read_latest()
            if latest is None:  # a prospect was forgotten: its id must leave the cache
                self._forget()
                latest = self._read_latest() or {}
            names = [self._find(name) if name and latest else "" for name in prospects]
        return [latest.get(name) for name in names]

    def _read_latest(self) -> dict[str, Decision] | None:
        """Return the latest decisions by id in the log; None if a prospect was forgotten since."""
        rows = self._rows_in_time()
        removals = next(number or 0 for kind, *_, number in rows if kind == "forgotten")
        if self._removals not in {None, removals}:
            return None
        self._removals = removals
        latest: dict[str, Decision] = {}
        for kind, prospect, by, time, number in rows:  # in the order of time
            if kind == "assessed":
                self._learn(prospect, loose=by, number=number)
            elif kind != "forgotten":
                latest[prospect] = {"kind": kind, "by": by, "time": time}
        return latest

    def _rows_in_time(self) -> list[Any]:
        """Return the rows of the query; while one query waits for the log, no other is started."""
        if self._pending_query is None or self._pending_query.done():
            self._pending_query = self._thread.submit(self._rows)
        try:
            return self._pending_query.result(timeout=ANSWER_SECONDS)
        except TimeoutError:
            raise TrackingError("the decision log does not answer") from None

    def _rows(self) -> list[Any]:
        with self._log.store.reading() as cursor:
            return list(cursor.execute(LATEST_QUERY, (self._last - OVERLAP,)).fetchall())

    def _learn(self, prospect: str, *, loose: str | None, number: int) -> None:
        """Remember an id that has assessments; those of older logs have no `loose`."""
        self._last = max(self._last, number)
        self._assessed.add(prospect)
        if loose is not None:
            self._ids_by_loose_id.setdefault(loose, set()).add(prospect)

    def _forget(self) -> None:
        self._last, self._removals = 0, None
        self._assessed, self._ids_by_loose_id = set(), {}
        self._spellings.cache_clear()

    def _find(self, prospect: str) -> str:
        """Return the prospect's id in the log, by the rule of `DecisionLog.find`, or ""."""
        *names, loose = self._spellings(prospect)
        matches = self._ids_by_loose_id.get(loose, set())
        unique_match = next(iter(matches)) if len(matches) == 1 else ""
        return next((name for name in names if name in self._assessed), unique_match)

    def _spell(self, prospect: str) -> tuple[str, str, str]:
        log = self._log
        return log.stored_id(prospect), log.kept(prospect), log.stored_id_without_case(prospect)
