"""Groups of customers whose early churn changed lately, apart from that of the others.

deals by month, groups by attribute (levels of a category, thirds of a number)
  -> leavers of each group per month, relative to those of the other customers
  -> one rate for all months, or one before and one after a month? -> Bayes factor of a change
  -> the group with the largest one, if it is large enough for the number of groups, and larger than
     chance makes it if the months are shuffled
  -> the same again without its customers

A scorecard gives each group its mean over all past deals. If a new version of the product serves
one segment badly, this mean is wrong for the segment's next customers for years. The contribution
of a group that changed is shifted to its present level.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning._change_points import (
    MIN_AFTER,
    MIN_BEFORE,
    averaged,
    change_points,
    present_rate,
    share_of_shuffles,
)
from fitmodel.learning._proportional_odds import Floats
from fitmodel.learning.columns import MISSING, NumberColumn
from fitmodel.learning.encoding import encode
from fitmodel.learning.level import Change

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from fitmodel.learning._exposure import Exposure
    from fitmodel.learning.columns import Column

    Codes = NDArray[np.int32]

MAX_CHANGES = 3
MIN_LEAVERS = 10.0  # least observed and least expected leavers of a group
MAX_SHARE = 0.75  # of all expected leavers: a change of nearly all is one of the company's level
MIN_GAIN = 1.0  # of the log Bayes factor, beyond the logarithm of the number of groups looked at
MAX_BY_CHANCE = 0.05  # of companies in which no group changed, and months differ in any way
PRIOR_CHANGE = 0.3  # prior probability that one of the groups has changed
PARTS_OF_NUMBER = 3
SMOOTHED_MONTHS = 5
PRIOR_OTHERS = 10.0  # leavers of the others by which a month's ratio is drawn to its neighbours'


class _Groups(NamedTuple):
    """Groups of one attribute: the group of each code, and the number of groups."""

    position: int
    by_code: NDArray[np.intp]
    size: int


def find_changes(exposure: Exposure, columns: Sequence[Column], codes: Codes) -> tuple[Change, ...]:
    """Find the groups of customers whose early churn changed apart from that of the others.

    Parameters
    ----------
    exposure : Exposure
        Observed and expected leavers of the deals by month.
    columns : sequence of Column
        Column of each attribute.
    codes : ndarray of int, shape (n, attributes)
        Codes of the deals.

    Returns
    -------
    tuple of Change
        At most three, the clearest first. Each is found in deals that are in none of the earlier
        ones; a prospect that is in two of them has both factors.

    Notes
    -----
    Forward selection. A group counts only if the logarithm of its Bayes factor exceeds that of the
    number of groups looked at by `MIN_GAIN`: if nothing changes, a Bayes factor above b has a
    probability of at most 1 / b (Kass and Raftery 1995), and so one of any group of 1 / e. This
    takes for granted how the leavers of a month vary, so the same is asked of shuffled months.
    """
    if len(exposure.names) < MIN_BEFORE + MIN_AFTER:
        return ()
    groups = [_groups(position, column, codes) for position, column in enumerate(columns)]
    changes: list[Change] = []
    remaining = np.ones(len(codes), dtype=bool)
    while len(changes) < MAX_CHANGES:
        change = _clearest(exposure.of_deals(remaining), groups, columns, codes)
        if change is None:
            break
        changes.append(change)
        remaining &= ~in_change(change, columns, codes)
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
        factors[in_change(change, columns, codes)] *= change.factor
    return factors


def lately(column: Column, changes: Sequence[Change]) -> Floats | None:
    """Factor on the hazard of each code, shape (size + 2,); None if no group of it changed."""
    own = [change for change in changes if change.attribute == column.name]
    if not own:
        return None
    factor = np.ones(column.size + 2)
    for change in own:
        factor[list(change.codes)] = change.factor
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
    exposure: Exposure, groups: list[_Groups], columns: Sequence[Column], codes: Codes
) -> Change | None:
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
    total = exposure.by_month()
    share = foreseen.sum(axis=0) / total[1].sum()
    moved = _relative_to_others(own, foreseen, *total)
    found = change_points(own, moved, share)
    best = int(np.argmax(found.gain))
    gain = float(found.gain[best])

    def shuffled(order: NDArray[np.intp]) -> float:
        months = own[order], foreseen[order], total[0][order], total[1][order]
        return float(change_points(own[order], _relative_to_others(*months), share).gain.max())

    is_clear = gain >= MIN_GAIN + np.log(len(names))
    if not is_clear or share_of_shuffles(shuffled, len(own), gain, MAX_BY_CHANCE) > MAX_BY_CHANCE:
        return None
    probable = 1 / (1 + len(names) / PRIOR_CHANGE * np.exp(-gain))
    present = present_rate(own[:, best], moved[:, best], float(found.dispersion[best]))
    factor, deviation = averaged(present.factor, present.deviation, probable)
    group, number = names[best]
    column = columns[group.position]
    in_group = tuple(int(code) for code in np.flatnonzero(group.by_code == number))
    return Change(
        column.name,
        in_group,
        _label(column, in_group),
        exposure.names[present.first],
        present.times,
        factor,
        deviation,
        gain,
    )


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
    nearby = (_smoothed(others) + PRIOR_OTHERS) / (_smoothed(others_foreseen) + PRIOR_OTHERS)
    ratio = (others + PRIOR_OTHERS * nearby) / (others_foreseen + PRIOR_OTHERS)
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
    """Describe the group's values, to be read after the attribute's name in any language."""
    first, last = codes[0], min(codes[-1], column.size)
    if MISSING in codes or not isinstance(column, NumberColumn):
        return f"= {column.label(first)}"
    if first == 1:
        return f"< {column.cuts[last - 1]:g}" if last < column.size else "= any"
    if last == column.size:
        return f">= {column.cuts[first - 2]:g}"
    return f"= {column.cuts[first - 2]:g} to {column.cuts[last - 1]:g}"
