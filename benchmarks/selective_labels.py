"""Retrain a model whose flags are obeyed, round by round: some of the flagged proceed, or none.

Run: python benchmarks/selective_labels.py [--plot docs/images/selective-labels.png]

signed deals -> learn -> flag the round's prospects -> the flagged are declined, but for a share
                and those whom a rep knows better -> outcomes of those signed -> learn again

The reps of the simulated company know something of their prospects that no table holds. Where a
model flags, they sign only those they know better of. So the deals that are signed against the flag
are not like those that are declined (Lakkaraju et al. 2017, The selective labels problem). All who
asked for an offer are evaluated, declined or not, by the simulation's own truth.

It cannot show how much real reps know.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import expit

from fitmodel.datasets.mechanism import churn_dates
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.decision.policy import Policy
from fitmodel.learning.learner import learn
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.scorer import Scorer
from fitmodel.monitoring.log import choose_exploration
from fitmodel.monitoring.matching import COLUMN

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec

ATTRIBUTES = 4  # segment, seats, annual value and lead source: enough for a flag, quick to learn
HORIZON = 3
ROUND_MONTHS = 3
HISTORY_MONTHS = 6
NODES = 40  # of the integral over what the reps know
THRESHOLD = 0.3
N_REPLICATES = 2  # no interval is asked for
WITHOUT, WITH = "#c0392b", "#1f6f8b"  # colours of the plot
SHOWN = ["flagged", "said", "came", "ratio", "divergence", "missed", "earned"]


@dataclass(frozen=True)
class Company:
    """Everybody who asked this company for an offer, and what would come of it.

    `prospects` are as `Simulation.deals` without `churned_on`. `true_probability` is that of
    leaving within the horizon given the attributes, `known_probability` the same given what the rep
    knows too, `true_churned_on` the day of leaving, were the prospect signed. `rounds` are the
    first day of each round, and of the one after the last; before the first everybody was signed.
    """

    prospects: pd.DataFrame
    spec: DealSpec
    true_probability: pd.Series[float]
    known_probability: pd.Series[float]
    true_churned_on: pd.Series[Any]
    rounds: tuple[pd.Timestamp, ...]


def simulate_company(
    n_per_round: int = 800, *, rounds: int = 10, seed: int = 0, insight: float = 1.2
) -> Company:
    """Simulate everybody who asks for an offer, round by round of three months.

    The law is that of `simulate_deals`, with twice the effects of its first four attributes and
    none of the reps; it does not move. What a rep knows of a prospect is a normal draw with the
    standard deviation `insight`, added to the log-odds and independent of the attributes, so that
    the truth given the attributes is its integral (Gauss-Hermite). There are two rounds' worth of
    deals before the first.
    """
    months = HISTORY_MONTHS + rounds * ROUND_MONTHS
    sim = simulate_deals(
        n_per_round * months // ROUND_MONTHS,
        seed=seed,
        months=months,
        horizon_months=HORIZON,
        n_attributes=ATTRIBUTES,
        base_rate=0.15,
        signal=2.0,  # as much as all sixteen attributes would say
        rep_effects=False,
        rep_selection=False,
    )
    log_odds = np.asarray(sim.true_log_odds, dtype=np.float64)
    known = insight * np.random.default_rng([seed, *b"insight"]).standard_normal(len(log_odds))
    probability = expit(log_odds + known)
    closed_on = sim.deals["closed_on"].to_numpy().astype("datetime64[D]")
    left_on = churn_dates(closed_on, probability, HORIZON, seed)
    return Company(
        sim.deals.drop(columns="churned_on"),
        sim.spec,
        pd.Series(_without_insight(log_odds, insight), name="true_probability"),
        pd.Series(probability, name="known_probability"),
        pd.Series(left_on.astype("datetime64[us]"), name="true_churned_on"),
        _first_days(pd.Timestamp(str(sim.company.last)), rounds),
    )


def _without_insight(log_odds: NDArray[np.float64], insight: float) -> NDArray[np.float64]:
    """Mean probability over what the reps know."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    shifted = expit(log_odds[:, None] + insight * nodes)
    mean: NDArray[np.float64] = shifted @ (weights / weights.sum())
    return mean


def _first_days(last: pd.Timestamp, rounds: int) -> tuple[pd.Timestamp, ...]:
    """Of each round, and the day after the last; `last` ends a month."""
    after = last + pd.Timedelta(days=1)
    return tuple(
        after - pd.DateOffset(months=ROUND_MONTHS * back) for back in range(rounds, -1, -1)
    )


