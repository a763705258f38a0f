"""Expand leavers with an unknown day of leaving into several weighted rows with known days."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning.proportional_odds import Floats, FollowUp, support_points

MAX_TIMES = 24  # possible times of leaving per leaver


def expand_unknown_days(
    follow_up: FollowUp, probability: Floats
) -> tuple[FollowUp, NDArray[np.intp]]:
    """Expand each leaver with an unknown day into one weighted row per possible time of leaving.

    Parameters
    ----------
    follow_up : FollowUp
        Follow-up of the deals.
    probability : ndarray of shape (n,)
        Probability that each deal left within the horizon, see `conditional_probability`.

    Returns
    -------
    follow_up : FollowUp
        Follow-up in which all days are known; the rows of a deal share its weight.
    rows : ndarray of int
        Position of the deal of each row.
    """
    if follow_up.left_by is None or follow_up.leaving is None:
        return follow_up, np.arange(len(follow_up))
    dated = np.flatnonzero(np.isnan(follow_up.left_by))
    undated = np.flatnonzero(~np.isnan(follow_up.left_by))
    inside = follow_up.leaving.months <= follow_up.horizon
    times, mass = support_points(
        follow_up.leaving.months[inside], follow_up.leaving.share[inside], MAX_TIMES
    )
    not_after = times <= follow_up.left_by[undated][:, None]
    not_after[:, :1] = True  # a customer who left before the first time is put on it
    possible = mass * not_after
    possible *= (probability[undated] / np.maximum(possible.sum(axis=1), 1e-300))[:, None]
    share = np.hstack([possible, 1.0 - possible.sum(axis=1, keepdims=True)]).ravel()
    rows = np.concatenate([dated, np.repeat(undated, len(times) + 1)])
    expanded = replace(follow_up.subset(rows), left_by=None, leaving=None)
    extra = slice(len(dated), None)
    expanded.months[extra] = np.tile([*times, follow_up.horizon], len(undated))
    expanded.left[extra] = np.tile([*np.ones(len(times), dtype=bool), False], len(undated))
    expanded.weight[extra] *= share
    weighted = expanded.weight > 0
    return expanded.subset(weighted), rows[weighted]
