"""Performance of a model in use: by cohort with known outcomes, and estimated for young cohorts.

scored deals + outcomes -> cohorts by quarter of signing -> observed over expected, AUC, slope
                        -> young cohorts: the AUC to expect from the scores
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.history import view_of
from fitmodel.evaluation.metrics import compute_metrics
from fitmodel.exceptions import DealsError
from fitmodel.sales.rates import exact_ratio_interval, expected_leavers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView

MIN_OF_EACH = 5  # minimum number of churners, and of stayers, for an AUC
DRAWS = 500
LEVEL_OF_ALL_CHECKS = 0.95
RATIO_SPREAD = 0.7
"""Standard deviation of the log-ratios that are weighed against each ratio: twice or half of it."""
FARTHEST = 20.0


@dataclass(frozen=True)
class Estimate:
    """An estimate with its 95% interval; NaN if it cannot be estimated."""

    value: float
    low: float
    high: float


def estimate_auc(probability: NDArray[np.float64], *, seed: int = 0) -> Estimate:
    """Return the AUC to expect from calibrated probabilities before any outcome is known.

    Parameters
    ----------
    probability : ndarray, shape (deals,)
        Calibrated early-churn probabilities.
    seed : int
        Random seed of the outcomes drawn for the interval.

    Notes
    -----
    Confidence-based performance estimation (NannyML): each deal counts as a churner with weight p
    and as one who stays with weight 1 - p. The interval is that of outcomes drawn with these
    probabilities; it is valid only if the probabilities are calibrated.
    """
    n = len(probability)
    if n < 2 * MIN_OF_EACH:
        return Estimate(np.nan, np.nan, np.nan)
    value = float(_aucs(probability[None, :], probability)[0])
    outcomes_drawn = np.random.default_rng(seed).random((DRAWS, n)) < probability
    estimates = _aucs(outcomes_drawn, probability)
    low, high = (
        np.nanquantile(estimates, [0.025, 0.975]) if np.isfinite(estimates).any() else (np.nan,) * 2
    )
    return Estimate(value, float(low), float(high))


def _aucs(churners: NDArray[Any], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the AUC for each row of (whole or fractional) churners, by ranks (Mann-Whitney).

    NaN if a row has only churners or only stayers.
    """
    left = churners.astype(np.float64)
    stayed = 1 - left
    order = np.argsort(scores, kind="stable")
    summed = np.cumsum(stayed[:, order], axis=1)
    first = np.searchsorted(scores[order], scores, side="left")
    last = np.searchsorted(scores[order], scores, side="right")
    padded = np.hstack([np.zeros((len(left), 1)), summed])
    # Stayers with a lower score, and half of those with the same score.
    below = (padded[:, first] + padded[:, last]) / 2
    pairs = left.sum(axis=1) * stayed.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        result: NDArray[np.float64] = (left * below).sum(axis=1) / pairs
    return result


def compute_cohorts(
    deals: pd.DataFrame | HistoryView, spec: DealSpec, probability: pd.Series, *, every: str = "Q"
) -> pd.DataFrame:
    """Compare predictions at signing with outcomes, by cohort of signing.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        As read by ``read_deals``, with everything known now; older deals help to estimate how early
        churn is distributed over the months.
    spec : DealSpec
        A contract with dates.
    probability : Series
        Probabilities predicted at signing, on the index of `deals`; deals without one are left out.
    every : str
        Length of a cohort, a pandas period alias.

    Returns
    -------
    DataFrame
        One row per cohort, indexed by cohort: deals, mature, observed (early churners so far),
        expected (cumulative hazard of all deals up to the end of each deal's follow-up, see
        `fitmodel.sales.rates.expected_leavers`: a deal that is young, or ended for another reason,
        counts for its follow-up time only, never as one that stayed), ratio with ratio_low and
        ratio_high (exact Poisson, Garwood 1936), auc and slope (of mature deals with a known
        outcome; NaN with fewer than five churners or stayers; the slope is Cox's calibration slope,
        1 is perfect, with its 95% bootstrap interval slope_low, slope_high), auc_estimated with
        its interval (from the scores of all deals of the cohort).

    Raises
    ------
    DealsError
        If the contract has no dates, or no deal has a probability on the same index.

    Examples
    --------
    >>> spec = fitmodel.DealSpec.from_toml("fitmodel.toml")
    >>> deals = fitmodel.read_deals("deals.csv", spec)
    >>> predictions = fitmodel.load("models/prospect-fit").predict(deals, reasons=0)
    >>> cohorts = compute_cohorts(deals, spec, predictions["early_churn_probability"], every="Y")
    >>> cohorts.index.tolist()
    ['2023', '2024', '2025', '2026']
    """
    if spec.deals.closed_on is None:
        raise DealsError("cohorts need closed_on: a tenure does not say when a deal was signed")
    view = view_of(deals, spec)
    known = probability.dropna().index.intersection(view.index)
    if len(known) == 0:
        raise DealsError(
            "no deal has a probability of its own. Remedy: give a probability per deal, on the "
            "deals' index."
        )
    result = view.outcomes.loc[known].assign(probability=probability.loc[known].astype(float))
    result["expected"] = expected_leavers(
        result["probability"],
        result["followup_months"],
        view.survival,
        spec.label.horizon_months,
        entry_months=result["entry_months"],
    )
    cohort = view.deals.loc[known, spec.deals.closed_on].dt.to_period(every)
    rows = [{"cohort": str(name)} | _cohort(part) for name, part in result.groupby(cohort)]
    return pd.DataFrame(rows).set_index("cohort")


