"""The columns that scoring adds to a table: their names, types and order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from fitmodel.exceptions import ProspectError
from fitmodel.model.frame_scorer import missing_attributes
from fitmodel.model.horizons import check_horizons, horizon_columns
from fitmodel.tables.opening import duplicate_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fitmodel.crm.prospects import ProspectHistory
    from fitmodel.model.fitmodel import FitModel

PREDICTIONS = {
    "early_churn_probability": pa.float64(),
    "probability_low": pa.float64(),
    "probability_high": pa.float64(),
    "poor_fit": pa.bool_(),
    "fit": pa.string(),
    "expected_value": pa.float64(),
    "unfamiliar": pa.bool_(),
    "reasons": pa.string(),
    "model_version": pa.string(),
    "worth": pa.string(),
    "escalate": pa.bool_(),
    "expected_value_low": pa.float64(),
    "expected_value_high": pa.float64(),
    "own_evidence": pa.float64(),
    "error": pa.string(),
}
PROCEED = pa.field("proceed", pa.bool_())  # only with a decision log; placed before the error


def prediction_fields(
    reasons: int, *, logged: bool = False, horizons: Sequence[int] = ()
) -> list[pa.Field]:
    """Return the columns that scoring adds to a table, in order."""
    *fields, error = (
        pa.field(*item) for item in PREDICTIONS.items() if reasons or item[0] != "reasons"
    )
    fields += [pa.field(name, pa.float64()) for name in horizon_columns(horizons)]
    return [*fields, PROCEED, error] if logged else [*fields, error]


def check_files(lacking: Mapping[str, list[str]], model: FitModel) -> None:
    """Refuse a folder in which a file lacks a column that a prediction depends on.

    Raises
    ------
    ProspectError
        If a file lacks one; the message has columns and files. The rows of such a file would
        otherwise be scored as if these values were missing.
    """
    needed = [name for name in model.columns if name in lacking]
    if needed:
        lines = [
            f"  {name}: {len(lacking[name])} file(s), such as {lacking[name][0]}" for name in needed
        ]
        raise ProspectError(
            "some files of the folder lack columns that the model reads:\n"
            + "\n".join(lines)
            + "\nRemedy: write these files again with the columns, empty where nothing is known."
        )


def check_columns(
    names: list[str],
    model: FitModel,
    history: ProspectHistory | None = None,
    *,
    logged: bool = False,
    horizons: Sequence[int] = (),
) -> None:
    """Refuse a table whose columns do not allow scoring.

    Raises
    ------
    ProspectError
        If the table lacks an attribute or the id that history needs, has a column name twice, or
        already has a prediction column; or if the model cannot predict at a horizon.
    """
    if duplicates := duplicate_names(names):
        raise ProspectError(
            f"the table has more than one column named {duplicates}. Remedy: rename them."
        )
    if history is not None and history.spec.deals.id not in names:
        raise ProspectError(
            f"the table has no column {history.spec.deals.id!r}, the contract's id, by which a "
            f"prospect finds its history; it has {', '.join(names)}"
        )
    given = {*names, *(() if history is None else history.columns)}
    if not set(model.attributes) <= given:
        raise missing_attributes(model.attributes, sorted(given))
    check_horizons(model, horizons)
    added = [*PREDICTIONS, *horizon_columns(horizons), *([PROCEED.name] if logged else [])]
    taken = [name for name in added if name in names]
    if taken:
        raise ProspectError(
            f"the table already has the column(s) {', '.join(taken)}. Remedy: score the table "
            "without predictions, or rename these columns."
        )
