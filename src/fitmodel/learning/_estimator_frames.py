"""The input of a user's own classifier: a frame, and preprocessing it lacks."""

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
    """Numbers as they are and codes of levels from 0; NaN where missing or never seen."""
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
    """What the estimator is given: float columns, and pandas categories of the known levels."""
    made: dict[str, Any] = {}
    for position, column in enumerate(columns):
        values = matrix[:, position]
        if isinstance(column, CategoryColumn):
            codes = np.where(np.isnan(values), -1, values).astype(int)
            levels = [column.label(code) for code in range(1, column.size + 1)]
            made[column.name] = pd.Categorical.from_codes(codes, categories=pd.Index(levels))
        else:
            made[column.name] = values
    return pd.DataFrame(made)


def ready(estimator: Any, columns: tuple[Column, ...]) -> Any:
    """Add one-hot encoding, imputation and scaling where the estimator needs them."""
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    if hasattr(estimator, "steps") or _takes_gaps_and_levels(estimator):
        return estimator
    levels = [column.name for column in columns if isinstance(column, CategoryColumn)]
    numbers = [column.name for column in columns if not isinstance(column, CategoryColumn)]
    dummies = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    middle = SimpleImputer(strategy="median", keep_empty_features=True)
    scaled = make_pipeline(middle, StandardScaler())
    return make_pipeline(make_column_transformer((dummies, levels), (scaled, numbers)), estimator)


def _takes_gaps_and_levels(estimator: Any) -> bool:
    """Whether it can do with NaN and with pandas categories as they are.

    scikit-learn's trees and forests take the first and not the second; of its own estimators those
    that do name their `categorical_features`. Others that take NaN (LightGBM) take both.
    """
    from sklearn.utils import get_tags

    of_sklearn = type(estimator).__module__.startswith("sklearn.")
    takes_levels = not of_sklearn or "categorical_features" in estimator.get_params()
    return bool(get_tags(estimator).input_tags.allow_nan) and takes_levels
