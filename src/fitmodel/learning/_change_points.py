"""Whether and when the rate of leavers per month changed, and the present rate.

leavers observed and expected per month -> one rate, or one before and one after a month?
  -> Bayes factor of a change, and how often shuffled months have one as large
  -> all ways to divide the months into parts with one rate each -> rate of the last part
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fitmodel.learning._proportional_odds import Floats

if TYPE_CHECKING:
    from collections.abc import Callable

MIN_BEFORE, MIN_AFTER = 6, 3  # months before and after a change
PRIOR_LEAVERS = 4.0  # of a rate relative to the expected one: Gamma prior with mean 1
SHUFFLES = 199


class ChangePoints(NamedTuple):
    """Change of each group's rate, arrays of shape (groups,).

    Parameters
    ----------
    gain : ndarray
        Logarithm of the Bayes factor for a change against none.
    first : ndarray of int
        First month after the most probable change.
    dispersion : ndarray
        Variance of a month's leavers over their mean, with that of the others.
    """

    gain: Floats
    first: NDArray[np.intp]
    dispersion: Floats


class PresentRate(NamedTuple):
    """Rate of a group after its last change.

    Parameters
    ----------
    factor, deviation : float
        Present rate over the expected one, and the standard deviation of its logarithm.
    first : int
        Most probable first month after the last change.
    times : float
        Rate since this month over the one before.
    """

    factor: float
    deviation: float
    first: int
    times: float


def change_points(observed: Floats, expected: Floats, share: Floats | float = 0.0) -> ChangePoints:
    """Compare one rate for all months with one before and one after a month, for each month.

    Parameters
    ----------
    observed, expected : ndarray of shape (months, groups)
        Leavers, and those expected if nothing changes.
    share : ndarray of shape (groups,), or float
        Share of each group in all expected leavers. What is expected comes from the others, whose
        leavers vary too: a ratio of both has the information of `1 - share` of the group's leavers.

    Notes
    -----
    Poisson counts with Gamma priors of the rates, averaged over the months at which the rate may
    have changed (Raftery and Akman 1986). The likelihood is divided by the dispersion of the counts
    around the most probable change, if it is above 1 (McCullagh and Nelder 1989, section 9.2).
    """
    months, group = len(observed), np.arange(observed.shape[1])
    seen, foreseen = np.cumsum(observed, axis=0), np.cumsum(expected, axis=0)
    last = np.arange(MIN_BEFORE - 1, months - MIN_AFTER)  # last month before the change
    before, foreseen_before = seen[last], foreseen[last]
    after, foreseen_after = seen[-1] - before, foreseen[-1] - foreseen_before
    gain = (
        _log_marginal(before, foreseen_before)
        + _log_marginal(after, foreseen_after)
        - _log_marginal(seen[-1], foreseen[-1])
    )
    best = gain.argmax(axis=0)
    rate_before = (before + 1)[best, group] / (foreseen_before + 1)[best, group]
    rate_after = (after + 1)[best, group] / (foreseen_after + 1)[best, group]
    is_before = np.arange(months)[:, None] <= last[best]
    fitted = np.maximum(np.where(is_before, rate_before, rate_after) * expected, 0.25)
    dispersion = np.maximum(((observed - fitted) ** 2 / fitted).sum(axis=0) / (months - 2), 1.0)
    dispersion = dispersion / (1.0 - share)
    gain = gain / dispersion
    total = np.logaddexp.reduce(gain, axis=0) - np.log(len(last))
    return ChangePoints(total, last[best] + 1, dispersion)


def share_of_shuffles(
    largest_gain: Callable[[NDArray[np.intp]], float], months: int, gain: float, limit: float
) -> float:
    """Share of shuffles of the months in which the largest gain of any group is at least `gain`.

    If no group changed, the months are exchangeable, however much they differ: leavers of a month
    that come together are no change. Two months in a row stay together, as leavers of one cause may
    be in both. This is the permutation test of the largest statistic (Westfall and Young 1993); it
    ends as soon as the share must be above `limit`.

    Parameters
    ----------
    largest_gain : callable
        Largest gain of any group with the months in another order.
    months : int
        Number of months.
    gain, limit : float
        Gain with the months as they are; share above which nothing more is asked.
    """
    random = np.random.default_rng(0)  # the same shuffles for the same number of months
    reached = 1  # the months as they are
    for _ in range(SHUFFLES):
        pairs = np.split(np.arange(months), np.arange(random.integers(1, 3), months, 2))
        order = np.concatenate([pairs[i] for i in random.permutation(len(pairs))])
        reached += largest_gain(order) >= gain
        if reached > limit * (SHUFFLES + 1):
            break
    return reached / (SHUFFLES + 1)


def present_rate(observed: Floats, expected: Floats, dispersion: float) -> PresentRate:
    """Rate after the last of any number of changes, of which there is at least one.

    Parameters
    ----------
    observed, expected : ndarray of shape (months,)
        Leavers of a group, and those expected if nothing changes.
    dispersion : float
        Variance of a month's leavers over their mean.

    Notes
    -----
    Product partition model (Barry and Hartigan 1992) with the recursion of Fearnhead (2006): each
    part of the months has a rate with a Gamma prior, one change is expected, and the last part is
    averaged over all partitions. A change that went back is thus no present level.
    """
    months = len(observed)
    seen = np.concatenate([[0.0], np.cumsum(observed)]) / dispersion
    foreseen = np.concatenate([[0.0], np.cumsum(expected)]) / dispersion
    first_of_part = np.arange(months)
    new, same = -np.log(months), np.log1p(-1 / months)  # a change at a month, and none
    until = np.full(months + 1, -np.inf)  # log probability of the months before
    until[0] = 0.0
    parts = np.empty(0)
    for end in range(MIN_AFTER, months + 1):
        first = first_of_part[: end - MIN_AFTER + 1]
        marginal = _log_marginal(seen[end] - seen[first], foreseen[end] - foreseen[first])
        parts = until[first] + marginal + np.where(first > 0, new, 0.0) + (end - first - 1) * same
        until[end] = np.logaddexp.reduce(parts)
    parts[:MIN_BEFORE] = -np.inf  # at least one change
    weight = np.exp(parts - parts.max())
    weight /= weight.sum()
    first = first_of_part[: len(weight)]
    shape = PRIOR_LEAVERS + seen[-1] - seen[first]
    rate = PRIOR_LEAVERS + foreseen[-1] - foreseen[first]
    factor = float((weight * shape / rate).sum())
    square = float((weight * shape * (shape + 1) / rate**2).sum())
    best = int(weight.argmax())
    after = (observed[best:].sum() + 1) / (expected[best:].sum() + 1)
    before = (observed[:best].sum() + 1) / (expected[:best].sum() + 1)
    return PresentRate(factor, float(np.sqrt(np.log(square / factor**2))), best, after / before)


def averaged(factor: float, deviation: float, probable: float) -> tuple[float, float]:
    """Average over a change with some probability and none; return factor and its deviation."""
    mean = probable * factor + (1 - probable)
    square = probable * factor**2 * np.exp(deviation**2) + (1 - probable)
    return mean, float(np.sqrt(np.log(square / mean**2)))


def _log_marginal(observed: Floats, expected: Floats) -> Floats:
    """Log marginal likelihood of Poisson counts with one rate, without the terms of the months."""
    from scipy.special import gammaln

    prior = PRIOR_LEAVERS
    return np.asarray(
        gammaln(prior + observed) - gammaln(prior)
        + prior * np.log(prior) - (prior + observed) * np.log(prior + expected)
    )  # fmt: skip
