"""Train: the story of a model, from a table of deals to a tracked bundle.

read -> audit -> judge on later deals -> learn from all -> decide -> report -> bundle -> track
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.deals.data_warnings import find_warnings
from fitmodel.deals.history import HistoryView, view_of
from fitmodel.deals.reading import first_row_of, named_apart
from fitmodel.deals.roles import per_year, yearly_amounts
from fitmodel.decision.choice import choose_policy
from fitmodel.evaluation.judging import judge
from fitmodel.evaluation.summary import summarise
from fitmodel.exceptions import TrackingError
from fitmodel.guessing.doubts import read_with_doubts
from fitmodel.learning.learner import cross_fitted, learn
from fitmodel.learning.level import raised
from fitmodel.learning.own_estimator import OwnClassifier, cross_fitted_own, learn_own
from fitmodel.loading import load
from fitmodel.model.bundle import WORKBENCH, write_bundle
from fitmodel.model.changes import summarise_values
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.opening import SCORER_FILE
from fitmodel.model.reading import current_version
from fitmodel.model.scorer import Scorer
from fitmodel.model.wording import wording_of
from fitmodel.model.workbench import READER_FILE
from fitmodel.monitoring.drift import summarise_scores
from fitmodel.reports.card import model_card
from fitmodel.tracking.champion import compare_with_champion
from fitmodel.tracking.facts import TrainingFacts
from fitmodel.tracking.in_use import follow_champion
from fitmodel.tracking.runs import begin, deals_digest, ending, track

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.decision.policy import Policy
    from fitmodel.evaluation.comparison import Comparison
    from fitmodel.evaluation.judging import Judgement
    from fitmodel.evaluation.report import TrainingReport
    from fitmodel.learning.learner import Learned
    from fitmodel.tracking.facts import Begun, Tracked

CARD_FILE = "card.md"
STEPS = (
    "reading",
    "judging on deals not trained on",
    "learning",
    "deciding",
    "writing",
    "tracking",
)


@dataclass(frozen=True, eq=False, repr=False)
class TrainingRun:
    """What a training leaves behind.

    Attributes
    ----------
    model : FitModel
        Loaded from the bundle just written.
    report : TrainingReport
        How good it is, measured on deals it was not trained on.
    run_id : str or None
        The MLflow run; None where the tracking server did not answer.
    bundle_path : Path
    warnings : tuple of str
        What the user should know.
    in_use : str or None
        Version that ``models/<registered model>`` stands for now: this one where it is the first
        with evidence of skill or the registry's champion; else it is a challenger that waits for
        `fitmodel promote`. None where there has been none with skill.

    Examples
    --------
    >>> run = fitmodel.train("deals.csv", spec)  # doctest: +SKIP
    >>> run.model.version == run.bundle_path.name == run.in_use
    True
    """

    model: FitModel
    report: TrainingReport
    run_id: str | None
    bundle_path: Path
    warnings: tuple[str, ...] = ()
    in_use: str | None = None

    def __repr__(self) -> str:
        return f"<TrainingRun {self.model.version}: {self.report.verdict}>"

    def _repr_html_(self) -> str:
        from fitmodel.model.notebook import facts_html

        rows = [("bundle", self.bundle_path), ("run", self.run_id or "not tracked")]
        rows += [("in use", self.in_use), *(("warning", text) for text in self.warnings)]
        return facts_html("TrainingRun", rows) + self.report._repr_html_()


def train(
    deals: pd.DataFrame | str | Path,
    spec: DealSpec,
    *,
    models: str | Path = "models",
    allow: tuple[str, ...] = (),
    estimator: Any = None,
    progress: Callable[[str], None] | None = None,
) -> TrainingRun:
    """Train, judge, ship and track a prospect-fit model.

    Parameters
    ----------
    deals : DataFrame or path
        Past deals, as `fitmodel.read_deals` reads them.
    spec : DealSpec
        What the columns mean and how to decide.
    models : path
        Folder of bundles; the bundle is ``models/<registered model>/<version>``.
    allow : tuple of str
        Attributes to keep although the leakage audit says stop.
    estimator : scikit-learn classifier, optional
        Your own, in the place of the book of tables: judged and calibrated the same way, shipped
        without a sealed scorer, see `fitmodel.learning.own_estimator`.
    progress : callable, optional
        Told the name of each step as it begins.

    Returns
    -------
    TrainingRun

    Raises
    ------
    DealsError
        If the deals have faults, leak the outcome, or are too few to learn from or judge by.
    BundleError
        If the bundle cannot be written; the bundle in use before stays in use.

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(800, seed=1)
    >>> run = fitmodel.train(sim.deals, sim.spec, models="other_models")
    >>> run.report.method
    'out-of-time'
    """
    tell = progress or (lambda _step: None)
    tell(STEPS[0])
    questioned = read_with_doubts(deals, spec)
    table = named_apart(questioned.deals)
    spec = questioned.read.spec  # with the forms found, for prospects
    view = view_of(table, spec)
    leakage = audit_before_training(view, spec, allow)
    tell(STEPS[1])
    judgement = judge(view, spec, estimator)
    tell(STEPS[2])
    learned = learn(view, spec) if estimator is None else learn_own(view, spec, estimator)
    tell(STEPS[3])
    predicted = predict_held_out(learned, spec, estimator)
    policy = decide(view, spec, learned, estimator, predicted)
    report = summarise(
        view,
        spec,
        judgement,
        learned.choice.table,
        policy,
        leakage,
        evaluated_policy=_policy_evaluated(judgement, policy, spec, view),
        expected_share=_share_flagged(policy, predicted, table, spec),
        level=learned.level,
    )
    tell(STEPS[4])
    begun = begin(spec)
    with ending(begun, spec):
        contest = _contest(judgement, table, spec, begun)
        known = {
            "deals_digest": deals_digest(table),
            "settings": chosen_settings(learned),
            "estimator_settings": None if estimator is None else repr(estimator),
            "contest": None if contest is None else contest.to_dict(),
            "scores": summarise_scores(_scores_of(learned, judgement, estimator)),
            "seen_values": summarise_values(learned.book.columns, learned.taught.attributes),
        }
        path, card = ship(learned, policy, report, spec, models, begun, known)
    tell(STEPS[5])
    model = load(path, workbench=estimator is not None)
    tracked = track(_facts(path, spec, report, table, model, card, learned, begun))
    doubt = None if report.has_skill else report.verdict
    noticed = map(str, find_warnings(table, spec, first_row_of(deals)))
    texts = (doubt, tracked.warning, *noticed, *questioned.messages)
    warnings = tuple(text for text in texts if text)
    in_use = _in_use(spec, path, tracked)
    return TrainingRun(model, report, tracked.run_id, path, warnings, in_use)


def _scores_of(learned: Learned, judgement: Judgement, estimator: Any) -> NDArray[np.float64]:
    """What this model says of deals like those that it learned from.

    A user's own estimator may know its own deals by heart: of that one, what its twin said of
    deals that it did not see.
    """
    if estimator is not None:
        return np.asarray(judgement.table["probability"], dtype=np.float64)
    said: NDArray[np.float64] = learned.estimator.predict_proba(learned.taught.attributes)[:, 1]
    return said


def _in_use(spec: DealSpec, path: Path, tracked: Tracked) -> str | None:
    """The version in use: the champion, or without a registry the one that was in use before."""
    home = path.parent
    if tracked.registry_version is not None:
        with contextlib.suppress(TrackingError):  # it went away since; the next training catches up
            return follow_champion(home.parent, home.name, spec.tracking.uri)
    return current_version(home)


def audit_before_training(
    deals: pd.DataFrame | HistoryView, spec: DealSpec, allow: tuple[str, ...]
) -> pd.DataFrame:
    """Look for leaks; refuse to train on an attribute that tells the outcome.

    Raises
    ------
    DealsError
        Naming each attribute, its evidence and the remedy.
    """
    from fitmodel.deals.leakage import audit
    from fitmodel.exceptions import DealsError

    found = audit(deals, spec)
    stopped = [
        item for item in found.findings if item.verdict == "stop" and item.attribute not in allow
    ]
    if stopped:
        lines = "\n".join(f"  {item.attribute}: {item.evidence}. {item.remedy}" for item in stopped)
        names = ", ".join(f'"{item.attribute}"' for item in stopped)
        raise DealsError(
            f"{len(stopped)} attribute(s) look like knowledge from after the closing:\n{lines}\n"
            f"Remedy: add them to [attributes] exclude = [{names}], or, where you are sure that "
            "the value is known before signing, allow them by name (--allow ATTRIBUTE)."
        )
    return found.to_frame()


def chosen_settings(learned: Learned) -> dict[str, Any]:
    """What the learner chose, as plain values for the run and the manifest."""
    level = learned.level
    return {
        **learned.choice.settings.to_params(),
        "level_factor": level.factor,
        "level_discount": level.discount,
        "level_pull": level.pull,
    }


def predict_held_out(learned: Learned, spec: DealSpec, estimator: Any = None) -> pd.Series[float]:
    """Probability of each deal at today's level, by a fit of the shipped settings without it.

    These have the distribution that the shipped model's probabilities of new prospects have:
    probabilities of the deals that it learned from itself are further apart.
    """
    if estimator is not None:
        return cross_fitted_own(learned.taught, spec, learned)
    return cross_fitted(learned.taught, spec, learned.choice, factor=learned.level.factor)


def decide(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    learned: Learned,
    estimator: Any = None,
    predicted: pd.Series[float] | None = None,
) -> Policy:
    """Choose the decision policy for a model on predictions of deals left out of its fit.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        What the model learned from.
    spec : DealSpec
    learned : Learned
    estimator : classifier, optional
        A user's own.
    predicted : Series, optional
        As `predict_held_out` returns it.
    """
    view = view_of(deals, spec)
    if predicted is None:
        predicted = predict_held_out(learned, spec, estimator)
    known = view.labelled(learned.taught.dates)
    yearly = None if spec.deals.amount is None else yearly_amounts(view.deals, spec)
    return choose_policy(
        spec,
        predicted[known.index].to_numpy(),
        known.early_churn,
        at_level(known.early_churn, known.weight, learned),
        None if yearly is None else yearly.loc[known.index].to_numpy(),
        curve=view.survival,
        population=predicted.to_numpy(),
        level=learned.book.base_rate,
        customer_amounts=None if yearly is None else yearly.to_numpy(),
    )


def at_level(
    early_churn: NDArray[np.float64], weight: NDArray[np.float64], learned: Learned
) -> NDArray[np.float64]:
    """Weights under which past outcomes have today's level of early churn.

    Early churners count as many times more as the odds of early churn are higher today (prior
    shift; Saerens, Latinne and Decaestecker 2002).
    """
    if not len(weight) or not learned.level.is_applied:
        return weight
    past = float(np.average(early_churn, weights=weight))
    today = float(raised(np.array([past]), learned.level.factor)[0])
    odds = today * (1 - past) / max(past * (1 - today), 1e-12)
    return np.where(early_churn == 1, weight * odds, weight)


def _policy_evaluated(
    judgement: Judgement, policy: Policy, spec: DealSpec, view: HistoryView
) -> Policy | None:
    """Policy as it would have been chosen with what the evaluated model learned from.

    None where the shipped policy does not depend on the deals' predictions, or where the deals
    were evaluated in parts: the shipped one then counts its flags among deals left out in turn.
    """
    learned = judgement.learned
    if policy.kind not in {"capacity", "precision"} or learned is None:
        return None
    if judgement.split_date is None or isinstance(learned.estimator, OwnClassifier):
        return None
    then = view.as_of(judgement.split_date).signed_before(judgement.split_date)
    return decide(then, spec, learned)


def _share_flagged(
    policy: Policy, predicted: pd.Series[float], table: pd.DataFrame, spec: DealSpec
) -> float:
    """Share of prospects like the deals learned from that the shipped model will flag."""
    given = spec.deals.amount is not None
    amount = yearly_amounts(table, spec).loc[predicted.index].to_numpy() if given else None
    return float(policy.poor_fit(predicted.to_numpy(), amount).mean())


def _contest(
    judgement: Judgement, table: pd.DataFrame, spec: DealSpec, begun: Begun
) -> Comparison | None:
    """Meet the champion, so that a promotion has evidence; not where the store is away."""
    if begun.run_id is None:
        return None
    return compare_with_champion(judgement.table, judgement.attributes, table, spec)


def ship(
    learned: Learned,
    policy: Policy,
    report: TrainingReport,
    spec: DealSpec,
    models: str | Path,
    begun: Begun,
    known: Mapping[str, Any] | None = None,
) -> tuple[Path, str]:
    """Write the bundle: sealed scorer, workbench estimator, card, manifest; whole or not at all.

    The first of its name that has skill is in use at once; a later one when it is champion.
    """
    from pathlib import Path

    roles, words = spec.deals, wording_of(spec)
    scorer = Scorer(
        learned.book,
        policy,
        roles.amount,
        roles.closed_on,
        "",
        words,
        forms=spec.reading.forms,
        per_year=per_year(spec),
    )
    facts = {
        "spec": spec.to_dict(),
        "metrics": {name: metric.value for name, metric in report.metrics.items()},
        "report": report.to_dict(),
        "period": [str(day) for day in report.period],
        "run_id": begun.run_id,
        "attributes": list(learned.book.attributes),
        "policy": policy.description,
    } | dict(known or {})
    own = isinstance(learned.estimator, OwnClassifier)
    if own:
        facts["estimator"] = type(learned.estimator.model).__name__
    card = model_card(report, facts, spec)
    files = {
        READER_FILE if own else SCORER_FILE: scorer.to_json(),
        WORKBENCH: _pickled(learned.estimator),
        CARD_FILE: card.encode(),
    }
    name = spec.tracking.registered_model
    first = current_version(Path(models) / name) is None
    make_current = first and report.has_skill
    path = write_bundle(Path(models), name, files=files, manifest=facts, make_current=make_current)
    return path, card


def _pickled(estimator: Any) -> bytes:
    import joblib

    buffer = io.BytesIO()
    joblib.dump(estimator, buffer)
    return buffer.getvalue()


def _facts(
    path: Path,
    spec: DealSpec,
    report: TrainingReport,
    table: pd.DataFrame,
    model: FitModel,
    card: str,
    learned: Learned,
    begun: Begun,
) -> TrainingFacts:
    return TrainingFacts(
        bundle_path=path,
        spec=spec,
        report=report,
        deals=table,
        example=model.example(),
        card=card,
        figures=report.figures(),
        candidates=report.candidates,
        chosen=chosen_settings(learned),
        begun=begun,
    )
