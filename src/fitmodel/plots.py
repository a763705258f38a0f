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
    from fitmodel.evaluation.calibration import (
        compute_calibration,
    )
    from fitmodel.evaluation.curves import (
        compute_bands,
        compute_gains,
        compute_precision_recall,
        compute_roc,
    )
    from fitmodel.evaluation.disagreement import (
        compute_flag_changes,
        compute_group_disagreement,
    )
    from fitmodel.evaluation.groups import (
        compute_pooled_groups,
        plot_pooled_groups,
    )
    from fitmodel.evaluation.instability import (
        compute_instability,
        plot_flag_changes,
        plot_instability,
    )
    from fitmodel.evaluation.learning_curve import (
        compute_learning_curve,
        plot_learning_curve,
    )
    from fitmodel.evaluation.net_benefit import (
        compute_money_curve,
        compute_net_benefit,
        plot_decision_curve,
        plot_money_curve,
    )
    from fitmodel.evaluation.plots import (
        figure_of,
        plot_ageing,
        plot_bands,
        plot_calibration,
        plot_gains,
        plot_precision_recall,
        plot_roc,
        plot_stability,
    )
    from fitmodel.evaluation.smooth_calibration import (
        compute_probability_distribution,
        compute_smooth_calibration,
        plot_smooth_calibration,
    )
    from fitmodel.evaluation.table_plots import (
        compute_table,
        plot_table,
    )
    from fitmodel.evaluation.time_plots import (
        compute_level,
        plot_level,
        plot_survival,
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

_FUNCTIONS_BY_MODULE: dict[str, tuple[str, ...]] = {
    "fitmodel.evaluation.calibration": ("compute_calibration",),
    "fitmodel.evaluation.curves": (
        "compute_bands",
        "compute_gains",
        "compute_precision_recall",
        "compute_roc",
    ),
    "fitmodel.evaluation.disagreement": ("compute_flag_changes", "compute_group_disagreement"),
    "fitmodel.evaluation.instability": (
        "compute_instability",
        "plot_flag_changes",
        "plot_instability",
    ),
    "fitmodel.evaluation.learning_curve": ("compute_learning_curve", "plot_learning_curve"),
    "fitmodel.evaluation.time_plots": ("compute_level", "plot_level", "plot_survival"),
    "fitmodel.evaluation.net_benefit": (
        "compute_money_curve",
        "compute_net_benefit",
        "plot_decision_curve",
        "plot_money_curve",
    ),
    "fitmodel.evaluation.plots": (
        "figure_of",
        "plot_ageing",
        "plot_bands",
        "plot_calibration",
        "plot_gains",
        "plot_precision_recall",
        "plot_roc",
        "plot_stability",
    ),
    "fitmodel.evaluation.groups": ("compute_pooled_groups", "plot_pooled_groups"),
    "fitmodel.evaluation.smooth_calibration": (
        "compute_probability_distribution",
        "compute_smooth_calibration",
        "plot_smooth_calibration",
    ),
    "fitmodel.evaluation.table_plots": ("compute_table", "plot_table"),
    "fitmodel.monitoring.drift": ("compute_drift",),
    "fitmodel.monitoring.plots": ("plot_drift", "plot_drift_by_month"),
    "fitmodel.sales.plots": ("plot_funnel", "plot_profile"),
}
_MODULE_OF = {name: module for module, names in _FUNCTIONS_BY_MODULE.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'fitmodel.plots' has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
