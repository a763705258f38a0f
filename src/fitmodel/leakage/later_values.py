"""Leakage by later changes: columns whose value today differs from the value before closing."""

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
        Name of the column.
    deals : int
        Number of deals whose value has changed since closing.
    known : int
        Number of deals whose value as of closing is known.
    among_leavers, among_others : float
        Share of changed values among deals known to have left early, and among deals known not to.
    auc_then, auc_today : float
        AUC of the column alone for early churn, with the values before closing and with those of
        today. The difference is the skill that the later values would only seem to have.
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
    """Compare today's values of columns with their values before closing.

    Parameters
    ----------
    today : DataFrame
        The deals as exported, before the attributes were attached.
    result : AsOfAttributes
        The attributes as of closing.
    view : HistoryView
        View of the deals; its index labels are rows of `today`.

    Returns
    -------
    list of LaterValue
        One entry per column with changes, sorted by the difference of the AUCs, largest first.
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
