"""One attribute as the leakage audit sees it, and one finding on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fitmodel.crm.columns import columns_of
from fitmodel.deals.history import view_of
from fitmodel.leakage.names import goes_on_changing, tells_of_later
from fitmodel.leakage.statistics import Limited, cohorts_of, groups_of, numbers_of, separation

if TYPE_CHECKING:
    import pandas as pd

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.leakage.statistics import Codes, Floats, Mask


Verdict = Literal["stop", "warn", "fine"]

DECIDES = 0.92  # lower limit of an attribute's own AUC from which it is a leak
MAYBE_TELLS, SURELY_TELLS = 0.75, 0.6  # the same, where the name tells of later knowledge


@dataclass(frozen=True)
class Finding:
    """
    One thing the audit says of an attribute.

    Attributes
    ----------
    attribute, kind : str
    verdict : {"stop", "warn", "fine"}
    evidence, remedy : str
    silenced : str
        Why the contract silences it ([checks]); its verdict is then "fine".
    """

    attribute: str
    kind: str
    verdict: Verdict
    evidence: str
    remedy: str
    silenced: str = ""

    @property
    def source(self) -> str:
        """Under which `fitmodel.checks.registry.code_of` knows it."""
        return f"leakage:{self.kind}"


@dataclass(frozen=True)
class Telling:
    """How well one attribute alone separates an outcome: AUC and its lower limit."""

    auc: float
    low: float
    whom: str

    def __str__(self) -> str:
        certainty = f"AUC {self.auc:.2f} (at least {self.low:.2f})"
        return f"alone tells {self.whom} from the others with {certainty}"


@dataclass(frozen=True, eq=False)
class Attribute:
    """
    One attribute of all deals.

    Attributes
    ----------
    name : str
    column : Series of shape (n,)
        Dates are days before closing.
    is_date : bool
    groups : ndarray of int of shape (n,)
        Twentieths of a number or levels of a category; 0 where empty.
    tells : Telling
        How far the groups tell leaving early or having left, whichever they tell better.
    before_closing : bool
        Whether it is made of rows recorded before closing, so that its name says nothing.
    """

    name: str
    column: pd.Series[Any]
    is_date: bool
    groups: Codes
    tells: Telling
    before_closing: bool = False

    @classmethod
    def of(cls, name: Any, history: History) -> Attribute:
        """Measure an attribute against both outcomes."""
        column = history.attributes[name]
        groups = groups_of(column)
        recorded = name in history.before_closing
        strength = telling(groups, history)
        return cls(str(name), column, name in history.dates, groups, strength, recorded)

    @cached_property
    def numbers(self) -> Floats | None:
        """As numbers; None where it is not a number."""
        return numbers_of(self.column)

    @cached_property
    def empty(self) -> Mask:
        """Which deals have no value."""
        return np.asarray(self.groups == 0)

    @cached_property
    def suspicion(self) -> Literal["surely", "maybe", "no"]:
        """What the attribute's name suggests about when it was recorded."""
        if self.before_closing:
            return "no"
        by_name = tells_of_later(self.name)
        return "maybe" if by_name == "no" and self.goes_on_changing else by_name

    @cached_property
    def goes_on_changing(self) -> bool:
        """Whether its name is one that a CRM overwrites after signing."""
        return not self.before_closing and goes_on_changing(self.name)

    @property
    def enough(self) -> float:
        """Lower limit of an AUC from which it is a leak, given its name."""
        return {"surely": SURELY_TELLS, "maybe": MAYBE_TELLS, "no": DECIDES}[self.suspicion]

    def finding(
        self, kind: str, verdict: Verdict, evidence: str, remedy: str | None = None
    ) -> Finding:
        """Build a finding on it, with the remedy."""
        usual = {
            "stop": f'add "{self.name}" to [attributes] exclude',
            "warn": "make sure that it is known before signing, and used on purpose",
            "fine": "",
        }[verdict]
        return Finding(self.name, kind, verdict, evidence, usual if remedy is None else remedy)


