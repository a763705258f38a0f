"""All plots, and the functions that compute their data, in one place for notebooks.

Each `compute_` function returns a DataFrame (or a small result). Each `plot_` function takes it and
returns matplotlib axes, on a new figure unless `ax` is given (`plot_table` takes the scorecard,
`plot_survival` curves by their names). `figure_of(ax)` returns the figure.
Each function is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fitmodel.evaluation.figures import (
        compute_bands,
        compute_calibration,
        compute_flag_changes,
        compute_gains,
        compute_group_disagreement,
        compute_instability,
        compute_learning_curve,
        compute_level,
        compute_money_curve,
        compute_net_benefit,
        compute_pooled_groups,
        compute_precision_recall,
        compute_probability_distribution,
        compute_roc,
        compute_smooth_calibration,
        compute_table,
        figure_of,
        plot_ageing,
        plot_bands,
        plot_calibration,
        plot_decision_curve,
        plot_flag_changes,
        plot_gains,
        plot_instability,
        plot_learning_curve,
        plot_level,
        plot_money_curve,
        plot_pooled_groups,
        plot_precision_recall,
        plot_roc,
        plot_smooth_calibration,
        plot_stability,
        plot_survival,
        plot_table,
    )
    from fitmodel.monitoring.drift import (
        compute_drift,
    )
    from fitmodel.monitoring.plots import (
        plot_drift,
        plot_drift_by_month,
    )
    from fitmodel.sales.plots import (
        plot_funnel,
        plot_profile,
    )

__all__ = [
    "compute_bands",
    "compute_calibration",
    "compute_drift",
    "compute_flag_changes",
    "compute_gains",
    "compute_group_disagreement",
    "compute_instability",
    "compute_learning_curve",
    "compute_level",
    "compute_money_curve",
    "compute_net_benefit",
    "compute_pooled_groups",
    "compute_precision_recall",
    "compute_probability_distribution",
    "compute_roc",
    "compute_smooth_calibration",
    "compute_table",
    "figure_of",
    "plot_ageing",
    "plot_bands",
    "plot_calibration",
    "plot_decision_curve",
    "plot_drift",
    "plot_drift_by_month",
    "plot_flag_changes",
    "plot_funnel",
    "plot_gains",
    "plot_instability",
    "plot_learning_curve",
    "plot_level",
    "plot_money_curve",
    "plot_pooled_groups",
    "plot_precision_recall",
    "plot_profile",
    "plot_roc",
    "plot_smooth_calibration",
    "plot_stability",
    "plot_survival",
    "plot_table",
]

_MODULE_OF = dict.fromkeys(__all__, "fitmodel.evaluation.figures") | {
    "compute_drift": "fitmodel.monitoring.drift",
    "plot_drift": "fitmodel.monitoring.plots",
    "plot_drift_by_month": "fitmodel.monitoring.plots",
    "plot_funnel": "fitmodel.sales.plots",
    "plot_profile": "fitmodel.sales.plots",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'fitmodel.plots' has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
