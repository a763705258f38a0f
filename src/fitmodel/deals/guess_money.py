"""Whether a column of a table never seen before is what a contract is worth in a year."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fitmodel.deals.crm_names import goes_on_changing
from fitmodel.deals.leakage import LATER
from fitmodel.deals.role_names import MONTHLY, TURNOVER, sureness

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fitmodel.deals.guess_columns import Column

MOST_BELOW_ZERO = 0.05  # share of the numbers; beyond corrections, a column is no money


def is_contract_value(column: Column) -> bool:
    """Tell whether a column named like an amount can be one of a signed contract's year."""
    words = column.words
    if MONTHLY.search(words) or LATER.search(words) or goes_on_changing(column.name):
        return False
    return column.below_zero <= MOST_BELOW_ZERO


def doubts_about_money(amount: Column | None, columns: Iterable[Column]) -> Iterator[str]:
    """Say what a person should look at.

    Parameters
    ----------
    amount : Column or None
        The one that was taken.
    columns : iterable of Column
        All of the table.
    """
    if amount is not None:
        if sureness(amount.words, "amount"):
            turnover = " and not the turnover of the customer" * bool(
                re.search(TURNOVER, amount.words)
            )
            yield f"amount: is {amount.name!r} the value of a YEAR of the contract{turnover}?"
        return
    hints = []
    for column in columns:
        if MONTHLY.search(column.words):
            hints.append(f"{column.name!r} is monthly: add a column of 12 times it")
        elif sureness(column.words, "amount") is not None and column.below_zero > MOST_BELOW_ZERO:
            hints.append(
                f"{column.name!r} is below zero in {column.below_zero:.0%} of its rows, so it is "
                "no money (standardised?): give the amounts as they are"
            )
    text = "no yearly contract value was found, so no money can be weighed"
    yield "; ".join([text, *hints[:1]])
