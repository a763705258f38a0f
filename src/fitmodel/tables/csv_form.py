"""The form of a CSV file: its dialect, where its table begins, and which rows are sums."""

from __future__ import annotations

from fitmodel.tables._csv_dialect import (
    SEPARATORS,
    MarkedEnd,
    column_names,
    header_fields,
    separator_of,
    values_with_next_row,
    writes_decimal_commas,
)
from fitmodel.tables._layout import find_top, total_rows

__all__ = [
    "SEPARATORS",
    "MarkedEnd",
    "column_names",
    "find_top",
    "header_fields",
    "separator_of",
    "total_rows",
    "values_with_next_row",
    "writes_decimal_commas",
]
