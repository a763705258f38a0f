"""Open questions about ids: which rows belong to one customer, and whether ids can tell it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.deals.roles import left_flag
from fitmodel.guessing._columns import columns_in_export, named
from fitmodel.guessing._names import has_name_of
from fitmodel.guessing._question import Question
from fitmodel.guessing._rows import find_repeats, is_deal_id
from fitmodel.tables.values import flag_text, level_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.validation import Sheet
    from fitmodel.guessing._columns import Column
    from fitmodel.guessing._rows import Repeats

    _Spellings = dict[str, dict[str, int]]  # rows of each spelling, by "yes" and "no"

MIN_ALIKE, MIN_SHARE_ALIKE = 3, 0.005  # ids that differ only in capitals and spaces
MIN_CONTRADICTING, MIN_SHARE_CONTRADICTING = 3, 0.05  # customers with rows that contradict
MIN_COMPARED = 4  # columns besides ids with which rows can be recognised as copies
MIN_COPIES, MIN_SHARE_COPIES, TIMES_BY_CHANCE = 5, 0.01, 5  # rows equal but for their ids
MIN_FLAGS = 0.6  # minimum share of yes and no in a column of yes, no and other values
MARK = "x"  # means yes beside yes and no; alone it may be any code
MAX_SHOWN = 5  # different values shown of a column
MIN_LONG_ID, LOST_DIGITS = 1e11, 1e5  # a spreadsheet keeps six digits of a longer id
_SCIENTIFIC = re.compile(r"\d([.,]\d+)?[eE]\+\d+")


def about_ids(columns: list[Column], sheet: Sheet, spec: DealSpec) -> Iterator[Question]:
    """Yield questions about ids that repeat, that are alike or have lost digits, and copies."""
    yield from _about_repeats(columns, spec)
    yield from _about_alike(columns, spec)
    yield from _about_levels(columns, spec)
    yield from _about_snapshots(columns, spec)
    yield from _about_first_amounts(columns, spec)
    yield from _about_duplicates(sheet, spec)


def has_lost_digits(column: Column) -> bool:
    """Return whether all ids of a column are rounded, as in 1.23457E+15."""
    cells = column.cells.dropna()
    if not len(cells):
        return False
    if pd.api.types.is_numeric_dtype(cells.dtype):
        numbers = cells.to_numpy(dtype=np.float64)
        return bool((numbers >= MIN_LONG_ID).all() and (numbers % LOST_DIGITS == 0).all())
    return bool(cells.astype("str").str.fullmatch(_SCIENTIFIC).all())


def _about_repeats(columns: list[Column], spec: DealSpec) -> Iterator[Question]:
    """Yield a question for each column of ids that occur in several rows."""
    if spec.rows.one_row_per is not None:
        return
    customer = next(iter(columns_in_export(columns, "customer")), None)
    for repeats in find_repeats(columns, customer):
        if has_lost_digits(repeats.column):
            yield _lost_digits(repeats)
            continue
        if spec.rows.customer is not None:
            continue
        what = "customer" if repeats.of_customer else "deal"
        yield Question(
            "repeated-id",
            repeats.column.name,
            f"{repeats.column.name}: {repeats.column.distinct:,} different values in "
            f"{repeats.column.filled:,} rows, so the table does not have one row per {what}",
            f'[rows] customer = "{repeats.column.name}" merges the rows of each value; '
            'one_row_per = "deal" means that each row is a separate deal',
        )


def _about_duplicates(sheet: Sheet, spec: DealSpec) -> Iterator[Question]:
    """Yield a question if rows are equal in every column."""
    table = sheet.table
    copies = table.duplicated()
    if copies.any() and spec.rows.customer is None:
        yield Question(
            "repeated-rows",
            "",
            f"{int(copies.sum()):,} of {len(table):,} rows are equal to an earlier row, such as "
            f"{sheet.row(int(copies.to_numpy().argmax()))}",
            "remove the copies from the table, or acknowledge that they are separate deals",
        )
    elif not copies.any() and spec.rows.customer is None:
        yield from _about_copies_under_other_ids(sheet, spec)


def _about_copies_under_other_ids(sheet: Sheet, spec: DealSpec) -> Iterator[Question]:
    """Yield a question if many more rows than by chance are equal but for their ids."""
    closed = spec.deals.closed_on
    unique = [name for name in sheet.table.columns if sheet.table[name].is_unique]
    table = sheet.table.drop(columns=unique)
    if not unique or closed is None or closed not in table.columns or table.shape[1] < MIN_COMPARED:
        return
    copies = table.duplicated()
    if copies.sum() < max(MIN_COPIES, MIN_SHARE_COPIES * len(table)):
        return
    order = np.random.default_rng(0).permutation(len(table))
    by_chance = table.assign(**{closed: table[closed].to_numpy()[order]}).duplicated().sum()
    if copies.sum() < TIMES_BY_CHANCE * (by_chance + 1):
        return
    yield Question(
        "repeated-rows",
        "",
        f"{int(copies.sum()):,} of {len(table):,} rows are equal to an earlier row in every column "
        f"but {', '.join(map(repr, unique))}, such as "
        f"{sheet.row(int(copies.to_numpy().argmax()))}; by chance it would be {by_chance:,}",
        "remove the copies from the table, or acknowledge that they are separate deals",
    )


def _lost_digits(repeats: Repeats) -> Question:
    return Question(
        "ids-lost-digits",
        repeats.column.name,
        f"{repeats.column.name}: all ids are rounded, as a spreadsheet writes 1.23457E+15, and "
        f"{repeats.column.filled:,} rows have only {repeats.column.distinct:,} different ones, so "
        "they do not say which rows are of one customer",
        "export the ids as text again and do not save the file from a spreadsheet; "
        '[rows] one_row_per = "deal" if each row is a customer',
    )


def _about_alike(columns: list[Column], spec: DealSpec) -> Iterator[Question]:
    """Yield a question if ids of customers differ only in capitals and spaces."""
    if spec.rows.one_row_per is not None:
        return
    for column in columns:
        what = "sales reps" if column.name == spec.deals.rep else "customers"
        if column.name not in {spec.rows.customer, spec.deals.rep} and not _is_id(column, spec):
            continue
        ids = column.cells.dropna().astype("str").drop_duplicates()
        plain = ids.str.casefold().str.replace(r"\s+", "", regex=True)
        alike = plain.duplicated(keep=False)
        count = int(plain.duplicated().sum())
        least = 1 if column.name == spec.deals.rep else MIN_ALIKE
        if count < max(least, MIN_SHARE_ALIKE * len(ids)):
            continue
        first, second = ids[plain == plain[alike].iloc[0]].iloc[:2]
        yield Question(
            "ids-alike",
            column.name,
            f"{column.name}: {count:,} of {len(ids):,} values differ from another one only in "
            f"capitals or spaces, such as {first!r} and {second!r}. They count as different "
            f"{what}",
            f"write each in one way in the file; acknowledge it if they are different {what}",
        )


def _is_id(column: Column, spec: DealSpec) -> bool:
    """Return whether a text column holds the ids of customers or deals."""
    if not column.is_text or column.is_date:
        return False
    named = has_name_of(column.words, "customer") or is_deal_id(column.words)
    return named or column.name == spec.deals.id


def _about_levels(columns: list[Column], spec: DealSpec) -> Iterator[Question]:
    """Yield a question if levels of attributes differ only in capitals or spaces."""
    names = set(spec.attribute_names([column.name for column in columns]))
    for column in columns:
        if column.name not in names or not column.is_category or column.is_number:
            continue
        flags, others = _spellings_of_flags(column)
        if not others and MARK not in map(str.casefold, flags["yes"]):
            continue  # training and scoring read every spelling as yes or no
        if _are_mixed(flags, column):
            yield _about_flags(column, flags, others)
            continue
        levels = column.cells.dropna().astype("str").drop_duplicates()
        plain = levels.str.casefold().str.replace(r"\s+", " ", regex=True)
        if plain.duplicated().any():
            first, second = levels[plain == plain[plain.duplicated()].iloc[0]].iloc[:2]
            yield Question(
                "levels-alike",
                column.name,
                f"{column.name}: {int(plain.duplicated().sum()):,} of {len(levels):,} levels "
                f"differ from another one only in capitals or spaces, such as {first!r} and "
                f"{second!r}. They are learned as different levels",
                "write each level in one way, in past deals and prospects; or acknowledge it",
            )


def _spellings_of_flags(column: Column) -> tuple[_Spellings, dict[str, int]]:
    """Return the rows of each spelling of yes and of no, and of each value that is neither."""
    flags: _Spellings = {"yes": {}, "no": {}}
    others: dict[str, int] = {}
    for text, rows in column.counts.items():
        meaning = "yes" if text.casefold() == MARK else flag_text(level_text(text))
        flags.get(meaning, others)[text] = rows
    if any(character.isdigit() for text in others for character in text):
        flags = {  # 0 and 1 are counts beside 2 and 3+
            meaning: {text: rows for text, rows in spellings.items() if not text[0].isdigit()}
            for meaning, spellings in flags.items()
        }
    return flags, others


def _are_mixed(flags: _Spellings, column: Column) -> bool:
    """Return whether yes or no has several spellings in a column that is mostly yes or no."""
    rows = sum(sum(spellings.values()) for spellings in flags.values())
    several = any(len(spellings) > 1 for spellings in flags.values())
    return several and all(flags.values()) and rows >= MIN_FLAGS * column.filled


def _about_flags(column: Column, flags: _Spellings, others: dict[str, int]) -> Question:
    """Return the question which of the spellings of yes and no is meant."""
    shown = "; ".join(f"{meaning}: {_counted(spellings)}" for meaning, spellings in flags.items())
    beside = f" beside other values ({_counted(others)})" if others else ""
    return Question(
        "mixed-yes-no",
        column.name,
        f"{column.name}: yes and no are written in several ways ({shown}){beside}. They are "
        f"learned as {column.distinct:,} different levels",
        "write yes in one way and no in one way, in past deals and prospects; or acknowledge it "
        "if they mean different things",
    )


def _counted(values: dict[str, int]) -> str:
    shown = [f"{text} {rows:,}" for text, rows in list(values.items())[:MAX_SHOWN]]
    return ", ".join(shown) + (", …" if len(values) > MAX_SHOWN else "")


def _about_snapshots(columns: list[Column], spec: DealSpec) -> Iterator[Question]:
    """Yield a question if rows of one contract contradict each other on whether it ended."""
    roles, until = spec.deals, spec.deals.observed_until
    customer, closed, left, flag, last_look = (
        named(columns, name)
        for name in (
            spec.rows.customer, roles.closed_on, roles.churned_on, roles.churned, until,
        )
    )  # fmt: skip
    if customer is None or closed is None or left is None or roles.id not in {None, customer.name}:
        return
    if last_look is not None:
        return  # the day of each row's last look says which row is the latest
    undated = np.zeros(len(customer.cells), dtype=bool)
    if flag is not None:  # a row that ended on an unknown day does not hide another's end
        flags = left_flag(flag.cells, spec).series.to_numpy(dtype=bool)
        undated = flags & ~left.real_dates
    rows = pd.DataFrame(
        {"customer": customer.cells.to_numpy(), "closed": closed.cells.to_numpy()}
    ).assign(ended=left.real_dates)
    ended = rows[~undated].dropna().groupby(["customer", "closed"])["ended"].mean()
    count = int(((ended > 0) & (ended < 1)).sum())
    if count >= max(MIN_CONTRADICTING, MIN_SHARE_CONTRADICTING * customer.distinct):
        yield Question(
            "snapshots",
            customer.name,
            f"{customer.name}: {count:,} customers have rows that began on the same day, some with "
            f"a date in {left.name!r} and some without. If they are snapshots of one contract, "
            "the earlier ones did not know the date yet, but these customers would count as "
            "customers that stayed",
            "[deals] observed_until = the column with the day of each snapshot, or keep the latest "
            "row of each customer in the file; acknowledge it if they are several contracts",
            must_answer=True,
        )


def _about_first_amounts(columns: list[Column], spec: DealSpec) -> Iterator[Question]:
    """Yield a question if the money of rows that began together is that of one row only."""
    customer, closed, amount = (
        named(columns, name)
        for name in (spec.rows.customer, spec.deals.closed_on, spec.deals.amount)
    )
    if customer is None or closed is None or amount is None or spec.deals.id is None:
        return
    rows = pd.DataFrame(
        {"customer": customer.cells.to_numpy(), "closed": closed.cells.to_numpy()}
    ).assign(amount=amount.amounts.to_numpy())
    rows = rows.dropna()
    first = rows[rows["closed"] == rows.groupby("customer")["closed"].transform("min")]
    sums = first.groupby("customer")["amount"].agg(["size", "sum", "first"])
    several = sums[sums["size"] > 1]
    if len(several) >= max(MIN_CONTRADICTING, MIN_SHARE_CONTRADICTING * customer.distinct):
        yield Question(
            "amount-of-one-row",
            amount.name,
            f"{amount.name}: {len(several):,} customers have several rows that began on their "
            f"first day. The amount of one row is used ({several['first'].sum():,.0f}), not their "
            f"sum ({several['sum'].sum():,.0f})",
            "add up the rows of a contract in the file, one row per customer; acknowledge it if "
            "one row has the whole amount",
        )
