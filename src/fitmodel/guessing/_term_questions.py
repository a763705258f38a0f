"""Open questions about an end: that of a term and not of leaving, or a year written wrongly."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from fitmodel.deals.months import add_months
from fitmodel.guessing._columns import columns_in_export, named
from fitmodel.guessing._question import Question

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fitmodel.deals.contract import DealSpec
    from fitmodel.guessing._columns import Column

MAX_YEARS_AHEAD = 10  # of an announced end after the last closing
MAX_SHOWN = 3
YEARS, DAYS_NEAR = 10, 1  # anniversaries that are looked at; days beside one that count too
MIN_ENDS, MIN_SHARE = 20, 0.1  # dates on an anniversary, and their share of all dates
_ENDS = re.compile(
    r"\b(end|ends|ended|ending|expir\w*|until|through)\b|ende$|^bis|fin\b|término|fim\b|到期|结束|截止"
    r"|終了|満了|종료|만료"
)
_LEFT = re.compile(r"\b(churn\w*|cancel\w*|terminat\w*|left|lost|quit)\b|流失|解约|退订|kündig")


def about_ends_of_terms(columns: list[Column], spec: DealSpec) -> Iterator[Question]:
    """Yield questions about years far ahead, and about ends that are whole years after signing.

    Customers who are still there often have the end of their first term in such a column. Customers
    with contracts of a year do leave on that day, which the dates alone cannot tell apart.
    """
    closed, left = (named(columns, each) for each in (spec.deals.closed_on, spec.deals.churned_on))
    if closed is None or left is None:
        return
    yield from _about_far_years(closed, left)
    if spec.deals.churned is not None:
        return
    if spec.rows.customer is not None:
        return  # a row for each term: the customer left with the last one
    if not _ENDS.search(left.words) or _LEFT.search(left.words):
        return
    if left.name in columns_in_export(columns, "churned_on"):
        return
    both = closed.real_dates & left.real_dates
    signed, ended = closed.days[both], left.days[both]
    on_day = np.zeros(len(ended), dtype=bool)
    for year in range(1, YEARS + 1):
        days = (ended - add_months(signed, 12 * year)).astype("timedelta64[D]").astype(int)
        on_day |= np.abs(days) <= DAYS_NEAR
    count = int(on_day.sum())
    if count < max(MIN_ENDS, MIN_SHARE * len(on_day)):
        return
    yield Question(
        "ends-of-terms",
        left.name,
        f"{left.name}: {count:,} of {len(on_day):,} dates are whole years after {closed.name!r}. "
        "If some are the ends of terms of customers who are still there, they would count as "
        "having left",
        "empty the date in the rows of customers who are still there; or name a column that says "
        "who left as [deals] churned; acknowledge it if all of them left",
    )


def _about_far_years(closed: Column, left: Column) -> Iterator[Question]:
    """Yield a question if dates of leaving are decades ahead, such as 2052 for 2025.

    A customer whose day lies after the extract has not left yet.
    """
    signed = closed.real_days
    if not len(signed):
        return
    far = left.real_dates.copy()
    limit = add_months(np.array([signed.max()]), 12 * MAX_YEARS_AHEAD)[0]
    far[far] = left.days[far] > limit
    if not far.any():
        return
    days = ", ".join(map(str, np.unique(left.days[far])[:MAX_SHOWN]))
    yield Question(
        "far-leaving",
        left.name,
        f"{left.name}: {int(far.sum()):,} of {int(left.real_dates.sum()):,} dates are more than "
        f"{MAX_YEARS_AHEAD} years after the last closing ({signed.max()}), such as {days}. If the "
        "year is a typing error, these customers have left, but count as still there",
        "correct the year; leave the date empty for customers who are still there; or acknowledge "
        "it",
    )
