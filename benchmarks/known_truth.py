"""How near fitmodel comes to the truth on simulated deals, and how long it takes.

Run: python benchmarks/known_truth.py [--fresh TRAININGS] [--others TRAININGS] [--sizes DEALS ...]

The coverage of the interval goes on where it was stopped: each training is kept, with date and
machine, in benchmarks/results/known_truth.json.

It cannot show how near fitmodel comes on real deals, whose truth nobody knows.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from _other_laws import OTHER_LAWS, company, spec
from _results import FOLDER, Results
from growing import measures
from sklearn.metrics import roc_auc_score

import fitmodel
from fitmodel.datasets.simulation import Simulation
from fitmodel.deals.history import view_of
from fitmodel.deals.outcomes import label_deals, outcomes
from fitmodel.exceptions import DealsError
from fitmodel.learning.encoding import encode
from fitmodel.learning.learner import learn

if TYPE_CHECKING:
    from fitmodel.learning.learner import Learned

COVERAGE = {400: 12, 1_000: 12, 2_500: 8, 10_000: 5}  # deals to trainings
LAWS = {  # the spread of the interval was chosen on these
    "as it comes": {},
    "8 attributes, 30% leave": {"n_attributes": 8, "company": 3, "base_rate": 0.3},
    "30 attributes, weak, 15% leave": {"n_attributes": 30, "signal": 0.6, "base_rate": 0.15},
    "10 attributes, strong, 3 months": {"n_attributes": 10, "signal": 1.6, "horizon_months": 3},
}
# No number was fitted to these, but the form of the misfit was changed on seeing them.
FRESH_LAWS = {
    "6 attributes, 10% leave": {
        "n_attributes": 6,
        "company": 11,
        "base_rate": 0.10,
        "signal": 1.5,
    },
    "12 attributes, 40% leave": {"n_attributes": 12, "company": 12, "base_rate": 0.40},
    "20 attributes, 3 months": {
        "n_attributes": 20,
        "company": 13,
        "base_rate": 0.25,
        "signal": 1.3,
        "horizon_months": 3,
    },
    "40 attributes, weak": {"n_attributes": 40, "company": 14, "base_rate": 0.18, "signal": 0.7},
    "16 attributes, very strong": {
        "n_attributes": 16,
        "company": 15,
        "base_rate": 0.33,
        "signal": 2.0,
    },
    "9 attributes, hardly any effect": {"n_attributes": 9, "company": 16, "signal": 0.2},
}
OTHER_SIZES = (400, 1_000, 10_000)
OTHER_GROWTH = 0.15  # per month, in the rows of growing companies
FIRST_SEED = 20
FIGURES = ("covered", "width", "ratio", "slope", "loss")
HEAVY = ("mlflow", "matplotlib", "interpret", "sklearn", "pandas")


def new_deals(seed: int, law: dict | None = None) -> tuple[Simulation, object]:
    """Deals of the same law that no model has seen, with a known outcome."""
    sim = fitmodel.simulate_deals(20_000, seed=seed, rep_effects=False, **(law or {}))
    return sim, label_deals(sim.deals, sim.spec)


def discrimination() -> None:
    """Print the AUC beside that of the true probability."""
    past = fitmodel.simulate_deals(5_000, seed=1, rep_effects=False)
    sim, test = new_deals(2)
    truth = sim.true_probability.loc[test.index].to_numpy()
    learned = learn(past.deals, past.spec)
    probability = learned.estimator.predict_proba(test.attributes)[:, 1]
    own, best = (roc_auc_score(test.early_churn, p) for p in (probability, truth))
    covered = figures(learned, test.attributes, truth)["covered"]
    print(f"AUC of the model, 5,000 training deals      {own:.4f}")
    print(f"AUC of the true probability                 {best:.4f}   gap {best - own:.4f}")
    print(f"80% intervals that cover the truth         {covered:.1%}")


def trained(law: dict, n: int, seed: int) -> list[dict[str, float]]:
    """Figures of one training, on 20,000 new deals."""
    sim, test = new_deals(99, law)
    past = fitmodel.simulate_deals(n, seed=seed, rep_effects=False, **law)
    learned = learn(past.deals, past.spec)
    truth = sim.true_probability.loc[test.index].to_numpy()
    return [figures(learned, test.attributes, truth)]


def trained_elsewhere(law: str, growth: float, n: int, seed: int) -> list[dict[str, float]]:
    """Figures of one training on a law of `_other_laws`, on 10,000 new deals."""
    deals, _ = company(law, n, seed, growth)
    asked, truth = company(law, 10_000, 9_000 + seed)
    learned = learn(deals, spec())
    read = view_of(asked, spec()).attributes(learned.training_set.dates)
    return [figures(learned, read.frame, truth)]


def figures(learned: Learned, attributes: pd.DataFrame, truth: np.ndarray) -> dict[str, float]:
    """Coverage and width of the 80% interval, mean prediction over the truth's, slope and loss."""
    scorecard = learned.scorecard
    codes = encode(scorecard.columns, attributes)
    low, high = scorecard.interval(*scorecard.scores(codes))
    ratio, slope, loss = measures(truth, scorecard.probability(codes))
    return {
        "covered": float(np.mean((low <= truth) & (truth <= high))),
        "width": float(np.mean(high - low)),
        "ratio": float(ratio),
        "slope": slope,
        "loss": loss,
    }


