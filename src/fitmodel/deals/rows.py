"""Choose the rows that are customers, by `[rows]` of the contract, and count the others.

keep_rows: tidy table -> rows that are customers
settle_rows: parsed dates -> without trials that were not bought -> one row per customer
     -> leavers without a date handled
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals._customers import one_row_per_customer
from fitmodel.deals.leaving import fill_left_without_date
from fitmodel.deals.plain_words import nearest
from fitmodel.deals.vocabulary import plain_value
from fitmodel.exceptions import DealsError
from fitmodel.tables.values import read_dates

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.tables.values import Mask

SHOWN_VALUES = 8


@dataclass(frozen=True, eq=False)
class ChosenRows:
    """The rows that are customers, and notes on the other rows.

    Attributes
    ----------
    table : DataFrame
        The rows that were kept, with their index.
    notes : tuple of str
        One sentence for each rule that changed something, with the number of rows by value.
    positions : ndarray of int or None
        Positions of the kept rows in the original table; None if rows were merged.
    """

    table: pd.DataFrame
    notes: tuple[str, ...]
    positions: NDArray[np.intp] | None = None


def keep_rows(table: pd.DataFrame, spec: DealSpec) -> ChosenRows:
    """Return the rows that are customers, by ``keep`` and ``drop`` of `[rows]`.

    Parameters
    ----------
    table : DataFrame
        A tidy table (see `fitmodel.tables.tidying.tidy`); not changed.
    spec : DealSpec
        The contract of the table.

    Returns
    -------
    ChosenRows
        The kept rows, with unchanged values.

    Raises
    ------
    DealsError
        If a column in `[rows]` does not exist, or no row is left.
    """
    _require_columns(table, spec)
    kept, notes = table, list[str]()
    positions = np.arange(len(table))
    for name in spec.rows.chosen_by:
        stays = _stays(kept[name], spec, name)
        if not stays.all():
            notes.append(_left_out(kept[name][~stays], len(kept)))
            kept, positions = kept[stays], positions[stays]
    if kept.empty and len(table):
        raise DealsError(
            f"[rows] keeps none of {len(table)} row(s): {'; '.join(notes)}. Remedy: correct the "
            "values in [rows]"
        )
    return ChosenRows(kept, tuple(notes), positions)


def settle_rows(deals: pd.DataFrame, spec: DealSpec) -> ChosenRows:
    """Leave out trials, merge the rows of each customer, and handle leavers without a date.

    Parameters
    ----------
    deals : DataFrame
        Deals whose date columns are already parsed; not changed.
    spec : DealSpec
        The contract of these deals.

    Returns
    -------
    ChosenRows
        The resulting rows. Applying the function again does not change them.
    """
    bought, about_trials = _without_trials(deals, spec)
    merged, about_customers = one_row_per_customer(bought, spec)
    filled, about_leavers = fill_left_without_date(merged, spec)
    notes = (about_trials, about_customers, about_leavers)
    return ChosenRows(filled, tuple(note for note in notes if note))


def left_in_trial(deals: pd.DataFrame, churned_on: str, trial_end: str) -> Mask:
    """Return a mask of the rows that left on or before the end of their trial."""
    left, end = (read_dates(deals[name]).series.dt.normalize() for name in (churned_on, trial_end))
    in_trial: Mask = (left <= end).to_numpy(dtype=bool)
    return in_trial


def _without_trials(deals: pd.DataFrame, spec: DealSpec) -> tuple[pd.DataFrame, str | None]:
    """Leave out rows that left by the end of their trial, since they were never customers."""
    name, churned_on = spec.rows.trial_end, spec.deals.churned_on
    if name is None or churned_on is None or name not in deals.columns:
        return deals, None
    _refuse_unclear_dates(deals[name])
    trial = left_in_trial(deals, churned_on, name)
    if not trial.any():
        return deals, None
    return deals[~trial], (
        f"left out {int(trial.sum()):,} of {len(deals):,} rows that left by the end of their trial "
        f"({name}): they never were customers"
    )


def _refuse_unclear_dates(cells: pd.Series[Any]) -> None:
    """Raise an error if the ends of trials are not dates, or their day-month order is unclear."""
    read = read_dates(cells)
    count = int(read.unreadable.sum())
    if count:
        problem = (
            f"{count:,} value(s) are not dates, for example {cells[read.unreadable].iloc[0]!r}"
        )
    elif read.swapped:
        problem = f"the order of day and month is unclear, for example {cells.dropna().iloc[0]!r}"
    else:
        return
    raise DealsError(
        f"[rows] trial_end: {cells.name}: {problem}. Remedy: write dates as 2024-01-31"
    )


def _require_columns(table: pd.DataFrame, spec: DealSpec) -> None:
    """Raise an error if a column in `[rows]` does not exist."""
    named = [*spec.rows.chosen_by, *filter(None, [spec.rows.customer, spec.rows.trial_end])]
    for name in named:
        if name not in table.columns:
            close = nearest(name, table.columns)
            hint = f"did you mean {close!r}?" if close else f"the table has {list(table.columns)}"
            raise DealsError(f"[rows] names {name!r}, but there is no such column; {hint}")


def _stays(column: pd.Series[Any], spec: DealSpec, name: str) -> Mask:
    """Return a mask of the rows that are kept by the values of one column."""
    positions, values = distinct_values(column)
    keep, drop = (rules.get(name) for rules in (spec.rows.keep, spec.rows.drop))
    stays = np.ones(len(values), dtype=bool)
    if keep is not None:
        stays &= np.isin(values, list(map(plain_value, keep)))
    if drop is not None:
        stays &= ~np.isin(values, list(map(plain_value, drop)))
    kept: Mask = stays[positions]
    return kept


def distinct_values(column: pd.Series[Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return a code for each row, and the distinct values, indexed by the codes.

    The values are texts as returned by `plain_value`; an empty cell has the code -1, which is the
    last value, "".
    """
    positions, cells = pd.factorize(column.astype(object), use_na_sentinel=True)
    values = [*map(plain_value, cells), ""]
    return positions, np.array(values, dtype=object)


def _left_out(values: pd.Series[Any], rows: int) -> str:
    """Return the sentence that reports rows left out, with their number by value."""
    counts = values.astype(object).where(values.notna(), "(empty)").astype("str").value_counts()
    shown = [f"{value} {count:,}" for value, count in counts[:SHOWN_VALUES].items()]
    shown += ["…"] if len(counts) > SHOWN_VALUES else []
    return f"left out {len(values):,} of {rows:,} rows by [rows], {values.name}: {', '.join(shown)}"
