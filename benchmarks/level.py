"""What the level gains where the rate of leaving changes, and costs where it only fluctuates.

Run: python benchmarks/level.py [--companies N]

Monthly counts of leavers are drawn from laws of this file; the level is estimated from them, and
the leavers of the next horizon are predicted. Loss: expected log loss above that of the true rate,
summed over the horizon's leavers. The columns are the minimum gain in past forecasts above which a
level is applied; 0.5 is what fitmodel does, and "never" is the long-run mean. In brackets: share of
companies in which a level is applied.

It cannot show what the level does to the probabilities of deals: see drifting.py.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

from fitmodel.learning.level import level_of_counts

Changes = Callable[[np.random.Generator, int, int], np.ndarray]
MIN_GAINS = (0.0, 0.5, 1.0, 2.0)
SIZES = [  # months of history, horizon, leavers a month, growth per month
    (36, 5, 3.0, 1.0),
    (36, 5, 6.0, 1.0),
    (36, 5, 20.0, 1.0),
    (24, 3, 4.0, 1.0),
    (60, 5, 4.0, 1.0),
    (60, 12, 6.0, 1.0),
    (36, 5, 6.0, 1.05),
    (48, 3, 10.0, 1.02),
]


def step(months_ago: int, factor: float) -> Changes:
    """Return a law whose rate was multiplied by a factor some months before the end."""

    def changes(_: np.random.Generator, months: int, horizon: int) -> np.ndarray:
        return np.where(np.arange(months + horizon) >= months - months_ago, np.log(factor), 0.0)

    return changes


def doubling(_: np.random.Generator, months: int, horizon: int) -> np.ndarray:
    """The rate doubles steadily over the history."""
    return np.log(2.0) * np.arange(months + horizon) / months


def walk(random: np.random.Generator, months: int, horizon: int) -> np.ndarray:
    """A random walk with steps of 8% a month."""
    return random.normal(0, 0.08, months + horizon).cumsum()


def returning(random: np.random.Generator, months: int, horizon: int) -> np.ndarray:
    """The rate moves away from its mean and returns: autoregressive, 0.7 a month."""
    result = np.zeros(months + horizon)
    for month in range(1, months + horizon):
        result[month] = 0.7 * result[month - 1] + random.normal(0, 0.25)
    return result


def seasons(random: np.random.Generator, months: int, horizon: int) -> np.ndarray:
    """A yearly cycle of 30% in either direction."""
    return 0.3 * np.sin((np.arange(months + horizon) + random.integers(12)) * np.pi / 6)


def months_differ(random: np.random.Generator, months: int, horizon: int) -> np.ndarray:
    """Every month differs from the others, by 30%."""
    return random.normal(0, 0.3, months + horizon)


def constant(_: np.random.Generator, months: int, horizon: int) -> np.ndarray:
    """The rate never changes."""
    return np.zeros(months + horizon)


LAWS: dict[str, Changes] = {
    "never changes": constant,
    "months differ": months_differ,
    "seasons": seasons,
    "leaves its mean and returns": returning,
    "random walk": walk,
    "1.5 times for 12 months": step(12, 1.5),
    "1.5 times for 6 months": step(6, 1.5),
    "1 / 1.6 for 18 months": step(18, 1 / 1.6),
    "doubles steadily": doubling,
}


def losses(
    changes: Changes, size: tuple[int, int, float, float], random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Loss of one company for each minimum gain and without a level; where a level is applied."""
    months, horizon, leavers, growth = size
    deals = leavers * growth ** (np.arange(months + horizon) - months / 2)
    rate = deals * np.exp(changes(random, months, horizon))
    observed = random.poisson(rate[:months]).astype(float)
    scale = max(observed.sum(), 0.5) / deals[:months].sum()
    expected = deals[:months] * scale
    levels = [level_of_counts(observed, expected, horizon, gain) for gain in MIN_GAINS]
    true, predicted = rate[months:].sum(), deals[months:].sum() * scale
    factors = np.array([level.factor for level in levels] + [1.0])
    with_level = predicted * factors
    return true * np.log(true / with_level) - (true - with_level), factors != 1.0


def main(companies: int) -> None:
    """Print the mean loss of each law, over companies of all sizes."""
    heads = [*(f"{gain:g}" for gain in MIN_GAINS), "never"]
    print(f"| rate of leaving | {' | '.join(heads)} |\n|---|{'---|' * len(heads)}")
    for name, changes in LAWS.items():
        random = np.random.default_rng(1)
        rows = [losses(changes, size, random) for size in SIZES for _ in range(companies)]
        loss, applied = (np.mean(values, axis=0) for values in zip(*rows, strict=True))
        cells = [f"{one:.3f} ({share:.0%})" for one, share in zip(loss, applied, strict=True)]
        print(f"| {name} | {' | '.join([*cells[:-1], f'{loss[-1]:.3f}'])} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--companies", type=int, default=250, help="of each size and law")
    main(parser.parse_args().companies)
