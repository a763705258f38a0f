"""Leavers that are missing in a part of the deals: in the newest ones, or in one group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals._last_leavers import Leavers, quiet_time
from fitmodel.deals.history import view_of
from fitmodel.tables.values import is_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec

    Floats = NDArray[np.float64]

MIN_OLDER_LEAVERS, MIN_EXPECTED = 20, 10.0  # leavers before a month, and expected since
MAX_RATIO = 0.1  # leavers of the newest deals divided by those expected: hardly any is recorded
MAX_P_VALUE = 1e-6  # many months and many groups are looked at
MAX_LEVELS, MIN_GROUP_LEAVERS = 25, 10  # levels of a category; leavers of one of its groups


@dataclass(frozen=True)
class YoungWithoutLeavers:
    """Evidence that dates of leaving were not filled in for the newest deals.

    `since`, datetime64[D]: first day of the month from which on hardly any deal has a leaver.
    `deals`, `observed`: deals signed since then, and how many of their customers left.
    `expected`: number of leavers expected among them, at the rates of the deals signed before.
    `chance`: p-value: probability of so few leavers, given the expected number.
    `rate`, `rate_without`: Kaplan-Meier estimates of early churn of the deals signed before, and of
        all deals.
    """

    since: np.datetime64
    deals: int
    observed: int
    expected: float
    chance: float
    rate: float
    rate_without: float


def find_young_without_leavers(deals: pd.DataFrame, spec: DealSpec) -> YoungWithoutLeavers | None:
    """Test whether hardly any leaver is recorded among the deals signed since some month.

    Returns
    -------
    YoungWithoutLeavers or None
        None if the contract has no dates, and if few leavers were expected among the newest deals.

    Notes
    -----
    For the first day of each month, the leavers among the deals signed since are compared with
    those expected at equal age, by the rates of the deals signed before. The month with the highest
    likelihood ratio is reported, if less than a tenth of the expected customers left since. Its
    p-value is negative binomial, because the rates have the error of the leavers they come from.
    """
    from scipy.stats import nbinom

    leavers = Leavers.of(deals, spec)
    if leavers is None:
        return None
    months = leavers.closed.astype("datetime64[M]")
    first = months.min()
    cohort = (months - first).astype(int)
    counts, exposure, followed = leavers.by_cohort(cohort)
    best: tuple[float, int, int, float, int] | None = None
    for month in range(1, len(counts)):
        older = counts[:month].sum(axis=0)
        if older.sum() < MIN_OLDER_LEAVERS:
            continue
        time = exposure[:month].sum(axis=0)
        rates = np.divide(older, time, out=np.zeros(len(time)), where=time > 0)
        middle = np.cumsum(rates) - rates / 2  # customers are followed to the middle of a month
        gone = 1 - np.exp(-middle)
        expected = float(gone @ followed[month:].sum(axis=0))
        observed = int(counts[month:].sum())
        if expected < MIN_EXPECTED or observed > MAX_RATIO * expected:
            continue
        gain = expected - observed + (observed * np.log(observed / expected) if observed else 0.0)
        if best is None or gain > best[0]:
            best = (gain, month, observed, expected, int(older.sum()))
    if best is None:
        return None
    _, month, observed, expected, known = best
    p_value = float(nbinom.cdf(observed, known, known / (known + expected)))
    if p_value > MAX_P_VALUE:
        return None
    young, horizon = cohort >= month, float(spec.label.horizon_months)
    before, all_deals = (
        1 - float(view_of(part, spec).survival.at(horizon)) for part in (deals[~young], deals)
    )
    since = (first + np.timedelta64(month, "M")).astype("datetime64[D]")
    return YoungWithoutLeavers(
        since, int(young.sum()), observed, expected, p_value, before, all_deals
    )


@dataclass(frozen=True)
class QuietGroup:
    """Evidence that the leavers of one group of deals are recorded up to an earlier day only.

    `column`, `level`: the column and the value that name the group.
    `deals`: number of its deals.
    `last_leaver`: day on which the last of its customers left.
    `extract_end`: day on which the extract ends.
    `expected`, `chance`: leavers expected between these days, at the rates that the group had
        before, and the probability of none.
    """

    column: str
    level: str
    deals: int
    last_leaver: np.datetime64
    extract_end: np.datetime64
    expected: float
    chance: float


def find_quiet_group(deals: pd.DataFrame, spec: DealSpec) -> QuietGroup | None:
    """Test for each group of deals whether its leavers end long before the extract.

    Returns
    -------
    QuietGroup or None
        The largest such group by the leavers that are missing; None if there is none.

    Notes
    -----
    As `find_quiet_end`, with the rates of the group itself, so that a group whose customers stay is
    not reported. Rows from a system that was exported earlier are such a group. The p-value allows
    for the error of the rates, which come from the group's leavers: it is negative binomial.
    """
    leavers = Leavers.of(deals, spec)
    if leavers is None:
        return None
    found = [
        group
        for column in _categories(deals, spec)
        for group in _quiet_groups(leavers, deals[column])
    ]
    return max(found, key=lambda each: each.expected, default=None)


def _categories(deals: pd.DataFrame, spec: DealSpec) -> Iterator[str]:
    roles = set(spec.role_columns) - {spec.deals.rep, spec.deals.team}
    for name in deals.columns:
        if name in roles:
            continue
        if is_text(deals[name]) and 1 < deals[name].nunique() <= MAX_LEVELS:
            yield str(name)


def _quiet_groups(leavers: Leavers, cells: pd.Series[Any]) -> Iterator[QuietGroup]:
    end = leavers.view.extract_end
    codes, levels = pd.factorize(cells)
    for code, level in enumerate(levels):
        rows = codes == code
        left_on = leavers.view.left_on[rows & leavers.left]
        if len(left_on) < MIN_GROUP_LEAVERS or not quiet_time(np.unique(left_on), end):
            continue
        last = left_on.max()
        expected = leavers.among(rows).expected_after(last)
        p_value = (1 + expected / len(left_on)) ** -len(left_on)
        if p_value <= MAX_P_VALUE:
            name = str(cells.name)
            yield QuietGroup(name, str(level), int(rows.sum()), last, end, expected, p_value)