def coverage(results: Results, name: str, work: Callable, sizes: dict[int, int]) -> None:
    """Print how often the 80% interval covers the truth, over several trainings of each size."""
    for n, trainings in sizes.items():
        try:
            rows = [
                results.do(partial(work, n, seed), law=name, deals=n, seed=seed)[0]
                for seed in range(FIRST_SEED, FIRST_SEED + trainings)
            ]
        except DealsError as error:  # too few early churners in one of them
            print(f"  {n:>6,} deals   {error}", flush=True)
            continue
        of = {key: np.array([row[key] for row in rows]) for key in rows[0] if key in FIGURES}
        tenth, most = np.quantile(of["covered"], (0.1, 0.9))
        print(
            f"  {n:>6,} deals   cover {of['covered'].mean():.1%}, 8 of 10 trainings {tenth:.0%} to "
            f"{most:.0%}, all {of['covered'].min():.0%} to {of['covered'].max():.0%} "
            f"({trainings}), mean width {of['width'].mean():.3f}; mean over truth "
            f"{of['ratio'].mean():.2f} (SD {of['ratio'].std():.2f}), slope "
            f"{of['slope'].mean():.2f}, loss above truth {of['loss'].mean():.4f}",
            flush=True,
        )


def censoring() -> None:
    """Print mean predicted and true probability where a third of the deals are censored."""
    past = fitmodel.simulate_deals(5_000, seed=3, rep_effects=False, recent_share=0.36)
    result = outcomes(past.deals, past.spec)
    sim, test = new_deals(4)
    truth = sim.true_probability.loc[test.index].mean()
    learned = learn(past.deals, past.spec)
    predicted = learned.estimator.predict_proba(test.attributes)[:, 1].mean()
    as_zero = result["early_churn"].fillna(0).mean()
    print(f"deals whose label is not known              {result['early_churn'].isna().mean():.1%}")
    print(f"mean true probability                       {truth:.4f}")
    print(f"mean predicted                              {predicted:.4f}")
    print(f"early churn if unknown were called 0        {as_zero:.4f}")


def whole_training() -> None:
    """Print the seconds of a whole training: 10,000 deals x 20 attributes."""
    sim = fitmodel.simulate_deals(10_000, seed=5, n_attributes=20)
    with tempfile.TemporaryDirectory() as folder:
        spec = sim.spec.replace(tracking={"uri": f"sqlite:///{folder}/mlflow.db"})
        start = time.perf_counter()
        run = fitmodel.train(sim.deals, spec, models=Path(folder) / "models")
        seconds = time.perf_counter() - start
    print(f"trained, judged, tracked, bundled           {seconds:.1f} s (10,000 x 20)")
    print(f"its log loss gained on the base rate        {run.report.metrics['log_loss_skill']}")


def light_import() -> None:
    """Print the seconds of `import fitmodel` and which heavy libraries it brings."""
    code = (
        "import sys, time; start = time.perf_counter(); import fitmodel; "
        f"print(time.perf_counter() - start, *({HEAVY!r} and "
        f"[name for name in {HEAVY!r} if name in sys.modules]))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - ours
    seconds, *loaded = done.stdout.split()
    print(f"import fitmodel                             {float(seconds):.3f} s, heavy: {loaded}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--fresh", type=int, default=None, help="only fresh laws, with so many trainings of each"
    )
    parser.add_argument(
        "--others", type=int, default=None, help="only other laws, with so many trainings of each"
    )
    parser.add_argument("--sizes", type=int, nargs="*", default=OTHER_SIZES)
    parser.add_argument("--results", type=Path, default=FOLDER / "known_truth.json")
    given = parser.parse_args()
    results = Results(given.results)
    warnings.simplefilter("ignore")
    if given.fresh is None and given.others is None:
        light_import()
        discrimination()
        for name, law in LAWS.items():
            print(f"80% intervals: {name}")
            coverage(results, name, partial(trained, law), COVERAGE)
        censoring()
        whole_training()
    if given.others is None:
        for name, law in FRESH_LAWS.items():
            print(f"80% intervals, fresh law: {name}")
            sizes = dict.fromkeys((1000, 10000), given.fresh or 3)
            coverage(results, name, partial(trained, law), sizes)
    if given.fresh is None:
        for name, growth in product(OTHER_LAWS, (0.0, OTHER_GROWTH)):
            label = f"{name}, growing" if growth else name
            print(f"80% intervals, other law: {label}")
            sizes = dict.fromkeys(given.sizes, given.others or 3)
            coverage(results, label, partial(trained_elsewhere, name, growth), sizes)
