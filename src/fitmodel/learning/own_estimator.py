"""A user's own scikit-learn classifier instead of the scorecard.

    training set -> a frame: numbers as floats, categories as pandas categories
                 -> clones fitted on time-ordered folds -> the calibration map
                 -> a clone fitted on all deals         -> OwnClassifier

It has a scorecard without tables (columns, evidence and calibration). Values are therefore read,
unfamiliar prospects detected and evidence quoted as with the scorecard. It has no interval, because
the coverage of refits of an unknown learner was never measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.enough import FULL_CHURNERS
from fitmodel.deals.history import view_of
from fitmodel.exceptions import DependencyError
from fitmodel.learning._fitting import calendar_of, fit_and_encode, follow_up_of
from fitmodel.learning._flatten import find_unusual_pairs, make_evidence
from fitmodel.learning._imputation import Imputed, impute
from fitmodel.learning._other_classifiers import (
    as_frame,
    as_matrix,
    check_estimator,
    with_preprocessing,
)
from fitmodel.learning._present_level import Calendar, level_shift
from fitmodel.learning._proportional_odds import FollowUp, expand_soft_labels
from fitmodel.learning._sampling import Fold, make_folds, random_folds
from fitmodel.learning._selection import held_out_of
from fitmodel.learning.calibration import (
    CalibrationMap,
    fit_isotonic,
    fit_slope,
    level_adjusted_losses,
    logit,
)
from fitmodel.learning.learner import CROSS_FIT_FOLDS, Learned, check_enough
from fitmodel.learning.level import Level, fit_level, scale_hazard
from fitmodel.learning.scorecard import Scorecard
from fitmodel.learning.settings import Choice, LearnerOptions, Settings, native_threads

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.deals.training_set import TrainingSet
    from fitmodel.learning.columns import Column

BACKGROUND = 50  # background deals of the Shapley values
ADDITIVITY = 1e-6  # largest error, in log-odds, of the sum of the contributions


class OwnClassifier:
    """A user's fitted classifier with all that is needed to score prospects.

    Parameters
    ----------
    model : classifier
        Classifier fitted on frames from `as_frame`.
    scorecard : Scorecard
        Scorecard without tables: columns, evidence and calibration map.
    background : ndarray of float, shape (deals, attributes)
        Background of the Shapley values: values of past deals, permuted within each attribute.
    level : Level, optional
        The current level of early churn.
    """

    def __init__(
        self,
        model: Any,
        scorecard: Scorecard,
        background: NDArray[np.float64],
        level: Level | None = None,
    ) -> None:
        self.model = model
        self.scorecard_ = scorecard
        self.background = background
        self.level_ = level or Level()

    def log_odds(self, attributes: pd.DataFrame) -> NDArray[np.float64]:
        """Log-odds before calibration, shape (prospects,)."""
        return _log_odds(
            self.model, self.scorecard_.columns, as_matrix(self.scorecard_.columns, attributes)
        )

    def predict_proba(self, attributes: pd.DataFrame) -> NDArray[np.float64]:
        """Calibrated probability of staying and of early churn, shape (prospects, 2)."""
        churn = self.scorecard_.calibration.probability(self.log_odds(attributes))
        return np.column_stack([1 - churn, churn])

    def contributions(self, attributes: pd.DataFrame) -> NDArray[np.float64]:
        """Shapley values in log-odds before calibration, shape (prospects, attributes).

        Raises
        ------
        DependencyError
            If shap is not installed.
        ArithmeticError
            If baseline and contributions do not add up to the log-odds to 1e-6.

        Notes
        -----
        Shapley values (Lundberg and Lee 2017) by permutation, against `BACKGROUND` past deals. This
        needs only predictions of the classifier. shap's tree explainer is silently wrong for
        HistGradientBoosting with native categories, and is therefore not used.
        """
        try:
            from shap import PermutationExplainer
        except ImportError as error:
            raise DependencyError(
                "reasons of your own estimator need shap. Remedy: pip install 'fitmodel[shap]', or "
                "ask for none (reasons=0)."
            ) from error

        def predict(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
            return _log_odds(self.model, self.scorecard_.columns, matrix)

        matrix = as_matrix(self.scorecard_.columns, attributes)
        explainer = PermutationExplainer(predict, self.background, seed=0)
        evaluations = 2 * matrix.shape[1] + 1
        # one row per call: with more, shap also computes main effects, which doubles the time
        rows = [
            explainer(matrix[row : row + 1], max_evals=evaluations, silent=True)
            for row in range(len(matrix))
        ]
        values = (
            np.vstack([np.asarray(row.values) for row in rows]) if rows else np.zeros(matrix.shape)
        )
        baseline = np.concatenate([row.base_values for row in rows]) if rows else np.zeros(0)
        check_additivity(baseline, values, predict(matrix))
        return np.asarray(values, dtype=np.float64)


def check_additivity(
    baseline: NDArray[np.float64], contributions: NDArray[np.float64], log_odds: NDArray[np.float64]
) -> None:
    """Check that baseline and contributions add up to the log-odds.

    Raises
    ------
    ArithmeticError
        If they do not; the message has the number of prospects and the largest error.
    """
    error = np.abs(baseline + contributions.sum(axis=1) - log_odds)
    wrong = ~(error <= ADDITIVITY)
    if wrong.any():
        raise ArithmeticError(
            f"the reasons of {int(wrong.sum())} of {len(error)} prospect(s) miss the log-odds by "
            f"up to {float(error.max()):.2g}: they are not shown. Ask for none (reasons=0)."
        )


def learn_own(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    estimator: Any,
    *,
    as_of: pd.Timestamp | None = None,
    min_churners: int = FULL_CHURNERS,
) -> Learned:
    """Fit a user's classifier on deals as they were known on a date; see `learn`.

    Raises
    ------
    DealsError
        If there are too few early churners.
    SpecError
        If the estimator is not a classifier with probabilities and sample weights.
    """
    view = view_of(deals, spec, as_of)
    training_set = view.training_set()
    check_enough(training_set, min_churners)
    options = LearnerOptions.from_spec(spec, training_set.dates)
    folds = make_folds(view, training_set.dates, folds=options.folds, seed=options.seed)
    calendar = calendar_of(training_set, view.extract_end)
    return _learned(training_set, options, estimator, folds, calendar)


def learn_own_from_set(
    training_set: TrainingSet, spec: DealSpec, estimator: Any, *, min_churners: int = FULL_CHURNERS
) -> Learned:
    """Fit a user's classifier on a training set, calibrated on random folds."""
    check_enough(training_set, min_churners)
    options = LearnerOptions.from_spec(spec, training_set.dates)
    folds = random_folds(training_set, seed=spec.learning.seed, n_folds=options.folds)
    return _learned(training_set, options, estimator, folds, None)


