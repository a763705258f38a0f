"""Small companies: what a provisional model of 15, 30 and 49 early churners is worth.

Run: python benchmarks/small.py [--only coverage others noise skill prior fresh] [--trials N]

Coverage: the share of new prospects whose true probability lies in the 80% interval. The width of
the interval (its misfit and spread) was set after some trainings on the four laws of this file had
been seen; "others" are laws of another form, on which nothing of the provisional model was set.
Loss: expected log loss of new prospects, under their true probabilities, against the company's rate
as the same deals show it.
Noise: how often skill is claimed where attributes say nothing; skill: where they do. Prior: log
loss of 25 early churners that start from a parent of 1,000 deals, which is alike, or of which every
other attribute, or every one, says the opposite. "fresh" is all of this on laws on which nothing in
fitmodel was chosen; there the parents are models of other companies, and noise has the attributes
of the law without their effects. It goes on where it was stopped: benchmarks/results/small.json.

It cannot show which of the laws a real small company follows.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import replace
from functools import cache, partial
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from _other_laws import OTHER_LAWS, company
from _other_laws import spec as spec_of_others
from _results import FOLDER, Results

import fitmodel
from fitmodel.deals.history import view_of
from fitmodel.evaluation import out_of_time
from fitmodel.evaluation.metrics import compute_metrics, shows_skill
from fitmodel.learning.encoding import encode
from fitmodel.learning.learner import learn
from fitmodel.learning.parents import Parent

CHURNERS = (15, 30, 49)
MAX_ASSOCIATION = 0.05  # as of `fitmodel.evaluation.report.TrainingReport`
LAWS = {
    "6 attributes, 10% leave": {"n_attributes": 6, "company": 11, "base_rate": 0.10},
    "12 attributes, 40% leave": {"n_attributes": 12, "company": 12, "base_rate": 0.40},
    "20 attributes, strong": {"n_attributes": 20, "company": 13, "base_rate": 0.25, "signal": 1.3},
    "9 attributes, weak": {"n_attributes": 9, "company": 16, "base_rate": 0.22, "signal": 0.4},
}
FRESH = ("many levels", "few causes")
NEW = 1_000
KNOWN = 0.87  # share of simulated deals whose outcome is known


def deals_of(law: dict, churners: int, seed: int, **more: object) -> fitmodel.Simulation:
    """Deals of a company with about so many early churners."""
    n = round(churners / law["base_rate"] / KNOWN)
    return fitmodel.simulate_deals(n, seed=seed, rep_effects=False, **law, **more)


def expected_loss(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Log loss of probabilities, expected under the truth."""
    return float(-np.mean(truth * np.log(predicted) + (1 - truth) * np.log(1 - predicted)))


def coverage(law: dict, churners: int, seed: int) -> list[dict[str, float]]:
    """Coverage, width and loss of one training, on new prospects."""
    past = deals_of(law, churners, seed)
    new = fitmodel.simulate_deals(NEW, seed=99, rep_effects=False, **law)
    truth = new.true_probability.reindex(new.deals.index).to_numpy()
    return covered(past.deals, past.spec, new.deals, truth)


def coverage_of_other(law: str, churners: int, seed: int) -> list[dict[str, float]]:
    """The same on a law of another form."""
    rate = company(law, 20_000, 0)[1].mean()
    past, _ = company(law, round(churners / rate / KNOWN), seed)
    return covered(past, spec_of_others(), *company(law, NEW, 99))


def covered(
    past: pd.DataFrame, spec: fitmodel.DealSpec, new: pd.DataFrame, truth: np.ndarray
) -> list[dict[str, float]]:
    """Train on past deals; hold the intervals of new ones against their true probabilities."""
    learned = learn(past, spec, min_churners=8, regime="provisional")
    frame = view_of(new, spec).attributes(learned.training_set.dates).frame
    scorecard = learned.scorecard
    codes = encode(scorecard.columns, frame)
    low, high = scorecard.interval(*scorecard.scores(codes))
    level = np.full(len(truth), scorecard.base_rate)
    gained = expected_loss(truth, level) - expected_loss(truth, scorecard.probability(codes))
    return [
        {
            "covered": float(np.mean((low <= truth) & (truth <= high))),
            "width": float(np.mean(high - low)),
            "gained": gained,
            "possible": expected_loss(truth, level) - expected_loss(truth, truth),
        }
    ]


