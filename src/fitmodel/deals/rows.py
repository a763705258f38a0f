"""Choose the rows that are customers, as `[rows]` of the contract says; count those left out.

keep_rows: tidy table -> the rows that are customers
settle_rows: dates read -> without trials that were not bought -> one row per customer
     -> those that left on an unknown day
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
    """The rows that are customers, and what became of the others.

    Attributes
    ----------
    table : DataFrame
        With the index of the rows it keeps.
    notes : tuple of str
        A sentence for each rule that changed something: how many rows, by value.
    positions : ndarray of int or None
        Which rows of the table were kept, in their order; None where rows were merged.
    """

    table: pd.DataFrame
    notes: tuple[str, ...]
    positions: NDArray[np.intp] | None = None


def keep_rows(table: pd.DataFrame, spec: DealSpec) -> ChosenRows:
    """Keep the rows that are customers, by ``keep`` and ``drop`` of `[rows]`.

    Parameters
    ----------
    table : DataFrame
        Tidy, see `fitmodel.tables.tidying.tidy`; not changed.
    spec : DealSpec

    Returns
    -------
    ChosenRows
        The kept rows are as they were.

    Raises
    ------
    DealsError
        If a column that `[rows]` names is absent, or no row is left.
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
    """Leave out trials, make one row of each customer's several, settle leavers without a date.

    Parameters
    ----------
    deals : DataFrame
        With the dates of the roles read; not changed.
    spec : DealSpec

    Returns
    -------
    ChosenRows
        Settling it again changes nothing.
    """
    bought, about_trials = _without_trials(deals, spec)
    merged, about_customers = one_row_per_customer(bought, spec)
    filled, about_leavers = fill_left_without_date(merged, spec)
    notes = (about_trials, about_customers, about_leavers)
    return ChosenRows(filled, tuple(note for note in notes if note))


def left_in_trial(deals: pd.DataFrame, churned_on: str, trial_end: str) -> Mask:
    """Which rows left on or before the day on which their trial ended."""
    left, end = (read_dates(deals[name]).series.dt.normalize() for name in (churned_on, trial_end))
    in_trial: Mask = (left <= end).to_numpy(dtype=bool)
    return in_trial


def _without_trials(deals: pd.DataFrame, spec: DealSpec) -> tuple[pd.DataFrame, str | None]:
    """Leave out the rows that left by the end of their trial: they never were customers."""
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
    """Refuse ends of trials that are not dates, or whose day and month cannot be told apart."""
    read = read_dates(cells)
    count = int(read.unreadable.sum())
    if count:
        problem = (
            f"{count:,} value(s) are not dates, for example {cells[read.unreadable].iloc[0]!r}"
        )
    elif read.swapped:
        problem = f"day and month cannot be told apart, for example {cells.dropna().iloc[0]!r}"
    else:
        return
    raise DealsError(
        f"[rows] trial_end: {cells.name}: {problem}. Remedy: write dates as 2024-01-31"
    )


def _require_columns(table: pd.DataFrame, spec: DealSpec) -> None:
    named = [*spec.rows.chosen_by, *filter(None, [spec.rows.customer, spec.rows.trial_end])]
    for name in named:
        if name not in table.columns:
            close = nearest(name, table.columns)
            hint = f"did you mean {close!r}?" if close else f"the table has {list(table.columns)}"
            raise DealsError(f"[rows] names {name!r}, but there is no such column; {hint}")


def _stays(column: pd.Series[Any], spec: DealSpec, name: str) -> Mask:
    """Which rows stay by the values of one column."""
    positions, values = distinct_values(column)
    keep, drop = (rules.get(name) for rules in (spec.rows.keep, spec.rows.drop))
    stays = np.ones(len(values), dtype=bool)
    if keep is not None:
        stays &= np.isin(values, list(map(plain_value, keep)))
    if drop is not None:
        stays &= ~np.isin(values, list(map(plain_value, drop)))
    chosen: Mask = stays[positions]
    return chosen


def distinct_values(column: pd.Series[Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return each row's position among the distinct cells, and these as plain values."""
    positions, cells = pd.factorize(column.astype(object), use_na_sentinel=True)
    values = [*map(plain_value, cells), ""]
    return positions, np.array(values, dtype=object)


def _left_out(values: pd.Series[Any], rows: int) -> str:
    counts = values.astype(object).where(values.notna(), "(empty)").astype("str").value_counts()
    shown = [f"{value} {count:,}" for value, count in counts[:SHOWN_VALUES].items()]
    shown += ["…"] if len(counts) > SHOWN_VALUES else []
    return f"left out {len(values):,} of {rows:,} rows by [rows], {values.name}: {', '.join(shown)}"
