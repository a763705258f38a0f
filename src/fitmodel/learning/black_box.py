"""A black-box reference: a tuned unrestricted learner, to measure what the scorecard gives up.

deals to train on -> HistGradientBoosting, settings chosen by early stopping and cross-validation,
bagged over seeds -> probabilities of deals not trained on
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.learning.columns import MISSING, CategoryColumn
from fitmodel.learning.encoding import encode_leniently, fit_columns, read_numbers
from fitmodel.learning.proportional_odds import expand_soft_labels
from fitmodel.learning.threads import native_threads

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from fitmodel.deals.training_set import TrainingSet
    from fitmodel.learning.columns import Column
    from fitmodel.learning.settings import LearnerOptions

MAX_CATEGORIES = 250  # what HistGradientBoosting can hold as one category
FOLDS = 4
BAGS = 5
SHAPES = (  # leaves of a tree, fewest deals of a leaf
    {"max_leaf_nodes": 4, "min_samples_leaf": 10},
    {"max_leaf_nodes": 8, "min_samples_leaf": 20},
    {"max_leaf_nodes": 31, "min_samples_leaf": 20},
)
FIXED = {"learning_rate": 0.05, "max_iter": 400, "l2_regularization": 1.0}
ROUNDS = (25, 50, 100, 200, 400)


def black_box_probabilities(
    train: TrainingSet, attributes: pd.DataFrame, options: LearnerOptions
) -> NDArray[np.float64]:
    """Probabilities of a tuned, bagged HistGradientBoosting.

    Tree size and number of trees are those with the smallest log loss in cross-validation; the
    mean of `BAGS` fits on bootstrap samples predicts.

    Parameters
    ----------
    train : TrainingSet
        Young deals count by the company's chance of early churn at their age.
    attributes : DataFrame
        Of the deals to predict.
    options : LearnerOptions

    Returns
    -------
    ndarray, shape (deals to predict,)
    """
    columns = fit_columns(train.attributes, options.encoding)
    known, asked = _matrix(columns, train.attributes), _matrix(columns, attributes)
    label = train.marginal_chance
    with native_threads(options.threads):
        shape, rounds = _tune(columns, known, label, train.weight, options.seed)
        settings = {**FIXED, **shape, "max_iter": rounds}
        generator = np.random.default_rng(options.seed)
        total = np.zeros(len(asked))
        for number in range(BAGS):
            times = np.bincount(
                generator.integers(0, len(label), len(label)), minlength=len(label)
            )
            model = _fit(columns, known, label, train.weight * times, settings, number)
            total += model.predict_proba(asked)[:, 1]
    return total / BAGS


def _tune(
    columns: tuple[Column, ...],
    matrix: NDArray[np.float64],
    label: NDArray[np.float64],
    weight: NDArray[np.float64],
    seed: int,
) -> tuple[dict[str, int], int]:
    """Tree shape and number of trees with the smallest log loss on deals not trained on."""
    fold = np.random.default_rng(seed).permutation(len(label)) % FOLDS
    best: tuple[float, dict[str, int], int] | None = None
    for shape in SHAPES:
        loss = np.zeros(len(ROUNDS))
        for number in range(FOLDS):
            inside, out = fold != number, fold == number
            model = _fit(
                columns, matrix[inside], label[inside], weight[inside], {**FIXED, **shape}, seed
            )
            stages = list(model.staged_predict_proba(matrix[out]))
            for place, rounds in enumerate(ROUNDS):
                p = np.clip(stages[min(rounds, len(stages)) - 1][:, 1], 1e-6, 1 - 1e-6)
                each = -label[out] * np.log(p) - (1 - label[out]) * np.log1p(-p)
                loss[place] += weight[out] @ each
        place = int(loss.argmin())
        if best is None or loss[place] < best[0]:
            best = (float(loss[place]), shape, ROUNDS[place])
    assert best is not None  # noqa: S101 - SHAPES is not empty
    return best[1], best[2]


def _fit(
    columns: tuple[Column, ...],
    matrix: NDArray[np.float64],
    label: NDArray[np.float64],
    weight: NDArray[np.float64],
    settings: dict[str, Any],
    seed: int,
) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    categorical = [
        isinstance(column, CategoryColumn) and column.size < MAX_CATEGORIES for column in columns
    ]
    rows, outcome, share = expand_soft_labels(label)
    counted = weight[rows] * share > 0
    model = HistGradientBoostingClassifier(
        categorical_features=categorical, early_stopping=False, random_state=seed, **settings
    )
    return model.fit(
        matrix[rows][counted], outcome[counted], sample_weight=(weight[rows] * share)[counted]
    )


def _matrix(columns: tuple[Column, ...], attributes: pd.DataFrame) -> NDArray[np.float64]:
    codes, _ = encode_leniently(columns, attributes)
    matrix = codes.astype(np.float64)
    for place, column in enumerate(columns):
        if isinstance(column, CategoryColumn):
            matrix[codes[:, place] == MISSING, place] = np.nan
        else:
            matrix[:, place] = read_numbers(attributes[column.name])[0]
    return matrix
