"""The problems of a table: errors, and warnings that do not block training."""

from __future__ import annotations

from fitmodel.deals._errors import (
    Problem,
    Sheet,
    exchanged_problem,
    explain,
    find_warnings,
    notation_warnings,
    shown,
)
from fitmodel.deals._validation import errors_of, find_errors, shape_errors

__all__ = [
    "Problem",
    "Sheet",
    "errors_of",
    "exchanged_problem",
    "explain",
    "find_errors",
    "find_warnings",
    "notation_warnings",
    "shape_errors",
    "shown",
]
