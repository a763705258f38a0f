"""Scoring of signed customers: probability of leaving soon, given how long they have stayed.

table -> current customers -> assessed as of their signing -> the churn curve from today on
      -> columns added -> a temporary file, renamed to the output when it is complete
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.roles import read_roles
from fitmodel.exceptions import ProspectError
from fitmodel.model.survival import months_stayed, score_signed
from fitmodel.scoring._file_sink import check_paths
from fitmodel.tables.atomic import write_table
from fitmodel.tables.cells import shown
from fitmodel.tables.files import read_table
from fitmodel.tables.values import today

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

    from fitmodel.model.fitmodel import FitModel

MONTHS = (3, 6, 12)
"""Default numbers of months to look ahead."""
STALE_DAYS = 31


@dataclass(frozen=True)
class SignedResult:
    """Result of scoring signed customers.

    Attributes
    ----------
    rows, gone, left_out : int
        Number of rows written; of these, customers that have left or exited, and rows that are
        not customers according to `[rows]` of the contract. The last two get no predictions.
    beyond_data : int
        Number of customers for whom the longest look ahead ends after the model's curve.
    curve_ends_month : int
        Last month of the model's curve, counted from signing.
    output : Path
        The file that was written.
    seen_until : date or None
        End of the extract by the column of `observed_until`, if it is more than `STALE_DAYS` before
        the day from which the months count: who left in between counts as still there.
    """

    rows: int
    gone: int
    beyond_data: int
    curve_ends_month: int
    output: Path
    left_out: int = 0
    seen_until: date | None = None


def score_customers(
    source: str | Path,
    model: FitModel,
    output: str | Path,
    *,
    months: Sequence[int] = MONTHS,
    as_of: date | None = None,
) -> SignedResult:
    """Write a table of signed customers with the probability that each leaves soon.

    Parameters
    ----------
    source, output : path
        Table of past deals to read (CSV, Parquet or Excel), and file to write, whole or not at
        all (CSV or Parquet).
    model : FitModel
        Model with a churn curve.
    months : sequence of int
        Numbers of months to look ahead, counted from `as_of`.
    as_of : date, optional
        Day up to which the time stayed is counted; default today.

    Raises
    ------
    ProspectError
        If the model has no curve, a column is missing or already there, a closing date or a sign
        of having left cannot be read, or the output is the input or has another ending.

    Examples
    --------
    >>> model = fitmodel.load("models/prospect-fit")  # doctest: +SKIP
    >>> score_customers("customers.csv", model, "risks.csv", months=[3, 12])  # doctest: +SKIP
    """
    path = Path(output)
    if path.suffix.lower() not in {".csv", ".parquet"}:
        raise ProspectError(f"{output} is neither .csv nor .parquet. Remedy: name the output so.")
    requested = _checked_months(months)
    check_paths(source, output)
    customers, day = read_table(Path(source)), as_of or today()
    is_lost = np.isin(np.arange(len(customers)), [*model.scorer.lost.of_table(customers)])
    has_left = has_left_by(model, customers, day) & ~is_lost
    closing = model.scorer.closed_on
    signed = customers
    if closing in customers.columns and is_lost.any():  # lost rows may lack a closing date
        signed = customers.assign(
            **{str(closing): customers[closing].astype(object).mask(is_lost, pd.Timestamp(day))}
        )
    months_stayed(model, signed, closing, day)  # on all rows, so that errors have the table's rows
    scored = score_signed(model, customers[~has_left & ~is_lost], requested, as_of=day)
    taken = [name for name in scored.columns if name in customers.columns]
    if taken:
        raise ProspectError(
            f"the table already has the column(s) {', '.join(taken)}. Remedy: rename them."
        )
    write_table(path, customers.join(scored))
    curve = model.scorer.curve
    curve_ends_month = 0 if curve is None else curve.months
    beyond = int(scored["beyond_data"].sum())
    seen_until = _seen_until(model, customers, day)
    counts = (len(customers), int(has_left.sum()), beyond, curve_ends_month)
    return SignedResult(*counts, path, int(is_lost.sum()), seen_until)


def _seen_until(model: FitModel, customers: pd.DataFrame, day: date) -> date | None:
    """Return the end of the extract if it is long before a day, else None."""
    spec_data = model.manifest.get("spec")
    readings = read_roles(customers, DealSpec.from_manifest(spec_data)) if spec_data else {}
    if "observed_until" not in readings or readings["observed_until"].series.isna().all():
        return None
    last: date = readings["observed_until"].series.max().date()
    return last if (day - last).days > STALE_DAYS else None


def has_left_by(model: FitModel, customers: pd.DataFrame, day: date) -> NDArray[np.bool_]:
    """Return whether each customer has left or exited by a day, read as for past deals.

    The contract's flag or status of having left counts where there is no date of leaving.

    Raises
    ------
    ProspectError
        If a date or the flag cannot be read, so that it is not known whether the customer stays.
    """
    left, has_date = np.zeros((2, len(customers)), dtype=bool)
    spec_data = model.manifest.get("spec")
    readings = read_roles(customers, DealSpec.from_manifest(spec_data)) if spec_data else {}
    for role in ("churned_on", "exited_on", "churned"):
        if role not in readings:
            continue
        values, unreadable = readings[role].series, readings[role].unreadable
        _refuse_unread(customers[str(values.name)], unreadable)
        if role == "churned":
            left |= values.fillna(value=False).to_numpy(dtype=bool) & ~has_date
        else:
            left |= (values <= pd.Timestamp(day)).to_numpy(dtype=bool)
            has_date |= values.notna().to_numpy()
    return left


def _refuse_unread(cells: pd.Series[Any], unreadable: NDArray[np.bool_]) -> None:
    if not unreadable.any():
        return
    first = int(unreadable.argmax())
    raise ProspectError(
        f"{cells.name}: {shown(cells.iloc[first])} cannot be read in {int(unreadable.sum())} of "
        f"{len(cells)} rows, the first in row {first + 1}, so it is not known who has left. "
        "Remedy: correct it, or leave it empty where the customer is still there."
    )


def _checked_months(months: Sequence[int]) -> tuple[int, ...]:
    requested: tuple[Any, ...] = tuple(sorted(set(months))) or MONTHS
    if any(isinstance(each, bool) or each < 1 for each in requested):
        raise ProspectError(f"months are {list(months)}; give whole months, 1 or more")
    return requested
