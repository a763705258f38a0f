"""Leakage audit: which attributes look like knowledge from after the closing.

    deals with a known label -> each attribute -> each check -> findings with evidence and verdict

A strong attribute is not a leak. So a statistic alone stops training only where it all but decides
the outcome or mirrors the customer's tenure; a name that tells of later knowledge stops it only
together with a statistic.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from fitmodel.deals.outcomes import label_deals, outcomes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.outcomes import LabelledDeals

Verdict = Literal["stop", "warn", "fine"]

LATER = re.compile(
    r"csat|nps|satisf|ticket|minutes_\w*support|login|usage|cancel|churn|renew|terminat|exit"
    r"|total_(paid|charg)|lifetime|tenure|duration|last_|viewed|clicked|opened|complain",
    re.IGNORECASE,
)
PROTECTED = re.compile(
    r"(^|[_\W])(gender|sex|female|male|age|nationality|ethnic\w*|race|religion|disab\w*|marital|"
    r"senior\w*|pregnan\w*)([_\W]|$)",
    re.IGNORECASE,
)
DECIDES, STRONG, TELLING = 0.92, 0.85, 0.6  # of the lower limit of an attribute's own AUC
MIRRORS, FOLLOWS = 0.75, 0.5  # rank correlation with the time stayed, among those who left
EXPECTED_NONE = 20.0  # so many early churners expected and none seen: P = e^-20
LEAST_LEFT = 30
BINS = 20
AFTER_CLOSING = 0.2


@dataclass(frozen=True)
class Finding:
    """One thing the audit says of an attribute.

    Attributes
    ----------
    attribute, kind : str
    verdict : {"stop", "warn", "fine"}
    evidence, remedy : str
    """

    attribute: str
    kind: str
    verdict: Verdict
    evidence: str
    remedy: str


@dataclass(frozen=True)
class LeakageReport:
    """All findings, those that stop training first."""

    findings: tuple[Finding, ...]

    @property
    def stopped(self) -> tuple[str, ...]:
        """Attributes that training refuses."""
        return tuple(dict.fromkeys(f.attribute for f in self.findings if f.verdict == "stop"))

    def to_frame(self) -> pd.DataFrame:
        """A row per finding."""
        columns = ["attribute", "kind", "verdict", "evidence", "remedy"]
        return pd.DataFrame([vars(finding) for finding in self.findings], columns=columns)


def audit(deals: pd.DataFrame, spec: DealSpec) -> LeakageReport:
    """Look at every attribute of the deals with a known outcome.

    Parameters
    ----------
    deals : DataFrame
        As read by ``read_deals``.
    spec : DealSpec

    Returns
    -------
    LeakageReport
        One finding of kind "none" and verdict "fine" for an attribute nothing was found on.
    """
    labelled = label_deals(deals, spec)
    found = outcomes(deals, spec)
    left = found.loc[found["left"], "followup_months"]
    findings: list[Finding] = []
    for name in labelled.attributes.columns:
        here = list(_check(str(name), labelled, deals, left))
        findings += here or [Finding(str(name), "none", "fine", "nothing found", "")]
    rank = {"stop": 0, "warn": 1, "fine": 2}
    return LeakageReport(tuple(sorted(findings, key=lambda item: rank[item.verdict])))


def _check(
    name: str, labelled: LabelledDeals, deals: pd.DataFrame, left: pd.Series
) -> Iterator[Finding]:
    values, label = labelled.attributes[name], labelled.early_churn
    if name in labelled.dates:
        yield from _after_closing(name, values)
    groups = _groups(values)
    auc, low = separation(groups, label)
    later = LATER.search(name) is not None
    if low > DECIDES or (later and low > TELLING):
        yield _outcome_finding(name, "decides the outcome", "stop", auc, low)
    elif low > STRONG:
        yield _outcome_finding(name, "very strong", "warn", auc, low)
    elif later:
        yield _finding(name, "name", "warn", "its name tells of knowledge from after the closing")
    yield from _filled_in(name, values, label)
    if name not in labelled.dates:
        yield from _tenure(name, deals.loc[left.index, name], left)
    yield from _identity(name, values)


def _finding(name: str, kind: str, verdict: Verdict, evidence: str) -> Finding:
    remedy = {
        "stop": f'add "{name}" to [attributes] exclude',
        "warn": "make sure that it is known before signing, and used on purpose",
        "fine": "",
    }[verdict]
    return Finding(name, kind, verdict, evidence, remedy)


def _outcome_finding(name: str, kind: str, verdict: Verdict, auc: float, low: float) -> Finding:
    evidence = (
        f"alone it tells early churners from the others with AUC {auc:.2f} (at least {low:.2f})"
    )
    return _finding(name, kind, verdict, evidence)


def _groups(values: pd.Series[Any]) -> NDArray[np.int64]:
    """Group number per deal: twentieths of a number, levels of a category, missing apart."""
    numbers = (
        pd.to_numeric(values, errors="coerce") if values.dtype != bool else values.astype(float)
    )
    if numbers.notna().sum() >= 0.95 * values.notna().sum() and numbers.nunique() > BINS:
        groups = pd.qcut(numbers, BINS, labels=False, duplicates="drop")
        return np.asarray(groups.fillna(-1).to_numpy(dtype=float) + 1, dtype=np.int64)
    codes, _ = pd.factorize(values)
    return np.asarray(codes + 1, dtype=np.int64)


def separation(groups: NDArray[np.int64], label: NDArray[np.float64]) -> tuple[float, float]:
    """AUC of the groups' early-churn rates and its lower limit, each rate from other deals.

    Two halves lend each other their rates, so that many small groups cannot decide anything by
    themselves. The limit is two standard errors below (Hanley & McNeil 1982).
    """
    churners, stayers = label.sum(), (1 - label).sum()
    if min(churners, stayers) < 1:
        return 0.5, 0.0
    half = np.random.default_rng(0).permutation(len(label)) % 2
    overall = label.mean()
    score = np.empty(len(label))
    for side in (0, 1):
        own, other = half == side, half != side
        count = np.bincount(groups[other], minlength=groups.max() + 1)
        total = np.bincount(groups[other], weights=label[other], minlength=groups.max() + 1)
        score[own] = ((total + overall) / (count + 1))[groups[own]]
    ranks = pd.Series(score).rank().to_numpy()
    auc = float((ranks[label == 1].sum() - churners * (churners + 1) / 2) / (churners * stayers))
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (churners - 1) * (q1 - auc**2) + (stayers - 1) * (q2 - auc**2)
    return auc, auc - 2 * float(np.sqrt(max(variance, 0) / (churners * stayers)))


def _filled_in(name: str, values: pd.Series[Any], label: NDArray[np.float64]) -> Iterator[Finding]:
    """Being filled in (or empty) must not tell the outcome."""
    empty = values.isna().to_numpy()
    for side, word in ((empty, "empty"), (~empty, "filled in")):
        expected = side.sum() * label.mean()
        if 0 < side.sum() < len(label) and expected >= EXPECTED_NONE and label[side].sum() == 0:
            evidence = (
                f"none of the {int(side.sum()):,} deals where it is {word} left early, "
                f"{expected:.0f} would be expected"
            )
            yield _finding(name, "filled in later", "stop", evidence)
    _, low = separation(empty.astype(np.int64), label)
    if low > TELLING:
        evidence = f"whether it is filled in alone gives AUC {low:.2f} or more"
        verdict: Verdict = "stop" if LATER.search(name) else "warn"
        yield _finding(name, "filled in later", verdict, evidence)


def _after_closing(name: str, days_before: pd.Series[Any]) -> Iterator[Finding]:
    later = float((days_before < 0).mean())
    if later > 0.01:  # noqa: PLR2004 - a few may be typing errors
        verdict: Verdict = "stop" if later >= AFTER_CLOSING else "warn"
        yield _finding(
            name, "after closing", verdict, f"{later:.0%} of its dates lie after the closing"
        )


def _tenure(name: str, values: pd.Series[Any], months: pd.Series[Any]) -> Iterator[Finding]:
    """An amount that grows with the time stayed was not known at signing."""
    numbers = pd.to_numeric(values, errors="coerce")
    known = numbers.notna()
    if known.sum() < LEAST_LEFT or numbers.nunique() < 5:  # noqa: PLR2004 - too few to grow
        return
    rank = float(numbers[known].rank().corr(months[known].rank()))
    low = abs(rank) - 2 / float(np.sqrt(known.sum()))
    if low > FOLLOWS:
        verdict: Verdict = "stop" if low > MIRRORS or LATER.search(name) else "warn"
        evidence = (
            f"among customers who left its rank correlation with the months stayed is {rank:.2f}"
        )
        yield _finding(name, "tenure in disguise", verdict, evidence)


def _identity(name: str, values: pd.Series[Any]) -> Iterator[Finding]:
    is_text = not pd.api.types.is_numeric_dtype(values.dtype)
    if is_text and len(values) >= LEAST_LEFT and values.nunique() > 0.9 * len(values):
        yield _finding(name, "identifier", "warn", "nearly every deal has a value of its own")
    if PROTECTED.search(name):
        evidence = "its name suggests a protected characteristic of a person"
        yield _finding(name, "protected", "warn", evidence)
