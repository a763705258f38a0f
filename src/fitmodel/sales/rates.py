"""Observed over expected counts with censoring: the statistics of rep performance.

hazard until the last day followed -> expected leavers -> observed over expected, exact interval
                                   -> shrunk towards the company, depending on how reps differ
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.deals.history import view_of
from fitmodel.deals.roles import yearly_amounts

if TYPE_CHECKING:
    import numpy.typing as npt
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.deals.survival import SurvivalCurve
    from fitmodel.decision.value import Money


LARGEST_SHAPE = 1e6
"""Gamma shape that means that reps do not differ."""
WINSORISED = 0.1
SUSPICIOUS = 0.05
"""P-value of overdispersion below which the limits are widened for it."""
NORMAL_95 = 1.959963984540054
DRAWS = 2_000


def expected_leavers(
    probability: npt.ArrayLike,
    followup_months: npt.ArrayLike,
    curve: SurvivalCurve,
    horizon_months: float,
    *,
    entry_months: npt.ArrayLike = 0.0,
) -> NDArray[np.float64]:
    """Return the expected number of early churners of each deal, up to the last day followed.

    Parameters
    ----------
    probability : ndarray, shape (deals,)
        Probability of early churn, from a model that does not use the rep.
    followup_months : ndarray, shape (deals,)
        Months for which each deal was followed: until the customer left, or until now.
    curve : SurvivalCurve
        Survival curve of the whole company; it gives how early churn is spread over the months.
    horizon_months : float
        Months after closing within which leaving is early churn.
    entry_months : ndarray, shape (deals,)
        Age in months from which each deal was followed (`observed_from`); 0 means from signing.

    Returns
    -------
    ndarray, shape (deals,)
        Cumulative hazard from the entry to the last day followed, at most to the horizon. Observed
        minus expected is a martingale, so a young deal counts for the part of the risk to which it
        has been exposed, never as a 0.

    Notes
    -----
    N. E. Breslow and N. E. Day (1987), Statistical Methods in Cancer Research II, chapter 2;
    T. M. Therneau and P. M. Grambsch (2000), Modeling Survival Data, chapter 10.
    """
    last_month = np.minimum(np.asarray(followup_months, dtype=np.float64), horizon_months)
    first_month = np.minimum(np.asarray(entry_months, dtype=np.float64), last_month)
    hazard_at_horizon = float(_hazard(curve, np.array([horizon_months]))[0])
    share = (
        (_hazard(curve, last_month) - _hazard(curve, first_month)) / hazard_at_horizon
        if hazard_at_horizon > 0
        else last_month * 0
    )
    expected: NDArray[np.float64] = (
        -np.log1p(-np.clip(np.asarray(probability), 0.0, 1 - 1e-9)) * share
    )
    return expected


def _hazard(curve: SurvivalCurve, months: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the cumulative hazard of the curve at each age."""
    hazard: NDArray[np.float64] = -np.log(np.clip(curve.at(months), 1e-12, 1.0))
    return hazard


