"""The money of a policy's flags; the decision curve is in `fitmodel.evaluation.figures`.

A flagged deal is declined. A flagged early churner is a benefit (a loss avoided), a flagged
customer that would have stayed is a harm (a good deal lost); signing every deal (``flag_none``)
is the zero point.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.evaluation.figures import compute_net_benefit, plot_decision_curve, sum_flags
from fitmodel.exceptions import DealsError, SpecError

if TYPE_CHECKING:
    import numpy.typing as npt

    from fitmodel.decision.policy import Policy
    from fitmodel.decision.value import FloatArray, Money

__all__ = ["FlagMoney", "compute_money", "compute_net_benefit", "plot_decision_curve"]


@dataclass(frozen=True)
class FlagMoney:
    """Money saved by declining the flagged deals, in the currency of the amounts.

    Sums are weighted, so that they represent all deals of the period, also those with an unknown
    outcome; counts are numbers of deals without weights.

    Parameters
    ----------
    n_deals
        Number of deals with an amount and a known outcome.
    n_without_amount
        Number of deals left out because their amount is not known.
    n_flagged, n_early_churners_flagged, n_good_deals_flagged
        Number of flagged deals among ``n_deals``, of the early churners among them, and of the
        customers among them that stayed.
    saved
        Loss avoided: money that the flagged early churners would have cost.
    forgone
        Gain forgone: money that the flagged customers that stayed would have made.
    net
        ``saved - forgone``.
    net_per_deal, low, high
        ``net`` per deal (flagged or not) and its 95% bootstrap interval.
    net_per_deal_flag_all, net_per_deal_perfect
        ``net`` per deal if every deal had been declined, and if the outcomes had been known in
        advance (the maximum).
    """

    n_deals: int
    n_without_amount: int
    n_flagged: int
    n_early_churners_flagged: int
    n_good_deals_flagged: int
    saved: float
    forgone: float
    net: float
    net_per_deal: float
    low: float
    high: float
    net_per_deal_flag_all: float
    net_per_deal_perfect: float

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as values that JSON can hold."""
        return asdict(self)


def compute_money(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    amount: npt.ArrayLike,
    policy: Policy,
    weight: npt.ArrayLike | None = None,
    *,
    n_boot: int = 500,
    seed: int = 0,
) -> FlagMoney:
    """Compute the money that a policy's flags would have saved on deals of known outcome.

    Each flagged deal counts ``-value_if_leaves`` if the customer left early (a loss avoided) and
    ``-value_if_stays`` if it stayed (a gain forgone); see `fitmodel.decision.value`. The result
    assumes that every flagged deal is declined, so it is an upper bound of what flags make.

    Parameters
    ----------
    y, p, amount
        Outcome (0 or 1), early-churn probability and yearly amount (NaN: left out) per deal,
        shape (n,).
    policy
        Decision policy; it must have money.
    weight
        Inverse-probability-of-censoring weights, shape (n,); deals of weight 0 are left out.
    n_boot, seed
        Number of resamples of the interval, and random seed.

    Raises
    ------
    SpecError
        If the policy has no money.
    DealsError
        If the arrays do not match, or no deal with an amount is left.
    """
    if policy.money is None:
        raise SpecError(
            "The policy has no money: give [decision] gross_margin and the costs of a deal."
        )
    outcome, probability, amounts, weights = _aligned(y, p, amount, weight)
    known = weights > 0.0
    has_money = known & np.isfinite(amounts)
    if not has_money.any():
        raise DealsError("No deal with a known outcome has an amount: nothing to reckon with.")
    left, priced_amounts = outcome[has_money] == 1.0, amounts[has_money]
    flagged = policy.poor_fit(probability[has_money], priced_amounts)
    return _sum_money(
        policy.money,
        left,
        flagged,
        priced_amounts,
        weights[has_money],
        probability[has_money],
        n_without_amount=int(known.sum() - has_money.sum()),
        n_boot=n_boot,
        seed=seed,
    )


def _sum_money(
    money: Money,
    left: npt.NDArray[np.bool_],
    flagged: npt.NDArray[np.bool_],
    amounts: FloatArray,
    weights: FloatArray,
    probability: FloatArray,
    *,
    n_without_amount: int,
    n_boot: int,
    seed: int,
) -> FlagMoney:
    leaves = money.value_if_leaves(amounts, probability)
    stays = money.value_if_stays(amounts, probability)
    sums = sum_flags(flagged, left, weights, leaves, stays, n_boot=n_boot, seed=seed)
    gain, total = -np.where(left, leaves, stays), float(weights.sum())
    return FlagMoney(
        n_deals=len(amounts),
        n_without_amount=n_without_amount,
        n_flagged=int(flagged.sum()),
        n_early_churners_flagged=int((flagged & left).sum()),
        n_good_deals_flagged=int((flagged & ~left).sum()),
        saved=sums.saved,
        forgone=sums.forgone,
        net=sums.net,
        net_per_deal=sums.net_per_deal,
        low=sums.low,
        high=sums.high,
        net_per_deal_flag_all=float(gain @ weights) / total,
        net_per_deal_perfect=float(np.maximum(gain, 0.0) @ weights) / total,
    )


def _aligned(
    y: npt.ArrayLike, p: npt.ArrayLike, amount: npt.ArrayLike, weight: npt.ArrayLike | None
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return four float arrays of equal length; outcomes of deals with weight are 0 or 1."""
    outcome = np.asarray(y, dtype=np.float64)
    weights = np.ones(outcome.shape) if weight is None else np.asarray(weight, dtype=np.float64)
    named = {"p": p, "amount": amount, "weight": weights}
    arrays = [np.asarray(values, dtype=np.float64) for values in named.values()]
    for name, values in zip(named, arrays, strict=True):
        if values.shape != outcome.shape:
            raise DealsError(
                f"{name} has shape {values.shape} and y has shape {outcome.shape}: "
                f"give one number per deal."
            )
    unknown = (weights > 0.0) & ~np.isin(outcome, (0.0, 1.0))
    if unknown.any():
        raise DealsError(
            f"The outcome of {unknown.sum()} deals is neither 0 nor 1 (e.g. "
            f"{outcome[unknown][0]}): leave out deals whose outcome is not known."
        )
    return outcome, arrays[0], arrays[1], arrays[2]
