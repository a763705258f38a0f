"""Evidence of skill: better than a model that knows the level and no attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fitmodel.evaluation.metrics import Metric

NO_SKILL_AUC = 0.5
MAX_ASSOCIATION = 0.05  # P value of the global test above which few churners show no skill


def shows_skill(metrics: Mapping[str, Metric]) -> bool:
    """Return whether the model predicts better than one that knows the level and no attributes.

    Both the interval of the log loss gained and that of the ROC AUC must be above the values of
    such a model (0 and 0.5): a gain by a better level alone does not distinguish deals.
    """
    return metrics["log_loss_skill"].low > 0 and metrics["roc_auc"].low > NO_SKILL_AUC


def describe_skill(metrics: Mapping[str, Metric]) -> str:
    """Return one sentence on whether there is evidence of skill, with the intervals."""
    skill, auc = metrics["log_loss_skill"], metrics["roc_auc"]
    gained = f"log loss gained on the level alone {skill.value:.4f}"
    interval = f"95 % interval {skill.low:.4f} to {skill.high:.4f}"
    if shows_skill(metrics):
        return f"evidence of skill: {gained} ({interval})"
    if skill.high < 0:
        return f"no evidence of skill: WORSE than the level alone, {gained} ({interval})"
    if skill.low > 0:
        return (
            f"no evidence of skill: ROC AUC {auc.value:.2f}, whose 95 % interval {auc.low:.2f} to "
            f"{auc.high:.2f} includes chance (0.50)"
        )
    return f"no evidence of skill: {gained}, and the {interval} includes the level alone"


def describe_decay(decay: Metric) -> str:
    """Return one sentence on whether a model that is never retrained gets worse."""
    numbers = f"{decay.value:+.4f} log loss ({decay.low:+.4f} to {decay.high:+.4f})"
    if decay.low > 0:
        return f"an older model is worse: {numbers} for never retraining since the first cut"
    return f"no evidence that an older model is worse: {numbers} for never retraining"


def is_by_chance(association: float | None) -> bool:
    """Return whether chance may explain the association of attributes and outcomes.

    None means that it was not tested, and gives False.
    """
    return association is not None and association > MAX_ASSOCIATION


def describe_provisional(
    metrics: Mapping[str, Metric], association: float | None, n_early_churners: int
) -> str:
    """Return one sentence on a provisional model: its early churners, and the evidence of skill."""
    description = describe_skill(metrics)
    if shows_skill(metrics) and is_by_chance(association):
        description = (
            "no evidence of skill: chance alone would have attributes and early churn go together "
            f"as much in {association:.0%} of such tables (global test)"
        )
    return f"provisional model, learned from {n_early_churners:,} early churners: {description}"
