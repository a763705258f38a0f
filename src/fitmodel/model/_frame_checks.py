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

MAX_FAR = 0.2  # share of dates beyond those of all past deals
SHOWN = 5  # kinds of lost rows that a warning names


def without_lost(predictions: pd.DataFrame, lost: dict[int, str]) -> pd.DataFrame:
    """Empty the predictions of lost rows and warn of them; column types allow missing values.

    Parameters
    ----------
    predictions : DataFrame
        A row per prospect.
    lost : dict of int to str
        Positions of lost rows, and why; as of `fitmodel.deals.lost.LostRows.of_table`.
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
    """Warn where dates counted back from today are outside the range of the past deals.

    Parameters
    ----------
    scorer : Scorer
    days_of : mapping of int to ndarray of float
        Place of each date among the attributes to how many days it lies before closing.
    note : str or None
        What to say; None where they are not counted from today.
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
    """Refuse values that cannot be read, except in rows that get no prediction.

    Raises
    ------
    ProspectError
        Naming column, count, example and remedy.
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
