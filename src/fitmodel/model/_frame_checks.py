"""Checks of a frame of prospects: lost rows, unreadable values, dates counted from today."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.deals.lost import LEFT_OUT
from fitmodel.exceptions import ProspectError
from fitmodel.learning.columns import NumberColumn
from fitmodel.tables.cells import row_name, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fitmodel.model.scorer import Scorer

MAX_FAR = 0.2  # largest share of dates outside the range of all past deals, without a warning
SHOWN = 5  # how many kinds of lost rows a warning lists


def without_lost(predictions: pd.DataFrame, lost: dict[int, str]) -> pd.DataFrame:
    """Return the predictions without those of lost rows, and warn of these rows.

    Columns of yes/no become the type "boolean", which allows missing values.

    Parameters
    ----------
    predictions : DataFrame
        One row per prospect.
    lost : dict of int to str
        From the position of each lost row to why it is lost, as
        `fitmodel.deals.lost.LostRows.of_table` returns it.
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
            far = float(column.outside(days[known]).mean())
            if far > MAX_FAR:
                warnings.warn(
                    f"{note} {far:.0%} of the dates in {column.name!r} then lie beyond those of "
                    "all past deals.",
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
