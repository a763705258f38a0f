"""Open questions about how contracts ended.

Customers who stopped, or never began, in another way than by leaving.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.guessing._columns import named
from fitmodel.guessing._names import has_name_of, name_rank
from fitmodel.guessing._question import MIN_ROWS, Question, is_worth_it
from fitmodel.leakage.names import is_later

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from fitmodel.deals.contract import DealSpec
    from fitmodel.guessing._columns import Column
    from fitmodel.tables.values import Mask

MAX_BOTH = 0.05  # share of rows with both dates up to which two dates exclude each other
MIN_AMONG_LEAVERS = 0.8  # share of leavers among the rows that name another contract
AT_ONCE_DAYS, MAX_LEVELS = 60, 25  # days after which who never began is gone; values of a category
MIN_AT_ONCE, MIN_SHARE_AT_ONCE = 10, 0.02  # rows of such a value
MIN_GONE, MAX_OTHERS_GONE = 0.9, 0.25  # share of its rows that left at once, and of all others
MOSTLY_LEAVERS = 0.95  # share of leavers among the filled rows of a reason for leaving
MAX_TESTS = 0.2  # if more names sound like tests, it is a word of the trade
_ENDED = re.compile(
    r"\b(downgrad\w*|revers\w+|void\w*|written off|write ?off|suspend\w*|deactivat\w*|disabled"
    r"|ceased"
    r"|chargeback|charged back|frozen|repossessed|moved to free|free (plan )?(since|from))\b"
    r"|storn|annull|zurückgesetzt|gesperrt|stillgelegt|anulad|suspendid|annulé|suspendu|estornad"
    r"|降级|作废|撤销|冻结|暂停|停用|停止日|休止|取消日|정지|аннулир|приостан|заблокир|anulowan"
    r"|zawieszon|sospes|stornat"
)
_NEVER_BEGAN = re.compile(
    r"\bcooling ?off|\bwithdrawn?\b|\bwithdrawal\b|\brevo(ked|cation)\b|\bbooked in error\b"
    r"|widerruf|rétract|desistimiento|arrependimento|ripensamento|herroep|odstąpi|cayma"
    r"|クーリングオフ|クーリング オフ|청약 ?철회|冷静期|犹豫期|撤单"
)
_CONTINUES = re.compile(
    r"\b(transferr?ed|moved|migrated|merged|converted|replaced|superseded|assigned|novated"
    r"|succeeded)"
    r" (to|into|by|with|under)\b|\b(new|successor|next|follow ?up|replacement|surviving|master)"
    r" (contract|account|customer|subscription|deal|policy)( (id|no|nr|number|key))?$"
    r"|nachfolge\w*|übertragen auf|umgezogen|zusammengelegt|repris par|transféré|traspasad"
    r"|transferid"
    r"|(转移|过户|合并|迁移)(到|至|给|后)|后续合同|(移行|统合|統合|承継|承继)先|이관|передан"
    r"|przeniesion|trasferit|overgezet"
)
_TEST_NAME = re.compile(
    r"\b(test|dummy|demo|sample|fake)[ _-]?(account|customer|company|user|client|kunde|konto|firma"
    r"|gmbh|inc|ltd|org|organi[sz]ation|tenant|deal|contract)\b"
    r"|\b(internal|training|qa)[ _-](demo|test|sandbox|account)\b|\bsandbox( account)?\b"
    r"|^(test|dummy|asdf+|qwerty|xxx+)([ _-]?(test|\d*))*$|\bdo not use\b"
    r"|测试(账号|客户|公司|用户)|テスト(用|アカウント|会社|顧客)|테스트 ?(계정|고객|회사)"
    r"|тест(овый|овая) (клиент|аккаунт|компания)",
    re.IGNORECASE,
)


def about_other_ends(columns: list[Column], spec: DealSpec) -> Iterator[Question]:
    """Yield questions about rows that ended, or never began, in another way than by leaving."""
    left = named(columns, spec.deals.churned_on)
    if left is None:
        return
    known = {*spec.role_columns, *spec.rows.chosen_by}
    free = [column for column in columns if column.name not in known and column.filled]
    yield from _about_another_end(free, left)
    yield from _about_never_began(free, left)
    closed = named(columns, spec.deals.closed_on)
    if closed is not None:
        yield from _about_gone_at_once(free, closed, left)
    yield from _about_continued(free, left)
    yield from _about_test_names(columns, spec)


def _about_another_end(columns: list[Column], left: Column) -> Iterator[Question]:
    """Yield a question if customers without a date of leaving have a date of another end."""
    gone = left.real_dates
    for column in columns:
        if not column.is_date or column.is_full:
            continue
        if not (_ENDED.search(column.words) or name_rank(column.words, "churned_on") in {0, 1}):
            continue
        ended = column.real_dates
        only = ended & ~gone
        if not is_worth_it(only) or (ended & gone).sum() > MAX_BOTH * ended.sum():
            continue
        yield Question(
            "another-end",
            column.name,
            f"{column.name}: {int(only.sum()):,} customers without a date in {left.name!r} have "
            "one here. If they stopped paying on that day, or the sale was reversed, they count as "
            "customers that stayed all the same",
            f"write the day into {left.name!r} if they left; [deals] exited_on = "
            f"{column.name!r} if "
            "they went for another reason; leave them out if they never were customers; or "
            "acknowledge it",
        )
        return


def _about_never_began(columns: list[Column], left: Column) -> Iterator[Question]:
    """Yield a question if rows were withdrawn before the contract took effect."""
    for column in columns:
        if not _NEVER_BEGAN.search(column.words) or has_name_of(column.words, "marked"):
            continue
        rows = _is_yes(column)
        if rows is None or not is_worth_it(rows) or rows.all():
            continue
        early = int((rows & left.real_dates).sum())
        yield Question(
            "never-began",
            column.name,
            f"{column.name}: {int(rows.sum()):,} contracts were withdrawn, of which {early:,} "
            f"have a "
            f"date in {left.name!r}. They count as customers, and most as early churners",
            f"leave them out with [rows] drop of the values of {column.name!r}; acknowledge it "
            f"if a "
            "withdrawal counts as leaving",
        )
        return


def _about_gone_at_once(columns: list[Column], closed: Column, left: Column) -> Iterator[Question]:
    """Yield a question if the rows with one value of a category nearly all left at once.

    Unpaid trials that were not converted, and pilots, are known by that in any language.
    """
    if closed.dates is None or left.dates is None:
        return
    signed = closed.dates.series
    seen = (signed <= signed.max() - pd.Timedelta(days=AT_ONCE_DAYS)).to_numpy()
    stay = (left.dates.series - signed).dt.days.to_numpy()
    at_once = left.real_dates & (stay <= AT_ONCE_DAYS)
    for column in columns:
        if not _may_say_who_began(column):
            continue
        codes, values = pd.factorize(column.cells.astype(object))
        if left.real_dates[codes >= 0].mean() > MOSTLY_LEAVERS:
            continue  # a reason, which is filled in for those who left
        rows = np.bincount(codes[seen & (codes >= 0)], minlength=len(values))
        gone = np.bincount(codes[seen & at_once & (codes >= 0)], minlength=len(values))
        for code in np.flatnonzero(
            rows >= max(MIN_AT_ONCE, MIN_SHARE_AT_ONCE * len(codes))
        ).tolist():
            others = seen & (codes != code)
            if gone[code] < MIN_GONE * rows[code] or at_once[others].mean() > MAX_OTHERS_GONE:
                continue
            yield Question(
                "never-began",
                column.name,
                f"{column.name}: {gone[code]:,} of {rows[code]:,} customers with {values[code]!r} "
                f"left within {AT_ONCE_DAYS} days of signing, and {at_once[others].mean():.0%} of "
                "all others. They may be trials or pilots that never became contracts, but count "
                "as early churners",
                f"leave them out with [rows] drop of {values[code]!r} in {column.name!r}; or "
                "acknowledge it if they were customers",
            )
            return


def _may_say_who_began(column: Column) -> bool:
    """Return whether a column is a category that may be known before a customer leaves."""
    if not column.is_text or column.is_date or not 1 < column.distinct <= MAX_LEVELS:
        return False
    later = is_later(column.words) or has_name_of(column.words, "status")
    return not (later or column.is_number)


def _is_yes(column: Column) -> Mask | None:
    """Return the rows in which a column says yes or has a date; None if it holds neither."""
    if column.is_date:
        return column.real_dates
    flags = column.flags
    if flags.unreadable.any():
        return None
    yes: Mask = flags.series.to_numpy(dtype=bool)
    return yes


def _about_continued(columns: list[Column], left: Column) -> Iterator[Question]:
    """Yield a question if customers who left seem to go on under another contract."""
    gone = left.real_dates
    for column in columns:
        if not _CONTINUES.search(column.words) or column.is_full:
            continue
        continues = _is_yes(column) if column.is_flag else column.cells.notna().to_numpy()
        if continues is None or not is_worth_it(continues & gone):
            continue
        count = int((continues & gone).sum())
        if count < MIN_AMONG_LEAVERS * continues.sum():
            continue
        yield Question(
            "no-real-leaving",
            column.name,
            f"{column.name}: {count:,} of {int(gone.sum()):,} customers with a date "
            "of leaving have another contract or account here. If they went on under it, they "
            "did not leave",
            f"empty their date in {left.name!r}, or merge both rows with [rows] customer; "
            "acknowledge it if they left",
        )
        return


def _about_test_names(columns: list[Column], spec: DealSpec) -> Iterator[Question]:
    """Yield a question if names of customers say that they are tests."""
    for column in columns:
        if not column.is_text or column.is_date or column.distinct <= MIN_ROWS:
            continue
        if not (has_name_of(column.words, "customer") or column.words.endswith("name")):
            continue
        if column.name in {spec.deals.rep, spec.deals.team}:
            continue
        names = [name for name in column.cells.dropna().unique() if _TEST_NAME.search(str(name))]
        tests = column.cells.isin(names).to_numpy(dtype=bool)
        if not MIN_ROWS <= tests.sum() <= MAX_TESTS * len(tests):
            continue
        yield Question(
            "rows-marked",
            column.name,
            f"{column.name}: {int(tests.sum()):,} of {len(tests):,} rows sound like tests, such as "
            f"{names[0]!r}, but would count as customers",
            "remove these rows from the file; acknowledge it if they are customers",
        )
        return
