"""Open questions about leavers who are missing.

At the beginning or at the end of the table, among the newest deals, or in one group of deals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fitmodel.deals.history_findings import (
    find_missing_leavers,
    find_quiet_end,
    find_quiet_group,
    find_sparse_end,
    find_young_without_leavers,
)
from fitmodel.deals.plain_words import toml_value
from fitmodel.deals.reading import read_deals_with_findings
from fitmodel.exceptions import DealsError
from fitmodel.guessing._question import Question

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from fitmodel.deals.contract import DealSpec

MIN_RATIO = 1.25  # of the early churn with and without missing leavers: training waits


def about_missing_leavers(
    kept: pd.DataFrame, spec: DealSpec, deals: pd.DataFrame | None
) -> Iterator[Question]:
    """Yield questions if leavers before, or after, some day seem to be missing."""
    if not spec.has_dates:
        return
    if deals is None:
        try:
            deals = read_deals_with_findings(kept, spec).table
        except DealsError:
            return  # read_deals reports the error
    yield from _about_last_leavers(deals, spec)
    missing = find_missing_leavers(deals, spec)
    if missing is None or spec.rows.settles("missing-leavers"):
        return
    horizon = spec.label.horizon_months
    yield Question(
        "missing-leavers",
        str(spec.deals.churned_on),
        f"{spec.deals.churned_on}: no customer is recorded to have left before "
        f"{missing.observed_from}, although {missing.expected:,.0f} were expected among "
        f"{missing.signed_before:,} deals signed before it (probability of none by chance "
        f"{missing.chance:.0e}). Were they deleted, or are they in another system? Early churn "
        f"within {horizon} months is {missing.rate:.1%} counted from that day on, and "
        f"{missing.rate_without:.1%} counted from the whole table",
        f'[deals] observed_from = "{missing.observed_from}"; acknowledge it if nobody left',
        must_answer=missing.rate > MIN_RATIO * missing.rate_without,
    )


def _about_last_leavers(deals: pd.DataFrame, spec: DealSpec) -> Iterator[Question]:
    """Yield the first of the questions about leavers missing at the end of the table."""
    checks = (_about_quiet_end, _about_sparse_end, _about_young, _about_quiet_group)
    yield from next((found for check in checks if (found := list(check(deals, spec)))), [])


def _about_quiet_end(deals: pd.DataFrame, spec: DealSpec) -> Iterator[Question]:
    """Yield a question if no leaver is recorded in a long time before the extract ends."""
    quiet = find_quiet_end(deals, spec)
    if quiet is None:
        return
    yield Question(
        "quiet-end",
        str(spec.deals.churned_on),
        f"{spec.deals.churned_on}: no customer is recorded to have left after {quiet.last_leaver}, "
        f"although {quiet.expected:,.0f} were expected until the extract ends on "
        f"{quiet.extract_end} (probability of none by chance {quiet.chance:.0e}). Was the extract "
        f"made before, or are later leavers missing? {quiet.unknown:,} customers count as known to "
        "have stayed only because of this time",
        f'[deals] observed_until = "{quiet.last_leaver}" and [rows] unobserved = "drop"; '
        "acknowledge it if nobody left",
    )


def _about_sparse_end(deals: pd.DataFrame, spec: DealSpec) -> Iterator[Question]:
    """Yield a question if far fewer leavers than usual are recorded before the extract ends."""
    sparse = find_sparse_end(deals, spec)
    if sparse is None:
        return
    left = spec.deals.churned_on
    yield Question(
        "sparse-end",
        str(left),
        f"{left}: {sparse.observed:,} customers are recorded to have left in the last "
        f"{sparse.days} days before the extract ends on {sparse.extract_end}, although "
        f"{sparse.expected:,.0f} were expected (probability of so few by chance "
        f"{sparse.chance:.0e}), and in no such time of the two years before there were so few. Are "
        "dates of leaving entered late? Then customers that have left count as still there",
        f'[deals] observed_until = "{sparse.complete_until}" and [rows] unobserved = "drop"; '
        "acknowledge it if fewer customers leave now",
    )


def _about_young(deals: pd.DataFrame, spec: DealSpec) -> Iterator[Question]:
    """Yield a question if hardly any leaver is recorded among the newest deals."""
    young = find_young_without_leavers(deals, spec)
    if young is None:
        return
    left, horizon = spec.deals.churned_on, spec.label.horizon_months
    yield Question(
        "newest-without-leavers",
        str(left),
        f"{left}: {young.observed:,} of the {young.deals:,} customers signed since {young.since} "
        f"are recorded to have left, although {young.expected:,.0f} were expected at the rates of "
        f"customers signed before (probability of so few by chance {young.chance:.0e}). Are dates "
        "of leaving not filled in for them yet? Then customers that have left count as still "
        f"there. Early churn within {horizon} months is {young.rate:.1%} among deals signed "
        f"before, and {young.rate_without:.1%} in the whole table",
        f'[deals] observed_until = "{young.since}" and [rows] unobserved = "drop", which leave '
        "these deals out; acknowledge it if they really stay, for example by a new minimum term",
        must_answer=young.rate > MIN_RATIO * young.rate_without,
    )


def _about_quiet_group(deals: pd.DataFrame, spec: DealSpec) -> Iterator[Question]:
    """Yield a question if the leavers of one group of deals end long before the extract."""
    quiet = find_quiet_group(deals, spec)
    if quiet is None:
        return
    yield Question(
        "quiet-group",
        quiet.column,
        f"{quiet.column}: no customer of the {quiet.deals:,} deals with {quiet.level!r} is "
        f"recorded to have left after {quiet.last_leaver}, although {quiet.expected:,.0f} were "
        f"expected until the extract ends on {quiet.extract_end}, at the rates that they had "
        f"before (probability of none by chance {quiet.chance:.0e}). Were these rows exported "
        "earlier? Then customers that have left since count as still there",
        "[deals] observed_until = a column with the day on which each row was exported (for these "
        f"rows about {quiet.last_leaver}); or [rows] drop = {{{toml_value(quiet.column)} = "
        f"[{toml_value(quiet.level)}]}}; acknowledge it if nobody of them left",
    )
