"""Open questions about rows: which are no new customers, and whom the rules leave out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.deals.plain_words import toml_value
from fitmodel.deals.vocabulary import kind_of_status, plain_value, plain_words, words_of
from fitmodel.guessing._columns import named
from fitmodel.guessing._leaver_questions import about_never_left
from fitmodel.guessing._names import has_name_of
from fitmodel.guessing._question import (
    MIN_ROWS,
    Question,
    is_worth_it,
    rows_with,
    rule_of,
    values_text,
)
from fitmodel.tables.vocabulary import plain_letters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fitmodel.deals.contract import DealSpec
    from fitmodel.guessing._columns import Column
    from fitmodel.tables.values import Mask

KNOWN_SALES = 0.95  # share of known values in a column whose name does not suggest kinds of sales
MAX_DATED_MARKED = 0.9  # marked rows of which more have left are marked because they left
MIN_DATED_LEFT_OUT = 0.8  # share of dates of leaving in a value that means a former customer
KNOWN_STATUS = 0.5  # minimum share of known values in a status with unknown ones
_REASON = re.compile(
    plain_letters(
        r"\b(cancel\w*|churn\w*|terminat\w*|leaving|loss|end) (reason|cause|type|kind|category)\b"
        r"|\breason (for|of) (cancel\w*|churn\w*|terminat\w*|leaving)|(kündigungs|abgangs)grund"
        r"|motivo (de |da |do )?(baja|cancel\w*|churn)|(motif|raison) (de |du )?(départ|résili\w*)"
        r"|(流失|取消|解约|退订|终止|离网|退会|離脱|해지|이탈|탈퇴)( ?(원인|사유|이유|유형)"
        r"|原因|理由|类型|类别)"
        r"|причин\w+ (ухода|отказа|оттока|расторжения)|powód (odejścia|rezygnacji|rozwiązania)"
        r"|motivo (della |di )?(disdetta|recesso)|(opzeg|vertrek)reden|reden (van )?(opzegging"
        r"|vertrek)|(iptal|ayrılma|fesih) (nedeni|sebebi)|سبب (الإلغاء|الفسخ)"
    )
)
_NO_LEAVING = re.compile(
    plain_letters(
        r"\b(upgrad\w*|downgrad\w*|migrat\w*|duplicat\w*|merged?|consolidat\w*|replaced|renewed"
        r"|plan chang\w*|chang\w* (of )?plan|switch\w* (of )?plans?|new (plan|contract"
        r"|subscription)"
        r"|moved to (a )?(new|other|another|annual|yearly|monthly) (plan|contract|subscription)"
        r"|test( account| order)?|created by mistake)\b"
        r"|tarifwechsel|vertragswechsel|umstellung|zusammengelegt|dublette|cambio de plan"
        r"|duplicad[oa]"
        r"|migra(do|da|ción|ção)|mudança de plano|changement de (formule|plan)|doublon"
        r"|^(contraction|partial)$|\bpartial(ly)? (churn|cancel|loss|lost)"
        r"|\b(seats?|licen[cs]es?) (reduced|reduction)\b|\breduced (seats|licen[cs]es)\b"
        r"|部分(流失|取消|退订|解约)|减少(席位|用户)|升级|降级|迁移|合并|重复|换套餐|变更套餐|续约新合同|测试"
        r"|(プラン|契約|コース)(変更|切替)|移行|統合|重複|テスト|(요금제|플랜|계약) ?(변경|전환)"
        r"|중복|통합|이관"
        r"|(смена|переход|изменение) (на )?(тариф|план|договор)|дубл|миграц|объединен"
        r"|zmiana (planu|taryfy|umowy)|duplikat|migracj|połączen|cambio (piano|contratto)"
        r"|migrazion|duplicat"
        r"|(pakket|contract|abonnements?)wijziging|samenvoeg|dubbel|(paket|tarife"
        r"|plan) değişikliği|mükerrer"
    )
)
_TO_OTHERS = re.compile(
    r"competitor|other (vendor|provider|tool|software|solution)|another (vendor|provider|tool"
    r"|software|solution)|wettbewerb|anderen? anbieter|competência|concorr|competenc"
    r"|concurren|竞品|竞争|友商"
)


def about_rows(columns: list[Column], spec: DealSpec) -> Iterator[Question]:
    """Yield questions about kept rows that may not be new customers, or may not have left."""
    left = named(columns, spec.deals.churned_on)
    dated = None if left is None else left.real_dates
    free = [column for column in columns if column.name not in spec.rows.chosen_by]
    yield from about_never_left(*_one_row_each(free, columns, spec, dated))
    yield from _about_sales(free, spec)
    yield from _about_free_plans(free)
    yield from _about_marked(free, spec, dated)
    yield from _about_unknown_status(columns, dated)
    yield from _about_reasons(free, dated)


def _one_row_each(
    free: list[Column], columns: list[Column], spec: DealSpec, dated: Mask | None
) -> tuple[list[Column], DealSpec, Mask | None]:
    """Return columns, contract and leavers with the first row of each customer only.

    Of customers with many rows, such as one for each invoice, each row would count as a customer.
    A customer with a date of leaving in any row counts as having left.
    """
    customer, closed = (named(columns, each) for each in (spec.rows.customer, spec.deals.closed_on))
    if customer is None or closed is None or dated is None:
        return free, spec, dated
    keys = customer.cells.astype(object).reset_index(drop=True)
    order = pd.Series(closed.days, dtype="datetime64[s]").sort_values(kind="stable").index
    first = np.sort(order[~keys[order].duplicated() & keys[order].notna()])
    gone = pd.Series(dated).groupby(keys).any()
    chosen = [type(column)(column.cells.iloc[first]) for column in free]
    return chosen, spec, keys[first].map(gone).to_numpy(dtype=bool)


def _about_sales(columns: Iterable[Column], spec: DealSpec) -> Iterator[Question]:
    """Yield a question if some rows are renewals or extensions of earlier deals."""
    if spec.rows.customer is not None or spec.rows.one_row_per is not None:
        return
    for column in columns:
        if not column.is_category:
            continue
        again = rows_with(column, lambda value: _is_sale(value, "again"))
        new = rows_with(column, lambda value: _is_sale(value, "new"))
        named = has_name_of(column.words, "sale")
        enough = new.any() and (named or (again | new).sum() >= KNOWN_SALES * column.filled)
        if not is_worth_it(again) or not enough:
            continue
        yield Question(
            "rows-not-new",
            column.name,
            f"{column.name}: {again.sum():,} of {len(again):,} rows are renewals or extensions "
            f"({values_text(column, again)}), but would count as new deals",
            f"[rows] drop = {{{rule_of(column, again)}}}; [rows] customer = the customer's id, if "
            "the table has one, merges them with the first deal; acknowledge it if each is a deal",
        )
        return


def _is_sale(value: str, key: str) -> bool:
    words = plain_words(value)
    known = words_of("sale", key)
    return words in known or re.sub(r" ?\b(pipeline|deal|sale)s?$", "", words) in known


def _about_free_plans(columns: Iterable[Column]) -> Iterator[Question]:
    """Yield a question if some rows are on a plan that nobody pays for."""
    free_words = words_of("plan", "free")
    for column in columns:
        if not (column.is_category and has_name_of(column.words, "plan")):
            continue
        free = rows_with(column, lambda value: plain_words(value) in free_words)
        if is_worth_it(free) and not free.all():
            yield Question(
                "free-plan",
                column.name,
                f"{column.name}: {free.sum():,} of {len(free):,} rows are on a free plan or in a "
                f"trial ({values_text(column, free)}), but would count as customers",
                f"[rows] drop = {{{rule_of(column, free)}}}; acknowledge it if these rows are "
                "signed contracts",
            )
            return


def _about_marked(
    columns: Iterable[Column], spec: DealSpec, dated: Mask | None
) -> Iterator[Question]:
    """Yield a question if a flag marks rows as tests, copies or deleted."""
    for column in columns:
        if column.name in spec.role_columns or not has_name_of(column.words, "marked"):
            continue
        flags = column.flags
        marked = flags.series.to_numpy(dtype=bool)
        if flags.unreadable.any() or not is_worth_it(marked) or marked.all():
            continue
        if dated is not None and dated[marked].mean() > MAX_DATED_MARKED:
            continue
        yield Question(
            "rows-marked",
            column.name,
            f"{column.name}: {marked.sum():,} of {len(marked):,} rows are marked "
            f"({values_text(column, marked)}). If these are tests, copies or deleted rows, they "
            "would count as customers all the same",
            f"[rows] drop = {{{rule_of(column, marked)}}}; acknowledge it if they are customers",
        )


def _about_unknown_status(columns: Iterable[Column], dated: Mask | None) -> Iterator[Question]:
    """Yield a question if rows without a date of leaving have a status that is not known."""
    if dated is None:
        return
    for column in columns:
        if not (column.is_category and has_name_of(column.words, "status")):
            continue
        kinds = {str(value): kind_of_status(str(value)) for value in column.cells.dropna().unique()}
        known = rows_with(column, lambda value: kinds[value] is not None)  # noqa: B023 - used at once
        unknown = column.cells.notna().to_numpy() & ~known & ~dated
        both = {"left", "active"} <= set(kinds.values())
        if not both or known.sum() < KNOWN_STATUS * column.filled or not is_worth_it(unknown):
            continue
        yield Question(
            "unknown-status",
            column.name,
            f"{column.name}: {unknown.sum():,} of {len(unknown):,} rows have no date of leaving "
            f"and a status whose meaning is not known ({values_text(column, unknown)}). They "
            "count as customers that stayed",
            f"[rows] drop = {{{rule_of(column, unknown)}}} if they are no customers; [deals] "
            "churned and churned_values if they left; acknowledge it if they are still customers",
        )
        return


def _about_reasons(columns: Iterable[Column], dated: Mask | None) -> Iterator[Question]:
    """Yield a question if the reasons of leaving say that some customers did not leave."""
    if dated is None:
        return
    for column in columns:
        if not column.is_text or not _REASON.search(column.words):
            continue
        stayed = rows_with(column, _is_no_leaving) & dated
        if not is_worth_it(stayed):
            continue
        yield Question(
            "no-real-leaving",
            column.name,
            f"{column.name}: by their reason {stayed.sum():,} of {dated.sum():,} customers with a "
            "date of leaving did not leave, or never were customers "
            f"({values_text(column, stayed)})",
            f"[rows] customer = the customer's id where a new row continues the contract; [rows] "
            f"drop = {{{rule_of(column, stayed)}}} for copies and tests; or empty their date of "
            "leaving in the file; acknowledge it if they left",
        )
        return


def _is_no_leaving(value: str) -> bool:
    words = plain_words(value)
    return bool(_NO_LEAVING.search(words)) and not _TO_OTHERS.search(words)


def about_left_out(table: pd.DataFrame, left: Column | None, spec: DealSpec) -> Iterator[Question]:
    """Yield a question if ``[rows] keep`` leaves out rows that have a date of leaving.

    `left`: the date of leaving of all rows.
    """
    for name, kept_values in spec.rows.keep.items():
        if left is None or name not in table.columns or name == left.name:
            continue
        values = table[name].astype("str").where(table[name].notna(), "").to_numpy()
        known = {plain_value(value) for value in kept_values}
        others = [value for value in np.unique(values) if plain_value(value) not in known]
        gone = [value for value in others if _had_left(values == value, left)]
        if not gone:
            continue
        rows = np.isin(values, gone)
        count = int((rows & left.real_dates).sum())
        proposed = ", ".join(map(toml_value, (*kept_values, *gone)))
        listed = ", ".join(f"{value} {int((values == value).sum()):,}" for value in gone)
        yield Question(
            "leavers-left-out",
            name,
            f"{name}: [rows] keep leaves out {rows.sum():,} rows ({listed}), of which {count:,} "
            f"have a date in {left.name!r}. They were customers that left, and without them fewer "
            "customers seem to leave",
            f'[rows] keep = {{"{name}" = [{proposed}]}}; acknowledge it if they never were '
            "customers",
            must_answer=True,
        )


def _had_left(rows: Mask, left: Column) -> bool:
    return bool(rows.sum() >= MIN_ROWS and left.real_dates[rows].mean() >= MIN_DATED_LEFT_OUT)
