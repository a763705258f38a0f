"""Groups of customers whose early churn changed lately, apart from that of the others.

deals by month, groups by attribute (levels of a category, thirds of a number)
  -> leavers of each group per month, relative to those of the other customers
  -> dynamic models of a changing group against those of a constant one (`_dynamic_level`)
  -> the group with the largest gain in forecasts of past months, if it is large enough
  -> the same again without its customers

A scorecard gives each group its mean over all past deals. If a new version of the product serves
one segment badly, this mean is wrong for the segment's next customers for years. The contribution
of a group that changed is shifted to its present level.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning._dynamic_level import OF_GROUP, filter_levels, forecast_scores
from fitmodel.learning._proportional_odds import Floats
from fitmodel.learning.columns import MISSING, NumberColumn
from fitmodel.learning.encoding import encode
from fitmodel.learning.level import (
    Change,
    Level,
    gain_by_moving,
    has_enough_months,
    level_of_counts,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from fitmodel.learning._exposure import Exposure
    from fitmodel.learning.columns import Column

    Codes = NDArray[np.int32]

MAX_CHANGES = 3
MIN_LEAVERS = 10.0  # least observed and least expected leavers of a group
MAX_SHARE = 0.5  # of all expected leavers: a change of most customers is one of the company's level
MIN_GAIN_OF_CHANGE = 0.5  # in log score, beyond the logarithm of the number of groups looked at
LEADS = 1  # months ahead of the forecasts that are compared: a change shows after few months
PARTS_OF_NUMBER = 3
SMOOTHED_MONTHS = 5  # months over which the others' leavers are averaged
PRIOR_OTHERS = 10.0  # observed and expected leavers added to those of the others


class _Groups(NamedTuple):
    """Groups of one attribute: the group of each code, and the number of groups."""

    position: int
    by_code: NDArray[np.intp]
    size: int


class _Found(NamedTuple):
    """A group that changed: position of its attribute, its codes and its level."""

    position: int
    codes: NDArray[np.intp]
    level: Level


def find_changes(
    exposure: Exposure, columns: Sequence[Column], codes: Codes, horizon: int
) -> tuple[Change, ...]:
    """Find the groups of customers whose early churn changed apart from that of the others.

    Parameters
    ----------
    exposure : Exposure
        Observed and expected leavers of the deals by month.
    columns : sequence of Column
        Column of each attribute.
    codes : ndarray of int, shape (n, attributes)
        Codes of the deals.
    horizon : int
        Months ahead that are forecast.

    Returns
    -------
    tuple of Change
        At most three, the clearest first. No deal is in two of them.

    Notes
    -----
    Forward selection. A group counts only if its gain in log score exceeds the logarithm of the
    number of groups that were looked at by `MIN_GAIN_OF_CHANGE`: if nothing changes, the chance of
    a gain above g is about exp(-g) for one group (Kass and Raftery 1995, section 3).
    """
    if not has_enough_months(len(exposure.names), horizon):
        return ()
    groups = [_groups(position, column, codes) for position, column in enumerate(columns)]
    changes: list[Change] = []
    remaining = np.ones(len(codes), dtype=bool)
    while len(changes) < MAX_CHANGES:
        found = _clearest(exposure.of_deals(remaining), groups, codes, horizon)
        if found is None:
            break
        column = columns[found.position]
        known = tuple(int(code) for code in found.codes if code <= column.size)
        changes.append(Change(column.name, known, _label(column, known), found.level))
        remaining &= ~np.isin(codes[:, found.position], found.codes)
    return tuple(changes)


def in_change(change: Change, columns: Sequence[Column], codes: Codes) -> NDArray[np.bool_]:
    """Return which deals belong to a group, shape (n,)."""
    position = [column.name for column in columns].index(change.attribute)
    return np.isin(codes[:, position], change.codes)


def group_factors(
    changes: Sequence[Change], columns: tuple[Column, ...], attributes: pd.DataFrame
) -> Floats:
    """Factor on the hazard of each deal for the change of its group, shape (n,)."""
    factors = np.ones(len(attributes))
    if not changes:
        return factors
    codes = encode(columns, attributes)
    for change in changes:
        factors[in_change(change, columns, codes)] = change.level.factor
    return factors


def lately(column: Column, changes: Sequence[Change]) -> Floats | None:
    """Factor on the hazard of each code, shape (size + 2,); None if no group of it changed."""
    own = [change for change in changes if change.attribute == column.name]
    if not own:
        return None
    factor = np.ones(column.size + 2)
    for change in own:
        factor[list(change.codes)] = change.level.factor
    return factor


def _groups(position: int, column: Column, codes: Codes) -> _Groups:
    """Levels of a category; thirds of a number's deals; missing values are a group of their own."""
    size = column.size + 2
    if not isinstance(column, NumberColumn):
        return _Groups(position, np.arange(size), size)
    deals = np.bincount(codes[:, position], minlength=size).astype(np.float64)
    deals[MISSING] = 0.0
    middle = (np.cumsum(deals) - deals / 2) / max(deals.sum(), 1.0)
    part = np.minimum((middle * PARTS_OF_NUMBER).astype(np.intp), PARTS_OF_NUMBER - 1) + 1
    part[MISSING] = 0
    return _Groups(position, part, PARTS_OF_NUMBER + 1)


