"""Scoring of a frame with few rows one by one, many times faster than by whole columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.exceptions import ProspectError
from fitmodel.model._reason_column import reasons_column
from fitmodel.model.inputs import PREDICTED
from fitmodel.model.scorer import day_or_none

if TYPE_CHECKING:
    from datetime import date

    from fitmodel.model.assessment import Assessment
    from fitmodel.model.scorer import Scorer

FEW = 4  # rows: with more than about this, whole columns are as fast
_TEXTS = ("fit", "model_version", "worth")


def predict_few(
    scorer: Scorer,
    table: pd.DataFrame,
    reasons: int,
    as_of: date | None,
    language: str,
) -> pd.DataFrame | None:
    """Return the predictions of a short table, scored row by row; None if that is not possible.

    It is not possible for a long table, or for one with an error or a lost row: the column-wise
    path raises errors that name columns and rows, and warns about lost rows.
    """
    if not 0 < len(table) <= FEW or not table.columns.is_unique:
        return None
    roles = (scorer.amount, scorer.closed_on, *scorer.lost.columns)
    wanted = {*scorer.scorecard.attributes, *roles}
    columns = {name: table[name].tolist() for name in table.columns if name in wanted}
    if not columns:  # the column-wise path names every attribute that is missing
        return None
    day = day_or_none(as_of)
    try:
        assessed = [
            scorer.assess(dict(zip(columns, row, strict=True)), reasons, day, language)
            for row in zip(*columns.values(), strict=True)
        ]
    except ProspectError:
        return None
    return _frame(assessed, table.index, with_reasons=reasons > 0)


def _frame(assessed: list[Assessment], index: pd.Index, *, with_reasons: bool) -> pd.DataFrame:
    names = [name for name in PREDICTED if with_reasons or name != "reasons"]
    values = {name: [getattr(each, name) for each in assessed] for name in names}
    columns: dict[str, Any] = {
        name: np.asarray(listed)
        for name, listed in values.items()
        if name not in _TEXTS and name != "reasons"
    }
    # One array for all texts, since making an array takes longer than scoring a prospect.
    texts = pd.array([text for name in _TEXTS for text in values[name]], dtype="str")
    for position, name in enumerate(_TEXTS):
        columns[name] = texts[position * len(assessed) : (position + 1) * len(assessed)]
    if with_reasons:
        columns["reasons"] = reasons_column([list(each) for each in values["reasons"]])
    return pd.DataFrame({name: columns[name] for name in names}, index=index)
