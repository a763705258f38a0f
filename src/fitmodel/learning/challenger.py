"""An unrestricted learner, fitted only to say what the glass box costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fitmodel.deals.training_deals import in_whole
from fitmodel.learning.columns import MISSING, CategoryColumn
from fitmodel.learning.encoding import encode_leniently, fit_columns, read_numbers
from fitmodel.learning.threads import native_threads

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from fitmodel.deals.outcomes import LabelledDeals
    from fitmodel.learning.columns import Column
    from fitmodel.learning.options import LearnerOptions

MOST_CATEGORIES = 250  # what HistGradientBoosting can hold as one category


def unrestricted_probabilities(
    train: LabelledDeals, attributes: pd.DataFrame, options: LearnerOptions
) -> NDArray[np.float64]:
    """Probabilities of scikit-learn's HistGradientBoosting at its defaults.

    Parameters
    ----------
    train : LabelledDeals
    attributes : DataFrame
        Of the deals to predict.
    options : LearnerOptions

    Returns
    -------
    ndarray, shape (deals to predict,)
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    columns = fit_columns(train.attributes, options.encoding)
    categorical = [
        isinstance(column, CategoryColumn) and column.size < MOST_CATEGORIES for column in columns
    ]
    model = HistGradientBoostingClassifier(
        categorical_features=categorical, random_state=options.seed
    )
    known, asked = _matrix(columns, train.attributes), _matrix(columns, attributes)
    with native_threads(options.threads):
        rows, outcome, share = in_whole(train.early_churn)
        model.fit(known[rows], outcome, sample_weight=train.weight[rows] * share)
        probability: NDArray[np.float64] = model.predict_proba(asked)[:, 1]
    return probability


def _matrix(columns: tuple[Column, ...], attributes: pd.DataFrame) -> NDArray[np.float64]:
    codes, _ = encode_leniently(columns, attributes)
    matrix = codes.astype(np.float64)
    for place, column in enumerate(columns):
        if isinstance(column, CategoryColumn):
            matrix[codes[:, place] == MISSING, place] = np.nan
        else:
            matrix[:, place] = read_numbers(attributes[column.name])[0]
    return matrix
