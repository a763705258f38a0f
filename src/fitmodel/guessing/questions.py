"""Open questions about a table; init, check and train repeat them until the contract answers.

table and contract -> each check in turn -> questions that `[rows]` and `[deals]` do not answer
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from fitmodel.crm.reading import open_deals, read_opened
from fitmodel.deals.reading import keep_rows
from fitmodel.deals.roles import ANSWERS
from fitmodel.deals.validation import Sheet, shape_errors
from fitmodel.exceptions import DealsError
from fitmodel.guessing._columns import Column, named, recognise_export
from fitmodel.guessing._date_questions import about_dates
from fitmodel.guessing._id_questions import about_ids
from fitmodel.guessing._leaver_questions import about_leavers_elsewhere
from fitmodel.guessing._missing_leavers import about_missing_leavers
from fitmodel.guessing._money_questions import about_amounts, about_units
from fitmodel.guessing._name_questions import about_names
from fitmodel.guessing._other_ends import about_other_ends
from fitmodel.guessing._partial_leaving import about_partial_leaving
from fitmodel.guessing._question import Question
from fitmodel.guessing._row_questions import about_left_out, about_rows
from fitmodel.guessing._rows import (
    find_not_yet,
    find_stage,
    find_status,
    lost_in_own_words,
    not_customers,
)
from fitmodel.guessing._term_questions import about_ends_of_terms
from fitmodel.guessing._unit_changes import about_unit_changes
from fitmodel.renamed import old_fields, old_function
from fitmodel.tables.tidying import tidy

__all__ = [
    "Question",
    "QuestionedDeals",
    "find_questions",
    "read_to_report",
    "read_with_questions",
    "refuse_unanswered",
]

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from fitmodel.crm.reading import Given
    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.reading import ChosenRows, DealsRead
    from fitmodel.guessing._rows import Stage
    from fitmodel.tables.files import FileTable

MIN_DATED_CONTRADICTIONS = 0.02  # share of customers still there with a date of leaving


def find_questions(
    table: pd.DataFrame, spec: DealSpec, *, row_numbers: NDArray[np.intp] | None = None
) -> list[Question]:
    """Return the open questions about a table that the contract does not answer.

    Parameters
    ----------
    table : DataFrame
        Past deals as read from the file, with all rows.
    row_numbers : ndarray of int of shape (rows,), optional
        Number of each row in the file.

    Returns
    -------
    list of Question
        The questions; those that must be answered come first. None if the table has columns that
        `read_deals` refuses, such as two of one name or lists as values.

    Examples
    --------
    >>> from fitmodel.guessing.questions import find_questions
    >>> sim = fitmodel.simulate_deals(300, seed=1)
    >>> find_questions(sim.deals, sim.spec)
    []
    """
    if shape_errors(Sheet(table)):
        return []  # read_deals reports them
    table = tidy(table, spec.attributes.missing)
    kept = _Kept(table, keep_rows(table, spec))
    return _open_questions(kept, _about_choice(kept, spec), spec, row_numbers, deals=None)


class _Kept:
    """The rows that the contract keeps; columns are parsed once, whichever question needs them."""

    def __init__(self, table: pd.DataFrame, chosen: ChosenRows) -> None:
        self.all_rows = table
        self.table, self.positions = chosen.table, chosen.positions
        self.columns = [Column(self.table[name]) for name in self.table.columns]


def _about_choice(kept: _Kept, spec: DealSpec) -> list[Question]:
    """Return the questions about which rows are customers."""
    table = kept.all_rows
    return [*_about_stages(kept, spec), *about_left_out(table, _leaving_of(table, spec), spec)]


def _open_questions(
    kept: _Kept,
    about_choice: Sequence[Question],
    spec: DealSpec,
    row_numbers: NDArray[np.intp] | None,
    deals: pd.DataFrame | None,
) -> list[Question]:
    """Return all open questions, those that must be answered first; `deals` are the deals read."""
    numbers = None if row_numbers is None else row_numbers[kept.positions]
    result = [
        *about_choice,
        *_about_leavers(kept.columns, spec),
        *about_rows(kept.columns, spec),
        *about_leavers_elsewhere(kept.columns, spec),
        *about_other_ends(kept.columns, spec),
        *about_partial_leaving(kept.columns, spec),
        *about_amounts(kept.columns, spec),
        *about_unit_changes(kept.columns, spec),
        *about_names(kept.columns, spec),
        *about_ids(kept.columns, Sheet(kept.table, rows=numbers), spec),
        *about_dates(kept.columns, spec),
        *about_ends_of_terms(kept.columns, spec),
        *about_units(kept.columns, spec),
        *about_missing_leavers(kept.table, spec, deals),
    ]
    open_questions = [each for each in result if not _is_settled(each, spec)]
    return sorted(open_questions, key=lambda each: not each.must_answer)


def _leaving_of(table: pd.DataFrame, spec: DealSpec) -> Column | None:
    name = spec.deals.churned_on
    return Column(table[name]) if name in table.columns else None


def _is_settled(question: Question, spec: DealSpec) -> bool:
    return spec.rows.settles(question.code, question.column)


def refuse_unanswered(questions: Sequence[Question]) -> None:
    """Raise an error if questions about rows or outcome must be answered before learning.

    Raises
    ------
    DealsError
        If there are such questions: lists all of them, with what to write.
    """
    unanswered = [question for question in questions if question.must_answer]
    if unanswered:
        lines = "\n".join(f"  {question}" for question in unanswered)
        raise DealsError(
            f"{len(unanswered)} question(s) about the rows must be answered first:\n{lines}"
        )


@old_fields(doubts="questions")
@dataclass(frozen=True, eq=False)
class QuestionedDeals:
    """Past deals with their findings and the open questions.

    Attributes
    ----------
    read : DealsRead
        The deals and the findings from reading them.
    questions : tuple of Question
        The open questions.
    """

    read: DealsRead
    questions: tuple[Question, ...]

    @property
    def deals(self) -> pd.DataFrame:
        """The deals, as returned by `fitmodel.read_deals`."""
        return self.read.table

    @property
    def must_answer(self) -> tuple[str, ...]:
        """The questions without whose answer rows, outcome or money may be wrong, as text."""
        return tuple(str(each) for each in self.questions if each.must_answer)

    @property
    def messages(self) -> tuple[str, ...]:
        """Sentences on rows left out or merged, on findings, and on open questions."""
        return tuple(map(str, (*self.read.notes, *self.read.findings, *self.questions)))


def read_with_questions(
    source: str | Path | pd.DataFrame | FileTable | DealsRead,
    spec: DealSpec,
    tables: Mapping[str, Given] | None = None,
) -> QuestionedDeals:
    """Read past deals for learning, and return them with the open questions.

    Parameters
    ----------
    source, spec, tables
        The same as for `fitmodel.read_deals`.

    Raises
    ------
    DealsError
        The errors of `fitmodel.read_deals`, and if a question must be answered first.
    """
    file, spec = (opened := open_deals(source, spec, tables)).file, opened.spec
    if shape_errors(Sheet(file.table)):
        read_opened(opened)  # raises them
    table = tidy(file.table, spec.attributes.missing)
    kept = _Kept(table, keep_rows(table, spec))
    # before reading, because rows that are not customers cause other errors too
    about_choice = _about_choice(kept, spec)
    refuse_unanswered([each for each in about_choice if not _is_settled(each, spec)])
    read = read_opened(opened)
    questions = _open_questions(kept, about_choice, spec, file.row_numbers, read.table)
    refuse_unanswered(questions)
    return QuestionedDeals(read, tuple(questions))


def read_to_report(
    source: str | Path | pd.DataFrame | FileTable | DealsRead,
    spec: DealSpec,
    *,
    to_learn: bool = True,
) -> QuestionedDeals:
    """Read past deals for a report, and return them with all open questions.

    Unlike `read_with_questions` it does not stop at a question that must be answered.

    Raises
    ------
    DealsError
        The errors of `fitmodel.read_deals`.
    """
    opened = open_deals(source, spec)
    read = read_opened(opened, to_learn=to_learn)
    file, spec = opened.file, opened.spec
    table = tidy(file.table, spec.attributes.missing)
    kept = _Kept(table, keep_rows(table, spec))
    about_choice = _about_choice(kept, spec)
    questions = _open_questions(kept, about_choice, spec, file.row_numbers, read.table)
    return QuestionedDeals(read, tuple(questions))


Doubt = Question  # old name
find_doubts = old_function("find_doubts", find_questions)
read_with_doubts = old_function("read_with_doubts", read_with_questions)


def _about_stages(rows: _Kept, spec: DealSpec) -> Iterator[Question]:
    """Yield questions about rows that were never customers."""
    chosen = {*spec.rows.chosen_by, *spec.role_columns}
    kept = rows.table
    status = find_not_yet(rows.columns, recognise_export(rows.all_rows.columns))
    if status is not None:
        yield _not_yet_customers(status, len(kept))
    stage = find_stage(column for column in rows.columns if column.name not in chosen)
    if stage is None:
        return
    unknown = f"; unknown values: {', '.join(stage.unknown)}" if stage.unknown else ""
    listed = ", ".join(f'"{value}"' for value in stage.customers)
    yield Question(
        "rows-not-customers",
        stage.column,
        f"{stage.column}: {sum(stage.others.values()):,} of {len(kept):,} rows look like "
        f"opportunities that were not won ({stage.shown}{unknown}), but would count as customers "
        "that stayed",
        f'[rows] keep = {{"{stage.column}" = [{listed}]}}{_and_drop(stage)}',
        must_answer=True,
    )


def _and_drop(stage: Stage) -> str:
    """Return the rule that leaves out lost prospects too, if their stage is in own words."""
    lost = ", ".join(f'"{value}"' for value in lost_in_own_words(stage))
    return f' and drop = {{"{stage.column}" = [{lost}]}}' if lost else ""


def _not_yet_customers(status: Stage, rows: int) -> Question:
    listed = ", ".join(f'"{value}"' for value in status.others)
    return Question(
        "rows-not-customers",
        status.column,
        f"{status.column}: {sum(status.others.values()):,} of {rows:,} rows are "
        f"{not_customers(status)} ({status.shown}), but would count as customers",
        f'[rows] drop = {{"{status.column}" = [{listed}]}}',
        must_answer=True,
    )


def _about_leavers(columns: list[Column], spec: DealSpec) -> Iterator[Question]:
    """Yield questions if a flag or status and the dates of leaving contradict each other."""
    leaving = named(columns, spec.deals.churned_on)
    if leaving is None:
        return
    # A status in [rows] drop still says who left, so only the columns of [rows] keep are skipped.
    known = {*spec.role_columns, *spec.rows.keep} - {spec.deals.churned}
    free = [column for column in columns if column.name not in known]
    status = find_status(free, recognise_export(column.name for column in columns))
    if status is None or not status.is_sure:
        return
    dated = leaving.real_dates
    undated = int((status.left & ~dated).sum())
    if undated and spec.deals.churned is None:
        values = (
            f", churned_values = {list(status.churned_values)}" if status.churned_values else ""
        )
        yield Question(
            "left-without-date",
            status.name,
            f"{status.name}: {undated:,} of {int(status.left.sum()):,} customers that left have "
            f"no date in {leaving.name!r}, but would count as customers that stayed",
            f'[deals] churned = "{status.name}"{values}, and {ANSWERS}',
            must_answer=True,
        )
    contrary = int((~status.left & dated).sum())
    if contrary > MIN_DATED_CONTRADICTIONS * (~status.left).sum():
        yield Question(
            "date-of-a-customer",
            status.name,
            f"{status.name}: {contrary:,} customers are still there, but have a date in "
            f"{leaving.name!r}: is it announced, or a date of something else? The date is used",
            "correct churned_on, or acknowledge it",
        )
