"""Prior knowledge about effects, from another model (the parent) or from an expert.

scorecard of another company -> log-odds per level or range of each attribute   (`Parent`)
several scorecards           -> pooled by empirical Bayes, level by level
a parent and own columns     -> one table per attribute -> a further column of the design matrix,
                                whose weight is estimated from the deals
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.exceptions import BundleError
from fitmodel.learning.columns import CategoryColumn, Column, NumberColumn

if TYPE_CHECKING:
    from fitmodel.learning._proportional_odds import Floats
    from fitmodel.learning.scorecard import Scorecard

FORMAT = 1
EXPECTED = 0.4  # log-odds of a level that an expert calls riskier: an odds ratio of 1.5
SIGNS = {"riskier": 1.0, "safer": -1.0}


@dataclass(frozen=True)
class Levels:
    """Effects of a category.

    Parameters
    ----------
    log_odds, variance : mapping of str to float
        Contribution of each level in log-odds, and the variance of its error.
    """

    log_odds: Mapping[str, float]
    variance: Mapping[str, float]


@dataclass(frozen=True)
class Steps:
    """Effects of a number, as a step function.

    Parameters
    ----------
    cuts : tuple of float
        Ascending edges between the steps.
    log_odds, variance : tuple of float
        Contribution of each step in log-odds, and the variance of its error; one more than cuts.
    """

    cuts: tuple[float, ...]
    log_odds: tuple[float, ...]
    variance: tuple[float, ...]

    def at(self, numbers: Floats) -> tuple[Floats, Floats]:
        """Log-odds and variance at the given numbers."""
        position = np.searchsorted(self.cuts, numbers, side="right")
        return np.asarray(self.log_odds)[position], np.asarray(self.variance)[position]


@dataclass(frozen=True)
class Parent:
    """Contributions of another model, by attribute.

    Parameters
    ----------
    attributes : mapping of str to Levels or Steps
        Effects of each attribute.
    """

    attributes: Mapping[str, Levels | Steps]

    @classmethod
    def of_scorecard(cls, scorecard: Scorecard) -> Parent:
        """Read the tables of single attributes; pairs are left out."""
        attributes: dict[str, Levels | Steps] = {}
        for column, start in zip(scorecard.columns, scorecard.offsets, strict=False):
            block = scorecard.tables[start : start + column.size + 2]
            spread = block[:, 1:].std(axis=1, ddof=1) if block.shape[1] > 2 else block[:, 0] * 0  # noqa: PLR2004
            variance = (scorecard.spread * spread) ** 2
            if isinstance(column, CategoryColumn):
                attributes[column.name] = Levels(
                    {level: float(block[code, 0]) for level, code in column.levels.items()},
                    {level: float(variance[code]) for level, code in column.levels.items()},
                )
            elif column.size:
                rows = slice(1, column.size + 1)
                attributes[column.name] = Steps(
                    tuple(column.cuts), tuple(block[rows, 0].tolist()), tuple(variance[rows])
                )
        return cls(attributes)

    def tables(self, columns: Sequence[Column]) -> list[Floats]:
        """Return the log-odds of each code of the given columns; 0 where the parent has none."""
        return [self._table(column) for column in columns]

    def _table(self, column: Column) -> Floats:
        table = np.zeros(column.size + 2)
        prior = self.attributes.get(column.name)
        if isinstance(column, NumberColumn) and isinstance(prior, Steps) and column.size > 1:
            table[1 : column.size + 1] = prior.at(np.asarray(column.centres or _inside(column)))[0]
        elif isinstance(column, CategoryColumn) and isinstance(prior, Levels):
            for code in range(1, column.size + 1):
                effects = [
                    prior.log_odds[level]
                    for level, level_code in column.levels.items()
                    if level_code == code and level in prior.log_odds
                ]
                table[code] = float(np.mean(effects)) if effects else 0.0
        return table

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data; it contains no deal."""
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
        If the data are not a parent, or a field is missing or not finite.
    """
    try:
        if data["format"] != FORMAT:
            raise BundleError(f"the parent has format {data['format']!r}; {FORMAT} is read")
        attributes: dict[str, Levels | Steps] = {}
        for name, item in data["attributes"].items():
            if "levels" in item:
                level_items = item["levels"].items()
                pairs = {str(level): (float(a), float(b)) for level, (a, b) in level_items}
                attributes[str(name)] = Levels(
                    {level: pair[0] for level, pair in pairs.items()},
                    {level: pair[1] for level, pair in pairs.items()},
                )
            else:
                parts = [tuple(map(float, item[key])) for key in ("cuts", "log_odds", "variance")]
                attributes[str(name)] = _checked(Steps(*parts))
        numbers = [
            value
            for item in attributes.values()
            for part in (item.log_odds, item.variance)
            for value in (part.values() if isinstance(part, Mapping) else part)
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BundleError(f"the parent is damaged: {type(error).__name__}: {error}") from error
    if not np.isfinite(numbers).all():
        raise BundleError("the parent is damaged: it holds a number that is not finite")
    return Parent(attributes)


def pool(parents: Sequence[Parent]) -> Parent:
    """Pool the contributions of several companies, each level or step separately.

    Parameters
    ----------
    parents : sequence of Parent
        Contributions of each company.

    Notes
    -----
    Random-effects meta-analysis: the variance between companies is estimated by the method of
    moments (DerSimonian and Laird 1986), so that one company with many deals does not dominate. The
    mean is shrunk towards 0 by empirical Bayes (Morris 1983).
    """
    names = dict.fromkeys(name for parent in parents for name in parent.attributes)
    pooled: dict[str, Levels | Steps] = {}
    for name in names:
        items = [parent.attributes[name] for parent in parents if name in parent.attributes]
        kind = type(items[0])
        same_kind = [item for item in items if type(item) is kind]
        pooled[name] = _pool_levels(same_kind) if kind is Levels else _pool_steps(same_kind)  # type: ignore[arg-type]  # of one kind
    return Parent(pooled)


def expected_tables(columns: Sequence[Column], expect: Mapping[str, str]) -> list[Floats]:
    """Return the tables that an expert expects, from levels called "riskier" or "safer"."""
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
    shrunk = _shrunk_to_0(np.array(means), np.array(variances))
    return Levels(
        dict(zip(names, shrunk.tolist(), strict=True)), dict(zip(names, variances, strict=True))
    )


def _pool_steps(items: Sequence[Steps]) -> Steps:
    cuts = tuple(sorted({cut for item in items for cut in item.cuts}))
    edges = np.array(cuts)
    points = np.array([-np.inf, *edges])  # one number per step: its lower cut
    estimates = [item.at(points) for item in items]
    pooled = [
        _random_effects(
            np.array([values[position] for values, _ in estimates]),
            np.array([variance[position] for _, variance in estimates]),
        )
        for position in range(len(points))
    ]
    means, variances = np.array(pooled).T
    return Steps(cuts, tuple(_shrunk_to_0(means, variances).tolist()), tuple(variances.tolist()))


def _random_effects(values: Floats, variance: Floats) -> tuple[float, float]:
    """Mean over companies, and the variance of a new company's effect around it."""
    within = np.maximum(variance, 1e-4)
    weight = 1 / within
    mean = np.average(values, weights=weight)
    excess = float(weight @ (values - mean) ** 2) - (len(values) - 1)
    scale = float(weight.sum() - (weight**2).sum() / weight.sum())
    between = max(excess / scale, 0.0) if scale > 0 else 0.0
    weight = 1 / (within + between)
    return float(np.average(values, weights=weight)), float(1 / weight.sum() + between)


def _shrunk_to_0(means: Floats, variances: Floats) -> Floats:
    """Shrink means towards 0, by their variances relative to the variance of the true effects."""
    between_levels = max(float(np.mean(means**2 - variances)), 0.1 * float(np.mean(means**2)))
    if between_levels <= 0:
        return means
    return np.asarray(means * between_levels / (between_levels + variances), dtype=np.float64)


def _checked(steps: Steps) -> Steps:
    """Return the steps, or raise an error if their fields do not fit together."""
    sizes_fit = len(steps.cuts) + 1 == len(steps.log_odds) == len(steps.variance)
    if not sizes_fit or list(steps.cuts) != sorted(steps.cuts):
        raise ValueError("a number's cuts, log-odds and variances do not fit together")
    return steps


def _inside(column: NumberColumn) -> list[float]:
    """One number inside each bin, for a column without centres."""
    return [column.cuts[0] - abs(column.cuts[0]) - 1, *column.cuts]
