"""How often the verdicts on money, "gains" and "loses", are wrong, and for how many they are given.

Run: python benchmarks/worth.py [--companies N] [--only LAW ...]

Companies of 1,000 deals over three years, with the money of a contract that gives no lifetime:
fitmodel estimates how long customers stay. Within the horizon of 5 months they leave by the laws of
`riskiest.py`. After it their hazard is the same, or half, or 2% or 0.5% a month for everybody. The
truth is the expected value with each prospect's true probability and lifetime, cut at 20 years.

A verdict is wrong if the true expected value has the other sign. "Not close" leaves out prospects
whose true value is closer to 0 than 5% of the yearly amount.

All companies are simulated: it cannot show how long real customers stay after what was observed.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
import pandas as pd
from riskiest import DAYS, DEALS, END, HORIZON, SPEC, draw

import fitmodel
from fitmodel.deals.attributes import attribute_frame
from fitmodel.decision.shipped import decide, predict_held_out
from fitmodel.decision.value import Money
from fitmodel.learning.curve_fitting import learned_curve
from fitmodel.learning.encoding import encode
from fitmodel.learning.learner import learn

NEW, MOST_MONTHS, CLOSE = 4_000, 240.0, 0.05
COSTS = {
    "gross_margin": 0.8,
    "acquisition_cost": 5_000,
    "onboarding_cost": 2_500,
    "support_cost_per_month": 300,
    "commission_rate": 0.1,
}
LAWS = {  # law of leaving early, and the monthly hazard afterwards as a function of that before
    "usual effects, the same hazard later": ("usual effects, 22% leave", lambda early: early),
    "usual effects, half later": ("usual effects, 22% leave", lambda early: early / 2),
    "usual effects, 2% a month later": (
        "usual effects, 22% leave",
        lambda early: np.full(len(early), 0.02),
    ),
    "strong effects, the same hazard later": (
        "effects twice as strong, 27% leave",
        lambda early: early,
    ),
    "60% leave, 2% a month later": ("60% leave", lambda early: np.full(len(early), 0.02)),
    "usual effects, 0.5% a month later": (
        "usual effects, 22% leave",
        lambda early: np.full(len(early), 0.005),
    ),
}


def true_value(hazard: np.ndarray, later: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Expected value of signing, from cumulative hazard at the horizon and monthly hazard later."""
    p, monthly = -np.expm1(-hazard), hazard / HORIZON
    left = MOST_MONTHS - HORIZON
    stays = HORIZON - np.expm1(-later * left) / later
    leaves = 1 / monthly - HORIZON * (1 - p) / p
    line = Money(expected_lifetime_months=30, months_until_early_churn=2, **COSTS).lines_of(
        stays, leaves
    )
    if_stays = amount * line.stays_slope - line.stays_fixed
    if_leaves = amount * line.leaves_slope - line.leaves_fixed
    return np.asarray((1 - p) * if_stays + p * if_leaves)


def company(name: str, seed: int) -> dict[str, float]:
    """Figures of the verdicts of one company's model on new prospects."""
    law, after = LAWS[name]
    rng = np.random.default_rng([seed, list(LAWS).index(name), 2026])
    deals, hazard = draw(rng, DEALS, law)
    signed = END - pd.to_timedelta(rng.integers(1, 1_095, DEALS), unit="D")
    early = HORIZON * rng.exponential(1, DEALS) / hazard
    later = HORIZON + rng.exponential(1, DEALS) / after(hazard / HORIZON)
    stayed = np.minimum(np.where(early <= HORIZON, early, later), MOST_MONTHS)
    left = pd.Series(signed + pd.to_timedelta(np.ceil(stayed * DAYS), unit="D"))
    past = deals.assign(signed=signed, left=left.where(left <= END))
    spec = SPEC.replace(decision=COSTS)
    read = fitmodel.read_deals(past, spec)
    learned = learn(read, spec)
    predicted = predict_held_out(learned, spec)
    policy = decide(
        read, spec, learned, predicted=predicted, curve=learned_curve(learned, predicted)
    )
    asked, hazard = draw(rng, NEW, law)
    amount, card = asked["amount"].to_numpy(dtype=float), learned.scorecard
    frame = attribute_frame(asked.assign(signed=END), spec, dates=learned.training_set.dates)
    codes = encode(card.columns, frame)
    p, interval = card.probability(codes), card.interval(*card.scores(codes))
    verdict = policy.verdicts(p, *interval, amount, np.zeros(NEW, dtype=bool))
    truth = true_value(hazard, after(hazard / HORIZON), amount)
    close = np.abs(truth) < CLOSE * amount
    loses, gains = verdict.worth == "loses", verdict.worth == "gains"
    held = (verdict.expected_value_low <= truth) & (truth <= verdict.expected_value_high)
    return {
        "truly lose": (truth < 0).mean(),
        "loses": loses.mean(),
        "loses wrong": (truth[loses] > 0).mean() if loses.any() else np.nan,
        "wrongly loses": (loses & (truth > 0)).mean(),
        "wrongly loses, not close": (loses & (truth > 0) & ~close).mean(),
        "gains": gains.mean(),
        "gains wrong": (truth[gains] < 0).mean() if gains.any() else np.nan,
        "value held": held.mean(),
    }


def main() -> None:
    """Print a row per law: means over companies, and standard errors of the wrong verdicts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--companies", type=int, default=12)
    parser.add_argument("--only", nargs="*", default=list(LAWS), choices=list(LAWS))
    given = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for law in given.only:
            rows = pd.DataFrame([company(law, seed) for seed in range(given.companies)])
            mean, error = rows.mean(), rows.std() / np.sqrt(len(rows))
            print(f"{law:38}", *(f"{k} {mean[k]:.1%} ({error[k]:.1%});" for k in rows), flush=True)


if __name__ == "__main__":
    main()
