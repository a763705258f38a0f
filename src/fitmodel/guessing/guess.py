"""Write a first contract for an unknown table, and list what is uncertain.

table -> rows that are customers -> roles by name and content -> who left and when
      -> attributes -> commented TOML
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history_findings import compare_horizons, horizons_text, questions_about_horizon
from fitmodel.deals.reading import read_deals_with_findings
from fitmodel.deals.validation import Sheet, explain, notation_warnings, shape_errors
from fitmodel.exceptions import DealsError
from fitmodel.guessing._columns import Column, recognise_export
from fitmodel.guessing._draft import Draft
from fitmodel.guessing._money import (
    LIKE_A_CODE,
    about_money,
    amount_per,
    find_currency,
    find_period,
    is_converted,
    scale_by_name,
)
from fitmodel.guessing._outcome import find_leavers, settle_outcome
from fitmodel.guessing._roles import assign_role, reason_to_exclude
from fitmodel.guessing._rows import (
    find_not_yet,
    find_repeats,
    find_stage,
    lost_in_own_words,
    not_customers,
)
from fitmodel.guessing.questions import Question, find_questions
from fitmodel.renamed import old_fields
from fitmodel.tables.files import FileTable
from fitmodel.tables.tidying import missing_words, tidy_with_findings
from fitmodel.tables.values import is_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    import pandas as pd

    from fitmodel.guessing._columns import Vendor
    from fitmodel.tables.forms import Finding


@old_fields(doubts="questions")
@dataclass(frozen=True)
class Guess:
    """A contract guessed from a table.

    Attributes
    ----------
    toml : str
        Commented ``fitmodel.toml``.
    unsure : tuple of str
        Sentences on what a person should check.
    questions : tuple of Question
        Those of them that ``check`` and ``train`` repeat until the contract answers.
    findings : tuple of Finding
        What was left out of the file, and which words and placeholder dates were read as missing.
    """

    toml: str
    unsure: tuple[str, ...]
    questions: tuple[Question, ...] = ()
    findings: tuple[Finding, ...] = ()


def guess_spec(deals: pd.DataFrame | FileTable) -> Guess:
    """Guess the roles of a table's columns by their names and content.

    Parameters
    ----------
    deals : DataFrame or FileTable
        Past deals, as returned by ``read_table`` or ``read_file``, or any DataFrame; not changed.

    Returns
    -------
    Guess
        Its toml is a valid contract. `read_deals` accepts the table with this contract, unless
        `unsure` lists errors.

    Raises
    ------
    DealsError
        If no outcome can be found: neither closing and churn dates nor a tenure and a flag.

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(200, seed=1)
    >>> guess = guess_spec(sim.deals.rename(columns={"closed_on": "Close Date"}))
    >>> 'closed_on = "Close Date"' in guess.toml
    True
    """
    file = deals if isinstance(deals, FileTable) else FileTable(deals)
    problems = shape_errors(Sheet(file.table, rows=file.row_numbers))
    if problems:
        raise DealsError(explain(problems), problems)
    tidied = tidy_with_findings(file.table)
    table = tidied.table
    draft = _customers_of(table)
    for role in ("id", "observed_until", "closed_on"):
        assign_role(draft, role)
    find_leavers(draft)
    for role in ("exited_on", "tenure_months", "rep", "team", "amount"):
        assign_role(draft, role)
    _settle_outcome(draft, file)
    _settle_customers(draft)
    _settle_units(draft)
    _sort_attributes(draft)
    draft.unsure += about_money(draft.roles.get("amount"), draft.columns)
    spec = DealSpec(**tomllib.loads(draft.to_toml()))
    questions = find_questions(table, spec, row_numbers=file.row_numbers)
    draft.unsure += map(str, questions)
    settled = _try_to_read(draft, file, spec)
    if settled is not None:
        notations = notation_warnings(table, settled, row_numbers=file.row_numbers)
        draft.unsure += map(str, notations)
    used = {*spec.attribute_names(table.columns), *spec.role_columns}
    open_findings = [each for each in tidied.findings if each.column in used]
    open_findings += _missing_words(file.table, used)
    return Guess(
        draft.to_toml(), tuple(draft.unsure), tuple(questions), (*file.findings, *open_findings)
    )


def _settle_outcome(draft: Draft, file: FileTable) -> None:
    """Settle the outcome; the error that there is none says which sheet was read."""
    try:
        settle_outcome(draft)
    except DealsError as error:
        sheets = [str(finding) for finding in file.findings if finding.code == "sheet"]
        if not sheets:
            raise
        raise DealsError(f"{error}. {sheets[0]}", error.problems) from None


def _missing_words(table: pd.DataFrame, names: Collection[str]) -> Iterator[Finding]:
    """Yield findings on words that were read as missing, although they may be levels."""
    for name in (name for name in table.columns if name in names and is_text(table[name])):
        cells = table[name].map(
            lambda cell: cell.strip() or None if isinstance(cell, str) else cell
        )
        words = missing_words(cells)
        if words.missing and words.beside_levels:
            yield words.finding_of_missing(cells)


def _customers_of(table: pd.DataFrame) -> Draft:
    """Return a draft with the rows that are customers, from a column of stages or a status."""
    vendor = recognise_export(table.columns)
    columns = _columns_of(table)
    stage = find_stage(columns)
    if stage is None:
        draft = _customers_by_status(table, columns, vendor) or _won_only(table, columns, vendor)
    else:
        kept = table[table[stage.column].astype("str").isin(stage.customers)]
        columns = _columns_of(kept)
        draft = _customers_by_status(kept, columns, vendor) or Draft(columns, vendor)
        draft.rows = {"keep": {stage.column: list(stage.customers)}, **draft.rows}
        if lost := lost_in_own_words(stage):  # so that prospects are told by their names
            draft.rows["drop"] = {stage.column: list(lost), **draft.rows.get("drop", {})}
        draft.notes[stage.column] = "left out: says which rows are customers, see [rows] keep"
        draft.unsure.insert(
            0,
            f"[rows] keep: only rows whose {stage.column!r} is {', '.join(stage.customers)} are "
            f"customers ({len(kept):,} of {len(table):,}); left out are {stage.shown}",
        )
    if vendor is not None:
        draft.unsure.append(f"the columns are those of an export of {vendor.title}")
    return draft


def _columns_of(table: pd.DataFrame) -> list[Column]:
    return [Column(table[name]) for name in table.columns]


def _customers_by_status(
    table: pd.DataFrame, columns: list[Column], vendor: Vendor | None
) -> Draft | None:
    """Return a draft without rows whose status means that nothing was paid yet, or None.

    The status is still used to find who left.
    """
    status = find_not_yet(columns, vendor)
    if status is None:
        return None
    kept = table[~table[status.column].astype("str").isin(status.others)]
    draft = Draft(_columns_of(kept), vendor)
    draft.rows["drop"] = {status.column: list(status.others)}
    draft.unsure.append(
        f"[rows] drop: rows whose {status.column!r} is {', '.join(status.others)} are "
        f"{not_customers(status)} ({len(table) - len(kept):,} of {len(table):,}) and are left out"
    )
    return draft


def _won_only(table: pd.DataFrame, columns: list[Column], vendor: Vendor | None) -> Draft:
    """Return a draft with all rows, or only won rows if the known system dates won deals."""
    draft = Draft(columns, vendor)
    won = vendor.won if vendor is not None else None
    if won is None or table[won].notna().all() or table[won].isna().all():
        return draft
    kept = table[table[won].notna()]
    draft.columns = _columns_of(kept)
    draft.rows["drop"] = {won: [""]}
    draft.unsure.append(
        f"[rows] drop: rows without {won!r} were not won and are not customers "
        f"({len(table) - len(kept):,} of {len(table):,})"
    )
    return draft


def _settle_customers(draft: Draft) -> None:
    """Set ``[rows] customer`` if a column of customer ids repeats and the rows have own ids."""
    if "closed_on" not in draft.roles:
        return
    vendor_column = draft.vendor_column("customer")
    for repeats in find_repeats(draft.free, vendor_column):
        column = repeats.column
        is_id = repeats.is_id or column.name == vendor_column
        if "id" in draft.roles and repeats.of_customer and is_id:
            draft.rows["customer"] = column.name
            draft.notes[column.name] = "left out: the customer, see [rows] customer"
            draft.unsure.append(
                f"[rows] customer: {column.name!r} has {column.distinct:,} values in "
                f"{column.filled:,} rows, so the rows of a customer are merged; remove it and "
                'write one_row_per = "deal" if each row is a separate deal'
            )
            return


def _settle_units(draft: Draft) -> None:
    amount = draft.roles.get("amount")
    if amount is None:
        return
    unit = amount_per(amount, find_period(draft.columns))
    if unit is not None:
        draft.units["amount_per"] = unit
    scale = scale_by_name(amount.name)
    if scale is not None:
        draft.units["amount_scale"] = scale
        draft.unsure.append(
            f"amount_scale: the name {amount.name!r} suggests that an amount of 1 means {scale:,}; "
            "write 1 if amounts are written in full"
        )
    currency = find_currency(draft.free, draft.vendor_column("currency"))
    converted = is_converted(amount.name, draft.columns)
    if converted and currency is not None:
        draft.leave_out(currency, "the currency of another amount")
    elif currency is not None and currency.filled and not LIKE_A_CODE.fullmatch(currency.name):
        draft.units["currency"] = currency.name
        draft.notes[currency.name] = "left out: the currency of the amount"


def _sort_attributes(draft: Draft) -> None:
    closing = draft.roles.get("closed_on")
    after = draft.vendor.after_signing if draft.vendor else ()
    leaving = draft.roles.get("churned_on")
    left = None if leaving is None else leaving.real_dates
    questioned: dict[str, list[str]] = {}
    for column in draft.free:
        if column.name in after:
            draft.leave_out(column, "known only after signing, in exports of this system")
            continue
        result = reason_to_exclude(column, None if closing is None else closing.dates, left)
        if result is None:
            draft.notes[column.name] = "attribute"
            continue
        draft.leave_out(column, result.reason)
        if result.in_question:
            questioned.setdefault(result.reason, []).append(repr(column.name))
    for reason, names in questioned.items():
        draft.unsure.append(f"left out, {reason}: {', '.join(names)}")


def _try_to_read(draft: Draft, file: FileTable, spec: DealSpec) -> DealSpec | None:
    """Read the table with the draft contract, and add errors or a comparison of horizons.

    Returns the contract with the forms in which prospects are read; None if reading failed.
    """
    try:
        read = read_deals_with_findings(file, spec)
    except DealsError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.startswith("  ")]
        draft.unsure += [f"an error until corrected: {line}" for line in lines or [str(error)]]
        return None
    horizons = compare_horizons(read.table, spec)
    draft.horizons = horizons_text(horizons)
    draft.unsure += questions_about_horizon(horizons, spec.label.horizon_months)
    return read.spec
