"""How nothing is spelt: one list, so that training and scoring call the same texts missing.

numpy only: this file is on the path of a single prospect.
"""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import numpy as np

# Exact spellings: "None" is what exports write for nothing, "none" may well be a level.
MISSING_TEXT = frozenset(
    {"", "-", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NaT", "<NA>"}
    | {"None", "null", "NULL", "Null"}
)
FLOATS = (float, np.floating)
NO_NUMBER = frozenset({"<NA>", "NaT", "nan", "NaN", "sNaN"})  # of pandas, numpy and decimals


def is_missing(value: Any) -> bool:
    """Tell whether a value stands for "not known": None, NaN, NaT, empty text and its spellings."""
    if value is None:
        return True
    if isinstance(value, str):
        return value.strip() in MISSING_TEXT
    if isinstance(value, FLOATS):
        return math.isnan(value)
    if isinstance(value, date):  # a date's text would take longer than all the rest
        return bool(value != value)  # noqa: PLR0124 - NaT
    if isinstance(value, list | tuple | dict):  # nested a thousand deep it cannot be written out
        return False
    return str(value) in NO_NUMBER
