"""The sales report: the page and the tables behind it.

deals -> expected early churn from models that know no rep -> scoreboards, reviews, commission,
      what deals are worth, the ideal customer -> sections -> a page and CSVs
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitmodel.deals.enough import FULL_CHURNERS, regime_of
from fitmodel.deals.history import view_of
from fitmodel.exceptions import DealsError, SpecError
from fitmodel.language.catalogue import phrases
from fitmodel.reports._commission_section import commission_section
from fitmodel.reports._counts_section import counts_section, edits_section
from fitmodel.reports._loss_sections import review_section, worth_section
from fitmodel.reports._rep_sections import (
    profile_section,
    scoreboard_section,
    trend_section,
)
from fitmodel.reports.contract_words import contract_warnings
from fitmodel.reports.html import render, safe_csv
from fitmodel.reports.sales_numbers import compute_numbers, people_of
from fitmodel.sales.counts import compute_counts
from fitmodel.sales.incentives import pay
from fitmodel.sales.rates import compute_yearly_loss
from fitmodel.sales.rep_performance import compute_rep_performance
from fitmodel.sales.rep_tests import PAGE_ERROR
from fitmodel.sales.reviews import compute_reviews
from fitmodel.sales.worth import compute_worth
from fitmodel.tables.atomic import write_folder
from fitmodel.tables.opening import named_twice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.reports.html import Section
    from fitmodel.reports.sales_numbers import SalesNumbers
    from fitmodel.sales.counts import Counts
    from fitmodel.sales.edits import EditsAfterFlags
    from fitmodel.sales.expected import Expected
    from fitmodel.sales.ledger import Ledger
    from fitmodel.sales.plans import Plan
    from fitmodel.sales.rep_performance import RepPerformance
    from fitmodel.sales.retrospective import Retrospective


@dataclass(frozen=True)
class Summary:
    """The top of a page: its data, and the most important points."""

    basis: str
    points: tuple[str, ...]


@dataclass(frozen=True, eq=False, repr=False)
class SalesReport:
    """A page with its tables.

    Parameters
    ----------
    page : str
        HTML that loads nothing from elsewhere.
    tables : dict of str to DataFrame
        By file name.
    ledgers : tuple of Ledger
        One per plan.
    summary : Summary
        What the page says first.
    sections : tuple of Section
        The parts of the page below it.
    """

    page: str
    tables: dict[str, pd.DataFrame]
    ledgers: tuple[Ledger, ...]
    summary: Summary = Summary("", ())
    sections: tuple[Section, ...] = ()

    def __repr__(self) -> str:
        return f"<SalesReport: {', '.join(self.tables)}>"

    def _repr_html_(self) -> str:
        from fitmodel.model.notebook import rows_html

        rows = [(name, f"{len(table):,} rows") for name, table in self.tables.items()]
        return rows_html("SalesReport", [("index.html", "the page: .write(folder)"), *rows])

    def write(self, folder: str | Path) -> None:
        """Write ``index.html`` and the tables as CSV, all of them or none."""
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
    language: str = "en",
    progress: Callable[[str], None] | None = None,
) -> SalesReport:
    """Build the sales report: early churn per rep compared with the company's.

    Parameters
    ----------
    deals : DataFrame
        As read by ``read_deals``.
    spec : DealSpec
        With a rep or a team; reviews and trends need dates.
    plans : sequence of Plan
        Commission plans to pay over these deals; two are compared.
    rows : DataFrame, optional
        The rows before those of a customer were made one, for plans that pay for upgrades.
    edits : EditsAfterFlags, optional
        Attributes edited after a flag, from `find_edits_after_flags`.
    segment : str, optional
        Column by which the value of deals is told apart.
    retrospective : Retrospective, optional
        Predictions of these deals by models of their time, with rows numbered from 0, where they
        are computed already.
    numbers : callable, optional
        Gives what `compute_numbers` gives of these deals, where it is there already. Not called
        where there are too few deals for a model.
    language : {"en", "zh"}
    progress : callable, optional
        Told each step as it begins.

    Raises
    ------
    DealsError
        If the contract names no rep.
    SpecError
        If two plans have the same name.

    Notes
    -----
    Where there are too few deals to compare reps by a model, the page holds the counts, the lost
    customers and the commission.
    """
    _refuse_namesakes(plans)
    tell = progress or (lambda _step: None)
    people = people_of(spec)
    if not people:
        raise DealsError('the contract names no rep. Remedy: write rep = "COLUMN" under [deals].')
    view = view_of(deals.reset_index(drop=True), spec)
    if why := _too_little(view, language):
        tell("counts: too little for a model")
        return _counts_only(view, spec, people, plans, rows, why, language)
    if numbers is None:
        made = compute_numbers(view, spec, tell, retrospective=retrospective)
    else:
        made = numbers()
    expected, p = made.expected, made.expected.probability
    tell("rep performance")
    error = PAGE_ERROR / len(people)  # reps and teams share the page, and its chance of an error
    boards = {
        by: compute_rep_performance(
            view, spec, p, by=by, over_reps=expected.over[by], error=error, language=language
        )
        for by in people
    }
    parts: list[Section] = []
    for by, board in boards.items():
        parts.append(scoreboard_section(board, by=by, language=language))
        if spec.has_dates:
            parts.append(trend_section(board, language=language, by=by))
    if made.reviews is not None:
        reviews = made.reviews.in_language(view, spec, language)
        parts.append(review_section(reviews, language=language))
    ledgers = tuple(pay(view, spec, plan, p, rows=rows) for plan in plans)
    if ledgers:
        parts.append(commission_section(ledgers, language=language))
    if edits is not None:
        parts.append(edits_section(edits, language=language))
    tell("what deals are worth")
    parts.append(_worth(view, spec, made, segment, language))
    profile = made.profile.in_language(spec, language)
    parts.append(profile_section(profile, language=language))
    tables = {name: table for part in parts for name, table in part.tables.items()}
    warnings = [*contract_warnings(view, language), *_sampled(expected, len(view), language)]
    board = next(iter(boards.values()))
    page = sales_page(board, parts, warnings=warnings, language=language)
    summary = summarise(board, parts, warnings=warnings, language=language)
    return SalesReport(page, tables, ledgers, summary, tuple(parts))


def _too_little(view: HistoryView, language: str) -> str:
    """Say why reps cannot be compared yet; empty where they can.

    People are named only against the full model: a provisional one knows little of whom they sell
    to.
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
) -> SalesReport:
    """Write the page of counts, which need no model."""
    counts = {by: compute_counts(view, spec, by=by, language=language) for by in people}
    parts = [
        counts_section(result, by=by, why="" if at else why, language=language)
        for at, (by, result) in enumerate(counts.items())
    ]
    if spec.has_dates and spec.deals.rep:
        parts.append(
            review_section(compute_reviews(view, spec, language=language), language=language)
        )
    ledgers = tuple(pay(view, spec, plan, rows=rows) for plan in plans)
    if ledgers:
        parts.append(commission_section(ledgers, language=language))
    tables = {name: table for part in parts for name, table in part.tables.items()}
    board = next(iter(counts.values()))
    page = sales_page(board, parts, language=language)
    summary = summarise(board, parts, language=language)
    return SalesReport(page, tables, ledgers, summary, tuple(parts))


