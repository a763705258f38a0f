"""Ageing: compare an old model with a retrained one on the same deals."""

from __future__ import annotations

from itertools import combinations

import pandas as pd

from fitmodel.evaluation.metrics import Metric, compare_log_loss

COLUMNS = ("trained", "judged", "months_old", "n_test", "loss", "loss_low", "loss_high")
DAYS_PER_MONTH = 365.25 / 12


def compute_ageing(
    predictions: pd.DataFrame, dates: list[pd.Timestamp], *, n_boot: int = 500, seed: int = 0
) -> pd.DataFrame:
    """Compare every model with the newer one that was trained just before the deals judged.

    Parameters
    ----------
    predictions : DataFrame
        Every model's predictions of the deals of its own and all later cuts: columns `trained`
        and `judged` (numbers of the cuts, from 1), `early_churn`, `probability`, `weight`. The
        deals of one cut come in the same order for every model.
    dates : list of Timestamp
        The cuts' dates.
    n_boot, seed
        Of the paired bootstrap intervals.

    Returns
    -------
    DataFrame
        One row per old model and later cut: `trained` and `judged`, `months_old` (between their
        dates), `n_test`, `loss` (log loss of the old model minus the new one's; above 0 the old
        one is worse), `loss_low`, `loss_high`.
    """
    rows = []
    for trained, judged in combinations(range(1, len(dates) + 1), 2):
        here = predictions[predictions["judged"] == judged]
        old, new = here[here["trained"] == trained], here[here["trained"] == judged]
        result = _compare(old, new, n_boot, seed)
        months = (dates[judged - 1] - dates[trained - 1]).days / DAYS_PER_MONTH
        rows.append((trained, judged, months, len(old), result.value, result.low, result.high))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def compute_decay(predictions: pd.DataFrame, *, n_boot: int = 500, seed: int = 0) -> Metric | None:
    """Compare never retraining since the first cut with retraining at every cut.

    Parameters are those of `compute_ageing`.

    Returns
    -------
    Metric or None
        Log loss lost by never retraining, on the deals of the second and later cuts; an interval
        above 0 is evidence of decay. None where there is one cut. An old model saw fewer deals,
        too: where nothing drifts, what is lost is what more deals would have taught.
    """
    later = predictions[predictions["judged"] > 1]
    if later.empty:
        return None
    old = later[later["trained"] == 1]
    return _compare(old, later[later["trained"] == later["judged"]], n_boot, seed)


def _compare(old: pd.DataFrame, new: pd.DataFrame, n_boot: int, seed: int) -> Metric:
    return compare_log_loss(
        old["early_churn"],
        old["probability"],
        new["probability"],
        weight=old["weight"],
        n_boot=n_boot,
        seed=seed,
    )