def exact_ratio_interval(
    observed: NDArray[np.float64], expected: NDArray[np.float64], level: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lower and upper limit of the exact Poisson interval of observed over expected.

    Notes
    -----
    F. Garwood (1936), "Fiducial limits for the Poisson distribution", Biometrika 28, 437-442.
    """
    from scipy.stats import chi2

    tail = (1 - level) / 2
    low = np.where(observed > 0, chi2.ppf(tail, 2 * np.maximum(observed, 0.5)) / 2, 0.0)
    high = chi2.ppf(1 - tail, 2 * (observed + 1)) / 2
    safe = np.maximum(expected, 1e-12)
    return low / safe, high / safe


def ratio_to_others(
    observed: NDArray[np.float64], expected: NDArray[np.float64], level: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return each rep's observed over expected relative to all other reps, with its exact interval.

    Returns
    -------
    ratio, low, high : ndarray, shape (reps,)
        Infinite where none of the other reps' customers left; NaN where there is nothing to compare
        with.

    Notes
    -----
    Given the total, a rep's count is binomial; the exact limits of its share (C. J. Clopper and
    E. S. Pearson 1934, Biometrika 26, 404-413) are transformed into limits of the ratio.
    """
    from scipy.stats import beta

    total, sums = observed.sum(), expected.sum()
    tail, others = (1 - level) / 2, total - observed
    low = np.where(observed > 0, beta.ppf(tail, np.maximum(observed, 0.5), others + 1), 0.0)
    high = np.where(others > 0, beta.ppf(1 - tail, observed + 1, np.maximum(others, 0.5)), 1.0)
    odds = np.array([np.where(total > 0, observed / max(total, 1.0), np.nan), low, high])
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio, low, high = odds / (1 - odds) * ((sums - expected) / expected)
    return ratio, low, high


@dataclass(frozen=True)
class Overdispersion:
    """Result of a test of whether reps differ more than counts do by chance.

    Parameters
    ----------
    factor : float
        Winsorised variance of the standardised differences, at least 1.
    p_value : float
        P-value of the hypothesis that there is no overdispersion.
    """

    factor: float
    p_value: float

    @property
    def is_suspicious(self) -> bool:
        """Whether the reps differ significantly more than by chance."""
        return self.p_value < SUSPICIOUS

    def limits(
        self, expected: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return limits of the ratio that contain 95% of reps, on average, if they differ as here.

        The exact limits cover only chance for a rep like the company; these limits also allow for
        the differences between reps that every company has.
        """
        half_width = NORMAL_95 * np.sqrt(self.factor) / (2 * np.sqrt(np.maximum(expected, 1e-12)))
        return np.maximum(1 - half_width, 0) ** 2, (1 + half_width) ** 2


def overdispersion(observed: NDArray[np.float64], expected: NDArray[np.float64]) -> Overdispersion:
    """Test for overdispersion, and estimate it with outliers winsorised.

    Notes
    -----
    D. J. Spiegelhalter (2005), "Funnel plots for comparing institutional performance", Statistics
    in Medicine 24, 1185-1202, section 5: square-root scale, 10% winsorised.
    """
    if len(observed) < 3:  # noqa: PLR2004 - a variance needs some reps
        return Overdispersion(1.0, 1.0)
    z = 2 * (np.sqrt(observed) - np.sqrt(expected))
    low, high = np.quantile(z, [WINSORISED, 1 - WINSORISED])
    spread = float(np.mean(np.clip(z, low, high) ** 2))
    return Overdispersion(max(1.0, spread), _equality_p_value(observed, expected))


def _equality_p_value(observed: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    """Return the p-value of the hypothesis that all reps are alike, given the total count.

    Under this hypothesis the counts are multinomial, with shares given by the expected numbers. The
    chi-squared approximation of the statistic is too inaccurate for a few churners per rep, so its
    distribution is simulated.
    """
    total = int(observed.sum())
    if total == 0 or expected.sum() <= 0:
        return 1.0
    share = expected / expected.sum()
    mean = np.maximum(share * total, 1e-12)
    drawn = np.random.default_rng(0).multinomial(total, share, DRAWS)
    simulated = ((drawn - mean) ** 2 / mean).sum(axis=1)
    statistic = float(((observed - mean) ** 2 / mean).sum())
    return float((1 + np.count_nonzero(simulated >= statistic - 1e-9)) / (DRAWS + 1))


def gamma_shape(observed: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    """Return the shape of the gamma distribution of reps' true ratios, by maximum likelihood.

    The distribution has mean 1. A large shape means that reps are alike, a small one that they
    differ much.

    Notes
    -----
    D. Clayton and J. Kaldor (1987), "Empirical Bayes estimates of age-standardized relative risks
    for use in disease mapping", Biometrics 43, 671-681. Given the ratio, a count is Poisson;
    over all reps it is negative binomial with the expected number as mean and this shape.
    """
    from scipy.optimize import minimize_scalar
    from scipy.stats import nbinom

    def loss(log_shape: float) -> float:
        shape = np.exp(log_shape)
        return -float(np.sum(nbinom.logpmf(observed, shape, shape / (shape + expected))))

    known = expected > 0
    observed, expected = observed[known], expected[known]
    if len(observed) < 3:  # noqa: PLR2004 - too few to estimate how reps differ
        return LARGEST_SHAPE
    result = minimize_scalar(loss, bounds=(np.log(0.5), np.log(LARGEST_SHAPE)), method="bounded")
    return float(np.exp(result.x))


def shrunken_ratio(
    observed: NDArray[np.float64], expected: NDArray[np.float64], shape: float
) -> NDArray[np.float64]:
    """Return the posterior mean of each rep's true ratio, given counts and the gamma shape."""
    ratio: NDArray[np.float64] = (observed + shape) / (expected + shape)
    return ratio


MONTHS = 12


@dataclass(frozen=True)
class YearlyLoss:
    """Cost of the customers who left early in a year.

    Parameters
    ----------
    since, until : Timestamp
        First and last day of the year.
    customers, priced : int
        Number of customers who left early in that year, and number of those with a known amount;
        margin and commission cover the latter only.
    acquisition, onboarding, support, commission : float
        Money spent on these customers.
    margin : float
        Margin from these customers before they left.
    net, net_low, net_high : float
        Money spent minus margin, with the limits within which it varies by chance (95%).
    missed, missed_low, missed_high : float
        Further margin if these customers had stayed for the lifetime of a customer that stays, with
        its limits.
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
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    money: Money,
    probability: pd.Series[float] | None = None,
) -> YearlyLoss | None:
    """Compute the cost of the customers who left early in the last twelve months.

    Parameters
    ----------
    money : Money
        Costs and margin.
    probability : Series of float, optional
        Expected early churn of each deal; if given, the lifetime is that of the deal's own curve.

    Returns
    -------
    YearlyLoss or None
        None where the contract has no dates or no amount, or there are no deals.

    Notes
    -----
    The number of customers who leave in a year is assumed to be Poisson. The variance of a sum of
    amounts over them is then the sum of the squared amounts, and the limits are normal limits.
    """
    view = view_of(deals, spec)
    if view.closed is None or not len(view) or spec.deals.amount is None:
        return None
    end = pd.Timestamp(view.extract_end)
    since = end - pd.DateOffset(months=MONTHS) + pd.Timedelta(days=1)
    is_recent = (view.early_churn == 1) & (view.left_on >= since.to_datetime64())
    stayed = view.followup_months[is_recent]
    amount = yearly_amounts(view.deals, spec)[is_recent].to_numpy()
    yearly = np.nan_to_num(amount)
    parts = {
        "acquisition": money.cost("acquisition_cost", yearly),
        "onboarding": money.cost("onboarding_cost", yearly),
        "support": money.cost("support_cost_per_month", yearly) * stayed,
        "commission": money.commission_rate * yearly,
    }
    margin = money.gross_margin * yearly / 12 * stayed
    net = sum(parts.values()) - margin
    lifetime = np.full(len(stayed), money.expected_lifetime_months)
    if probability is not None and money.own_months is not None:
        own, _ = money.own_months.of_many(probability.reindex(view.index).to_numpy()[is_recent])
        lifetime = np.where(np.isnan(own), lifetime, own)
    missed = money.gross_margin * yearly / 12 * np.maximum(lifetime - stayed, 0)
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


def _limits(name: str, amounts: np.typing.NDArray[np.float64]) -> dict[str, float]:
    total, half_width = float(amounts.sum()), NORMAL_95 * float(np.sqrt((amounts**2).sum()))
    return {name: total, f"{name}_low": total - half_width, f"{name}_high": total + half_width}