def _cohort(outcomes: pd.DataFrame) -> dict[str, Any]:
    usable = outcomes["mature"] & (outcomes["entry_months"] == 0)
    known = outcomes[usable & outcomes["early_churn"].notna()]
    observed, total = float((outcomes["early_churn"] == 1).sum()), float(outcomes["expected"].sum())
    estimate = estimate_auc(outcomes["probability"].to_numpy())
    return {
        "deals": len(outcomes),
        "mature": int(outcomes["mature"].sum()),
        "observed": int(observed),
        "expected": total,
        **_ratio(observed, total),
        **_evaluation_of(known["early_churn"].to_numpy(), known["probability"].to_numpy()),
        "auc_estimated": estimate.value,
        "auc_estimated_low": estimate.low,
        "auc_estimated_high": estimate.high,
    }


def _ratio(observed: float, expected: float) -> dict[str, float]:
    if expected <= 0:
        return {"ratio": np.nan, "ratio_low": np.nan, "ratio_high": np.nan}
    low, high = exact_ratio_interval(np.array([observed]), np.array([expected]))
    return {"ratio": observed / expected, "ratio_low": float(low[0]), "ratio_high": float(high[0])}


def _evaluation_of(left: NDArray[np.float64], probability: NDArray[np.float64]) -> dict[str, float]:
    """Return the AUC, and Cox's calibration slope with its interval; NaN if deals are too few."""
    names = ("auc", "slope", "slope_low", "slope_high")
    if min(left.sum(), len(left) - left.sum()) < MIN_OF_EACH:
        return dict.fromkeys(names, float("nan"))
    result = compute_metrics(left, probability, base_rate=float(left.mean()), n_boot=DRAWS)
    slope = result["calibration_slope"]
    return dict(
        zip(names, (result["roc_auc"].value, slope.value, slope.low, slope.high), strict=True)
    )


def observed_over_expected(
    cohorts: pd.DataFrame, *, learned_churners: float = np.inf
) -> dict[str, float]:
    """Compare the early churners of all cohorts together with those expected by now.

    Parameters
    ----------
    cohorts : DataFrame
        Result of `compute_cohorts`.
    learned_churners : float
        Early churners that the model learned its level from. The fewer they are, the less exact is
        the expected number, and the wider the interval; infinite where it is exact.

    Returns
    -------
    dict
        observed, expected, ratio, ratio_low, ratio_high (95%). If the interval is above 1, the
        predictions are too low for the deals that are signed now; below 1, too high.

    Notes
    -----
    The interval allows for repeated checks: a model is checked every month, and the probability
    that any of its intervals leaves out the true ratio is at most 5%. (If each check had an exact
    interval of its own, one model in five that is right would be called wrong within two years.) It
    holds the ratios against which the likelihood of all others, weighted around the ratio, is less
    than 20 times as large (H. Robbins 1970, Annals of Mathematical Statistics 41, 1397-1409).
    """
    observed, expected = float(cohorts["observed"].sum()), float(cohorts["expected"].sum())
    return _ratio_of_all_checks(observed, expected, learned_churners)


