"""Whom the rep table marks where reps sell segments of their own.

Run: python benchmarks/own_segments.py [--pages N] [--deals N]

Companies whose reps sell 80% or 95% of a segment each, or who all sell everything. Reps are equal,
or R02's customers leave three times as often. Printed are the share of pages of equal reps that
mark anybody as beyond chance, the share of pages that mark R02, and of those whose verdict names
R02, each with its standard error. The other reps show little of what to expect in a segment.

All companies are simulated: it cannot show what real reps sell.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
import pandas as pd

from fitmodel import DealSpec
from fitmodel.deals.history import view_of
from fitmodel.sales.rep_performance import compute_expected, compute_rep_performance

END, DAYS, HORIZON = np.datetime64("2026-06-30"), 30.4375, 5
SPEC = DealSpec(
    deals={"id": "deal", "closed_on": "closed_on", "churned_on": "churned_on", "rep": "rep",
           "observed_until": str(END)},
    label={"horizon_months": HORIZON},
    attributes={"include": ["segment", "seats"]},
    learning={"components": ("logistic",), "penalties": (1.0, 3.0, 10.0), "folds": 3},
)  # fmt: skip
LOG_HAZARD = np.array([-0.6, -0.2, 0.1, 0.5, 0.9, 1.2])
SHARES = np.array([0.3, 0.2, 0.2, 0.1, 0.1, 0.1])
LAWS = {
    "each sells 80% of a segment": 0.8,
    "each sells 95% of a segment": 0.95,
    "all sell all": 0.0,
}


def company(law: str, seed: int, times: float, deals: int) -> pd.DataFrame:
    """Deals of a company; R02's customers leave `times` as often as those of the others."""
    random = np.random.default_rng([seed, deals, list(LAWS).index(law), int(times)])
    segment = random.choice(6, deals, p=SHARES)
    share = np.exp(random.normal(0, 0.5, 12))
    anybody = random.choice(12, deals, p=share / share.sum()) if law == "all sell all" else None
    others = random.integers(0, 8, deals) if anybody is None else anybody
    rep = np.where(random.random(deals) < LAWS[law], segment, others)
    seats = np.exp(random.normal(3, 1, deals)).round() + 1
    hazard = np.exp(-1.8 + LOG_HAZARD[segment] - 0.3 * (np.log(seats) - 3)) / HORIZON
    stayed = random.exponential(1 / (hazard * np.where(rep == 2, times, 1.0)))
    closed = END - random.integers(1, 1_095, deals).astype("timedelta64[D]")
    left = closed + np.ceil(stayed * DAYS).astype("timedelta64[D]")
    return pd.DataFrame(
        {
            "deal": np.arange(deals),
            "rep": [f"R{number:02d}" for number in rep],
            "segment": np.array(list("abcdef"))[segment],
            "seats": seats,
            "closed_on": closed.astype("datetime64[us]"),
            "churned_on": pd.Series(left.astype("datetime64[us]")).where(left <= END),
        }
    )


def page(law: str, seed: int, times: float, deals: int) -> dict[str, bool]:
    """What the rep table of one company says."""
    view = view_of(company(law, seed, times, deals), SPEC)
    made = compute_expected(view, SPEC)
    reps = compute_rep_performance(
        view, SPEC, made.probability, over_reps=made.over["rep"], draws=made.draws["rep"]
    ).reps
    if times == 1:
        return {"equal, anybody marked": bool((reps["beyond_chance"] != "").any())}
    named = reps.loc["R02", "verdict"] in {"more", "inseparable_more"}
    return {"R02 marked": reps.loc["R02", "beyond_chance"] == "more", "R02 named": bool(named)}


def main() -> None:
    """Print a row per law."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=60)
    parser.add_argument("--deals", type=int, default=1_000)
    given = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for law in LAWS:
            pages = [
                page(law, at, 1.0, given.deals) | page(law, at, 3.0, given.deals)
                for at in range(given.pages)
            ]
            share = pd.DataFrame(pages).mean()
            error = np.sqrt(share * (1 - share) / given.pages)
            figures = (f"{name} {share[name]:.0%} ({error[name]:.0%})" for name in share.index)
            print(f"{law:28}", *figures, flush=True)


if __name__ == "__main__":
    main()
