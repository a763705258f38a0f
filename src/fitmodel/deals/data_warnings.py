"""Warnings that do not block training."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from fitmodel.deals.errors import Sheet
from fitmodel.tables.values import is_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.errors import Problem

    RowNumbers = NDArray[np.intp] | None

_DATE = (r"\d{4}-\d{2}-\d{2}", "2026-06-30")
_NUMBER = (r"[+-]?\d*\.?\d+([eE][+-]?\d+)?$", "1065.95")


def find_warnings(
    deals: pd.DataFrame,
    spec: DealSpec,
    first_row: int | None = None,
    *,
    row_numbers: RowNumbers = None,
) -> list[Problem]:
    """List warnings about deals that have no errors.

    Parameters
    ----------
    deals : DataFrame
        As read by `fitmodel.deals.reading.read_deals`.
    spec : DealSpec
    first_row : int, optional
        Number of the first row as a person sees it in the file; without it rows go by their index.
    row_numbers : ndarray of int, optional
        The number of every row, where lines of the file were left out between them.

    Returns
    -------
    list of Problem
        Amounts below zero: the probability can be learned all the same, but the expected value of
        such a deal, and with it the policy ``value`` and every plan of commission, means nothing.

    Examples
    --------
    >>> from fitmodel.deals.data_warnings import find_warnings
    >>> sim = fitmodel.simulate_deals(200, seed=1)
    >>> find_warnings(sim.deals, sim.spec)
    []
    """
    name = spec.deals.amount
    if name is None:
        return []
    below = (deals[name] < 0).to_numpy()
    remedy = (
        "give the value of a year as money, not standardised, and leave it empty where there is "
        "none; or take amount out of [deals]: the column is an attribute all the same"
    )
    what = "are below zero (amount), so nothing that is said of their money holds"
    found = Sheet(deals, first_row, row_numbers).problems(below, what, remedy, name)
    return [replace(warning, code="negative-amount") for warning in found]


def notation_warnings(
    written: pd.DataFrame,
    spec: DealSpec,
    first_row: int | None = None,
    *,
    row_numbers: RowNumbers = None,
) -> list[Problem]:
    """Warn of notations that can be read in a column but not in a single prospect.

    Of a whole column it can be told whether 03.06.2026 is in June and 1.065 a thousand; of one
    prospect it cannot. Where the contract's [reading] gives the form of a column, as that of
    `fitmodel.deals.reading.DealsRead` does, prospects are read in it and nothing is said.

    Parameters
    ----------
    written : DataFrame
        As `fitmodel.deals.reading.read_table` gives it, nothing converted yet.
    spec, first_row, row_numbers
        As of `find_warnings`.

    Returns
    -------
    list of Problem

    Examples
    --------
    >>> from fitmodel.deals.data_warnings import notation_warnings
    >>> sim = fitmodel.simulate_deals(50, seed=1)
    >>> dotted = sim.deals.assign(closed_on=sim.deals["closed_on"].dt.strftime("%d.%m.%Y"))
    >>> [warning.column for warning in notation_warnings(dotted, sim.spec)]
    ['closed_on']
    """
    sheet = Sheet(written, first_row, row_numbers)
    plain = {"closed_on": _DATE, "amount": _NUMBER}
    what = "are written in a way that is read in past deals only, not in prospects"
    forms = spec.reading.forms  # in these prospects are read too
    return [
        replace(warning, code="notation")
        for role, (pattern, example) in plain.items()
        if (name := getattr(spec.deals, role)) is not None
        and name not in {*forms.numbers, *forms.dates}
        and is_text(written[name])
        for warning in sheet.problems(
            ~written[name].fillna(example).str.strip().str.match(pattern).to_numpy(bool),
            what,
            f"write {example} in both",
            name,
        )
    ]
