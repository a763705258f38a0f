"""The workbench estimator: the book behind scikit-learn's door."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from fitmodel.learning.book import Book
from fitmodel.learning.calibration import CalibrationMap
from fitmodel.learning.doubt import Draw
from fitmodel.learning.encoding import encode
from fitmodel.learning.fitting import fit_book, prepare
from fitmodel.learning.options import BAGS, SPREAD, LearnerOptions


class ProspectFitClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # sklearn is untyped
    """Ridge logistic regression and explainable boosting, blended in log-odds.

    Parameters
    ----------
    penalty : float, default=3.0
        Ridge penalty of the logistic part.
    boosting_share : float, default=0.5
        Share of explainable boosting in the blend, 0 to 1.
    pairs : int, default=0
        How many pairs of attributes boosting may choose.
    bags : int, default=12
        Refits on resampled deals, for the interval.
    spread : float
        Factor on their deviation.
    calibration : CalibrationMap or None
        Applied to the log-odds; None leaves them as they are.
    doubt : tuple of Draw
        How each bag is fitted and calibrated, in turn; empty: all as the book itself.
    options : LearnerOptions or None
        What the user says about the attributes; its seed makes the fit repeatable.

    Attributes
    ----------
    book_ : Book
        The tables.
    classes_ : ndarray of shape (2,)

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(300, seed=1)
    >>> known = fitmodel.deals.outcomes.label_deals(sim.deals, sim.spec)
    >>> book = ProspectFitClassifier(boosting_share=0.0, bags=2)
    >>> book = book.fit(known.attributes, known.early_churn, sample_weight=known.weight)
    >>> book.predict_proba(known.attributes).shape == (len(known), 2)
    True
    """

    def __init__(
        self,
        *,
        penalty: float = 3.0,
        boosting_share: float = 0.5,
        pairs: int = 0,
        bags: int = BAGS,
        spread: float = SPREAD,
        calibration: CalibrationMap | None = None,
        doubt: tuple[Draw, ...] = (),
        options: LearnerOptions | None = None,
    ) -> None:
        self.penalty = penalty
        self.boosting_share = boosting_share
        self.pairs = pairs
        self.bags = bags
        self.spread = spread
        self.calibration = calibration
        self.doubt = doubt
        self.options = options

    book_: Book
    classes_: NDArray[Any]

    def fit(
        self, X: pd.DataFrame | ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Learn the tables.

        Parameters
        ----------
        X : DataFrame or array of shape (deals, attributes)
        y : array of shape (deals,)
            Two classes; the second in sorted order is early churn.
        sample_weight : array of shape (deals,), optional
        """
        outcome = np.asarray(y)
        if not isinstance(X, pd.DataFrame):
            X, outcome = validate_data(self, X, y, dtype=None, ensure_all_finite="allow-nan")
        else:
            validate_data(self, X, skip_check_array=True)
        check_classification_targets(outcome)
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64)
        told = weight != 0  # a deal of no weight says nothing, and boosting refuses it
        frame, outcome, weight = self._frame(X)[told], outcome[told], weight[told]
        self.classes_, indicator = np.unique(outcome, return_inverse=True)
        if len(self.classes_) != 2:  # noqa: PLR2004 - stayed and left
            raise ValueError(
                f"Only binary classification is supported: y has {len(self.classes_)} class(es), "
                "two are needed"
            )
        return self._learn(frame, indicator.astype(np.float64), weight)

    def fit_chances(
        self,
        attributes: pd.DataFrame,
        early_churn: NDArray[np.float64],
        weight: NDArray[np.float64],
    ) -> Self:
        """Learn the tables from outcomes of which some are chances.

        Parameters
        ----------
        attributes : DataFrame of shape (deals, attributes)
        early_churn, weight : ndarray of shape (deals,)
            As of `fitmodel.deals.training_deals.training_deals`.
        """
        validate_data(self, attributes, skip_check_array=True)
        self.classes_ = np.array([0.0, 1.0])
        return self._learn(self._frame(attributes), early_churn, weight)

    def _learn(
        self, frame: pd.DataFrame, early_churn: NDArray[np.float64], weight: NDArray[np.float64]
    ) -> Self:
        options = self.options or LearnerOptions()
        self.book_ = fit_book(
            prepare(frame, early_churn, weight, options),
            penalty=self.penalty,
            boosting_share=self.boosting_share,
            pairs=self.pairs,
            calibration=self.calibration or CalibrationMap.identity(),
            doubt=self.doubt,
            bags=self.bags,
            spread=self.spread,
            options=options,
        )
        return self

    def decision_function(self, X: pd.DataFrame | ArrayLike) -> NDArray[np.float64]:
        """Log-odds before calibration, shape (prospects,)."""
        codes = self._codes(X)
        return self.book_.scores(codes)[0]

    def predict_proba(self, X: pd.DataFrame | ArrayLike) -> NDArray[np.float64]:
        """Calibrated probability of each class, shape (prospects, 2)."""
        codes = self._codes(X)
        churn = self.book_.probability(codes)
        return np.column_stack([1 - churn, churn])

    def predict(self, X: pd.DataFrame | ArrayLike) -> NDArray[Any]:
        """The likelier class."""
        likelier = (self.predict_proba(X)[:, 1] > 0.5).astype(int)  # noqa: PLR2004 - the likelier
        labels: NDArray[Any] = self.classes_[likelier]
        return labels

    def _codes(self, X: pd.DataFrame | ArrayLike) -> NDArray[np.int32]:
        check_is_fitted(self)
        if isinstance(X, pd.DataFrame):
            validate_data(self, X, reset=False, skip_check_array=True)
        else:
            X = validate_data(self, X, reset=False, dtype=None, ensure_all_finite="allow-nan")
        return encode(self.book_.columns, self._frame(X))

    @staticmethod
    def _frame(X: Any) -> pd.DataFrame:
        if isinstance(X, pd.DataFrame):
            return X.set_axis([str(name) for name in X.columns], axis=1)
        matrix = np.asarray(X)
        return pd.DataFrame(
            matrix, columns=[f"attribute_{place}" for place in range(matrix.shape[1])]
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags
