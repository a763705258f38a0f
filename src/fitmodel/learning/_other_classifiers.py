"""Other classifiers than the scorecard: the input of a user's own one, and the black-box reference.

The reference is an unrestricted learner, to measure the accuracy that a scorecard loses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.exceptions import SpecError
from fitmodel.learning._proportional_odds import expand_soft_labels, with_truncated
from fitmodel.learning._sampling import sample_for_settings
from fitmodel.learning.columns import MISSING, CategoryColumn
from fitmodel.learning.encoding import encode, encode_leniently, fit_columns, read_numbers
from fitmodel.learning.settings import native_threads

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.training_set import TrainingSet
    from fitmodel.learning.columns import Column
    from fitmodel.learning.settings import LearnerOptions

MAX_CATEGORIES = 250  # levels that HistGradientBoosting accepts in a categorical column
MAX_BINS = 255  # bins that HistGradientBoosting makes of a number
N_REPLICATES = 6
SETTINGS = {  # small trees: large ones overfit at the sizes that companies have
    "learning_rate": 0.06,
    "max_iter": 400,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 20,
    "l2_regularization": 1.0,
    "early_stopping": True,
    "validation_fraction": 0.2,
    "n_iter_no_change": 15,
}


def check_estimator(estimator: Any) -> None:
    """Refuse an estimator without `predict_proba` or sample weights.

    Raises SpecError: saying what is missing.
    """
    from sklearn.utils.validation import has_fit_parameter

    last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    name = type(last).__name__
    if not hasattr(estimator, "get_params") or not hasattr(last, "predict_proba"):
        raise SpecError(f"{name} is not a scikit-learn classifier with predict_proba")
    if not has_fit_parameter(last, "sample_weight"):
        raise SpecError(
            f"the fit of {name} takes no sample_weight, so deals too young to be known could not "
            "be allowed for. Remedy: use a classifier that takes it."
        )


def as_matrix(columns: tuple[Column, ...], attributes: pd.DataFrame) -> NDArray[np.float64]:
    """Unbinned numbers, and level codes from 0; NaN where a value is missing or unseen."""
    codes = encode(columns, attributes)
    matrix = codes.astype(np.float64)
    for position, column in enumerate(columns):
        if isinstance(column, CategoryColumn):
            known = (codes[:, position] > 0) & (codes[:, position] <= column.size)
            matrix[:, position] = np.where(known, matrix[:, position] - 1, np.nan)
        else:
            matrix[:, position] = read_numbers(attributes[column.name])[0]
    return matrix


def as_frame(columns: tuple[Column, ...], matrix: NDArray[np.float64]) -> pd.DataFrame:
    """Data frame for the estimator: float columns, and pandas categories of the known levels."""
    series: dict[str, Any] = {}
    for position, column in enumerate(columns):
        values = matrix[:, position]
        if isinstance(column, CategoryColumn):
            codes = np.where(np.isnan(values), -1, values).astype(int)
            levels = [column.label(code) for code in range(1, column.size + 1)]
            series[column.name] = pd.Categorical.from_codes(codes, categories=pd.Index(levels))
        else:
            series[column.name] = values
    return pd.DataFrame(series)


def with_preprocessing(estimator: Any, columns: tuple[Column, ...]) -> Any:
    """Add one-hot encoding, imputation and scaling where the estimator needs them."""
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    if hasattr(estimator, "steps") or _accepts_nan_and_categories(estimator):
        return estimator
    levels = [column.name for column in columns if isinstance(column, CategoryColumn)]
    numbers = [column.name for column in columns if not isinstance(column, CategoryColumn)]
    dummies = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    scaled = make_pipeline(imputer, StandardScaler())
    return make_pipeline(make_column_transformer((dummies, levels), (scaled, numbers)), estimator)


def _accepts_nan_and_categories(estimator: Any) -> bool:
    """Whether the estimator accepts NaN and pandas categories without preprocessing.

    scikit-learn's trees and forests accept NaN but no categories. Those of its estimators that
    accept categories have a parameter `categorical_features`. Other libraries that accept NaN, such
    as LightGBM, accept both.
    """
    from sklearn.utils import get_tags

    of_sklearn = type(estimator).__module__.startswith("sklearn.")
    accepts_categories = not of_sklearn or "categorical_features" in estimator.get_params()
    return bool(get_tags(estimator).input_tags.allow_nan) and accepts_categories


def black_box_probabilities(
    train: TrainingSet, attributes: pd.DataFrame, options: LearnerOptions
) -> NDArray[np.float64]:
    """Predicted probabilities of bagged HistGradientBoosting with small trees and early stopping.

    Parameters
    ----------
    train : TrainingSet
        Deals to learn from. The soft label of a young deal is the company's probability of early
        churn given its age. A deal with delayed entry also represents those that left before.
        From a large table the same sample is used as for the scorecard.
    attributes : DataFrame
        Attributes of the deals to predict.

    Returns
    -------
    ndarray, shape (deals to predict,)
        Mean over `N_REPLICATES` fits, each with another fifth of the deals as validation set for
        early stopping.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    sample = sample_for_settings(train, options)
    train = train if sample is None else train.subset(sample)
    columns = fit_columns(train.attributes, options.encoding)
    matrix, new = _matrix(columns, train.attributes), _matrix(columns, attributes)
    _bin_numbers(columns, matrix, new)
    categorical = [
        isinstance(column, CategoryColumn) and column.size < MAX_CATEGORIES for column in columns
    ]
    entry = np.minimum(train.entry_months, train.horizon_months)
    left_before = np.where(entry > 0, 1 - train.survival.at(entry), 0.0)
    labels, weights = with_truncated(train.marginal_chance, train.weight, left_before)
    rows, outcome, share = expand_soft_labels(labels)
    weight = weights[rows] * share
    total = np.zeros(len(new))
    with native_threads(options.threads):
        for number in range(N_REPLICATES):
            model = HistGradientBoostingClassifier(
                categorical_features=categorical, random_state=options.seed + number, **SETTINGS
            )
            model.fit(matrix[rows], outcome, sample_weight=weight)
            total += model.predict_proba(new)[:, 1]
    return total / N_REPLICATES


def _matrix(columns: tuple[Column, ...], attributes: pd.DataFrame) -> NDArray[np.float64]:
    """Input of the learner: numbers, and codes of levels; NaN where missing."""
    codes, _ = encode_leniently(columns, attributes)
    matrix = codes.astype(np.float64)
    for position, column in enumerate(columns):
        if isinstance(column, CategoryColumn):
            matrix[codes[:, position] == MISSING, position] = np.nan
        else:
            matrix[:, position] = read_numbers(attributes[column.name])[0]
    return matrix


def _bin_numbers(
    columns: tuple[Column, ...], training: NDArray[np.float64], new: NDArray[np.float64]
) -> None:
    """Replace numbers by quantile bins, in place, with the number of bins that the learner uses.

    Otherwise the learner would compute the bins in each replicate, which takes longer than its
    trees.
    """
    for position, column in enumerate(columns):
        values = training[:, position]
        values = values[~np.isnan(values)]
        if isinstance(column, CategoryColumn) or len(np.unique(values)) <= MAX_BINS:
            continue
        cuts = np.unique(np.quantile(values, np.linspace(0, 1, MAX_BINS + 1)[1:-1]))
        for matrix in (training, new):
            known = ~np.isnan(matrix[:, position])
            matrix[known, position] = np.searchsorted(cuts, matrix[known, position], side="right")
