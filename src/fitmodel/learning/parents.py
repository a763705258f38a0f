"""What another model, or an expert, says beforehand of attributes and their values.

scorecard of another company -> per attribute: level or number to log-odds   (`Parent`)
several of them              -> pooled by empirical Bayes, level by level
a parent and own columns     -> one table per attribute -> a column of the design of its own,
                                whose weight the deals decide
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.exceptions import BundleError
from fitmodel.learning.columns import CategoryColumn, Column, NumberColumn

if TYPE_CHECKING:
    from fitmodel.learning.proportional_odds import Floats
    from fitmodel.learning.scorecard import Scorecard

FORMAT = 1
EXPECTED = 0.4  # log-odds of a level that an expert calls riskier: odds x1.5
SIGNS = {"riskier": 1.0, "safer": -1.0}


@dataclass(frozen=True)
class Levels:
    """Log-odds of each level of a category, and their variances."""

    log_odds: Mapping[str, float]
    variance: Mapping[str, float]


@dataclass(frozen=True)
class Steps:
    """Log-odds of a number between cuts, and their variances: one more than cuts."""

    cuts: tuple[float, ...]
    log_odds: tuple[float, ...]
    variance: tuple[float, ...]

    def at(self, numbers: Floats) -> tuple[Floats, Floats]:
        """Log-odds and variance at numbers."""
        position = np.searchsorted(self.cuts, numbers, side="right")
        return np.asarray(self.log_odds)[position], np.asarray(self.variance)[position]


@dataclass(frozen=True)
class Parent:
    """Another model's contributions by attribute.

    Parameters
    ----------
    attributes : mapping of str to Levels or Steps
    """

    attributes: Mapping[str, Levels | Steps]

    @classmethod
    def of_scorecard(cls, scorecard: Scorecard) -> Parent:
        """Read the tables of single attributes; pairs are left out."""
        made: dict[str, Levels | Steps] = {}
        for column, start in zip(scorecard.columns, scorecard.offsets, strict=False):
            block = scorecard.tables[start : start + column.size + 2]
            spread = block[:, 1:].std(axis=1, ddof=1) if block.shape[1] > 2 else block[:, 0] * 0  # noqa: PLR2004
            variance = (scorecard.spread * spread) ** 2
            if isinstance(column, CategoryColumn):
                made[column.name] = Levels(
                    {level: float(block[code, 0]) for level, code in column.levels.items()},
                    {level: float(variance[code]) for level, code in column.levels.items()},
                )
            elif column.size:
                rows = slice(1, column.size + 1)
                made[column.name] = Steps(
                    tuple(column.cuts), tuple(block[rows, 0].tolist()), tuple(variance[rows])
                )
        return cls(made)

    def tables(self, columns: Sequence[Column]) -> list[Floats]:
        """Return log-odds of each code of own columns; 0 where the parent knows nothing."""
        return [self._table(column) for column in columns]

    def _table(self, column: Column) -> Floats:
        table = np.zeros(column.size + 2)
        known = self.attributes.get(column.name)
        if isinstance(column, NumberColumn) and isinstance(known, Steps) and column.size > 1:
            table[1 : column.size + 1] = known.at(np.asarray(column.centres or _inside(column)))[0]
        elif isinstance(column, CategoryColumn) and isinstance(known, Levels):
            for code in range(1, column.size + 1):
                effects = [
                    known.log_odds[level]
                    for level, own in column.levels.items()
                    if own == code and level in known.log_odds
                ]
                table[code] = float(np.mean(effects)) if effects else 0.0
        return table

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form: levels and numbers, no row of any deal."""
        return {
            "format": FORMAT,
            "attributes": {
                name: {
                    "levels": {
                        level: [value, item.variance[level]]
                        for level, value in item.log_odds.items()
                    }
                }
                if isinstance(item, Levels)
                else {
                    "cuts": list(item.cuts),
                    "log_odds": list(item.log_odds),
                    "variance": [float(value) for value in item.variance],
                }
                for name, item in self.attributes.items()
            },
        }


