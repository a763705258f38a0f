"""Warnings about deals that do not block training."""

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


CHECKED_FIRST = 20  # rows checked before a whole column; most attributes already vary among them


def find_constants(table: pd.DataFrame, spec: DealSpec) -> tuple[Finding, ...]:
    """Find attributes that are constant, empty, or a copy of the closing date.

    Parameters
    ----------
    table : DataFrame
        Tidy past deals, only the rows that are customers.
    spec : DealSpec
        The contract of these deals.

    Returns
    -------
    tuple of Finding
        One finding per attribute, with the code "constant"; `without_attributes` removes these
        attributes from a contract.
    """
    names = [name for name in spec.attribute_names(table.columns) if name in table.columns]
    result = []
    for name in names:
        what = _never_changes(table[name]) or _repeats_closing(table, name, spec)
        if what is not None:
            remedy = f'add "{name}" to [attributes] exclude, or correct the export'
            message = f"{what}: it holds no information, so it is left out of learning"
            result.append(Finding("constant", name, len(table), "", message, remedy))
    return tuple(result)


def _never_changes(values: pd.Series[Any]) -> str | None:
    """Return a sentence with the only value of a column; None if it has several."""
    first = values.iloc[:CHECKED_FIRST]
    if first.notna().all() and first.duplicated().sum() < len(first) - 1:
        return None
    if values.isna().all():
        return "every value is empty"
    if values.isna().any() or not (values == values.iloc[0]).all():
        return None
    return f"every value is {shown(values.iloc[0])}"


def _repeats_closing(table: pd.DataFrame, name: str, spec: DealSpec) -> str | None:
    """Return a sentence if a column equals the closing date: always 0 days before closing."""
    closing = spec.deals.closed_on
    if closing not in table.columns or not table[name].equals(table[closing]):
        return None
    return f"every value equals that of {closing!r}"


def without_attributes(spec: DealSpec, names: tuple[str, ...]) -> DealSpec:
    """Return the contract with some attributes excluded and removed from its other lists.

    Raises
    ------
    SpecError
        If `include` would have no attribute left.
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
        Past deals, as returned by `fitmodel.deals.reading.read_deals`.
    spec : DealSpec
        The contract of these deals.
    first_row : int, optional
        Number of the first row in the file, for messages; by default rows are named by their index.
    row_numbers : ndarray of int of shape (deals,), optional
        Number of every row in the file, if lines of the file were skipped.

    Returns
    -------
    list of Problem
        A warning about negative amounts, if there are any. The probability can still be learned,
        but the expected value of such a deal is meaningless, and so are the policy ``value`` and
        commission plans.

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
        "give the yearly value as money, not standardised, and leave it empty if there is none; or "
        "remove amount from [deals]: the column still is an attribute"
    )
    what = "are below zero (amount), so their expected value and commission are wrong"
    problems = Sheet(deals, first_row, row_numbers).problems(below, what, remedy, name)
    return [replace(problem, code="negative-amount") for problem in problems]


def notation_warnings(
    written: pd.DataFrame,
    spec: DealSpec,
    first_row: int | None = None,
    *,
    row_numbers: RowNumbers = None,
) -> list[Problem]:
    """List warnings about notations that are clear in a column, but not in a single prospect.

    A whole column shows whether 03.06.2026 is in June and whether 1.065 is above a thousand; a
    single prospect does not. If [reading] of the contract gives the form of a column, as in the
    contract of `fitmodel.deals.reading.DealsRead`, prospects are read in that form and there is no
    warning.

    Parameters
    ----------
    written : DataFrame
        The table as returned by `fitmodel.deals.reading.read_table`, before any conversion.
    spec, first_row, row_numbers
        The same as for `find_warnings`.

    Returns
    -------
    list of Problem
        One warning per column.

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
    what = "are written in a form that can be read in past deals, but not in a single prospect"
    forms = spec.reading.forms  # prospects are read in these forms too
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
