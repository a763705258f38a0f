"""Fit the churn curve to the follow-up of deals and their held-out probabilities at the horizon.

    held-out log-odds L, follow-up of every deal
      -> slope at some months: known outcomes on L, shrunk towards the slope at the horizon
      -> shift at every month: the mean over deals equals the Kaplan-Meier share that has left
      -> current level: multiplies the hazard within the horizon, not later hazards
      -> hazard after the horizon, to extrapolate beyond the last month of the curve

The slope is the calibration slope of each month: the scorecard's effects are estimated at its
horizon, and may be weaker or stronger at another age. The log-odds must be held out, because
in-sample log-odds vary too much.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.months import to_days
from fitmodel.deals.outcomes import censoring_weights
from fitmodel.deals.survival import MIN_AT_RISK
from fitmodel.deals.survival_estimates import survival_with_unknown_days
from fitmodel.deals.training_set import early_churn_of
from fitmodel.learning._proportional_odds import matching_shift, support_points
from fitmodel.learning.calibration import PRIOR_SLOPE_SD, HeldOut, expit, fit_slope, logit
from fitmodel.learning.churn_curve import ChurnCurve
from fitmodel.learning.level import scale_hazard

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.history import HistoryView
    from fitmodel.deals.survival import SurvivalCurve
    from fitmodel.deals.training_set import TrainingSet
    from fitmodel.learning.learner import Learned

    Followed = TrainingSet | HistoryView
    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]
    Strata = NDArray[np.intp]

MAX_MONTHS = 120  # of a curve; few companies have followed customers longer than ten years
ANCHORS = (1, 2, 3, 4, 6, 9, 12, 18, 24, 36, 48, 60, 84, 120)  # months at which slopes are fitted
LOWEST_SLOPE, HIGHEST_SLOPE = 0.2, 3.0


def fit_curve(
    deals: Followed,
    probability: Floats,
    horizon: int,
    *,
    factor: float = 1.0,
    attribute: str | None = None,
    code: NDArray[np.int32] | None = None,
    stratum_by_code: NDArray[np.intp] | None = None,
) -> ChurnCurve:
    """Fit the churn curve.

    Parameters
    ----------
    deals : TrainingSet or HistoryView
        Deals with their follow-up.
    probability : ndarray, shape (n,)
        Held-out probability of leaving within the horizon, at the current level.
    horizon : int
        Horizon of the model, in months.
    factor : float
        Current level: the hazard within the horizon over its long-run mean.
    attribute : str, optional
        Attribute whose levels differ in the timing of leaving, see `fitmodel.learning._timing`.
    code : ndarray of int, shape (n,), optional
        Code of that attribute for each deal.
    stratum_by_code : ndarray of int, shape (size + 2,), optional
        Stratum of each code of that attribute.

    Notes
    -----
    Proportional odds (Bennett 1983) with a slope per month. The slope at a month comes from a
    logistic regression on the deals observed for so long, weighted by the inverse probability of
    not being censored (Graf et al. 1999), with a shift per stratum and the prior N(slope at the
    horizon, 0.25^2): with few leavers it stays near proportional odds. The curve ends with the last
    month at which ten customers were at risk.
    """
    raw = logit(scale_hazard(np.asarray(probability, dtype=np.float64), 1.0 / factor))
    company = _survival(deals, np.ones(len(raw), dtype=bool))
    stratum = np.zeros(len(raw), dtype=np.intp)
    if code is not None and stratum_by_code is not None:
        stratum = stratum_by_code[code]
    end = max(horizon, min(_last_month(company), MAX_MONTHS))
    slope, slope_deviation = _slopes(deals, raw, stratum, horizon, end)
    shift = _shifts(raw, slope, company, horizon, factor)
    rows = [shift]
    if code is not None and stratum_by_code is not None:
        rows = [
            _of_stratum(deals, raw, stratum == number, slope, shift, horizon, factor)
            for number in range(int(stratum_by_code.max(initial=0)) + 1)
        ]
    at_horizon, rates = horizon - 1, company.rate_limits_after(float(horizon))
    table = np.stack([row - row[at_horizon] for row in rows])
    table[:, at_horizon] = 0.0
    return ChurnCurve(
        horizon=horizon,
        slope=slope,
        shift=table,
        deviation=_deviation(company, horizon, end),
        slope_deviation=slope_deviation,
        centre=float(np.mean(logit(np.asarray(probability, dtype=np.float64)))),
        monthly_rate=rates[1],
        lowest_rate=rates[0],
        attribute=attribute if len(table) > 1 else None,
        stratum_by_code=tuple(stratum_by_code.tolist())
        if stratum_by_code is not None and len(table) > 1
        else (),
    )


def learned_curve(learned: Learned, predicted: pd.Series[float]) -> ChurnCurve:
    """Fit the churn curve of a scorecard, or of a user's own estimator.

    Parameters
    ----------
    learned : Learned
        The fitted model.
    predicted : Series of float
        Held-out probability of each deal, at the current level.
    """
    from fitmodel.learning._fitting import follow_up_of
    from fitmodel.learning._timing import position_of, stratum_by_code
    from fitmodel.learning.classifier import ProspectFitClassifier
    from fitmodel.learning.encoding import column_codes

    deals, columns = learned.training_set, learned.scorecard.columns
    timing: dict[str, Any] = {}
    is_own = not isinstance(learned.estimator, ProspectFitClassifier)
    name = None if is_own else learned.choice.settings.timing
    if name is not None and name in learned.scorecard.attributes:
        column = columns[position_of(name, columns)]
        code = column_codes(column, deals.attributes[name])[0]
        by_code = stratum_by_code(code, column.size, follow_up_of(deals))
        timing = {"attribute": name, "code": code, "stratum_by_code": by_code}
    probability = np.array(predicted.reindex(deals.index), dtype=np.float64)
    # past outcomes are those of each group's long-run mean
    probability = scale_hazard(probability, 1.0 / learned.change_factors())
    return fit_curve(
        deals, probability, deals.horizon_months, factor=learned.level.factor, **timing
    )


def _survival(deals: Followed, chosen: Mask) -> SurvivalCurve:
    """Kaplan-Meier curve of the chosen deals."""
    observed = chosen & (deals.entry_months <= deals.followup_months)
    by = deals.left_by_months
    left_by = np.full(len(observed), np.nan) if by is None else by
    return survival_with_unknown_days(
        deals.followup_months[observed],
        deals.left[observed],
        left_by[observed],
        deals.entry_months[observed],
    )


def _last_month(curve: SurvivalCurve) -> int:
    """Last month at which enough customers were at risk."""
    is_reliable = curve.at_risk >= MIN_AT_RISK
    return int(curve.times[is_reliable][-1]) if is_reliable.any() else 0


def _share(curve: SurvivalCurve, end: int) -> Floats:
    """Share that has left by month 1, 2, ... end; NaN where nobody was observed so long."""
    return 1.0 - np.asarray(curve.at(np.arange(1.0, end + 1)), dtype=np.float64)


# ---- slopes ----


def _slopes(
    deals: Followed, raw: Floats, stratum: Strata, horizon: int, end: int
) -> tuple[Floats, Floats]:
    """Slope at each month relative to the slope at the horizon, and its standard deviation."""
    horizon_slope, _ = _slope_at(deals, raw, stratum, horizon, 1.0)
    anchors = [month for month in ANCHORS if month <= end and month != horizon]
    fitted = {month: _slope_at(deals, raw, stratum, month, horizon_slope) for month in anchors}
    fitted[horizon] = (horizon_slope, 0.0)
    fitted_months = sorted(fitted)
    slope, deviation = (
        np.interp(
            np.log(np.arange(1, end + 1)),
            np.log(fitted_months),
            [fitted[month][part] / horizon_slope for month in fitted_months],
        )
        for part in (0, 1)
    )
    slope = np.clip(slope, LOWEST_SLOPE, HIGHEST_SLOPE)
    slope[horizon - 1], deviation[horizon - 1] = 1.0, 0.0
    return slope, deviation


def _slope_at(
    deals: Followed, raw: Floats, stratum: Strata, month: int, mean: float
) -> tuple[float, float]:
    """Calibration slope for leaving by a month, and its standard error (Laplace approximation)."""
    early = early_churn_of(deals.followup_months, deals.left, month)
    # without closing dates these months are NaN: such deals count as observed
    observed = ~(_months_since_closing(deals) < month)
    table = pd.DataFrame(
        {
            "early_churn": early,
            "followup_months": deals.followup_months,
            "left": deals.left,
            "entry_months": deals.entry_months,
        }
    )[observed]
    weight = censoring_weights(table, month).values  # noqa: PD011 - not a pandas object
    used = (weight > 0) & ~np.isnan(early[observed])
    if not used.any():
        return mean, PRIOR_SLOPE_SD
    x, fold = raw[observed][used], stratum[observed][used]
    held_out = HeldOut(early[observed][used], weight[used], fold, np.zeros(len(x)))
    slope, shift = fit_slope(x, held_out, mean)
    centred = x - held_out.mean(x)[fold]
    p = expit(held_out.mean(x)[fold] + shift[fold] + slope * centred)
    precision = held_out.weight @ (p * (1 - p) * centred**2) + PRIOR_SLOPE_SD**-2
    return float(np.clip(slope, LOWEST_SLOPE, HIGHEST_SLOPE)), float(precision**-0.5)


def _months_since_closing(deals: Followed) -> Floats:
    """Months in which leaving would have been observed if the customer had not exited otherwise.

    A customer that exited is censored then, and not left out: leavers who would have exited later
    are in the table too. No deal signed later was observed for longer.
    """
    closed = deals.closed_on if hasattr(deals, "closed_on") else deals.closed
    if closed is None:
        return deals.observable_months
    order = np.lexsort((-deals.observable_months, -to_days(closed).astype(np.int64)))
    months = np.empty(len(order))
    months[order] = np.maximum.accumulate(deals.observable_months[order])
    return months


# ---- shifts ----


def _of_stratum(
    deals: Followed,
    raw: Floats,
    inside: Mask,
    slope: Floats,
    company: Floats,
    horizon: int,
    factor: float,
) -> Floats:
    """Shifts of one stratum, continued with the company's where the stratum's follow-up ends."""
    curve = _survival(deals, inside)
    end = min(len(slope), max(_last_month(curve), 0))
    if end < horizon:  # the stratum was not followed up to the horizon
        return company
    shifts = _shifts(raw[inside], slope[:end], curve, horizon, factor)
    return np.concatenate([shifts, shifts[-1] + company[end:] - company[end - 1]])


def _shifts(
    raw: Floats, slope: Floats, curve: SurvivalCurve, horizon: int, factor: float
) -> Floats:
    """Shift at each month with which the mean over deals equals the Kaplan-Meier share.

    `raw`, shape (n,): held-out log-odds of the deals at the long-run level.
    `slope`, shape (months,): slope of each month.
    `factor`: current level: the hazard within the horizon is multiplied by it.
    """
    points, mass = support_points(raw, np.ones(len(raw)))
    mass = mass / mass.sum()
    share = _share(curve, len(slope))
    share = np.maximum.accumulate(np.where(np.isnan(share), 0.0, share))
    long_run = np.array(
        [
            matching_shift(each * points, mass, np.array([left]))[0]
            for each, left in zip(slope, share, strict=True)
        ]
    )
    if factor == 1.0:
        return long_run
    left_by_month = expit(long_run[:, None] + slope[:, None] * points)
    hazard = -np.log1p(-np.minimum(left_by_month, 1 - 1e-12))
    early = hazard[np.minimum(np.arange(len(slope)), horizon - 1)]
    current = -np.expm1(-(factor * early + np.maximum(hazard - early, 0.0)))
    points = logit(scale_hazard(expit(points), factor))
    return np.array(
        [
            matching_shift(each * points, mass, np.array([left @ mass]))[0]
            for each, left in zip(slope, current, strict=True)
        ]
    )


def _deviation(curve: SurvivalCurve, horizon: int, end: int) -> Floats:
    """Standard deviation of the shift at each month, from Greenwood's formula.

    The variance of the cumulative hazard between the month and the horizon; divided by the share
    that has left it is in log-odds.
    """
    survivors = np.maximum(curve.at_risk - curve.events, 0.5)
    greenwood_sum = np.cumsum(curve.events / (curve.at_risk * survivors))
    months = np.arange(1.0, end + 1)
    position = np.searchsorted(curve.times, months, side="right")
    variance = np.concatenate([[0.0], greenwood_sum])[position]
    share = np.clip(np.nan_to_num(_share(curve, end)), 1.0 / max(curve.at_risk[0], 1.0), 1.0)
    deviation = np.sqrt(np.abs(variance - variance[horizon - 1])) / share
    return np.asarray(np.minimum(deviation, 25.0), dtype=np.float64)
