"""Three ways to count young deals: what is new and means nothing must not look risky.

    python benchmarks/newcomers.py

Simulated deals whose true probability is known. In some rows half of the newest deals have an offer
that no earlier deal had, drawn at random. The young (signed within the horizon) are counted in
three ways: by their own chance, as fitmodel does; not at all; and, the usual one, by their known
outcomes with inverse-probability-of-censoring weights. All are fitted without a level of today.
Mean over true is the mean prediction over the mean true probability of fresh prospects; the loss
is the expected log loss above that of the truth itself.

The new offer has no effect: it cannot show how fast a real effect of something new is learned.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

import fitmodel
from fitmodel.deals.attributes import read_attributes
from fitmodel.deals.history import HistoryView, view_of
from fitmodel.deals.outcomes import censoring_weights
from fitmodel.deals.training_set import TrainingSet
from fitmodel.learning.learner import fit_estimator
from fitmodel.learning.settings import LearnerOptions
from fitmodel.learning.stages import choose, make_folds

SEEDS = range(6)
NEW_SINCE = "2025-11-15"
CASES = {
    "1,000 deals": (1_000, None, False),
    "3,000 deals": (3_000, None, False),
    "3,000, four in ten of the last five months": (3_000, 0.4, False),
    "4,000, a new offer": (4_000, None, True),
}


def own_chance(view: HistoryView) -> TrainingSet:
    """All deals, the young by their own chance."""
    return view.training_set()


def mature_only(view: HistoryView) -> TrainingSet:
    """Deals signed a horizon before the end."""
    return view.subset(view.mature).training_set()


def weighted(view: HistoryView) -> TrainingSet:
    """Known outcomes of young and old alike, weighted."""
    known = ~np.isnan(view.early_churn)
    weight = censoring_weights(view.outcomes, view.spec.label.horizon_months).values  # noqa: PD011 - ours
    return replace(view.subset(known).training_set(), weight=weight[known])


WAYS = {"by their own chance": own_chance, "not at all": mature_only, "weighted": weighted}


def measure(size: int, recent: float | None, *, new: bool) -> Iterator[tuple[str, float, float]]:
    """Way, mean over true, and loss above the truth's, for each training."""
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
        view = view_of(deals, spec)
        for way, label in WAYS.items():
            training_set = label(view)
            options = LearnerOptions.from_spec(spec, training_set.dates)
            folds = make_folds(view, training_set.dates, folds=options.folds, seed=options.seed)
            choice = choose(folds, training_set, options)
            estimator = fit_estimator(training_set, choice, options, replicates=2)
            attributes = read_attributes(asked, spec, dates=training_set.dates).frame
            probability = estimator.predict_proba(attributes)[:, 1]
            yield way, probability.mean() / truth.mean(), divergence(truth, probability)


def divergence(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Expected log loss above that of the truth (Kullback and Leibler 1951)."""
    lost = truth * np.log(truth / predicted) + (1 - truth) * np.log((1 - truth) / (1 - predicted))
    return float(lost.mean())


def main() -> None:
    """Print a row for each case and way."""
    print("| deals | the young are counted | mean over true | loss above the truth's |")
    print("|---|---|---|---|")
    for case, (size, recent, new) in CASES.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = pd.DataFrame(measure(size, recent, new=new), columns=["way", "ratio", "loss"])
        for way, part in result.groupby("way", sort=False):
            print(f"| {case} | {way} | {part['ratio'].mean():.2f} | {part['loss'].mean():.4f} |")


if __name__ == "__main__":
    main()
