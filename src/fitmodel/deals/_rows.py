"""Choose the rows that are customers, by `[rows]` of the contract; merge rows of one customer.

keep_rows: tidy table -> rows that are customers
settle_rows: parsed dates -> without trials that were not bought -> one row per customer
     -> without customers outside the observed time -> leavers without a date handled
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.months import to_days
from fitmodel.deals.plain_words import nearest
from fitmodel.deals.roles import fill_left_without_date, left_without_date
from fitmodel.deals.vocabulary import plain_value
from fitmodel.exceptions import DealsError
from fitmodel.tables.values import read_dates

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.tables.values import Mask

    Ints = NDArray[np.int64]

SHOWN_VALUES = 8
NO_END = np.iinfo(np.int64).max // 2  # the end day of a row that has not ended


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
        is_kept = _is_kept(kept[name], spec, name)
        if not is_kept.all():
            notes.append(_left_out_note(kept[name][~is_kept], len(kept)))
            kept, positions = kept[is_kept], positions[is_kept]
    if kept.empty and len(table):
        raise DealsError(
            f"[rows] keeps none of {len(table)} row(s): {'; '.join(notes)}. Remedy: correct the "
            "values in [rows]"
        )
    return ChosenRows(kept, tuple(notes), positions)


def settle_rows(deals: pd.DataFrame, spec: DealSpec) -> ChosenRows:
    """Leave out trials, merge the rows of each customer, and handle leavers without a date.

    `deals`: deals whose date columns are already parsed; not changed.
    Returns: the resulting rows. Applying the function again does not change them.
    """
    without_trials, trial_note = _without_trials(deals, spec)
    merged, customer_note = one_row_per_customer(without_trials, spec)
    seen, time_note = _without_unobserved(merged, spec)
    filled, leaver_note = fill_left_without_date(seen, spec)
    notes = (trial_note, customer_note, time_note, leaver_note)
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


def _without_unobserved(deals: pd.DataFrame, spec: DealSpec) -> tuple[pd.DataFrame, str | None]:
    """Leave out customers signed or gone outside the observed time, if the contract says so.

    The rows of a customer are merged before: a row signed later may continue an earlier one.
    """
    roles = spec.deals
    if spec.rows.unobserved is None or roles.closed_on is None or roles.churned_on is None:
        return deals, None
    start, until = roles.observed_from, roles.observed_until
    notes, outside = [], np.zeros(len(deals), dtype=bool)
    if until is not None:
        end = to_days(deals[until]) if isinstance(until, str) else np.datetime64(until, "D")
        later = to_days(deals[roles.closed_on]) > end
        outside |= later
        notes += [f"{int(later.sum()):,} signed after observed_until ({until})"] * bool(later.any())
    if start is not None:
        before = to_days(deals[roles.churned_on]) < np.datetime64(start, "D")
        outside |= before
        notes += [f"{int(before.sum()):,} left before observed_from ({start})"] * bool(before.any())
    if not notes:
        return deals, None
    count = int(outside.sum())
    return deals[~outside], (
        f"left out {count:,} of {len(deals):,} rows outside the observed time: {', '.join(notes)}"
    )


def _refuse_unclear_dates(cells: pd.Series[Any]) -> None:
    """Raise an error if the ends of trials are not dates, or their day-month order is unclear."""
    read = read_dates(cells)
    count = int(read.unreadable.sum())
    if count:
        problem = (
            f"{count:,} value(s) are not dates, for example {cells[read.unreadable].iloc[0]!r}"
        )
    elif read.is_ambiguous:
        problem = f"the order of day and month is unclear, for example {cells.dropna().iloc[0]!r}"
    else:
        return
    raise DealsError(
        f"[rows] trial_end: {cells.name}: {problem}. Remedy: write dates as 2024-01-31"
    )


def _require_columns(table: pd.DataFrame, spec: DealSpec) -> None:
    """Raise an error if a column in `[rows]` does not exist."""
    columns = [*spec.rows.chosen_by, *filter(None, [spec.rows.customer, spec.rows.trial_end])]
    for name in columns:
        if name not in table.columns:
            similar = nearest(name, table.columns)
            hint = (
                f"did you mean {similar!r}?" if similar else f"the table has {list(table.columns)}"
            )
            raise DealsError(f"[rows] names {name!r}, but there is no such column; {hint}")


def _is_kept(column: pd.Series[Any], spec: DealSpec, name: str) -> Mask:
    """Return a mask of the rows that are kept by the values of one column."""
    positions, values = distinct_values(column)
    keep, drop = (rules.get(name) for rules in (spec.rows.keep, spec.rows.drop))
    is_kept = np.ones(len(values), dtype=bool)
    if keep is not None:
        is_kept &= np.isin(values, list(map(plain_value, keep)))
    if drop is not None:
        is_kept &= ~np.isin(values, list(map(plain_value, drop)))
    kept: Mask = is_kept[positions]
    return kept


def distinct_values(column: pd.Series[Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return a code for each row, and the distinct values, indexed by the codes.

    The values are texts as returned by `plain_value`; an empty cell has the code -1, which is the
    last value, "".
    """
    positions, cells = pd.factorize(column.astype(object), use_na_sentinel=True)
    values = [*map(plain_value, cells), ""]
    return positions, np.array(values, dtype=object)


