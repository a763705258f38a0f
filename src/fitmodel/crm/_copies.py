"""Events that a table holds more than once: which rows are copies, and which of them count.

With an id of the event, rows of a deal with the same id are one event. Without it, nobody can know
whether two equal rows are two events: they count, and are reported where they look like copies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.crm._long_table import coded_texts
from fitmodel.crm._moments import DAY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fitmodel.crm._long_table import Rows
    from fitmodel.crm._moments import Ints
    from fitmodel.deals.contract import EventTable
    from fitmodel.tables.values import Mask

MAX_COPIED_DAYS, MIN_COPIED_DAYS = 0.5, 5  # more copies per event, and rows: a repeated export
ANSWER = (
    'name the column with the id of each event, such as event_id = "Id". Without one, write '
    'copies = "drop" if the export repeats rows, or copies = "keep" if these are different events'
)


def find_copies(
    rows: Rows,
    section: EventTable,
    codes: tuple[Any, Any],
    columns: Mapping[str, Any],
    is_valid: Mask,
) -> Mask:
    """Return the rows that are left out as copies of an event; report what is found.

    `codes`: codes of the deal and of the kind of each row.
    `columns`: `times`, `who` and `amounts` of each row.
    """
    table = pd.DataFrame({"deal": codes[0], "kind": codes[1], **columns})[is_valid]
    if section.event_id is not None:
        table["event"] = coded_texts(rows.column(section.event_id)).codes[is_valid]
        copies = _repeats(table[table["event"] >= 0], ["deal", "event"], len(is_valid))
        problem = "have the id of another row of their deal, and are not counted again"
        rows.note(copies, problem, "nothing, if these are copies", section.event_id)
        return copies
    copies = _repeats(table, list(table.columns), len(is_valid))
    if section.copies == "drop":
        problem = "are copies of another row and are not counted again"
        rows.note(copies, problem, "nothing, if the export repeats rows", section.at)
        return copies
    suspicious = copies & _looks_copied(columns["times"], copies, is_valid)
    if section.copies == "keep":
        suspicious = np.zeros(len(copies), dtype=bool)
    problem = "equal another row in every column that is read, and are counted again"
    rows.note(suspicious, problem, ANSWER, section.at, code="copied_events")
    return np.zeros(len(copies), dtype=bool)


def _repeats(table: pd.DataFrame, keys: list[str], count: int) -> Mask:
    """Return the rows that repeat the keys of another row; the earliest event is not one."""
    ordered = table.sort_values(["times", "amounts"], kind="stable")
    copies = np.zeros(count, dtype=bool)
    copies[ordered.index[ordered.duplicated(keys)]] = True
    return copies


def _looks_copied(times: Ints, copies: Mask, is_valid: Mask) -> Mask:
    """Return the rows that equal rows hardly are by chance.

    These are rows with a time of day. With a day only, two calls with the same person are nothing
    special, unless most rows have a copy, as in a file that was exported twice.
    """
    has_time = times % DAY != 0
    days = is_valid & ~has_time
    n_copies, n_events = int((days & copies).sum()), int((days & ~copies).sum())
    most_are_copied = n_copies >= MIN_COPIED_DAYS and n_copies > MAX_COPIED_DAYS * n_events
    result: Mask = has_time | most_are_copied
    return result
