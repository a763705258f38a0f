"""Training of a model: from a table of deals to a tracked bundle.

read -> audit -> evaluate on later deals -> learn from all -> decide -> report -> bundle -> track
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.bundle.reading import current_version
from fitmodel.checking import checks_of_training
from fitmodel.deals.history import view_of
from fitmodel.deals.history_findings import note_on_exits
from fitmodel.deals.reading import with_unique_index
from fitmodel.decision.shipped import (
    decide,
    evaluated_policy,
    predict_held_out,
    predict_training_deals,
    share_flagged,
)
from fitmodel.evaluation.out_of_time import evaluate
from fitmodel.evaluation.prequential import outcomes_since
from fitmodel.evaluation.summary import summarise
from fitmodel.exceptions import TrackingError
from fitmodel.guessing.questions import read_with_questions
from fitmodel.leakage.audit import audit_before_training
from fitmodel.learning.curve_fitting import learned_curve
from fitmodel.learning.learner import learn, note_on_sample
from fitmodel.learning.own_estimator import learn_own
from fitmodel.loading import load
from fitmodel.model.counterfactuals import summarise_seen_values
from fitmodel.model.fitmodel import FitModel
from fitmodel.monitoring.drift import summarise_scores
from fitmodel.pooling import with_prior
from fitmodel.reports.card_parts import reproduce_block
from fitmodel.shipping import ship
from fitmodel.tracking.champion import compare_with_champion
from fitmodel.tracking.connection import without_autolog
from fitmodel.tracking.lifecycle import RunOptions, TrainingMetadata
from fitmodel.tracking.locating import refuse_name_of_others
from fitmodel.tracking.promotion import follow_champion
from fitmodel.tracking.runs import begin, deals_digest, ending, track

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import pandas as pd

    from fitmodel.checks.registry import CheckResult
    from fitmodel.crm.reading import Given
    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.deals.reading import DealsRead
    from fitmodel.decision.policy import Policy
    from fitmodel.evaluation.out_of_time import Evaluation
    from fitmodel.evaluation.prequential import OutcomesSince
    from fitmodel.evaluation.report import TrainingReport
    from fitmodel.guessing.questions import QuestionedDeals
    from fitmodel.learning.churn_curve import ChurnCurve
    from fitmodel.learning.learner import Learned
    from fitmodel.tracking.champion import Retrain
    from fitmodel.tracking.lifecycle import Tracked
    from fitmodel.tracking.run_log import RunLog

STEPS = (
    "reading", "evaluating on held-out deals", "learning", "deciding", "writing", "tracking"
)  # fmt: skip
COMPARING = "comparing with the model in use"  # a step only if there is one


@dataclass(frozen=True, eq=False, repr=False)
class TrainingRun:
    """Result of a training.

    Attributes
    ----------
    model : FitModel
        The model, loaded from the bundle just written.
    report : TrainingReport
        How good the model is, measured on deals it was not trained on.
    run_id : str or None
        The MLflow run; None if the tracking server did not answer.
    bundle_path : Path
        Folder of the bundle.
    warnings : tuple of str
        Notes and warnings for the user.
    checks : tuple of CheckResult
        Results of the checks, with codes, without those that the contract silences.
    in_use : str or None
        Version in use of ``models/<registered model>``: this model if it is the first with evidence
        of skill or the registry's champion; else it is a challenger. None if none has shown skill.
    """

    model: FitModel
    report: TrainingReport
    run_id: str | None
    bundle_path: Path
    warnings: tuple[str, ...] = ()
    in_use: str | None = None
    checks: tuple[CheckResult, ...] = ()

    def __repr__(self) -> str:
        return f"<TrainingRun {self.model.version}: {self.report.verdict}>"

    def _repr_html_(self) -> str:
        from fitmodel.model.assessment import rows_html

        rows = [("bundle", self.bundle_path), ("run", self.run_id or "not tracked")]
        rows += [("in use", self.in_use), *(("warning", text) for text in self.warnings)]
        return rows_html("TrainingRun", rows) + self.report._repr_html_()


def train(
    deals: pd.DataFrame | str | Path | DealsRead,
    spec: DealSpec,
    *,
    models: str | Path = "models",
    allow: tuple[str, ...] = (),
    estimator: Any = None,
    progress: Callable[[str], None] | None = None,
    tables: Mapping[str, Given] | None = None,
    run_name: str | None = None,
    tags: Mapping[str, str] | None = None,
    experiment: str | None = None,
    register: bool = True,
    on_run: Callable[[RunLog], None] | None = None,
) -> TrainingRun:
    """Train, evaluate, save and track a prospect-fit model.

    Parameters
    ----------
    deals : DataFrame, path or DealsRead
        Past deals, as `fitmodel.read_deals` reads them.
    spec : DealSpec
        Contract: meaning of the columns, and decision policy.
    models : path
        Folder of bundles; the bundle is ``models/<registered model>/<version>``.
    allow : tuple of str
        Attributes to keep although the leakage audit rejects them.
    estimator : scikit-learn classifier, optional
        Your own classifier, used instead of the scorecard: evaluated and calibrated the same way,
        shipped without a scorecard file, see `fitmodel.learning.own_estimator`.
    progress : callable, optional
        Called with the name of each step when it begins.
    tables : mapping of str to DataFrame or path, optional
        Tables by name, used instead of the contract's ``[history.*]`` and ``[events.*]`` tables.
    run_name, tags, experiment
        Settings of the MLflow run; default: MLflow's name, no tags, the contract's experiment. A
        run that is active in the same store (``mlflow.start_run``) becomes its parent.
    register : bool, default=True
        Whether the model becomes a registered version, and so a challenger.
    on_run : callable, optional
        Called with a `RunLog` before the run ends, to add metrics and artifacts of your own.

    Returns
    -------
    TrainingRun
        The model, its report, its bundle and its run.

    Raises
    ------
    DealsError
        If the deals have problems, leak the outcome, or are too few to learn from or evaluate on.
    SpecError
        If the registered model's name is that of another library's models.
    BundleError
        If the bundle cannot be written; the bundle that was in use stays in use.

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(800, seed=1)
    >>> run = fitmodel.train(sim.deals, sim.spec, models="other_models")
    >>> run.report.method
    'out-of-time'
    """
    options = RunOptions(run_name, tags or {}, experiment, register=register, on_run=on_run)
    return train_as(options, deals, spec, models, allow, estimator, progress, tables)


@without_autolog()
def train_as(
    options: RunOptions,
    deals: pd.DataFrame | str | Path | DealsRead,
    spec: DealSpec,
    models: str | Path,
    allow: tuple[str, ...] = (),
    estimator: Any = None,
    progress: Callable[[str], None] | None = None,
    tables: Mapping[str, Given] | None = None,
) -> TrainingRun:
    """Train as `train` does, with given options of the MLflow run."""
    started = perf_counter()
    report_step = progress or (lambda _step: None)
    report_step(STEPS[0])
    prepared = _prepare(deals, spec, allow, tables, estimator)
    view, contract = prepared.view, prepared.spec
    refuse_name_of_others(contract, options)
    report_step(STEPS[1])
    evaluation = evaluate(view, contract, estimator)
    report_step(STEPS[2])
    learned = learn(view, contract) if estimator is None else learn_own(view, contract, estimator)
    report_step(STEPS[3])
    decision = _decide(prepared, evaluation, learned, estimator)
    report, curve = decision.report, decision.curve

    def retrain(since: np.datetime64) -> OutcomesSince | None:
        report_step(COMPARING)  # up to three more trainings
        return outcomes_since(view, contract, since, learned, curve, estimator)

    mlflow_run = begin(contract, options)
    with ending(mlflow_run, contract):
        is_tracked = mlflow_run.run_id is not None
        compared = _compare_with_champion(evaluation, prepared, retrain) if is_tracked else None
        report_step(STEPS[4])
        known = _known(prepared, evaluation, learned, decision, estimator, compared)
        path, card = ship(
            learned, decision.policy, report, contract, models, mlflow_run, known, curve
        )
    report_step(STEPS[5])
    model = load(path, unpickle=estimator is not None)
    metadata = TrainingMetadata(
        bundle_path=path, spec=contract, report=report, deals=prepared.table,
        example=model.example(), card=card, figures=report.figures(),
        candidates=report.candidates, chosen=learned.chosen, begun=mlflow_run, options=options,
        seconds=perf_counter() - started,
    )  # fmt: skip
    tracked = track(metadata)
    checks = checks_of_training(report, prepared.questioned, view, prepared.leakage)
    texts = (tracked.warning, *prepared.questioned.read.notes, *checks)
    warnings = tuple(str(text) for text in texts if text)
    in_use = _in_use(contract, path, tracked)
    return TrainingRun(model, report, tracked.run_id, path, warnings, in_use, checks)


@dataclass(frozen=True, eq=False)
class _Prepared:
    """Deals, the contract with their formats and the prior, and how to train again with them."""

    questioned: QuestionedDeals
    table: pd.DataFrame
    spec: DealSpec
    view: HistoryView
    leakage: pd.DataFrame
    digest: str
    reproduce: Mapping[str, str]


def _prepare(
    deals: pd.DataFrame | str | Path | DealsRead,
    spec: DealSpec,
    allow: tuple[str, ...],
    tables: Mapping[str, Given] | None,
    estimator: Any,
) -> _Prepared:
    """Read the deals; raise DealsError if an attribute leaks the outcome."""
    questioned = read_with_questions(deals, spec, tables)
    table = with_unique_index(questioned.deals)
    contract = with_prior(questioned.read.spec, table)
    view = view_of(table, contract)
    leakage = audit_before_training(view, contract, allow)
    digest, own = deals_digest(table), None if estimator is None else repr(estimator)
    block = reproduce_block(deals, spec, digest, len(table), allow=allow, estimator=own)
    return _Prepared(questioned, table, contract, view, leakage, digest, block)


@dataclass(frozen=True, eq=False)
class _Decision:
    """The policy, the churn curve over the months, the report, and the training deals' scores."""

    policy: Policy
    curve: ChurnCurve
    report: TrainingReport
    scores: pd.Series[float]


