"""The sales report: a page and its tables.

deals -> expected early churn from models that do not use the rep -> rep performance, reviews,
      commission, value of deals, ideal customer profile -> sections -> a page and CSV files
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitmodel.deals.enough import FULL_CHURNERS, regime_of
from fitmodel.deals.history import view_of
from fitmodel.deals.history_findings import contract_warnings
from fitmodel.exceptions import DealsError, SpecError
from fitmodel.language.catalogue import message_in, phrases
from fitmodel.reports._commission_section import commission_section
from fitmodel.reports._loss_sections import review_section, worth_section
from fitmodel.reports._rep_sections import (
    counts_section,
    edits_section,
    profile_section,
    scoreboard_section,
    trend_section,
)
from fitmodel.reports.html import render, safe_csv
from fitmodel.reports.sales_numbers import (
    check_segment,
    compute_numbers,
    labelled,
    people_of,
    sampled_text,
)
from fitmodel.sales.incentives import pay
from fitmodel.sales.rates import compute_yearly_loss
from fitmodel.sales.rep_performance import PAGE_ERROR, compute_counts, compute_rep_performance
from fitmodel.sales.reviews import compute_reviews
from fitmodel.sales.worth import compute_worth
from fitmodel.tables.atomic import write_folder
from fitmodel.tables.opening import duplicate_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.reports.html import Section
    from fitmodel.reports.sales_numbers import SalesNumbers
    from fitmodel.sales.incentives import Ledger
    from fitmodel.sales.plans import Plan
    from fitmodel.sales.rep_performance import Counts, EditsAfterFlags, RepPerformance
    from fitmodel.sales.reviews import Retrospective


@dataclass(frozen=True)
class Summary:
    """The top of a page: a description of its data, and the most important points."""

    basis: str
    points: tuple[str, ...]


@dataclass(frozen=True, eq=False, repr=False)
class SalesReport:
    """A sales report: a page with its tables.

    Parameters
    ----------
    page : str
        Self-contained HTML page.
    tables : dict of str to DataFrame
        Tables by file name.
    ledgers : tuple of Ledger
        One ledger per commission plan.
    summary : Summary
        Top of the page.
    sections : tuple of Section
        Parts of the page below the summary.
    """

    page: str
    tables: dict[str, pd.DataFrame]
    ledgers: tuple[Ledger, ...]
    summary: Summary = Summary("", ())
    sections: tuple[Section, ...] = ()

    def __repr__(self) -> str:
        return f"<SalesReport: {', '.join(self.tables)}>"

    def _repr_html_(self) -> str:
        from fitmodel.model.assessment import rows_html

        rows = [(name, f"{len(table):,} rows") for name, table in self.tables.items()]
        return rows_html("SalesReport", [("index.html", "the page: .write(folder)"), *rows])

    def write(self, folder: str | Path) -> None:
        """Write ``index.html`` and the tables as CSV: all files or none."""
        tables = {name: safe_csv(table) for name, table in self.tables.items()}
        write_folder(Path(folder), {"index.html": self.page} | tables)


def make_sales_report(
    deals: pd.DataFrame,
    spec: DealSpec,
    *,
    plans: Sequence[Plan] = (),
    rows: pd.DataFrame | None = None,
    edits: EditsAfterFlags | None = None,
    segment: str | None = None,
    retrospective: Retrospective | None = None,
    numbers: Callable[[], SalesNumbers] | None = None,
    questions: Sequence[str] = (),
    language: str = "en",
    progress: Callable[[str], None] | None = None,
) -> SalesReport:
    """Build the sales report: early churn per rep compared with the company's.

    Parameters
    ----------
    spec : DealSpec
        Contract with a rep or a team; reviews and trends need dates.
    plans : sequence of Plan
        Commission plans to apply to these deals; two plans are compared.
    rows : DataFrame, optional
        The rows before the rows of each customer were combined, for plans that pay for upgrades.
    edits : EditsAfterFlags, optional
        Attributes edited after a flag, from `find_edits_after_flags`.
    segment : str, optional
        Column by which deals are grouped for their value.
    retrospective : Retrospective, optional
        Predictions of these deals as of their signing, with rows numbered from 0, if they are
        computed already.
    numbers : callable, optional
        Function that returns the result of `compute_numbers` for these deals, if it is computed
        already. It is not called if there are too few deals for a model.
    questions : sequence of str
        Open questions that may make its numbers wrong; the page shows them.

    Returns
    -------
    SalesReport

    Raises
    ------
    DealsError
        If the contract names neither a rep nor a team, or `segment` is no column to group by.
    SpecError
        If two plans have the same name.

    Notes
    -----
    If there are too few deals to compare reps with a model, the page has the counts, the lost
    customers and the commission.
    """
    _refuse_duplicate_names(plans)
    on_step = progress or (lambda _step: None)
    people = people_of(spec)
    if not people:
        raise DealsError('the contract names no rep. Remedy: write rep = "COLUMN" under [deals].')
    check_segment(deals, segment)
    spec = labelled(spec, deals, language)
    view = view_of(deals.reset_index(drop=True), spec)
    extra = [] if edits is None else [edits_section(edits, language=language)]
    if why := _too_few_text(view, language):
        on_step("counts: too little for a model")
        if segment is not None:
            extra.append(_worth(view, spec, None, segment, language))
        return _counts_only(view, spec, people, plans, rows, why, language, extra)
    made = (numbers or partial(compute_numbers, view, spec, on_step, retrospective=retrospective))()
    expected, p = made.expected, made.expected.probability
    on_step("rep performance")
    error = PAGE_ERROR / len(people)  # reps and teams share the error probability of the page
    shared: dict[str, Any] = {"error": error, "language": language}
    boards = {
        by: compute_rep_performance(
            view, spec, p, by=by, over_reps=expected.over[by], draws=expected.draws[by], **shared
        )
        for by in people
    }
    parts: list[Section] = []
    for by, board in boards.items():
        options = {"by": by, "language": language, "money_format": spec.words.money}
        parts.append(scoreboard_section(board, **options))
        if spec.has_dates:
            parts.append(trend_section(board, language=language, by=by))
    if made.reviews is not None:
        reviews = made.reviews.in_language(view, spec, language)
        parts.append(review_section(reviews, language=language))
    ledgers = tuple(pay(view, spec, plan, p, rows=rows) for plan in plans)
    if ledgers:
        parts.append(commission_section(ledgers, language=language))
    parts += extra
    on_step("what deals are worth")
    parts.append(_worth(view, spec, made, segment, language))
    profile = made.profile.in_language(spec, language)
    parts.append(profile_section(profile, language=language))
    warnings = [
        *_open_questions(questions, language), *contract_warnings(view, language),
        *sampled_text(expected, len(view), language),
    ]  # fmt: skip
    return _report(next(iter(boards.values())), parts, ledgers, warnings, language)


def _too_few_text(view: HistoryView, language: str) -> str:
    """Return why reps cannot be compared yet; empty if they can.

    People are named only if the full model can be learned: a provisional model explains little of
    the differences between their customers.
    """
    early, stayed = (int((view.early_churn == value).sum()) for value in (1, 0))
    if regime_of(early, len(view) - early) == "full":
        return ""
    needed = FULL_CHURNERS
    return phrases(language, "sales_page")("too_little", early=early, stayed=stayed, needed=needed)


def _counts_only(
    view: HistoryView,
    spec: DealSpec,
    people: Sequence[Any],
    plans: Sequence[Plan],
    rows: pd.DataFrame | None,
    why: str,
    language: str,
    extra: Sequence[Section],
) -> SalesReport:
    """Return the report with counts, and the sections in `extra`, which need no model."""
    counts = {by: compute_counts(view, spec, by=by, language=language) for by in people}
    options = {"language": language, "money_format": spec.words.money}
    parts = [
        counts_section(result, by=by, why="" if position else why, **options)
        for position, (by, result) in enumerate(counts.items())
    ]
    if spec.has_dates and spec.deals.rep:
        parts.append(
            review_section(compute_reviews(view, spec, language=language), language=language)
        )
    ledgers = tuple(pay(view, spec, plan, rows=rows) for plan in plans)
    if ledgers:
        parts.append(commission_section(ledgers, language=language))
    parts += extra
    return _report(next(iter(counts.values())), parts, ledgers, [], language)


def _report(
    board: RepPerformance | Counts,
    parts: Sequence[Section],
    ledgers: tuple[Ledger, ...],
    warnings: Sequence[str],
    language: str,
) -> SalesReport:
    """Return the report of these sections, with `board` described at the top of the page."""
    tables = {name: table for part in parts for name, table in part.tables.items()}
    page = sales_page(board, parts, warnings=warnings, language=language)
    summary = summarise(board, parts, warnings=warnings, language=language)
    return SalesReport(page, tables, ledgers, summary, tuple(parts))


def _refuse_duplicate_names(plans: Sequence[Plan]) -> None:
    if same := duplicate_names([plan.name for plan in plans]):
        raise SpecError(
            f"two plans are called {same[0]!r}: nobody could tell them apart. Remedy: give each "
            'plan a name = "..." of its own.'
        )


def _worth(
    view: HistoryView, spec: DealSpec, made: SalesNumbers | None, segment: str | None, language: str
) -> Section:
    options: dict[str, Any] = {"money_format": spec.words.money, "labels": spec.words.labels}
    if made is None:
        worth = compute_worth(view, spec, segment=segment)
        return worth_section(worth, None, language=language, **options)
    p, money = made.expected.probability, made.policy.money
    own = None if money is None else money.own_months
    worth = compute_worth(view, spec, made.bands, segment=segment, probability=p, own_months=own)
    loss = None if worth.money is None else compute_yearly_loss(view, spec, worth.money, p)
    return worth_section(worth, loss, made.policy, language=language, **options)


RATES = {"rate": "rate", "low": "rate_low", "high": "rate_high"}


def sales_page(
    board: RepPerformance | Counts,
    sections: Sequence[Section],
    *,
    warnings: Sequence[str] = (),
    language: str = "en",
) -> str:
    """Write the sales report as an HTML page.

    Parameters
    ----------
    board : RepPerformance or Counts
        Table of reps, whose company row and horizon are described at the top of the page.
    sections : sequence of Section
        Sections in the order of the page. The texts that a section has under `points` are repeated
        in the summary.
    warnings : sequence of str
        Reasons why early churn cannot be compared directly; they are the end of the summary.

    Returns
    -------
    str
        Self-contained HTML page; every value is escaped.
    """
    summary = summarise(board, sections, warnings=warnings, language=language)
    return render(
        "sales.html.j2",
        say=phrases(language, "sales_page"),
        language=language,
        basis=summary.basis,
        points=summary.points,
        parts=sections,
    )


def summarise(
    board: RepPerformance | Counts,
    sections: Sequence[Section],
    *,
    warnings: Sequence[str] = (),
    language: str = "en",
) -> Summary:
    """Return the top of a page; the parameters are those of `sales_page`."""
    say = phrases(language, "sales_page")
    company = board.company
    basis = say(
        "basis",
        deals=f"{company['signed']:,.0f}",
        horizon=board.horizon_months,
        **{end: _percent(company[name]) for end, name in RATES.items()},
    )
    points = [point for part in sections for point in part.values.get("points", [])]  # noqa: PD011 - a mapping
    return Summary(basis, (*(points or [say("nothing_stands_out")]), *warnings))


def _open_questions(questions: Sequence[str], language: str) -> list[str]:
    say, topic = phrases(language, "sales_page"), "questions"
    return [say("open_question", question=message_in(q, language, topic)) for q in questions]


def _percent(rate: float) -> str:
    return "–" if math.isnan(rate) else f"{rate:.1%}"  # noqa: RUF001 - an en dash for not known
