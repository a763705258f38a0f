"""Situations in which probabilities went wrong once: changing rates, timing, noise, long horizons.

Run: python benchmarks/situations.py [--data FOLDER] [--only NAME ...]

Laws of this file, and the real us_lapse where its folder is given. Each situation is learned once
and its figures are printed; it goes on where it was stopped: benchmarks/results/situations.json.

swinging: 15,000 contracts over eight years whose hazard of leaving swings by a factor of four, at
18 and 24 months, with attributes that tell and with attributes that say nothing. timing: monthly
contracts beside yearly ones, which cannot be left before the renewal. laws: the mean prediction
over the deals learned from against their Kaplan-Meier rate at the level's factor. noise: attributes
say nothing. intervals: coverage at other horizons. us_lapse: evaluated out of time at 12, 18 and 24
months.

Each was a fault that was mended, so it shows that faults stay away; it cannot show how another
situation goes, nor, with one training of each, chance.
"""

from __future__ import annotations

import argparse
import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from _results import FOLDER, Results
from growing import EVEN
from growing import company as growing_company
from growing import spec as spec_of_growing
from quality import lapse_spec

import fitmodel
from fitmodel.deals.history import view_of
from fitmodel.decision.shipped import predict_held_out
from fitmodel.evaluation.metrics import compute_metrics, describe_skill, shows_skill
from fitmodel.evaluation.out_of_time import evaluate
from fitmodel.learning.curve_fitting import learned_curve
from fitmodel.learning.encoding import column_codes, encode
from fitmodel.learning.learner import fit_estimator, learn
from fitmodel.learning.level import scale_hazard
from fitmodel.learning.settings import Choice, LearnerOptions, Settings
from fitmodel.learning.stages import follow_up_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from fitmodel.deals.history import HistoryView

END = pd.Timestamp("2026-03-31")
DAYS = 30.436875
YEARS = 8
SWING = 0.7  # log of the hazard's swing around its mean
ROLES = {"closed_on": "signed", "churned_on": "left", "observed_until": END.date()}
AREAS = {f"area {number}": step for number, step in enumerate(np.linspace(-0.5, 0.5, 6))}
Row = dict[str, Any]


def spec(horizon: int) -> fitmodel.DealSpec:
    """Contract of the simulated deals."""
    return fitmodel.DealSpec(deals=ROLES, label={"horizon_months": horizon})


def swinging(n: int, strength: float, seed: int) -> pd.DataFrame:
    """Contracts of eight years; the company's hazard swings with a period of three and a half."""
    rng = np.random.default_rng(seed)
    signed = rng.random(n) * YEARS * 12
    deals = pd.DataFrame(
        {
            "area": rng.choice(list(AREAS), n),
            "fee": np.exp(rng.normal(6, 0.8, n)).round(),
            "age": rng.integers(20, 75, n).astype(float),
            "paper": rng.choice(("yes", "no"), n, p=(0.3, 0.7)),
        }
    )
    effect = (
        deals["area"].map(AREAS).to_numpy()
        + 0.35 * (np.log(deals["fee"].to_numpy()) - 6)
        - 0.02 * (deals["age"].to_numpy() - 47)
        + np.where(deals["paper"] == "yes", 0.3, -0.1)
    )
    left = np.full(n, np.inf)
    for month in range(YEARS * 12):  # who is still there leaves by the hazard of that month
        hazard = 0.012 * np.exp(strength * effect + SWING * np.sin(month * 2 * np.pi / 42))
        there = (signed < month) & np.isinf(left)
        left[there & (rng.random(n) < -np.expm1(-hazard))] = month + 1.0
    day = END - pd.to_timedelta(YEARS * 12 * DAYS, unit="D")
    gone = day + pd.to_timedelta(np.minimum(left, 999.0) * DAYS, unit="D").round("D")
    return deals.assign(
        signed=day + pd.to_timedelta(signed * DAYS, unit="D").round("D"),
        left=pd.Series(gone).where(gone <= END),
    )


