"""Open questions about customers with a date of leaving who came back, or left in part only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from fitmodel.guessing._columns import named
from fitmodel.guessing._question import Question, is_worth_it

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fitmodel.deals.contract import DealSpec
    from fitmodel.guessing._columns import Column

MIN_WHOLE = 0.2  # share of leavers who lost the whole amount: both columns have the same unit
PART = 0.95  # of the amount; less than that was lost in part
_RETURNED = re.compile(
    r"\b(re ?activat\w*|re ?instat\w*|won back|win ?back|returned|came back|resum\w*|re ?join\w*"
    r"|re ?subscri\w*|restarted)\b|reaktivier|zurückgekehrt|zurückgewonnen|réactiv|reactiv|reativad"
    r"|riattiv|возвра|повторно|恢复|重新(激活|签约|开通)|回流|復帰|再開|再契約|재가입|재개"
)
_LOST = re.compile(
    r"\b(lost|churned?|cancell?ed|reduced|downgraded?) (arr|mrr|acv|amount|revenue|value)\b"
    r"|\b(arr|mrr|acv|amount|revenue) (lost|churned|reduced)\b"
    r"|(流失|损失|减少)的?(金额|收入|合同额)"
)


def about_partial_leaving(columns: list[Column], spec: DealSpec) -> Iterator[Question]:
    """Yield questions about leavers who came back, and about those who only reduced the contract.

    `columns`: columns of the kept rows.
    """
    left = named(columns, spec.deals.churned_on)
    if left is None:
        return
    free = [column for column in columns if column.name not in spec.role_columns]
    yield from _about_returned(free, left)
    amount = named(columns, spec.deals.amount)
    if amount is not None:
        yield from _about_parts(free, left, amount)


def _about_returned(columns: list[Column], left: Column) -> Iterator[Question]:
    """Yield a question if customers have a day on which they came back."""
    gone = left.real_dates
    for column in columns:
        if not (_RETURNED.search(column.words) and column.is_date):
            continue
        back = gone & column.real_dates
        back[back] = column.days[back] >= left.days[back]
        if not is_worth_it(back):
            continue
        days = (column.days[back] - left.days[back]).astype("timedelta64[D]").astype(int)
        yield Question(
            "no-real-leaving",
            column.name,
            f"{column.name}: {int(back.sum()):,} of {int(gone.sum()):,} customers with a date of "
            f"leaving came back after it, half of them within {int(np.median(days))} days. If they "
            "only paused or paid late, they did not leave, but count as having left",
            f"empty their date in {left.name!r} where they went on as customers; acknowledge it if "
            "they left and were won again",
        )
        return


def _about_parts(columns: list[Column], left: Column, amount: Column) -> Iterator[Question]:
    """Yield a question if leavers lost a part of their amount only."""
    gone = left.real_dates
    for column in columns:
        if not (_LOST.search(column.words) and column.is_number):
            continue
        lost, whole = np.abs(column.amounts.to_numpy()), amount.amounts.to_numpy()
        known = gone & (lost > 0) & (whole > 0)
        share = np.divide(lost, whole, out=np.ones_like(lost), where=known)
        part = known & (share < PART)
        is_whole = known & (share >= PART) & (share <= 1 / PART)
        if not is_worth_it(part) or is_whole.sum() < MIN_WHOLE * known.sum():
            continue
        yield Question(
            "no-real-leaving",
            column.name,
            f"{column.name}: {int(part.sum()):,} of {int(gone.sum()):,} customers with a date of "
            f"leaving lost only a part of {amount.name!r} (usually {np.median(share[part]):.0%}). "
            "If they reduced the contract, they did not leave, but count as having left",
            f"empty their date in {left.name!r} where they went on as customers; acknowledge it if "
            "they left",
        )
        return
