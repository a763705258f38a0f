"""Companies whose hazard of leaving changes: how right the shipped probabilities and intervals are.

Run: python benchmarks/drifting.py [--companies N] [--only LAW ...]

Simulated deals over three years with a known truth. The hazard of all customers is multiplied by a
factor that changes from month to month; a deal that is signed at the end of the extract leaves by
the factors of the five months after it. Columns: mean prediction over the mean true probability;
expected log loss above that of the truth; share of true probabilities inside the 80% interval; mean
width of the interval; share of companies in which a level is applied. It goes on where it was
stopped: each training is kept in benchmarks/results/drifting.json.

It cannot show how often, or how suddenly, the rate of a real company changes.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from _law_tables import drifting
from _results import FOLDER, Results
from growing import measures

import fitmodel
from fitmodel.deals.history import view_of
from fitmodel.learning.calibration import expit
from fitmodel.learning.encoding import encode
from fitmodel.learning.learner import learn

END = pd.Timestamp("2026-06-30")
MONTHS, HORIZON, DAYS = 36, 5, 30.436875
GROWTH = 0.05  # per month, of the deals of the growing companies
SIZES = (300, 700, 2_250)
ASKED = 4_000
COLUMNS = ("ratio", "slope", "loss", "covered", "width", "applied")
SEGMENTS = {"small": 0.5, "medium": 0.0, "large": -0.6}
SOURCES = {"web": 0.4, "fair": 0.0, "partner": -0.3, "call": 0.0}
Law = Callable[[np.random.Generator, np.ndarray], np.ndarray]


def walk(random: np.random.Generator, month: np.ndarray) -> np.ndarray:
    """A random walk with steps of 8% a month."""
    return random.normal(0, 0.08, len(month)).cumsum()


def differ(random: np.random.Generator, month: np.ndarray) -> np.ndarray:
    """Every month differs from the others, by 15%."""
    return random.normal(0, 0.15, len(month))


LAWS: dict[str, Law] = {  # logarithm of the factor, by months after the end
    "never changes": lambda _, month: np.zeros(len(month)),
    "months differ by 15%": differ,
    "1.5 times for 12 months": lambda _, month: np.log(1.5) * (month >= -12),
    "0.6 times for 18 months": lambda _, month: np.log(0.6) * (month >= -18),
    "doubles steadily": lambda _, month: np.log(2.0) * (month + MONTHS) / MONTHS,
    "falls steadily to half": lambda _, month: -np.log(2.0) * (month + MONTHS) / MONTHS,
    "random walk": walk,
}
CASES = [
    *[(law, n, 0.0) for law in LAWS for n in SIZES],
    *[(law, 700, GROWTH) for law in ("never changes", "doubles steadily")],
    *[(law, 2_250, GROWTH) for law in ("never changes", "doubles steadily")],
]


def spec() -> fitmodel.DealSpec:
    """Contract of the simulated deals."""
    roles = {"closed_on": "signed", "churned_on": "left", "observed_until": END.date()}
    return fitmodel.DealSpec(deals=roles, label={"horizon_months": HORIZON})


def attributes(n: int, random: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """Attributes of deals, and their cumulative hazard in five months at a factor of 1."""
    deals = pd.DataFrame(
        {
            "seats": np.exp(random.normal(3, 1, n)).round().clip(1),
            "segment": random.choice(list(SEGMENTS), n, p=(0.5, 0.3, 0.2)),
            "source": random.choice(list(SOURCES), n),
            "discount": random.choice((0.0, 0.05, 0.1, 0.2), n),
        }
    )
    log_odds = (
        -2.6
        - 0.5 * (np.log(deals["seats"].to_numpy()) - 3)
        + deals["segment"].map(SEGMENTS).to_numpy()
        + deals["source"].map(SOURCES).to_numpy()
        + 3 * deals["discount"].to_numpy()
    )
    return deals, -np.log1p(-expit(log_odds))


def company(law: str, n: int, growth: float, seed: int) -> tuple[pd.DataFrame, float]:
    """Past deals, and the mean factor of the months in which a new deal is followed."""
    random = np.random.default_rng(seed)
    factor = np.exp(LAWS[law](random, np.arange(-MONTHS, HORIZON)))
    deals, hazard = attributes(n, random)
    share = random.random(n)
    signed = share * MONTHS
    if growth > 0:
        signed = np.log1p(share * np.expm1(growth * MONTHS)) / growth
    path = np.concatenate([[0.0], factor[:MONTHS].cumsum()])  # by months after the first deal
    months = np.arange(MONTHS + 1.0)
    reached = np.interp(signed, months, path) + random.exponential(size=n) * HORIZON / hazard
    stay = np.interp(reached, path, months, right=np.inf) - signed
    day = END - pd.to_timedelta(((MONTHS - signed) * DAYS).round(), unit="D")
    is_left = np.isfinite(stay)
    left = day + pd.to_timedelta(np.ceil(np.where(is_left, stay, 0.0) * DAYS), unit="D")
    left = pd.Series(left).where(is_left)
    return deals.assign(signed=day, left=left.where(left <= END)), float(factor[MONTHS:].mean())


def one(law: str, n: int, growth: float, seed: int) -> list[dict[str, float]]:
    """Figures of one company."""
    deals, factor = company(law, n, growth, seed)
    asked, hazard = attributes(ASKED, np.random.default_rng(9_000 + seed))
    truth = -np.expm1(-hazard * factor)
    learned = learn(deals, spec())
    frame = view_of(asked.assign(signed=END, left=pd.NaT), spec())
    codes = encode(learned.scorecard.columns, frame.attributes(learned.training_set.dates).frame)
    low, high = learned.scorecard.interval(*learned.scorecard.scores(codes))
    figures = (
        *measures(truth, learned.scorecard.probability(codes)),
        np.mean((low <= truth) & (truth <= high)),
        np.mean(high - low),
        learned.level.is_applied,
    )
    return [{name: float(value) for name, value in zip(COLUMNS, figures, strict=True)}]


def main(companies: int, only: list[str] | None, results: Results) -> None:
    """Learn what is not done yet, and print a row for each law and size."""
    for law, n, growth in CASES:
        if only is not None and law not in only:
            continue
        for seed in range(companies):
            results.do(partial(one, law, n, growth, seed), law=law, n=n, growth=growth, seed=seed)
            print(".", end="", flush=True)
    print("\n" + drifting(results.rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--companies", type=int, default=10, help="of each law and size")
    parser.add_argument("--only", nargs="*", default=None, help="laws")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    main(given.companies, given.only, Results(FOLDER / "drifting.json"))
