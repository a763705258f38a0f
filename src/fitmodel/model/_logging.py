"""Write predictions to a decision log before anybody sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fitmodel.model.logged import customer_column, id_column, log_assessments

if TYPE_CHECKING:
    from fitmodel.model.logged import AssessmentLog, LoggedModel


def log_predictions(model: LoggedModel, log: AssessmentLog, prospects: Any, predicted: Any) -> Any:
    """Log predictions, and return them with whether each prospect may proceed.

    Parameters
    ----------
    model : LoggedModel
    log : AssessmentLog
    prospects : mapping, list of mappings or DataFrame
    predicted : Assessment, list of Assessment or DataFrame
        As `FitModel.predict` gives them for `prospects`. Rows without a prediction are not logged.
    """
    if hasattr(predicted, "itertuples"):
        return _log_frame(model, log, prospects, predicted)
    if isinstance(prospects, Mapping):
        (may,) = log_assessments(log, model, [prospects], [predicted])
        return replace(predicted, proceed=may)
    allowed = log_assessments(log, model, prospects, predicted)
    return [replace(item, proceed=may) for item, may in zip(predicted, allowed, strict=True)]


def _log_frame(model: LoggedModel, log: AssessmentLog, prospects: Any, predicted: Any) -> Any:
    # the customer too: who was drawn is not drawn again under a new id
    roles = filter(None, [id_column(model), customer_column(model)])
    wanted = list(dict.fromkeys([*model.attributes, *roles]))
    records = prospects[[name for name in wanted if name in prospects]].to_dict("records")
    scored = predicted["early_churn_probability"].notna().to_numpy()
    answers = list(predicted[scored].itertuples(index=False))
    logged = [record for record, has_score in zip(records, scored, strict=True) if has_score]
    allowed = iter(log_assessments(log, model, logged, answers))
    return predicted.assign(proceed=[next(allowed) if has_score else None for has_score in scored])
