"""What scheduled retraining gains where customers change, and costs where they do not.

Run: python benchmarks/retraining.py [--companies N] [--promote RULE]

A company trains after 24 months, and runs `fitmodel retrain` every three months for two years. Each
quarter's prospects are predicted by the first model, by the champion, and by the newest model,
whether it was promoted or not. Loss: expected log loss above that of the true probability, x 1,000.

With three companies of each change, it cannot show differences of a few units.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

import fitmodel
from fitmodel.retraining import retrain
from fitmodel.tracking.promotion import follow_champion, promote

Change = Callable[[np.ndarray, pd.DataFrame], np.ndarray]
NAME = "prospect-fit"
START, MONTH = pd.Timestamp("2022-01-01"), 30
FIRST, LAST, EVERY, CHANGED = 24, 48, 3, 30
INDUSTRY = {"retail": 0.4, "software": -0.4, "health": 0.0, "public": -0.6}
CHANGES: dict[str, Change] = {
    "nothing changes": lambda _month, deals: np.zeros(len(deals)),
    "1.8 times the rate from month 30": lambda month, _deals: np.log(1.8) * (month >= CHANGED),
    "half the rate from month 30": lambda month, _deals: -np.log(2.0) * (month >= CHANGED),
    "the rate doubles from month 24 to 48": lambda month, _deals: (
        np.log(2.0) * np.clip((month - FIRST) / FIRST, 0, 1)
    ),
    "software turns bad in month 30": lambda month, deals: (
        1.2 * ((month >= CHANGED) & (deals["industry"] == "software").to_numpy())
    ),
}


def company(change: Change, seed: int, per_month: int = 90) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the deals of 48 months with their dates of leaving, and the true probabilities."""
    random = np.random.default_rng(seed)
    month = np.repeat(np.arange(LAST + EVERY), per_month)
    count = len(month)
    day = month * MONTH + random.integers(MONTH, size=count)
    deals = pd.DataFrame(
        {
            "signed": START + pd.to_timedelta(day, "D"),
            "employees": np.exp(random.normal(3.3, 1.1, count)).round(),
            "trial_days": random.poisson(6, count),
            "industry": random.choice(list(INDUSTRY), count),
        }
    )
    log_hazard = (
        -1.5
        + deals["industry"].map(INDUSTRY).to_numpy(dtype=float)
        + 0.6 * (deals["employees"].to_numpy() < 12)
        - 0.09 * (deals["trial_days"].to_numpy() - 6)
        + change(month, deals)
    )
    true = -np.expm1(-np.exp(log_hazard))
    early = random.uniform(size=count) < true
    days = np.where(early, random.uniform(0, 152, count), random.uniform(155, 1500, count))
    return deals.assign(left=deals["signed"] + pd.to_timedelta(days.astype(int), "D")), true


def extract(deals: pd.DataFrame, month: int, rule: str) -> tuple[pd.DataFrame, fitmodel.DealSpec]:
    """Return the table as extracted after some months, and its contract."""
    end = START + pd.Timedelta(days=MONTH * month)
    table = deals[deals["signed"] <= end]
    table = table.assign(left=table["left"].where(table["left"] <= end))
    roles = {"closed_on": "signed", "churned_on": "left", "observed_until": end.date()}
    store = {"uri": f"sqlite:///{Path.cwd()}/mlflow.db", "promote": rule}
    return table, fitmodel.DealSpec(deals=roles, label={"horizon_months": 5}, tracking=store)


def loss(true: np.ndarray, predicted: np.ndarray) -> float:
    """Return the expected log loss above that of the true probabilities, x 1,000."""
    gone = true * np.log(true / predicted)
    return float(1000 * np.mean(gone + (1 - true) * np.log((1 - true) / (1 - predicted))))


def replay(change: Change, seed: int, rule: str) -> pd.DataFrame:
    """Return one row per quarter: losses of the three models, and whether one was promoted."""
    deals, true = company(change, seed)
    rows, first, newest = [], None, None
    for month in range(FIRST, LAST + 1, EVERY):
        table, spec = extract(deals, month, rule)
        result = retrain(table, spec, models="models")
        if result.outcome == "no champion":  # skill is not shown yet; here a model is needed
            promote(NAME, force=True, reason="benchmark", store=spec.tracking.uri)
            follow_champion("models", NAME, spec.tracking.uri)
        newest = newest if result.run is None else result.run.model
        champion = fitmodel.load(f"models/{NAME}")
        first = champion if first is None else first
        days = (deals["signed"] - START).dt.days
        ahead = ((days > MONTH * month) & (days <= MONTH * (month + EVERY))).to_numpy()
        predicted = [
            model.predict(deals[ahead].drop(columns="left"), reasons=0)["early_churn_probability"]
            for model in (first, champion, newest)
        ]
        losses = [loss(true[ahead], values.to_numpy()) for values in predicted]
        ratio = float(predicted[1].mean() / true[ahead].mean())
        rows.append((month, *losses, ratio, result.outcome == "promoted"))
    return pd.DataFrame(rows, columns=["month", "first", "champion", "newest", "ratio", "promoted"])


def main(companies: int, rule: str) -> None:
    """Print, for each change, the mean losses after it, and when a model was first promoted."""
    print("| customers | first model | champion | newest model | promotions | first promotion |")
    print("|---|---|---|---|---|---|")
    for name, change in CHANGES.items():
        replays = []
        for seed in range(1, companies + 1):
            with tempfile.TemporaryDirectory() as folder:
                os.chdir(folder)
                replays.append(replay(change, seed, rule))
                os.chdir("/")
            print(f"{name}, company {seed}: done", file=sys.stderr, flush=True)
        later = [each[each["month"] > CHANGED] for each in replays]
        means = pd.concat(later)[["first", "champion", "newest"]].mean()
        promoted = [
            each.loc[each["promoted"] & (each["month"] > FIRST), "month"] for each in replays
        ]
        firsts = [f"{months.min():.0f}" if len(months) else "never" for months in promoted]
        cells = [*(f"{value:.1f}" for value in means), f"{np.mean([*map(len, promoted)]):.1f}"]
        print(f"| {name} | {' | '.join(cells)} | {', '.join(firsts)} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--companies", type=int, default=3, help="of each change")
    parser.add_argument("--promote", default="if better", help="the contract's [tracking] promote")
    chosen = parser.parse_args()
    main(chosen.companies, chosen.promote)
