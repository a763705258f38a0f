"""The CRM's records of one open prospect, in the order of time.

history tables of the model's contract, for one prospect -> values, changes and events
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from fitmodel.crm.attributes import attributes_as_of
from fitmodel.crm.timeline import timeline
from fitmodel.exceptions import DealsError
from fitmodel.language.catalogue import phrases
from fitmodel.tables.cells import level_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fitmodel.crm.requests import RequestHistories
    from fitmodel.crm.timeline import Timeline
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


class Timelines:
    """Timelines of single prospects, from the history tables of the model in use.

    Parameters
    ----------
    holder : ModelHolder
        The model in use.
    histories : RequestHistories
        History tables that the contract of the model names.
    """

    def __init__(self, holder: ModelHolder, histories: RequestHistories) -> None:
        self._holder, self._histories = holder, histories

    def has_history(self) -> bool:
        """Return whether the contract of the model in use names history tables."""
        return self._histories.of(self._holder.model).spec is not None

    def of(self, cells: Mapping[str, str], language: str) -> dict[str, Any]:
        """Return the timeline of a prospect, given the cells of its row.

        Raises
        ------
        DealsError, DatabaseError
            If the contract names no tables, the tables cannot be read, or the row has no id.
        """
        model = self._holder.model
        spec = self._histories.of(model).spec
        if spec is None:
            raise DealsError("the model's contract names no tables of history")
        name = str(spec.deals.id)
        prospect_id = level_text(cells.get(name, ""))
        if not prospect_id:
            raise DealsError(f"the prospect has no {name!r}, by which its history is found")
        history = self._histories.of(model).for_ids([prospect_id])
        if history is None:
            raise DealsError("the model's contract names no tables of history")
        row = pd.DataFrame([{key: text or None for key, text in cells.items()}], dtype=object)
        result = attributes_as_of(row, spec, history.tables)
        shown = timeline(row, spec, history.tables, result, prospect_id)
        return _shown(shown, model.scorer.wording.in_language(language), phrases(language, "desk"))


def _shown(shown: Timeline, wording: Wording, say: Say) -> dict[str, Any]:
    fields: Any = shown.fields.itertuples()
    records: Any = shown.records.itertuples()
    return {
        "as_of": str(shown.moment.astype("datetime64[s]")),
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
            for name, value in shown.derived.items()
        ],
        "records": [
            {
                "at": row.at.isoformat(timespec="seconds"),
                "table": _table(row.table, wording),
                "what": _what(row.what, wording),
                "known": bool(row.known),
            }
            for row in records
        ],
    }


def _table(section: str, wording: Wording) -> str:
    """Return a table's name from its section: "[events.activities]" gives "Activities"."""
    return wording.label(section.strip("[]").rpartition(".")[2])


def _what(text: str, wording: Wording) -> str:
    """Return the text of a change with the field's label; that of an event is not changed."""
    name, mark, value = text.partition(": ")
    return f"{wording.label(name)}{mark}{value}" if mark else text


def _text(value: Any) -> str | None:
    return None if pd.isna(value) else str(value)


def _number(value: Any) -> float | str | None:
    if isinstance(value, str) or pd.isna(value):
        return None if pd.isna(value) else value
    number = float(value)
    return number if math.isfinite(number) else None
