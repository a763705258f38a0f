"""Leakage audit: find attributes that were recorded, or changed, after closing.

deals and their outcomes -> each attribute -> each check -> findings with evidence and verdict

A strong attribute need not be a leak. A statistic alone stops training only if the attribute almost
decides the outcome, or grows with the time that customers stay. A name that suggests later
knowledge stops training only together with a statistic. There are two outcomes: leaving early,
among mature deals, and having left by now, among deals closed about the same time. The second one
finds fields such as a cancellation reason.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.checks.registry import code_of
from fitmodel.crm.timeline import later_changes
from fitmodel.deals.plain_words import suggestion
from fitmodel.exceptions import DealsError
from fitmodel.leakage._attribute import Attribute, Finding, Verdict, history_of
from fitmodel.leakage._checks import AFTER_CLOSING, CHECKS
from fitmodel.leakage.names import LATER
from fitmodel.leakage.statistics import cohorts_of, groups_of, separation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from fitmodel.crm.attributes import AsOfAttributes
    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.leakage._attribute import History

__all__ = ["AFTER_CLOSING", "LATER", "Finding", "LeakageReport", "Verdict", "audit"]


@dataclass(frozen=True, repr=False)
class LeakageReport:
    """All findings of the audit; those that stop training come first.

    Attributes
    ----------
    findings : tuple of Finding
        The findings, sorted by verdict: "stop", "warn", "fine".
    """

    findings: tuple[Finding, ...]

    @property
    def stopped(self) -> tuple[str, ...]:
        """Names of the attributes that stop training."""
        return tuple(dict.fromkeys(f.attribute for f in self.findings if f.verdict == "stop"))

    def about_unknown(self, names: Iterable[str]) -> str:
        """Return a sentence on names that no audited attribute has; "" if all are known."""
        known = dict.fromkeys(item.attribute for item in self.findings)
        texts = [f"{name!r} ({suggestion(name, known)})" for name in names if name not in known]
        return f" No attribute has the allowed name {', '.join(texts)}." if texts else ""

    def __repr__(self) -> str:
        warned = {item.attribute for item in self.findings if item.verdict == "warn"}
        return f"<LeakageReport: {len(self.stopped)} stopped, {len(warned)} warned of>"

    def _repr_html_(self) -> str:
        table = self.to_frame()
        with pd.option_context("display.max_colwidth", None):
            return table[table["verdict"] != "fine"].to_html(index=False)

    def to_frame(self) -> pd.DataFrame:
        """Return a table with one row per finding."""
        columns = ["attribute", "kind", "verdict", "evidence", "remedy"]
        return pd.DataFrame([vars(finding) for finding in self.findings], columns=columns)


def audit_leakage(deals: pd.DataFrame | HistoryView, spec: DealSpec) -> LeakageReport:
    """Check every attribute for signs that it was recorded after the closing.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        Past deals, as returned by `fitmodel.deals.reading.read_deals`, or a view of them. If there
        are more than 50,000, a random sample of that size is used.
    spec : DealSpec
        The contract: roles of the columns, the horizon and the attributes.

    Returns
    -------
    LeakageReport
        At most one finding with the verdict "stop" per attribute. An attribute without a finding
        has one of kind "none" and verdict "fine".

    Raises
    ------
    DealsError
        If outcomes or attributes cannot be computed; see `fitmodel.deals.outcomes.label_deals`.

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(1500, seed=1, leaks=True)
    >>> set(audit_leakage(sim.deals, sim.spec).stopped) == set(sim.leaks)
    True
    """
    history = history_of(deals, spec)
    findings = [
        finding
        for name in history.attributes.columns
        for finding in _findings(Attribute.of(name, history), history, spec)
    ]
    rank = {"stop": 0, "warn": 1, "fine": 2}
    return LeakageReport(tuple(sorted(findings, key=lambda item: rank[item.verdict])))


audit = audit_leakage  # earlier name, still used in notebooks


def audit_before_training(
    deals: pd.DataFrame | HistoryView, spec: DealSpec, allow: tuple[str, ...]
) -> pd.DataFrame:
    """Return the leakage audit; raise an error if an attribute reveals the outcome.

    Raises
    ------
    DealsError
        If such an attribute is not in `allow`; the message has its evidence and the remedy.
    """
    result = audit_leakage(deals, spec)
    leaks = [f for f in result.findings if f.verdict == "stop" and f.attribute not in allow]
    if leaks:
        lines = "\n".join(f"  {item.attribute}: {item.evidence}. {item.remedy}" for item in leaks)
        names = ", ".join(f'"{item.attribute}"' for item in leaks)
        raise DealsError(
            f"{len(leaks)} attribute(s) look like knowledge from after the closing:\n{lines}\n"
            f"Remedy: add them to [attributes] exclude = [{names}], or, where you are sure that "
            "the value is known before signing, allow them by name (--allow ATTRIBUTE)."
            + result.about_unknown(allow)
        )
    return result.to_frame()


def _silenced(finding: Finding, spec: DealSpec) -> Finding:
    """Return the finding, with the verdict "fine" and the reason if the contract silences it."""
    if finding.verdict == "fine":
        return finding
    reason = spec.checks.reason_for(code_of(finding.source).code, finding.attribute)
    return replace(finding, verdict="fine", silenced=reason) if reason else finding


def _findings(attribute: Attribute, history: History, spec: DealSpec) -> Iterator[Finding]:
    """Yield the findings on an attribute, up to the first one that stops training."""
    is_clean = True
    for check in CHECKS:
        for each in check(attribute, history):
            finding = _silenced(each, spec)
            yield finding
            is_clean = False
            if finding.verdict == "stop":
                return
    if is_clean:
        yield Finding(attribute.name, "none", "fine", "nothing found", "")


@dataclass(frozen=True)
class LaterValue:
    """One column whose values today differ from those at closing.

    Attributes
    ----------
    deals : int
        Number of deals whose value has changed since closing.
    known : int
        Number of deals whose value as of closing is known.
    among_leavers, among_others : float
        Share of changed values among deals known to have left early, and among deals known not to.
    auc_then, auc_today : float
        AUC of the column alone for early churn, with the values before closing and with those of
        today. The difference is the skill that the later values would only seem to have.
    """

    column: str
    deals: int
    known: int
    among_leavers: float
    among_others: float
    auc_then: float
    auc_today: float


def later_values(
    today: pd.DataFrame, result: AsOfAttributes, view: HistoryView
) -> list[LaterValue]:
    """Compare today's values of columns with their values before closing.

    Parameters
    ----------
    today : DataFrame
        The deals as exported, before the attributes were attached.
    result : AsOfAttributes
        The attributes as of closing.
    view : HistoryView
        View of the deals; its index labels are rows of `today`.

    Returns
    -------
    list of LaterValue
        One entry per column with changes, sorted by the difference of the AUCs, largest first.
    """
    positions = today.index.get_indexer(view.deals.index)
    early = view.outcomes["early_churn"].to_numpy(dtype=np.float64, na_value=np.nan)
    labelled = np.isfinite(early) & (positions >= 0)
    rows, label = positions[labelled], early[labelled]
    closed = view.closed
    if closed is None:
        return []
    cohort = cohorts_of(closed[labelled])
    listed = []
    for each in later_changes(today, result):
        name = each.column
        value_column = next(
            item for item in result.fields if item.columns.column == name
        ).columns.value
        changed = each.deals[rows]
        listed.append(
            LaterValue(
                name,
                int(each.deals.sum()),
                int(each.known.sum()),
                _share(changed, label == 1),
                _share(changed, label == 0),
                _auc(result.frame[str(value_column)].iloc[rows], label, cohort),
                _auc(today[name].iloc[rows], label, cohort),
            )
        )
    return sorted(listed, key=lambda item: item.auc_then - item.auc_today)


def _share(changed: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
    return float(changed[among].mean()) if among.any() else 0.0


def _auc(values: pd.Series[Any], label: NDArray[np.float64], cohort: NDArray[np.int64]) -> float:
    if not len(label):
        return 0.5
    return separation(groups_of(values), label, cohort).value