def _learned(
    training_set: TrainingSet,
    options: LearnerOptions,
    estimator: Any,
    folds: list[Fold],
    calendar: Calendar | None,
) -> Learned:
    check_estimator(estimator)
    with native_threads(options.threads):
        deals = _with_soft_labels(training_set, options)
        calibration, loss, level = _calibrate(estimator, folds, deals, options, calendar)
        fitted = _fit(estimator, deals)
    matrix = as_matrix(deals.columns, training_set.attributes)
    generator = np.random.default_rng(options.seed)
    background_rows = generator.permutation(len(matrix))[:BACKGROUND]
    # each attribute is permuted separately, so that the bundle contains no real deal
    background = generator.permuted(matrix[background_rows], axis=0)
    scorecard = _scorecard_without_tables(deals, calibration, level)
    classifier = OwnClassifier(fitted, scorecard, background, level)
    table = pd.DataFrame(
        [{"estimator": type(estimator).__name__, "log_loss": loss, "chosen": True}]
    )
    return Learned(classifier, Choice(Settings(), table), training_set)  # type: ignore[arg-type]  # has the attributes that Learned uses


def cross_fitted_own(
    training_set: TrainingSet, spec: DealSpec, learned: Learned
) -> pd.Series[float]:
    """Cross-fitted, calibrated probability of each deal."""
    options = LearnerOptions.from_spec(spec, training_set.dates)
    classifier: OwnClassifier = learned.estimator
    probability = pd.Series(np.nan, index=training_set.index)
    with native_threads(options.threads):
        folds = random_folds(training_set, seed=spec.learning.seed, n_folds=CROSS_FIT_FOLDS)
        for fold in folds:
            soft = _with_soft_labels(fold.train, options)
            model = _fit(classifier.model, soft)
            matrix = as_matrix(soft.columns, fold.test.attributes)
            raw = _log_odds(model, soft.columns, matrix)
            probability[fold.test.index] = classifier.scorecard_.calibration.probability(raw)
    return probability


