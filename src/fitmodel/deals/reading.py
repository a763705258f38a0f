"""Read past deals into one clean table, or raise one error that lists every problem.

file or frame -> read_file -> tidy -> rows that are customers -> attributes and roles parsed
     -> errors_of -> one row per customer -> deals
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.deals._rows import ChosenRows, keep_rows, left_in_trial, settle_rows
from fitmodel.deals._settling import (
    are_written_dates,
    currency_finding,
    has_several_currencies,
    settle_attributes,
)
from fitmodel.deals._table_errors import TOO_FEW, errors_of
from fitmodel.deals.attributes import find_constants, without_attributes
from fitmodel.deals.roles import read_roles, role_column, with_roles
from fitmodel.deals.validation import Problem, ReadSheet, Sheet, explain, shape_errors
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
    "ChosenRows",
    "DealsRead",
    "are_written_dates",
    "has_several_currencies",
    "keep_rows",
    "left_in_trial",
    "open_table",
    "read_deals",
    "read_deals_with_findings",
    "read_table",
    "settle_attributes",
    "table_of",
    "with_unique_index",
]
FORMS = "fitmodel.reading"
"""Key of a DataFrame's `attrs` with the form of its file, in case the frame is trained on later."""


@dataclass(frozen=True, eq=False)
class DealsRead:
    """Past deals, with the findings from reading them.

    Attributes
    ----------
    table : DataFrame
        The deals, as returned by `read_deals`.
    spec : DealSpec
        The contract with [reading] filled in: how the attributes, the amount and the closing date
        are written in the file. A model trained with it reads prospects in the same form. If the
        deals were read for learning, constant attributes are excluded.
    findings : tuple of Finding
        What was left out or read as missing, in the order of the table.
    notes : tuple of str
        Sentences on the rows that `[rows]` of the contract left out or merged.
    row_numbers : ndarray of int of shape (deals,) or None
        Number of each row in the file; None for a DataFrame.

    Notes
    -----
    Functions that take past deals also accept this object. Unlike a DataFrame of parsed values, it
    keeps the form in which the file was written.
    """

    table: pd.DataFrame
    spec: DealSpec
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    row_numbers: NDArray[np.intp] | None = None


def read_deals(
    source: str | Path | pd.DataFrame | DealsRead, spec: DealSpec, *, to_learn: bool = True
) -> pd.DataFrame:
    """Read and validate past deals, without further tables; see `fitmodel.read_deals`."""
    return table_of(read_deals_with_findings(source, spec, to_learn=to_learn))