def claim(law: dict, churners: int, seed: int, signal: float) -> list[dict[str, float]]:
    """Whether skill is claimed for one company."""
    sim = deals_of(law | {"signal": signal}, churners, seed, rep_selection=False)
    return claimed(sim.deals, sim.spec, seed)


def claim_of_noise(law: str, churners: int, seed: int) -> list[dict[str, float]]:
    """The same for deals of another law, whose attributes are those of other customers."""
    rate = company(law, 20_000, 0)[1].mean()
    past, _ = company(law, round(churners / rate / KNOWN), seed)
    names = [name for name in past.columns if name not in {"signed", "left"}]
    order = np.random.default_rng(seed + 7_000).permutation(len(past))
    past[names] = past[names].iloc[order].to_numpy()
    return claimed(past, spec_of_others(), seed)


def claimed(deals: pd.DataFrame, spec: fitmodel.DealSpec, seed: int) -> list[dict[str, float]]:
    """Evaluate a company as `train` does, and say whether skill is claimed."""
    view = view_of(fitmodel.read_deals(deals, spec), spec)
    table = out_of_time.evaluate(view, spec).table
    metrics = compute_metrics(
        table["early_churn"],
        table["probability"],
        weight=table["weight"],
        base_rate=table["base_rate"].to_numpy(),
        seed=seed,
    )
    association = learn(view, spec, replicates=2).choice.association
    by_chance = association is not None and association > MAX_ASSOCIATION
    return [{"claimed": float(shows_skill(metrics) and not by_chance)}]


def prior(kind: str, seed: int) -> list[dict[str, float]]:
    """Log loss and learned weight of one training that starts from a parent, or from none."""
    law = LAWS["20 attributes, strong"]
    past = deals_of(law, 25, seed)
    new = fitmodel.simulate_deals(NEW, seed=99, rep_effects=False, **law)
    spec = past.spec
    if kind != "none":
        learning = spec.learning.with_parent(parent_of("20 attributes, strong", kind))
        spec = spec.model_copy(update={"learning": learning})
    learned = learn(past.deals, spec, min_churners=8, regime="provisional")
    frame = view_of(new.deals, new.spec).attributes(learned.training_set.dates).frame
    truth = new.true_probability.loc[frame.index].to_numpy()
    predicted = learned.scorecard.probability(encode(learned.scorecard.columns, frame))
    weight = learned.choice.settings.prior_weight
    return [{"loss": expected_loss(truth, predicted), "weight": 0.0 if weight is None else weight}]


def prior_of_other(kind: str, seed: int) -> list[dict[str, float]]:
    """The same on a law of another form; the parent is the model of another company."""
    rate = company("many levels", 20_000, 0)[1].mean()
    past, _ = company("many levels", round(25 / rate / KNOWN), seed)
    new, truth = company("many levels", NEW, 99)
    spec = spec_of_others()
    if kind != "none":
        spec = spec.model_copy(
            update={"learning": spec.learning.with_parent(parent_company(COMPANIES[kind]))}
        )
    learned = learn(past, spec, min_churners=8, regime="provisional")
    frame = view_of(new, spec).attributes(learned.training_set.dates).frame
    predicted = learned.scorecard.probability(encode(learned.scorecard.columns, frame))
    weight = learned.choice.settings.prior_weight
    return [{"loss": expected_loss(truth, predicted), "weight": 0.0 if weight is None else weight}]


COMPANIES = {"alike": "many levels", "half": "half turned", "opposite": "all turned"}


@cache
def parent_company(law: str) -> Parent:
    """What 1,000 deals of a company teach."""
    deals, _ = company(law, 1_000, 500)
    quick = {"components": ("logistic",), "replicates": 6}
    return Parent.of_scorecard(learn(deals, spec_of_others().replace(learning=quick)).scorecard)


@cache
def parent_of(law_name: str, kind: str) -> Parent:
    """Contributions of a parent, some of them turned round."""
    big = fitmodel.simulate_deals(1_000, seed=500, rep_effects=False, **LAWS[law_name])
    quick = {"components": ("logistic",), "replicates": 6}
    scorecard = learn(big.deals, big.spec.replace(learning=quick)).scorecard
    tables = scorecard.tables.copy()
    step = {"alike": len(scorecard.columns), "half": 2, "opposite": 1}[kind]
    for position in range(0, len(scorecard.columns), step):
        start = scorecard.offsets[position]
        end = start + scorecard.columns[position].size + 2
        tables[start:end] *= 1 if kind == "alike" else -1
    return Parent.of_scorecard(replace(scorecard, tables=tables))


