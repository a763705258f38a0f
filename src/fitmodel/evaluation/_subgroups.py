"""Calibration and ranking of a model within each level of the attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.evaluation.calibration import summarise_groups
from fitmodel.evaluation.metrics import roc_auc
from fitmodel.evaluation.sample import Sample

if TYPE_CHECKING:
    import numpy.typing as npt

MAX_LEVELS = 12
MIN_DEALS = 20
MIN_OF_EACH = 10
"""Minimum number of early churners, and of customers that stayed, for an AUC."""
COLUMNS = (
    "attribute",
    "level",
    "count",
    "mean_predicted",
    "observed",
    "observed_low",
    "observed_high",
    "observed_over_expected",
    "roc_auc",
)


def compute_subgroups(
    attributes: pd.DataFrame,
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Compare predicted with observed early churn within each level of the attributes.

    Parameters
    ----------
    attributes : DataFrame of shape (n, attributes)
        Attributes of the deals; those with 2 to 12 levels are evaluated (an empty value is a level
        of its own).
    y, p, weight : array of shape (n,)
        Outcomes, probabilities and weights of the same deals.

    Returns
    -------
    DataFrame
        One row per level with at least 20 deals, in the attributes' order, levels by count:
        `attribute`, `level`, `count`, `mean_predicted`, `observed`, `observed_low` and
        `observed_high` (95 % Wilson interval), `observed_over_expected`, `roc_auc` (NaN with
        fewer than 10 of either outcome). With many levels some intervals exclude the mean
        prediction by chance: one in twenty for a perfect model.

    Raises
    ------
    DealsError
        If the arrays do not match or hold impossible values.
    """
    Sample.of(y, p, weight)
    outcome, probability = np.asarray(y, dtype=np.float64), np.asarray(p, dtype=np.float64)
    weights = np.broadcast_to(
        np.asarray(1.0 if weight is None else weight, dtype=np.float64), outcome.shape
    )
    rows = [
        _row(str(name), level, Sample.of(outcome[inside], probability[inside], weights[inside]))
        for name in attributes.columns
        for level, inside in _levels(attributes[name], weights > 0)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _levels(
    values: pd.Series[Any], known: npt.NDArray[np.bool_]
) -> list[tuple[str, npt.NDArray[np.bool_]]]:
    """Return the levels with enough deals to evaluate, and the deals of each."""
    text = values.astype("object").where(values.notna(), "(empty)").map(str).to_numpy()
    levels, counts = np.unique(text[known], return_counts=True)
    if not 2 <= len(levels) <= MAX_LEVELS:  # noqa: PLR2004  one level is not a subgroup
        return []
    large = np.argsort(-counts, kind="stable")
    return [(str(levels[i]), known & (text == levels[i])) for i in large if counts[i] >= MIN_DEALS]


def _row(attribute: str, level: str, sample: Sample) -> dict[str, Any]:
    total = summarise_groups(sample, np.zeros(len(sample), dtype=np.intp)).iloc[0]
    churners = int(sample.outcome.sum())
    enough = min(churners, len(sample) - churners) >= MIN_OF_EACH
    return {
        "attribute": attribute,
        "level": level,
        "count": len(sample),
        "mean_predicted": total["mean_predicted"],
        "observed": total["observed"],
        "observed_low": total["observed_low"],
        "observed_high": total["observed_high"],
        "observed_over_expected": total["observed"] / total["mean_predicted"],
        "roc_auc": roc_auc(sample) if enough else np.nan,
    }
