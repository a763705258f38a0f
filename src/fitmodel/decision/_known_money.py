"""The money of a deal out of the contract and the deals, or what is lacking for it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.decision._lifetime import estimate_lifetime, estimate_months_until_early_churn
from fitmodel.decision.value import COSTS, Money

if TYPE_CHECKING:
    import numpy.typing as npt

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.survival import SurvivalCurve


def known_money(
    spec: DealSpec, amount: npt.ArrayLike | None, curve: SurvivalCurve | None
) -> tuple[Money | None, str]:
    """Return the money of a deal, or ``None`` and what is lacking in words.

    Needs neither a model nor probabilities: asked before training, it fails early.

    Raises
    ------
    SpecError
        The money given contradicts itself or the deals (see `Money`).
    """
    decision = spec.decision
    if decision.gross_margin is None:
        return None, "no money was given"
    if amount is None or not np.isfinite(np.asarray(amount, dtype=np.float64)).any():
        return None, "the deals have no amount"
    horizon = float(spec.label.horizon_months)
    until = _estimated(estimate_months_until_early_churn, curve, horizon)
    if math.isnan(until):
        return None, "no customer was seen to leave within the horizon"
    lifetime = decision.expected_lifetime_months
    if lifetime is None:
        lifetime = _estimated(estimate_lifetime, curve, horizon)
    if math.isnan(lifetime):
        return None, (
            "too few customers were watched beyond the horizon to estimate how long they stay "
            "(give expected_lifetime_months)"
        )
    names = (*COSTS, "commission_rate", "paid_upfront_months")
    given = {name: getattr(decision, name) for name in names}
    return Money(decision.gross_margin, lifetime, until, **given), ""


def _estimated(estimate: Any, curve: SurvivalCurve | None, horizon: float) -> float:
    return math.nan if curve is None else float(estimate(curve, horizon_months=horizon))