def show_prior(results: Results, trials: int, *, fresh: bool = False) -> None:
    """Print the log loss with parents of three kinds against that without one."""
    part, work = ("fresh prior", prior_of_other) if fresh else ("prior", prior)
    losses, weights = {}, {}
    for kind in ("none", "alike", "half", "opposite"):
        rows = []
        for seed in range(trials):
            rows += results.do(partial(work, kind, seed), part=part, kind=kind, seed=seed)
        losses[kind] = np.array([row["loss"] for row in rows])
        weights[kind] = np.mean([row["weight"] for row in rows])
    for kind, loss in losses.items():
        gap = loss - losses["none"]
        error = gap.std(ddof=1) / np.sqrt(len(gap)) if len(gap) > 1 else 0.0
        print(
            f"{part} {kind:9} log loss {loss.mean():.4f}, against none {gap.mean():+.4f} "
            f"(standard error {error:.4f}), weight {weights[kind]:+.2f} ({len(loss)})"
        )


def show_coverage(results: Results, trials: int, others: tuple[str, ...] = ()) -> None:
    """Print coverage, width and loss for each law and number of churners."""
    for name in others or LAWS:
        for churners in CHURNERS:
            rows = []
            for seed in range(trials):
                if others:
                    work = partial(coverage_of_other, name, churners, seed)
                else:
                    work = partial(coverage, LAWS[name], churners, seed)
                rows += results.do(work, part="coverage", law=name, churners=churners, seed=seed)
            names = ("covered", "width", "gained", "possible")
            mean = {key: np.mean([row[key] for row in rows]) for key in names}
            worse = np.mean([row["gained"] < 0 for row in rows])
            print(
                f"{name:28} {churners:3} churners: covers {mean['covered']:.1%}, width "
                f"{mean['width']:.2f}, log loss gained {mean['gained']:+.4f} of "
                f"{mean['possible']:.4f}, worse than the rate {worse:.0%} ({len(rows)})",
                flush=True,
            )


def show_claims(
    results: Results, trials: int, signal: float, laws: tuple[str, ...] = ("",)
) -> None:
    """Print how often skill is claimed; of other laws only where attributes are shuffled."""
    name = "6 attributes, 10% leave"
    for law, churners in product(laws, (20, 40)):
        rows = []
        key = {"part": "claims", "signal": signal, "churners": churners}
        key |= {"part": "fresh claims", "law": law} if law else {}
        for seed in range(trials):
            work = partial(claim, LAWS[name], churners, seed, signal)
            if law:
                work = partial(claim_of_noise, law, churners, seed)
            try:
                rows += results.do(work, **key, seed=seed)
            except fitmodel.exceptions.DealsError:  # by chance too few churners: nothing is claimed
                continue
        share = np.mean([row["claimed"] for row in rows])
        print(
            f"{law} signal {signal:g}, {churners} churners: skill claimed {share:.1%} ({len(rows)})"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only", nargs="*", default=["coverage", "others", "noise", "skill", "prior"]
    )
    parser.add_argument("--trials", type=int, default=None)
    parser.add_argument("--results", type=Path, default=FOLDER / "small.json")
    given = parser.parse_args()
    results = Results(given.results)
    warnings.simplefilter("ignore")
    out_of_time.black_box_probabilities = lambda _train, asked, _options: np.full(len(asked), 0.2)
    if "coverage" in given.only:
        show_coverage(results, given.trials or 20)
    if "others" in given.only:
        show_coverage(results, given.trials or 20, tuple(OTHER_LAWS))
    if "noise" in given.only:
        show_claims(results, given.trials or 200, signal=0.0)
    if "skill" in given.only:
        show_claims(results, given.trials or 40, signal=1.5)
    if "prior" in given.only:
        show_prior(results, given.trials or 40)
    if "fresh" in given.only:
        show_coverage(results, given.trials or 10, FRESH)
        show_prior(results, given.trials or 12, fresh=True)
        show_claims(results, given.trials or 25, 0.0, FRESH)
