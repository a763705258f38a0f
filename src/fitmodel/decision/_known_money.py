"""Money settings completed from the contract and the deals, or a text that says what is missing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.deals.survival import MIN_AT_RISK
from fitmodel.decision.value import COSTS, Money

if TYPE_CHECKING:
    import numpy.typing as npt

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.survival import SurvivalCurve
    from fitmodel.decision.own_months import OwnMonths


def known_money(
    spec: DealSpec,
    amount: npt.ArrayLike | None,
    curve: SurvivalCurve | None,
    own_months: OwnMonths | None = None,
) -> tuple[Money | None, str]:
    """Return the money of a deal, or ``None`` and a text that says what is missing.

    It needs neither a model nor probabilities, so it can be called before training to fail early.

    Parameters
    ----------
    spec : DealSpec
        Contract with the money in its ``[decision]``.
    amount : array of shape (n,), optional
        Yearly amounts of the deals; NaN where not known.
    curve : SurvivalCurve, optional
        Survival of the deals; the lifetime and the months until early churn are estimated from it.
    own_months : OwnMonths, optional
        Months by a customer's own probability. They are used only if the contract gives no
        ``expected_lifetime_months``: a lifetime that is given applies to all customers.

    Raises
    ------
    SpecError
        If the money given contradicts itself or the deals (see `Money`).
    """
    decision = spec.decision
    if decision.gross_margin is None:
        return None, "no money was given"
    if amount is None or not np.isfinite(np.asarray(amount, dtype=np.float64)).any():
        return None, "the deals have no amount"
    horizon = float(spec.label.horizon_months)
    months_until = _estimated(estimate_months_until_early_churn, curve, horizon)
    if math.isnan(months_until):
        return None, "no customer was seen to leave within the horizon"
    lifetime = decision.expected_lifetime_months
    if lifetime is None:
        lifetime = _estimated(estimate_lifetime, curve, horizon)
    if math.isnan(lifetime):
        return None, (
            "too few customers were watched beyond the horizon to estimate how long they stay "
            "(give expected_lifetime_months)"
        )
    cost_names = (*COSTS, "commission_rate", "paid_upfront_months")
    given = {name: getattr(decision, name) for name in cost_names}
    own = own_months if decision.expected_lifetime_months is None else None
    return Money(decision.gross_margin, lifetime, months_until, **given, own_months=own), ""


def _estimated(estimate: Any, curve: SurvivalCurve | None, horizon: float) -> float:
    return math.nan if curve is None else float(estimate(curve, horizon_months=horizon))


MAX_FOLLOWUP_RATIO = 2.0
"""An estimated lifetime is at most this multiple of the longest follow-up time."""


def estimate_lifetime(curve: SurvivalCurve, *, horizon_months: float = 0.0) -> float:
    """Estimate how many months a customer that stays past the horizon remains (conservative).

    The mean number of months from signing, given that the customer survives the horizon: the area
    under the Kaplan-Meier curve up to the last time at which at least 10 customers were at risk
    (restricted mean survival time; Royston & Parmar 2013, BMC Medical Research Methodology
    13:152), plus an exponential tail for those still at risk then. The monthly rate of the tail is
    the UPPER one-sided 95% Poisson limit of the rate observed after the horizon (Byar's
    approximation; Breslow & Day 1987, Statistical Methods in Cancer Research II, page 69), and the
    result is at most twice the follow-up time. So the estimate is rather too short, and a deal
    looks less valuable than it is: give ``expected_lifetime_months`` if a better value is known.

    Parameters
    ----------
    curve
        Survival curve of all deals, whatever their outcome.
    horizon_months
        Months within which leaving is early churn.

    Returns
    -------
    float
        Months from signing, more than the horizon; NaN if fewer than 10 customers were at risk
        beyond it, or none survived it.
    """
    exact_curve = curve.exact or curve
    reliable = (exact_curve.at_risk >= MIN_AT_RISK) & (exact_curve.times > horizon_months)
    survival_at_horizon = exact_curve.at(float(horizon_months))
    if not reliable.any() or not survival_at_horizon > 0.0:
        return math.nan
    last_time = float(exact_curve.times[reliable][-1])
    observed_months = exact_curve.restricted_mean(last_time) - exact_curve.restricted_mean(
        float(horizon_months)
    )
    tail_months = exact_curve.at(last_time) / exact_curve.upper_rate_after(float(horizon_months))
    return float(
        min(
            horizon_months + (observed_months + tail_months) / survival_at_horizon,
            MAX_FOLLOWUP_RATIO * last_time,
        )
    )


def estimate_months_until_early_churn(curve: SurvivalCurve, *, horizon_months: float) -> float:
    """Estimate the mean months from signing until an early churner leaves.

    ``(restricted mean to the horizon - horizon * S(horizon)) / (1 - S(horizon))`` with the
    Kaplan-Meier survival S. The plain mean over the observed early churners would be too low,
    because of young deals only the quickest churners are known; this estimate is not.

    Returns
    -------
    float
        Months in (0, horizon]; NaN if nobody left within the horizon or the curve does not reach
        it.
    """
    survive = curve.at(float(horizon_months))
    if not survive < 1.0:
        return math.nan
    mean = curve.restricted_mean(float(horizon_months))
    return float((mean - horizon_months * survive) / (1.0 - survive))
