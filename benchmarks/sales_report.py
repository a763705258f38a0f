"""Measure processor seconds of the sales report by step.

Run: python benchmarks/sales_report.py 5000 20000 100000

Deals are simulated, with 12 reps in three teams, 16 attributes and dates; all sections are made and
drawn. A table of more than two samples (`fitmodel.sales._sample.SAMPLE_DEALS`) learns effects from
samples. The ratio is that of the seconds to those of the first size.
"""

from __future__ import annotations

import argparse
import time
import warnings

import fitmodel
from fitmodel.reports.sales_report import make_sales_report


def measure(deals: int, seed: int) -> dict[str, float]:
    """Processor seconds of each step of one report."""
    sim = fitmodel.simulate_deals(deals, seed=seed)
    table = fitmodel.read_deals(sim.deals, sim.spec)
    steps: dict[str, float] = {}
    last, started = "reading the history", time.process_time()

    def tell(step: str) -> None:
        nonlocal last, started
        now = time.process_time()
        steps[last] = now - started
        last, started = step, now

    make_sales_report(table, sim.spec, progress=tell)
    tell("")
    return steps


def main() -> None:
    """Print a table of steps for every size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("deals", type=int, nargs="*", default=[5_000, 20_000])
    parser.add_argument("--seed", type=int, default=3)
    asked = parser.parse_args()
    first = 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for deals in asked.deals:
            steps = measure(deals, asked.seed)
            total = sum(steps.values())
            first = first or total
            print(f"{deals:,} deals: {total:.1f} s, {total / first:.2f} times the first size")
            for step, seconds in steps.items():
                print(f"  {seconds:6.1f} s  {step}")


if __name__ == "__main__":
    main()
