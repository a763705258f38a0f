"""Commission that rewards customers who stay: a plan, paid over history to the cent.

plan + deals -> a ledger, each deal's entries adding up to its nominal commission
             -> sums per rep; two plans compared on the same history
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fitmodel.deals.outcomes import kaplan_meier, outcomes
from fitmodel.exceptions import DealsError, SpecError
from fitmodel.sales.rates import expected_leavers

if TYPE_CHECKING:
    from pathlib import Path

    from fitmodel.deals.contract import DealSpec

CENT = Decimal("0.01")
MONEY = ("nominal", "earned", "withheld", "pending", "paid_at_signing", "clawed_back")
Share = Annotated[Decimal, Field(ge=0, le=1)]


class Tier(BaseModel):
    """A share of the commission that is earned once the customer has stayed some months."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    months: Annotated[int, Field(ge=1)]
    share: Share


class Plan(BaseModel):
    """A commission plan.

    Parameters
    ----------
    commission_rate : Decimal
        Share of the yearly contract value.
    earned_after_months : int
        Age a customer must reach for the whole commission to be earned; 0: at signing.
    tiers : tuple of Tier
        Shares earned on the way there.
    paid_at_signing : Decimal
        Share paid in advance; what of it is not earned in the end is clawed back.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "plan"
    commission_rate: Share
    earned_after_months: Annotated[int, Field(ge=0)] = 5
    tiers: tuple[Tier, ...] = ()
    paid_at_signing: Share = Decimal(0)

    @model_validator(mode="after")
    def _tiers_rise(self) -> Plan:
        steps = [(tier.months, tier.share) for tier in self.tiers]
        rising = all(a[0] < b[0] and a[1] <= b[1] for a, b in pairwise(steps))
        if not rising or any(months >= self.earned_after_months for months, _ in steps):
            raise ValueError(
                "tiers must rise in months and share and lie before earned_after_months"
            )
        return self

    def reached(self, age: int, months: float, *, left: bool) -> bool:
        """Whether an age is reached: who left on the very day has left early, as in training."""
        return age == 0 or (months > age if left else months >= age)

    def share_at(self, months: float, *, left: bool) -> Decimal:
        """Share earned by a customer who has stayed, or left after, so many months."""
        if self.reached(self.earned_after_months, months, left=left):
            return Decimal(1)
        shares = (t.share for t in self.tiers if self.reached(t.months, months, left=left))
        return max(shares, default=Decimal(0))


def read_plan(path: Path) -> Plan:
    """Read a plan from toml.

    Raises
    ------
    SpecError
        If there is no such file, or it is no plan; the message names the key.
    """
    try:
        return Plan(**tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal))
    except FileNotFoundError as error:
        raise SpecError(f"there is no plan {path}. Remedy: write one in toml.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpecError(f"{path} is not valid toml: {error}") from error
    except ValidationError as error:
        found = error.errors(include_url=False)
        lines = [f"  {'.'.join(map(str, item['loc'])) or 'plan'}: {item['msg']}" for item in found]
        raise SpecError(f"{path} is no commission plan:\n" + "\n".join(lines)) from error


@dataclass(frozen=True, eq=False)
class Ledger:
    """What a plan pays over a history of deals.

    Parameters
    ----------
    plan : Plan
    deals : DataFrame
        One row per deal with an amount: `rep`, `left_early` (before the plan's age), and Decimal
        columns `nominal` = `earned` + `withheld` + `pending`; `paid_at_signing`, and what of it is
        `clawed_back`; `expected` (float), what the pending is likely to bring.
    """

    plan: Plan
    deals: pd.DataFrame

    @property
    def reps(self) -> pd.DataFrame:
        """Sums per rep, to the cent, and of all in the last row."""
        parts = {str(name): rows for name, rows in self.deals.groupby("rep", sort=True)}
        return pd.DataFrame.from_dict(
            {name: _sums(rows) for name, rows in [*parts.items(), ("all", self.deals)]},
            orient="index",
        )


@dataclass(frozen=True)
class PlanComparison:
    """Two plans on the same history.

    Parameters
    ----------
    paid_before, paid_after : Decimal
        Earned under either plan.
    to_lost_before, to_lost_after : Decimal
        Of that, for customers who left before the second plan's age.
    """

    paid_before: Decimal
    paid_after: Decimal
    to_lost_before: Decimal
    to_lost_after: Decimal
    months: int
    name: str

    def __str__(self) -> str:
        less = self.to_lost_before - self.to_lost_after
        return (
            f"under {self.name}, {less:,.2f} that went to deals lost within {self.months} months "
            f"would not have been paid (earned {self.paid_after:,.2f} instead of "
            f"{self.paid_before:,.2f})"
        )


def pay(
    deals: pd.DataFrame, spec: DealSpec, plan: Plan, probability: pd.Series[float] | None = None
) -> Ledger:
    """Pay a plan over history.

    Parameters
    ----------
    deals : DataFrame
        As read by ``read_deals``, with rep and amount; deals without an amount earn nothing and
        are left out.
    spec : DealSpec
    plan : Plan
    probability : Series of float, optional
        Of early churn, to say what pending commissions are likely to bring; else the company's
        survival curve says it.

    Raises
    ------
    DealsError
        If the contract names no rep or no amount.
    """
    rep, amount = spec.deals.rep, spec.deals.amount
    if rep is None or amount is None:
        raise DealsError(
            "commission needs a rep and an amount. Remedy: name their columns under [deals]."
        )
    kept = deals[deals[amount].notna()]
    found = outcomes(deals, spec).loc[kept.index]
    stays = _stays(deals, spec, plan, probability).loc[kept.index]
    months, left = found["followup_months"].tolist(), found["left"].tolist()
    rows = [
        _entry(plan, Decimal(str(value)), age, bool(gone), chance)
        for value, age, gone, chance in zip(
            kept[amount].tolist(), months, left, stays.tolist(), strict=True
        )
    ]
    ledger = pd.DataFrame(rows, index=kept.index)
    ledger.insert(0, "rep", kept[rep].astype("str").fillna("(no name)"))
    return Ledger(plan, ledger)


def compare_plans(before: Ledger, after: Ledger) -> PlanComparison:
    """Compare what two plans pay on the same deals.

    Raises
    ------
    DealsError
        If the ledgers are not of the same deals.
    """
    if not before.deals.index.equals(after.deals.index):
        raise DealsError("the two ledgers are not of the same deals")
    lost = after.deals["left_early"]
    paid = [sum(ledger.deals["earned"], Decimal(0)) for ledger in (before, after)]
    to_lost = [sum(ledger.deals.loc[lost, "earned"], Decimal(0)) for ledger in (before, after)]
    return PlanComparison(
        paid[0], paid[1], to_lost[0], to_lost[1], after.plan.earned_after_months, after.plan.name
    )


def _entry(plan: Plan, amount: Decimal, months: float, left: bool, chance: float) -> dict[str, Any]:
    """Split one deal's commission; the parts add up to the cent."""
    nominal = _cents(amount * plan.commission_rate)
    earned = _cents(nominal * plan.share_at(months, left=left))
    early = left and not plan.reached(plan.earned_after_months, months, left=left)
    withheld = nominal - earned if early else Decimal(0)
    paid = _cents(nominal * plan.paid_at_signing)
    pending = nominal - earned - withheld
    return {
        "left_early": early,
        "nominal": nominal,
        "earned": earned,
        "withheld": withheld,
        "pending": pending,
        "paid_at_signing": paid,
        "clawed_back": max(paid - earned, Decimal(0)) if early else Decimal(0),
        "expected": float(pending) * chance,
    }


def _sums(rows: pd.DataFrame) -> dict[str, Any]:
    exact = {name: sum(rows[name], Decimal(0)) for name in MONEY}
    return exact | {"expected": float(rows["expected"].sum())}


def _cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, rounding=ROUND_HALF_EVEN)


def _stays(
    deals: pd.DataFrame, spec: DealSpec, plan: Plan, probability: pd.Series[float] | None
) -> pd.Series[float]:
    """Chance that a customer still there reaches the plan's age (at most the horizon)."""
    found = outcomes(deals, spec)
    months = found["followup_months"].to_numpy(dtype=np.float64)
    curve = kaplan_meier(months, found["left"].to_numpy(dtype=bool))
    horizon = float(spec.label.horizon_months)
    company = 1 - float(curve.at(horizon))
    p = np.full(len(deals), company) if probability is None else probability.loc[deals.index]
    age = np.full(len(deals), float(plan.earned_after_months))
    to_come = expected_leavers(p, age, curve, horizon) - expected_leavers(p, months, curve, horizon)
    return pd.Series(np.exp(-np.maximum(to_come, 0)), index=deals.index)
