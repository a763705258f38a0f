"""The figures of evaluation: functions that compute a table or draw one.

A `compute_` function returns a DataFrame (or a small result), a `plot_` function takes it and
returns its axes. The modules behind this one are private to the room. Each is imported when a
function of it is first used, because some of them import the learner.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fitmodel.evaluation._calibration import compute_calibration
    from fitmodel.evaluation._curves import (
        compute_bands,
        compute_gains,
        compute_precision_recall,
        compute_roc,
    )
    from fitmodel.evaluation._disagreement import (
        compute_flag_changes,
        compute_group_disagreement,
        find_disagreeing_deals,
    )
    from fitmodel.evaluation._flags import (
        compute_flagged,
        compute_money_curve,
        compute_net_benefit,
        plot_decision_curve,
        plot_money_curve,
        sum_flags,
    )
    from fitmodel.evaluation._groups import (
        compute_pooled_groups,
        compute_subgroups,
        differing_groups,
        plot_pooled_groups,
    )
    from fitmodel.evaluation._instability import (
        Instability,
        compute_instability,
        plot_flag_changes,
        plot_instability,
    )
    from fitmodel.evaluation._plots import (
        draw_predictions,
        plot_ageing,
        plot_bands,
        plot_calibration,
        plot_gains,
        plot_precision_recall,
        plot_roc,
        plot_stability,
    )
    from fitmodel.evaluation._smooth_calibration import (
        compute_probability_distribution,
        compute_smooth_calibration,
        plot_smooth_calibration,
    )
    from fitmodel.evaluation._table_plots import (
        compute_level,
        compute_table,
        plot_level,
        plot_survival,
        plot_table,
        save_table_plot,
    )
    from fitmodel.evaluation.drawing import figure_of
    from fitmodel.evaluation.sample_size import compute_learning_curve, plot_learning_curve

__all__ = [
    "Instability",
    "compute_bands",
    "compute_calibration",
    "compute_flag_changes",
    "compute_flagged",
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
    "compute_subgroups",
    "compute_table",
    "differing_groups",
    "draw_predictions",
    "figure_of",
    "find_disagreeing_deals",
    "plot_ageing",
    "plot_bands",
    "plot_calibration",
    "plot_decision_curve",
    "plot_flag_changes",
    "plot_gains",
    "plot_instability",
    "plot_learning_curve",
    "plot_level",
    "plot_money_curve",
    "plot_pooled_groups",
    "plot_precision_recall",
    "plot_roc",
    "plot_smooth_calibration",
    "plot_stability",
    "plot_survival",
    "plot_table",
    "save_table_plot",
    "sum_flags",
]

_NAMES_BY_MODULE = {
    "_calibration": "compute_calibration",
    "_curves": "compute_bands compute_gains compute_precision_recall compute_roc",
    "_disagreement": "compute_flag_changes compute_group_disagreement find_disagreeing_deals",
    "_flags": (
        "compute_flagged compute_money_curve compute_net_benefit plot_decision_curve "
        "plot_money_curve sum_flags"
    ),
    "_groups": "compute_pooled_groups compute_subgroups differing_groups plot_pooled_groups",
    "_instability": "Instability compute_instability plot_flag_changes plot_instability",
    "_plots": (
        "draw_predictions plot_ageing plot_bands plot_calibration plot_gains "
        "plot_precision_recall plot_roc plot_stability"
    ),
    "_smooth_calibration": (
        "compute_probability_distribution compute_smooth_calibration plot_smooth_calibration"
    ),
    "_table_plots": (
        "compute_level compute_table plot_level plot_survival plot_table save_table_plot"
    ),
    "drawing": "figure_of",
    "sample_size": "compute_learning_curve plot_learning_curve",
}
_MODULE_OF = {
    name: f"fitmodel.evaluation.{module}"
    for module, names in _NAMES_BY_MODULE.items()
    for name in names.split()
}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
