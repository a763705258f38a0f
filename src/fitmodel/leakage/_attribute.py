"""Data of the leakage audit: deals with outcomes, one attribute, and one finding."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fitmodel.crm.columns import columns_of
from fitmodel.deals.history import view_of
from fitmodel.leakage.names import is_updated_by_crm, suggests_later
from fitmodel.leakage.statistics import Estimate, cohorts_of, groups_by, numbers_of, separation

if TYPE_CHECKING:
    import pandas as pd

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.leakage.statistics import Codes, Floats, Mask


Verdict = Literal["stop", "warn", "fine"]

# An attribute is a leak if the lower limit of its own AUC is above this value. The value is smaller
# if its name suggests that it is known only after closing.
MIN_LEAK_AUC = 0.92
MIN_AUC_MAYBE_LATER, MIN_AUC_SURELY_LATER = 0.75, 0.6


@dataclass(frozen=True)
class Finding:
    """One finding of the audit on an attribute.

    Attributes
    ----------
    kind : str
        Kind of the finding, such as "filled in later"; "none" if nothing was found.
    verdict : {"stop", "warn", "fine"}
        Whether the attribute stops training, deserves a warning, or is fine.
    evidence : str
        What was observed, with numbers.
    remedy : str
        What the user can do about it.
    silenced : str
        Reason from [checks] of the contract if the finding is silenced; its verdict is then "fine".
    """

    attribute: str
    kind: str
    verdict: Verdict
    evidence: str
    remedy: str
    silenced: str = ""

    @property
    def source(self) -> str:
        """Source of the finding, for `fitmodel.checks.registry.code_of`."""
        return f"leakage:{self.kind}"


@dataclass(frozen=True)
class Separation:
    """How well one attribute alone separates an outcome: AUC, its lower limit, and who."""

    auc: float
    low: float
    whom: str

    def __str__(self) -> str:
        certainty = f"AUC {self.auc:.2f} (at least {self.low:.2f})"
        return f"alone separates {self.whom} from the others with {certainty}"


@dataclass(frozen=True, eq=False)
class Attribute:
    """One attribute of all deals.

    `column`, Series of shape (n,): its values; dates are days before closing.
    `groups`, ndarray of int of shape (n,): group of each deal: a twentieth of the numbers or a
        level of the category; 0 if empty.
    `strength`: how well the groups separate early churners, or customers that have left, whichever
        they separate better.
    `numbers`, shape (n,), or None: the values as numbers; None if it is not a number.
    `recorded_before`: whether it was computed from rows recorded before closing. Its name is then
        ignored.
    """

    name: str
    column: pd.Series[Any]
    is_date: bool
    groups: Codes
    strength: Separation
    numbers: Floats | None = None
    recorded_before: bool = False

    @classmethod
    def of(cls, name: Any, history: History) -> Attribute:
        """Return an attribute of the deals with its strength measured."""
        column = history.attributes[name]
        numbers = history.numbers.get(str(name))
        groups = groups_by(column, numbers)
        recorded = name in history.recorded_before
        strength = best_separation(groups, history)
        return cls(str(name), column, name in history.dates, groups, strength, numbers, recorded)

    @cached_property
    def empty(self) -> Mask:
        """Mask of the deals without a value."""
        return np.asarray(self.groups == 0)

    @cached_property
    def later_by_name(self) -> Literal["surely", "maybe", "no"]:
        """Whether the name suggests that the value is known only after closing."""
        if self.recorded_before:
            return "no"
        certainty = suggests_later(self.name)
        return "maybe" if certainty == "no" and self.is_updated_by_crm else certainty

    @cached_property
    def is_updated_by_crm(self) -> bool:
        """Whether the name is that of a field which a CRM overwrites after signing."""
        return not self.recorded_before and is_updated_by_crm(self.name)

    @property
    def leak_limit(self) -> float:
        """The attribute is a leak if the lower limit of its AUC is above this; see its name."""
        limit_by_certainty = {
            "surely": MIN_AUC_SURELY_LATER,
            "maybe": MIN_AUC_MAYBE_LATER,
            "no": MIN_LEAK_AUC,
        }
        return limit_by_certainty[self.later_by_name]

    def finding(
        self, kind: str, verdict: Verdict, evidence: str, remedy: str | None = None
    ) -> Finding:
        """Return a finding on this attribute; by default with the usual remedy of the verdict."""
        default_remedy = {
            "stop": f'add "{self.name}" to [attributes] exclude',
            "warn": "make sure that it is known before signing, and used on purpose",
            "fine": "",
        }[verdict]
        return Finding(
            self.name, kind, verdict, evidence, default_remedy if remedy is None else remedy
        )


def best_separation(groups: Codes, history: History) -> Separation:
    """Return how well groups separate early churners or all leavers, whichever is better."""
    known = np.isfinite(history.early)
    early = Estimate(0.5, 0.0)
    if known.any():
        early = separation(groups[known], history.early[known], history.cohort[known])
    left = separation(groups, history.left.astype(float), history.cohort)
    if early.low >= left.low:
        return Separation(*early, "early churners")
    return Separation(*left, "customers who have left")


MAX_DEALS = 50_000
# A group is bound by a contract term if at least 20 of it left, and the first 5% of these left
# later than 1.5 horizons after closing.
MIN_LEFT, FIRST_SHARE, MIN_DELAY = 20, 0.05, 1.5


@dataclass(frozen=True, eq=False)
class History:
    """Deals with their attributes and outcomes.

    `attributes`, DataFrame of shape (n, attributes): the attributes; dates are days before closing.
    `early`, shape (n,): 1.0 left early, 0.0 stayed longer, NaN unknown, not mature, or signed
        before ``observed_from`` (the label would be selected). Young deals have a known label only
        if they left. With them, every new value would seem to decide the outcome.
    `left`, ndarray of bool of shape (n,): whether the customer has left by now.
    `months`, shape (n,): months that the customer has stayed so far.
    `cohort`, ndarray of int of shape (n,): cohort of deals closed about the same time; the same for
        all if closing dates are unknown.
    `days_observed`, shape (n,), or None: days from closing to the end of the extract; None if
        closing dates are unknown.
    `amount`, shape (n,), or None: the column of the role `amount` as numbers.
    `ids`, Series of shape (n,), or None: the column of the role `id`.
    `sellers`: names of the columns of the roles `rep` and `team`.
    `horizon`: months within which leaving is early.
    `recorded_before`: names of attributes computed from rows recorded before closing; their names
        are ignored.
    """

    attributes: pd.DataFrame
    dates: tuple[str, ...]
    early: Floats
    left: Mask
    months: Floats
    cohort: Codes
    days_observed: Floats | None
    amount: Floats | None
    ids: pd.Series[Any] | None
    sellers: tuple[str, ...]
    horizon: float
    recorded_before: frozenset[str] = frozenset()

    @property
    def churned_early(self) -> Mask:
        """Mask of the mature deals whose customer left early."""
        return np.asarray(self.early == 1.0)

    @cached_property
    def numbers(self) -> dict[str, Floats]:
        """The numeric attributes as numbers, by name."""
        columns = {str(name): numbers_of(self.attributes[name]) for name in self.attributes}
        return {name: numbers for name, numbers in columns.items() if numbers is not None}

    def is_bound_by_term(self, group: Mask) -> bool:
        """Return whether a contract term seems to prevent a group from leaving early.

        This is so if customers of the group leave, but all of them long after the horizon. A field
        that is filled in only for customers who stay looks similar, but then some leave soon after
        the horizon.
        """
        months = self.months[group & self.left]
        if len(months) < MIN_LEFT:
            return False
        return float(np.quantile(months, FIRST_SHARE)) > MIN_DELAY * self.horizon


def history_of(deals: pd.DataFrame | HistoryView, spec: DealSpec) -> History:
    """Return attributes and outcomes of deals; of more than 50,000 deals a random sample.

    Raises DealsError if outcomes cannot be computed, or an attribute is a date but the deals have
    no closing date.
    """
    view = view_of(deals, spec)
    if len(view) > MAX_DEALS:
        sample = np.random.default_rng(0).choice(len(view), MAX_DEALS, replace=False)
        view = view.subset(np.sort(sample))
    cohort, days_observed = np.zeros(len(view), dtype=np.int64), None
    if view.closed is not None:
        cohort = cohorts_of(view.closed)
        days_observed = (view.extract_end - view.closed).astype(float)
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
        days_observed=days_observed,
        amount=None if amount is None else numbers_of(amount),
        ids=deals[roles.id] if roles.id in deals.columns else None,
        sellers=tuple(column for column in (roles.rep, roles.team) if column is not None),
        horizon=float(spec.label.horizon_months),
        recorded_before=frozenset(columns_of(spec)),
    )
