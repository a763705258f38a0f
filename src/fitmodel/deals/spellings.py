"""How nothing is spelt: one list, so that training and scoring call the same texts missing.

Constants only: this file is on the path of a single prospect.
"""

from __future__ import annotations

# Exact spellings: "None" is what exports write for nothing, "none" may well be a level.
MISSING_TEXT = frozenset(
    {"", "-", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NaT", "<NA>"}
    | {"None", "null", "NULL", "Null"}
)
