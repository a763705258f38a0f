"""How well fitmodel predicts beside its peers: one run, same splits, same columns, no hand tuning.

Run: python benchmarks/quality.py [--data FOLDER] [--budget SECONDS] [--only NAME ...]

Telco comes with the demo extra; saas_sme and us_lapse are read from `--data` and left out where
they are absent; CatBoost and FLAML are left out where they are not installed (FLAML runs only with
a budget). Deals with dates: three rolling cuts, trained on what was known at each, judged on what
was signed next. Deals with a tenure: three random thirds. Simulated deals: fresh ones of the same
law. Every row of the table is the mean over its three splits.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from peers import peers
from sklearn.metrics import roc_auc_score

import fitmodel
from fitmodel.datasets.telco import load_telco
from fitmodel.deals.history import HistoryView
from fitmodel.deals.outcomes import LabelledDeals, label_deals
from fitmodel.deals.training_deals import in_whole, training_deals
from fitmodel.evaluation.metrics import compute_metrics
from fitmodel.evaluation.splits import rolling_cuts
from fitmodel.learning.learner import learn, learn_labelled

SPLITS = 3
FRESH = 10_000
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
    """Deals to learn from and deals to judge by."""

    train: LabelledDeals
    test: LabelledDeals
    spec: fitmodel.DealSpec
    deals: pd.DataFrame | HistoryView | None = None  # with dates, as known on `date`
    date: pd.Timestamp | None = None

    def fit_and_predict(self, train: LabelledDeals, asked: pd.DataFrame) -> np.ndarray:
        """Fitmodel's own probability; it chooses on folds in time where there are dates."""
        if self.deals is None:
            learned = learn_labelled(train, self.spec)
        else:
            learned = learn(self.deals, self.spec, as_of=self.date)
        return learned.estimator.predict_proba(asked)[:, 1]


def dated(deals: pd.DataFrame, spec: fitmodel.DealSpec) -> Iterator[Split]:
    """Rolling cuts, the training deals as they were known at each."""
    for cut in rolling_cuts(deals, spec, SPLITS):
        train = training_deals(cut.train, spec)
        yield Split(train, label_deals(cut.test, spec), spec, cut.train, cut.date)


def thirds(deals: pd.DataFrame, spec: fitmodel.DealSpec) -> Iterator[Split]:
    """Two thirds to learn from, one to judge by, at random."""
    labelled = label_deals(deals, spec)
    place = np.random.default_rng(0).permutation(len(labelled)) % SPLITS
    for out in range(SPLITS):
        yield Split(labelled.subset(place != out), labelled.subset(place == out), spec)


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


def us_lapse(data: Path, horizon: int) -> Iterator[Split]:
    """Whole-life policies, honest columns."""
    spec = fitmodel.DealSpec(
        deals={
            "closed_on": "close_date",
            "churned_on": "churn_date",
            "exited_on": "exit_date",
            "observed_until": "2010-05-12",
        },
        label={"horizon_months": horizon},
        attributes={"include": LAPSE},
    )
    deals = fitmodel.read_deals(data / "us_lapse" / "deals.csv", spec)
    yield from dated(deals, spec)


def simulated(n: int) -> Iterator[Split]:
    """Simulated deals, judged on fresh ones of the same law."""
    for seed in range(SPLITS):
        past = fitmodel.simulate_deals(n, seed=seed, rep_effects=False)
        fresh = fitmodel.simulate_deals(FRESH, seed=100 + seed, rep_effects=False)
        yield Split(
            training_deals(past.deals, past.spec),
            label_deals(fresh.deals, fresh.spec),
            past.spec,
            past.deals,
        )


