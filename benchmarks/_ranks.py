"""Average ranks of several ways to learn over several tables, and which differ beyond chance.

loss of each way on each table -> rank within each table -> mean rank -> Friedman's test
                               -> Nemenyi's critical difference -> plot
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import friedmanchisquare, rankdata, studentized_range

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEVEL = 0.05
NOTHING_TO_LEARN = "noise only"  # begins the names of such tables
MIN_TABLES, MIN_WAYS = 2, 3


@dataclass(frozen=True, eq=False)
class Ranks:
    """Mean ranks, best first.

    Attributes
    ----------
    mean : Series
        Mean rank of each way; 1 is best.
    critical_difference : float
        Two ways whose mean ranks differ by less do not differ beyond chance, at 5%.
    chance : float
        Of ranks as different if all ways were equal (Friedman's test).
    tables : int
    """

    mean: pd.Series
    critical_difference: float
    chance: float
    tables: int

    def alike(self, one: str, other: str) -> bool:
        """Tell whether two ways do not differ beyond chance."""
        return bool(abs(self.mean[one] - self.mean[other]) < self.critical_difference)

    def markdown(self) -> str:
        """Write the ranks as a table, best first."""
        best = str(self.mean.index[0])
        rows = [
            f"| {way} | {rank:.2f} | {'yes' if self.alike(best, str(way)) else 'no'} |"
            for way, rank in self.mean.items()
        ]
        head = f"| way | mean rank over {self.tables} tables | within noise of the best |"
        return "\n".join([head, "|---|---|---|", *rows])


def compute_ranks(losses: pd.DataFrame) -> Ranks:
    """Rank ways within tables by their loss; lower is better, ties share their ranks.

    Parameters
    ----------
    losses : DataFrame of shape (tables, ways)
        Tables on which a way has no loss are left out.

    Raises
    ------
    ValueError
        If fewer than 2 tables or 3 ways are left.

    Notes
    -----
    Demsar 2006, "Statistical comparisons of classifiers over multiple data sets", Journal of
    Machine Learning Research 7: Nemenyi's critical difference is
    q sqrt(k (k + 1) / (6 N)), where q is the quantile of the studentised range over sqrt(2).
    """
    whole = losses.dropna()
    tables, ways = whole.shape
    if tables < MIN_TABLES or ways < MIN_WAYS:
        raise ValueError(
            f"{tables} tables and {ways} ways: ranks need {MIN_TABLES} and {MIN_WAYS} at least"
        )
    ranks = rankdata(whole.to_numpy(), axis=1)
    mean = pd.Series(ranks.mean(axis=0), whole.columns).sort_values(kind="stable")
    quantile = float(studentized_range.ppf(1 - LEVEL, ways, np.inf)) / np.sqrt(2)
    difference = quantile * np.sqrt(ways * (ways + 1) / (6 * tables))
    equal = bool((ranks == ranks[:, :1]).all())
    chance = 1.0 if equal else float(friedmanchisquare(*whole.to_numpy().T).pvalue)
    return Ranks(mean, float(difference), chance, tables)


def losses_by_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Log loss of shape (tables, ways), of the tables that have something to learn."""
    frame = pd.DataFrame(rows)
    frame = frame[~frame["table"].str.startswith(NOTHING_TO_LEARN)]
    return frame.pivot_table(index="table", columns="way", values="log_loss")


def comparable(losses: pd.DataFrame) -> list[pd.DataFrame]:
    """What can be ranked: the ways measured on every table first, then more ways on fewer tables.

    Each part has the ways measured on a number of tables or more, on the tables that all of them
    have. Only what has tables and ways enough; a learner measured on few tables takes none from
    the others.
    """
    counts = losses.notna().sum()
    rows = []
    for least in sorted(set(counts), reverse=True):
        part = losses.loc[:, counts >= least].dropna(axis=0)
        if len(part) >= MIN_TABLES and len(part.columns) >= MIN_WAYS:
            rows.append(part)
    return rows


def groups_alike(ranks: Ranks) -> list[tuple[str, str]]:
    """First and last way of each largest run of ways that do not differ beyond chance."""
    names, values = list(map(str, ranks.mean.index)), ranks.mean.to_numpy()
    runs = []
    for first in range(len(names)):
        inside = np.flatnonzero(values - values[first] < ranks.critical_difference)
        last = int(inside.max())
        if last > first and not (runs and runs[-1][1] >= last):
            runs.append((first, last))
    return [(names[first], names[last]) for first, last in runs]


def plot_ranks(ranks: Ranks, ax: Axes | None = None) -> Axes:
    """Draw a critical-difference diagram; bars join the ways that are alike."""
    count = len(ranks.mean)
    if ax is None:
        from matplotlib.figure import Figure

        ax = Figure(figsize=(7, 1.2 + 0.3 * count), layout="constrained").subplots()
    positions = list(range(count))[::-1]
    ax.plot(ranks.mean, positions, "o", color="#0072b2")
    ax.set_yticks(positions, [f"{way} ({rank:.2f})" for way, rank in ranks.mean.items()])
    order = {str(way): position for way, position in zip(ranks.mean.index, positions, strict=True)}
    groups = list(groups_alike(ranks))
    for number, (first, last) in enumerate(groups):
        x = count + 0.15 + 0.12 * number
        ax.plot([x, x], [order[first] + 0.2, order[last] - 0.2], color="#6f6f6f", linewidth=3)
    ax.set(
        xlabel="mean rank, 1 is best",
        title=f"Critical difference {ranks.critical_difference:.2f} (5%, {ranks.tables} tables)",
        xlim=(0.8, count + 0.2 + 0.12 * max(len(groups), 2)),
    )
    ax.spines[["top", "right"]].set_visible(False)
    return ax
