"""Ledger of a commission plan: amounts per deal and their sums per rep and month."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fitmodel.sales.plans import Plan


MONEY = ("nominal", "earned", "withheld", "pending", "paid_at_signing", "clawed_back")
PAYROLL = ("month", "rep", "kind", "deal", "amount")
BONUS = ("bonus", "bonus_pending")
ALL = "all"
SUMMED: dict[str, Any] = {
    "deals": 0,
    **dict.fromkeys((*MONEY, *BONUS), Decimal(0)),
    "expected": 0.0,
    "bonus_expected": 0.0,
}
"""What is added up, and what the sum starts from."""


@dataclass(frozen=True, eq=False)
class Ledger:
    """Payments of a plan over a history of deals.

    Parameters
    ----------
    plan : Plan
    deals : DataFrame
        One row per deal with an amount: its `deal` (id, where the contract names one), `rep`,
        `month` signed ("2026-03"; empty without dates), `left_early` (before the plan's age), and
        Decimal columns `nominal` = `earned` + `withheld` + `pending`; `paid_at_signing`, and what
        of it is `clawed_back`; `expected` (float), what the pending is likely to bring.
    bonuses : DataFrame
        One row per period and rep: `period`, `month` (its last), `rep`, `took_part` (reps with
        enough evidence), `signed`, `tested` (of them: came to a renewal or reached the plan's age),
        `renewed` (of the tested), `expected_renewals` (of such customers), `renewal_rate`, `score`
        (renewed over expected; NaN with too little evidence), `outcome` (see
        `fitmodel.sales.bonus.pay_bonus`), the Decimals `bonus` (decided) and `bonus_pending` (as it
        stands), and `bonus_expected` (float).
        Empty where the plan has none.
    payroll : DataFrame
        One row per amount: `month` in which it is paid or taken back ("2026-03"), `rep`, `kind`
        (see `fitmodel.sales.payroll.pay_out`), `deal` (empty for amounts that are of no single
        deal) and `amount` (Decimal). Empty where the deals have no dates.
    """

    plan: Plan
    deals: pd.DataFrame
    bonuses: pd.DataFrame
    payroll: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(PAYROLL)))

    @property
    def payroll_by_month(self) -> pd.DataFrame:
        """Payments to each rep in each payroll month, by kind, and in total."""
        kinds = sorted(set(self.payroll["kind"]))
        rows: dict[tuple[str, str], dict[str, Decimal]] = {}
        for row in self.payroll.to_dict("records"):
            sums = rows.setdefault((row["month"], row["rep"]), dict.fromkeys(kinds, Decimal(0)))
            sums[row["kind"]] += row["amount"]
        table = [sums | {"total": sum(sums.values(), Decimal(0))} for sums in rows.values()]
        index = pd.MultiIndex.from_tuples(list(rows), names=["month", "rep"])
        return pd.DataFrame(table, index, columns=[*kinds, "total"]).sort_index()

    @property
    def reps(self) -> pd.DataFrame:
        """Sums per rep, to the cent, and of all in the last row."""
        return self._summed(["rep"])

    @property
    def months(self) -> pd.DataFrame:
        """Sums per month in which the deals were signed, and of all in the last row."""
        return self._summed(["month"])

    @property
    def reps_by_month(self) -> pd.DataFrame:
        """Sums per rep and month signed, and of all in the last row."""
        return self._summed(["rep", "month"])

    @property
    def total(self) -> pd.Series[Any]:
        """Sums of all."""
        return self.reps.iloc[-1]

    def _summed(self, keys: list[str]) -> pd.DataFrame:
        lines = self._lines()
        sums = lines.groupby(keys, sort=True)[list(SUMMED)].sum()
        whole = pd.DataFrame([{name: sum(lines[name], start) for name, start in SUMMED.items()}])
        whole = whole.assign(**dict.fromkeys(keys, ALL)).set_index(keys)
        return pd.concat([sums.astype(whole.dtypes), whole])

    def _lines(self) -> pd.DataFrame:
        """Deals and bonuses in one table; columns of only one kind are empty in the other."""
        deals = self.deals.assign(**SUMMED | {"deals": 1} | _of(self.deals))
        bonuses = self.bonuses.assign(**SUMMED | _of(self.bonuses))
        columns = ["rep", "month", *SUMMED]
        return pd.concat([frame[columns] for frame in (deals, bonuses) if len(frame)])


def _of(frame: pd.DataFrame) -> dict[str, Any]:
    """The frame's own columns among those that are added up."""
    return {name: frame[name] for name in SUMMED if name in frame.columns}


CENT = Decimal("0.01")


def cents(value: Decimal) -> Decimal:
    """Round to the cent, halves to the even one."""
    return value.quantize(CENT, rounding=ROUND_HALF_EVEN)


def split_commission(
    plan: Plan,
    amount: Decimal,
    months: float,
    *,
    left: bool,
    exited: bool,
    chances: Mapping[int, float],
    nominal: Decimal | None = None,
    excused: bool = False,
) -> dict[str, Any]:
    """Split one deal's commission; the parts add up to the cent.

    Parameters
    ----------
    plan : Plan
    amount : Decimal
        Yearly contract value.
    months : float
        How long the customer has been watched, or stayed until it left.
    left, exited : bool
        Whether it left, or the deal ended for another reason.
    chances : mapping of int to float
        Chance that it reaches each age of the plan; read only where something is pending.
    nominal : Decimal, optional
        The whole commission, where it is not the plan's rate times the amount (accelerators,
        splits). A negative one is that of a credit note: all of it is due at once.
    excused : bool
        Whether it left for a cause that the plan excludes: then all is earned.

    Returns
    -------
    dict
        `left_early`, the Decimals `nominal` = `earned` + `withheld` + `pending`,
        `paid_at_signing`, `clawed_back`, and `expected`, what the pending is likely to bring.
    """
    nominal = plan.rounded(amount * plan.commission_rate) if nominal is None else nominal
    young = not plan.reached(plan.earned_after_months, months, left=left)
    # a deal of no value is lost like any other; a credit note is no deal
    early, short = left and young and nominal >= 0 and not excused, young and nominal > 0
    over = (left or exited) and short
    earned = plan.rounded(nominal * plan.share_at(months, left=left)) if short else nominal
    if over:
        earned = max(earned, plan.rounded(Fraction(nominal) * plan.share_of_months(months)))
    if over and excused:
        earned = nominal
    withheld = nominal - earned if over else Decimal(0)
    paid = plan.rounded(nominal * plan.paid_at_signing) if nominal > 0 else Decimal(0)
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


def _expected_share(plan: Plan, months: float, chances: Mapping[int, float]) -> float:
    """Sum the steps still to come, each times the chance that the customer reaches it."""
    before, total = float(plan.share_at(months, left=False)), 0.0
    for step, share in plan.steps:
        if share > before and not plan.reached(step, months, left=False):
            total += (share - before) * chances[step]
            before = share
    return total
