"""The stages of learning, one by one, for what needs a single one: evaluation, sales, benchmarks.

`fitmodel.learning.learner.learn` runs all of them. The modules behind this one are private to the
room.
"""

from __future__ import annotations

from fitmodel.learning._additive import BoostingOptions, fit_boosting
from fitmodel.learning._components import bootstrap_counts, check_learning
from fitmodel.learning._evidence import choose_by_evidence
from fitmodel.learning._fitting import fit_and_encode, follow_up_of, level_only_rate
from fitmodel.learning._imputation import impute
from fitmodel.learning._other_classifiers import black_box_probabilities
from fitmodel.learning._proportional_odds import (
    FollowUp,
    conditional_probability,
    expand_soft_labels,
    fit_baseline,
    shift_to_rate,
)
from fitmodel.learning._sampling import draw_samples, make_folds, random_folds
from fitmodel.learning._selection import choose

__all__ = [
    "BoostingOptions",
    "FollowUp",
    "black_box_probabilities",
    "bootstrap_counts",
    "check_learning",
    "choose",
    "choose_by_evidence",
    "conditional_probability",
    "draw_samples",
    "expand_soft_labels",
    "fit_and_encode",
    "fit_baseline",
    "fit_boosting",
    "follow_up_of",
    "impute",
    "level_only_rate",
    "make_folds",
    "random_folds",
    "shift_to_rate",
]
