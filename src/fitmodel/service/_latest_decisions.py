"""The latest decision on every prospect, for the list: one look at the decision log for all rows.

decisions that were not undone and questions to a manager -> the latest of each prospect, one query
     -> found for a row by its id, in the spellings in which the log finds a prospect
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fitmodel.monitoring.deal_log import ASKED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fitmodel.monitoring.log import DecisionLog

KNOWN_IDS = 50_000  # ids whose spellings are kept: with a salt each one is hashed
LATEST = f"""
SELECT latest.prospect, latest.kind, latest.by, latest.time,
  (SELECT MAX(loose) FROM assessments WHERE prospect = latest.prospect),
  (SELECT COUNT(DISTINCT alike.prospect) FROM assessments AS alike WHERE alike.loose =
    (SELECT MAX(loose) FROM assessments WHERE prospect = latest.prospect))
FROM (
  SELECT prospect, kind, by, time,
    ROW_NUMBER() OVER (PARTITION BY prospect ORDER BY time DESC, number DESC) AS place
  FROM (
    SELECT prospect, action AS kind, by, time, number FROM decisions
      WHERE number NOT IN (SELECT decision FROM undone)
    UNION ALL
    SELECT prospect, '{ASKED}' AS kind, by, time, number FROM requests
  ) AS done
) AS latest
WHERE latest.place = 1
"""  # noqa: S608 - ASKED is a constant


@dataclass(frozen=True)
class Latest:
    """The latest decision on each prospect at one moment.

    Attributes
    ----------
    by_name : dict
        `kind`, `by` and `time` by the id as the log has it.
    by_loose : dict
        The same by the id without its case, where the log has one such prospect only.
    """

    by_name: Mapping[str, dict[str, str]]
    by_loose: Mapping[str, dict[str, str]]


class LatestDecisions:
    """Reads the latest decisions of a log.

    Parameters
    ----------
    log : DecisionLog
    """

    def __init__(self, log: DecisionLog) -> None:
        self._log = log
        self._spellings = lru_cache(maxsize=KNOWN_IDS)(self._spell)

    def read(self) -> Latest:
        """Those of now.

        Raises
        ------
        TrackingError
            If the log does not answer.
        """
        with self._log.store.reading() as cursor:
            found = cursor.execute(LATEST).fetchall()
        by_name, by_loose = {}, {}
        for name, kind, by, time, loose, alike in found:
            by_name[name] = said = {"kind": kind, "by": by, "time": time}
            if alike == 1:
                by_loose[loose] = said
        return Latest(by_name, by_loose)

    def on(self, prospect: str | None, latest: Latest) -> dict[str, Any] | None:
        """The one on a prospect, None where there is none; found as `DecisionLog.find` does."""
        if not prospect or not latest.by_name:
            return None
        *names, loose = self._spellings(prospect)
        exact = next((name for name in names if name in latest.by_name), None)
        return latest.by_loose.get(loose) if exact is None else latest.by_name[exact]

    def _spell(self, prospect: str) -> tuple[str, str, str]:
        log = self._log
        return log.known_as(prospect), log.kept(prospect), log.loosely_known_as(prospect)
