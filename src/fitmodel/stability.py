"""Stability: how much a model's predictions depend on the sample of deals it was trained on.

model, deals -> bootstrap samples -> the whole procedure on each -> difference for each prospect
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.crm.prospects import open_past_deals
from fitmodel.crm.reading import read_with_history
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.reading import open_table, settle_attributes, with_unique_index
from fitmodel.deals.roles import yearly_amounts
from fitmodel.deals.validation import Sheet
from fitmodel.evaluation.figures import compute_instability
from fitmodel.loading import load
from fitmodel.model.fitmodel import FitModel
from fitmodel.pooling import with_prior
from fitmodel.tables.tidying import tidy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from fitmodel.evaluation.figures import Instability

LATEST = 500
"""Number of latest deals that are predicted if no prospects are given."""


def check_stability(
    model: FitModel | str | Path,
    deals: pd.DataFrame | str | Path,
    spec: DealSpec | None = None,
    *,
    prospects: pd.DataFrame | str | Path | None = None,
    replicates: int = 50,
    estimator: Any = None,
    seed: int = 0,
    progress: Callable[[int], object] | None = None,
) -> Instability:
    """Retrain on bootstrap samples of the deals and report how much each prediction changes.

    Parameters
    ----------
    model : FitModel, str or Path
        The model, or a source for `fitmodel.load`; its policy gives the flags. Its manual edits are
        not applied to the retrained models.
    deals : DataFrame or path
        Deals that the model learned from.
    spec : DealSpec, optional
        Contract of the deals; default: the one that the model was trained with.
    prospects : DataFrame or path, optional
        Prospects to predict; default: the 500 deals signed last.
    replicates : int
        Number of bootstrap samples. Each takes a training without its evaluation.
    estimator : classifier, optional
        The user's own classifier, if the model is one.
    seed, progress
        As in `fitmodel.evaluation.figures.compute_instability`.

    Returns
    -------
    Instability
        Result whose `table` has, per prospect, the mean absolute difference (`mape`) and the share
        of the samples that would change the flag (`flag_changes`).

    Raises
    ------
    DealsError
        If the deals have problems or are too few, or `replicates` is less than 5.

    Examples
    --------
    >>> from fitmodel.stability import check_stability
    >>> sim = fitmodel.simulate_deals(400, seed=1)
    >>> result = check_stability(
    ...     run.model, sim.deals, sim.spec, prospects="prospects.csv", replicates=5
    ... )
    >>> sorted(result.table)
    ['flag_changes', 'high', 'low', 'mape', 'mean', 'probability']
    """
    loaded = model if isinstance(model, FitModel) else load(model, unpickle=estimator is not None)
    contract = spec or DealSpec.from_manifest(loaded.manifest["spec"])
    read = read_with_history(
        *open_past_deals(deals, loaded.manifest, contract, is_own=spec is None)
    )
    table = with_unique_index(read.table)
    contract = with_prior(read.spec, table)
    scored_prospects = _prospects(prospects, table, contract)

    def flag(probability: NDArray[np.float64]) -> NDArray[np.bool_]:
        amounts = None
        if contract.deals.amount in scored_prospects.columns:  # prospects may lack it
            amounts = yearly_amounts(scored_prospects, contract).to_numpy(dtype=np.float64)
        return loaded.scorer.policy.poor_fit(probability, amounts)

    return compute_instability(
        table,
        contract,
        scored_prospects,
        flag,
        replicates=replicates,
        estimator=estimator,
        seed=seed,
        progress=progress,
    )


def _prospects(
    prospects: pd.DataFrame | str | Path | None, deals: pd.DataFrame, spec: DealSpec
) -> pd.DataFrame:
    """Return the given prospects, read in the same way as deals, or the deals signed last."""
    if prospects is not None:
        table = tidy(open_table(prospects, spec).table, spec.attributes.missing)
        return with_unique_index(settle_attributes(Sheet(table), spec).table)
    closing = spec.deals.closed_on
    order = deals if closing is None else deals.sort_values(closing, kind="stable")
    return order.tail(LATEST)
