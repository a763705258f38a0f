"""Frames behind the plots: ROC, precision and recall, early churn by band of the score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.evaluation.calibration import wilson_interval

if TYPE_CHECKING:
    import numpy.typing as npt

LEAST_GROUP = 20  # a subgroup with fewer deals says nothing
MOST_LEVELS = 12


def compute_roc(
    y: npt.ArrayLike, p: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> pd.DataFrame:
    """Rates at every threshold: columns false_positive_rate, true_positive_rate, threshold."""
    from sklearn.metrics import roc_curve

    false_positive, true_positive, threshold = roc_curve(y, p, sample_weight=weight)
    return pd.DataFrame(
        {
            "false_positive_rate": false_positive,
            "true_positive_rate": true_positive,
            "threshold": threshold,
        }
    )


def compute_precision_recall(
    y: npt.ArrayLike, p: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> pd.DataFrame:
    """Precision and recall at every threshold: columns precision, recall, threshold."""
    from sklearn.metrics import precision_recall_curve

    precision, recall, threshold = precision_recall_curve(y, p, sample_weight=weight)
    return pd.DataFrame(
        {"precision": precision, "recall": recall, "threshold": [*threshold, np.inf]}
    )


def compute_bands(
    band: npt.ArrayLike,
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """What was predicted and what came, per group of deals.

    Parameters
    ----------
    band : array of shape (n,)
        Group of each deal: a band of the score, a level of an attribute.
    y, p, weight : array of shape (n,)

    Returns
    -------
    DataFrame with columns band, count, predicted, observed, low, high (95 % Wilson interval of
    observed, at the effective sample size) and observed_over_expected.
    """
    outcome = np.asarray(y, dtype=float)
    mass = np.ones(len(outcome)) if weight is None else np.asarray(weight, dtype=float)
    deals = pd.DataFrame(
        {
            "band": np.asarray(band),
            "count": 1,
            "mass": mass,
            "square": mass**2,
            "left": mass * outcome,
            "expected": mass * np.asarray(p, dtype=float),
        }
    )
    total = deals.groupby("band", sort=True).sum()
    observed = (total["left"] / total["mass"]).to_numpy()
    low, high = wilson_interval(observed, (total["mass"] ** 2 / total["square"]).to_numpy())
    return pd.DataFrame(
        {
            "band": total.index,
            "count": total["count"].to_numpy(),
            "predicted": (total["expected"] / total["mass"]).to_numpy(),
            "observed": observed,
            "low": low,
            "high": high,
            "observed_over_expected": (total["left"] / total["expected"]).to_numpy(),
        }
    )


def compute_subgroups(
    attributes: pd.DataFrame, y: npt.ArrayLike, p: npt.ArrayLike, weight: npt.ArrayLike
) -> pd.DataFrame:
    """`compute_bands` for every attribute of few levels, groups of 20 deals or more.

    Returns
    -------
    DataFrame with columns attribute, level and those of `compute_bands`.
    """
    parts = []
    for name in attributes.columns:
        values = attributes[name]
        if not 2 <= values.nunique() <= MOST_LEVELS:
            continue
        known = values.notna().to_numpy()
        frame = compute_bands(
            values[known].astype(str), np.asarray(y)[known], np.asarray(p)[known],
            np.asarray(weight)[known],
        ).rename(columns={"band": "level"})
        frame.insert(0, "attribute", name)
        parts.append(frame[frame["count"] >= LEAST_GROUP])
    columns = ["attribute", "level", "count", "predicted", "observed", "low", "high"]
    if not parts:
        return pd.DataFrame(columns=[*columns, "observed_over_expected"])
    return pd.concat(parts, ignore_index=True)