def parent_from_dict(data: Mapping[str, Any]) -> Parent:
    """Rebuild a parent from its JSON form.

    Raises
    ------
    BundleError
        If it is none, or a part is missing or no finite number.
    """
    try:
        if data["format"] != FORMAT:
            raise BundleError(f"the parent has format {data['format']!r}; {FORMAT} is read")
        made: dict[str, Levels | Steps] = {}
        for name, item in data["attributes"].items():
            if "levels" in item:
                level_items = item["levels"].items()
                pairs = {str(level): (float(a), float(b)) for level, (a, b) in level_items}
                made[str(name)] = Levels(
                    {level: pair[0] for level, pair in pairs.items()},
                    {level: pair[1] for level, pair in pairs.items()},
                )
            else:
                parts = [tuple(map(float, item[key])) for key in ("cuts", "log_odds", "variance")]
                made[str(name)] = _checked(Steps(*parts))
        numbers = [
            value
            for item in made.values()
            for part in (item.log_odds, item.variance)
            for value in (part.values() if isinstance(part, Mapping) else part)
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BundleError(f"the parent is damaged: {type(error).__name__}: {error}") from error
    if not np.isfinite(numbers).all():
        raise BundleError("the parent is damaged: it holds a number that is not finite")
    return Parent(made)


def pool(parents: Sequence[Parent]) -> Parent:
    """Pool several companies' contributions, each level by itself.

    Notes
    -----
    Random-effects mean: companies differ by a variance that is estimated by moments (DerSimonian
    and Laird 1986), so one company of many deals does not decide alone. The mean is drawn towards
    0 by as much as its own variance asks for (empirical Bayes; Morris 1983).
    """
    names = dict.fromkeys(name for parent in parents for name in parent.attributes)
    made: dict[str, Levels | Steps] = {}
    for name in names:
        items = [parent.attributes[name] for parent in parents if name in parent.attributes]
        kind = type(items[0])
        alike = [item for item in items if type(item) is kind]
        made[name] = _pool_levels(alike) if kind is Levels else _pool_steps(alike)  # type: ignore[arg-type]  # of one kind
    return Parent(made)


def expected_tables(columns: Sequence[Column], expect: Mapping[str, str]) -> list[Floats]:
    """Tables of what an expert expects: levels called riskier or safer."""
    tables = [np.zeros(column.size + 2) for column in columns]
    for column, table in zip(columns, tables, strict=True):
        if isinstance(column, CategoryColumn):
            shared = list(column.levels.values())
            for level, word in expect.items():
                code = column.levels.get(level)
                if code is not None and shared.count(code) == 1:
                    table[code] = SIGNS[word] * EXPECTED
    return tables


def _pool_levels(items: Sequence[Levels]) -> Levels:
    names = dict.fromkeys(level for item in items for level in item.log_odds)
    means, variances = [], []
    for level in names:
        with_level = [item for item in items if level in item.log_odds]
        mean, variance = _random_effects(
            np.array([item.log_odds[level] for item in with_level]),
            np.array([item.variance[level] for item in with_level]),
        )
        means.append(mean)
        variances.append(variance)
    shrunk = _drawn_to_0(np.array(means), np.array(variances))
    return Levels(
        dict(zip(names, shrunk.tolist(), strict=True)), dict(zip(names, variances, strict=True))
    )


def _pool_steps(items: Sequence[Steps]) -> Steps:
    cuts = tuple(sorted({cut for item in items for cut in item.cuts}))
    edges = np.array(cuts)
    inside = np.array([-np.inf, *edges])  # a number of each step: its lower cut
    estimates = [item.at(inside) for item in items]
    pooled = [
        _random_effects(
            np.array([values[position] for values, _ in estimates]),
            np.array([variance[position] for _, variance in estimates]),
        )
        for position in range(len(inside))
    ]
    means, variances = np.array(pooled).T
    return Steps(cuts, tuple(_drawn_to_0(means, variances).tolist()), tuple(variances.tolist()))


def _random_effects(values: Floats, variance: Floats) -> tuple[float, float]:
    """Mean over companies and its variance."""
    within = np.maximum(variance, 1e-4)
    weight = 1 / within
    mean = np.average(values, weights=weight)
    excess = float(weight @ (values - mean) ** 2) - (len(values) - 1)
    room = float(weight.sum() - (weight**2).sum() / weight.sum())
    between = max(excess / room, 0.0) if room > 0 else 0.0
    weight = 1 / (within + between)
    return float(np.average(values, weights=weight)), float(1 / weight.sum() + between)


def _drawn_to_0(means: Floats, variances: Floats) -> Floats:
    """Means drawn to 0 as their variances ask for, against how far they differ from 0."""
    signal = max(float(np.mean(means**2 - variances)), 0.1 * float(np.mean(means**2)))
    if signal <= 0:
        return means
    return np.asarray(means * signal / (signal + variances), dtype=np.float64)


def _checked(steps: Steps) -> Steps:
    sizes = len(steps.cuts) + 1 == len(steps.log_odds) == len(steps.variance)
    if not sizes or list(steps.cuts) != sorted(steps.cuts):
        raise ValueError("a number's cuts, log-odds and variances do not fit together")
    return steps


def _inside(column: NumberColumn) -> list[float]:
    """A number of each bin of a column without centres."""
    return [column.cuts[0] - abs(column.cuts[0]) - 1, *column.cuts]
