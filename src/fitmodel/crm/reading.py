"""Read a table of deals with its history: columns get their values as of closing.

deals as in the file -> tables of the contract -> attributes attached -> `read_deals`
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from fitmodel.crm._moments import DAY, moments_of
from fitmodel.crm._opening import Given
from fitmodel.crm._settling import contradicting, describe, settle
from fitmodel.crm.attributes import attributes_as_of, has_tables, read_crm_tables
from fitmodel.crm.timeline import is_other_value
from fitmodel.deals.reading import DealsRead, open_table, read_deals_with_findings, table_of
from fitmodel.deals.validation import shown
from fitmodel.tables.forms import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

    from fitmodel.crm.attributes import AsOfAttributes, CrmTables
    from fitmodel.deals.contract import DealSpec
    from fitmodel.tables.files import FileTable

__all__ = ["Given", "OpenedDeals", "open_deals", "read_deals", "read_with_history"]
ATTACHED = "fitmodel.crm"
"""Key of a DataFrame's `attrs` with the completed sections of the tables attached to it."""
MIN_ALIKE = 0.5
"""Minimum share of changed deals whose last seller in the history is that of the table of deals."""


@dataclass(frozen=True, eq=False)
class OpenedDeals:
    """A table of deals with the attributes of its history.

    Attributes
    ----------
    file : FileTable
        The deals with the attributes attached; its findings include those on the tables.
    spec : DealSpec
        The contract, with the settings of the tables filled in.
    today : DataFrame
        The deals with today's values, without the attributes.
    result : AsOfAttributes or None
        The attributes; None if the contract has no tables, or the deals had their attributes.
    tables : CrmTables or None
        The tables; None like `result`.
    """

    file: FileTable
    spec: DealSpec
    today: pd.DataFrame
    result: AsOfAttributes | None = None
    tables: CrmTables | None = None


def open_deals(
    source: str | Path | pd.DataFrame | FileTable | DealsRead,
    spec: DealSpec,
    given: Mapping[str, Given] | None = None,
    *,
    as_of: date | None = None,
) -> OpenedDeals:
    """Open past deals and attach the attributes from their history.

    Parameters
    ----------
    source : path, DataFrame, FileTable or DealsRead
        The deals.
    spec : DealSpec
        The contract.
    given : mapping of str to DataFrame or path, optional
        Tables that replace those of the contract, by their names.
    as_of : date, optional
        Day as of which deals not signed by that day are viewed; by default today.

    Raises
    ------
    DealsError
        If a table cannot be read, or has none of the deals.

    Examples
    --------
    >>> from fitmodel.crm.reading import open_deals
    >>> sim = fitmodel.simulate_deals(300, seed=1)
    >>> open_deals(sim.deals, sim.spec).file.table.shape == sim.deals.shape
    True
    """
    file = open_table(source, spec)
    table = file.table
    if not has_tables(spec) or not _has_keys(table, spec):
        return OpenedDeals(file, spec, table)
    if given is None and (tables_of_spec := table.attrs.get(ATTACHED)) is not None:
        return OpenedDeals(file, spec.replace(**tables_of_spec), table)
    tables = read_crm_tables(spec, given)
    moments = moments_of(table, spec, as_of)
    full_spec, unused_findings = settle(table, spec, tables, moments.times)
    result = attributes_as_of(table, full_spec, tables, as_of)
    findings: tuple[Finding, ...] = (*unused_findings, *describe(table, full_spec, tables, result))
    sellers, changes = _sellers_at_closing(table, full_spec, result)
    result = result.without_unlike(table)
    with_attributes = result.attached_to(table).assign(**sellers)
    sections = full_spec.to_dict()
    tables_of_spec = {"history": sections["history"], "events": sections["events"]}
    with_attributes.attrs = {**table.attrs, ATTACHED: tables_of_spec}
    with_findings = replace(
        file, table=with_attributes, findings=(*file.findings, *findings, *changes)
    )
    return OpenedDeals(with_findings, full_spec, table, result, tables)


