"""Companies that grow: how right the probabilities are when half or more of the deals are young.

Run: python benchmarks/growing.py [--seeds N]

Simulated deals with a known truth. Customers leave with proportional hazards, a law that fitmodel's
proportional odds do not have. Columns: share of deals signed within the horizon; mean prediction
over the mean true probability; slope of the true log-odds on the predicted ones (1 is right, above
1 effects are drawn together); expected log loss above that of the truth; share of true
probabilities inside the 80% interval; and the slope and loss of three regressions on the same
deals: logistic regression to which young deals count by the company's average at their age, the
same by their own chance (EM, six rounds), and proportional hazards, the true law. They are given
the logarithm of the seats by hand. It goes on where it was stopped: each training is kept in
benchmarks/results/growing.json.

It cannot show which law real customers follow.
"""

from __future__ import annotations

import argparse
import warnings
from functools import partial

import numpy as np
import pandas as pd
from _law_tables import growing as table
from _results import FOLDER, Results
from sklearn.linear_model import LogisticRegression, PoissonRegressor

import fitmodel
from fitmodel.deals.history import view_of
from fitmodel.learning.calibration import expit
from fitmodel.learning.encoding import encode
from fitmodel.learning.learner import learn
from fitmodel.learning.stages import (
    FollowUp,
    conditional_probability,
    expand_soft_labels,
    fit_baseline,
)

END = pd.Timestamp("2026-06-30")
MONTHS, HORIZON, DAYS = 30, 5, 30.436875
LATE = (0.004, 0.018, 0.05, 0.052, 0.03)  # hazard per month: hardly anybody leaves at once
EVEN = (0.034,) * HORIZON
CASES = {  # deals, growth per month, hazard
    "2,000 deals, no growth": (2_000, 0.0, EVEN),
    "2,000 deals, 15% a month": (2_000, 0.15, EVEN),
    "2,000 deals, 30% a month, late": (2_000, 0.30, LATE),
    "5,000 deals, 30% a month": (5_000, 0.30, EVEN),
    "1,000 deals, 18% a month": (1_000, 0.18, EVEN),
    "4,000 deals, 18% a month, late": (4_000, 0.18, LATE),
    "600 deals, 15% a month": (600, 0.15, EVEN),
}
COLUMNS = ("young", "ratio", "slope", "loss", "covered")
PEERS = ("average_slope", "average_loss", "em_slope", "em_loss", "hazard_slope", "hazard_loss")
EM_ROUNDS = 6
CHANNELS = {"web": -0.55, "cold call": 0.85, "reseller": -0.25, "fair": 0.45}
SECTORS = {f"sector {number}": step for number, step in enumerate(np.linspace(-0.7, 0.7, 8))}


def spec() -> fitmodel.DealSpec:
    """Contract of the simulated deals."""
    roles = {"closed_on": "signed", "churned_on": "left", "observed_until": END.date()}
    return fitmodel.DealSpec(deals=roles, label={"horizon_months": HORIZON})


def company(
    n: int, growth: float, hazard: tuple[float, ...], seed: int
) -> tuple[pd.DataFrame, np.ndarray]:
    """Deals signed at a growing pace, and the true early-churn probability of each."""
    rng = np.random.default_rng(seed)
    share = rng.random(n)
    month = share * MONTHS
    if growth > 0:
        month = np.log1p(share * np.expm1(growth * MONTHS)) / growth
    deals = pd.DataFrame(
        {
            "channel": rng.choice(list(CHANNELS), n, p=(0.4, 0.3, 0.2, 0.1)),
            "sector": rng.choice(list(SECTORS), n),
            "seats": np.maximum(np.exp(rng.normal(3, 1, n)).round(), 1),
            "rebate": rng.choice((0.0, 10.0, 20.0, 30.0), n, p=(0.5, 0.2, 0.2, 0.1)),
            "pilot": rng.choice(("yes", "no"), n),
        }
    )
    effect = (
        deals["channel"].map(CHANNELS).to_numpy()
        + deals["sector"].map(SECTORS).to_numpy()
        - 0.5 * (np.log(deals["seats"].to_numpy()) - 3)
        + 0.03 * (deals["rebate"].to_numpy() - 10)
        + np.where(deals["pilot"] == "yes", -0.4, 0.4)
    )
    path = np.concatenate([[0.0], np.cumsum([*hazard, *[0.02] * 60])])
    stay = np.interp(rng.exponential(size=n) / np.exp(effect), path, np.arange(len(path)), right=99)
    signed = END - pd.to_timedelta(((MONTHS - month) * DAYS).round(), unit="D")
    left = signed + pd.to_timedelta(np.ceil(stay * DAYS), unit="D")
    deals = deals.assign(signed=signed, left=left.where(left <= END))
    return deals, -np.expm1(-path[HORIZON] * np.exp(effect))


