"""Writing of a training's bundle: scorecard file, fitted estimator, card and manifest."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitmodel.bundle.reading import current_version
from fitmodel.bundle.store import ESTIMATOR_FILE, write_bundle
from fitmodel.deals.roles import per_year
from fitmodel.deals.vocabulary import lost_rows_of
from fitmodel.learning.own_estimator import OwnClassifier
from fitmodel.model.opening import SCORER_FILE
from fitmodel.model.scorer import READER_FILE, Scorer
from fitmodel.model.wording import wording_of
from fitmodel.reports.card import CARD_FILE, model_card

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fitmodel.deals.contract import DealSpec
    from fitmodel.decision.policy import Policy
    from fitmodel.evaluation.report import TrainingReport
    from fitmodel.learning.churn_curve import ChurnCurve
    from fitmodel.learning.learner import Learned
    from fitmodel.tracking.lifecycle import Begun


def ship(
    learned: Learned,
    policy: Policy,
    report: TrainingReport,
    spec: DealSpec,
    models: str | Path,
    mlflow_run: Begun,
    known: Mapping[str, Any] | None = None,
    curve: ChurnCurve | None = None,
) -> tuple[Path, str]:
    """Write the bundle, completely or not at all; return its path and the text of its card.

    The first bundle of its name with skill is in use at once; a later one only as champion.
    """
    roles, words = spec.deals, wording_of(spec)
    scorer = Scorer(
        learned.scorecard,
        policy,
        roles.amount,
        roles.closed_on,
        "",
        words,
        forms=spec.reading.forms,
        per_year=per_year(spec),
        lost=lost_rows_of(spec.to_dict()),
        regime=report.regime,
        curve=curve,
    )
    manifest = {
        "spec": spec.to_dict(),
        "metrics": {name: metric.value for name, metric in report.metrics.items()},
        "report": report.to_dict(),
        "period": [str(day) for day in report.period],
        "run_id": mlflow_run.run_id,
        "attributes": list(learned.scorecard.attributes),
        "policy": policy.description,
    } | dict(known or {})
    own = isinstance(learned.estimator, OwnClassifier)
    if own:
        manifest["estimator"] = type(learned.estimator.model).__name__
    card = model_card(report, manifest, spec)
    files = {
        READER_FILE if own else SCORER_FILE: scorer.to_json(),
        ESTIMATOR_FILE: _pickled(learned.estimator),
        CARD_FILE: card.encode(),
    }
    name = spec.tracking.registered_model
    first = current_version(Path(models) / name) is None
    make_current = first and report.has_skill
    path = write_bundle(
        Path(models), name, files=files, manifest=manifest, make_current=make_current
    )
    return path, card


def _pickled(estimator: Any) -> bytes:
    import joblib

    buffer = io.BytesIO()
    joblib.dump(estimator, buffer)
    return buffer.getvalue()
