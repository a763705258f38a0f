"""Read past deals into one clean table, or raise one error that lists every problem.

file or frame -> read_file -> tidy -> rows that are customers -> attributes settled -> roles read
     -> errors_of -> one row per customer -> deals
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.deals.data_warnings import find_constants, without_attributes
from fitmodel.deals.errors import Problem, ReadSheet, Sheet, explain
from fitmodel.deals.roles import read_roles, role_column, with_roles
from fitmodel.deals.rows import keep_rows, settle_rows
from fitmodel.deals.settling import (
    currency_finding,
    has_several_currencies,
    settle_attributes,
)
from fitmodel.deals.validation import TOO_FEW, errors_of, shape_errors
from fitmodel.exceptions import DealsError, TooFewDealsError
from fitmodel.tables.csv_form import SEPARATORS
from fitmodel.tables.files import FileTable, read_file, read_table
from fitmodel.tables.forms import Forms, forms_from_dict
from fitmodel.tables.tidying import tidy_with_findings
from fitmodel.tables.values import DateForm, NumberForm

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.tables.forms import Finding
    from fitmodel.tables.values import Reading

__all__ = [
    "SEPARATORS",
    "DealsRead",
    "named_apart",
    "open_table",
    "read_deals",
    "read_deals_with_findings",
    "read_table",
    "table_of",
]
FORMS = "fitmodel.reading"
"""Key of a frame's `attrs`: the form of its file, for whoever trains on the frame as it is."""


@dataclass(frozen=True, eq=False)
class DealsRead:
    """Past deals, and what reading them found.

    Attributes
    ----------
    table : DataFrame
        As `read_deals` gives it.
    spec : DealSpec
        The contract with [reading] filled in: how the attributes, the amount and the closing date
        are written. A model that is trained with it reads prospects in the same form. Attributes
        that never change are excluded, where the deals are to be learned from.
    findings : tuple of Finding
        What was left out or taken for nothing, in the order of the table.
    notes : tuple of str
        What `[rows]` of the contract left out or merged, and how many rows.
    row_numbers : ndarray of int or None
        Number of each row of the table as a person sees it in the file; None for a frame.

    Notes
    -----
    Functions that take past deals take this object in the place of a table: it keeps the form in
    which the file was written, which a frame of values that were read no longer has.
    """

    table: pd.DataFrame
    spec: DealSpec
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    row_numbers: NDArray[np.intp] | None = None


def read_deals(
    source: str | Path | pd.DataFrame | DealsRead, spec: DealSpec, *, to_learn: bool = True
) -> pd.DataFrame:
    """Read and validate past deals without the tables beside them; see `fitmodel.read_deals`."""
    return table_of(read_deals_with_findings(source, spec, to_learn=to_learn))


def table_of(read: DealsRead) -> pd.DataFrame:
    """The table, which keeps how its file was written: values that were read no longer show it.

    It is kept in `attrs`, which pandas loses where tables are merged.
    """
    if read.spec.reading.forms:
        read.table.attrs[FORMS] = read.spec.reading.forms.to_dict()
    return read.table


def read_deals_with_findings(
    source: str | Path | pd.DataFrame | FileTable | DealsRead,
    spec: DealSpec,
    *,
    to_learn: bool = True,
) -> DealsRead:
    """Read past deals as `read_deals`, with what was found and the contract filled in.

    Returns
    -------
    DealsRead

    Raises
    ------
    DealsError
        As `read_deals`; `TooFewDealsError` where only outcomes to learn from are missing.
    """
    file = open_table(source, spec)
    frame, numbers = file.table, file.row_numbers
    _refuse(shape_errors(Sheet(frame, rows=numbers)))
    tidied = tidy_with_findings(frame, spec.attributes.missing, full=spec.deals.closed_on)
    kept = keep_rows(tidied.table, spec)
    numbers = None if numbers is None else numbers[kept.positions]
    sheet = Sheet(kept.table, rows=numbers)
    settled = settle_attributes(sheet, spec)
    readings = read_roles(settled.table, spec)
    read_sheet = ReadSheet(settled.table, rows=numbers, spec=spec, readings=readings)
    asked = [*settled.findings, *_currencies(sheet, spec, readings)]
    problems = [_as_error(finding) for finding in asked if finding.asks and to_learn]
    named = {problem.column for problem in problems}
    others = errors_of(read_sheet, to_learn=to_learn)
    _refuse([*problems, *(problem for problem in others if problem.column not in named)])
    result = Forms(empty={name: frozenset(texts) for name, texts in tidied.empty.items()})
    result = settled.forms.over(result).over(_role_forms(spec, readings)).over(file.forms)
    filled = _with_forms(spec, result)
    constants = find_constants(read_sheet.table, spec) if to_learn else ()
    noted = (each for each in asked if not each.asks)
    findings = (*file.findings, *tidied.findings, *noted, *constants)
    merged = settle_rows(with_roles(settled.table, spec, readings), spec)
    filled = without_attributes(filled, tuple(each.column for each in constants))
    notes = (*kept.notes, *merged.notes)
    return DealsRead(merged.table, filled, findings, notes, _numbers_of(merged.table, file))


def _numbers_of(table: pd.DataFrame, file: FileTable) -> NDArray[np.intp] | None:
    """Row numbers of the rows of a file that are left, by their index."""
    if file.row_numbers is None:
        return None
    positions = file.table.index.get_indexer(table.index)
    return np.asarray(file.row_numbers[positions])


def open_table(
    source: str | Path | pd.DataFrame | FileTable | DealsRead, spec: DealSpec
) -> FileTable:
    """Read a table as it is, with the numbers of its rows for messages."""
    if isinstance(source, FileTable):
        return source
    if isinstance(source, DealsRead):
        forms, numbers = source.spec.reading.forms, source.row_numbers
        return FileTable(source.table, source.findings, forms, numbers)
    if isinstance(source, pd.DataFrame):
        return FileTable(source, forms=forms_from_dict(source.attrs.get(FORMS, {})))
    if isinstance(source, (str, Path)):
        return read_file(source, sheet=spec.reading.sheet)
    raise DealsError(f"deals are a path or a DataFrame, not {type(source).__name__}")


def _currencies(sheet: Sheet, spec: DealSpec, readings: dict[str, Reading]) -> list[Finding]:
    """The amount's currencies, where there are several."""
    name, reading = role_column(spec, "amount"), readings.get("amount")
    if name is None or reading is None or not has_several_currencies(reading):
        return []
    return [currency_finding(sheet, name, reading)]


def _as_error(finding: Finding) -> Problem:
    what = (finding.column, finding.count, finding.example, finding.remedy, finding.message)
    return Problem(*what, code=finding.code)


def _role_forms(spec: DealSpec, readings: dict[str, Reading]) -> Forms:
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
    """Give deals a unique index where theirs repeats."""
    return deals if deals.index.is_unique else deals.reset_index(drop=True)


def _refuse(problems: list[Problem]) -> None:
    if problems:
        few = all(problem.code == TOO_FEW for problem in problems)
        raise (TooFewDealsError if few else DealsError)(explain(problems), problems)
