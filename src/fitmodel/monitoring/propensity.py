"""Deals joined with the decision log: probability with which a flagged deal could proceed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.exceptions import DealsError
from fitmodel.monitoring.matching import match_log

if TYPE_CHECKING:
    from fitmodel.deals.contract import DealSpec
    from fitmodel.monitoring.log import DecisionLog
    from fitmodel.monitoring.matching import LogMatch

COLUMN = "propensity"


def with_propensity(
    deals: pd.DataFrame, spec: DealSpec, log: DecisionLog, match: LogMatch | None = None
) -> tuple[pd.DataFrame, DealSpec]:
    """Return deals with the logged probability with which each was allowed to proceed.

    Parameters
    ----------
    deals : DataFrame
        As read by ``read_deals``.
    spec : DealSpec
        Contract that names an id.
    log : DecisionLog
        The decision log.
    match : LogMatch, optional
        Result of `match_log`, if it was computed before.

    Returns
    -------
    deals : DataFrame
        The deals with one more column, `propensity`. It is empty for deals that were not flagged,
        are not in the log, or were flagged without a random draw: they have weight 1. Deals signed
        against the flag although the draw did not let them proceed are left out: the deals drawn at
        random represent all flagged deals, but deals that a rep picks for reasons that no table
        contains are not representative.
    spec : DealSpec
        The contract, with that column in the role `propensity`.

    Raises
    ------
    DealsError
        If the contract has no id, the table already has a column of that name, or the log and the
        deals have nothing in common (see `fitmodel.monitoring.matching.match_log`).

    Examples
    --------
    >>> spec = fitmodel.DealSpec.from_toml("fitmodel.toml")
    >>> deals = fitmodel.read_deals("deals.csv", spec)
    >>> from fitmodel.monitoring.log import DecisionLog
    >>> log = DecisionLog("decisions.db")
    >>> weighted, contract = with_propensity(deals, spec, log)
    >>> contract.deals.propensity, int(weighted["propensity"].notna().sum())
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
    match = match or match_log(deals, spec, log)
    assessments = log.assessments().set_index("number")
    signed_on = assessments.reindex(match.assessment.dropna().astype(int))
    flagged = signed_on.set_axis(match.assessment.dropna().index)
    flagged = flagged[flagged["poor_fit"].astype(bool)]
    proceed = flagged["proceed"].astype(bool)
    chances = flagged.loc[proceed, "propensity"].reindex(deals.index).astype(np.float64)
    picked = flagged.index[~proceed & (flagged["propensity"] < 1)]
    kept = deals.assign(**{COLUMN: chances}).drop(index=picked)
    return kept, spec.replace(deals={"propensity": COLUMN})
