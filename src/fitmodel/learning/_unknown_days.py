"""Leavers whose day is not known, as several rows whose days are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning.proportional_odds import Floats, FollowUp, few_points

MAX_TIMES = 24  # rows that stand for one leaver


def dated_rows(follow_up: FollowUp, chance: Floats) -> tuple[FollowUp, NDArray[np.intp]]:
    """Follow-up in which each leaver of unknown day is several rows, one per time it may be.

    Parameters
    ----------
    follow_up : FollowUp
    chance : ndarray of shape (n,)
        As `own_chance` gives it: how much of such a deal left within the horizon.

    Returns
    -------
    follow_up : FollowUp
        All days known; the rows of a deal share its weight.
    rows : ndarray of int
        Which deal each row is.
    """
    if follow_up.left_by is None or follow_up.leaving is None:
        return follow_up, np.arange(len(follow_up))
    dated = np.flatnonzero(np.isnan(follow_up.left_by))
    undated = np.flatnonzero(~np.isnan(follow_up.left_by))
    inside = follow_up.leaving.months <= follow_up.horizon
    times, mass = few_points(
        follow_up.leaving.months[inside], follow_up.leaving.share[inside], MAX_TIMES
    )
    not_after = times <= follow_up.left_by[undated][:, None]
    not_after[:, :1] = True  # who had left before the first of them leaves then
    possible = mass * not_after
    possible *= (chance[undated] / np.maximum(possible.sum(axis=1), 1e-300))[:, None]
    share = np.hstack([possible, 1.0 - possible.sum(axis=1, keepdims=True)]).ravel()
    rows = np.concatenate([dated, np.repeat(undated, len(times) + 1)])
    expanded = replace(follow_up.subset(rows), left_by=None, leaving=None)
    extra = slice(len(dated), None)
    expanded.months[extra] = np.tile([*times, follow_up.horizon], len(undated))
    expanded.left[extra] = np.tile([*np.ones(len(times), dtype=bool), False], len(undated))
    expanded.weight[extra] *= share
    some = expanded.weight > 0
    return expanded.subset(some), rows[some]
