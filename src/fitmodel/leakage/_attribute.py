"""One attribute as the leakage audit sees it, and one finding on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fitmodel.leakage.crm_names import goes_on_changing
from fitmodel.leakage.names import tells_of_later
from fitmodel.leakage.statistics import Limited, groups_of, numbers_of, separation

if TYPE_CHECKING:
    import pandas as pd

    from fitmodel.leakage._attribute_history import History
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
    """

    attribute: str
    kind: str
    verdict: Verdict
    evidence: str
    remedy: str


@dataclass(frozen=True)
class Telling:
    """How far something alone tells an outcome: AUC, its lower limit, and between whom."""

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
    """

    name: str
    column: pd.Series[Any]
    is_date: bool
    groups: Codes
    tells: Telling

    @classmethod
    def of(cls, name: Any, history: History) -> Attribute:
        """Measure an attribute against both outcomes."""
        column = history.attributes[name]
        groups = groups_of(column)
        return cls(str(name), column, name in history.dates, groups, telling(groups, history))

    @cached_property
    def numbers(self) -> Floats | None:
        """As numbers; None where it is no number."""
        return numbers_of(self.column)

    @cached_property
    def empty(self) -> Mask:
        """Which deals have no value."""
        return np.asarray(self.groups == 0)

    @cached_property
    def suspicion(self) -> Literal["surely", "maybe", "no"]:
        """What its name says of when it was learned."""
        told = tells_of_later(self.name)
        return "maybe" if told == "no" and self.goes_on_changing else told

    @cached_property
    def goes_on_changing(self) -> bool:
        """Whether its name is of what a CRM writes anew while a deal goes on."""
        return goes_on_changing(self.name)

    @property
    def enough(self) -> float:
        """Lower limit of an AUC from which it is a leak, given its name."""
        return {"surely": SURELY_TELLS, "maybe": MAYBE_TELLS, "no": DECIDES}[self.suspicion]

    def finding(
        self, kind: str, verdict: Verdict, evidence: str, remedy: str | None = None
    ) -> Finding:
        """Say something of it, with the remedy: the verdict's, or one of its own."""
        usual = {
            "stop": f'add "{self.name}" to [attributes] exclude',
            "warn": "make sure that it is known before signing, and used on purpose",
            "fine": "",
        }[verdict]
        return Finding(self.name, kind, verdict, evidence, usual if remedy is None else remedy)


def telling(groups: Codes, history: History) -> Telling:
    """How far groups tell leaving early or having left, whichever they tell better."""
    known = np.isfinite(history.early)
    early = Limited(0.5, 0.0)
    if known.any():
        early = separation(groups[known], history.early[known], history.cohort[known])
    left = separation(groups, history.left.astype(float), history.cohort)
    if early.low >= left.low:
        return Telling(*early, "early churners")
    return Telling(*left, "customers who have left")