def average_regression(deals: pd.DataFrame, asked: pd.DataFrame) -> np.ndarray:
    """Logistic regression in which a young deal counts by the company's average at its age."""
    matrix, new = _standardised(deals, asked)
    chance = view_of(deals, spec()).training_set().marginal_chance
    rows, outcome, share = expand_soft_labels(chance)
    model = LogisticRegression(max_iter=3_000).fit(matrix[rows], outcome, sample_weight=share)
    return expit(model.decision_function(new))


def own_chance_regression(deals: pd.DataFrame, asked: pd.DataFrame) -> np.ndarray:
    """Logistic regression that gives the young deals their own chance, in so many rounds."""
    matrix, new = _standardised(deals, asked)
    view = view_of(deals, spec())
    follow_up = FollowUp.of(view.followup_months, view.left, float(HORIZON))
    log_odds = np.zeros(len(deals))
    for _ in range(EM_ROUNDS + 1):
        chance = conditional_probability(follow_up, fit_baseline(follow_up, log_odds), log_odds)
        rows, outcome, share = expand_soft_labels(chance)
        model = LogisticRegression(max_iter=3_000).fit(matrix[rows], outcome, sample_weight=share)
        log_odds = model.decision_function(matrix)
    return expit(model.decision_function(new))


def proportional_hazards(deals: pd.DataFrame, asked: pd.DataFrame) -> np.ndarray:
    """Poisson regression with a Breslow baseline (six rounds), a plain peer."""
    matrix, new = _standardised(deals, asked)
    view = view_of(deals, spec())
    months = np.minimum(view.followup_months, HORIZON)
    event = view.left & (view.followup_months <= HORIZON)
    risk = np.zeros(len(deals))
    for _ in range(6):
        times = np.unique(months[event])
        steps = [((months == t) & event).sum() / np.exp(risk[months >= t]).sum() for t in times]
        path = np.concatenate([[0.0], np.cumsum(steps)])
        exposure = np.maximum(path[np.searchsorted(times, months, side="right")], 1e-6)
        model = PoissonRegressor(alpha=1 / len(deals), max_iter=1000)
        model.fit(matrix, event / exposure, sample_weight=exposure)
        risk = np.log(model.predict(matrix))
    return -np.expm1(-path[-1] * model.predict(new))


def _standardised(deals: pd.DataFrame, asked: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    frames = [
        pd.get_dummies(part[["channel", "sector", "pilot"]])
        .astype(float)
        .assign(seats=np.log(part["seats"]), rebate=part["rebate"])
        for part in (deals, asked)
    ]
    new = frames[1].reindex(columns=frames[0].columns, fill_value=0.0)
    mean, deviation = frames[0].mean(), frames[0].std()
    return tuple(((part - mean) / deviation).to_numpy() for part in (frames[0], new))


def measures(truth: np.ndarray, predicted: np.ndarray) -> tuple[float, float, float]:
    """Mean over true mean, slope of the true log-odds, log loss above the truth's."""
    p = np.clip(predicted, 1e-6, 1 - 1e-6)
    slope = np.polyfit(np.log(p / (1 - p)), np.log(truth / (1 - truth)), 1)[0]
    loss = truth * np.log(truth / p) + (1 - truth) * np.log((1 - truth) / (1 - p))
    return p.mean() / truth.mean(), float(slope), float(loss.mean())


def one(n: int, growth: float, hazard: tuple[float, ...], seed: int) -> list[dict[str, float]]:
    """Figures of one company."""
    deals, _ = company(n, growth, hazard, seed)
    asked, truth = company(4_000, 0.0, hazard, 10_000 + seed)
    learned = learn(deals, spec())
    attributes = view_of(asked, spec()).attributes(learned.training_set.dates).frame
    codes = encode(learned.scorecard.columns, attributes)
    low, high = learned.scorecard.interval(*learned.scorecard.scores(codes))
    covered = float(np.mean((low <= truth) & (truth <= high)))
    ours = measures(truth, learned.scorecard.probability(codes))
    peers = [
        measures(truth, way(deals, asked))[1:]
        for way in (average_regression, own_chance_regression, proportional_hazards)
    ]
    young = float((deals["signed"] > END - pd.DateOffset(months=HORIZON)).mean())
    figures = (young, *ours, covered, *(figure for peer in peers for figure in peer))
    return [{name: float(value) for name, value in zip(COLUMNS + PEERS, figures, strict=True)}]


def main(seeds: int, results: Results) -> None:
    """Learn what is not done yet, and print a row for each case."""
    for name, case in CASES.items():
        for seed in range(seeds):
            results.do(partial(one, *case, seed), case=name, seed=seed)
            print(".", end="", flush=True)
    print("\n" + table(results.rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=4)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    main(given.seeds, Results(FOLDER / "growing.json"))
