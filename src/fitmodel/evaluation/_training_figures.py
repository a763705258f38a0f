"""Every figure of a training report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fitmodel.evaluation.level_plot import plot_level
from fitmodel.evaluation.net_benefit import (
    compute_net_benefit,
    plot_decision_curve,
    plot_money_curve,
)
from fitmodel.evaluation.plots import draw_predictions, figure_of
from fitmodel.evaluation.pooled_groups import plot_pooled_groups
from fitmodel.evaluation.smooth_calibration import (
    compute_probability_distribution,
    compute_smooth_calibration,
    plot_smooth_calibration,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from fitmodel.learning.level import Level

MAX_GROUPS = 40
"""Number of groups in the plot: those with the largest deviation. The report has all groups."""


def draw_training(
    predictions: pd.DataFrame,
    *,
    money_curve: pd.DataFrame,
    pooled_groups: pd.DataFrame,
    level: Level | None,
    language: str = "en",
) -> dict[str, Figure]:
    """Return the figures of a training by name; parameters and names as in `TrainingReport`."""
    y, p, weight = (predictions[name] for name in ("early_churn", "probability", "weight"))
    drawn = draw_predictions(y, p, weight, language=language)
    smooth = plot_smooth_calibration(
        compute_smooth_calibration(y, p, weight),
        compute_probability_distribution(y, p, weight),
        language=language,
    )
    drawn["smooth_calibration"] = figure_of(smooth)
    benefit = compute_net_benefit(y, p, weight)
    drawn["decision_curve"] = figure_of(plot_decision_curve(benefit, language=language))
    if len(money_curve):
        drawn["money_curve"] = figure_of(plot_money_curve(money_curve, language=language))
    if len(pooled_groups):
        far = (pooled_groups["pooled"] - 1).abs().sort_values(ascending=False)
        chosen = pooled_groups.loc[sorted(far.index[:MAX_GROUPS])]
        drawn["groups"] = figure_of(plot_pooled_groups(chosen, language=language))
    if level is not None and level.months:
        drawn["level"] = figure_of(plot_level(level, language=language))
    return drawn
