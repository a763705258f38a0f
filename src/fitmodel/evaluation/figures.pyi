# The names of figures.py: what type checkers and editors see, and what is loaded on first use.
from ._calibration import compute_calibration as compute_calibration
from ._curves import compute_bands as compute_bands
from ._curves import compute_gains as compute_gains
from ._curves import compute_precision_recall as compute_precision_recall
from ._curves import compute_roc as compute_roc
from ._disagreement import compute_flag_changes as compute_flag_changes
from ._disagreement import compute_group_disagreement as compute_group_disagreement
from ._disagreement import find_disagreeing_deals as find_disagreeing_deals
from ._flags import compute_flagged as compute_flagged
from ._flags import compute_money_curve as compute_money_curve
from ._flags import compute_net_benefit as compute_net_benefit
from ._flags import plot_decision_curve as plot_decision_curve
from ._flags import plot_money_curve as plot_money_curve
from ._flags import sum_flags as sum_flags
from ._groups import compute_pooled_groups as compute_pooled_groups
from ._groups import compute_subgroups as compute_subgroups
from ._groups import differing_groups as differing_groups
from ._groups import plot_pooled_groups as plot_pooled_groups
from ._instability import Instability as Instability
from ._instability import compute_instability as compute_instability
from ._instability import plot_flag_changes as plot_flag_changes
from ._instability import plot_instability as plot_instability
from ._plots import draw_predictions as draw_predictions
from ._plots import plot_ageing as plot_ageing
from ._plots import plot_bands as plot_bands
from ._plots import plot_calibration as plot_calibration
from ._plots import plot_gains as plot_gains
from ._plots import plot_precision_recall as plot_precision_recall
from ._plots import plot_roc as plot_roc
from ._plots import plot_stability as plot_stability
from ._smooth_calibration import (
    compute_probability_distribution as compute_probability_distribution,
)
from ._smooth_calibration import compute_smooth_calibration as compute_smooth_calibration
from ._smooth_calibration import plot_smooth_calibration as plot_smooth_calibration
from ._table_plots import compute_level as compute_level
from ._table_plots import compute_table as compute_table
from ._table_plots import plot_level as plot_level
from ._table_plots import plot_survival as plot_survival
from ._table_plots import plot_table as plot_table
from ._table_plots import save_table_plot as save_table_plot
from .drawing import figure_of as figure_of
from .sample_size import compute_learning_curve as compute_learning_curve
from .sample_size import plot_learning_curve as plot_learning_curve
