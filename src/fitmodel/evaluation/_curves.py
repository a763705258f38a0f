"""Data of the evaluation plots: thresholds and score bands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.evaluation._calibration import summarise_groups
from fitmodel.evaluation.sample import Sample, Vector
from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

BAND_WIDTHS = (0.01, 0.02, 0.05, 0.1)
MAX_BANDS = 10
"""Maximum number of bands; they are as narrow as this allows up to the 99th percentile."""


def compute_roc(
    y: npt.ArrayLike, p: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> pd.DataFrame:
    """Compute the receiver operating characteristic (ROC curve).

    Parameters
    ----------
    y, p, weight : array of shape (n,)
        Outcomes (1 for early churn), probabilities, and weights for censoring.

    Returns
    -------
    DataFrame
        One row per distinct probability, from no deal flagged to all: `threshold` (deals with this
        probability or more are flagged), `false_positive_rate` (share flagged of the customers
        that stayed), `true_positive_rate` (share flagged of the early churners), `count` (number
        of deals flagged).

    Raises
    ------
    DealsError
        If the arrays do not match, hold impossible values, or all outcomes are the same.
    """
    counts = _cumulative_counts(y, p, weight)
    stayed = counts["mass"] - counts["left"]
    return pd.DataFrame(
        {
            "threshold": counts["threshold"],
            "false_positive_rate": stayed / stayed.iloc[-1],
            "true_positive_rate": counts["left"] / counts["left"].iloc[-1],
            "count": counts["count"],
        }
    )


def compute_precision_recall(
    y: npt.ArrayLike, p: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> pd.DataFrame:
    """Compute precision and recall by threshold.

    Parameters and errors are those of `compute_roc`.

    Returns
    -------
    DataFrame
        One row per distinct probability, from few deals flagged to all: `threshold` (deals with
        this probability or more are flagged), `precision` (share of early churners among the
        flagged deals), `recall` (share flagged of the early churners), `count` (number of deals
        flagged).
    """
    counts = _cumulative_counts(y, p, weight).iloc[1:].reset_index(drop=True)
    return pd.DataFrame(
        {
            "threshold": counts["threshold"],
            "precision": counts["left"] / counts["mass"],
            "recall": counts["left"] / counts["left"].iloc[-1],
            "count": counts["count"],
        }
    )


def compute_gains(
    y: npt.ArrayLike, p: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> pd.DataFrame:
    """Compute cumulative gains: the share of all early churners that is among the riskiest deals.

    Parameters and errors are those of `compute_roc`.

    Returns
    -------
    DataFrame
        One row per distinct probability, from no deal flagged to all: `share_flagged` (of the
        deals), `share_found` (of the early churners), `lift` (`share_found` over `share_flagged`;
        NaN if no deal is flagged), `threshold`, `count` (number of deals flagged).
    """
    counts = _cumulative_counts(y, p, weight)
    share = counts["mass"] / counts["mass"].iloc[-1]
    result = counts["left"] / counts["left"].iloc[-1]
    return pd.DataFrame(
        {
            "share_flagged": share,
            "share_found": result,
            "lift": result / share.where(share > 0),
            "threshold": counts["threshold"],
            "count": counts["count"],
        }
    )


def compute_bands(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    *,
    edges: Sequence[float] | None = None,
) -> pd.DataFrame:
    """Count the deals in each band of the predicted probability, and their observed early churn.

    Parameters
    ----------
    y, p, weight : array of shape (n,)
        Outcomes (1 for early churn), probabilities, and weights for censoring.
    edges : sequence of float, optional
        Bounds of the bands from 0 to 1, increasing. By default the bands are 1, 2, 5 or 10
        percentage points wide, and the last one, which ends at 1, contains the few riskiest deals.

    Returns
    -------
    DataFrame
        One row per band with deals, lowest first: `band` ("5% to 10%"), `count`, `share`
        (of all deals, weighted), `mean_predicted`, `observed`, `observed_low`, `observed_high`
        (95% Wilson interval at the effective sample size). A band includes its lower bound.

    Raises
    ------
    DealsError
        If the arrays do not match or hold impossible values, or the edges do not increase from 0
        to 1.
    """
    sample = Sample.of(y, p, weight)
    bounds = _round_edges(sample.probability) if edges is None else _checked(edges)
    band = np.minimum(np.searchsorted(bounds, sample.probability, side="right"), len(bounds) - 1)
    frame = summarise_groups(sample, band - 1)
    names = [f"{_percent(bounds[i])} to {_percent(bounds[i + 1])}" for i in frame.index]
    mass = np.bincount(band - 1, weights=sample.weight)[frame.index]
    frame = frame.drop(columns=["low", "high"]).reset_index(drop=True)
    frame.insert(0, "band", names)
    frame.insert(1, "count", frame.pop("count"))
    frame.insert(2, "share", mass / mass.sum())
    return frame


def _cumulative_counts(
    y: npt.ArrayLike, p: npt.ArrayLike, weight: npt.ArrayLike | None
) -> pd.DataFrame:
    """Return cumulative counts while deals are flagged, riskiest first, ties together."""
    sample = Sample.of(y, p, weight).require_both()

    def cumulative(values: Vector) -> Vector:
        return np.cumsum(np.r_[0.0, sample.per_tie(values)])

    return pd.DataFrame(
        {
            "threshold": np.r_[np.inf, sample.probability[sample.tie_starts]],
            "mass": cumulative(sample.weight),
            "left": cumulative(sample.weight * sample.outcome),
            "count": cumulative(np.ones(len(sample))).astype(np.int64),
        }
    )


def _round_edges(probability: Vector) -> Vector:
    highest = float(np.quantile(probability, 0.99))
    widths = [width for width in BAND_WIDTHS if highest <= MAX_BANDS * width]
    width = widths[0] if widths else BAND_WIDTHS[-1]
    last_band = min(MAX_BANDS - 1, int(highest / width))
    return np.append(np.arange(last_band + 1) * width, 1.0)


def _checked(edges: Sequence[float]) -> Vector:
    bounds = np.asarray(edges, dtype=np.float64)
    if len(bounds) < 2 or bounds[0] != 0 or bounds[-1] != 1 or (np.diff(bounds) <= 0).any():  # noqa: PLR2004  one band has two edges
        raise DealsError(f"edges are {list(edges)}: they must rise from 0 to 1, as in 0, 0.2, 1.")
    return bounds


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"
