"""The input of a user's own classifier: its data frame, and the preprocessing that it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.exceptions import SpecError
from fitmodel.learning.columns import CategoryColumn
from fitmodel.learning.encoding import encode, read_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.learning.columns import Column


def check_estimator(estimator: Any) -> None:
    """Refuse an estimator without `predict_proba` or sample weights.

    Raises
    ------
    SpecError
        Saying what is missing.
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
