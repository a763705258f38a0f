"""Commission that rewards customers who stay: a plan, paid over history to the cent.

plan + deals -> a ledger, each deal's entries adding up to its nominal commission
             -> sums per rep; two plans compared on the same history
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.outcomes import kaplan_meier, outcomes
from fitmodel.exceptions import DealsError
from fitmodel.sales.people import check_index, names_of
from fitmodel.sales.rates import expected_leavers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.survival import SurvivalCurve
    from fitmodel.sales.plans import Plan

CENT = Decimal("0.01")
MONEY = ("nominal", "earned", "withheld", "pending", "paid_at_signing", "clawed_back")


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
    before, after : str
        Names of the plans.
    earned_before, earned_after : Decimal
        Earned so far under either.
    pending_before, pending_after : Decimal
        Not decided yet under either.
    to_lost_before, to_lost_after : Decimal
        Of the earned, for customers who left within `months`.
    months : int
        The later of the two plans' ages.
    """

    before: str
    after: str
    earned_before: Decimal
    earned_after: Decimal
    pending_before: Decimal
    pending_after: Decimal
    to_lost_before: Decimal
    to_lost_after: Decimal
    months: int

    def __str__(self) -> str:
        less = self.to_lost_before - self.to_lost_after
        change = "would not have been paid" if less >= 0 else "would have been paid besides"
        where = "that went" if less >= 0 else "more"
        return (
            f"under {self.after}, {abs(less):,.2f} {where} to deals lost within {self.months} "
            f"months {change}; earned {self.earned_after:,.2f} and pending "
            f"{self.pending_after:,.2f}, under {self.before} earned {self.earned_before:,.2f} and "
            f"pending {self.pending_before:,.2f}"
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
        If the contract names no rep or no amount, an amount is negative or infinite, a probability
        is missing, or rows share an index.

    Notes
    -----
    A deal that ended for another reason (exited_on) keeps what it has earned by then; the rest is
    withheld, though its customer is not counted as lost.
    """
    rep, amount = spec.deals.rep, spec.deals.amount
    if rep is None or amount is None:
        raise DealsError(
            "commission needs a rep and an amount. Remedy: name their columns under [deals]."
        )
    check_index(deals)
    _check_amounts(deals[amount], amount)
    kept = deals[deals[amount].notna()]
    found = outcomes(deals, spec).loc[kept.index]
    chances = _chances(deals, spec, plan, probability).loc[kept.index]
    exited = _exited(kept, spec)
    rows = [
        _entry(plan, Decimal(str(value)), age, bool(gone), over, chance)
        for value, age, gone, over, chance in zip(
            kept[amount].tolist(),
            found["followup_months"].tolist(),
            found["left"].tolist(),
            exited.tolist(),
            chances.to_dict("records"),
            strict=True,
        )
    ]
    ledger = pd.DataFrame(rows, index=kept.index)
    ledger.insert(0, "rep", names_of(kept[rep]).fillna("(no name)"))
    return Ledger(plan, ledger)


def _check_amounts(amounts: pd.Series[Any], name: str) -> None:
    values = amounts.to_numpy(dtype=np.float64)
    wrong = np.isinf(values) | (values < 0)
    if wrong.any():
        raise DealsError(
            f"{name}: {int(wrong.sum())} amount(s) are negative or infinite, e.g. "
            f"{values[wrong][0]:g}. Remedy: a yearly contract value is 0 or more; leave it empty "
            "where it is not known."
        )
    if np.isnan(values).all():
        raise DealsError(f"{name}: no deal has an amount, so no plan pays anything")


def _exited(deals: pd.DataFrame, spec: DealSpec) -> pd.Series[bool]:
    """Deals that ended for another reason than the customer's leaving: nothing more will come."""
    column = spec.deals.exited_on
    if column is None:
        return pd.Series(data=False, index=deals.index)
    return deals[column].notna()


def compare_plans(before: Ledger, after: Ledger) -> PlanComparison:
    """Compare what two plans pay on the same deals.

    Raises
    ------
    DealsError
        If the ledgers are not of the same deals.
    """
    if not before.deals.index.equals(after.deals.index):
        raise DealsError("the two ledgers are not of the same deals")
    # whoever left before the later age was lost to the plan that asks for more
    lost = before.deals["left_early"] | after.deals["left_early"]
    return PlanComparison(
        before=before.plan.name,
        after=after.plan.name,
        earned_before=_total(before.deals["earned"]),
        earned_after=_total(after.deals["earned"]),
        pending_before=_total(before.deals["pending"]),
        pending_after=_total(after.deals["pending"]),
        to_lost_before=_total(before.deals.loc[lost, "earned"]),
        to_lost_after=_total(after.deals.loc[lost, "earned"]),
        months=max(before.plan.earned_after_months, after.plan.earned_after_months),
    )


def _total(amounts: pd.Series[Any]) -> Decimal:
    return sum(amounts, Decimal(0))


def _entry(
    plan: Plan,
    amount: Decimal,
    months: float,
    left: bool,
    exited: bool,
    chances: dict[Any, float],
) -> dict[str, Any]:
    """Split one deal's commission; the parts add up to the cent."""
    nominal = _cents(amount * plan.commission_rate)
    earned = _cents(nominal * plan.share_at(months, left=left))
    short = not plan.reached(plan.earned_after_months, months, left=left)
    early, over = left and short, (left or exited) and short
    withheld = nominal - earned if over else Decimal(0)
    paid = _cents(nominal * plan.paid_at_signing)
    pending = nominal - earned - withheld
    return {
        "left_early": early,
        "nominal": nominal,
        "earned": earned,
        "withheld": withheld,
        "pending": pending,
        "paid_at_signing": paid,
        "clawed_back": max(paid - earned, Decimal(0)) if over else Decimal(0),
        "expected": float(nominal) * _expected_share(plan, months, chances) if pending else 0.0,
    }


def _expected_share(plan: Plan, months: float, chances: dict[Any, float]) -> float:
    """Sum the steps still to come, each times the chance that the customer reaches it."""
    before, total = float(plan.share_at(months, left=False)), 0.0
    for step, share in _steps(plan):
        if share > before and not plan.reached(step, months, left=False):
            total += (share - before) * chances[step]
            before = share
    return total


def _steps(plan: Plan) -> list[tuple[int, float]]:
    """Ages at which something is earned, with the share earned by then."""
    tiers = [(tier.months, float(tier.share)) for tier in plan.tiers]
    return sorted([*tiers, (plan.earned_after_months, 1.0)])


def _sums(rows: pd.DataFrame) -> dict[str, Any]:
    exact = {name: sum(rows[name], Decimal(0)) for name in MONEY}
    return exact | {"expected": float(rows["expected"].sum())}


def _cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, rounding=ROUND_HALF_EVEN)