def _sampled(expected: Expected, deals: int, language: str) -> list[str]:
    """Say that effects were learned from a sample, where they were."""
    if expected.sampled is None:
        return []
    say = phrases(language, "sales_page")
    return [say("sampled", sampled=f"{expected.sampled:,}", deals=f"{deals:,}")]


def _refuse_namesakes(plans: Sequence[Plan]) -> None:
    if twice := named_twice([plan.name for plan in plans]):
        raise SpecError(
            f"two plans are called {twice[0]!r}: nobody could tell them apart. Remedy: give each "
            'plan a name = "..." of its own.'
        )


def _worth(
    view: HistoryView, spec: DealSpec, made: SalesNumbers, segment: str | None, language: str
) -> Section:
    p, known = made.expected.probability, made.policy.money
    own = None if known is None else known.own_months
    worth = compute_worth(view, spec, made.bands, segment=segment, probability=p, own_months=own)
    loss = None if worth.money is None else compute_yearly_loss(view, spec, worth.money, p)
    return worth_section(worth, loss, made.policy, money_format=spec.words.money, language=language)


RATES = {"rate": "rate", "low": "rate_low", "high": "rate_high"}


def sales_page(
    board: RepPerformance | Counts,
    sections: Sequence[Section],
    *,
    warnings: Sequence[str] = (),
    language: str = "en",
) -> str:
    """Write the page.

    Parameters
    ----------
    board : RepPerformance or Counts
        Its company's row and horizon are what the page says first.
    sections : sequence of Section
        In the order of the page. What a section's values hold under `points` is gathered in the
        summary.
    warnings : sequence of str
        What keeps early churn from being read at its face value; last in the summary.
    language : {"en", "zh"}

    Returns
    -------
    str
        HTML that loads nothing from elsewhere; every value is escaped.
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
    """Build the top of a page; parameters as of `make_sales_report`."""
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


def _percent(rate: float) -> str:
    return "–" if math.isnan(rate) else f"{rate:.1%}"  # noqa: RUF001 - an en dash for not known
