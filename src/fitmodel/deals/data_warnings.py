"""Warnings that do not block training."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from fitmodel.deals.errors import Sheet, shown
from fitmodel.deals.sections import NO_NAMES
from fitmodel.tables.forms import Finding
from fitmodel.tables.values import is_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.errors import Problem

    RowNumbers = NDArray[np.intp] | None


ASKED_FIRST = 20  # deals; most attributes differ among them


def find_constants(table: pd.DataFrame, spec: DealSpec) -> tuple[Finding, ...]:
    """Name the attributes that never change, are empty, or are the closing date once more.

    Parameters
    ----------
    table : DataFrame
        Tidy past deals, only the rows that are customers.
    spec : DealSpec

    Returns
    -------
    tuple of Finding
        With the code "constant"; `without_attributes` leaves them out of a contract.
    """
    names = [name for name in spec.attribute_names(table.columns) if name in table.columns]
    result = []
    for name in names:
        what = _never_changes(table[name]) or _repeats_closing(table, name, spec)
        if what is not None:
            remedy = f'add "{name}" to [attributes] exclude, or correct the export'
            message = f"{what}: it tells nothing, so it is left out of learning"
            result.append(Finding("constant", name, len(table), "", message, remedy))
    return tuple(result)


def _never_changes(values: pd.Series[Any]) -> str | None:
    """Say which one value a column has; None where it has several."""
    first = values.iloc[:ASKED_FIRST]
    if first.notna().all() and first.duplicated().sum() < len(first) - 1:
        return None
    if values.isna().all():
        return "every value is empty"
    if values.isna().any() or not (values == values.iloc[0]).all():
        return None
    return f"every value is {shown(values.iloc[0])}"


def _repeats_closing(table: pd.DataFrame, name: str, spec: DealSpec) -> str | None:
    """Say that a column is the closing date in every deal: counted back from it, always 0 days."""
    closing = spec.deals.closed_on
    if closing not in table.columns or not table[name].equals(table[closing]):
        return None
    return f"every value is that of {closing!r}"


def without_attributes(spec: DealSpec, names: tuple[str, ...]) -> DealSpec:
    """Return the contract with some attributes excluded, and named in no other list of them.

    Raises
    ------
    SpecError
        If `include` names no other attribute.
    """
    if not names:
        return spec
    keys = spec.attributes.model_dump(exclude={*NO_NAMES, "exclude", "parents"}, exclude_none=True)
    changed: dict[str, Any] = {
        key: tuple(name for name in listed if name not in names) for key, listed in keys.items()
    }
    changed["parents"] = {
        child: parent
        for child, parent in spec.attributes.parents.items()
        if not {child, parent} & set(names)
    }
    if spec.attributes.include is None:
        changed["exclude"] = (*spec.attributes.exclude, *names)
    return spec.replace(attributes=changed)


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
