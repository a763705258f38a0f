"""What is new and means nothing must not look risky: three ways to count the young, side by side.

    python benchmarks/newcomers.py

Simulated deals whose true probability is known. In some rows half of the newest deals have an offer
that no earlier deal had, drawn at random. The young (signed within the horizon) are counted in
three ways: in parts, as fitmodel does; not at all; and, the usual one, by their known outcomes with
inverse-probability-of-censoring weights. Said over true is the mean prediction over the mean true
probability on fresh prospects; the loss is the expected log loss above that of the truth itself.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import pandas as pd
from fitmodel.learning.options import LearnerOptions

import fitmodel
from fitmodel.deals.attributes import read_attributes
from fitmodel.deals.outcomes import LabelledDeals, censoring_weights, label_deals, outcomes
from fitmodel.deals.training_deals import training_deals
from fitmodel.learning.folds import make_folds
from fitmodel.learning.learner import fit_estimator
from fitmodel.learning.selection import choose

SEEDS = range(6)
NEW_SINCE = "2025-11-15"
CASES = {
    "1,000 deals": (1_000, None, False),
    "3,000 deals": (3_000, None, False),
    "3,000, four in ten of the last year": (3_000, 0.4, False),
    "4,000, a new offer": (4_000, None, True),
}


def weighted(deals: pd.DataFrame, spec: fitmodel.DealSpec) -> LabelledDeals:
    """Known outcomes of young and old alike, weighted."""
    found = outcomes(deals, spec)
    known = found["early_churn"].notna().to_numpy()
    table = deals[known]
    read = read_attributes(table, spec)
    weight = censoring_weights(found, spec.label.horizon_months).values[known]  # noqa: PD011 - ours
    closed_on = table[spec.deals.closed_on]
    return LabelledDeals(
        read.frame, found["early_churn"].to_numpy()[known], weight, closed_on, read.dates
    )


WAYS = {"in parts": training_deals, "mature only": label_deals, "weighted": weighted}


def measure(size: int, recent: float | None, *, new: bool) -> Iterator[tuple[str, float, float]]:
    """Way, said over true, and loss above the truth's, for each training."""
    fresh = fitmodel.simulate_deals(4_000, seed=99)
    truth = fresh.true_probability.to_numpy()
    for seed in SEEDS:
        past = fitmodel.simulate_deals(size, seed=seed, recent_share=recent)
        deals, spec, asked = past.deals, past.spec, fresh.deals
        if new:
            drawn = np.random.default_rng(seed).random(size) < 0.5
            is_new = (deals["closed_on"] >= NEW_SINCE) & drawn
            deals = deals.assign(offer=np.where(is_new, "starter 2", "classic"))
            asked = asked.assign(offer="starter 2")
        for way, label in WAYS.items():
            taught = label(deals, spec)
            options = LearnerOptions.from_spec(spec, taught.dates)
            choice = choose(make_folds(deals, spec), options)
            estimator = fit_estimator(taught, choice, options, bags=2)
            attributes = read_attributes(asked, spec, dates=taught.dates).frame
            said = estimator.predict_proba(attributes)[:, 1]
            yield way, said.mean() / truth.mean(), divergence(truth, said)


def divergence(truth: np.ndarray, said: np.ndarray) -> float:
    """Expected log loss above that of the truth (Kullback and Leibler 1951)."""
    lost = truth * np.log(truth / said) + (1 - truth) * np.log((1 - truth) / (1 - said))
    return float(lost.mean())


def main() -> None:
    """Print a row for each case and way."""
    print("| deals | the young are counted | said over true | loss above the truth's |")
    print("|---|---|---|---|")
    for case, (size, recent, new) in CASES.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = pd.DataFrame(measure(size, recent, new=new), columns=["way", "ratio", "loss"])
        for way, part in found.groupby("way", sort=False):
            print(f"| {case} | {way} | {part['ratio'].mean():.2f} | {part['loss'].mean():.4f} |")


if __name__ == "__main__":
    main()
