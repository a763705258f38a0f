"""Find which rows are customers, and which rows belong to the same customer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fitmodel.deals.vocabulary import kind_of_status, plain_words, stage_of, words_of
from fitmodel.guessing._columns import MAX_LEVELS
from fitmodel.guessing._names import IDENTIFIER, has_name_of, name_rank
from fitmodel.guessing._outcome import is_named_leaving
from fitmodel.tables.values import read_flags

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fitmodel.guessing._columns import Column, Vendor

KNOWN_STATUS = 0.9  # minimum share of rows whose status is in the vocabulary
SURE_BY_VALUES = 0.95  # the same for stages in a column whose name does not suggest stages
MIN_FORMER = 0.5  # minimum share of rows with a date of leaving in a stage of former customers
MAX_ROWS_PER_CUSTOMER = 20  # with more rows per value, a column is a category and not an id


@dataclass(frozen=True)
class Stage:
    """A column that says which rows are customers.

    `customers`: values that mean a customer, as written in the table.
    `unknown`: the other values that are not in the vocabulary.
    """

    column: str
    customers: tuple[str, ...]
    others: dict[str, int]
    unknown: tuple[str, ...]

    @property
    def shown(self) -> str:
        """The other values with their number of rows, as text."""
        return ", ".join(f"{value} {count:,}" for value, count in self.others.items())


def find_stage(columns: Iterable[Column]) -> Stage | None:
    """Return the column that separates customers from lost and open opportunities, or None.

    Such a column has values for won rows and for other rows in ``vocabulary.toml``. If its name
    does not suggest stages, nearly all of its values must be in the vocabulary. A value that is in
    none of its lists, such as "Churned", means a former customer if its rows have dates of leaving.
    """
    columns = list(columns)
    ranked = [(rank, stage) for column in columns for rank, stage in _stages(column)]
    if not ranked:
        return None
    return _with_former_customers(min(ranked, key=lambda each: each[0])[1], columns)


def _with_former_customers(stage: Stage, columns: list[Column]) -> Stage:
    """Return the stage with unknown values as customers if most of their rows have left."""
    left = [column for column in columns if is_named_leaving(column.name) and column.is_date]
    cells = next(column.cells for column in columns if column.name == stage.column).astype("str")
    former = tuple(
        value
        for value in stage.unknown
        if any(each.real_dates[(cells == value).to_numpy()].mean() >= MIN_FORMER for each in left)
    )
    return replace(
        stage,
        customers=(*stage.customers, *former),
        others={value: rows for value, rows in stage.others.items() if value not in former},
        unknown=tuple(value for value in stage.unknown if value not in former),
    )


def _stages(column: Column) -> Iterable[tuple[tuple[int, float], Stage]]:
    """Yield each reading of a column as stages, with a rank that is lower if it is surer."""
    if not 1 < column.distinct <= MAX_LEVELS or column.is_date:
        return
    counts = column.counts
    if has_name_of(column.words, "won_flag"):
        yield from _won_flag(column, counts)
        return
    for rank, (name, section, customer, other) in enumerate(
        (("stage", "stage", ("won",), ("lost", "open")),
         ("lifecycle", "lifecycle", ("customer",), ("prospect",)))
    ):  # fmt: skip
        yes = _known(counts, section, customer)
        no = _known(counts, section, other)
        if not yes or not no:
            continue
        known = sum(counts[value] for value in (*yes, *no)) / column.filled
        is_named = has_name_of(column.words, name)
        if is_named or known >= SURE_BY_VALUES:
            others = {value: rows for value, rows in counts.items() if value not in yes}
            unknown = tuple(value for value in others if value not in no)
            yield (rank + 3 * (not is_named), -known), Stage(column.name, yes, others, unknown)


def _known(counts: Mapping[str, int], section: str, keys: tuple[str, ...]) -> tuple[str, ...]:
    if section == "stage":
        return tuple(value for value in counts if stage_of(value) in keys)
    words = frozenset().union(*(words_of(section, key) for key in keys))
    return tuple(value for value in counts if plain_words(value) in words)


def _won_flag(
    column: Column, counts: Mapping[str, int]
) -> Iterable[tuple[tuple[int, float], Stage]]:
    """Yield a column of yes and no as a stage: yes is won."""
    flags = read_flags(column.cells)
    if flags.unreadable.any() or not 0 < flags.series.sum() < column.filled:
        return
    yes = tuple(column.cells[flags.series].astype("str").unique())
    others = {value: rows for value, rows in counts.items() if value not in yes}
    yield (1, -1.0), Stage(column.name, yes, others, ())


def lost_in_own_words(stage: Stage) -> tuple[str, ...]:
    """Return the values that mean lost, but are written so that prospects need them by name."""
    lost = words_of("stage", "lost")
    return tuple(
        value
        for value in stage.others
        if stage_of(value) == "lost" and plain_words(value) not in lost
    )


def find_not_yet(columns: Iterable[Column], vendor: Vendor | None = None) -> Stage | None:
    """Return the status that separates customers from trials, drafts, tests and copies.

    Its `others` are the values that mean "no customer" or "not yet". None if no status has them.
    """
    vendor_column = vendor.roles.get("status", ())[:1] if vendor is not None else ()
    for column in columns:
        if not (has_name_of(column.words, "status") or column.name in vendor_column):
            continue
        if not column.is_category:
            continue
        counts = column.counts
        kinds = {value: kind_of_status(value) for value in counts}
        known = sum(rows for value, rows in counts.items() if kinds[value])
        others = {value: n for value, n in counts.items() if kinds[value] in {"not_yet", "never"}}
        if others and len(others) < len(counts) and known >= KNOWN_STATUS * column.filled:
            customers = tuple(value for value in counts if value not in others)
            return Stage(column.name, customers, others, ())
    return None


def not_customers(status: Stage) -> str:
    """Return in words what the rows with the other values of a status are."""
    kinds = {kind_of_status(value) for value in status.others}
    return "not customers yet" if kinds == {"not_yet"} else "not customers"


@dataclass(frozen=True)
class Repeats:
    """A column of ids, some of which occur in several rows.

    `of_customer`: whether its name suggests the id of a customer, not of a deal.
    `is_id`: whether its name suggests an id or number, not a name.
    """

    column: Column
    of_customer: bool
    is_id: bool


def find_repeats(columns: Iterable[Column], customer: str | None = None) -> list[Repeats]:
    """Return the columns of ids that repeat, those of customers first.

    `customer` is the name of the customer column in exports of the known system. A column with very
    few distinct values is a category, not an id.
    """
    result = []
    for column in columns:
        of_customer = has_name_of(column.words, "customer") or column.name == customer
        of_deal = is_deal_id(column.words) and not of_customer
        repeats = 1 < column.distinct < column.filled
        few = column.distinct * MAX_ROWS_PER_CUSTOMER < column.filled
        if (of_customer or of_deal) and repeats and not few and not column.is_date:
            is_id = of_deal or IDENTIFIER.search(column.words) or column.words.startswith("id ")
            result.append(Repeats(column, of_customer, bool(is_id)))
    return sorted(result, key=lambda each: (not each.of_customer, not each.is_id))


def is_deal_id(words: str) -> bool:
    """Return whether a name suggests the ids of deals."""
    return name_rank(words, "id") == 0
