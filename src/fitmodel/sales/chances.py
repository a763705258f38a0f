"""How likely each customer is to reach the ages at which commission is earned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.deals.outcomes import kaplan_meier, outcomes
from fitmodel.exceptions import DealsError
from fitmodel.sales.rates import expected_leavers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.survival import SurvivalCurve


def chances_to_reach(
    deals: pd.DataFrame, spec: DealSpec, ages: Sequence[int], probability: pd.Series[float] | None
) -> pd.DataFrame:
    """Chance of each deal still there to reach each age, a column per age.

    Up to the horizon by the deal's own probability of early churn, beyond it (and where none is
    given) by the company's survival curve.

    Raises
    ------
    DealsError
        If a deal has no probability between 0 and 1.
    """
    found = outcomes(deals, spec)
    months = found["followup_months"].to_numpy(dtype=np.float64)
    curve = kaplan_meier(months, found["left"].to_numpy(dtype=bool))
    horizon = float(spec.label.horizon_months)
    p = _probabilities(deals, probability, 1 - float(curve.at(horizon)))
    gone_by_now = expected_leavers(p, months, curve, horizon)
    table = {}
    for age in ages:
        gone_by_then = expected_leavers(p, np.full(len(deals), float(age)), curve, horizon)
        later = [_survival_between(curve, max(month, horizon), age) for month in months]
        table[age] = np.exp(-np.maximum(gone_by_then - gone_by_now, 0)) * np.array(later)
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
    """Share of those there at `start` who are there at `end`; later than watched, nobody leaves."""
    last = float(curve.times[-1])
    if min(end, last) <= start:
        return 1.0
    return float(curve.at(min(end, last))) / max(float(curve.at(start)), 1e-12)
