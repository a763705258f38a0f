"""Learning in spite of the flags: some flagged prospects go on, with a known probability.

A declined prospect has no outcome, so a model that is obeyed unlearns what it knew. A share of the
flagged is let proceed at random; each deal then counts by the inverse of the probability with
which it was let (Horvitz and Thompson 1952), in retraining and in evaluation alike.

flagged prospects -> proceed, propensity -> decision log -> deals with a column of propensities
                  -> `fitmodel.deals.propensity` weighs them wherever deals are labelled
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.exceptions import DealsError, FitModelError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.monitoring.log import DecisionLog

COLUMN = "propensity"


@dataclass(frozen=True, eq=False)
class Exploration:
    """Who may proceed.

    Attributes
    ----------
    proceed : ndarray of bool, shape (prospects,)
    propensity : ndarray of float, shape (prospects,)
        Probability with which each was let proceed: 1 where not flagged, else the share.
    """

    proceed: NDArray[np.bool_]
    propensity: NDArray[np.float64]


def choose_exploration(
    ids: Sequence[str], poor_fit: ArrayLike, *, share: float, salt: str
) -> Exploration:
    """Let a random share of the flagged proceed; the same id and salt get the same answer.

    Parameters
    ----------
    ids : sequence of str
    poor_fit : array of bool, shape (prospects,)
    share : float
        Of the flagged, 0 to 1.
    salt : str
        Kept secret, so that nobody can choose an id that is let through; a new one draws anew.

    Raises
    ------
    FitModelError
        If the share is not between 0 and 1.
    """
    if not 0 <= share <= 1:
        raise FitModelError(f"the share to explore is {share}; give a number from 0 to 1")
    flagged = np.asarray(poor_fit, dtype=bool)
    draw = np.array([_uniform(name, salt) for name in ids])
    return Exploration(~flagged | (draw < share), np.where(flagged, share, 1.0))


def with_propensity(
    deals: pd.DataFrame, spec: DealSpec, log: DecisionLog
) -> tuple[pd.DataFrame, DealSpec]:
    """Deals with the probabilities with which the log says they were let proceed.

    Parameters
    ----------
    deals : DataFrame
        As read by ``read_deals``.
    spec : DealSpec
        With an id.
    log : DecisionLog

    Returns
    -------
    deals : DataFrame
        With one more column; empty for deals that were not flagged, are not in the log, or were
        flagged when nobody was drawn: they count once. Deals signed against the flag although the
        draw had declined them are left out: those drawn stand for all of the flagged, and whoever
        a rep picks by what no table holds is not like the others.
    spec : DealSpec
        Which names that column as the role `propensity`.

    Raises
    ------
    DealsError
        If the contract has no id, or the table has a column of that name already.

    Examples
    --------
    >>> spec = fitmodel.DealSpec.from_toml("fitmodel.toml")
    >>> deals = fitmodel.read_deals("deals.csv", spec)
    >>> from fitmodel.monitoring.log import DecisionLog
    >>> log = DecisionLog("decisions.db")
    >>> weighed, told = with_propensity(deals, spec, log)
    >>> told.deals.propensity, int(weighed["propensity"].notna().sum())
    ('propensity', 0)
    >>> log.close()
    """
    if spec.deals.id is None:
        raise DealsError("deals are found in the decision log by their id. Remedy: name the id.")
    if COLUMN in deals.columns:
        raise DealsError(
            f"the deals have a column {COLUMN!r} already. Remedy: name it as propensity in [deals] "
            "and leave the log out, or rename it."
        )
    flagged = _flagged(deals, spec, log)
    names = deals[spec.deals.id].astype(str).map(log.known_as)
    told = names.map(flagged.loc[flagged["proceed"], "propensity"]).astype(np.float64)
    picked = flagged.index[~flagged["proceed"] & (flagged["propensity"] < 1)]
    kept = deals.assign(**{COLUMN: told})[~names.isin(picked)]
    return kept, spec.replace(deals={"propensity": COLUMN})


def _flagged(deals: pd.DataFrame, spec: DealSpec, log: DecisionLog) -> pd.DataFrame:
    """What was last said of the flagged before signing, by id: proceed and propensity."""
    said = log.assessments()
    if spec.deals.closed_on is not None:
        names = deals[spec.deals.id].astype(str).map(log.known_as)
        signed = pd.Series(deals[spec.deals.closed_on].to_numpy(), names.to_numpy())
        day = said["prospect"].map(signed) + pd.Timedelta(days=1)
        said = said[said["time"].dt.tz_localize(None) < day]
    last = said.groupby("prospect").last()
    return last.loc[last["poor_fit"], ["proceed", "propensity"]]


def _uniform(name: str, salt: str) -> float:
    key = hashlib.blake2b(salt.encode(), digest_size=32).digest()
    digest = hashlib.blake2b(
        str(name).encode("utf-8", "surrogatepass"), key=key, digest_size=8
    ).digest()
    return int.from_bytes(digest, "big") / 2**64
