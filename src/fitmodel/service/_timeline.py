"""What the CRM recorded of one open prospect, in the order of time.

model's contract -> its tables of history, read once -> one prospect -> values, changes and events
"""

from __future__ import annotations

import math
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from fitmodel.crm.attributes import attributes_as_of
from fitmodel.crm.prospects import contract_of, open_history
from fitmodel.crm.timeline import timeline
from fitmodel.exceptions import DealsError
from fitmodel.language.catalogue import phrases
from fitmodel.scoring.crm_tables import database_tables

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from fitmodel.crm.prospects import ProspectHistory
    from fitmodel.crm.timeline import Timeline
    from fitmodel.deals.contract import DealSpec
    from fitmodel.following import ModelHolder
    from fitmodel.language.catalogue import Say
    from fitmodel.model.wording import Wording

SOURCE_WORDS = {
    "last change before": "source_changed",
    "old value of a later change": "source_before_first",
    "never changed": "source_never_changed",
    "not known": "source_unknown",
    "the table, as of today": "source_today",
}
NO_HISTORY = "the model's contract names no tables of history"


class Timelines:
    """Timelines of single prospects.

    Parameters
    ----------
    holder : ModelHolder
    tables : mapping of str to path, optional
        In place of the tables that the model's contract names.
    """

    def __init__(self, holder: ModelHolder, tables: Mapping[str, str] | None) -> None:
        self._holder, self._tables = holder, tables
        self._lock = threading.Lock()
        self._stamp: Hashable = None
        self._history: ProspectHistory | None = None

    def has_history(self) -> bool:
        """Whether the contract of the model in use names tables of history."""
        return contract_of(self._holder.model.manifest) is not None

    def of(self, cells: Mapping[str, str], language: str) -> dict[str, Any]:
        """The timeline of a prospect, given the cells of its row.

        Raises
        ------
        DealsError
            If the contract names no tables, the tables cannot be read, or the row has no id.
        """
        model = self._holder.model
        history = self._opened()
        spec = history.spec
        name = str(spec.deals.id)
        if not cells.get(name):
            raise DealsError(f"the prospect has no {name!r}, by which its history is found")
        row = pd.DataFrame([{key: text or None for key, text in cells.items()}], dtype=object)
        result = attributes_as_of(row, spec, history.tables)
        told = timeline(row, spec, history.tables, result, cells[name].strip())
        return _shown(told, model.scorer.wording.in_language(language), phrases(language, "desk"))

    def _opened(self) -> ProspectHistory:
        """The tables, read again where a file of them changed."""
        manifest = self._holder.model.manifest
        spec = contract_of(manifest)
        if spec is None:
            raise DealsError(NO_HISTORY)
        with self._lock:
            stamp = (self._holder.model.version, *_stamps(spec, self._tables or {}))
            if stamp != self._stamp or self._history is None:
                self._history = open_history(manifest, database_tables(spec, self._tables))
                self._stamp = stamp
            if self._history is None:
                raise DealsError(NO_HISTORY)
            return self._history


def _stamps(spec: DealSpec, given: Mapping[str, str]) -> list[float]:
    """When each file of the tables was written last; 0 of what is no file."""
    sections: dict[str, Any] = {**spec.history, **spec.events}
    places = [Path(str(given.get(name, each.table))) for name, each in sections.items()]
    return [place.stat().st_mtime if place.exists() else 0.0 for place in places]


def _shown(told: Timeline, wording: Wording, say: Say) -> dict[str, Any]:
    fields: Any = told.fields.itertuples()
    records: Any = told.records.itertuples()
    return {
        "as_of": str(told.moment.astype("datetime64[s]")),
        "fields": [
            {
                "label": wording.label(row.attribute),
                "value": _text(row.value),
                "today": _text(row.today),
                "source": say(SOURCE_WORDS[row.source]),
                "recorded_at": None if pd.isna(row.recorded_at) else row.recorded_at.isoformat(),
            }
            for row in fields
        ],
        "derived": [
            {"label": wording.label(str(name)), "value": _number(value)}
            for name, value in told.derived.items()
        ],
        "records": [
            {
                "at": row.at.isoformat(timespec="seconds"),
                "table": row.table,
                "what": row.what,
                "known": bool(row.known),
            }
            for row in records
        ],
    }


def _text(value: Any) -> str | None:
    return None if pd.isna(value) else str(value)


def _number(value: Any) -> float | str | None:
    if isinstance(value, str) or pd.isna(value):
        return None if pd.isna(value) else value
    number = float(value)
    return number if math.isfinite(number) else None
