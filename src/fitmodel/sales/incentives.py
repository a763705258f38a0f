"""Commission that rewards customers who stay: a plan applied to past deals, exact to the cent.

plan + deals -> a ledger, in which each deal's entries sum to its nominal commission, and bonuses
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from fitmodel.deals.history import view_of
from fitmodel.deals.reading import read_deals_with_findings
from fitmodel.exceptions import DealsError
from fitmodel.learning.curve_fitting import fit_curve
from fitmodel.sales._bonus import COLUMNS, pay_bonus
from fitmodel.sales._deal_lines import make_lines, month_of
from fitmodel.sales._ledger import Ledger, PlanComparison, compare_plans, split_commission
from fitmodel.sales._payroll import pay_out, refuse_unknown_leavers, write_payroll
from fitmodel.sales._payroll_limits import limit_credit_notes
from fitmodel.sales.people import check_index, people_in
from fitmodel.sales.rates import expected_leavers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.learning.churn_curve import ChurnCurve
    from fitmodel.sales.plans import Plan

    Floats = NDArray[np.float64]

__all__ = [
    "Ledger",
    "PlanComparison",
    "compare_plans",
    "pay",
    "pay_bonus",
    "rows_of_customers",
    "write_payroll",
]


def pay(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    plan: Plan,
    probability: pd.Series[float] | None = None,
    *,
    rows: pd.DataFrame | None = None,
) -> Ledger:
    """Compute what a commission plan pays on past deals.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        Past deals, as read by ``read_deals``, with rep and amount; deals without an amount earn
        nothing and are left out of the ledger.
    spec : DealSpec
        Contract of the deals.
    plan : Plan
        The commission plan.
    probability : Series of float, optional
        Probability of early churn of each deal, to estimate how much of the pending commission will
        be earned; without it the company's survival curve is used.
    rows : DataFrame, optional
        The rows of the deals before the rows of each customer were combined, for plans that pay for
        upgrades, or that deduct credit notes where ``[rows] customer`` combines a customer's rows.

    Returns
    -------
    Ledger

    Raises
    ------
    DealsError
        If the contract names no rep or no amount, an amount is negative or infinite, a probability
        is missing, rows share an index, a bonus needs dates that are not there, or the plan names a
        rep who left and who sold none of these deals.

    Notes
    -----
    A deal that ended for another reason (exited_on) keeps the commission earned until then; the
    rest is withheld, although its customer is not counted as lost. A bonus also counts deals
    without an amount, because it depends on the number of customers and not on their size.

    Examples
    --------
    >>> from fitmodel.sales.plans import Plan
    >>> sim = fitmodel.simulate_deals(300, seed=1)
    >>> ledger = pay(sim.deals, sim.spec, Plan(commission_rate="0.1"))
    >>> set(ledger.reps.index) >= set(sim.deals["rep"])
    True
    """
    rep, amount = spec.deals.rep, spec.deals.amount
    if rep is None or amount is None:
        raise DealsError(
            "commission needs a rep and an amount. Remedy: name their columns under [deals]."
        )
    view = view_of(deals, spec)
    table = view.deals
    check_index(table)
    _check_amounts(table[amount], amount, plan)
    priced = table[amount].notna().to_numpy()
    priced_view = view.subset(priced)
    lines = make_lines(priced_view, plan, rows)
    refuse_unknown_leavers(plan, [*people_in(table, spec, "rep").dropna(), *lines["rep"].dropna()])
    at_signing = pd.Series(view.followup_months, view.index).loc[lines.index] - lines["months"]
    chances = chances_to_reach(view, spec, plan.ages, probability, since=at_signing)
    entries = limit_credit_notes(lines, _entries(plan, lines, chances))
    table = pd.concat([_signed(lines, spec), entries], axis=1)
    bonuses = _bonuses(view, plan, probability)
    payroll = pay_out(plan, lines, table, bonuses, view.extract_end)
    return Ledger(plan, table, bonuses, payroll, spec.words.money)


def needs_rows(plan: Plan, spec: DealSpec) -> bool:
    """Return whether a plan needs a customer's later rows, which are combined with its first."""
    if spec.rows.customer is None:
        return False
    combined = plan.upgrades == "increase" or plan.credit_notes == "deduct"
    return combined or plan.excluded_causes is not None


def rows_of_customers(source: Path, spec: DealSpec, plans: Sequence[Plan]) -> pd.DataFrame | None:
    """Read the rows of the deals before the rows of each customer are combined.

    Parameters
    ----------
    source : Path
        File of the deals.
    plans : sequence of Plan
        Commission plans.

    Returns
    -------
    DataFrame or None
        Rows for `pay`; None if no plan needs them.

    Raises
    ------
    DealsError
        If the deals cannot be read.
    """
    if not any(needs_rows(plan, spec) for plan in plans):
        return None
    spec_of_rows = spec.replace(rows={"customer": None})
    return read_deals_with_findings(source, spec_of_rows, to_learn=False).table


