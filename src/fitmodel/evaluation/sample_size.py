"""Number of deals that a risk model needs, and expected width of its intervals with these deals.

rate of early churn, columns of the design -> minimum sample size -> a sentence for `check`
                                           -> width of the interval of an average prospect
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fitmodel.learning.columns import NumberColumn
from fitmodel.learning.encoding import fit_columns
from fitmodel.learning.scorecard import INTERVAL_Z
from fitmodel.learning.settings import LearnerOptions

if TYPE_CHECKING:
    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.training_set import TrainingSet

SHRINKAGE = 0.9  # effects should be shrunk by at most a tenth
MAX_OPTIMISM = 0.05  # of Nagelkerke's R squared
MARGIN, NORMAL_95 = 0.05, 1.96  # margin of error of the company's rate, and its normal quantile
USUAL_SHARE = 0.15  # of the largest R squared of Cox and Snell, if the R squared is not known
INTERVAL_RATIO = (
    1.1  # rough ratio of the reported interval to one from the posterior variance alone
)
SPREAD_OF_DEALS = 1.0  # standard deviation in log-odds: a ROC AUC of about 0.75
MAX_DEALS = 10**7


@dataclass(frozen=True)
class SampleSize:
    """Minimum number of deals to develop a risk model.

    Parameters
    ----------
    shrinkage, optimism, rate : int
        Number of deals for a shrinkage factor of at least 0.9, for an optimism of R squared of at
        most 0.05, and for a 95% interval of the company's rate of at most 0.05 to either side.
    parameters : int
        Number of columns of the design, that is of effects to be estimated.
    """

    shrinkage: int
    optimism: int
    rate: int
    parameters: int

    @property
    def deals(self) -> int:
        """Number of deals that meets all three criteria: the largest of the three."""
        return max(self.shrinkage, self.optimism, self.rate)


def minimum_sample_size(parameters: int, rate: float, r_squared: float | None = None) -> SampleSize:
    """Compute how many deals a risk model with a given number of parameters needs.

    Parameters
    ----------
    parameters : int
        Number of columns of the design.
    rate : float
        Share of early churn, between 0 and 1.
    r_squared : float, optional
        Expected R squared (Cox and Snell) of the model; default: 15% of the largest value that
        is possible at this rate.

    Notes
    -----
    Riley and others (2020), "Calculating the sample size required for developing a clinical
    prediction model", BMJ 368:m441: criteria 1, 3 and 4 for a binary outcome, as in the package
    pmsampsize.

    Examples
    --------
    >>> from fitmodel.evaluation.sample_size import minimum_sample_size
    >>> minimum_sample_size(24, 0.174, 0.288).deals
    662
    """
    largest = 1 - (rate**rate * (1 - rate) ** (1 - rate)) ** 2
    r2 = USUAL_SHARE * largest if r_squared is None else r_squared
    shrinkage_for_optimism = r2 / (r2 + MAX_OPTIMISM * largest)
    return SampleSize(
        shrinkage=_deals_for(SHRINKAGE, parameters, r2),
        optimism=_deals_for(shrinkage_for_optimism, parameters, r2),
        rate=math.ceil((NORMAL_95 / MARGIN) ** 2 * rate * (1 - rate)),
        parameters=parameters,
    )


def _deals_for(shrinkage: float, parameters: int, r_squared: float) -> int:
    """Return the number of deals with which the expected shrinkage factor is the one given."""
    return math.ceil(parameters / ((shrinkage - 1) * math.log(1 - r_squared / shrinkage)))


def expected_width(deals: float, parameters: int, rate: float) -> float:
    """Return the expected width of the 80% interval of an average prospect's probability.

    Parameters
    ----------
    deals : float
        Number of deals with a known outcome.
    parameters : int
        Number of columns of the design.
    rate : float
        Share of early churn, between 0 and 1.

    Notes
    -----
    Posterior variance of the log-odds of a ridge regression on independent columns whose combined
    effect has a standard deviation of one unit of log-odds: each deal adds ``rate (1 - rate)`` to
    the information on each column.
    """
    information = deals * rate * (1 - rate)
    variance = parameters / (parameters / SPREAD_OF_DEALS**2 + information) + 1 / max(
        information, 1e-9
    )
    half_width, centre = (
        INTERVAL_Z * INTERVAL_RATIO * math.sqrt(variance),
        math.log(rate / (1 - rate)),
    )
    low, high = (1 / (1 + math.exp(-(centre + side * half_width))) for side in (-1, 1))
    return high - low


def deals_for_width(width: float, parameters: int, rate: float) -> int:
    """Return the number of deals with which `expected_width` is at most `width`."""
    low, high = 1, MAX_DEALS
    while low < high:
        middle = (low + high) // 2
        if expected_width(middle, parameters, rate) > width:
            low = middle + 1
        else:
            high = middle
    return low


def describe_sample(training_set: TrainingSet, spec: DealSpec, rate: float) -> str:
    """Return a text for `check` on whether there are enough deals, and how wide intervals will be.

    Parameters
    ----------
    training_set : TrainingSet
        Deals to learn from.
    spec : DealSpec
        Contract of the deals.
    rate : float
        Kaplan-Meier estimate of early churn.
    """
    churners = int((training_set.early_churn == 1).sum())
    known = max(int(training_set.is_known.sum()), 1)
    rate = min(max(rate, 0.5 / known), 1 - 0.5 / known)
    deals = churners / rate if churners else known  # young deals count by their information
    parameters = parameters_of(training_set, spec)
    needed = minimum_sample_size(parameters, rate)
    width = expected_width(deals, parameters, rate)
    for_half_width = deals_for_width(width / 2, parameters, rate)
    enough = "enough" if deals >= needed.deals else "too few, so effects will be shrunk"
    return (
        f"a risk model of {parameters} parameters needs about {needed.deals:,} deals with a known "
        f"outcome, {_churners(needed.deals, rate)} of them early churners (Riley and others 2020). "
        f"These deals count as {deals:,.0f} (young ones count in part): {enough}. The 80% interval "
        f"of an average prospect will be about {100 * width:.0f} percentage points wide; for half "
        f"of that, about {for_half_width:,} deals ({_churners(for_half_width, rate)} early "
        "churners) or fewer attributes are needed"
    )


def parameters_of(training_set: TrainingSet, spec: DealSpec) -> int:
    """Count the design's parameters: one per number, levels minus one per category."""
    options = LearnerOptions.from_spec(spec, training_set.dates)
    columns = fit_columns(training_set.attributes, options.encoding)
    sizes = (
        1 if isinstance(column, NumberColumn) else max(column.size - 1, 1) for column in columns
    )
    return max(sum(sizes), 1)


def _churners(deals: float, rate: float) -> str:
    return f"{math.ceil(deals * rate):,}"
