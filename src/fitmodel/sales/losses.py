"""Cost of early churn in the last twelve months: money spent and margin not earned.

The two are not added up: a customer that stays has to be won and onboarded too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.deals.history import view_of
from fitmodel.deals.roles import yearly_amounts
from fitmodel.sales.rates import NORMAL_95

if TYPE_CHECKING:
    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.decision.value import Money

MONTHS = 12


@dataclass(frozen=True)
class YearlyLoss:
    """What the customers cost who left early in a year.

    Parameters
    ----------
    since, until : Timestamp
        First and last day.
    customers, priced : int
        Who left early in that time, and those of them with a known amount; margin and commission
        are of the latter only.
    acquisition, onboarding, support, commission : float
        Spent on them.
    margin : float
        That they brought before they left.
    net, net_low, net_high : float
        Spent less brought. The limits say what chance could make of a year like it (95 %).
    missed, missed_low, missed_high : float
        Margin that they would have brought had they stayed for the lifetime of a customer that
        stays.
    """

    since: pd.Timestamp
    until: pd.Timestamp
    customers: int
    priced: int
    acquisition: float
    onboarding: float
    support: float
    commission: float
    margin: float
    net: float
    net_low: float
    net_high: float
    missed: float
    missed_low: float
    missed_high: float


def compute_yearly_loss(
    deals: pd.DataFrame | HistoryView, spec: DealSpec, money: Money
) -> YearlyLoss | None:
    """Add up what the customers cost who left early in the last twelve months.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        As read by ``read_deals``.
    spec : DealSpec
    money : Money

    Returns
    -------
    YearlyLoss or None
        None where the contract has no dates.

    Notes
    -----
    How many leave in a year is taken for Poisson; a sum over them then has the variance of its
    squares' sum, and the limits are the normal ones.
    """
    view = view_of(deals, spec)
    if view.closed is None or not len(view) or spec.deals.amount is None:
        return None
    end = pd.Timestamp(view.extract_end)
    since = end - pd.DateOffset(months=MONTHS) + pd.Timedelta(days=1)
    here = (view.early_churn == 1) & (view.left_on >= since.to_datetime64())
    stayed = view.followup_months[here]
    amount = yearly_amounts(view.deals, spec)[here].to_numpy()
    yearly = np.nan_to_num(amount)
    parts = {
        "acquisition": money.cost("acquisition_cost", yearly),
        "onboarding": money.cost("onboarding_cost", yearly),
        "support": money.cost("support_cost_per_month", yearly) * stayed,
        "commission": money.commission_rate * yearly,
    }
    margin = money.gross_margin * yearly / 12 * stayed
    net = sum(parts.values()) - margin
    missed = (
        money.gross_margin * yearly / 12 * np.maximum(money.expected_lifetime_months - stayed, 0)
    )
    return YearlyLoss(
        since=since,
        until=end,
        customers=len(stayed),
        priced=int(np.isfinite(amount).sum()),
        **{name: float(values.sum()) for name, values in parts.items()},
        margin=float(margin.sum()),
        **_limits("net", net),
        **_limits("missed", missed),
    )


def _limits(name: str, each: np.typing.NDArray[np.float64]) -> dict[str, float]:
    total, reach = float(each.sum()), NORMAL_95 * float(np.sqrt((each**2).sum()))
    return {name: total, f"{name}_low": total - reach, f"{name}_high": total + reach}
