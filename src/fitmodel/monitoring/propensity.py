"""Join the decision log to deals: the probability with which each flagged deal was let proceed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from fitmodel.deals.contract import DealSpec
    from fitmodel.monitoring.log import DecisionLog

COLUMN = "propensity"


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
