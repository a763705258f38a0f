"""Find by their values which rows are customers, and which rows are one customer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fitmodel.deals.vocabulary import is_status, plain_words, words_of
from fitmodel.guessing._names import IDENTIFIER, named, sureness
from fitmodel.tables.values import read_flags

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fitmodel.guessing._columns import Column
    from fitmodel.guessing._vendors import Vendor

MAX_STAGES = 60  # distinct values of a column of stages
KNOWN_STATUS = 0.9  # share of the rows whose status must be in the vocabulary
SURE_BY_VALUES = 0.95  # share of known stages that makes a column one whatever its name
MAX_ROWS_PER_CUSTOMER = 20


@dataclass(frozen=True)
class Stage:
    """A column that says which rows were ever customers.

    Attributes
    ----------
    column : str
    customers : tuple of str
        Values that mean a customer, as the table has them.
    others : mapping of str to int
        The other values and their rows.
    unknown : tuple of str
        Of these, values that are in no vocabulary.
    """

    column: str
    customers: tuple[str, ...]
    others: dict[str, int]
    unknown: tuple[str, ...]

    @property
    def shown(self) -> str:
        """The other values with their rows, for people."""
        return ", ".join(f"{value} {count:,}" for value, count in self.others.items())


def find_stage(columns: Iterable[Column]) -> Stage | None:
    """Find the column that separates customers from lost and open opportunities, or None.

    A column of stages must have rows that were won and rows that were not, told by values in
    ``vocabulary.toml``; without a name that says so nearly all of its values must be known.
    """
    result = [(rank, stage) for column in columns for rank, stage in _stages(column)]
    return min(result, key=lambda each: each[0])[1] if result else None


def _stages(column: Column) -> Iterable[tuple[tuple[int, float], Stage]]:
    if not 1 < column.distinct <= MAX_STAGES or column.is_date:
        return
    counts = {str(cell): int(rows) for cell, rows in column.cells.value_counts().items()}
    if named(column.words, "won_flag"):
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
        is_named = named(column.words, name)
        if is_named or known >= SURE_BY_VALUES:
            others = {value: rows for value, rows in counts.items() if value not in yes}
            unknown = tuple(value for value in others if value not in no)
            yield (rank + 3 * (not is_named), -known), Stage(column.name, yes, others, unknown)


def _known(counts: dict[str, int], section: str, keys: tuple[str, ...]) -> tuple[str, ...]:
    words = frozenset().union(*(words_of(section, key) for key in keys))
    return tuple(value for value in counts if plain_words(value) in words)


def _won_flag(column: Column, counts: dict[str, int]) -> Iterable[tuple[tuple[int, float], Stage]]:
    flags = read_flags(column.cells)
    if flags.unreadable.any() or not 0 < flags.series.sum() < column.filled:
        return
    yes = tuple(column.cells[flags.series].astype("str").unique())
    others = {value: rows for value, rows in counts.items() if value not in yes}
    yield (1, -1.0), Stage(column.name, yes, others, ())


def find_not_yet(columns: Iterable[Column], vendor: Vendor | None = None) -> Stage | None:
    """Find the status that separates customers from trials, drafts and unpaid first invoices.

    Its `others` are the values that say "not yet a customer"; None where no status has one.
    """
    surest = vendor.roles.get("status", ())[:1] if vendor is not None else ()
    for column in columns:
        if not (named(column.words, "status") or column.name in surest):
            continue
        if not column.is_text or not 1 < column.distinct <= MAX_STAGES or column.is_date:
            continue
        counts = {str(cell): int(rows) for cell, rows in column.cells.value_counts().items()}
        kinds = {value: _kind_of_status(value) for value in counts}
        known = sum(rows for value, rows in counts.items() if kinds[value])
        others = {value: rows for value, rows in counts.items() if kinds[value] == "not_yet"}
        if others and len(others) < len(counts) and known >= KNOWN_STATUS * column.filled:
            customers = tuple(value for value in counts if value not in others)
            return Stage(column.name, customers, others, ())
    return None


def _kind_of_status(value: str) -> str | None:
    words = plain_words(value)
    return next((key for key in ("not_yet", "left", "active") if is_status(words, key)), None)


@dataclass(frozen=True)
class Repeats:
    """A column of ids, some of which are in several rows.

    Attributes
    ----------
    column : str
    distinct, rows : int
        Different ids, and rows that have one.
    of_customer : bool
        Whether its name says that it is a customer's, not a deal's.
    is_id : bool
        Whether its name says that it is an id or number, not a name.
    """

    column: str
    distinct: int
    rows: int
    of_customer: bool
    is_id: bool


def find_repeats(columns: Iterable[Column], customer: str | None = None) -> list[Repeats]:
    """List the columns of ids that repeat, those of customers first.

    `customer` names the column that a known system's export has for the customer.

    A column with hardly any different values is a category, not an id.
    """
    result = []
    for column in columns:
        of_customer = named(column.words, "customer") or column.name == customer
        of_deal = is_deal_id(column.words) and not of_customer
        repeats = 1 < column.distinct < column.filled
        few = column.distinct * MAX_ROWS_PER_CUSTOMER < column.filled
        if (of_customer or of_deal) and repeats and not few and not column.is_date:
            result.append(
                Repeats(
                    column.name,
                    column.distinct,
                    column.filled,
                    of_customer,
                    of_deal or _ends_as_id(column.words),
                )
            )
    return sorted(result, key=lambda each: (not each.of_customer, not each.is_id))


def is_deal_id(words: str) -> bool:
    """Tell whether a name says that a column has the ids of deals."""
    return sureness(words, "id") == 0


def _ends_as_id(words: str) -> bool:
    return IDENTIFIER.search(words) is not None or words.startswith("id ")
