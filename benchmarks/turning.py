"""Effects that turn: what a bend in the ridge regression gains, and what it costs elsewhere.

Run: python benchmarks/turning.py [--seeds N]

The same deals are learned from with and without `[learning] bends`. In the first four rows the risk
is least, or greatest, at a middle number of seats; in the others no effect turns. Loss: expected
log loss above that of the truth. It goes on where it was stopped: results/turning.json.

It cannot show how often real effects turn.
"""

from __future__ import annotations

import argparse
import warnings
from functools import partial

import numpy as np
from _law_tables import turning
from _other_laws import company, spec
from _results import FOLDER, Results
from growing import EVEN
from growing import company as growing_company
from growing import spec as spec_of_growing
from known_truth import figures

import fitmodel
from fitmodel.deals.history import view_of
from fitmodel.learning.learner import learn

HAZARDS, SIMULATED = "proportional hazards", "simulate_deals"
CASES = [  # law, growth per month, deals
    ("many levels", 0.0, 800),
    ("many levels", 0.15, 600),
    ("half turned", 0.0, 800),
    ("all turned", 0.0, 800),
    (HAZARDS, 0.15, 600),
    (HAZARDS, 0.15, 2_000),
    (SIMULATED, 0.0, 400),
    (SIMULATED, 0.0, 1_000),
    ("thresholds, probit", 0.0, 400),
    ("thresholds, probit", 0.15, 1_000),
    ("a tree", 0.0, 400),
    ("a tree", 0.15, 1_000),
    ("log-normal stays", 0.0, 1_000),
    ("few causes", 0.0, 800),
]
ASKED = 5_000
FIRST_SEED = 500
SMALLEST = 1e-6  # a true probability of 1 has no log-odds


def one(law: str, growth: float, n: int, seed: int) -> list[dict[str, float | str]]:
    """Figures of one company, learned with and without bends."""
    if law == SIMULATED:
        past = fitmodel.simulate_deals(n, seed=seed, rep_effects=False)
        later = fitmodel.simulate_deals(ASKED, seed=9_000 + seed, rep_effects=False)
        deals, asked, truth = past.deals, later.deals, later.true_probability.to_numpy()
        contract = past.spec
    elif law == HAZARDS:
        deals, _ = growing_company(n, growth, EVEN, seed)
        asked, truth = growing_company(ASKED, 0.0, EVEN, 9_000 + seed)
        contract = spec_of_growing()
    else:
        deals, _ = company(law, n, seed, growth)
        asked, truth = company(law, ASKED, 9_000 + seed)
        contract = spec()
    rows = []
    for bends in (False, True):
        learned = learn(deals, contract.replace(learning={"bends": bends}))
        frame = view_of(asked, contract).attributes(learned.training_set.dates).frame
        row = figures(learned, frame, np.clip(truth, SMALLEST, 1 - SMALLEST))
        rows.append({"way": "bends" if bends else "lines", **row})
    return rows


def main(seeds: int, results: Results) -> None:
    """Learn what is not done yet, and print a row for each case."""
    for law, growth, n in CASES:
        for seed in range(FIRST_SEED, FIRST_SEED + seeds):
            results.do(partial(one, law, growth, n, seed), law=law, growth=growth, n=n, seed=seed)
            print(".", end="", flush=True)
    print("\n" + turning(results.rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=6)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    main(asked.seeds, Results(FOLDER / "turning.json"))