def _chances(
    deals: pd.DataFrame, spec: DealSpec, plan: Plan, probability: pd.Series[float] | None
) -> pd.DataFrame:
    """Chance of each deal still there to reach each age of the plan, a column per age.

    Up to the horizon by the deal's own probability, beyond it by the company's survival curve.
    """
    found = outcomes(deals, spec)
    months = found["followup_months"].to_numpy(dtype=np.float64)
    curve = kaplan_meier(months, found["left"].to_numpy(dtype=bool))
    horizon = float(spec.label.horizon_months)
    p = _probabilities(deals, probability, 1 - float(curve.at(horizon)))
    gone_by_now = expected_leavers(p, months, curve, horizon)
    table = {}
    for step, _ in _steps(plan):
        gone_by_then = expected_leavers(p, np.full(len(deals), float(step)), curve, horizon)
        later = [_survival_between(curve, max(age, horizon), step) for age in months]
        table[step] = np.exp(-np.maximum(gone_by_then - gone_by_now, 0)) * np.array(later)
    return pd.DataFrame(table, index=deals.index)


def _probabilities(
    deals: pd.DataFrame, probability: pd.Series[float] | None, company: float
) -> NDArray[np.float64]:
    if probability is None:
        return np.full(len(deals), company)
    p = np.asarray(probability.reindex(deals.index), dtype=np.float64)
    wrong = ~((p >= 0) & (p <= 1))
    if wrong.any():
        raise DealsError(
            f"{int(wrong.sum())} deal(s) have no probability between 0 and 1, the first in row "
            f"{deals.index[wrong][0]!r}. Remedy: give one per deal, or none at all."
        )
    return p


def _survival_between(curve: SurvivalCurve, start: float, end: float) -> float:
    """Share of those there at `start` who are there at `end`."""
    if end <= start:
        return 1.0
    return float(curve.at(end)) / max(float(curve.at(start)), 1e-12)
