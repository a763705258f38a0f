"""Who is named by counts alone, and the best that any test could do.

The most often that any test can name an overseller without naming more innocent reps than told.

null: every rep's ratio is log-normal with a standard deviation of up to .35, around any level
other: one rep, known beforehand, has twice the churn, known beforehand; the others are alike
     -> likelihood ratio of the two, the null averaged over standard deviations -> its power

By Neyman and Pearson no test that errs at most so often at each standard deviation is more powerful
than this one, whatever the weights of the average; the smallest power over weights is reported. A
test that does not know who it is, or how much, or that the others are alike, attains less.
"""

from __future__ import annotations

import numpy as np

from fitmodel.sales.rep_performance import HISTORY_SHARE, PAGE_ERROR, exact_tails, name_reps

REPS, FIRST_SEED = 12, 30_000
BLOCK = 25
"""Pages of a unit of work."""
BIG = np.r_[0.48, np.full(REPS - 1, 0.52 / (REPS - 1))] * 138
DIFFERENCES = np.array([0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35])
TIMES = 2.0
LEVELS = np.arange(-0.8, 1.2, 0.025)
SEED, WEIGHTS_TRIED = 77, 150


COUNTED = {
    "12 reps, one sells 48%, twice the churn": (BIG, 2.0, 0.0),
    "12 reps, one sells 48%, SD .35": (BIG, 1.0, 0.35),
    "12 reps, SD .35": (BIG[1:].mean() * np.ones(REPS) * 2, 1.0, 0.35),
    "30 reps, SD .35": (np.random.default_rng(5).lognormal(2.5, 0.5, 30), 1.0, 0.35),
}


def exact_holm(observed: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Who an exact test with Holm's correction names, with no allowance for anything."""
    p = np.minimum(1, 2 * np.minimum(*exact_tails(observed, expected)))
    order = np.argsort(p)
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    named = np.empty(len(p), dtype=bool)
    named[order] = steps <= 0.05
    return named


def counted(name: str, first_page: int) -> list[dict[str, object]]:
    """Whether pages name R00, and others, on all of history: counts are drawn, no deals."""
    expected, times, differ = COUNTED[name]
    rows = []
    for page in range(first_page, first_page + BLOCK):
        random = np.random.default_rng([FIRST_SEED, page])
        ratios = np.exp(random.normal(0, differ, len(expected)))
        ratios[0] *= times
        observed = random.poisson(expected * ratios).astype(float)
        named = name_reps(observed, expected, error=PAGE_ERROR * HISTORY_SHARE).direction
        others = named[1 if times > 1 else 0 :]
        rows.append(
            {"page": page, "R00 named": bool(named[0] > 0), "innocent named": bool(others.any())}
        )
    return rows


def attainable(error: float, draws: int) -> list[dict[str, object]]:
    """Power of the best test, and how often it errs at the largest difference."""
    random = np.random.default_rng(SEED)
    nulls = [likelihoods(counts(random, differ, 1.0, draws)) for differ in DIFFERENCES]
    other = likelihoods(counts(random, 0.0, TIMES, draws))
    weights = np.vstack(
        [
            np.eye(len(DIFFERENCES)) + 1e-12,
            random.dirichlet(np.full(len(DIFFERENCES), 0.3), WEIGHTS_TRIED),
        ]
    )
    power, at_largest = min(_power(weight, nulls, other, error) for weight in weights)
    return [{"power": power, "error at SD .35": at_largest}]


def counts(random: np.random.Generator, differ: float, times: float, draws: int) -> np.ndarray:
    """Early churners of each rep, shape (draws, reps)."""
    ratios = np.exp(random.normal(0, differ, (draws, len(BIG))))
    ratios[:, 0] *= times
    return random.poisson(BIG * ratios)


def likelihoods(observed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms under the null, shape (differences, draws), and under the other; no level."""
    from scipy.special import logsumexp

    most = int(observed.max()) + 1

    def of_all(differ: float, shift: float) -> np.ndarray:
        big = _table(float(BIG[0]), differ, shift, most)[observed[:, 0]]
        small = _table(float(BIG[1]), differ, 0.0, most)
        return logsumexp(big + small[observed[:, 1:]].sum(axis=1), axis=1)

    null = np.array([of_all(float(differ), 0.0) for differ in DIFFERENCES])
    return null, of_all(0.0, float(np.log(TIMES)))


def _table(expected: float, differ: float, shift: float, most: int) -> np.ndarray:
    """Logarithm of the probability of each count at each level, shape (counts, levels)."""
    from scipy.special import gammaln, logsumexp

    points, weights = np.polynomial.hermite_e.hermegauss(41)
    count = np.arange(most)[:, None, None]
    mean = expected * np.exp(LEVELS[:, None] + differ * points + shift)
    return logsumexp(
        count * np.log(mean) - mean - gammaln(count + 1), axis=2, b=weights / weights.sum()
    )


def _power(
    weight: np.ndarray,
    nulls: list[tuple[np.ndarray, np.ndarray]],
    other: tuple[np.ndarray, np.ndarray],
    error: float,
) -> tuple[float, float]:
    """Power, and error at the largest difference, of the test for one average of the nulls."""
    from scipy.special import logsumexp

    logs = np.log(weight)[:, None]
    of_nulls = [alternative - logsumexp(null + logs, axis=0) for null, alternative in nulls]
    ratio = other[1] - logsumexp(other[0] + logs, axis=0)
    every = np.concatenate(of_nulls)
    share = np.repeat(weight, len(ratio)) / len(ratio) / weight.sum()
    order = np.argsort(-every)
    critical = every[order][np.searchsorted(np.cumsum(share[order]), error)]
    return float((ratio > critical).mean()), float((of_nulls[-1] > critical).mean())
