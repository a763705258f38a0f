"""Interval and mean of the prospects that matter most: the riskiest tenth, and the biggest deals.

Run: python benchmarks/riskiest.py [--companies N] [--only LAW ...] [--logistic]

Companies of 1,000 deals leave by a proportional hazard, a law that fitmodel does not have. It
prints how often the 80% interval covers the true probability, over all new prospects and over the
tenth with the highest predictions, and the mean prediction over the mean of the truth: over all,
over the riskiest tenth, and weighted by the yearly amount; and the expected log loss above that of
the truth. In brackets: standard errors. `--logistic` takes the learned link out of the scorecards.

All companies are simulated: it cannot show how a real law differs from the scorecard.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd

import fitmodel
from fitmodel.deals.attributes import attribute_frame
from fitmodel.learning.calibration import CalibrationMap
from fitmodel.learning.encoding import encode
from fitmodel.learning.learner import learn

END = pd.Timestamp("2026-06-30")
DAYS, HORIZON, DEALS, NEW = 30.436875, 5, 1_000, 4_000
SOURCES = {"ads": 0.1, "referral": -0.5, "cold": 0.6, "event": -0.1}
PLANS = {"basic": 0.25, "pro": -0.2, "max": -0.4}
COUNTRIES = dict(zip([f"c{at}" for at in range(12)], np.sin(np.arange(12) * 2.4) / 3, strict=True))
SPEC = fitmodel.DealSpec(
    deals={
        "closed_on": "signed",
        "churned_on": "left",
        "observed_until": END.date(),
        "amount": "amount",
    },
    label={"horizon_months": HORIZON},
)
LAWS = {  # factor on the effects, and the mean logarithm of the cumulative hazard at the horizon
    "usual effects, 22% leave": (1.0, -1.8),
    "effects twice as strong, 27% leave": (2.0, -2.2),
    "60% leave": (0.9, -0.1),
    "two pairs act together": (0.5, -1.9),
    "a few deals have most of the money": (0.6, -2.0),
}


def attributes(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Attributes of prospects; the amount grows with the seats."""
    seats = np.maximum(np.exp(rng.normal(2.8, 1.0, n)).round(), 1)
    return pd.DataFrame(
        {
            "seats": seats,
            "source": rng.choice(list(SOURCES), n, p=[0.4, 0.25, 0.25, 0.1]),
            "plan": rng.choice(list(PLANS), n, p=[0.5, 0.35, 0.15]),
            "country": rng.choice(list(COUNTRIES), n),
            "demo_minutes": rng.gamma(2, 20, n).round(),
            "discount": rng.choice([0.0, 5.0, 10.0, 20.0, 30.0], n, p=[0.4, 0.2, 0.2, 0.1, 0.1]),
            "idle": rng.normal(0, 1, n).round(2),
            "amount": (seats * np.exp(rng.normal(5.5, 0.5, n))).round() + 240,
        }
    )


def effects(deals: pd.DataFrame) -> np.ndarray:
    """Sum of the effects on the logarithm of the hazard."""
    score = (
        -0.45 * (np.log(deals["seats"]) - 2.8)
        - 0.012 * (deals["demo_minutes"].clip(upper=120) - 40)
        + 0.015 * deals["discount"]
        + deals["source"].map(SOURCES)
        + deals["plan"].map(PLANS)
        + deals["country"].map(COUNTRIES)
    )
    return score.to_numpy(dtype=float)


def draw(rng: np.random.Generator, n: int, law: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Attributes, and the cumulative hazard of leaving within the horizon."""
    deals = attributes(rng, n)
    factor, mean = LAWS[law]
    score = effects(deals)
    if law == "two pairs act together":
        basic, cold = deals["plan"] == "basic", deals["source"] == "cold"
        cheap = (deals["seats"] > 20) & (deals["discount"] >= 10)
        pairs = 0.7 * (cold & basic) - 0.6 * ((deals["source"] == "referral") & basic) + 0.9 * cheap
        return deals, np.exp(mean + factor * score + pairs.to_numpy(dtype=float))
    if law == "a few deals have most of the money":
        deals["amount"] = (360 * (rng.pareto(1.2, n) + 1)).round()
        size = 0.35 * np.abs(np.log(deals["amount"] / 720)).to_numpy(dtype=float)
        return deals, np.exp(mean + factor * score + size)
    return deals, np.exp(mean + factor * score)


def company(law: str, seed: int, *, logistic: bool = False) -> dict[str, float]:
    """Figures of one company's model on new prospects."""
    rng = np.random.default_rng([seed, list(LAWS).index(law)])
    deals, hazard = draw(rng, DEALS, law)
    signed = END - pd.to_timedelta(rng.integers(1, 1_095, DEALS), unit="D")
    stayed = HORIZON * rng.exponential(1, DEALS) / hazard
    left = pd.Series(signed + pd.to_timedelta(np.ceil(np.minimum(stayed, 240) * DAYS), unit="D"))
    past = deals.assign(signed=signed, left=left.where(left <= END))
    learned = learn(fitmodel.read_deals(past, SPEC), SPEC)
    asked, hazard = draw(rng, NEW, law)
    truth, card = -np.expm1(-hazard), learned.scorecard
    if logistic:
        card = replace(card, calibration=CalibrationMap.identity())
    frame = attribute_frame(asked.assign(signed=END), SPEC, dates=learned.training_set.dates)
    codes = encode(card.columns, frame)
    p, (low, high) = card.probability(codes), card.interval(*card.scores(codes))
    covered, riskiest = (low <= truth) & (truth <= high), p >= np.quantile(p, 0.9)
    amount = asked["amount"].to_numpy()
    loss = truth * np.log(truth / p) + (1 - truth) * np.log((1 - truth) / (1 - p))
    return {
        "covered": covered.mean(),
        "riskiest": covered[riskiest].mean(),
        "mean": p.mean() / truth.mean(),
        "mean of riskiest": p[riskiest].mean() / truth[riskiest].mean(),
        "by amount": (p * amount).sum() / (truth * amount).sum(),
        "loss": np.nanmean(loss),  # not a number where the truth is 1 in floating point
    }


def main() -> None:
    """Print a row per law: means over companies, with standard errors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--companies", type=int, default=12)
    parser.add_argument("--only", nargs="*", default=list(LAWS), choices=list(LAWS))
    parser.add_argument("--logistic", action="store_true", help="without the learned link")
    given = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for law in given.only:
            rows = pd.DataFrame(
                [company(law, seed, logistic=given.logistic) for seed in range(given.companies)]
            )
            mean, error = rows.mean(), rows.std() / np.sqrt(len(rows))
            print(
                f"{law:36} covers {mean['covered']:.0%} ({error['covered']:.0%}), riskiest tenth "
                f"{mean['riskiest']:.0%} ({error['riskiest']:.0%}); "
                f"predicted over true {mean['mean']:.2f}, riskiest {mean['mean of riskiest']:.2f}, "
                f"by amount {mean['by amount']:.2f} ({error['by amount']:.2f}); "
                f"loss above truth {mean['loss']:.4f} ({error['loss']:.4f})",
                flush=True,
            )


if __name__ == "__main__":
    main()
