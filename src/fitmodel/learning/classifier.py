"""The scorecard as a scikit-learn classifier."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from fitmodel.learning._fitting import fit_scorecard
from fitmodel.learning._present_level import Calendar
from fitmodel.learning._proportional_odds import Baseline, FollowUp
from fitmodel.learning._sampling import Effects
from fitmodel.learning.encoding import encode
from fitmodel.learning.level import Change, Level
from fitmodel.learning.scorecard import Scorecard
from fitmodel.learning.settings import REPLICATES, SPREAD, LearnerOptions, Settings


class ProspectFitClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # sklearn is untyped
    """Weighted sum, in log-odds, of ridge logistic regression and explainable boosting.

    Parameters
    ----------
    penalty : float, default=3.0
        Ridge penalty of the logistic regression.
    boosting_share : float, default=0.5
        Share of explainable boosting in the weighted sum, 0 to 1.
    pairs : int, default=0
        Number of pairs of attributes that boosting may choose.
    replicates : int, default=12
        Number of bootstrap replicates, for the interval.
    spread : float
        Factor on the standard deviation over the replicates.
    settings : Settings or None
        All chosen settings; they replace `penalty`, `boosting_share` and `pairs`.
    options : LearnerOptions or None
        The user's options about the attributes; their seed makes the fit reproducible.

    Attributes
    ----------
    scorecard_ : Scorecard
        The fitted tables.
    classes_ : ndarray of shape (2,)
        The two classes; the second is early churn.
    level_ : Level
        The level of early churn now, relative to the long-run mean.
    baseline_ : Baseline
        Log-odds of having left by each time within the horizon.
    changes_ : tuple of Change
        Groups of customers that are predicted at their own present level.
    effect_deals_ : int
        Number of deals that settings were chosen on and that each replicate resamples; set by
        `fit_follow_up`.

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(300, seed=1)
    >>> known = fitmodel.deals.history.DealHistory(sim.deals, sim.spec).as_of(None).labelled()
    >>> scorecard = ProspectFitClassifier(boosting_share=0.0, replicates=2)
    >>> scorecard = scorecard.fit(known.attributes, known.early_churn, sample_weight=known.weight)
    >>> scorecard.predict_proba(known.attributes).shape == (len(known), 2)
    True
    """

    def __init__(
        self,
        *,
        penalty: float = 3.0,
        boosting_share: float = 0.5,
        pairs: int = 0,
        replicates: int = REPLICATES,
        spread: float = SPREAD,
        settings: Settings | None = None,
        options: LearnerOptions | None = None,
    ) -> None:
        self.penalty = penalty
        self.boosting_share = boosting_share
        self.pairs = pairs
        self.replicates = replicates
        self.spread = spread
        self.settings = settings
        self.options = options

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a pickle; earlier versions called `replicates` ``bags``."""
        if "bags" in state:
            state = {**state, "replicates": state["bags"]}
            del state["bags"]
        super().__setstate__(state)

    level_: Level
    baseline_: Baseline
    changes_: tuple[Change, ...]
    scorecard_: Scorecard
    classes_: NDArray[Any]
    effect_deals_: int

    def fit(
        self, X: pd.DataFrame | ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Fit the scorecard to deals with known labels.

        Parameters
        ----------
        X : DataFrame or array of shape (deals, attributes)
            Attributes of the deals.
        y : array of shape (deals,)
            Labels of two classes; the second in sorted order is early churn.
        sample_weight : array of shape (deals,), optional
            Weights of the deals; default: 1.
        """
        outcome = np.asarray(y)
        if not isinstance(X, pd.DataFrame):
            X, outcome = validate_data(self, X, y, dtype=None, ensure_all_finite="allow-nan")
        else:
            validate_data(self, X, skip_check_array=True)
        check_classification_targets(outcome)
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64)
        weighted = weight != 0  # boosting does not accept weights of 0
        frame, outcome, weight = self._frame(X)[weighted], outcome[weighted], weight[weighted]
        self.classes_, indicator = np.unique(outcome, return_inverse=True)
        if len(self.classes_) != 2:  # noqa: PLR2004 - stayed and left
            raise ValueError(
                f"Only binary classification is supported: y has {len(self.classes_)} class(es), "
                "two are needed"
            )
        months = np.where(indicator == 1, 0.0, 1.0)
        follow_up = FollowUp.of(months, indicator == 1, 1.0, weight=_effective(weight))
        return self._learn(frame, follow_up, None)

    def fit_follow_up(
        self,
        attributes: pd.DataFrame,
        follow_up: FollowUp,
        calendar: Calendar | None = None,
        *,
        effects: Effects | None = None,
    ) -> Self:
        """Fit the scorecard to deals with censored follow-up.

        Parameters
        ----------
        attributes : DataFrame of shape (deals, attributes)
            Attributes of the deals.
        follow_up : FollowUp
            How long each deal was followed, and whether the customer left.
        calendar : Calendar, optional
            When the deals were signed; without it the current level is not estimated.
        effects : Effects, optional
            The deals that effects are learned from; default: all.
        """
        validate_data(self, attributes, skip_check_array=True)
        self.classes_ = np.array([0.0, 1.0])
        effects = effects or Effects()
        self.effect_deals_ = effects.per_replicate or len(attributes)
        return self._learn(self._frame(attributes), follow_up, calendar, effects)

    def _learn(
        self,
        frame: pd.DataFrame,
        follow_up: FollowUp,
        calendar: Calendar | None,
        effects: Effects | None = None,
    ) -> Self:
        share = self.boosting_share
        default = Settings(
            self.penalty, (("logistic", 1.0 - share), ("boosted", share)), self.pairs
        )
        fitted = fit_scorecard(
            frame,
            follow_up,
            self.settings or default,
            self.options or LearnerOptions(),
            replicates=self.replicates,
            spread=self.spread,
            calendar=calendar,
            effects=effects,
        )
        self.scorecard_, self.level_ = fitted.scorecard, fitted.level
        self.baseline_, self.changes_ = fitted.baseline, fitted.changes
        return self

    def decision_function(self, X: pd.DataFrame | ArrayLike) -> NDArray[np.float64]:
        """Log-odds before calibration, shape (prospects,)."""
        codes = self._codes(X)
        return self.scorecard_.scores(codes)[0]

    def predict_proba(self, X: pd.DataFrame | ArrayLike) -> NDArray[np.float64]:
        """Calibrated probability of each class, shape (prospects, 2)."""
        codes = self._codes(X)
        churn = self.scorecard_.probability(codes)
        return np.column_stack([1 - churn, churn])

    def predict(self, X: pd.DataFrame | ArrayLike) -> NDArray[Any]:
        """Predicted class of each prospect, shape (prospects,)."""
        index = (self.predict_proba(X)[:, 1] > 0.5).astype(int)  # noqa: PLR2004 - more probable
        labels: NDArray[Any] = self.classes_[index]
        return labels

    def _codes(self, X: pd.DataFrame | ArrayLike) -> NDArray[np.int32]:
        check_is_fitted(self)
        if isinstance(X, pd.DataFrame):
            validate_data(self, X, reset=False, skip_check_array=True)
        else:
            X = validate_data(self, X, reset=False, dtype=None, ensure_all_finite="allow-nan")
        return encode(self.scorecard_.columns, self._frame(X))

    @staticmethod
    def _frame(X: Any) -> pd.DataFrame:
        if isinstance(X, pd.DataFrame):
            return X.set_axis([str(name) for name in X.columns], axis=1)
        matrix = np.asarray(X)
        return pd.DataFrame(
            matrix, columns=[f"attribute_{position}" for position in range(matrix.shape[1])]
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags


def _effective(weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights scaled to sum to the effective sample size (Kish 1965)."""
    return np.asarray(weight * (weight.sum() / (weight**2).sum()), dtype=np.float64)