def _left_out_note(values: pd.Series[Any], rows: int) -> str:
    """Return the sentence that reports rows left out, with their number by value."""
    counts = values.astype(object).where(values.notna(), "(empty)").astype("str").value_counts()
    shown = [f"{value} {count:,}" for value, count in counts[:SHOWN_VALUES].items()]
    shown += ["…"] if len(counts) > SHOWN_VALUES else []
    return f"left out {len(values):,} of {rows:,} rows by [rows], {values.name}: {', '.join(shown)}"


def one_row_per_customer(deals: pd.DataFrame, spec: DealSpec) -> tuple[pd.DataFrame, str | None]:
    """Merge the rows of each customer into one history.

    A customer is signed at its first row and has the attributes of that row. It left if its last
    row ended and no other row began within ``gap_days`` after that. A change of plan, an upgrade or
    a renewal therefore counts as staying. A customer that came back after a longer gap counts as
    left, and its later rows are ignored.

    `deals`: deals whose date columns are already parsed.
    `spec`: the contract; ``[rows] customer`` and ``[rows] gap_days`` are used.
    Returns: the merged deals, with the index labels of the first rows, and a sentence that says how
        many rows were merged. If no customer has several rows: the deals unchanged, and None.
    """
    name = spec.rows.customer
    if name is None or spec.deals.closed_on is None:
        return deals, None
    codes = _customers(deals[name])
    if len(np.unique(codes)) == len(codes):
        return deals, None
    first, last, returned = _histories(codes, deals, spec)
    merged = deals.iloc[first].copy()
    for role in ("churned_on", "exited_on", "churned"):
        column = getattr(spec.deals, role)
        if column is not None:
            merged[column] = deals[column].iloc[last].set_axis(merged.index)
    until = spec.deals.observed_until
    if isinstance(until, str) and until in deals.columns:
        merged[until] = deals[until].groupby(codes).transform("max").iloc[first]
    return merged, _note(name, deals, merged, spec, returned)


def _customers(ids: pd.Series[Any]) -> NDArray[np.intp]:
    """Return an integer code per customer; each row without an id is a separate customer."""
    codes, known = pd.factorize(ids.astype(object))
    without_id = codes < 0
    codes[without_id] = len(known) + np.arange(without_id.sum())
    return codes


def _histories(
    codes: NDArray[np.intp], deals: pd.DataFrame, spec: DealSpec
) -> tuple[NDArray[np.intp], NDArray[np.intp], int]:
    """Return the positions of each customer's first and last row, and how many came back."""
    closed = to_days(deals[spec.deals.closed_on]).astype(np.int64)
    ends, undated = _ends(deals, spec), left_without_date(deals, spec)
    ends = np.where(undated, closed, ends)  # the end day is unknown, but not before the first day
    # Rows that began on the same day are sorted by id, so that row order does not matter.
    ids = deals[spec.deals.id].astype("str") if spec.deals.id else pd.Series("", deals.index)
    contract = ids.rank(method="dense").to_numpy()
    last_observed = _last_observed(deals, spec)
    order = np.lexsort((np.arange(len(codes)), last_observed, contract, closed, codes))
    first: list[int] = []
    last: list[int] = []
    returned, has_left = 0, False
    for row in order.tolist():
        if not first or codes[row] != codes[first[-1]]:
            first.append(row)
            last.append(row)
            has_left = False
            continue
        end = last[-1]
        same = closed[row] == closed[end] and contract[row] == contract[end]
        if same and last_observed[row] > last_observed[end]:
            last[-1] = row  # a later snapshot of the same contract
            continue
        if has_left or (not undated[end] and closed[row] > ends[end] + spec.rows.gap_days):
            returned += not has_left
            has_left = True
        elif ends[row] >= ends[end] or undated[end]:
            last[-1] = row
    order_of_rows = np.argsort(first)
    return np.array(first)[order_of_rows], np.array(last)[order_of_rows], returned


def _last_observed(deals: pd.DataFrame, spec: DealSpec) -> Ints:
    """Return the day of each row's last look, if the contract names its column; otherwise 0."""
    until = spec.deals.observed_until
    if not isinstance(until, str) or until not in deals.columns:
        return np.zeros(len(deals), dtype=np.int64)
    return to_days(deals[until]).astype(np.int64)


def _ends(deals: pd.DataFrame, spec: DealSpec) -> Ints:
    """Return the day on which each row ended, by leaving or another exit, or `NO_END`."""
    days = np.full(len(deals), NO_END, dtype=np.int64)
    for column in (spec.deals.churned_on, spec.deals.exited_on):
        if column is not None:
            end_days = to_days(deals[column])
            result = np.where(np.isnat(end_days), NO_END, end_days.astype(np.int64))
            days = np.minimum(days, result)
    return days


def _note(
    name: str, deals: pd.DataFrame, merged: pd.DataFrame, spec: DealSpec, returned: int
) -> str:
    """Return the sentence that reports how many rows were merged."""
    column = str(spec.deals.churned_on)
    ended, left = int(deals[column].notna().sum()), int(merged[column].notna().sum())
    text = (
        f"made {len(merged):,} customers of {len(deals):,} rows by [rows] customer ({name}): "
        f"{ended:,} rows have a date in {column}, {left:,} customers left; a row that begins at "
        f"most {spec.rows.gap_days} days after another has ended continues it"
    )
    if returned:
        text += f"; {returned:,} came back later and count as left: their later rows are ignored"
    return text
