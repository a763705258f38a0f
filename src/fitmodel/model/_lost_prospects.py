"""Rows of a frame that get no prediction: lost ones are emptied, unreadable ones refused."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.deals.lost import LEFT_OUT
from fitmodel.exceptions import ProspectError
from fitmodel.tables.cells import row_name, shown

if TYPE_CHECKING:
    from fitmodel.model.frame_scorer import CodedTable

SHOWN = 5  # kinds of lost rows that a warning names


def without_lost(predictions: pd.DataFrame, lost: dict[int, str]) -> pd.DataFrame:
    """Empty the predictions of lost rows, and warn of them; types can hold what is missing.

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


def refuse_unreadable(table: pd.DataFrame, coded: CodedTable, lost: dict[int, str]) -> None:
    """Refuse values that cannot be read, except in rows that get no prediction.

    Raises
    ------
    ProspectError
        Naming column, count, example and remedy.
    """
    lines = []
    for name, rows in coded.unreadable.items():
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