def replay_rounds(
    company: Company, *, share: float, threshold: float = THRESHOLD, replicates: int = N_REPLICATES
) -> pd.DataFrame:
    """Retrain a company's model round by round on the deals it let be signed.

    Of the flagged, `share` proceed at random; each counts 1 / share in the next training, and those
    whom the reps signed against the draw do not. With a share of 0 only the reps' own picks are
    signed of the flagged, and they are learned from as they are.

    Returns
    -------
    DataFrame
        Indexed by round, from 1: prospects; flagged (share); said and came (mean probability of the
        flagged, by the model and in truth); ratio (came / said); divergence (mean Kullback-Leibler
        divergence from the truth, of all prospects); missed (share of the prospects that were
        declined although their true probability is below the threshold); earned: a deal at the
        threshold is worth nothing, so signing one of probability p earns threshold - p (Elkan
        2001), as a share of what signing by the true probabilities would earn.
    """
    deals = company.prospects.assign(churned_on=company.true_churned_on)
    closed_on, days = deals["closed_on"], company.rounds
    usable = (closed_on < days[0]).to_numpy(copy=True)
    propensity = np.full(len(deals), np.nan)
    known_better = company.known_probability.to_numpy()
    rows = []
    for number, (today, until) in enumerate(pairwise(days), start=1):
        known = deals.assign(**{COLUMN: propensity})[usable & (closed_on < today).to_numpy()]
        model = _learned(known, company.spec, today, threshold, replicates)
        here = np.flatnonzero(closed_on.between(today, until, inclusive="left"))
        asking = company.prospects.iloc[here]
        predictions = model.predict(asking, reasons=0)
        ids, salt = asking["deal_id"].tolist(), f"round {number}"
        drawn = choose_exploration(ids, predictions["poor_fit"], share=share, salt=salt)
        # a rep who knows better signs all the same; where some are drawn, they stand for such too
        overridden = ~drawn.proceed & (known_better[here] < threshold)
        signed = drawn.proceed | overridden
        usable[here] = drawn.proceed if share else signed
        propensity[here] = np.where(overridden, np.nan, drawn.propensity)
        truth = np.asarray(company.true_probability, dtype=np.float64)[here]
        rows.append({"round": number, **_flags_of_round(predictions, truth, signed, threshold)})
    return pd.DataFrame(rows).set_index("round")


def _learned(
    known: pd.DataFrame, spec: DealSpec, today: pd.Timestamp, threshold: float, replicates: int
) -> FitModel:
    """The model of the deals signed before today, with what is known of them today."""
    seen = known["churned_on"].where(known["churned_on"] <= today)
    contract = spec.replace(deals={"propensity": COLUMN, "observed_until": f"{today:%Y-%m-%d}"})
    learned = learn(known.assign(churned_on=seen), contract, replicates=replicates)
    policy = Policy("threshold", threshold)
    scorer = Scorer(learned.scorecard, policy, None, spec.deals.closed_on, f"{today:%Y-%m-%d}")
    return FitModel(scorer, {})


def _flags_of_round(
    predictions: pd.DataFrame,
    truth: NDArray[np.float64],
    signed: NDArray[np.bool_],
    threshold: float,
) -> dict[str, Any]:
    probability = predictions["early_churn_probability"].to_numpy()
    flagged = predictions["poor_fit"].to_numpy(dtype=bool)
    divergence = truth * np.log(truth / probability)
    divergence += (1 - truth) * np.log((1 - truth) / (1 - probability))
    worth = threshold - truth
    means = {"said": np.nan, "came": np.nan}
    if flagged.any():
        means = {"said": probability[flagged].mean(), "came": truth[flagged].mean()}
    return {
        "prospects": len(truth),
        "flagged": flagged.mean(),
        **means,
        "ratio": means["came"] / means["said"],
        "divergence": divergence.mean(),
        "missed": ((worth > 0) & ~signed).mean(),
        "earned": worth[signed].sum() / worth[worth > 0].sum(),
    }


def plot_selective_labels(rounds: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw observed over expected early churn among the flagged, round by round.

    A line for each share, the mean of the companies, in the band from the lowest to the highest.
    """
    if ax is None:
        from matplotlib.figure import Figure

        ax = Figure(figsize=(7, 4), layout="constrained").add_subplot()
    for key, part in rounds.groupby("share", sort=True):
        share = float(key)  # type: ignore[arg-type]  # a column of shares
        result = part.groupby("round")["ratio"].agg(["mean", "min", "max"])
        label, colour = (
            "none of the flagged drawn: only those whom a rep knows better",
            WITHOUT,
        )
        if share:
            label, colour = f"{share:.0%} of the flagged proceed, to be learned from", WITH
        ax.fill_between(result.index, result["min"], result["max"], color=colour, alpha=0.15, lw=0)
        ax.plot(result.index, result["mean"], marker="o", color=colour, label=label)
    ax.axhline(1, linestyle="--", linewidth=1, color="#444444")
    ax.set_yscale("log")
    ticks = [0.25, 0.33, 0.5, 0.67, 0.8, 1, 1.25, 1.5]
    low, high = ax.get_ylim()
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    ax.set_ylim(low, high)
    ax.set_xticks(sorted(rounds["round"].unique()))
    ax.set_xlabel("retraining round")
    ax.set_ylabel("observed / expected among the flagged")
    ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1))  # above: it hides no line
    return ax


def replay(companies: int, prospects: int, share: float) -> pd.DataFrame:
    """Rounds of several companies, each with and without the share let through."""
    result = []
    for seed in range(1, companies + 1):
        company = simulate_company(prospects, seed=seed)
        for part in (share, 0.0):
            rounds = replay_rounds(company, share=part).assign(company=seed, share=part)
            result.append(rounds.reset_index())
            print(f"company {seed}, share {part:.0%}: done", file=sys.stderr, flush=True)
    return pd.concat(result, ignore_index=True)


def main() -> None:
    """Print the figures, and draw the plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--companies", type=int, default=4)
    parser.add_argument("--prospects", type=int, default=800, help="of a round")
    parser.add_argument("--share", type=float, default=0.2, help="of the flagged, let through")
    parser.add_argument("--plot", type=Path, help="PNG to draw")
    parser.add_argument("--table", type=Path, help="CSV of every round")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    result = replay(chosen.companies, chosen.prospects, chosen.share)
    for share, rounds in result.groupby("share"):
        print(f"\n{share:.0%} of the flagged let through, mean of {chosen.companies} companies")
        print(rounds.groupby("round")[SHOWN].mean().round(3).to_string())
    if chosen.table is not None:
        result.to_csv(chosen.table, index=False)
    if chosen.plot is not None:
        plot_selective_labels(result).figure.savefig(chosen.plot, dpi=110)


if __name__ == "__main__":
    main()
