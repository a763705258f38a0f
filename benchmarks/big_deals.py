"""Probability and expected value of the biggest prospects, where few deals have most of the money.

Run: python benchmarks/big_deals.py [--deals N ...] [--companies N] [--only LAW ...]

Yearly amounts follow Pareto's law (exponent 1.2): the biggest 1.5% of the deals have some 40% of
the money. Other attributes act as in `riskiest.py`. The risk grows with the amount, falls with it,
grows up to a size (4.5 times the median) and then no more, or does not depend on it. Printed are,
over 60,000 new prospects, the predicted probability over the true one, weighted by the amount; the
same for a model that knows all but the amount, and of that the true mean of each bin of the
scorecard; predicted over true sum of the expected values; how often the 80% interval covers the
true probability, over all, and weighted by the amount. In brackets standard errors over companies.
The largest amounts are cut at the 99.99% point, so that one prospect does not decide.

All companies are simulated: it cannot show how risk and amount go together in a real one.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
import pandas as pd
from riskiest import DAYS, END, HORIZON, SPEC, attributes, effects

import fitmodel
from fitmodel.deals.attributes import attribute_frame
from fitmodel.learning.encoding import encode
from fitmodel.learning.learner import learn

NEW = 60_000
LAWS = {  # logarithm of the factor on the hazard, by that of the amount over its median
    "grows": lambda size: 0.35 * np.abs(size - 0.115),
    "falls": lambda size: -0.35 * size,
    "grows up to 4.5 medians": lambda size: 0.6 * np.clip(size, 0, 1.5),
    "does not matter": lambda size: 0 * size,
}


def draw(rng: np.random.Generator, n: int, law: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Attributes, and the cumulative hazard of leaving within the horizon."""
    deals = attributes(rng, n)
    deals["amount"] = (360 * (rng.pareto(1.2, n) + 1)).round()
    return deals, np.exp(-2.0 + 0.6 * effects(deals)) * factor(deals, law)


def factor(deals: pd.DataFrame, law: str) -> np.ndarray:
    """Factor of the amount on the hazard."""
    return np.asarray(np.exp(LAWS[law](np.log(deals["amount"].to_numpy() / 641))))


def value(p: np.ndarray, amount: np.ndarray) -> float:
    """Sum of expected values: 30 months of 80% margin, or 2.5 months and a commission of 15%."""
    stays, leaves = 0.8 * 30 / 12, 0.8 * 2.5 / 12 - 0.15
    return float((amount * ((1 - p) * stays + p * leaves)).sum())


def company(law: str, deals: int, seed: int) -> dict[str, float]:
    """Figures of one company's model on new prospects."""
    rng = np.random.default_rng([seed, deals, list(LAWS).index(law)])
    past, hazard = draw(rng, deals, law)
    signed = END - pd.to_timedelta(rng.integers(1, 1_095, deals), unit="D")
    stayed = HORIZON * rng.exponential(1, deals) / hazard
    left = pd.Series(signed + pd.to_timedelta(np.ceil(np.minimum(stayed, 240) * DAYS), unit="D"))
    past = past.assign(signed=signed, left=left.where(left <= END))
    learned = learn(fitmodel.read_deals(past, SPEC), SPEC)
    asked, hazard = draw(rng, NEW, law)
    truth, card = -np.expm1(-hazard), learned.scorecard
    frame = attribute_frame(asked.assign(signed=END), SPEC, dates=learned.training_set.dates)
    codes = encode(card.columns, frame)
    p, (low, high) = card.probability(codes), card.interval(*card.scores(codes))
    amount = asked["amount"].to_numpy(dtype=float)
    amount = np.minimum(amount, np.quantile(amount, 0.9999))
    covered = (low <= truth) & (truth <= high)
    own, code = factor(asked, law), codes[:, card.attributes.index("amount")]
    binned = -np.expm1(-hazard / own * pd.Series(own).groupby(code).transform("mean").to_numpy())
    return {
        "by amount": (p * amount).sum() / (truth * amount).sum(),
        "true means of bins": (binned * amount).sum() / (truth * amount).sum(),
        "value": value(p, amount) / value(truth, amount),
        "covered": covered.mean(),
        "covered by amount": (covered * amount).sum() / amount.sum(),
    }


def main() -> None:
    """Print a row per number of deals and law."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--deals", type=int, nargs="+", default=[1_000, 6_000])
    parser.add_argument("--companies", type=int, default=12)
    parser.add_argument("--only", nargs="*", default=list(LAWS), choices=list(LAWS))
    given = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for deals in given.deals:
            for law in given.only:
                rows = pd.DataFrame([company(law, deals, at) for at in range(given.companies)])
                mean, error = rows.mean(), rows.std() / np.sqrt(len(rows))
                figures = (f"{name} {mean[name]:.3f} ({error[name]:.3f})" for name in rows)
                print(f"{deals:>6,} deals, risk {law:24}", *figures, flush=True)


if __name__ == "__main__":
    main()
