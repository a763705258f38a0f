"""What becomes of a model that is obeyed, with and without learning in spite of its flags.

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
from fitmodel.monitoring.exploration import COLUMN, choose_exploration

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.datasets.insight import Insight
    from fitmodel.deals.contract import DealSpec

THRESHOLD = 0.3
BAGS = 2  # no interval is asked for


def replay_rounds(
    company: Insight, *, share: float, threshold: float = THRESHOLD, bags: int = BAGS
) -> pd.DataFrame:
    """Retrain a company's model round by round on the deals it let be signed.

    Parameters
    ----------
    company : Recovery
        Its prospects and the truth about them.
    share : float
        Of the flagged, let proceed at random; each counts 1 / share in the next training, and those
        whom the reps signed against the draw do not, as in
        `fitmodel.monitoring.exploration.with_propensity`. With 0 only the reps' own picks are
        signed of the flagged, and they are learned from as they are.
    threshold : float
        Probability from which on a prospect is flagged.
    bags : int
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
        model = _learned(known, company.spec, today, threshold, bags)
        here = np.flatnonzero(closed_on.between(today, until, inclusive="left"))
        asking = company.prospects.iloc[here]
        said = model.predict(asking, reasons=0)
        ids, salt = asking["deal_id"].tolist(), f"round {number}"
        drawn = choose_exploration(ids, said["poor_fit"], share=share, salt=salt)
        # a rep who knows better signs all the same; where some are drawn, they stand for such too
        overridden = ~drawn.proceed & (known_better[here] < threshold)
        signed = drawn.proceed | overridden
        usable[here] = drawn.proceed if share else signed
        propensity[here] = np.where(overridden, np.nan, drawn.propensity)
        truth = np.asarray(company.true_probability, dtype=np.float64)[here]
        rows.append({"round": number, **_judged(said, truth, signed, threshold)})
    return pd.DataFrame(rows).set_index("round")


def _learned(
    known: pd.DataFrame, spec: DealSpec, today: pd.Timestamp, threshold: float, bags: int
) -> FitModel:
    """The model of the deals signed before today, with what is known of them today."""
    seen = known["churned_on"].where(known["churned_on"] <= today)
    contract = spec.replace(deals={"propensity": COLUMN, "observed_until": f"{today:%Y-%m-%d}"})
    learned = learn(known.assign(churned_on=seen), contract, bags=bags)
    policy = Policy("threshold", threshold)
    scorer = Scorer(learned.book, policy, None, spec.deals.closed_on, f"{today:%Y-%m-%d}")
    return FitModel(scorer, {})


def _judged(
    said: pd.DataFrame, truth: NDArray[np.float64], signed: NDArray[np.bool_], threshold: float
) -> dict[str, Any]:
    probability = said["early_churn_probability"].to_numpy()
    flagged = said["poor_fit"].to_numpy(dtype=bool)
    divergence = truth * np.log(truth / probability)
    divergence += (1 - truth) * np.log((1 - truth) / (1 - probability))
    worth = threshold - truth
    told = {"said": np.nan, "came": np.nan}
    if flagged.any():
        told = {"said": probability[flagged].mean(), "came": truth[flagged].mean()}
    return {
        "prospects": len(truth),
        "flagged": flagged.mean(),
        **told,
        "ratio": told["came"] / told["said"],
        "divergence": divergence.mean(),
        "missed": ((worth > 0) & ~signed).mean(),
        "earned": worth[signed].sum() / worth[worth > 0].sum(),
    }