def _decide(
    prepared: _Prepared, evaluation: Evaluation, learned: Learned, estimator: Any
) -> _Decision:
    """Choose the policy for the model that is shipped, and build the training report."""
    view, spec = prepared.view, prepared.spec
    predicted = predict_held_out(learned, spec, estimator)
    curve = learned_curve(learned, predicted)
    policy = decide(view, spec, learned, estimator, predicted, curve)
    training_predictions = predict_training_deals(learned, predicted)
    report = summarise(
        view,
        spec,
        evaluation,
        learned.choice.table,
        policy,
        prepared.leakage,
        evaluated_policy=evaluated_policy(evaluation, policy, spec, view),
        expected_share=share_flagged(policy, training_predictions, prepared.table, spec),
        level=learned.level,
        changes=learned.changes,
        regime=learned.regime,
        association=learned.choice.association,
    )
    notes = (*report.notes, *filter(None, [note_on_exits(view), note_on_sample(learned)]))
    report = replace(report, reproduce=prepared.reproduce, notes=notes)
    return _Decision(policy, curve, report, training_predictions)


def _known(
    prepared: _Prepared,
    evaluation: Evaluation,
    learned: Learned,
    decision: _Decision,
    estimator: Any,
    comparison: dict[str, Any] | None,
) -> dict[str, Any]:
    """Return metadata of the training for the manifest: settings, scores and values seen."""
    seen = summarise_seen_values(learned.scorecard.columns, learned.training_set.attributes)
    # A user's own estimator may have memorised its deals: for it, the evaluation has the scores.
    scores = decision.scores if estimator is None else evaluation.table["probability"]
    return {
        "settings": learned.chosen,
        "estimator_settings": None if estimator is None else repr(estimator),
        "scores": summarise_scores(scores.to_numpy(dtype=np.float64)),
        "seen_values": seen,
        "deals_digest": prepared.digest,
        "observed_until": str(prepared.view.extract_end) if prepared.spec.has_dates else None,
        "comparison": comparison,
    }


def _in_use(spec: DealSpec, path: Path, tracked: Tracked) -> str | None:
    """Return the version in use: the champion or, without a registry, the folder's current one."""
    folder = path.parent
    if tracked.registry_version is not None:
        with contextlib.suppress(TrackingError):  # the next training makes up for the lost update
            return follow_champion(folder.parent, folder.name, spec.tracking.uri)
    return current_version(folder)


def _compare_with_champion(
    evaluation: Evaluation, prepared: _Prepared, retrain: Retrain
) -> dict[str, Any] | None:
    """Return the comparison with the champion; None if the store did not answer or has none."""
    evaluated = (evaluation.table, evaluation.attributes, prepared.table, prepared.spec)
    found = compare_with_champion(*evaluated, split_date=evaluation.split_date, retrain=retrain)
    return None if found is None else found.to_dict()
