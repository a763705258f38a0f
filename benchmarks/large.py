"""Many deals: how long training and the sales report take, and what a sample for effects loses.

    python benchmarks/large.py speed [--deals 30000 100000 300000] [--what train backtest check]
    python benchmarks/large.py report [--deals 5000 20000 100000]
    python benchmarks/large.py loss [--deals 40000] [--samples 5000 10000 20000] [--seeds 2]
                                    [--law NAME ...]

`speed` does each in a process of its own through the public function, as a user would, and counts
seconds by the clock, processor seconds and the peak of memory. `report` counts the processor
seconds of each step of the sales report. `loss` learns from all deals and
from samples, and asks both about the same fresh deals. "Above the truth" is the log loss expected
under the true probabilities, less that of the truth, both at the level of the truth; "more than
all" is the observed log loss less that of the model of all deals, with its paired standard error.
All deals are simulated: it cannot show how much a sample loses on others.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from growing import EVEN, company
from growing import spec as growing_spec

import fitmodel
from fitmodel.deals.history import HistoryView, view_of
from fitmodel.learning.learner import learn
from fitmodel.learning.stages import shift_to_rate

FRESH = 20_000
Asked = tuple[HistoryView, fitmodel.DealSpec, pd.DataFrame, np.ndarray, np.ndarray]


def law(n: int, seed: int, **options: float) -> Asked:
    """Past deals, and the attributes, outcomes and truth of fresh ones of the same law."""
    past = fitmodel.simulate_deals(n, seed=seed, rep_effects=False, **options)
    fresh = fitmodel.simulate_deals(FRESH, seed=100 + seed, rep_effects=False, **options)
    view = view_of(past.deals, past.spec)
    asked = view_of(fresh.deals, fresh.spec).training_set(view.training_set().dates)
    truth = fresh.true_probability.to_numpy()
    drawn = np.random.default_rng(seed).random(len(truth)) < truth
    return view, past.spec, asked.attributes, drawn.astype(float), truth


def growing(n: int, seed: int) -> Asked:
    """Customers who leave with proportional hazards, of a company that grows by 5% a month."""
    past, _ = company(n, 0.05, EVEN, seed)
    fresh, truth = company(FRESH, 0.05, EVEN, 100 + seed)
    view = view_of(past, growing_spec())
    asked = view_of(fresh, growing_spec()).training_set(view.training_set().dates)
    drawn = np.random.default_rng(seed).random(len(truth)) < truth
    return view, growing_spec(), asked.attributes, drawn.astype(float), truth


LAWS: dict[str, Callable[[int, int], Asked]] = {
    "as it comes, 22% leave": law,
    "30 attributes, 15% leave": partial(law, n_attributes=30, base_rate=0.15),
    "6% leave": partial(law, base_rate=0.06, company=5),
    "proportional hazards": growing,
}


def losses(log_odds: np.ndarray, outcome: np.ndarray, level: float) -> np.ndarray:
    """Log loss of each deal after the mean prediction is set to a level."""
    line = log_odds + shift_to_rate(log_odds, np.ones(len(log_odds)), level)
    return np.logaddexp(0, line) - outcome * line


def compare(
    name: str, make: Callable[[int, int], Asked], n: int, seed: int, sizes: list[int]
) -> None:
    """Print a row for all deals and one for each size of the sample."""
    view, spec, asked, outcome, truth = make(n, seed)
    true = np.log(truth / (1 - truth))
    best = losses(true, truth, float(truth.mean())).mean()
    of_all = None
    for size in (len(view), *(size for size in sizes if size < len(view))):
        chosen = spec.replace(learning={"effect_deals": max(size, 2_000)})
        started = time.process_time()
        learned = learn(view.with_spec(chosen), chosen)
        seconds = time.process_time() - started
        log_odds = learned.estimator.decision_function(asked)
        each = losses(log_odds, outcome, float(outcome.mean()))
        of_all = each if of_all is None else of_all
        more, noise = (each - of_all).mean(), (each - of_all).std() / np.sqrt(len(each))
        above = losses(log_odds, truth, float(truth.mean())).mean() - best
        print(
            f"| {name} | {seed} | {len(view):,} | {size:,} | {above:.5f} "
            f"| {more:+.5f} ± {noise:.5f} "
            f"| {learned.scorecard.base_rate:.4f} | {seconds:.0f} |",
            flush=True,
        )


def measure_loss(asked: argparse.Namespace) -> None:
    """Every law and seed asked for."""
    print("| law | seed | deals | for effects | above the truth | more than all | level | s |")
    print("|---|---|---|---|---|---|---|---|")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in asked.law or LAWS:
            for seed in range(asked.seeds):
                compare(name, LAWS[name], asked.deals[0], seed, asked.samples)


def measure_speed(asked: argparse.Namespace) -> None:
    """Each size and task in a process of its own."""
    print("| | deals | seconds by the clock | processor seconds | peak MB |\n|---|---|---|---|---|")
    for what in asked.what:
        for deals in asked.deals:
            ordered = [sys.executable, __file__, "one", "--deals", str(deals), "--what", what]
            subprocess.run(ordered, check=True)  # noqa: S603 - this very file


def measure_one(asked: argparse.Namespace) -> None:
    """One task in this process."""
    (deals,), (what,) = asked.deals, asked.what
    sim = fitmodel.simulate_deals(deals, seed=1)
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spec = sim.spec.replace(tracking={"uri": f"sqlite:///{name}/mlflow.db"})
        started, used = time.perf_counter(), time.process_time()
        if what == "train":
            fitmodel.train(sim.deals, spec, models=Path(name) / "models")
        elif what == "backtest":
            fitmodel.backtest(sim.deals, spec)
        else:
            from fitmodel.checking import check_deals

            check_deals(sim.deals, spec)
        wall, processor = time.perf_counter() - started, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(f"| {what} | {deals:,} | {wall:.0f} | {processor:.0f} | {peak:,.0f} |", flush=True)


def measure_report(asked: argparse.Namespace) -> None:
    """Processor seconds of each step of one sales report of each size."""
    for deals in asked.deals:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            steps = report_steps(deals)
        print(f"{deals:,} deals: {sum(steps.values()):.1f} s")
        for step, seconds in steps.items():
            print(f"  {seconds:6.1f} s  {step}", flush=True)


def report_steps(deals: int) -> dict[str, float]:
    """Processor seconds by step; 12 reps in three teams, 16 attributes, all sections and plots."""
    from fitmodel.reports.sales_report import make_sales_report

    sim = fitmodel.simulate_deals(deals, seed=3)
    table = fitmodel.read_deals(sim.deals, sim.spec)
    steps: dict[str, float] = {}
    last, started = "reading the history", time.process_time()

    def note(step: str) -> None:
        nonlocal last, started
        now = time.process_time()
        steps[last] = now - started
        last, started = step, now

    make_sales_report(table, sim.spec, progress=note)
    note("")
    return steps


MEASURES = {
    "speed": measure_speed,
    "report": measure_report,
    "loss": measure_loss,
    "one": measure_one,
}
DEALS = {
    "speed": [30_000, 100_000, 300_000],
    "report": [5_000, 20_000, 100_000],
    "loss": [40_000],
}


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "measure", nargs="?", default="speed", choices=("speed", "report", "loss", "one")
    )
    parser.add_argument("--deals", type=int, nargs="*", default=None)
    parser.add_argument("--samples", type=int, nargs="*", default=[5_000, 10_000, 20_000])
    parser.add_argument("--what", nargs="*", default=["train", "backtest", "check"])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--law", nargs="*", default=None)
    asked = parser.parse_args()
    asked.deals = asked.deals or DEALS[asked.measure]
    MEASURES[asked.measure](asked)


if __name__ == "__main__":
    main()
