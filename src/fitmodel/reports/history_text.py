"""Texts of a deal's history that the command line prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from fitmodel.crm.timeline import SOURCES
from fitmodel.language.catalogue import phrases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fitmodel.crm.timeline import Timeline
    from fitmodel.language.catalogue import Say
    from fitmodel.leakage.later_values import LaterValue

SIX_DIGITS = 100_000
_KEYS = {text: f"source_{code}" for code, text in SOURCES.items()}


def later_values_text(changed: Sequence[LaterValue], language: str = "en") -> str:
    """Return the columns that changed after closing, for how many deals, and their effect."""
    say = phrases(language, "history")
    if not changed:
        return say("later_none")
    lines = [f"  {later_value_text(item, language)}" for item in changed]
    return "\n".join([say("later_head"), *lines])


def later_value_text(item: LaterValue, language: str = "en") -> str:
    """Return a text on one column whose values today differ from those at closing."""
    return phrases(language, "history")(
        "later",
        column=item.column,
        deals=f"{item.deals:,}",
        known=f"{item.known:,}",
        leavers=f"{item.among_leavers:.0%}",
        others=f"{item.among_others:.0%}",
        then=f"{item.auc_then:.2f}",
        today=f"{item.auc_today:.2f}",
    )


def timeline_text(shown: Timeline, language: str = "en") -> str:
    """Return a text on one deal: each field at closing and today, its attributes and events."""
    say = phrases(language, "history")
    lines = [say("timeline", deal=shown.deal, day=str(shown.moment.astype("datetime64[D]")))]
    fields: Any = shown.fields.itertuples()
    lines += [f"  {_field_text(row, say)}" for row in fields]
    lines += [
        f"  {name}: {say('not_known') if pd.isna(value) else _number(value)}"
        for name, value in shown.derived.items()
    ]
    lines.append(say("recorded"))
    records: Any = shown.records.itertuples()
    for row in records:
        mark = " " if row.known else "x"
        lines.append(f"  {mark} {row.at:%Y-%m-%d %H:%M}  {row.table}  {row.what}")
    lines.append(say("too_late"))
    return "\n".join(lines)


def _number(value: Any) -> str:
    """Six digits, or all before the point: an amount of millions is not written as 1e+06."""
    return f"{value:.0f}" if abs(value) >= SIX_DIGITS else f"{value:g}"


def _field_text(row: Any, say: Say) -> str:
    since = "" if pd.isna(row.recorded_at) else f" {row.recorded_at:%Y-%m-%d %H:%M}"
    later = say("later_changes", number=row.later_changes) if row.later_changes else ""
    return say(
        "field",
        name=row.attribute,
        value=say("empty") if pd.isna(row.value) else row.value,
        today=say("empty") if pd.isna(row.today) else row.today,
        source=say(_KEYS[row.source]) + since,
        later=later,
    )
