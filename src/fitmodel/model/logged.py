"""Protocol of an assessment log, and functions that write predictions to it.

prospects and predictions -> ids -> which flagged prospects may proceed -> rows of the log
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fitmodel.exceptions import ProspectError, TrackingError

if TYPE_CHECKING:
    from numpy.typing import NDArray


class UnknownProspectError(TrackingError):
    """The log has no assessment of the prospect."""


class ContradictionError(TrackingError):
    """A decision contradicts the assessment, or an earlier decision."""


class Prediction(Protocol):
    """The part of a prediction that the log stores: `Assessment`, or row of a scored frame."""

    @property
    def early_churn_probability(self) -> float:
        """As `Assessment`."""

    @property
    def poor_fit(self) -> bool:
        """As `Assessment`."""

    @property
    def fit(self) -> str:
        """As `Assessment`."""

    @property
    def model_version(self) -> str:
        """As `Assessment`."""


class LoggedModel(Protocol):
    """The part of a model that a log needs; a `FitModel` has it."""

    manifest: dict[str, Any]

    @property
    def attributes(self) -> tuple[str, ...]:
        """Names of the attributes that the model scores."""


class Exploration(Protocol):
    """Which prospects may proceed, and with what probability each was allowed to."""

    @property
    def proceed(self) -> NDArray[Any]:
        """Whether each prospect may proceed: bool, shape (prospects,)."""

    @property
    def propensity(self) -> NDArray[Any]:
        """Probability with which each was allowed to proceed: float, shape (prospects,)."""


class AssessmentLog(Protocol):
    """A log of assessments; `fitmodel.monitoring.log.DecisionLog` is one."""

    def append_many(
        self, rows: Iterable[tuple[str, Prediction, Mapping[str, Any], bool, float]]
    ) -> None:
        """Add all rows or none: (prospect, assessment, attributes, proceed, propensity)."""

    def decide(
        self,
        prospect: str,
        action: str,
        *,
        by: str,
        reason: str | None = None,
        correct: bool = False,
    ) -> bool:
        """Add a person's decision on a prospect.

        Raises `UnknownProspectError` if the log has no assessment of the prospect, and
        `ContradictionError` if the decision contradicts the log and `correct` is false.
        """

    def draw(self, prospects: Sequence[str], poor_fit: Sequence[bool], share: float) -> Exploration:
        """Choose at random which flagged prospects may proceed."""


def log_assessments(
    log: AssessmentLog,
    model: LoggedModel,
    prospects: Sequence[Mapping[str, Any]],
    predictions: Sequence[Prediction],
) -> list[bool]:
    """Write assessments to the log, and return which prospects may proceed.

    Some flagged prospects may proceed so that the company learns from their outcomes; their share
    is the contract's ``[decision] explore_share``.

    Parameters
    ----------
    log : AssessmentLog
        Log to write to.
    model : LoggedModel
        Model that made the predictions; its contract names the id.
    prospects : sequence of mapping
        The prospects that were scored, each with its id.
    predictions : sequence of Prediction
        Their predictions, in the same order.

    Returns
    -------
    list of bool
        Whether each prospect may proceed: it was not flagged, or it was drawn.

    Raises
    ------
    ProspectError
        If the contract names no id, or a prospect has no id that is text or a number.
    """
    names = [_id_of(prospect, id_column(model)) for prospect in prospects]
    draw_keys = _draw_keys(prospects, names, customer_column(model))
    proceed, propensity = _drawn(log, draw_keys, predictions, explore_share(model))
    attributes = [{name: item[name] for name in model.attributes} for item in prospects]
    log.append_many(zip(names, predictions, attributes, proceed, propensity, strict=True))
    return proceed


def _drawn(
    log: AssessmentLog, names: Sequence[str], predictions: Sequence[Prediction], share: float
) -> tuple[list[bool], list[float]]:
    """Return who may proceed, and with what probability; with a share of 0 nobody is drawn."""
    flagged = [bool(item.poor_fit) for item in predictions]
    if share == 0:
        return [not item for item in flagged], [1.0] * len(flagged)
    drawn = log.draw(names, flagged, share)
    return drawn.proceed.tolist(), drawn.propensity.tolist()


def _draw_keys(
    prospects: Sequence[Mapping[str, Any]], names: Sequence[str], column: str | None
) -> list[str]:
    """Return the names to draw by: the customer's where known, else the prospect's id.

    Drawing by customer keeps the result the same if a customer gets a new id.
    """
    customers = [None if column is None else prospect.get(column) for prospect in prospects]
    return [
        name if column is None or id_error(customer, column) else str(customer)
        for name, customer in zip(names, customers, strict=True)
    ]


def customer_column(model: LoggedModel) -> str | None:
    """Return the column of ``[rows] customer``; None where the contract names none."""
    rows = model.manifest.get("spec", {}).get("rows") or {}
    name: str | None = rows.get("customer")
    return name


def id_column(model: LoggedModel) -> str | None:
    """Return the column of the contract's id; None where it names none."""
    return model.manifest.get("spec", {}).get("deals", {}).get("id")  # type: ignore[no-any-return]