def tables_of(data: Path | None) -> dict[str, Callable[[], Iterator[Split]]]:
    """The tables by name; the real ones only where their folder is given."""
    tables: dict[str, Callable[[], Iterator[Split]]] = {"telco 5 months": telco}
    if data is not None:
        tables |= {
            "saas_sme 3 months": partial(saas_sme, data),
            "us_lapse 12 months": partial(us_lapse, data, 12),
            "us_lapse 24 months": partial(us_lapse, data, 24),
        }
    return tables | {f"simulated {n:,}": partial(simulated, n) for n in (500, 2_000, 10_000)}


def judge(split: Split, probability: np.ndarray) -> dict[str, float]:
    """Log loss, AUC and calibration error on the deals not learned from."""
    test, rate = split.test, np.average(split.train.early_churn, weights=split.train.weight)
    found = compute_metrics(
        test.early_churn, probability, weight=test.weight, base_rate=rate, n_boot=2
    )
    return {
        "log_loss": found["log_loss"].value,
        "auc": roc_auc_score(test.early_churn, probability, sample_weight=test.weight),
        "calibration_error": found["calibration_error"].value,
        "base": found["log_loss"].base,
    }


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


def in_rows(deals: LabelledDeals) -> LabelledDeals:
    """The same deals for peers that know only outcomes: the young as two rows, weighted."""
    rows, outcome, share = in_whole(deals.early_churn)
    closed_on = None if deals.closed_on is None else deals.closed_on.iloc[rows]
    attributes = deals.attributes.iloc[rows].reset_index(drop=True)
    return LabelledDeals(attributes, outcome, deals.weight[rows] * share, closed_on, deals.dates)


def compare(name: str, splits: list[Split], ways: dict) -> list[dict]:
    """One row per way to learn: means over the splits, and the distance to fitmodel's log loss."""
    rows, each = [], {}
    for label in ("fitmodel", *ways):
        figures, lost, seconds = [], [], 0.0
        for split in splits:
            way = split.fit_and_predict if label == "fitmodel" else ways[label]
            start = time.perf_counter()
            train = split.train if label == "fitmodel" else in_rows(split.train)
            probability = way(train, split.test.attributes)
            seconds += (time.perf_counter() - start) / len(splits)
            figures.append(judge(split, probability))
            lost.append(losses(split, probability))
        each[label] = lost
        row = {key: float(np.mean([item[key] for item in figures])) for key in figures[0]}
        gap = noise(lost, each["fitmodel"], [split.test.weight for split in splits])
        rows.append({"table": name, "way": label} | row | {"noise": gap, "seconds": seconds})
        print(".", end="", flush=True)
    return rows


def show(rows: list[dict]) -> None:
    """Print the whole table as Markdown."""
    frame = pd.DataFrame(rows)
    print("\n| table | way | log loss | behind fitmodel | AUC | calibration error | s |")
    print("|---|---|---|---|---|---|---|")
    for name, part in frame.groupby("table", sort=False):
        own = part["log_loss"].iloc[0]
        print(f"| {name} | base rate | {part['base'].iloc[0]:.4f} | | | | |")
        for row in part.itertuples():
            gap = row.log_loss - own
            behind = "" if row.way == "fitmodel" else f"{gap:+.4f} ± {row.noise:.4f}"
            print(
                f"| {name} | {row.way} | {row.log_loss:.4f} | {behind} | {row.auc:.3f} "
                f"| {row.calibration_error:.3f} | {row.seconds:.1f} |"
            )


def main() -> None:
    """Run what is asked for and print each table's rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=None, help="folder of the real tables")
    parser.add_argument("--budget", type=float, default=0.0, help="seconds for FLAML per fit")
    parser.add_argument("--only", nargs="*", default=None, help="tables to run")
    parser.add_argument("--without", nargs="*", default=(), help="peers to leave out")
    given = parser.parse_args()
    tables = tables_of(given.data)
    ways = {name: way for name, way in peers(given.budget).items() if name not in given.without}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the peers' own
        for name, make in tables.items():
            if given.only is None or name in given.only:
                show(compare(name, list(make()), ways))  # a run that is stopped has said something


if __name__ == "__main__":
    main()
