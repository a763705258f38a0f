"""Retrain a model whose flags are obeyed, round by round, with and without exploration.

signed deals -> learn -> flag the round's prospects -> the flagged are declined, but for a share
                and those whom a rep knows better -> outcomes of those signed -> learn again

Judged on everybody who asked for an offer, declined or not, by the simulation's own truth.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.decision.policy import Policy
from fitmodel.learning.learner import learn
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.scorer import Scorer
from fitmodel.monitoring.log import choose_exploration
from fitmodel.monitoring.matching import COLUMN

if TYPE_CHECKING:
    from _informed_reps import Company
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec

THRESHOLD = 0.3
N_REPLICATES = 2  # no interval is asked for
WITHOUT, WITH = "#c0392b", "#1f6f8b"  # colours of the plot


def replay_rounds(
    company: Company, *, share: float, threshold: float = THRESHOLD, replicates: int = N_REPLICATES
) -> pd.DataFrame:
    """Retrain a company's model round by round on the deals it let be signed.

    Parameters
    ----------
    company : Company
        Its prospects and the truth about them.
    share : float
        Of the flagged, let proceed at random; each counts 1 / share in the next training, and those
        whom the reps signed against the draw do not, as in
        `fitmodel.monitoring.matching.with_propensity`. With 0 only the reps' own picks are
        signed of the flagged, and they are learned from as they are.
    threshold : float
        Probability from which on a prospect is flagged.
    bootstrap replicates : int
        As of `fitmodel.learning.learner.learn`.

    Returns
    -------
    DataFrame
        Indexed by round, from 1: prospects, flagged (share), said and came (mean probability of
        the flagged, by the model and in truth), ratio (came / said: observed over expected early
        churn among the flagged, without the noise of the outcomes), divergence (mean
        Kullback-Leibler divergence from the truth, of all prospects: what the log loss has beyond
        the truth's own), missed (share of the prospects that were declined although their true
        probability lies below the threshold) and earned (see Notes).

    Notes
    -----
    A deal at the threshold is worth nothing, so signing one of probability p earns in proportion to
    threshold - p (Elkan 2001). `earned` is the sum over those signed, the explored ones included,
    as a share of what signing by the true probabilities would earn.
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

    Parameters
    ----------
    rounds : DataFrame
        Rows of `replay_rounds`, with `company` and `share`:
        a line for each share, the mean of the companies, in the band from the lowest to the
        highest of them.
    ax : Axes, optional
        A new figure's without one.
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
