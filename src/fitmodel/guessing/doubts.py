"""Questions about a table, which init, check and train repeat until the contract answers them.

table and contract -> each question in turn -> doubts that `[rows]` and `[deals]` do not settle
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from fitmodel.crm.reading import open_deals, read_opened
from fitmodel.deals.errors import Sheet
from fitmodel.deals.leaving import ANSWERS
from fitmodel.deals.missing_leavers import find_missing_leavers
from fitmodel.deals.reading import read_deals_with_findings
from fitmodel.deals.rows import keep_rows, left_in_trial
from fitmodel.deals.validation import shape_errors
from fitmodel.exceptions import DealsError
from fitmodel.guessing._columns import Column
from fitmodel.guessing._doubt import Doubt
from fitmodel.guessing._leaving import is_named_leaving
from fitmodel.guessing._names import TRIAL_END, as_words, sureness
from fitmodel.guessing._rows import find_not_yet, find_repeats, find_stage
from fitmodel.guessing._status import find_status
from fitmodel.guessing._units import about_amounts, about_units
from fitmodel.guessing._vendors import recognise
from fitmodel.tables.tidying import tidy

__all__ = ["Doubt", "QuestionedDeals", "find_doubts", "read_with_doubts", "refuse_unanswered"]

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from fitmodel.crm.reading import Given
    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.reading import DealsRead
    from fitmodel.guessing._rows import Stage
    from fitmodel.tables.files import FileTable

MIN_DATED_CONTRADICTIONS = 0.02  # share of the customers still there that have a date of leaving


def find_doubts(
    table: pd.DataFrame, spec: DealSpec, *, row_numbers: NDArray[np.intp] | None = None
) -> list[Doubt]:
    """List the open questions about a table that the contract does not answer.

    Parameters
    ----------
    table : DataFrame
        Past deals as read from the file, all rows of it.
    spec : DealSpec
    row_numbers : ndarray of int, optional
        Number of each row as a person sees it in the file.

    Returns
    -------
    list of Doubt
        Those that must be answered first.

    Examples
    --------
    >>> from fitmodel.guessing.doubts import find_doubts
    >>> sim = fitmodel.simulate_deals(300, seed=1)
    >>> find_doubts(sim.deals, sim.spec)
    []
    """
    table = tidy(table, spec.attributes.missing)
    result = list(_about_stages(table, spec))
    chosen = keep_rows(table, spec)
    kept = chosen.table
    columns = [Column(kept[name]) for name in kept.columns]
    numbers = None if row_numbers is None else row_numbers[chosen.positions]
    result += _about_leavers(columns, spec)
    result += about_amounts(columns, spec)
    result += _about_repeats(columns, spec)
    result += _about_copies(Sheet(kept, rows=numbers), spec)
    result += _about_dates(columns, spec)
    result += _about_trials(columns, spec)
    result += about_units(spec)
    result += _about_missing_leavers(kept, spec)
    open_doubts = [each for each in result if not _is_settled(each, spec)]
    return sorted(open_doubts, key=lambda each: not each.must_answer)


def _is_settled(doubt: Doubt, spec: DealSpec) -> bool:
    return spec.rows.settles(doubt.code, doubt.column)


def refuse_unanswered(doubts: Sequence[Doubt]) -> None:
    """Refuse to learn where the rows or the outcome would be guessed.

    Raises
    ------
    DealsError
        Listing every doubt that must be answered, with what to write.
    """
    unanswered = [doubt for doubt in doubts if doubt.must_answer]
    if unanswered:
        lines = "\n".join(f"  {doubt}" for doubt in unanswered)
        raise DealsError(
            f"{len(unanswered)} question(s) about the rows must be answered first:\n{lines}"
        )


@dataclass(frozen=True, eq=False)
class QuestionedDeals:
    """Past deals, how their rows were read, and the open questions.

    Attributes
    ----------
    read : DealsRead
    doubts : tuple of Doubt
    """

    read: DealsRead
    doubts: tuple[Doubt, ...]

    @property
    def deals(self) -> pd.DataFrame:
        """The deals, as `fitmodel.read_deals` gives them."""
        return self.read.table

    @property
    def messages(self) -> tuple[str, ...]:
        """Rows left out or merged, findings and open questions, for people."""
        result = (*self.read.notes, *self.read.findings, *self.doubts)
        return tuple(map(str, result))


def read_with_doubts(
    source: str | Path | pd.DataFrame | FileTable | DealsRead,
    spec: DealSpec,
    tables: Mapping[str, Given] | None = None,
) -> QuestionedDeals:
    """Read past deals to learn from, and list the open questions.

    Parameters
    ----------
    source, spec, tables
        As of `fitmodel.read_deals`.

    Raises
    ------
    DealsError
        As `fitmodel.read_deals`; also where a doubt must be answered first.
    """
    file, spec = (opened := open_deals(source, spec, tables)).file, opened.spec
    if not shape_errors(Sheet(file.table)):
        # first, because rows that are not customers have other problems too
        stages = _about_stages(tidy(file.table, spec.attributes.missing), spec)
        refuse_unanswered([each for each in stages if not _is_settled(each, spec)])
    read = read_opened(opened)
    doubts = find_doubts(file.table, spec, row_numbers=file.row_numbers)
    refuse_unanswered(doubts)
    return QuestionedDeals(read, tuple(doubts))


def _about_stages(table: pd.DataFrame, spec: DealSpec) -> Iterator[Doubt]:
    """Rows that never were customers."""
    chosen = {*spec.rows.chosen_by, *spec.role_columns}
    kept = keep_rows(table, spec).table
    columns = [Column(kept[name]) for name in kept.columns]
    status = find_not_yet(columns, recognise(table.columns))
    if status is not None:
        yield _not_yet_customers(status, len(kept))
    stage = find_stage(column for column in columns if column.name not in chosen)
    if stage is None:
        return
    unknown = f"; not known are {', '.join(stage.unknown)}" if stage.unknown else ""
    listed = ", ".join(f'"{value}"' for value in stage.customers)
    yield Doubt(
        "rows-not-customers",
        stage.column,
        f"{stage.column}: {sum(stage.others.values()):,} of {len(kept):,} rows look like "
        f"opportunities that were not won ({stage.shown}{unknown}), and would count as customers "
        "that stayed",
        f'[rows] keep = {{"{stage.column}" = [{listed}]}}',
        must_answer=True,
    )


def _not_yet_customers(status: Stage, rows: int) -> Doubt:
    listed = ", ".join(f'"{value}"' for value in status.others)
    return Doubt(
        "rows-not-customers",
        status.column,
        f"{status.column}: {sum(status.others.values()):,} of {rows:,} rows are not customers yet "
        f"({status.shown}), and would count as customers",
        f'[rows] drop = {{"{status.column}" = [{listed}]}}',
        must_answer=True,
    )


def _about_leavers(columns: list[Column], spec: DealSpec) -> Iterator[Doubt]:
    """A flag or status that the contract does not use, held against the dates of leaving."""
    by_name = {column.name: column for column in columns}
    leaving = by_name.get(spec.deals.churned_on or "")
    if leaving is None:
        return
    # A status of which some values are dropped still says who left.
    known = {*spec.role_columns, *spec.rows.keep} - {spec.deals.churned}
    free = [column for column in columns if column.name not in known]
    status = find_status(free, recognise(by_name))
    if status is None or not status.is_sure:
        return
    dated = leaving.real_dates
    undated = int((status.left & ~dated).sum())
    if undated and spec.deals.churned is None:
        values = (
            f", churned_values = {list(status.churned_values)}" if status.churned_values else ""
        )
        yield Doubt(
            "left-without-date",
            status.name,
            f"{status.name}: {undated:,} of {int(status.left.sum()):,} customers that left have "
            f"no date in {leaving.name!r}, and would count as customers that stayed",
            f'[deals] churned = "{status.name}"{values}, and {ANSWERS}',
            must_answer=True,
        )
    contrary = int((~status.left & dated).sum())
    if contrary > MIN_DATED_CONTRADICTIONS * (~status.left).sum():
        yield Doubt(
            "date-of-a-customer",
            status.name,
            f"{status.name}: {contrary:,} customers are still there, but have a date in "
            f"{leaving.name!r}: announced, or another date? The date counts",
            "take the right column for churned_on, or acknowledge it",
        )


def _about_repeats(columns: list[Column], spec: DealSpec) -> Iterator[Doubt]:
    """Ids that stand in several rows."""
    if spec.rows.customer is not None or spec.rows.one_row_per is not None:
        return
    vendor = recognise(column.name for column in columns)
    customer = next(iter(vendor.roles.get("customer", ())), None) if vendor else None
    for repeats in find_repeats(columns, customer):
        what = "customer" if repeats.of_customer else "deal"
        yield Doubt(
            "repeated-id",
            repeats.column,
            f"{repeats.column}: {repeats.distinct:,} different values in {repeats.rows:,} rows, so "
            f"this is not one row per {what}",
            f'[rows] customer = "{repeats.column}" makes one history of the rows of each; '
            'one_row_per = "deal" says that each row is a deal of its own',
        )


def _about_copies(sheet: Sheet, spec: DealSpec) -> Iterator[Doubt]:
    """Rows that are the same in every column."""
    table = sheet.table
    copies = table.duplicated()
    if copies.any() and spec.rows.customer is None:
        yield Doubt(
            "repeated-rows",
            "",
            f"{int(copies.sum()):,} of {len(table):,} rows repeat an earlier row whole, such as "
            f"{sheet.row(int(copies.to_numpy().argmax()))}",
            "take the copies out of the table, or acknowledge that they are deals of their own",
        )


def _about_dates(columns: list[Column], spec: DealSpec) -> Iterator[Doubt]:
    """Dates that were chosen although their name does not say what they are."""
    roles, vendor = spec.deals, recognise(column.name for column in columns)
    known = vendor.roles if vendor else {}
    closed, left = roles.closed_on, roles.churned_on
    named_so = closed is None or sureness(as_words(closed), "closed_on") is not None
    if closed is not None and not named_so and closed not in known.get("closed_on", ()):
        yield _by_content("closed_on", closed, "the day the contract was signed")
    if left is not None and not is_named_leaving(left) and left not in known.get("churned_on", ()):
        yield _by_content("churned_on", left, "the day the customer left")


def _about_trials(columns: list[Column], spec: DealSpec) -> Iterator[Doubt]:
    """Leavers that left by the end of a trial."""
    left = next((column for column in columns if column.name == spec.deals.churned_on), None)
    if left is None or spec.rows.trial_end is not None:
        return
    leavers = int(left.real_dates.sum())
    for trial in (each for each in columns if TRIAL_END.search(each.words) and each.is_date):
        both = pd.DataFrame({left.name: left.cells, trial.name: trial.cells})
        in_trial = int(left_in_trial(both, left.name, trial.name).sum())
        if trial.name != left.name and in_trial:
            yield Doubt(
                "left-in-trial",
                trial.name,
                f"{trial.name}: {in_trial:,} of {leavers:,} that left did so by the end of their "
                "trial. They never were customers, and would count as early churners",
                f'[rows] trial_end = "{trial.name}" leaves them out; acknowledge it where a trial '
                "is a signed contract",
            )
            return


def _by_content(role: str, column: str, meaning: str) -> Doubt:
    return Doubt(
        "date-by-content",
        column,
        f"{role}: the name of {column!r} does not say that it is {meaning}",
        f'correct it, or [rows] acknowledged = ["date-by-content:{column}"]',
    )


def _about_missing_leavers(kept: pd.DataFrame, spec: DealSpec) -> Iterator[Doubt]:
    """Leavers before some day that the table does not have."""
    if not spec.has_dates or spec.rows.settles("missing-leavers"):
        return
    try:
        deals = read_deals_with_findings(kept, spec).table
    except DealsError:
        return  # read_deals says what is wrong
    missing = find_missing_leavers(deals, spec)
    if missing is None:
        return
    horizon = spec.label.horizon_months
    yield Doubt(
        "missing-leavers",
        str(spec.deals.churned_on),
        f"{spec.deals.churned_on}: no customer is recorded to have left before "
        f"{missing.observed_from}, where {missing.expected:,.0f} were to be expected among "
        f"{missing.signed_before:,} deals signed before it (probability of none by chance "
        f"{missing.chance:.0e}): deleted, or left behind in another system? Counted from that day "
        f"on, early churn within {horizon} months is {missing.rate:.1%}; as the table is, "
        f"{missing.rate_without:.1%}",
        f'[deals] observed_from = "{missing.observed_from}"',
    )
