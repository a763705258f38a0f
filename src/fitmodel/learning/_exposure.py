"""Observed and expected early leavers by deal and calendar month.

follow-up of the deals -> one row per deal and month in which it was followed
leaver with an unknown day -> one weighted row per possible time of leaving
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fitmodel.deals.months import DAYS_PER_MONTH
from fitmodel.learning._proportional_odds import (
    Floats,
    FollowUp,
    conditional_probability,
    support_points,
)

if TYPE_CHECKING:
    from fitmodel.learning._proportional_odds import Baseline

MAX_TIMES = 24  # possible times of leaving per leaver


class Exposure(NamedTuple):
    """Deals by calendar month: one row per deal and month in which it was followed.

    Parameters
    ----------
    deal, month : ndarray of int, shape (rows,)
        Positions of the deal and, from the first month, of the month.
    observed, expected : ndarray, shape (rows,)
        Weight of the deal if it left early in the month, else 0; and its expected value.
    names : tuple of str
        Names of all months.
    """

    deal: NDArray[np.intp]
    month: NDArray[np.intp]
    observed: Floats
    expected: Floats
    names: tuple[str, ...]

    def of_deals(self, chosen: NDArray[np.bool_]) -> Exposure:
        """Return the rows of the chosen deals, a mask of shape (deals,)."""
        rows = chosen[self.deal]
        return Exposure(
            self.deal[rows], self.month[rows], self.observed[rows], self.expected[rows], self.names
        )

    def by_month(self) -> tuple[Floats, Floats]:
        """Observed and expected leavers per month, each of shape (months,)."""
        observed, expected = self.by_group(np.zeros(len(self.deal), dtype=np.intp), 1)
        return observed[:, 0], expected[:, 0]

    def by_group(self, group: NDArray[np.intp], groups: int) -> tuple[Floats, Floats]:
        """Observed and expected leavers per month and group, each of shape (months, groups).

        Parameters
        ----------
        group : ndarray of int, shape (rows,)
            Group of each row.
        groups : int
            Number of groups.
        """
        months, cell = len(self.names), self.month * groups + group

        def total(counts: Floats) -> Floats:
            summed = np.bincount(cell, weights=counts, minlength=months * groups)
            return np.asarray(summed.reshape(months, groups), dtype=np.float64)

        return total(self.observed), total(self.expected)


def exposure_by_month(
    follow_up: FollowUp,
    closed: NDArray[np.datetime64],
    end: np.datetime64,
    baseline: Baseline,
    log_odds: Floats,
) -> Exposure:
    """Observed and expected early leavers per deal and month before the end.

    Parameters are those of `fit_level`. A leaver whose day is unknown has one row per possible
    time, each with its share.
    """
    follow_up, rows = expand_unknown_days(
        follow_up, conditional_probability(follow_up, baseline, log_odds)
    )
    closed, log_odds = closed[rows], log_odds[rows]
    # time in months relative to the end of the extract
    signed = (closed - end).astype("timedelta64[D]").astype(float) / DAYS_PER_MONTH
    count = int(np.ceil(max(-signed.min(initial=0.0), 1e-9)))
    left_on = np.where(follow_up.left, signed + follow_up.months, np.nan)
    deals, months, observed, expected = [], [], [], []
    for number in range(count):
        first, last = float(number - count), float(number - count + 1)
        start = np.clip(first - signed, follow_up.entry, follow_up.months)
        end_of_part = np.clip(last - signed, follow_up.entry, follow_up.months)
        has_left = (left_on > first) & (left_on <= last)
        exposed = np.flatnonzero((end_of_part > start) | has_left)
        part = follow_up.subset(exposed)
        hazard = _hazard(baseline, end_of_part[exposed], part, log_odds[exposed]) - _hazard(
            baseline, start[exposed], part, log_odds[exposed]
        )
        deals.append(rows[exposed])
        months.append(np.full(len(exposed), number))
        observed.append(part.weight * has_left[exposed])
        expected.append(part.weight * hazard)
    last_month = end.astype("datetime64[M]")
    names = tuple(str(last_month - (count - 1 - number)) for number in range(count))
    return Exposure(
        np.concatenate(deals),
        np.concatenate(months),
        np.concatenate(observed),
        np.concatenate(expected),
        names,
    )


def _hazard(baseline: Baseline, months: Floats, follow_up: FollowUp, log_odds: Floats) -> Floats:
    """Cumulative hazard of each deal until its entry of `months`."""
    left = baseline.left_by(months, follow_up, log_odds)
    return np.asarray(-np.log1p(-np.minimum(left, 1 - 1e-9)))


def expand_unknown_days(
    follow_up: FollowUp, probability: Floats
) -> tuple[FollowUp, NDArray[np.intp]]:
    """Expand each leaver with an unknown day into one weighted row per possible time of leaving.

    Parameters
    ----------
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
    is_possible = times <= follow_up.left_by[undated][:, None]
    is_possible[:, :1] = True  # a customer who left before the first time is put on it
    probabilities = mass * is_possible
    probabilities *= (probability[undated] / np.maximum(probabilities.sum(axis=1), 1e-300))[:, None]
    share = np.hstack([probabilities, 1.0 - probabilities.sum(axis=1, keepdims=True)]).ravel()
    rows = np.concatenate([dated, np.repeat(undated, len(times) + 1)])
    expanded = replace(follow_up.subset(rows), left_by=None, leaving=None)
    undated_rows = slice(len(dated), None)
    expanded.months[undated_rows] = np.tile([*times, follow_up.horizon], len(undated))
    expanded.left[undated_rows] = np.tile([*np.ones(len(times), dtype=bool), False], len(undated))
    expanded.weight[undated_rows] *= share
    weighted = expanded.weight > 0
    return expanded.subset(weighted), rows[weighted]