@dataclass(frozen=True, eq=False)
class _SoftDeals:
    """Deals with soft labels from a ridge regression.

    A user's estimator has no time axis. The scorecard's ridge regression has one, so it can give a
    young deal the conditional probability of early churn as its label.
    """

    attributes: pd.DataFrame
    columns: tuple[Column, ...]
    codes: NDArray[np.int32]
    follow_up: FollowUp
    imputed: Imputed


def _with_soft_labels(deals: TrainingSet, options: LearnerOptions) -> _SoftDeals:
    columns, codes = fit_and_encode(deals.attributes, options)
    follow_up = follow_up_of(deals)
    imputed = impute(columns, codes, follow_up, Settings().penalty, options)
    return _SoftDeals(deals.attributes, columns, codes, follow_up, imputed)


def _fit(estimator: Any, deals: _SoftDeals) -> Any:
    from sklearn.base import clone

    model = with_preprocessing(clone(estimator), deals.columns)
    rows, outcome, share = expand_soft_labels(deals.imputed.early_churn)
    frame = as_frame(deals.columns, as_matrix(deals.columns, deals.attributes)[rows])
    last = f"{model.steps[-1][0]}__" if hasattr(model, "steps") else ""
    weight = {f"{last}sample_weight": deals.imputed.weight[rows] * share}
    return model.fit(frame, outcome.astype(int), **weight)


def _log_odds(
    model: Any, columns: tuple[Column, ...], matrix: NDArray[np.float64]
) -> NDArray[np.float64]:
    probability = model.predict_proba(as_frame(columns, matrix))[:, 1]
    return logit(np.asarray(probability, dtype=np.float64))


def _calibrate(
    estimator: Any,
    folds: list[Fold],
    deals: _SoftDeals,
    options: LearnerOptions,
    calendar: Calendar | None,
) -> tuple[CalibrationMap, float, Level]:
    """Return the calibration map, the held-out log loss before calibration, and the current level.

    The map is shifted so that the mean held-out probability is the Kaplan-Meier rate at the current
    level. Training predictions are not used, because an estimator may have memorised the outcomes.
    """
    parts, baselines = [], []
    for fold in folds:
        soft = _with_soft_labels(fold.train, options)
        model = _fit(estimator, soft)
        parts.append(_log_odds(model, soft.columns, as_matrix(soft.columns, fold.test.attributes)))
        baselines.append((soft.imputed.baseline, np.zeros(len(fold.test), dtype=np.intp)))
    raw = np.concatenate(parts)
    held_out = held_out_of(folds, baselines)
    weight = held_out.weight
    loss = float(np.average(level_adjusted_losses(raw, held_out), weights=weight))
    complete = held_out.offset == 0  # observed for the whole horizon
    result = fit_isotonic(raw[complete], held_out.subset(complete))
    if result is None:
        result = CalibrationMap.linear(fit_slope(raw, held_out)[0], 0.0, "slope")
    level = Level()
    if calendar is not None:
        fit = deals.imputed
        level = fit_level(
            deals.follow_up, calendar.closed, calendar.end, fit.baseline, fit.log_odds
        )
    shift = level_shift(
        result.log_odds(raw), np.maximum(weight, 1e-12), deals.follow_up.rate, level.factor
    )
    return result.shifted(shift), loss, level


def _scorecard_without_tables(
    deals: _SoftDeals, calibration: CalibrationMap, level: Level
) -> Scorecard:
    """Scorecard whose tables are 0: it has the columns, the evidence and the calibration map."""
    imputed = deals.imputed
    evidence = tuple(
        make_evidence(
            column,
            deals.codes[:, position],
            imputed.early_churn,
            imputed.weight,
            deals.follow_up,
        )
        for position, column in enumerate(deals.columns)
    )
    rate = float(scale_hazard(np.array([deals.follow_up.rate]), level.factor)[0])
    rows = sum(column.size + 2 for column in deals.columns)
    return Scorecard(
        deals.columns, (), np.zeros((rows, 1)), np.zeros(1), calibration, 1.0, evidence, rate,
        find_unusual_pairs(deals.codes, evidence),
    )  # fmt: skip