def telling(groups: Codes, history: History) -> Telling:
    """Separation of early leaving or leaving at all by groups, whichever is larger."""
    known = np.isfinite(history.early)
    early = Limited(0.5, 0.0)
    if known.any():
        early = separation(groups[known], history.early[known], history.cohort[known])
    left = separation(groups, history.left.astype(float), history.cohort)
    if early.low >= left.low:
        return Telling(*early, "early churners")
    return Telling(*left, "customers who have left")


MAX_DEALS = 50_000
MIN_LEFT, FIRST, WELL_AFTER = 20, 0.05, 1.5  # the first twentieth of at least 20 who left


@dataclass(frozen=True, eq=False)
class History:
    """
    Deals and their outcomes.

    Attributes
    ----------
    attributes : DataFrame of shape (n, attributes)
        Dates are days before closing.
    dates : tuple of str
        Which attributes are dates.
    early : ndarray of shape (n,)
        1.0 left early, 0.0 stayed longer, NaN unknown, not mature or signed before
        ``observed_from`` (the label would be selected). Deals too young to be mature
        are known only where they left: with them, whatever is new would seem to decide the outcome.
    left : ndarray of bool of shape (n,)
        Seen to leave by now.
    months : ndarray of shape (n,)
        Months stayed, so far.
    cohort : ndarray of int of shape (n,)
        Deals closed about the same time; all one where closing dates are not known.
    days_watched : ndarray of shape (n,), or None
        Days from closing to the end of the extract; None where closing dates are not known.
    amount : ndarray of shape (n,), or None
        Yearly value of the contract.
    ids : Series of shape (n,), or None
    sellers : tuple of str
        Columns that say who sold.
    horizon : float
        Months within which leaving is early.
    before_closing : frozenset of str
        Attributes made of rows recorded before closing, whatever their names tell.
    """

    attributes: pd.DataFrame
    dates: tuple[str, ...]
    early: Floats
    left: Mask
    months: Floats
    cohort: Codes
    days_watched: Floats | None
    amount: Floats | None
    ids: pd.Series[Any] | None
    sellers: tuple[str, ...]
    horizon: float
    before_closing: frozenset[str] = frozenset()

    @property
    def churned_early(self) -> Mask:
        """Seen to leave early, and mature."""
        return np.asarray(self.early == 1.0)

    def bound_by_a_term(self, group: Mask) -> bool:
        """
        Whether deals cannot leave early by contract, it seems: they leave, but long after.

        What was filled in by those who stayed looks alike, but there leaving goes on from then on.
        """
        months = self.months[group & self.left]
        if len(months) < MIN_LEFT:
            return False
        return float(np.quantile(months, FIRST)) > WELL_AFTER * self.horizon


def history_of(deals: pd.DataFrame | HistoryView, spec: DealSpec) -> History:
    """
    Attributes and outcomes of the deals.

    Raises
    ------
    DealsError
        As `outcomes`; also where an attribute is a date and the deals have no closing date.
    """
    view = view_of(deals, spec)
    if len(view) > MAX_DEALS:
        drawn = np.random.default_rng(0).choice(len(view), MAX_DEALS, replace=False)
        view = view.subset(np.sort(drawn))
    cohort, days_watched = np.zeros(len(view), dtype=np.int64), None
    if view.closed is not None:
        cohort = cohorts_of(view.closed)
        days_watched = (view.extract_end - view.closed).astype(float)
    read, deals = view.attributes(), view.deals
    roles = spec.deals
    amount = deals[roles.amount] if roles.amount in deals.columns else None
    return History(
        attributes=read.frame,
        dates=read.dates,
        early=np.where(view.mature & view.from_signing, view.early_churn, np.nan),
        left=view.left,
        months=view.followup_months,
        cohort=cohort,
        days_watched=days_watched,
        amount=None if amount is None else numbers_of(amount),
        ids=deals[roles.id] if roles.id in deals.columns else None,
        sellers=tuple(column for column in (roles.rep, roles.team) if column is not None),
        horizon=float(spec.label.horizon_months),
        before_closing=frozenset(columns_of(spec)),
    )
