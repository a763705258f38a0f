"""One date as a whole day: the same for a single prospect as for a column of them.

numpy only: this file is on the path of a single prospect.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np

ISO_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ].*)?"
"""YYYY-MM-DD and perhaps a time of day, whatever it says (23:59:60 too): a day is all we take."""
_LENGTH = len("YYYY-MM-DD")
EPOCH = date(1970, 1, 1).toordinal()


def today() -> date:
    """The day from which dates are counted back where no closing date is given.

    That of UTC, whatever the clock of this machine shows: a prospect has the same probability on
    every machine and through every door.
    """
    return datetime.now(UTC).date()


def day_of(value: Any) -> int | None:
    """Days since 1970 of a date, of any kind of timestamp, or of ISO text; None of anything else.

    The hours are dropped, and a time zone with them: the day is that of the zone's own clock.
    """
    if isinstance(value, str):
        return _day_of_text(value.strip())
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else int(value.astype("datetime64[D]").astype("int64"))
    if isinstance(value, date) and value == value:  # noqa: PLR0124 - NaT
        if value.year > date.max.year:  # pandas knows years that Python does not
            return day_of(np.datetime64(f"{value.year}-{value.month:02}-{value.day:02}"))
        return value.toordinal() - EPOCH
    return None


def _day_of_text(text: str) -> int | None:
    dashed = text[4:5] == "-" == text[7:8] and text[_LENGTH : _LENGTH + 1] in {"", "T", " "}
    if not dashed:
        return None
    try:
        return date.fromisoformat(text[:_LENGTH]).toordinal() - EPOCH
    except ValueError:
        return None
