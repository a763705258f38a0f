"""The learned link against the logistic one, on companies of other laws.

Run: python benchmarks/links.py [--companies N] [--only LAW ...]

Each company is learned once; "logistic" is the same scorecard without its calibration map. For both
it prints how often the 80% interval covers the true probability, over all new prospects and over
the tenth with the highest predictions; then the expected log loss above that of the truth with the
logistic link, x 10,000, and by how much the learned link changes it. In brackets: standard errors.
The prior of the link was chosen on the laws of riskiest.py, on their attributes under other links,
and on the tree; nothing was chosen on the other laws here.

All companies are simulated: it cannot show which link real customers have.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from _other_laws import FRESH_LAWS, OTHER_LAWS
from growing import CHANNELS, DAYS, END, HORIZON, SECTORS, spec
from scipy.optimize import brentq
from scipy.special import expit, ndtr, xlogy

from fitmodel.deals.attributes import attribute_frame
from fitmodel.learning.calibration import CalibrationMap
from fitmodel.learning.encoding import encode
from fitmodel.learning.learner import learn

NEW, MONTHS = 4_000, 36
LOGISTIC = CalibrationMap.identity()
Draw = Callable[[np.random.Generator, int], tuple[pd.DataFrame, np.ndarray]]
LINKS = {
    "hazards": lambda score: -np.expm1(-np.exp(score)),
    "log-odds": expit,
    "probit": lambda score: ndtr(score / 1.7),
    "log-log": lambda score: np.exp(-np.exp(-score)),
}


def attributes(rng: np.random.Generator, n: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Attributes of prospects, and the sum of their effects."""
    deals = pd.DataFrame(
        {
            "channel": rng.choice(list(CHANNELS), n, p=(0.4, 0.3, 0.2, 0.1)),
            "sector": rng.choice(list(SECTORS), n),
            "seats": np.maximum(np.exp(rng.normal(3, 1, n)).round(), 1),
            "rebate": rng.choice((0.0, 10.0, 20.0, 30.0), n, p=(0.5, 0.2, 0.2, 0.1)),
            "pilot": rng.choice(("yes", "no"), n),
            "tickets": rng.poisson(2.5, n).astype(float),
            "age": rng.normal(0, 1, n).round(2),
        }
    )
    effect = (
        deals["channel"].map(CHANNELS)
        + deals["sector"].map(SECTORS)
        - 0.5 * (np.log(deals["seats"]) - 3)
        + 0.03 * (deals["rebate"] - 10)
        + np.where(deals["pilot"] == "yes", -0.4, 0.4)
        + 0.12 * (deals["tickets"] - 2.5)
        + 0.15 * deals["age"]
    )
    return deals, effect.to_numpy(dtype=float)


def by_link(link: str, factor: float, rate: float) -> Draw:
    """Law whose effects are multiplied by a factor and add up under a link, with a mean rate."""
    effect = factor * attributes(np.random.default_rng(777), 50_000)[1]
    start = brentq(lambda at: LINKS[link](effect + at).mean() - rate, -12, 12)

    def draw(rng: np.random.Generator, n: int) -> tuple[pd.DataFrame, np.ndarray]:
        deals, own = attributes(rng, n)
        return deals, LINKS[link](factor * own + start)

    return draw


LAWS: dict[str, tuple[Callable[[], Draw], int]] = {
    "hazards, strong, 20% leave": (partial(by_link, "hazards", 1.3, 0.2), 1_000),
    "hazards, strong, 20% leave, few": (partial(by_link, "hazards", 1.3, 0.2), 400),
    "hazards, 60% leave": (partial(by_link, "hazards", 0.8, 0.6), 1_000),
    "hazards, weak, 5% leave": (partial(by_link, "hazards", 0.6, 0.05), 5_000),
    "log-odds, 20% leave": (partial(by_link, "log-odds", 0.8, 0.2), 1_000),
    "log-odds, strong, 20% leave, few": (partial(by_link, "log-odds", 1.3, 0.2), 400),
    "log-odds, strong, 60% leave, many": (partial(by_link, "log-odds", 1.3, 0.6), 5_000),
    "probit, strong, 20% leave": (partial(by_link, "probit", 1.3, 0.2), 1_000),
    "log-log, 20% leave": (partial(by_link, "log-log", 0.8, 0.2), 1_000),
    "log-normal stays": (lambda: OTHER_LAWS["log-normal stays"], 1_000),
    "thresholds, probit": (lambda: OTHER_LAWS["thresholds, probit"], 1_000),
    "a tree": (lambda: OTHER_LAWS["a tree"], 1_000),
    "hazards, many levels": (lambda: FRESH_LAWS["many levels"], 1_000),
    "cauchit, few causes": (lambda: FRESH_LAWS["few causes"], 1_000),
}


def company(law: str, seed: int) -> dict[str, float]:
    """Figures of one company's scorecard on new prospects, with both links."""
    make, n = LAWS[law]
    rng = np.random.default_rng([seed, list(LAWS).index(law)])
    draw = make()
    deals, truth = draw(rng, n)
    signed = END - pd.to_timedelta(rng.integers(1, round(MONTHS * DAYS), n), unit="D")
    stayed = HORIZON * rng.exponential(1, n) / -np.log1p(-truth)
    left = pd.Series(signed + pd.to_timedelta(np.ceil(np.minimum(stayed, 240) * DAYS), unit="D"))
    learned = learn(deals.assign(signed=signed, left=left.where(left <= END)), spec())
    asked, truth = draw(rng, NEW)
    dates = learned.training_set.dates
    frame = attribute_frame(asked.assign(signed=END), spec(), dates=dates)
    card = learned.scorecard
    scores = card.scores(encode(card.columns, frame))
    riskiest = scores[0] >= np.quantile(scores[0], 0.9)
    figures = {}
    for link, one in (("learned", card), ("logistic", replace(card, calibration=LOGISTIC))):
        low, high = one.interval(*scores)
        covered, p = (low <= truth) & (truth <= high), one.calibration.probability(scores[0])
        loss = xlogy(truth, truth / p) + xlogy(1 - truth, (1 - truth) / (1 - p))
        figures |= {
            f"all, {link}": covered.mean(),
            f"riskiest, {link}": covered[riskiest].mean(),
            f"loss, {link}": 1e4 * loss.mean(),
        }
    return figures


def main() -> None:
    """Print a row per law: means over companies, with standard errors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--companies", type=int, default=12)
    parser.add_argument("--only", nargs="*", default=list(LAWS), choices=list(LAWS))
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| law | deals | covered: logistic, learned | riskiest tenth | loss | difference |")
    print("|---|---|---|---|---|---|")
    for law in given.only:
        rows = pd.DataFrame([company(law, seed) for seed in range(given.companies)])
        rows["difference"] = rows["loss, learned"] - rows["loss, logistic"]
        mean, error = rows.mean(), rows.std() / np.sqrt(len(rows))
        riskiest = (
            f"{mean[name]:.0%} ({error[name]:.0%})"
            for name in ("riskiest, logistic", "riskiest, learned")
        )
        print(
            f"| {law} | {LAWS[law][1]:,} | {mean['all, logistic']:.0%}, "
            f"{mean['all, learned']:.0%} | {', '.join(riskiest)} | {mean['loss, logistic']:.0f} | "
            f"{mean['difference']:+.1f} ({error['difference']:.1f}) |",
            flush=True,
        )


if __name__ == "__main__":
    main()
