"""How often fitmodel claims what is not so: skill on noise, leaks where none is, flags promised.

Run: python benchmarks/false_claims.py [--trials N] [--only skill leaks flags elsewhere]

On companies whose attributes say nothing, skill may be claimed in 5 of 100 trainings at most. No
honest attribute of a simulated company may be stopped as a leak. The share of prospects that the
policy "capacity" flags of 5,000 new prospects must be the 10% asked for, within 3 points;
"elsewhere" is the same on a law of `_other_laws`, with settings that are given instead of chosen.
It goes on where it was stopped: benchmarks/results/false_claims.json.

All companies are simulated: it cannot show how often a real table misleads.
"""

from __future__ import annotations

import argparse
import warnings
from functools import partial
from pathlib import Path

import pandas as pd
from _other_laws import company
from _other_laws import spec as spec_of_others
from _results import FOLDER, Results
from _tables import false_claims

import fitmodel
from fitmodel.datasets.simulation import simulate_prospects
from fitmodel.deals.attributes import attribute_frame
from fitmodel.deals.history import view_of
from fitmodel.deals.roles import yearly_amounts
from fitmodel.decision.shipped import (
    decide,
    predict_held_out,
    predict_training_deals,
    share_flagged,
)
from fitmodel.evaluation.metrics import compute_metrics, shows_skill
from fitmodel.evaluation.out_of_time import evaluate
from fitmodel.leakage.audit import audit_leakage
from fitmodel.learning.learner import Learned, fit_estimator, learn
from fitmodel.learning.settings import Choice, LearnerOptions, Settings

SIZES = {
    "skill": (400, 1_000, 3_000),
    "leaks": (400, 2_000),
    "flags": (400, 600, 2_000),
    "elsewhere": (400, 600, 2_000),
}
LAW, PENALTY = "thresholds, probit", 10.0
CAPACITY, NEAR = 0.1, 0.03
NEW = 5_000


def skill(n: int, seed: int) -> list[dict[str, float]]:
    """Whether skill is claimed where the attributes say nothing."""
    sim = fitmodel.simulate_deals(n, seed=seed, signal=0.0, rep_effects=False, rep_selection=False)
    table = evaluate(view_of(sim.deals, sim.spec), sim.spec).table
    metrics = compute_metrics(
        table["early_churn"],
        table["probability"],
        weight=table["weight"],
        base_rate=table["base_rate"].to_numpy(),
        seed=seed,
    )
    return [{"false": float(shows_skill(metrics)), "gain": metrics["log_loss_skill"].value}]


def leaks(n: int, seed: int) -> list[dict[str, float]]:
    """How many honest attributes are stopped."""
    sim = fitmodel.simulate_deals(n, seed=seed, signal=1.5)
    stopped = audit_leakage(sim.deals, sim.spec).stopped
    return [{"false": float(len(stopped) > 0), "stopped": float(len(stopped))}]


def flags(n: int, seed: int) -> list[dict[str, float]]:
    """Share of prospects that the capacity policy promises to flag, and flags of new ones."""
    sim = fitmodel.simulate_deals(n, seed=seed)
    spec = sim.spec.replace(decision={"policy": "capacity", "capacity": CAPACITY})
    view = view_of(sim.deals, spec)
    learned = learn(view, spec)
    held_out = predict_held_out(learned, spec)
    policy = decide(view, spec, learned, predicted=held_out)
    simulated = simulate_prospects(NEW, seed=1_000 + seed)
    new = simulated.prospects
    asked = attribute_frame(new, spec, dates=learned.training_set.dates)
    probability = learned.estimator.predict_proba(asked)[:, 1]
    amounts = yearly_amounts(new, spec).to_numpy()
    made = float(policy.poor_fit(probability, amounts).mean())
    promised = share_flagged(policy, predict_training_deals(learned, held_out), sim.deals, spec)
    false = float(abs(made - CAPACITY) > NEAR)
    ratio = float(probability.mean() / simulated.true_probability.mean())
    return [{"promised": promised, "made": made, "false": false, "ratio": ratio}]


def elsewhere(n: int, seed: int) -> list[dict[str, float]]:
    """The same on another law; given settings are fitted in a second."""
    past, _ = company(LAW, n, seed)
    new, truth = company(LAW, NEW, 9_000 + seed)
    spec = spec_of_others().replace(decision={"policy": "capacity", "capacity": CAPACITY})
    view = view_of(past, spec)
    deals = view.training_set()
    options = LearnerOptions.from_spec(spec, deals.dates)
    choice = Choice(Settings(penalty=PENALTY), pd.DataFrame())
    fitted = fit_estimator(deals, choice, options, replicates=2, end=view.extract_end)
    learned = Learned(fitted, choice, deals)
    held_out = predict_held_out(learned, spec)
    policy = decide(view, spec, learned, predicted=held_out)
    asked = view_of(new, spec).attributes(deals.dates).frame
    probability = fitted.predict_proba(asked)[:, 1]
    made = float(policy.poor_fit(probability, None).mean())
    promised = share_flagged(policy, predict_training_deals(learned, held_out), past, spec)
    ratio = float(probability.mean() / truth.mean())
    false = float(abs(made - CAPACITY) > NEAR)
    return [{"promised": promised, "made": made, "false": false, "ratio": ratio}]


TRIALS = {"skill": skill, "leaks": leaks, "flags": flags, "elsewhere": elsewhere}


def main() -> None:
    """Run what is not done yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=100, help="trainings of each kind and size")
    parser.add_argument("--only", nargs="*", default=list(TRIALS), choices=list(TRIALS))
    parser.add_argument("--results", type=Path, default=FOLDER / "false_claims.json")
    given = parser.parse_args()
    results = Results(given.results)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for kind in given.only:
            for n in SIZES[kind]:
                for seed in range(given.trials):
                    results.do(partial(TRIALS[kind], n, seed), kind=kind, deals=n, seed=seed)
                    print(".", end="", flush=True)
    print("\n" + false_claims(results.rows))


if __name__ == "__main__":
    main()