def timing(n: int, seed: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Monthly and yearly contracts: the latter leave at the renewal or later, not before.

    Also the month in which each would leave, were it watched for ever, and the term.
    """
    rng = np.random.default_rng(seed)
    yearly = rng.random(n) < 0.5
    seats = np.exp(rng.normal(3, 1, n)).round().clip(1)
    risk = np.exp(-0.5 * (np.log(seats) - 3))
    monthly_stay = rng.exponential(size=n) / (0.03 * risk)
    renewal = 12.0 + np.where(rng.random(n) < -np.expm1(-0.5 * risk), 0.0, 30.0)
    stay = np.minimum(np.where(yearly, renewal + rng.random(n) * 0.5, monthly_stay), 999.0)
    growth = np.log1p(rng.random(n) * np.expm1(0.06 * 36)) / 0.06  # 6% more each month
    signed = END - pd.to_timedelta(((36 - growth) * DAYS).round(), unit="D")
    left = signed + pd.to_timedelta(np.ceil(stay * DAYS), unit="D")
    term = np.where(yearly, "yearly", "monthly")
    deals = pd.DataFrame({"term": term, "seats": seats, "signed": signed})
    return deals.assign(left=left.where(left <= END)), stay, term


def evaluation_rows(deals: pd.DataFrame | HistoryView, contract: fitmodel.DealSpec) -> list[Row]:
    """Figures of an evaluation: log losses of the model, its level alone and the black box."""
    evaluation = evaluate(deals, contract)
    table = evaluation.table
    metrics = compute_metrics(
        table["early_churn"],
        table["probability"],
        weight=table["weight"],
        base_rate=table["base_rate"].to_numpy(),
        seed=0,
    )
    view = view_of(deals, contract)
    if evaluation.split_date is not None:  # rate of the same deals as they were known then
        view = view.as_of(evaluation.split_date).signed_before(evaluation.split_date)
    weight = table["weight"].to_numpy()
    outcome = float(np.average(table["early_churn"], weights=weight))
    rate = follow_up_of(view.training_set()).rate
    return [
        {
            "method": evaluation.method,
            "notes": list(evaluation.notes),
            "deals": len(table),
            "log_loss": metrics["log_loss"].value,
            "of_long_run_rate": -float(outcome * np.log(rate) + (1 - outcome) * np.log(1 - rate)),
            "of_level_alone": metrics["log_loss"].base,
            "black_box": mean_loss(table, "black_box"),
            "auc": metrics["roc_auc"].value,
            "over_outcome": float(np.average(table["probability"], weights=weight)) / outcome,
            "skill": shows_skill(metrics),
            "verdict": describe_skill(metrics),
        }
    ]


def mean_loss(table: pd.DataFrame, name: str) -> float:
    """Log loss of one column of predictions."""
    p = np.clip(table[name].to_numpy(dtype=float), 1e-9, 1 - 1e-9)
    y = table["early_churn"].to_numpy(dtype=float)
    return float(np.average(-(y * np.log(p) + (1 - y) * np.log(1 - p)), weights=table["weight"]))


def timing_learned(n: int, seed: int) -> list[Row]:
    """Share that leaves by some months, by term: predicted for new customers, and true."""
    deals, _, _ = timing(n, seed)
    new, stay, term = timing(20_000, 1_000 + seed)
    contract = spec(14)
    learned = learn(deals, contract)
    curve = learned_curve(learned, predict_held_out(learned, contract))
    frame = view_of(new, contract).attributes(learned.training_set.dates).frame
    probability = learned.estimator.predict_proba(frame)[:, 1]
    stratum, chosen = None, learned.choice.settings.timing
    if chosen is not None:
        position = learned.scorecard.attributes.index(chosen)
        stratum = curve.strata[column_codes(learned.scorecard.columns[position], frame[chosen])[0]]
    months = (3, 6, 11, 14)
    left = curve.left_by(probability, months, stratum)
    return [
        {
            "attribute": chosen or "",
            "of": kind,
            "month": month,
            "predicted": float(left[term == kind, at].mean()),
            "true": float((stay[term == kind] <= month).mean()),
        }
        for kind in ("monthly", "yearly")
        for at, month in enumerate(months)
    ]


def intervals(n: int, seed: int) -> list[Row]:
    """Share of true probabilities inside the 80% interval, at other horizons than the own one."""
    deals, _ = growing_company(n, 0.0, EVEN, seed)
    asked, truth = growing_company(4_000, 0.0, EVEN, 10_000 + seed)
    contract = spec_of_growing()
    learned = learn(deals, contract)
    curve = learned_curve(learned, predict_held_out(learned, contract))
    card = learned.scorecard
    frame = view_of(asked, contract).attributes(learned.training_set.dates).frame
    codes = encode(card.columns, frame)
    p, bounds = card.probability(codes), card.interval(*card.scores(codes))
    low, high = curve.interval_by(p, *bounds, range(1, curve.months + 1))
    path = np.cumsum([*EVEN, *[0.02] * 60])  # cumulative hazard of growing.py
    risk = -np.log1p(-truth) / path[len(EVEN) - 1]
    return [
        {
            "month": month,
            "predicted": float(curve.left_by(p, (month,))[:, 0].mean()),
            "true": float(true.mean()),
            "covered": float(np.mean((low[:, month - 1] <= true) & (true <= high[:, month - 1]))),
        }
        for month in (2, 3, 5, 12, 18)
        for true in [-np.expm1(-path[month - 1] * risk)]
    ]


def mean_law(deals: pd.DataFrame, contract: fitmodel.DealSpec) -> list[Row]:
    """Mean prediction over the deals learned from, against Kaplan-Meier at the level's factor."""
    view = view_of(deals, contract)
    known = view.training_set()
    options = LearnerOptions.from_spec(contract, known.dates)
    choice = Choice(Settings(penalty=3.0), pd.DataFrame())
    fitted = fit_estimator(known, choice, options, replicates=2, end=view.extract_end)
    weight, factor = follow_up_of(known).weight, fitted.level_.factor
    mean = float(np.average(fitted.predict_proba(known.attributes)[:, 1], weights=weight))
    rate = follow_up_of(known).rate
    return [
        {
            "factor": factor,
            "kaplan_meier": rate,
            "mean": mean,
            "over_kaplan_meier": mean / rate,
            "over_raised": mean / float(scale_hazard(np.array([rate]), factor)[0]),
        }
    ]


def us_lapse(data: Path, horizon: int) -> list[Row]:
    """The real table, judged out of time."""
    contract = lapse_spec(horizon)
    return evaluation_rows(fitmodel.read_deals(data / "us_lapse" / "deals.csv", contract), contract)


def situations(data: Path | None) -> dict[str, Callable[[], list[Row]]]:
    """What is tried, by name."""
    made: dict[str, Callable[[], list[Row]]] = {}
    for months in (18, 24):
        for name, strength in (("tell", 1.0), ("say nothing", 0.0)):
            deals = partial(swinging, 15_000, strength, 1)
            made[f"swinging, {months} months, attributes {name}"] = lambda d=deals, m=months: (
                evaluation_rows(d(), spec(m))
            )
    made["timing, 3,000 deals"] = partial(timing_learned, 3_000, 1)
    made["laws: swinging, 18 months"] = lambda: mean_law(swinging(6_000, 1.0, 2), spec(18))
    made["laws: growing, 5 months"] = lambda: mean_law(
        growing_company(2_000, 0.15, EVEN, 9)[0], spec_of_growing()
    )
    made["laws: timing, 14 months"] = lambda: mean_law(timing(2_000, 2)[0], spec(14))
    made["noise, 2,000 deals"] = lambda: evaluation_rows(swinging(2_000, 0.0, 5), spec(12))
    for number in range(3):
        made[f"intervals, 1,000 deals, company {number}"] = partial(intervals, 1_000, number)
    made["24 months of 36"] = lambda: evaluation_rows(timing(4_000, 3)[0], spec(24))
    if data is not None:
        made |= {f"us_lapse, {m} months": partial(us_lapse, data, m) for m in (12, 18, 24)}
    return made


def show(name: str, rows: list[Row]) -> None:
    """Print the figures of a situation."""
    hidden = {"situation", "date"}
    for row in rows:
        cells = [
            f"{key} {value:.4f}" if isinstance(value, float) else f"{key} {value}"
            for key, value in row.items()
            if key not in hidden
        ]
        print(f"{name}: {', '.join(cells)}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=None, help="folder of the real tables")
    parser.add_argument("--only", nargs="*", default=None, help="beginnings of names")
    parser.add_argument("--results", type=Path, default=FOLDER / "situations.json")
    given = parser.parse_args()
    results = Results(given.results)
    warnings.simplefilter("ignore")
    for title, work in situations(given.data).items():
        if given.only is None or title.startswith(tuple(given.only)):
            show(title, results.do(work, situation=title))
