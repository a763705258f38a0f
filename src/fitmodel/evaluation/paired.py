"""Paired differences between two models' metrics on the same deals.

outcomes and both probabilities -> the same resamples for both -> metric of one minus the other
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fitmodel.evaluation.metrics import Metric, percentile_interval, rank_and_losses
from fitmodel.evaluation.sample import Sample

if TYPE_CHECKING:
    import numpy.typing as npt

    from fitmodel.evaluation.sample import Matrix, Vector

PAIRED = ("log_loss", "roc_auc", "brier")
LOWER_IS_BETTER = frozenset({"log_loss", "brier"})


def compare_metrics(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    other: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    n_boot: int = 1000,
    seed: int = 0,
) -> dict[str, Metric]:
    """Return the metrics of `p` minus those of `other` on the same deals, with paired intervals.

    Parameters
    ----------
    y : array of shape (n,)
        1 for early churn, 0 for a customer that stayed; deals that NEITHER model learned from.
    p, other : array of shape (n,)
        Probabilities by the two models for the same deals.
    weight : array of shape (n,), optional
        Inverse-probability-of-censoring weights; deals of weight 0 are left out.
    n_boot, seed
        Number of bootstrap resamples of the interval, and random seed; the same seed and deals
        give the same intervals.

    Returns
    -------
    dict of Metric
        `log_loss`, `roc_auc` and `brier`; `base` is 0, no difference. Below 0 the first model is
        better in log loss and Brier score, above 0 in ROC AUC.

    Raises
    ------
    DealsError
        If the arrays do not match or hold impossible values, or all outcomes are the same.

    Notes
    -----
    Paired percentile bootstrap (Efron and Tibshirani 1993, chapter 8): both models are measured on
    the same resamples, so what makes a resample difficult for both cancels.

    Examples
    --------
    >>> from fitmodel.evaluation.paired import compare_metrics
    >>> result = compare_metrics([0, 1] * 50, [0.2, 0.8] * 50, [0.8, 0.2] * 50)
    >>> result["roc_auc"].value, result["log_loss"].high < 0
    (1.0, True)
    """
    pair = _Pair(Sample.of(y, p, weight, other).require_both())
    value = pair.differences(pair.first.weight[None])
    chunks = [pair.differences(weights) for weights in pair.first.resamples(n_boot, seed)]
    drawn = {
        name: np.concatenate([*(each[name] for each in chunks), np.empty(0)]) for name in value
    }
    return {
        name: Metric(
            name, float(value[name][0]), *percentile_interval(drawn[name]), 0.0, len(drawn[name])
        )
        for name in PAIRED
    }


class _Pair:
    """The same deals as two samples, each in the order of one model's probabilities."""

    def __init__(self, first: Sample) -> None:
        self.first = first
        self.order = np.lexsort((first.outcome, -first.reference))
        ordered = first.reference[self.order]
        self.second = Sample(
            first.outcome[self.order],
            ordered,
            first.weight[self.order],
            first.probability[self.order],
            np.flatnonzero(np.r_[True, np.diff(ordered) != 0]),
        )

    def differences(self, weights: Matrix) -> dict[str, Vector]:
        """Return each metric of the first model minus that of the second, per row of `weights`."""
        one = rank_and_losses(self.first, weights)
        two = rank_and_losses(self.second, weights[:, self.order])
        return {name: one[name] - two[name] for name in PAIRED}
