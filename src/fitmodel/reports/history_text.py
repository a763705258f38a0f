"""Text that the command line prints of a deal's history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fitmodel.crm.timeline import Timeline
    from fitmodel.leakage.later_values import LaterValue


def later_values_text(found: Sequence[LaterValue]) -> str:
    """What changed after closing, for how many deals, and what it would have pretended."""
    if not found:
        return "history: no column holds another value today than before closing"
    lines = [
        f"  {item.column}: {item.deals:,} of {item.known:,} deals hold another value today "
        f"({item.among_leavers:.0%} of early churners, {item.among_others:.0%} of the others). "
        f"Alone it tells early churners with AUC {item.auc_then:.2f} as of closing, and would "
        f"pretend {item.auc_today:.2f} with the values of today"
        for item in found
    ]
    head = "what would have leaked (these columns are used as they stood before closing):"
    return "\n".join([head, *lines])


def timeline_text(shown: Timeline) -> str:
    """One deal: each field at closing and today, its attributes, and what was recorded."""
    known = str(shown.moment.astype("datetime64[D]"))
    lines = [f"{shown.deal}, as of {known} (what was recorded before that day):"]
    fields: Any = shown.fields.itertuples()
    for row in fields:
        since = "" if pd.isna(row.recorded_at) else f" on {row.recorded_at:%Y-%m-%d %H:%M}"
        value = "(empty)" if pd.isna(row.value) else row.value
        now = "(empty)" if pd.isna(row.today) else row.today
        later = f"; {row.later_changes} later change(s)" if row.later_changes else ""
        lines.append(f"  {row.attribute}: {value}, today {now}; {row.source}{since}{later}")
    lines += [f"  {name}: {value:g}" for name, value in shown.derived.items()]
    lines.append("recorded, in the order of time:")
    records: Any = shown.records.itertuples()
    for row in records:
        mark = " " if row.known else "x"
        lines.append(f"  {mark} {row.at:%Y-%m-%d %H:%M}  {row.table}  {row.what}")
    lines.append("x: on the day of closing or later, so not used")
    return "\n".join(lines)