def _sellers_at_closing(
    deals: pd.DataFrame, spec: DealSpec, result: AsOfAttributes
) -> tuple[dict[str, Any], list[Finding]]:
    """Return the rep and team before each deal's closing day, with a finding per column.

    A deal that changes hands after it was signed counts for the person who signed it. On the day of
    closing itself a change counts as after signing: won deals are handed over on that day, and the
    time of signing is not known. Fields that are written in another way than the column (ids and
    names) are not used.
    """
    columns: dict[str, Any] = {}
    findings: list[Finding] = []
    moments = moments_of(deals, spec.replace(attributes={"known_before_days": 0}))
    for each in result.fields:
        name, log = each.columns.column, each.log
        if name not in deals.columns or name not in (spec.deals.rep, spec.deals.team):
            continue
        today, ids = deals[name], deals[str(spec.deals.id)]
        positions = log.deals(ids)
        codes, changed = log.before_changes(each.columns.field, positions, moments.times)
        written_alike = ~contradicting(log, each.columns.field, positions, today)
        signer = log.levels.take(codes)
        moved = changed & (codes >= 0) & ~moments.is_open & is_other_value(signer, today)
        if not moved.any() or written_alike[changed].mean() < MIN_ALIKE:
            continue
        columns[name] = today.astype(object).where(~moved, signer)
        at = int(moved.argmax())
        next_codes, _ = log.before_changes(each.columns.field, positions, moments.times + DAY)
        same_day = int((moved & (next_codes != codes)).sum())
        on_the_day = f" ({same_day:,} on the day of closing)" if same_day else ""
        findings.append(
            Finding(
                "history",
                name,
                int(moved.sum()),
                f"{shown(ids.iloc[at])}: {shown(signer[at])}, today {shown(today.iloc[at])}",
                f"{int(moved.sum()):,} deal(s) changed hands after closing{on_the_day} by "
                f"{log.table_name}; they count for who signed them",
                f"nothing, or leave {each.columns.field!r} out of the table's fields to use "
                "today's value",
            )
        )
    return columns, findings


def _has_keys(table: pd.DataFrame, spec: DealSpec) -> bool:
    """Return whether rows can be matched with their history; `read_deals` reports if not."""
    names = list(table.columns)
    roles = (spec.deals.id, spec.deals.closed_on)
    return len(set(names)) == len(names) and all(role in names for role in roles)


def read_deals(
    source: str | Path | pd.DataFrame | FileTable | DealsRead,
    spec: DealSpec,
    *,
    to_learn: bool = True,
    tables: Mapping[str, Given] | None = None,
) -> pd.DataFrame:
    """Read and validate past deals, with the attributes of their history.

    Parameters
    ----------
    source : path or DataFrame
        CSV (plain or compressed), Parquet or Excel file, or a DataFrame, which is not changed.
    spec : DealSpec
        The contract: what the columns mean.
    to_learn : bool, default=True
        Whether a model will be trained on the deals. Otherwise empty or constant columns, and deals
        without early churners, are not errors, since monitoring needs such deals too.
    tables : mapping of str to DataFrame or path, optional
        Tables that replace ``[history.*]`` and ``[events.*]`` of the contract, by their names.

    Returns
    -------
    DataFrame
        The rows that are customers by `[rows]`, with the user's columns. Dates of the roles are
        whole days (in local time), tenure and amount are floats, the churn flag is a bool.
        Attributes with written numbers ("$ 1,200") are floats, and written dates are days. Text is
        stripped; infinite numbers and texts for missing values (null, "-") are missing. Columns
        with a history hold their value as of closing, and the other attributes from the history are
        added. A DataFrame keeps its index; a file gets 0, 1, 2, ... The form of the file is in
        ``attrs["fitmodel.reading"]``, so that `train` can keep it for prospects.

    Raises
    ------
    DealsError
        If the deals have errors: lists all of them with column, count, example and remedy.

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
    return table_of(read_with_history(source, spec, to_learn=to_learn, tables=tables))


def read_with_history(
    source: str | Path | pd.DataFrame | FileTable | DealsRead,
    spec: DealSpec,
    *,
    to_learn: bool = True,
    tables: Mapping[str, Given] | None = None,
) -> DealsRead:
    """Read past deals and return them with findings and the completed contract.

    Raises
    ------
    DealsError
        The errors of `read_deals`.
    """
    return read_opened(open_deals(source, spec, tables), to_learn=to_learn)


def read_opened(opened: OpenedDeals, *, to_learn: bool = True) -> DealsRead:
    """Read deals opened by `open_deals`; the result's `attrs` show that attributes are attached.

    Raises
    ------
    DealsError
        The errors of `read_deals`.
    """
    read = read_deals_with_findings(opened.file, opened.spec, to_learn=to_learn)
    if (known := opened.file.table.attrs.get(ATTACHED)) is not None:
        read.table.attrs[ATTACHED] = known
    return read
