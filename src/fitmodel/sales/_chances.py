"""Estimate the probability that each customer reaches the ages at which commission is earned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.history import view_of
from fitmodel.exceptions import DealsError
from fitmodel.sales.rates import expected_leavers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.deals.survival import SurvivalCurve


def chances_to_reach(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    ages: Sequence[int],
    probability: pd.Series[float] | None,
) -> pd.DataFrame:
    """Chance of each deal still there to reach each age, a column per age.

    Up to the horizon by the deal's own probability of early churn, beyond it (and where none is
    given) by the company's survival curve.

    Raises
    ------
    DealsError
        If a deal has no probability between 0 and 1.
    """
    view = view_of(deals, spec)
    months, curve = view.followup_months, view.survival
    horizon = float(spec.label.horizon_months)
    p = _probabilities(view.index, probability, 1 - float(curve.at(horizon)))
    gone_by_now = expected_leavers(p, months, curve, horizon)
    table = {}
    for age in ages:
        gone_by_then = expected_leavers(p, np.full(len(view), float(age)), curve, horizon)
        later = _survival_between(curve, np.maximum(months, horizon), float(age))
        table[age] = np.exp(-np.maximum(gone_by_then - gone_by_now, 0)) * later
    return pd.DataFrame(table, index=view.index)


def _probabilities(
    index: pd.Index[Any], probability: pd.Series[float] | None, company: float
) -> NDArray[np.float64]:
    if probability is None:
        return np.full(len(index), company)
    p = np.asarray(probability.reindex(index), dtype=np.float64)
    wrong = ~((p >= 0) & (p <= 1))
    if wrong.any():
        raise DealsError(
            f"{int(wrong.sum())} deal(s) have no probability between 0 and 1, the first in row "
            f"{index[wrong][0]!r}. Remedy: give one per deal, or none at all."
        )
    return p


def _survival_between(
    curve: SurvivalCurve, start: NDArray[np.float64], end: float
) -> NDArray[np.float64]:
    """Share of those there at `start` who are there at `end`; later than watched, nobody leaves."""
    end = min(end, float(curve.times[-1]))
    before = end > start
    chance = np.ones(len(start))
    chance[before] = curve.at(end) / np.maximum(curve.at(start[before]), 1e-12)
    return chance
