"""Markdown from results: every value is escaped, unless it is Markdown made in this module."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, is_dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

LONGEST_CELL = 120
"""Maximum number of characters of a value; a longer value ends in an ellipsis."""

# control characters, line separators and marks that change the text direction
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_ACTIVE = re.compile(r"([\\`*\[\]|~#!])")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_NO_VALUE = "–"  # noqa: RUF001  an en dash means "no number" in tables


class Markdown(str):
    """Text that is Markdown already, so it is not escaped again."""

    __slots__ = ()


def escape(value: Any) -> Markdown:
    """Escape a value so that Markdown or HTML in it has no effect, not even inside a table.

    Numbers are written with four significant digits, dates in ISO form, ``None`` and NaN as a dash;
    text becomes one line of at most `LONGEST_CELL` characters.
    """
    if isinstance(value, Markdown):
        return value
    text = " ".join(_UNPRINTABLE.sub(" ", _written(value)).split())
    if len(text) > LONGEST_CELL:
        text = text[: LONGEST_CELL - 1] + "…"
    return Markdown(_ACTIVE.sub(r"\\\1", text.translate(_ENTITIES)))


def sentence(value: Any) -> Markdown:
    """Escape running text, of any length."""
    text = " ".join(_UNPRINTABLE.sub(" ", str(value)).split())
    return Markdown(_ACTIVE.sub(r"\\\1", text.translate(_ENTITIES)))


def code(value: Any) -> Markdown:
    """Write a name as inline code; characters that would end the code or the cell are replaced."""
    text = " ".join(_UNPRINTABLE.sub(" ", str(value)).split())
    return Markdown(f"`{text.replace('`', chr(39)).replace('|', '/')}`")


def percent(value: Any) -> str:
    """Write a share as a percentage with three significant digits."""
    return _NO_VALUE if _is_missing(value) else f"{100.0 * float(value):.3g}%"


def table(columns: Iterable[Any], rows: Iterable[Iterable[Any]]) -> Markdown:
    """Write a Markdown table."""
    head = [escape(column) for column in columns]
    body = [[escape(cell) for cell in row] for row in rows]
    rule = [Markdown("---")] * len(head)
    return Markdown("\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *body)))


def table_of(records: Any, names: Mapping[str, str] | None = None) -> Markdown:
    """Write a DataFrame, or a sequence of mappings or dataclasses, as a Markdown table.

    Columns in `names` get the name given there; in the other names underscores become spaces. The
    text is empty where there are no rows.
    """
    frame = as_frame(records)
    if frame.empty:
        return Markdown("")
    given = names or {}
    columns = [given.get(name, name.replace("_", " ")) for name in map(str, frame.columns)]
    return table(columns, frame.itertuples(index=False, name=None))


def as_frame(records: Any) -> pd.DataFrame:
    """Return tabular results as a DataFrame whose first columns are a named index, if any."""
    if records is None:
        return pd.DataFrame()
    if hasattr(records, "to_frame") and not isinstance(records, pd.DataFrame):
        records = records.to_frame()
    if isinstance(records, pd.DataFrame):
        named = any(name is not None for name in records.index.names)
        return records.reset_index() if named else records
    if isinstance(records, Mapping):
        return pd.DataFrame({"name": list(records), "value": list(records.values())})
    return pd.DataFrame([_fields(each) for each in records])


def _fields(record: Any) -> Any:
    return asdict(record) if is_dataclass(record) and not isinstance(record, type) else record


def _written(value: Any) -> str:
    if _is_missing(value):
        return _NO_VALUE
    match value:
        case bool() | np.bool_():
            return "yes" if value else "no"
        case int() | float() | np.number():
            return _number(value)
        case date():
            return value.isoformat()[:10]
        case list() | tuple():
            return ", ".join(_written(each) for each in value)
    return str(value)


def _number(value: Any) -> str:
    """Write integers in full, others with four significant digits; large ones without exponent."""
    if isinstance(value, (int, np.integer)) or abs(value) >= 9_999.5:  # noqa: PLR2004  where .4g would need an exponent
        return f"{value:,.0f}"
    return f"{value:,.4g}"


def _is_missing(value: Any) -> bool:
    if value is None or value is pd.NaT or value is pd.NA:
        return True
    return isinstance(value, (float, np.floating)) and not math.isfinite(value)
