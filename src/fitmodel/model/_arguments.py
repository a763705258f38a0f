"""Checks before scoring; no pandas, since this is on the path of a single prospect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from numbers import Integral
from typing import TYPE_CHECKING, Any

from fitmodel.deals.lost import lost_rows_of
from fitmodel.exceptions import ProspectError
from fitmodel.learning.columns import as_day

if TYPE_CHECKING:
    from datetime import date

    from fitmodel.model.assessment import Assessment
    from fitmodel.model.scorer import Scorer


def knowing_lost_rows(scorer: Scorer, manifest: Mapping[str, Any]) -> Scorer:
    """The scorer with the rules of the contract, where its own file has none."""
    lost = lost_rows_of(manifest.get("spec") or {})
    return replace(scorer, lost=lost) if lost and not scorer.lost else scorer


def check_reasons(reasons: int) -> None:
    """Refuse a number of reasons that is none.

    Raises
    ------
    ProspectError
    """
    if isinstance(reasons, bool) or not isinstance(reasons, Integral) or reasons < 0:
        raise ProspectError(f"reasons is {reasons!r}; give how many, 0 for none")


def assess_listed(
    scorer: Scorer,
    position: int,
    prospect: Any,
    reasons: int,
    day: float | None,
    language: str,
) -> Assessment:
    """Assess one prospect of a list; an error names its position.

    Raises
    ------
    ProspectError
    """
    if not isinstance(prospect, Mapping):
        raise ProspectError(
            f"prospect {position} of the list is {type(prospect).__name__}, not a mapping"
        )
    try:
        return scorer.assess(prospect, reasons, day, language)
    except ProspectError as error:
        raise ProspectError(f"prospect {position} of the list: {error}") from error


def day_or_none(as_of: date | None) -> float | None:
    """Day (since 1970) of a date; None of None."""
    return None if as_of is None else as_day(as_of)
