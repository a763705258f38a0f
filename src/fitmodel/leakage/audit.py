"""
Leakage audit: which attributes look as if they were recorded after closing.

    deals and their outcomes -> each attribute -> each check -> findings with evidence and verdict

A strong attribute is not a leak. A statistic alone stops training only where it all but decides the
outcome or mirrors the time a customer stayed; a name that tells of later knowledge stops it only
together with a statistic. Two outcomes are looked at: leaving early, among mature deals, and having
left by now, among deals closed about the same time: a cancellation reason decides the second.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd

from fitmodel.checks.registry import code_of
from fitmodel.leakage._attribute import Attribute, Finding, Verdict, history_of
from fitmodel.leakage._checks import AFTER_CLOSING, CHECKS
from fitmodel.leakage.names import LATER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.leakage._attribute import History

__all__ = [
    "AFTER_CLOSING",
    "LATER",
    "Finding",
    "LeakageReport",
    "Verdict",
    "audit",
]


@dataclass(frozen=True, repr=False)
class LeakageReport:
    """All findings, those that stop training first."""

    findings: tuple[Finding, ...]

    @property
    def stopped(self) -> tuple[str, ...]:
        """Attributes that training refuses."""
        return tuple(dict.fromkeys(f.attribute for f in self.findings if f.verdict == "stop"))

    def __repr__(self) -> str:
        warned = {item.attribute for item in self.findings if item.verdict == "warn"}
        return f"<LeakageReport: {len(self.stopped)} stopped, {len(warned)} warned of>"

    def _repr_html_(self) -> str:
        result = self.to_frame()
        with pd.option_context("display.max_colwidth", None):
            return result[result["verdict"] != "fine"].to_html(index=False)

    def to_frame(self) -> pd.DataFrame:
        """A row per finding."""
        columns = ["attribute", "kind", "verdict", "evidence", "remedy"]
        return pd.DataFrame([vars(finding) for finding in self.findings], columns=columns)


def audit_leakage(deals: pd.DataFrame | HistoryView, spec: DealSpec) -> LeakageReport:
    """
    Look at every attribute for signs that it was learned after the closing.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        As read by `fitmodel.deals.reading.read_deals`, or a view of them. Of more than 50,000 deals
        as many are drawn at random.
    spec : DealSpec
        Roles of the columns, the horizon and the attributes.

    Returns
    -------
    LeakageReport
        At most one finding with the verdict "stop" for each attribute; one of kind "none" and
        verdict "fine" where nothing was found.

    Raises
    ------
    DealsError
        If outcomes or attributes cannot be told; see `fitmodel.deals.outcomes.label_deals`.

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


audit = audit_leakage  # its earlier name, which notebooks use


def _answered(finding: Finding, spec: DealSpec) -> Finding:
    """The finding, or where the contract silences it the same as fine, with the reason."""
    if finding.verdict == "fine":
        return finding
    reason = spec.checks.reason_for(code_of(finding.source).code, finding.attribute)
    return replace(finding, verdict="fine", silenced=reason) if reason else finding


def _findings(attribute: Attribute, history: History, spec: DealSpec) -> Iterator[Finding]:
    """Findings on an attribute: up to the first that stops it, since one is enough."""
    nothing = True
    for check in CHECKS:
        for each in check(attribute, history):
            finding = _answered(each, spec)
            yield finding
            nothing = False
            if finding.verdict == "stop":
                return
    if nothing:
        yield Finding(attribute.name, "none", "fine", "nothing found", "")
