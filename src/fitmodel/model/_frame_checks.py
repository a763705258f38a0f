"""Checks of a frame of prospects, and scoring of a frame with few rows one by one."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.vocabulary import LEFT_OUT
from fitmodel.exceptions import ProspectError
from fitmodel.learning.columns import NumberColumn
from fitmodel.model._reason_column import reasons_column
from fitmodel.model.inputs import PREDICTED
from fitmodel.model.scorer import day_or_none
from fitmodel.tables.cells import row_name, shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from numpy.typing import NDArray

    from fitmodel.model.assessment import Assessment
    from fitmodel.model.scorer import Scorer

MAX_OUTSIDE_SHARE = 0.2  # of dates outside the range of all past deals, without a warning
SHOWN = 5  # how many kinds of lost rows a warning lists
FEW_ROWS = 4  # rows: with more than about this, whole columns are as fast
_TEXTS = ("fit", "model_version", "worth")


def without_lost(predictions: pd.DataFrame, lost: dict[int, str]) -> pd.DataFrame:
    """Return the predictions without those of lost rows, and warn of these rows.

    Columns of yes/no become the type "boolean", which allows missing values.

    Parameters
    ----------
    predictions : DataFrame
        One row per prospect.
    lost : dict of int to str
        From the position of each lost row to why it is lost, as
        `fitmodel.deals.vocabulary.LostRows.of_table` returns it.
    """
    if not lost:
        return predictions
    kinds = Counter(why.removeprefix(LEFT_OUT) for why in lost.values()).most_common(SHOWN)
    listed = "; ".join(f"{count:,}: {why}" for why, count in kinds)
    warnings.warn(
        f"{len(lost):,} of {len(predictions):,} row(s) get no prediction, because they are no "
        f"prospects any more ({listed}). Remedy: leave such rows out.",
        UserWarning,
        stacklevel=4,
    )
    emptied = predictions.copy()
    for name in emptied.columns:
        column = emptied[name]
        if column.dtype == bool:
            column = column.astype("boolean")
        emptied[name] = column.mask(np.isin(np.arange(len(emptied)), list(lost)))
    return emptied


def warn_of_today(
    scorer: Scorer, days_of: Mapping[int, NDArray[np.float64]], note: str | None
) -> None:
    """Warn if many dates counted back from today are outside the range of the past deals.

    Parameters
    ----------
    scorer : Scorer
        Scorer whose columns hold the range of the past deals.
    days_of : mapping of int to ndarray of float
        From the position of each date attribute to the days between that date and today.
    note : str or None
        Start of the warning; None if the dates are not counted back from today.
    """
    if note is None:
        return
    for position, days in days_of.items():
        column, known = scorer.scorecard.columns[position], ~np.isnan(days)
        if known.any() and isinstance(column, NumberColumn):
            outside_share = float(column.outside(days[known]).mean())
            if outside_share > MAX_OUTSIDE_SHARE:
                warnings.warn(
                    f"{note} {outside_share:.0%} of the dates in {column.name!r} then lie beyond "
                    "those of all past deals.",
                    UserWarning,
                    stacklevel=4,
                )
                return


def refuse_unreadable(
    table: pd.DataFrame, unreadable: Mapping[str, NDArray[np.bool_]], lost: dict[int, str]
) -> None:
    """Refuse values that cannot be read, except in lost rows, which get no prediction.

    Raises
    ------
    ProspectError
        If there are such values; the message has column, count, example and remedy.
    """
    lines = []
    for name, rows in unreadable.items():
        unread = [row for row in np.flatnonzero(rows).tolist() if row not in lost]
        if unread:
            lines.append(
                f"  {name}: {len(unread)} value(s) cannot be read, for example "
                f"{shown(table[name].iloc[unread[0]])} in {row_name(table.index[unread[0]])}"
            )
    if lines:
        raise ProspectError(
            "text stands where the model learned numbers or dates:\n"
            + "\n".join(lines)
            + "\nRemedy: write plain numbers (1234.5) and ISO dates, or leave empty what is not "
            "known."
        )


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
    if not 0 < len(table) <= FEW_ROWS or not table.columns.is_unique:
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