def explore_share(model: LoggedModel) -> float:
    """Return the share of flagged prospects that may proceed."""
    return float(model.manifest.get("spec", {}).get("decision", {}).get("explore_share", 0.0))


def _id_of(prospect: Mapping[str, Any], column: str | None) -> str:
    if column is None:
        raise ProspectError(
            "the model's contract names no id, without which an assessment cannot be logged. "
            "Remedy: name it as id in [deals] and train again, or leave the log out."
        )
    name = prospect.get(column)
    if problem := id_error(name, column):
        raise ProspectError(
            f"{problem}, without which its assessment cannot be logged. "
            "Remedy: give it, or leave the log out."
        )
    return str(name)


def id_error(name: object, column: str) -> str | None:
    """Return why an outcome could not be joined to an assessment with this id; None if it can."""
    if isinstance(name, str):
        return None if name.strip() else f"a prospect has an empty {column!r}"
    if isinstance(name, bool | np.bool_ | Iterable):
        return f"a prospect has a {column!r} that is neither text nor number"
    if name is None or name != name:  # noqa: PLR0124 - NaN
        return f"a prospect has no {column!r}"
    return None


def log_predictions(model: LoggedModel, log: AssessmentLog, prospects: Any, predicted: Any) -> Any:
    """Log predictions, and return them with `proceed`: whether each prospect may proceed.

    Parameters
    ----------
    model : LoggedModel
        Model that made the predictions; its contract names the id.
    log : AssessmentLog
        Log to write to.
    prospects : mapping, list of mappings or DataFrame
        The prospects that were scored.
    predicted : Assessment, list of Assessment or DataFrame
        The result of `FitModel.predict` for `prospects`. Rows without a prediction are not logged.
    """
    if hasattr(predicted, "itertuples"):
        return _log_frame(model, log, prospects, predicted)
    if isinstance(prospects, Mapping):
        (may_proceed,) = log_assessments(log, model, [prospects], [predicted])
        return replace(predicted, proceed=may_proceed)
    allowed = log_assessments(log, model, prospects, predicted)
    return [
        replace(item, proceed=may_proceed)
        for item, may_proceed in zip(predicted, allowed, strict=True)
    ]


def _log_frame(model: LoggedModel, log: AssessmentLog, prospects: Any, predicted: Any) -> Any:
    # The customer is needed too, so that a customer is not drawn again under a new id.
    roles = filter(None, [id_column(model), customer_column(model)])
    needed = list(dict.fromkeys([*model.attributes, *roles]))
    records = prospects[[name for name in needed if name in prospects]].to_dict("records")
    scored = predicted["early_churn_probability"].notna().to_numpy()
    scored_rows = list(predicted[scored].itertuples(index=False))
    logged = [record for record, has_score in zip(records, scored, strict=True) if has_score]
    allowed = iter(log_assessments(log, model, logged, scored_rows))
    return predicted.assign(proceed=[next(allowed) if has_score else None for has_score in scored])
