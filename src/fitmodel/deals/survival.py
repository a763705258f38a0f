"""Survival curves of customers: Kaplan-Meier, with unknown days of leaving, and replicates."""

from __future__ import annotations

from fitmodel.deals._kaplan_meier import MIN_AT_RISK, SurvivalCurve, kaplan_meier
from fitmodel.deals._survival_estimates import (
    LeavingTimes,
    leaving_times,
    survival_replicates,
    survival_with_unknown_days,
    with_unknown_days,
)

__all__ = [
    "MIN_AT_RISK",
    "LeavingTimes",
    "SurvivalCurve",
    "kaplan_meier",
    "leaving_times",
    "survival_replicates",
    "survival_with_unknown_days",
    "with_unknown_days",
]