def _clearest(
    exposure: Exposure, groups: list[_Groups], codes: Codes, horizon: int
) -> _Found | None:
    """Return the group whose change is clearest; None if none is clear enough."""
    names: list[tuple[_Groups, int]] = []
    observed, expected = [], []
    for group in groups:
        row_group = group.by_code[codes[exposure.deal, group.position]]
        counts = exposure.by_group(row_group, group.size)
        enough = np.flatnonzero(_has_enough_leavers(*counts))
        names += [(group, int(number)) for number in enough]
        observed.append(counts[0][:, enough])
        expected.append(counts[1][:, enough])
    if not names:
        return None
    own, foreseen = np.hstack(observed), np.hstack(expected)
    foreseen = _relative_to_others(own, foreseen, *exposure.by_month())
    scores = forecast_scores(filter_levels(own, foreseen, OF_GROUP), own, foreseen, LEADS, OF_GROUP)
    gain = gain_by_moving(scores, OF_GROUP)
    best = int(np.argmax(gain))
    least = MIN_GAIN_OF_CHANGE + np.log(len(names))
    level = level_of_counts(own[:, best], foreseen[:, best], horizon, float(least), OF_GROUP, LEADS)
    if not level.is_applied:
        return None
    group, number = names[best]
    return _Found(group.position, np.flatnonzero(group.by_code == number), level)


def _has_enough_leavers(observed: Floats, expected: Floats) -> NDArray[np.bool_]:
    """Return which groups have enough leavers, and are not most of the customers."""
    leavers, foreseen = observed.sum(axis=0), expected.sum(axis=0)
    is_minority = foreseen <= MAX_SHARE * foreseen.sum()
    return np.asarray((np.minimum(leavers, foreseen) >= MIN_LEAVERS) & is_minority)


def _relative_to_others(
    own: Floats, foreseen: Floats, observed: Floats, expected: Floats
) -> Floats:
    """Expected leavers of each group per month if it moves as the other customers do.

    They are scaled to the group's observed leavers: a group whose mean the scorecard does not
    match, has not changed.

    Parameters
    ----------
    own, foreseen : ndarray of shape (months, groups)
        Observed and expected leavers of each group.
    observed, expected : ndarray of shape (months,)
        Those of all customers.
    """
    others, others_foreseen = observed[:, None] - own, expected[:, None] - foreseen
    ratio = (_smoothed(others) + PRIOR_OTHERS) / (_smoothed(others_foreseen) + PRIOR_OTHERS)
    moved = foreseen * ratio
    return np.asarray(moved * (own.sum(axis=0) / moved.sum(axis=0)))


def _smoothed(counts: Floats) -> Floats:
    """Sum over neighbouring months, shape (months, groups)."""
    reach = SMOOTHED_MONTHS // 2
    cumulative = np.vstack([np.zeros((1, counts.shape[1])), np.cumsum(counts, axis=0)])
    month = np.arange(len(counts))
    last = np.minimum(month + reach + 1, len(counts))
    return np.asarray(cumulative[last] - cumulative[np.maximum(month - reach, 0)])


def _label(column: Column, codes: tuple[int, ...]) -> str:
    """Describe the group's values in words."""
    if MISSING in codes or not isinstance(column, NumberColumn):
        return column.label(codes[0])
    first, last = codes[0], codes[-1]
    if first == 1:
        return f"below {column.cuts[last - 1]:g}" if last < column.size else "any"
    if last == column.size:
        return f"{column.cuts[first - 2]:g} or more"
    return f"{column.cuts[first - 2]:g} to {column.cuts[last - 1]:g}"
