"""Read past deals: any honest table in, one clean table or one error that lists every fault out.

file or frame -> read_file -> tidy -> keep_rows -> attributes settled -> roles read -> faults_of
              -> settle_rows -> deals
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from fitmodel.deals.faults import Fault, Judged, Sheet, explain
from fitmodel.deals.roles import read_roles, role_column, with_roles
from fitmodel.deals.rows import keep_rows, settle_rows
from fitmodel.deals.settling import settle_attributes
from fitmodel.deals.validation import faults_of, shape_faults
from fitmodel.exceptions import DealsError
from fitmodel.tables.csv_form import SEPARATORS
from fitmodel.tables.files import FileTable, is_csv, read_file, read_table
from fitmodel.tables.forms import Forms
from fitmodel.tables.tidying import tidy_with_findings
from fitmodel.tables.values import DateForm, NumberForm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fitmodel.deals.contract import DealSpec
    from fitmodel.tables.findings import Finding
    from fitmodel.tables.values import Reading

__all__ = [
    "SEPARATORS",
    "DealsRead",
    "faults_when_read",
    "first_row_of",
    "named_apart",
    "open_deals",
    "read_deals",
    "read_deals_with_findings",
    "read_opened",
    "read_table",
]
FIRST_CSV_ROW = 2  # below the header, as a spreadsheet counts


@dataclass(frozen=True, eq=False)
class DealsRead:
    """Past deals, and what reading them found.

    Attributes
    ----------
    table : DataFrame
        As `read_deals` gives it.
    spec : DealSpec
        The contract with [reading] filled in: how the attributes, the amount and the closing date
        are written. A model that is trained with it reads prospects in the same form.
    findings : tuple of Finding
        What was left out or taken for nothing, in the order of the table.
    notes : tuple of str
        What [rows] of the contract left out or merged, and how many rows.
    """

    table: pd.DataFrame
    spec: DealSpec
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


def read_deals(
    source: str | Path | pd.DataFrame, spec: DealSpec, *, to_learn: bool = True
) -> pd.DataFrame:
    """Read and validate past deals.

    Parameters
    ----------
    source : path or DataFrame
        CSV (plain or gzip), Parquet or Excel; a frame is copied, never changed.
    spec : DealSpec
        What the columns mean.
    to_learn : bool, default=True
        Whether the deals are to be learned from. Else a column that is empty or always the same,
        and deals among which nobody left early, are no faults: they are what monitoring is for.

    Returns
    -------
    DataFrame
        The rows that are customers by [rows], with the user's own columns. Dates of the roles are
        whole days (their zone's own), tenure and amount floats, the churn flag a bool. Attributes
        that are written numbers ("$ 1,200") are floats, and written dates are days. Of all columns
        text is stripped, and infinite numbers and texts that stand for nothing (null, "-") are
        missing. A frame keeps its index, a file gets 0, 1, 2, ... in the order of its rows.

    Raises
    ------
    DealsError
        One error that lists every fault with column, count, example and remedy.

    Examples
    --------
    >>> spec = fitmodel.DealSpec(
    ...     deals={"closed_on": "signed", "churned_on": "left", "observed_until": "2026-06-30"}
    ... )
    >>> table = pd.DataFrame(
    ...     {"signed": ["2025-01-31", "2025-05-01"], "left": ["2025-03-01", None], "seats": [3, 40]}
    ... )
    >>> read_deals(table, spec)["left"].isna().tolist()
    [False, True]
    """
    return read_deals_with_findings(source, spec, to_learn=to_learn).table


def read_deals_with_findings(
    source: str | Path | pd.DataFrame, spec: DealSpec, *, to_learn: bool = True
) -> DealsRead:
    """Read past deals as `read_deals`, with what was found and the contract filled in.

    Returns
    -------
    DealsRead

    Raises
    ------
    DealsError
        As `read_deals`.
    """
    return read_opened(open_deals(source, spec), spec, to_learn=to_learn)


def open_deals(source: str | Path | pd.DataFrame, spec: DealSpec) -> FileTable:
    """Open past deals as they are written, all rows of them."""
    if isinstance(source, pd.DataFrame):
        return FileTable(source)
    if isinstance(source, (str, Path)):
        return read_file(source, sheet=spec.reading.sheet)
    raise DealsError(f"deals are a path or a DataFrame, not {type(source).__name__}")


def read_opened(file: FileTable, spec: DealSpec, *, to_learn: bool = True) -> DealsRead:
    """Read and validate the deals of a table that is open; `read_deals` says more.

    Raises
    ------
    DealsError
        One error that lists every fault with column, count, example and remedy.
    """
    _refuse(shape_faults(Sheet(file.table, rows=file.row_numbers)))
    looked = _look(file, spec)
    _refuse(_faults(looked, to_learn=to_learn))
    readings = dict(looked.judged.readings)
    settled = settle_rows(with_roles(looked.judged.table, spec, readings), spec)
    found = looked.forms.over(_role_forms(spec, readings)).over(file.forms)
    findings = (*file.findings, *(each for each in looked.findings if not each.asks))
    notes = (*looked.notes, *settled.notes)
    return DealsRead(settled.table, _with_forms(spec, found), findings, notes)


def faults_when_read(file: FileTable, spec: DealSpec, *, to_learn: bool = True) -> list[Fault]:
    """List everything for which `read_opened` refuses a table; empty if nothing."""
    unreadable = shape_faults(Sheet(file.table, rows=file.row_numbers))
    return unreadable or _faults(_look(file, spec), to_learn=to_learn)


@dataclass(frozen=True, eq=False)
class _Looked:
    """A table with its roles read, before anything is refused."""

    judged: Judged
    forms: Forms
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]


def _look(file: FileTable, spec: DealSpec) -> _Looked:
    tidied = tidy_with_findings(file.table, spec.attributes.missing)
    kept = keep_rows(tidied.table, spec)
    numbers = None if file.row_numbers is None else file.row_numbers[kept.positions]
    settled = settle_attributes(Sheet(kept.table, rows=numbers), spec)
    readings = read_roles(settled.table, spec)
    judged = Judged(settled.table, rows=numbers, spec=spec, readings=readings)
    empty = Forms(empty={name: frozenset(texts) for name, texts in tidied.empty.items()})
    findings = (*tidied.findings, *settled.findings)
    return _Looked(judged, settled.forms.over(empty), findings, kept.notes)


def _faults(looked: _Looked, *, to_learn: bool) -> list[Fault]:
    asked = [_as_fault(each) for each in looked.findings if each.asks and to_learn]
    named = {fault.column for fault in asked}
    others = faults_of(looked.judged, to_learn=to_learn)
    return [*asked, *(fault for fault in others if fault.column not in named)]


def _as_fault(finding: Finding) -> Fault:
    return Fault(finding.column, finding.count, finding.example, finding.remedy, finding.message)


def _role_forms(spec: DealSpec, readings: Mapping[str, Reading]) -> Forms:
    """Forms of the closing date and the amount, which prospects have too."""
    numbers: dict[str, NumberForm] = {}
    dates: dict[str, DateForm] = {}
    for role in ("closed_on", "amount"):
        column, reading = role_column(spec, role), readings.get(role)
        if column is None or reading is None:
            continue
        if isinstance(reading.form, NumberForm):
            numbers[column] = reading.form
        elif isinstance(reading.form, DateForm) and reading.form.order != DateForm().order:
            dates[column] = reading.form
    return Forms(numbers, dates)


def _with_forms(spec: DealSpec, found: Forms) -> DealSpec:
    """The contract with the forms found of what a prospect has; those it gives stay."""
    forms = spec.reading.forms.over(found.only(set(_prospect_columns(spec, found))))
    return spec.replace(reading=forms.to_dict()) if forms else spec


def _prospect_columns(spec: DealSpec, found: Forms) -> tuple[str, ...]:
    named = dict.fromkeys([*found.numbers, *found.dates, *found.empty])
    roles = filter(None, [spec.deals.amount, spec.deals.closed_on])
    return (*spec.attribute_names(list(named)), *roles)


def named_apart(deals: pd.DataFrame) -> pd.DataFrame:
    """Number deals anew whose index repeats: where each is looked up, two of a name would mix."""
    return deals if deals.index.is_unique else deals.reset_index(drop=True)


def first_row_of(source: str | Path | pd.DataFrame) -> int | None:
    """Number of the first deal as whoever opens the file sees it; None for a frame."""
    if isinstance(source, pd.DataFrame):
        return None
    return FIRST_CSV_ROW if is_csv(source) else 0


def _refuse(faults: list[Fault]) -> None:
    if faults:
        raise DealsError(explain(faults))
