"""Checks of deals before training, and of a training before use: each result has a code.

deals -> questions, warnings, time and level, leaks, sample -> results with codes
report of a training -> skill, calibration, groups, sample -> results
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fitmodel.checks.formats import has_errors, to_json, to_junit, to_sarif
from fitmodel.checks.registry import result_of, split_silenced
from fitmodel.crm.reading import open_deals, read_opened
from fitmodel.deals import history_findings
from fitmodel.deals.enough import FULL_CHURNERS, is_enough, regime_of
from fitmodel.deals.history import view_of
from fitmodel.deals.validation import find_warnings, notation_warnings
from fitmodel.evaluation.figures import differing_groups
from fitmodel.evaluation.sample_size import describe_sample
from fitmodel.evaluation.summary import level_is_off
from fitmodel.exceptions import DealsError
from fitmodel.guessing.questions import find_questions
from fitmodel.leakage.audit import audit_leakage, later_values
from fitmodel.learning.learner import check_enough
from fitmodel.learning.stages import check_learning
from fitmodel.renamed import old_fields, old_function
from fitmodel.reports.console import later_value_text
from fitmodel.tables.databases import is_database

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import pandas as pd

    from fitmodel.checks.registry import CheckResult, Level
    from fitmodel.crm.reading import OpenedDeals
    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.deals.reading import DealsRead
    from fitmodel.deals.validation import Problem
    from fitmodel.evaluation.report import TrainingReport
    from fitmodel.guessing.questions import Question, QuestionedDeals
    from fitmodel.leakage.audit import LeakageReport
    from fitmodel.tables.files import FileTable

LATER_BY_VALUES = {"empty when young", "diverges from amount"}
"""Kinds of leakage warnings that `train` repeats: prospects have other values than these deals."""
WARNED = {"unclear_points", "copied_events"}
"""Kinds of findings of reading that are warnings: the model may be wrong."""
FEW_CHURNERS = 100
"""Number of early churners needed to evaluate calibration (Van Calster and others 2016)."""


@old_fields(place="source")
@dataclass(frozen=True, eq=False)
class CheckReport:
    """Results of the checks of a table of deals.

    Attributes
    ----------
    results : tuple of CheckResult
        Results that are not silenced, in the order of the checks.
    silenced : tuple of CheckResult
        Results silenced by ``[checks] ignore``, each with its reason.
    source : str
        Name of the file, or "deals" for a DataFrame.
    unread : bool
        Whether some checks were not made because the deals could not be read.
    """

    results: tuple[CheckResult, ...]
    silenced: tuple[CheckResult, ...]
    source: str
    unread: bool = False

    @property
    def ok(self) -> bool:
        """Whether `train` would accept the deals."""
        return not has_errors(self.results)

    def write(self, form: str) -> str:
        """Return the results as text for other programs, in the format json, sarif or junit."""
        parts = self.results, self.silenced, self.source
        if form == "sarif":
            from importlib.metadata import version

            return to_sarif(*parts, version("fitmodel"))
        return to_junit(*parts, unread=self.unread) if form == "junit" else to_json(*parts)


def check_deals(deals: pd.DataFrame | str | Path, spec: DealSpec) -> CheckReport:
    """Run every check that needs no training.

    Parameters
    ----------
    deals : DataFrame or path
        Past deals, as `fitmodel.read_deals` reads them.
    spec : DealSpec
        Contract of the deals.

    Returns
    -------
    CheckReport
        Results of the checks. Deals that cannot be read or learned from are a result too: for them
        no error is raised.

    Examples
    --------
    >>> from fitmodel.checking import check_deals
    >>> sim = fitmodel.simulate_deals(900, seed=2)
    >>> check_deals(sim.deals, sim.spec).ok
    True
    """
    unread: list[DealsError] = []
    shown, silenced = split_silenced(_all_results(deals, spec, unread), spec.checks)
    source = "deals" if hasattr(deals, "columns") else str(deals)
    return CheckReport(shown, silenced, source, unread=bool(unread))


def _all_results(
    deals: pd.DataFrame | str | Path, spec: DealSpec, unread: list[DealsError]
) -> Iterator[CheckResult]:
    questions: list[Question] = []
    try:
        opened = open_deals(deals, spec)
        file, spec = opened.file, opened.spec
        questions = find_questions(file.table, spec, row_numbers=file.row_numbers)
        yield from question_results(questions)
        read = read_opened(opened)
        view = view_of(read.table, read.spec)
        check_learning(read.spec, read.table)
        yield from warning_results(file, read)
        yield from time_results(view)
        yield from later_results(opened, view)
        yield from leak_results(audit_leakage(view, read.spec))
        yield from sample_results(view)
    except DealsError as error:
        unread.append(error)
        if not any(each.must_answer for each in questions):  # else the question explains the error
            for each in error.problems or (error,):
                kind = getattr(each, "code", "") or "deals"
                yield result_of(f"error:{kind}", "error", str(each), getattr(each, "column", ""))


def shown(results: Iterable[CheckResult], spec: DealSpec) -> tuple[CheckResult, ...]:
    """Return the results that the contract does not silence."""
    return split_silenced(results, spec.checks)[0]


def question_results(questions: Iterable[Question]) -> Iterator[CheckResult]:
    """Convert questions about the rows to results with codes."""
    for question in questions:
        level = "error" if question.must_answer else "warning"
        yield result_of(f"question:{question.code}", level, str(question), question.column)  # type: ignore[arg-type]  # one of the two


doubt_results = old_function("doubt_results", question_results)


def warning_results(file: FileTable, read: DealsRead) -> Iterator[CheckResult]:
    """Convert warnings about the values, and how they were read, to results with codes."""
    numbers = read.row_numbers
    yield from problem_results(find_warnings(read.table, read.spec, row_numbers=numbers))
    notations = notation_warnings(file.table, read.spec, row_numbers=file.row_numbers)
    yield from problem_results(notations)
    yield from finding_results(read)


def problem_results(problems: Iterable[Problem]) -> Iterator[CheckResult]:
    """Convert warnings about the values to results with codes."""
    for problem in problems:
        yield result_of(f"warning:{problem.code}", "warning", str(problem), problem.column)


def finding_results(read: DealsRead) -> Iterator[CheckResult]:
    """Convert the findings of reading a table to results with codes."""
    tables = {f"[history.{name}]": each.table for name, each in read.spec.history.items()}
    tables |= {f"[events.{name}]": each.table for name, each in read.spec.events.items()}
    for finding in read.findings:
        table = tables.get(finding.column.partition(" ")[0], "")
        file = "" if is_database(table) else table
        level: Level = "warning" if finding.code in WARNED else "note"
        yield result_of(f"reading:{finding.code}", level, str(finding), finding.column, file=file)


def later_results(opened: OpenedDeals, view: HistoryView) -> Iterator[CheckResult]:
    """Report the columns whose value today differs from the value before closing."""
    if opened.result is None:
        return
    for item in later_values(opened.today, opened.result, view):
        yield result_of("leakage:later values", "note", later_value_text(item), item.column)


def time_results(view: HistoryView) -> Iterator[CheckResult]:
    """Check effects of time on the outcome: contract terms, the horizon, a shifted level."""
    for text in history_findings.contract_warnings(view):
        yield result_of("time:bound", "warning", text)
    spec = view.spec
    horizons = history_findings.compare_horizons(view, spec)
    for text in history_findings.questions_about_horizon(horizons, spec.label.horizon_months):
        yield result_of("time:horizon", "warning", text)
    if not spec.has_dates:
        text = (
            "the contract has a tenure and no closing dates, so no model can be evaluated on later "
            "deals. Remedy: add closed_on, churned_on and observed_until to [deals]"
        )
        yield result_of("time:no dates", "note", text)
    yield from level_results(view)


def level_results(view: HistoryView) -> Iterator[CheckResult]:
    """Report a change of the level of early churn, and of what is sold, if there is one."""
    if (shift := history_findings.find_level_shift(view)) is not None:
        yield result_of("time:level", "warning", str(shift), str(view.spec.deals.churned_on))
    for each in history_findings.find_new_values(view):
        yield result_of("time:new values", "warning", str(each), each.attribute)


def leak_results(report: LeakageReport) -> Iterator[CheckResult]:
    """Convert findings of the leakage audit to results with codes, silenced findings included."""
    for finding in report.findings:
        if finding.verdict == "fine" and not finding.silenced:
            continue
        level = "error" if finding.verdict == "stop" else "warning"
        text = f"{finding.attribute}: {finding.evidence}. Remedy: {finding.remedy}"
        yield result_of(finding.source, level, text, finding.attribute)  # type: ignore[arg-type]  # one of the two


def _later_results(leakage: pd.DataFrame) -> Iterator[CheckResult]:
    """Report the attributes whose values show that they are filled in or changed after closing."""
    columns = leakage[["attribute", "kind", "verdict", "evidence", "remedy"]]
    for name, kind, verdict, evidence, remedy in columns.astype("str").to_numpy().tolist():
        if verdict == "warn" and kind in LATER_BY_VALUES:
            text = f"{name}: {evidence}. Remedy: {remedy}"
            yield result_of(f"leakage:{kind}", "warning", text, name)


def sample_results(view: HistoryView) -> Iterator[CheckResult]:
    """Report whether there are enough deals to learn from, and to evaluate on."""
    churners = int((view.early_churn == 1).sum())
    if not is_enough(churners, len(view) - churners):
        try:
            check_enough(view.training_set())
        except DealsError as error:
            yield result_of("error:enough", "error", str(error))
            return
    rate = 1 - view.survival.at(float(view.spec.label.horizon_months))
    description = describe_sample(view.training_set(), view.spec, float(rate))
    yield result_of("evaluation:sample size", "note", description)
    if churners < FEW_CHURNERS:
        provisional = regime_of(churners, len(view) - churners) == "provisional"
        few = _few_churners_text(churners, provisional=provisional)
        yield result_of("evaluation:small sample", "warning", few)


def _group_results(groups: pd.DataFrame) -> Iterator[CheckResult]:
    """Report groups whose predictions are off beyond chance; see `differing_groups`."""
    for row in differing_groups(groups).itertuples(index=False):
        text = (
            f"{row.attribute} = {row.level}: {row.early_churners:,} of {row.deals:,} deals left "
            f"early where {row.expected:,.1f} were predicted (pooled ratio {row.pooled:.2f}, "
            f"{row.low:.2f} to {row.high:.2f}), beyond what the level of all explains"
        )
        yield result_of("evaluation:group", "warning", text, str(row.attribute))


def _few_churners_text(churners: int, *, provisional: bool) -> str:
    if provisional:
        return (
            f"{churners:,} early churners are known: the model is provisional, a ridge regression "
            f"that shrinks strongly towards the company's rate. Remedy: a later extract, or a "
            f"longer horizon_months; {FULL_CHURNERS} early churners and as many others make a full "
            "model"
        )
    return (
        f"{churners:,} early churners are known, fewer than {FEW_CHURNERS}: intervals will be "
        "wide. Remedy: a later extract, or a longer horizon_months"
    )


def checks_of_training(
    report: TrainingReport,
    questioned: QuestionedDeals,
    view: HistoryView,
    leakage: pd.DataFrame | None = None,
) -> tuple[CheckResult, ...]:
    """Return the results that `train` reports on the model, the rows, the values and the level.

    Parameters
    ----------
    report : TrainingReport
        Report of the training.
    questioned : QuestionedDeals
        The deals as read, and the questions about them.
    view : HistoryView
        History of the deals.
    leakage : DataFrame, optional
        Leakage audit, as `LeakageReport.to_frame` returns it.

    Returns
    -------
    tuple of CheckResult
        Results that are not silenced; a model without skill is the first result.
    """
    read = questioned.read
    results = (
        *training_results(report),
        *(problem_results(find_warnings(read.table, read.spec, row_numbers=read.row_numbers))),
        *finding_results(read),
        *question_results(questioned.questions),
        *level_results(view),
        *(() if leakage is None else _later_results(leakage)),
    )
    return shown(results, read.spec)


def training_results(report: TrainingReport) -> Iterator[CheckResult]:
    """Check a training: its skill, calibration, groups of deals, evaluation method and sample."""
    metrics = report.metrics
    if not report.has_skill:
        yield result_of("evaluation:no skill", "error", report.verdict)
    intercept, slope = metrics["calibration_intercept"], metrics["calibration_slope"]
    if level_is_off(report):
        text = (
            f"{'more' if intercept.value > 0 else 'fewer'} customers left early than predicted: "
            f"calibration intercept {intercept.value:+.2f} log-odds "
            f"({intercept.low:+.2f} to {intercept.high:+.2f})"
        )
        yield result_of("evaluation:intercept", "warning", text)
    if slope.low > 1 or slope.high < 1:
        spread = "too far apart" if slope.value < 1 else "too close together"
        ends = f"({slope.low:.2f} to {slope.high:.2f})"
        text = f"probabilities are {spread}: calibration slope {slope.value:.2f} {ends}"
        yield result_of("evaluation:slope", "warning", text)
    yield from _group_results(report.pooled_groups)
    for change in report.changes:
        yield result_of("evaluation:changed group", "note", change.describe(), change.attribute)
    cost = report.black_box_gap
    if cost.low > 0:
        loss = f"log loss {cost.value:+.4f} ({cost.low:+.4f} to {cost.high:+.4f})"
        text = f"a tuned gradient boosting predicts these deals better: {loss}"
        yield result_of("evaluation:black box", "warning", text)
    if report.method != "out-of-time":
        yield result_of("evaluation:method", "note", "; ".join(report.notes) or report.method)
    if report.n_early_churners < FEW_CHURNERS:
        few = _few_churners_text(report.n_early_churners, provisional=report.regime != "full")
        yield result_of("evaluation:small sample", "warning", few)
