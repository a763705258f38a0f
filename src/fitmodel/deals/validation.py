"""Find every fault of a table at once, each with column, count, example and remedy."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.outcomes import outcomes
from fitmodel.deals.values import is_empty, read_amounts, read_dates, read_flags
from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec

LEAST_ROWS = 2


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a table.

    Attributes
    ----------
    column : str
    count : int
        Rows it concerns.
    example : str
        A row and its value.
    remedy : str
    message : str
        What is wrong, in words.
    """

    column: str
    count: int
    example: str
    remedy: str
    message: str

    def __str__(self) -> str:
        example = f", for example {self.example}" if self.example else ""
        return f"{self.column}: {self.message}{example}. Remedy: {self.remedy}"


def explain(faults: list[Fault]) -> str:
    """One message for all faults, a line each."""
    lines = "\n".join(f"  {fault}" for fault in faults)
    return f"{len(faults)} fault(s) in the deals:\n{lines}"


def find_faults(frame: pd.DataFrame, spec: DealSpec) -> list[Fault]:
    """Look at every role and attribute; faults that hide others are reported alone.

    Parameters
    ----------
    frame : DataFrame
        As read, nothing converted yet.
    spec : DealSpec

    Returns
    -------
    list of Fault
    """
    absent = list(_missing_columns(frame, spec))
    if absent:
        return absent
    if len(frame) < LEAST_ROWS:
        message = f"the table has {len(frame)} row(s)"
        return [Fault("(table)", len(frame), "", "give all past deals", message)]
    faults = [*_id_faults(frame, spec), *_attribute_faults(frame, spec)]
    faults += _amount_faults(frame, spec.deals.amount, "amount", empty_is_fine=True)
    roles = list(_date_faults(frame, spec)) if spec.has_dates else list(_tenure_faults(frame, spec))
    return faults + (roles or _outcome_faults(frame, spec))