def _check_amounts(amounts: pd.Series[Any], name: str, plan: Plan) -> None:
    values = amounts.to_numpy(dtype=np.float64)
    wrong = np.isinf(values)
    if plan.credit_notes == "refuse":
        wrong |= values < 0
    if wrong.any():
        raise DealsError(
            f"{name}: {int(wrong.sum())} amount(s) are negative or infinite, e.g. "
            f"{values[wrong][0]:g} in row {amounts.index[wrong].tolist()[0]!r}. Remedy: a yearly "
            "contract value is 0 or more; leave it empty where it is not known. Where negative "
            'amounts are credit notes or refunds, write credit_notes = "deduct" in the plan.'
        )
    if np.isnan(values).all():
        raise DealsError(f"{name}: no deal has an amount, so no plan pays anything")


def _signed(lines: pd.DataFrame, spec: DealSpec) -> pd.DataFrame:
    """Return the id, the rep and the month of signing of each line."""
    table = pd.DataFrame(index=lines.index)
    if spec.deals.id is not None:
        table["deal"] = lines["deal"]
    table["rep"] = lines["rep"]
    table["month"] = [month_of(day) for day in lines["signed"]]
    return table


def _entries(plan: Plan, lines: pd.DataFrame, chances: pd.DataFrame) -> pd.DataFrame:
    rows = [
        split_commission(
            plan,
            line["nominal"],
            line["months"],
            left=line["left"],
            exited=line["exited"],  # False for an exit announced for a later day
            chances=cast("dict[int, float]", chance),
            excused=line["excused"],
        )
        for line, chance in zip(lines.to_dict("records"), chances.to_dict("records"), strict=True)
    ]
    return pd.DataFrame(rows, index=lines.index)


def _bonuses(view: HistoryView, plan: Plan, probability: pd.Series[float] | None) -> pd.DataFrame:
    if plan.bonus is None:
        return pd.DataFrame(columns=list(COLUMNS))
    if probability is None:
        probability = pd.Series(_company_rate(view), index=view.index)
    return pay_bonus(
        view,
        view.spec,
        plan.bonus.model_copy(update={"amount": plan.rounded(plan.bonus.amount)}),
        probability,
        earned_after_months=plan.earned_after_months,
        unit=plan.rounding.to,
    )


def chances_to_reach(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    ages: Sequence[int],
    probability: pd.Series[float] | None,
    *,
    since: pd.Series[float] | None = None,
) -> pd.DataFrame:
    """Return the probability that a customer who is still there reaches each age; a column per age.

    It is conditional on the time stayed, and computed from the customer's own curve
    (`fitmodel.learning.curve_fitting`), or from the company's if no probability is given. After the
    end of the curve nobody is assumed to leave.

    Parameters
    ----------
    deals, spec, probability
        As for `pay`.
    ages : sequence of int
        Ages in months.
    since : Series of float, optional
        Months from signing from which the ages are counted, such as those to an upgrade, by the
        index of the deals, which may occur more than once; default: from signing.

    Raises
    ------
    DealsError
        If a deal has no probability between 0 and 1.
    """
    view = view_of(deals, spec)
    since = pd.Series(0.0, view.index) if since is None else since
    positions = view.index.get_indexer(since.index)
    months, start = view.followup_months[positions], since.to_numpy()
    p = _probabilities(view.index, probability, _company_rate(view))[positions]
    if probability is None:
        survival = partial(_company_survival, view, p)
    else:
        curve = fit_curve(view, np.asarray(probability.loc[view.index]), spec.label.horizon_months)
        survival = partial(_own_survival, curve, p)
    now = np.maximum(survival(months), 1e-12)
    table = {age: np.minimum(survival(start + age) / now, 1.0) for age in ages}
    return pd.DataFrame(table, index=since.index)


def _own_survival(curve: ChurnCurve, p: Floats, months: Floats) -> Floats:
    """Return the survival of each customer at an age; constant after the end of the curve."""
    return curve.survival_at(p, np.minimum(months, curve.months))


def _company_survival(view: HistoryView, p: Floats, months: Any) -> Floats:
    """Return survival to the horizon by each probability, and by the company's curve after it."""
    curve, horizon = view.survival, float(view.spec.label.horizon_months)
    end = float(curve.times[-1])
    at_horizon = max(float(curve.at(min(horizon, end))), 1e-12)
    later = curve.at(np.clip(months, min(horizon, end), end)) / at_horizon
    survival: Floats = np.exp(-expected_leavers(p, months, curve, horizon)) * later
    return survival


def _company_rate(view: HistoryView) -> float:
    """Return the company's early churn, or what is known of it if no deal is that old yet."""
    curve, horizon = view.survival, float(view.spec.label.horizon_months)
    return 1 - float(curve.at(min(horizon, float(curve.times[-1]))))


def _probabilities(
    index: pd.Index[Any], probability: pd.Series[float] | None, company: float
) -> Floats:
    if probability is None:
        return np.full(len(index), company)
    p = np.asarray(probability.reindex(index), dtype=np.float64)
    wrong = ~((p >= 0) & (p <= 1))
    if wrong.any():
        raise DealsError(
            f"{int(wrong.sum())} deal(s) have no probability between 0 and 1, the first in row "
            f"{index[wrong].tolist()[0]!r}. Remedy: give one per deal, or none at all."
        )
    return p