def table_of(read: DealsRead) -> pd.DataFrame:
    """Return the table, with the form of its file in `attrs`.

    Parsed values do not show in which form they were written. pandas drops `attrs` when tables are
    merged.
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
    """Read and validate past deals; return them with findings and the completed contract.

    Parameters
    ----------
    source : path, DataFrame, FileTable or DealsRead
        The past deals.
    to_learn : bool
        Whether a model will be trained on them. Otherwise errors that only prevent training are not
        raised.

    Returns
    -------
    DealsRead
        The deals, the findings, and the contract with [reading] filled in.

    Raises
    ------
    DealsError
        If the deals have errors; `TooFewDealsError` if there are only too few outcomes to learn
        from.
    """
    file = open_table(source, spec)
    frame, numbers = file.table, file.row_numbers
    _refuse(shape_errors(Sheet(frame, rows=numbers)))
    tidied = tidy_with_findings(frame, spec.attributes.missing, full=spec.deals.closed_on)
    kept_rows = keep_rows(tidied.table, spec)
    numbers = None if numbers is None else numbers[kept_rows.positions]
    sheet = Sheet(kept_rows.table, rows=numbers)
    settled = settle_attributes(sheet, spec)
    readings = read_roles(settled.table, spec)
    read_sheet = ReadSheet(settled.table, rows=numbers, spec=spec, readings=readings)
    form_findings = [*settled.findings, *_currencies(sheet, spec, readings)]
    problems = [_as_error(finding) for finding in form_findings if finding.asks and to_learn]
    columns = {problem.column for problem in problems}
    other_problems = errors_of(read_sheet, to_learn=to_learn)
    _refuse([*problems, *(problem for problem in other_problems if problem.column not in columns)])
    forms = Forms(empty={name: frozenset(texts) for name, texts in tidied.empty.items()})
    forms = settled.forms.over(forms).over(_role_forms(spec, readings)).over(file.forms)
    full_spec = _with_forms(spec, forms)
    constants = find_constants(read_sheet.table, spec) if to_learn else ()
    other_form_findings = (finding for finding in form_findings if not finding.asks)
    findings = (*file.findings, *tidied.findings, *other_form_findings, *constants)
    merged = settle_rows(with_roles(settled.table, spec, readings), spec)
    full_spec = without_attributes(full_spec, tuple(each.column for each in constants))
    notes = (*kept_rows.notes, *merged.notes)
    return DealsRead(merged.table, full_spec, findings, notes, _numbers_of(merged.table, file))


def _numbers_of(table: pd.DataFrame, file: FileTable) -> NDArray[np.intp] | None:
    """Return the numbers in the file of the rows that are left, found by their index."""
    if file.row_numbers is None:
        return None
    positions = file.table.index.get_indexer(table.index)
    return np.asarray(file.row_numbers[positions])


def open_table(
    source: str | Path | pd.DataFrame | FileTable | DealsRead, spec: DealSpec
) -> FileTable:
    """Read a table without converting values, with its row numbers for messages."""
    if isinstance(source, FileTable):
        return source
    if isinstance(source, DealsRead):
        forms, numbers = source.spec.reading.forms, source.row_numbers
        return FileTable(source.table, source.findings, forms, numbers)
    if isinstance(source, pd.DataFrame):
        return FileTable(source, forms=forms_from_dict(source.attrs.get(FORMS, {})))
    if isinstance(source, (str, Path)):
        return read_file(source, sheet=spec.reading.sheet)
    module, kind = type(source).__module__.partition(".")[0], type(source).__name__
    if module != "builtins":
        kind = f"{module}.{kind}"
    remedy = (
        "call its to_pandas()" if hasattr(source, "to_pandas") else "make a pandas.DataFrame of it"
    )
    raise DealsError(f"deals are a path or a pandas DataFrame, not {kind}. Remedy: {remedy}.")


def _currencies(sheet: Sheet, spec: DealSpec, readings: dict[str, Reading]) -> list[Finding]:
    """Return a finding if the amount has several currencies; otherwise an empty list."""
    name, reading = role_column(spec, "amount"), readings.get("amount")
    if name is None or reading is None or not has_several_currencies(reading):
        return []
    return [currency_finding(sheet, name, reading)]


def _as_error(finding: Finding) -> Problem:
    fields = (finding.column, finding.count, finding.example, finding.remedy, finding.message)
    return Problem(*fields, code=finding.code)


def _role_forms(spec: DealSpec, readings: dict[str, Reading]) -> Forms:
    """Return the forms of the closing date and the amount, since prospects have both too."""
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


def _with_forms(spec: DealSpec, detected: Forms) -> DealSpec:
    """Return the contract with the detected forms of a prospect's columns; given forms stay."""
    forms = spec.reading.forms.over(detected.only(set(_prospect_columns(spec, detected))))
    return spec.replace(reading=forms.to_dict()) if forms else spec


def _prospect_columns(spec: DealSpec, detected: Forms) -> tuple[str, ...]:
    """Return the columns with a detected form that a prospect has too."""
    detected_columns = dict.fromkeys([*detected.numbers, *detected.dates, *detected.empty])
    roles = filter(None, [spec.deals.amount, spec.deals.closed_on])
    return (*spec.attribute_names(list(detected_columns)), *roles)


def with_unique_index(deals: pd.DataFrame) -> pd.DataFrame:
    """Return the deals with a unique index: a new one if their index has duplicates."""
    return deals if deals.index.is_unique else deals.reset_index(drop=True)


def _refuse(problems: list[Problem]) -> None:
    """Raise one error that lists the problems, if there are any."""
    if problems:
        are_too_few = all(problem.code == TOO_FEW for problem in problems)
        raise (TooFewDealsError if are_too_few else DealsError)(explain(problems), problems)
