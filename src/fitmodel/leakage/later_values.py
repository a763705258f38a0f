"""Leakage by changes after closing: columns whose value today is not the one before closing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.crm.later import later_changes
from fitmodel.leakage.statistics import cohorts_of, groups_of, separation

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from fitmodel.crm.attributes import AsOfAttributes
    from fitmodel.deals.history import HistoryView


@dataclass(frozen=True)
class LaterValue:
    """One column whose values today differ from those at closing.

    Attributes
    ----------
    column : str
    deals, known : int
        Deals whose value is another today, of those whose value as of closing is known.
    among_leavers, among_others : float
        Share of them among the deals known to have left early, and among those known to have not.
    auc_then, auc_today : float
        AUC with which the column alone tells early churners, as it stood before closing and as it
        stands today: the difference is what the later values would have pretended.
    """

    column: str
    deals: int
    known: int
    among_leavers: float
    among_others: float
    auc_then: float
    auc_today: float


def later_values(
    today: pd.DataFrame, result: AsOfAttributes, view: HistoryView
) -> list[LaterValue]:
    """Compare the columns of today with their values before closing.

    Parameters
    ----------
    today : DataFrame
        The deals as exported, before the attributes were attached.
    result : AsOfAttributes
    view : HistoryView
        Of the deals as read; its index tells which rows of `today` they are.

    Returns
    -------
    list of LaterValue
        The one that would have pretended most first.
    """
    positions = today.index.get_indexer(view.deals.index)
    early = view.outcomes["early_churn"].to_numpy(dtype=np.float64, na_value=np.nan)
    labelled = np.isfinite(early) & (positions >= 0)
    rows, label = positions[labelled], early[labelled]
    closed = view.closed
    if closed is None:
        return []
    cohort = cohorts_of(closed[labelled])
    listed = []
    for each in later_changes(today, result):
        name = each.column
        then = next(item for item in result.fields if item.columns.column == name).columns.value
        changed = each.deals[rows]
        listed.append(
            LaterValue(
                name,
                int(each.deals.sum()),
                int(each.known.sum()),
                _share(changed, label == 1),
                _share(changed, label == 0),
                _auc(result.frame[str(then)].iloc[rows], label, cohort),
                _auc(today[name].iloc[rows], label, cohort),
            )
        )
    return sorted(listed, key=lambda item: item.auc_then - item.auc_today)


def _share(changed: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
    return float(changed[among].mean()) if among.any() else 0.0


def _auc(values: pd.Series[Any], label: NDArray[np.float64], cohort: NDArray[np.int64]) -> float:
    if not len(label):
        return 0.5
    return separation(groups_of(values), label, cohort).value
