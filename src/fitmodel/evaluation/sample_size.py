"""How many deals a model needs: minimum sample size, width of intervals, learning curve.

rate of early churn, columns of the design -> minimum sample size -> a sentence for `check`
                                           -> width of the interval of an average prospect
out-of-time split -> random shares of the training deals -> learn -> predict the same later deals
                  -> loss by number of deals -> fitted curve a + b / n -> twice the deals
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.enough import MIN_CHURNERS_OF_A_PART
from fitmodel.deals.history import HistoryView, view_of
from fitmodel.evaluation._splits import latest_possible_split
from fitmodel.evaluation.drawing import BLUE, GREY, ORANGE, finished, new_axes
from fitmodel.evaluation.metrics import compute_metrics
from fitmodel.evaluation.out_of_time import options_of_a_part
from fitmodel.exceptions import DealsError
from fitmodel.language.catalogue import phrases
from fitmodel.learning.columns import NumberColumn
from fitmodel.learning.encoding import fit_columns
from fitmodel.learning.learner import learn
from fitmodel.learning.scorecard import INTERVAL_Z
from fitmodel.learning.settings import LearnerOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.training_set import TrainingSet

SHRINKAGE = 0.9  # effects should be shrunk by at most a tenth
MAX_OPTIMISM = 0.05  # of Nagelkerke's R squared
MARGIN, NORMAL_95 = 0.05, 1.96  # margin of error of the company's rate, and its normal quantile
USUAL_SHARE = 0.15  # of the largest R squared of Cox and Snell, if the R squared is not known
INTERVAL_RATIO = 1.1  # rough ratio of the reported interval to one from the posterior variance
SPREAD_OF_DEALS = 1.0  # standard deviation in log-odds: a ROC AUC of about 0.75
MAX_DEALS = 10**7
SHARES = (0.2, 0.35, 0.5, 0.7, 1.0)
MIN_POINTS = 3
COLUMNS = (
    *("n_train", "early_churners", "log_loss", "log_loss_low", "log_loss_high", "roc_auc"),
    *("fitted", "extrapolated"),
)


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
    half_width = INTERVAL_Z * INTERVAL_RATIO * math.sqrt(variance)
    centre = math.log(rate / (1 - rate))
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


def compute_learning_curve(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    *,
    shares: Sequence[float] = SHARES,
    seed: int = 0,
    progress: Callable[[float], object] | None = None,
) -> pd.DataFrame:
    """Learn from growing shares of the training deals and evaluate each on the same later deals.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        As read by `fitmodel.read_deals`.
    spec : DealSpec
        A contract with dates.
    shares : sequence of float
        Shares of the training deals, drawn at random so that all cover the same period. Each takes
        one training.
    seed : int
        Random seed of the choice of deals.
    progress : callable, optional
        Called with each share when it begins.

    Returns
    -------
    DataFrame
        One row per share with enough early churners, and a last row, with `extrapolated` true, for
        twice the deals: `n_train`, `early_churners`, `log_loss` with its 95% interval
        `log_loss_low`, `log_loss_high`, `roc_auc`, and `fitted` (the curve).

    Raises
    ------
    DealsError
        If there are no dates, or fewer than 3 shares have enough early churners to learn from.

    Notes
    -----
    The curve is ``log loss = a + b / n`` with b >= 0, by least squares: the estimation error of a
    model of fixed size falls as 1 / n. The curve is not valid beyond twice the deals.

    Examples
    --------
    >>> from fitmodel.evaluation.figures import compute_learning_curve
    >>> sim = fitmodel.simulate_deals(1500, seed=1)
    >>> curve = compute_learning_curve(sim.deals, sim.spec, shares=(0.4, 0.7, 1.0))
    >>> len(curve), bool(curve["extrapolated"].iloc[-1])
    (4, True)
    """
    view = view_of(deals, spec)
    split = latest_possible_split(view, spec)
    order = np.random.default_rng(seed).permutation(len(split.train))
    rows = []
    for share in sorted(shares):
        if progress is not None:
            progress(share)
        chosen = np.sort(order[: max(1, round(share * len(order)))])
        row = _measured(split.train.subset(chosen), split.test, spec)
        if row is not None:
            rows.append(row)
    if len(rows) < MIN_POINTS:
        raise DealsError(
            f"{len(rows)} of {len(shares)} shares of {len(order):,} training deals have the "
            f"{MIN_CHURNERS_OF_A_PART} early churners needed; {MIN_POINTS} are needed for a curve. "
            "Remedy: larger shares, or more deals."
        )
    return _with_extrapolation(pd.DataFrame(rows))


def _measured(train: HistoryView, test: HistoryView, spec: DealSpec) -> dict[str, Any] | None:
    """Return the metrics of a model of some deals; None if they are too few to learn from."""
    churners = int((train.early_churn == 1).sum())
    if min(churners, len(train) - churners) < MIN_CHURNERS_OF_A_PART:
        return None
    learned = learn(train, spec, **options_of_a_part("full"))
    later = test.labelled(learned.training_set.dates)
    metrics = compute_metrics(
        later.early_churn,
        learned.estimator.predict_proba(later.attributes)[:, 1],
        weight=later.weight,
        base_rate=learned.scorecard.base_rate,
        n_boot=200,
    )
    loss = metrics["log_loss"]
    return {
        "n_train": len(train),
        "early_churners": churners,
        "log_loss": loss.value,
        "log_loss_low": loss.low,
        "log_loss_high": loss.high,
        "roc_auc": metrics["roc_auc"].value,
    }


def _with_extrapolation(frame: pd.DataFrame) -> pd.DataFrame:
    """Add the fitted curve, and the row of twice the deals."""
    level, slope = fit_learning_curve(frame["n_train"].to_numpy(), frame["log_loss"].to_numpy())
    measured = frame.assign(fitted=level + slope / frame["n_train"], extrapolated=False)
    last = frame.iloc[-1]
    extrapolated = {
        "n_train": 2 * int(last["n_train"]),
        "early_churners": 2 * int(last["early_churners"]),
        "fitted": level + slope / (2 * last["n_train"]),
        "extrapolated": True,
    }
    return pd.concat([measured, pd.DataFrame([extrapolated])], ignore_index=True)[list(COLUMNS)]


def fit_learning_curve(n: Any, loss: Any) -> tuple[float, float]:
    """Return a and b of ``loss = a + b / n`` by least squares, b at least 0."""
    x = 1 / np.asarray(n, dtype=np.float64)
    y = np.asarray(loss, dtype=np.float64)
    slope = max(float(np.cov(x, y, bias=True)[0, 1] / np.var(x)), 0.0)
    return float(y.mean() - slope * x.mean()), slope


def plot_learning_curve(
    frame: pd.DataFrame, ax: Axes | None = None, *, language: str = "en"
) -> Axes:
    """Draw `compute_learning_curve`'s frame, extended to twice the deals."""
    ax, say = ax or new_axes(), phrases(language, "plots")
    measured, extrapolated = frame[~frame["extrapolated"]], frame[frame["extrapolated"]]
    whiskers = [
        measured["log_loss"] - measured["log_loss_low"],
        measured["log_loss_high"] - measured["log_loss"],
    ]
    ax.errorbar(
        measured["n_train"],
        measured["log_loss"],
        yerr=[side.clip(lower=0) for side in whiskers],
        fmt="o",
        color=BLUE,
        capsize=3,
        label=say("same_later_deals"),
    )
    ax.plot(frame["n_train"], frame["fitted"], color=GREY, linestyle="--", label="a + b / n")
    gain = float(measured["fitted"].iloc[-1] - extrapolated["fitted"].iloc[0])
    label = say("twice", gain=f"{gain:.4f}")
    ax.plot(extrapolated["n_train"], extrapolated["fitted"], "D", color=ORANGE, label=label)
    ax.set(title=say("learning_curve"), xlabel=say("learned_from"), ylabel=say("log_loss"))
    return finished(ax, "upper right")
