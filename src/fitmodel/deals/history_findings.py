"""What a history of deals shows before anything is learned from it.

Horizons side by side, longer contract terms, a level that has shifted, missing leavers, and exits
for another reason. The modules behind this one are private to the room.
"""

from __future__ import annotations

from fitmodel.deals._competing_exits import cumulative_incidence, note_on_exits
from fitmodel.deals._history_tests import find_level_shift, find_missing_leavers
from fitmodel.deals._horizons import (
    MIN_DEALS,
    candidate_columns,
    compare_horizons,
    contract_warnings,
    find_bound_deals,
    horizons_text,
    questions_about_horizon,
    terms_of,
)
from fitmodel.deals._quiet_end import find_quiet_end

__all__ = [
    "MIN_DEALS",
    "candidate_columns",
    "compare_horizons",
    "contract_warnings",
    "cumulative_incidence",
    "find_bound_deals",
    "find_level_shift",
    "find_missing_leavers",
    "find_quiet_end",
    "horizons_text",
    "note_on_exits",
    "questions_about_horizon",
    "terms_of",
]
