"""Where two models disagree on the same deals: groups of deals, single deals, flags and money.

probabilities and flags of both models -> groups with the largest difference, each with a test
                                       -> the deals with the largest difference
                                       -> flags that change, and what that would have cost
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.evaluation._calibration import simultaneous_width
from fitmodel.evaluation._flags import money_per_deal
from fitmodel.evaluation._groups import MAX_LEVELS, level_texts
from fitmodel.evaluation.metrics import (
    Difference,
    log_losses,
    mean_with_error,
    percentile_interval,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from fitmodel.evaluation.sample import Vector

    Mask = npt.NDArray[np.bool_]

MIN_DEALS = 20
"""Minimum number of deals of a group that is listed."""
QUARTERS = (0.25, 0.5, 0.75)
GROUP_COLUMNS = (
    "attribute",
    "level",
    "deals",
    "early_churners",
    "observed",
    "mean_a",
    "mean_b",
    "difference",
    "log_loss_difference",
    "low",
    "high",
)
FLAG_ROWS = ("flagged by both", "flagged by A only", "flagged by B only", "flagged by neither")


def compute_group_disagreement(table: pd.DataFrame, attributes: pd.DataFrame) -> pd.DataFrame:
    """Compare two models' probabilities and losses within groups of deals.

    Parameters
    ----------
    table : DataFrame
        Deals that neither model learned from: `early_churn` (0 or 1), `weight`, `probability_a`
        and `probability_b`.
    attributes : DataFrame
        Attributes of these deals, in the same order. Each level of an attribute with 2 to 12
        levels is a group; a number with more values is split at its quartiles.

    Returns
    -------
    DataFrame
        One row per group with at least 20 deals, largest difference first: `attribute`, `level`,
        `deals`, `early_churners`, `observed` (weighted share that left early), `mean_a`, `mean_b`,
        `difference` (mean of B minus mean of A), `log_loss_difference` (of B minus A) with its
        interval `low`, `high`. The intervals hold together at 95% (Bonferroni), so a group whose
        interval excludes 0 differs beyond chance although many groups were compared.
    """
    groups = [
        (str(name), level, inside)
        for name in attributes.columns
        for level, inside in _levels(attributes[name])
        if inside.sum() >= MIN_DEALS
    ]
    width = simultaneous_width(len(groups))
    rows = [_group_row(table, *group, width) for group in groups]
    result = pd.DataFrame(rows, columns=list(GROUP_COLUMNS))
    order = np.argsort(-result["difference"].abs().to_numpy(dtype=np.float64), kind="stable")
    return result.iloc[order].reset_index(drop=True)


def _levels(values: pd.Series[Any]) -> Iterator[tuple[str, Mask]]:
    """Yield the levels of an attribute, or the quartile groups of a number with many values."""
    if pd.api.types.is_numeric_dtype(values) and values.nunique() > MAX_LEVELS:
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        cuts = np.unique(np.nanquantile(numbers, QUARTERS))
        part = np.where(np.isnan(numbers), -1, np.searchsorted(cuts, numbers, side="left"))
        names = _names_of_parts(cuts)
        yield from ((names[number], part == number) for number in sorted(set(part.tolist())))
        return
    text = level_texts(values)
    levels = sorted(set(text.tolist()))
    if 2 <= len(levels) <= MAX_LEVELS:  # noqa: PLR2004 - one level is not a group
        yield from ((level, text == level) for level in levels)


def _names_of_parts(cuts: Vector) -> dict[int, str]:
    limits = [f"{cut:,.6g}" for cut in cuts]
    inner_names = [f"{low} to {high}" for low, high in pairwise(limits)]
    names = [f"up to {limits[0]}", *inner_names, f"above {limits[-1]}"]
    return dict(enumerate(names)) | {-1: "(empty)"}


def _group_row(
    table: pd.DataFrame, attribute: str, level: str, inside: Mask, width: float
) -> tuple[Any, ...]:
    deals = table.loc[inside]
    y, weight = deals["early_churn"].to_numpy(), deals["weight"].to_numpy()
    mean_a, mean_b, observed = (
        float(np.average(deals[name], weights=weight))
        for name in ("probability_a", "probability_b", "early_churn")
    )
    a, b = (log_losses(y, deals[f"probability_{model}"].to_numpy()) for model in "ab")
    loss, error = mean_with_error(b - a, weight)
    return (
        *(attribute, level, len(deals), int(y.sum()), observed, mean_a, mean_b, mean_b - mean_a),
        *(loss, loss - width * error, loss + width * error),
    )


def find_disagreeing_deals(table: pd.DataFrame, number: int = 10) -> pd.DataFrame:
    """Return the deals on whose probability two models differ most.

    Parameters
    ----------
    table : DataFrame
        Deals with `probability_a` and `probability_b`; every other column is kept.
    number : int
        Number of deals to return.

    Returns
    -------
    DataFrame
        Rows of the table, with its index, largest difference first; the column `difference`
        (B minus A) is added.
    """
    difference = table["probability_b"] - table["probability_a"]
    order = np.argsort(-difference.abs().to_numpy(), kind="stable")[:number]
    return table.assign(difference=difference).iloc[order]


@dataclass(frozen=True, eq=False)
class FlagChanges:
    """Flags that differ between two models, and the money that the difference would have made.

    `table`: rows "flagged by both", "flagged by A only", "flagged by B only", "flagged by neither";
        columns `deals`, `early_churners`, `stayed` and, with money, `net`: money that declining
        these deals would have made (losses avoided minus gains forgone, weighted).
    `net_a`, `net_b`: money that declining the flagged deals of each model would have made; NaN
        without money.
    `difference`: `net_b - net_a` with a paired 95% bootstrap interval. Below 0, using B instead of
        A costs money.
    `without_amount`: number of deals without an amount, which are left out of the money.
    `deals`: the deals whose flag changes, largest absolute `net` first: every column of the table
        given, `flagged_by` ("A" or "B", the only model that flags the deal) and, with money, `net`.
    """

    table: pd.DataFrame
    net_a: float
    net_b: float
    difference: Difference
    without_amount: int
    deals: pd.DataFrame

    @property
    def changed(self) -> int:
        """Number of deals flagged by only one of the models."""
        return int(self.table.loc[list(FLAG_ROWS[1:3]), "deals"].sum())


def compute_flag_changes(
    table: pd.DataFrame,
    *,
    value_if_leaves: npt.ArrayLike | None = None,
    value_if_stays: npt.ArrayLike | None = None,
    n_boot: int = 1000,
    seed: int = 0,
) -> FlagChanges:
    """Count the flags that change from model A to model B, and sum up their money.

    Parameters
    ----------
    table : DataFrame
        `early_churn` (0 or 1), `weight`, and the flags `poor_fit_a` and `poor_fit_b`; other
        columns are kept for the deals whose flag changes.
    value_if_leaves, value_if_stays : array of shape (n,), optional
        Value of signing each deal, in money, if its customer leaves early, or stays; NaN where the
        amount is not known. Give both or neither.
    n_boot, seed
        Number of bootstrap resamples of the interval, and random seed.

    Raises
    ------
    DealsError
        If only one of the values is given, or not one per deal.
    """
    a, b = (table[name].to_numpy(dtype=bool) for name in ("poor_fit_a", "poor_fit_b"))
    left = table["early_churn"].to_numpy() == 1
    parts = dict(zip(FLAG_ROWS, (a & b, a & ~b, b & ~a, ~a & ~b), strict=True))
    counts = pd.DataFrame(
        {
            name: (int(rows.sum()), int((rows & left).sum()), int((rows & ~left).sum()))
            for name, rows in parts.items()
        },
        index=["deals", "early_churners", "stayed"],
    ).T
    if value_if_leaves is None and value_if_stays is None:
        no_difference = Difference("net_difference", np.nan, np.nan, np.nan)
        return FlagChanges(counts, np.nan, np.nan, no_difference, len(table), _changed(table, a, b))
    gains = _gains(left, value_if_leaves, value_if_stays) * table["weight"].to_numpy()
    has_money = np.isfinite(gains)
    net = np.where(has_money, gains, np.nan)
    gains = np.where(has_money, gains, 0.0)
    counts["net"] = [float(gains[rows].sum()) for rows in parts.values()]
    net_a, net_b = float(gains[a].sum()), float(gains[b].sum())
    changed = gains * (b.astype(float) - a.astype(float))
    difference = _resampled_sum(changed[has_money], n_boot, seed)
    without_amount = int((~has_money).sum())
    return FlagChanges(counts, net_a, net_b, difference, without_amount, _changed(table, a, b, net))


def _changed(table: pd.DataFrame, a: Mask, b: Mask, net: Vector | None = None) -> pd.DataFrame:
    """Return the deals flagged by one model only, largest absolute money first."""
    result = table.assign(flagged_by=np.where(a, "A", "B"))
    if net is None:
        return pd.DataFrame(result[a != b])
    order = np.argsort(-np.abs(np.nan_to_num(net)), kind="stable")
    return pd.DataFrame(result.assign(net=net).iloc[order[(a != b)[order]]])


def _gains(
    left: Mask, value_if_leaves: npt.ArrayLike | None, value_if_stays: npt.ArrayLike | None
) -> Vector:
    """Return the money that declining each deal would have made: minus its actual value."""
    leaves, stays = (money_per_deal(each, left.shape) for each in (value_if_leaves, value_if_stays))
    return np.asarray(-np.where(left, leaves, stays), dtype=np.float64)


def _resampled_sum(values: Vector, n_boot: int, seed: int) -> Difference:
    """Return a sum over deals with its 95% bootstrap interval."""
    random = np.random.default_rng(seed)
    n_resamples = n_boot if len(values) else 0
    resampled_sums = np.array(
        [values[random.integers(0, len(values), len(values))].sum() for _ in range(n_resamples)]
    )
    interval = percentile_interval(resampled_sums)
    return Difference(
        "net_difference", float(values.sum()), *interval, resamples=len(resampled_sums)
    )