def _missing_columns(frame: pd.DataFrame, spec: DealSpec) -> Iterator[Fault]:
    present = [str(name) for name in frame.columns]
    attributes = spec.attributes
    named = dict.fromkeys(spec.role_columns, "a role in [deals]")
    if spec.deals.amount is not None:
        named[spec.deals.amount] = "the amount in [deals]"
    for key in (
        "include",
        "exclude",
        "actionable",
        "increasing",
        "decreasing",
        "categorical",
        "numeric",
    ):
        named |= dict.fromkeys(getattr(attributes, key) or (), f"named in [attributes] {key}")
    for name, parent in attributes.parents.items():
        named |= dict.fromkeys((name, parent), "named in [attributes] parents")
    for name, why in named.items():
        if name not in present:
            near = get_close_matches(name, present, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"the table has {', '.join(present)}"
            message = f"there is no such column, but it is {why}"
            yield Fault(name, len(frame), "", f"correct the name; {hint}", message)


def _example(frame: pd.DataFrame, name: str, rows: NDArray[np.bool_]) -> str:
    first = int(np.flatnonzero(rows)[0])
    return f"row {frame.index[first]!r}: {frame[name].iloc[first]!s}"


def _rows_fault(
    frame: pd.DataFrame, name: str, rows: NDArray[np.bool_], what: str, remedy: str
) -> Iterator[Fault]:
    count = int(rows.sum())
    if count:
        yield Fault(name, count, _example(frame, name, rows), remedy, f"{count} row(s) {what}")


def _id_faults(frame: pd.DataFrame, spec: DealSpec) -> Iterator[Fault]:
    name = spec.deals.id
    if name is None:
        return
    empty = is_empty(frame[name])
    yield from _rows_fault(frame, name, empty, "have no id", "give every deal an id")
    twice = frame[name].duplicated().to_numpy() & ~empty
    remedy = "keep one row per deal, or name another id column"
    yield from _rows_fault(frame, name, twice, "repeat the id of an earlier row", remedy)


def _attribute_faults(frame: pd.DataFrame, spec: DealSpec) -> Iterator[Fault]:
    names = spec.attribute_names(str(name) for name in frame.columns)
    if not names:
        yield Fault(
            "(attributes)", 0, "", "name or leave some", "no attribute is left to learn from"
        )
    for name in names:
        known = frame[name][~is_empty(frame[name])]
        remedy = f'add "{name}" to [attributes] exclude'
        if len(known) == 0:
            yield Fault(name, len(frame), "", remedy, "every value is empty")
        elif len(known) == len(frame) and len(known.astype(str).unique()) == 1:
            text = f"every value is {known.iloc[0]!s}"
            yield Fault(name, len(frame), "", remedy, f"{text}, which tells nothing")


def _amount_faults(
    frame: pd.DataFrame, name: str | None, role: str, *, empty_is_fine: bool
) -> list[Fault]:
    if name is None:
        return []
    numbers, bad = read_amounts(frame[name])
    remedy = "write plain numbers (1234.5)"
    faults = list(_rows_fault(frame, name, bad, f"are no number ({role})", remedy))
    if not empty_is_fine:
        empty = is_empty(frame[name])
        faults += _rows_fault(frame, name, empty, "are empty", f"give the {role} of every deal")
        negative = (numbers < 0).to_numpy()
        faults += _rows_fault(frame, name, negative, "are negative", f"correct the {role}")
    return faults


def _date_faults(frame: pd.DataFrame, spec: DealSpec) -> Iterator[Fault]:
    roles = spec.deals
    until = roles.observed_until
    columns = {
        "closed_on": roles.closed_on,
        "churned_on": roles.churned_on,
        "exited_on": roles.exited_on,
    }
    if isinstance(until, str):
        columns["observed_until"] = until
    days: dict[str, pd.Series[Any]] = {}
    for role, name in columns.items():
        if name is None:
            continue
        days[role], bad = read_dates(frame[name])
        yield from _rows_fault(frame, name, bad, "are no date", "write dates as YYYY-MM-DD")
        if role in {"closed_on", "observed_until"}:
            empty = is_empty(frame[name])
            yield from _rows_fault(frame, name, empty, "are empty", "give the date of every deal")
    end = days.get(
        "observed_until",
        pd.Series(
            pd.Timestamp(str(until)) if not isinstance(until, str) else pd.NaT, index=frame.index
        ),
    )
    orders = (
        ("churned_on", days["closed_on"], "lie before closing", "correct the dates"),
        ("exited_on", days["closed_on"], "lie before closing", "correct the dates"),
    )
    for role, floor, what, remedy in orders:
        if role in days:
            yield from _rows_fault(
                frame, str(columns[role]), (days[role] < floor).to_numpy(), what, remedy
            )
    late = f"lie after observed_until ({until})"
    remedy = "a later observed_until, or correct the dates"
    # leaving announced for after the extract is no fault: the customer is still there
    too_late = (days["closed_on"] > end).to_numpy()
    yield from _rows_fault(frame, str(columns["closed_on"]), too_late, late, remedy)


def _tenure_faults(frame: pd.DataFrame, spec: DealSpec) -> Iterator[Fault]:
    yield from _amount_faults(frame, spec.deals.tenure_months, "tenure", empty_is_fine=False)
    name = str(spec.deals.churned)
    _, neither = read_flags(frame[name])
    remedy = "write yes or no (true/false, 1/0 and the like are read too)"
    yield from _rows_fault(frame, name, neither, "are neither yes nor no", remedy)


def _outcome_faults(frame: pd.DataFrame, spec: DealSpec) -> list[Fault]:
    """Whether there is anything to learn from at all; asked when the roles can be read."""
    roles, horizon = spec.deals, spec.label.horizon_months
    table = frame.copy()
    for name in (roles.closed_on, roles.churned_on, roles.exited_on, roles.observed_until):
        if isinstance(name, str):
            table[name] = read_dates(table[name])[0]
    if roles.tenure_months is not None:
        table[roles.tenure_months] = read_amounts(table[roles.tenure_months])[0]
        table[str(roles.churned)] = read_flags(table[str(roles.churned)])[0]
    column = str(roles.churned_on or roles.churned)
    try:
        found = outcomes(table, spec)
    except DealsError as error:
        return [Fault(column, len(frame), "", "correct the dates", str(error))]
    faults = []
    if not found["mature"].any():
        message = f"no deal is mature: none closed {horizon} months before the extract's end"
        faults.append(
            Fault(column, len(frame), "", "a later extract or a shorter horizon_months", message)
        )
    if not (found["early_churn"] == 1).any():
        message = f"no early churner: nobody is known to have left within {horizon} months"
        faults.append(
            Fault(column, len(frame), "", "check the column, or a longer horizon_months", message)
        )
    elif not (found["early_churn"] == 0).any():
        message = f"nobody is known to have stayed beyond {horizon} months"
        faults.append(Fault(column, len(frame), "", "add older deals", message))
    return faults
