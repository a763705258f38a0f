"""The scorecard as a scikit-learn classifier."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from fitmodel.learning.encoding import encode
from fitmodel.learning.fitting import Calendar, fit_scorecard
from fitmodel.learning.level import Level
from fitmodel.learning.proportional_odds import Baseline, FollowUp
from fitmodel.learning.sampling import Effects
from fitmodel.learning.scorecard import Scorecard
from fitmodel.learning.settings import REPLICATES, SPREAD, LearnerOptions, Settings


class ProspectFitClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # sklearn is untyped
    """Ridge logistic regression and explainable boosting, added up in log-odds.

    Parameters
    ----------
    penalty : float, default=3.0
        Ridge penalty of the logistic part.
    boosting_share : float, default=0.5
        Share of explainable boosting in the weighted sum, 0 to 1.
    pairs : int, default=0
        How many pairs of attributes boosting may choose.
    replicates : int, default=12
        Bootstrap replicates, for the interval.
    spread : float
        Factor on their deviation.
    settings : Settings or None
        All that was chosen; takes the place of `penalty`, `boosting_share` and `pairs`.
    options : LearnerOptions or None
        What the user says about the attributes; its seed makes the fit repeatable.

    Attributes
    ----------
    scorecard_ : Scorecard
        The tables.
    classes_ : ndarray of shape (2,)
    level_ : Level
        Today's level of early churn against the long-run mean.
    baseline_ : Baseline
        Log-odds of having left by each time within the horizon.
    effect_deals_ : int
        Deals that settings and each replicate's effects were learned from, after `fit_follow_up`.

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
    scorecard_: Scorecard
    classes_: NDArray[Any]
    effect_deals_: int

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
        weighted = weight != 0  # a deal of no weight says nothing, and boosting refuses it
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
        """Learn the tables from deals of which some are too young for their outcome to be known.

        Parameters
        ----------
        attributes : DataFrame of shape (deals, attributes)
        follow_up : FollowUp
            How long each deal was followed, and whether the customer left.
        calendar : Calendar, optional
            When the deals were signed; without it no level of today is looked for.
        effects : Effects, optional
            The deals that effects are learned from, where it is not all of them.
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
        plain = Settings(self.penalty, (("logistic", 1.0 - share), ("boosted", share)), self.pairs)
        fitted = fit_scorecard(
            frame,
            follow_up,
            self.settings or plain,
            self.options or LearnerOptions(),
            replicates=self.replicates,
            spread=self.spread,
            calendar=calendar,
            effects=effects,
        )
        self.scorecard_, self.level_, self.baseline_ = (
            fitted.scorecard,
            fitted.level,
            fitted.baseline,
        )
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