def _ratio_of_all_checks(observed: float, expected: float, learned: float) -> dict[str, float]:
    """Return the counts and their ratio with an interval that allows for repeated checks."""
    result = {"observed": observed, "expected": expected, **_ratio(observed, expected)}
    if expected > 0:
        low, high = _interval_of_all_checks(observed, expected, learned)
        result |= {"ratio_low": low, "ratio_high": high}
    return result


def _interval_of_all_checks(
    observed: float, expected: float, learned: float
) -> tuple[float, float]:
    """Return the limits of the ratio that hold for all checks of a model together.

    Counts are Poisson given the ratio and the level; a level that was learned from some churners is
    gamma distributed with that shape around the true one.
    """
    from scipy.optimize import brentq
    from scipy.special import logsumexp

    offsets = np.linspace(-4, 4, 81) * RATIO_SPREAD
    weights = -0.5 * (offsets / RATIO_SPREAD) ** 2
    weights -= logsumexp(weights)

    def log_likelihood(log_ratio: Any) -> Any:
        mean = expected * np.exp(log_ratio)
        if np.isinf(learned):
            return observed * log_ratio - mean
        return observed * log_ratio - (learned + observed) * np.log1p(mean / learned)

    def excess(log_ratio: float) -> float:
        others = logsumexp(weights + log_likelihood(log_ratio + offsets))
        return float(others - log_likelihood(log_ratio) + np.log(1 - LEVEL_OF_ALL_CHECKS))

    middle = float(np.log(max(observed, 0.5) / expected))
    low, high = middle - FARTHEST, middle + FARTHEST
    return (
        float(np.exp(brentq(excess, low, middle))) if observed and excess(low) > 0 else 0.0,
        float(np.exp(brentq(excess, middle, high))) if excess(high) > 0 else np.inf,
    )


def evaluate_overrides(
    latest: pd.DataFrame, early_churn: pd.Series, *, learned_churners: float = np.inf
) -> dict[str, float]:
    """Evaluate overrides: deals that a person signed although they were flagged.

    Flagged prospects that the random draw allowed to proceed are left out: nobody picked them, see
    `evaluate_drawn`.

    Parameters
    ----------
    latest : DataFrame
        Latest decisions, as `fitmodel.monitoring.log.DecisionLog.latest` returns them.
    early_churn : Series
        Outcomes, 1.0, 0.0 or NaN (not known yet), indexed by prospect as in the log.
    learned_churners : float
        As for `observed_over_expected`.

    Returns
    -------
    dict
        overridden (number of deals), known (number of those with an outcome), observed, expected,
        ratio, ratio_low, ratio_high. If the interval of the ratio is below 1, such customers left
        less often than the model predicted: the people who overrode it had additional information.
        The interval allows for repeated checks, see `observed_over_expected`.
    """
    picked = _signed_flagged(latest, drawn=False)
    result = _against_outcomes(picked, early_churn, learned_churners)
    return {"overridden": float(len(picked)), **result}


def evaluate_drawn(
    latest: pd.DataFrame, early_churn: pd.Series, *, learned_churners: float = np.inf
) -> dict[str, float]:
    """Evaluate the flags by the flagged deals that the random draw allowed to proceed.

    Parameters
    ----------
    latest, early_churn, learned_churners
        As for `evaluate_overrides`.

    Returns
    -------
    dict
        drawn (number of deals), known, observed, expected, ratio, ratio_low, ratio_high, as in
        `evaluate_overrides`. The draw is random, so these deals are like those declined: if the
        interval of the ratio is above 1, flagged prospects leave more often than predicted.
    """
    drawn = _signed_flagged(latest, drawn=True)
    result = _against_outcomes(drawn, early_churn, learned_churners)
    return {"drawn": float(len(drawn)), **result}


def _signed_flagged(latest: pd.DataFrame, *, drawn: bool) -> pd.DataFrame:
    """Return the flagged deals that were signed: those drawn at random, or those picked."""
    signed = latest["poor_fit"] & latest["action"].isin(["signed", "overridden"])
    return latest[signed & (latest["proceed"] == drawn)]


def _against_outcomes(
    chosen: pd.DataFrame, early_churn: pd.Series, learned_churners: float
) -> dict[str, float]:
    outcome = early_churn.reindex(chosen.index)
    known = outcome.notna().to_numpy()
    observed = float(outcome[known].sum())
    expected = float(chosen.loc[known, "probability"].sum())
    ratio = _ratio_of_all_checks(observed, expected, learned_churners)
    return {"known": float(known.sum()), **ratio}
