"""A challenger meets the champion at its training, on deals that neither has learned from.

judged deals -> those signed after the champion's last -> the champion's probabilities
             -> gain in log loss, calibration, the groups where the challenger is worse
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.evaluation.metrics import compare_log_loss, compute_metrics
from fitmodel.evaluation.subgroups import MOST_LEVELS
from fitmodel.exceptions import BundleError, FitModelError, TrackingError
from fitmodel.tracking.connection import connected
from fitmodel.tracking.registry import CHAMPION, alias_version, resolve

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from fitmodel.deals.contract import DealSpec
    from fitmodel.model.fitmodel import FitModel

LEAST_DEALS = 50
LEAST_CHURNERS = 10
CALIBRATION_SLACK = 0.2
"""Log-odds by which a challenger may be further off in the large than the champion."""
_DAMAGED = "the noted comparison with the champion is damaged"


@dataclass(frozen=True)
class Comparison:
    """Champion against challenger on the same deals.

    Parameters
    ----------
    deals
        How many deals were compared.
    gain, low, high
        Mean log loss of the champion minus that of the challenger and its 95 % interval; above 0
        the challenger is better.
    champion
        Registered version of the champion it was compared with; None where that was not noted.
    objections
        What speaks against the challenger whatever its gain: calibration lost, a group of deals
        it judges worse beyond noise, too few deals to compare.
    """

    deals: int
    gain: float
    low: float
    high: float
    champion: int | None = None
    objections: tuple[str, ...] = ()

    def __str__(self) -> str:
        return (
            f"{self.gain:+.4f} log loss ({self.low:+.4f} to {self.high:+.4f}) "
            f"on {self.deals:,} deals"
        )

    def to_dict(self) -> dict[str, Any]:
        """Give every field, as JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Comparison:
        """Read what `to_dict` gave.

        Raises
        ------
        BundleError
            If it is something else, as a manifest may hold that was changed.
        """
        try:
            found = cls(**{**fields, "objections": tuple(fields.get("objections", ()))})
            finite = all(map(math.isfinite, (found.deals, found.gain, found.low, found.high)))
        except TypeError as error:
            raise BundleError(f"{_DAMAGED}: {error}") from error
        if not finite:
            raise BundleError(f"{_DAMAGED}: a number of it is not finite")
        return found


def compare(
    y: npt.ArrayLike,
    p_champion: npt.ArrayLike,
    p_challenger: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    *,
    n_boot: int = 1000,
    seed: int = 0,
) -> Comparison:
    """Compare two models deal by deal, with a paired bootstrap of the difference in log loss.

    Parameters
    ----------
    y : array of shape (n,)
        1 for early churn, 0 for a customer that stayed; deals that NEITHER model learned from.
    p_champion, p_challenger : array of shape (n,)
        Probabilities of early churn.
    weight : array of shape (n,), optional
        Inverse-probability-of-censoring weights.

    Raises
    ------
    DealsError
        When the arrays do not match or hold impossible values.

    Notes
    -----
    Paired: both models are judged on the same resamples, so what makes a resample hard for both
    cancels (Efron and Tibshirani 1993, chapter 8).
    """
    found = compare_log_loss(y, p_champion, p_challenger, weight=weight, n_boot=n_boot, seed=seed)
    return Comparison(int(np.size(np.asarray(y))), found.value, found.low, found.high)


def meet_champion(
    judged: pd.DataFrame, attributes: pd.DataFrame, deals: pd.DataFrame, spec: DealSpec
) -> Comparison | None:
    """Compare the training that was judged with the champion of the contract's registered model.

    Parameters
    ----------
    judged : DataFrame
        Deals the challenger's training did not see: `early_churn`, `probability`, `weight` and
        `base_rate`, on the index of `deals`.
    attributes : DataFrame
        Their attributes.
    deals : DataFrame
        The whole table.
    spec : DealSpec

    Returns
    -------
    Comparison or None
        None where there is no champion or the store does not answer. Deals signed up to the
        champion's last one are left out: it may have learned from them.
    """
    name, store = spec.tracking.registered_model, spec.tracking.uri
    try:
        with connected(store) as client:
            version = alias_version(client, name, CHAMPION)
    except TrackingError:
        return None
    if version is None:
        return None
    champion = _comparable(f"models:/{name}/{version}", spec)
    if isinstance(champion, str):
        return _not_compared(version, champion)
    unseen = _signed_after(judged, deals, spec, str(champion.manifest["period"][1]))
    churners = int(unseen["early_churn"].sum())
    if len(unseen) < LEAST_DEALS or churners < LEAST_CHURNERS:
        return _not_compared(
            version,
            f"only {len(unseen)} deals ({churners} early churners) signed after the champion's "
            f"last are known to have left or stayed; {LEAST_DEALS} deals and {LEAST_CHURNERS} "
            "early churners are needed",
        )
    return _compared(version, champion, unseen, attributes.loc[unseen.index], deals)


def _comparable(uri: str, spec: DealSpec) -> FitModel | str:
    """The champion, or what speaks against comparing with it."""
    try:
        champion = _loaded(resolve(uri, spec.tracking.uri))
    except FitModelError as error:
        return f"the champion's bundle cannot be read: {error}"
    return champion if isinstance(champion, str) else _incomparable(champion, spec) or champion


def _loaded(path: Path) -> FitModel | str:
    """The champion, or why it is not loaded: a stranger's pickle is not run to be compared."""
    from fitmodel.model.manifest import SIGNING_KEY, is_vouched_for
    from fitmodel.model.opening import is_own_estimator, open_model
    from fitmodel.model.reading import open_bundle

    bundle = open_bundle(path)
    if is_own_estimator(bundle) and not is_vouched_for():
        return (
            f"the champion is a user's own estimator ({bundle.manifest['estimator']}); to score "
            f"with it is to unpickle it, which is done only where {SIGNING_KEY} is set and holds"
        )
    return open_model(bundle, workbench=True)


def _compared(
    version: int,
    champion: FitModel,
    unseen: pd.DataFrame,
    attributes: pd.DataFrame,
    deals: pd.DataFrame,
) -> Comparison:
    try:
        before = champion.predict(deals.loc[unseen.index], reasons=0)["early_churn_probability"]
    except FitModelError as error:
        return _not_compared(version, f"the champion cannot score these deals: {error}")
    table = unseen.assign(champion=before.to_numpy())
    found = compare(table["early_churn"], table["champion"], table["probability"], table["weight"])
    objections = (*_calibration_lost(table), *_worse_groups(table, attributes))
    return Comparison(found.deals, found.gain, found.low, found.high, version, objections)


def _not_compared(version: int, objection: str) -> Comparison:
    return Comparison(0, 0.0, 0.0, 0.0, version, (objection,))


def _incomparable(champion: FitModel, spec: DealSpec) -> str | None:
    if not spec.has_dates:
        return (
            "deals with a tenure but no closing date cannot be told from those the champion "
            "learned from"
        )
    if not champion.manifest.get("period"):
        return "the champion's manifest does not say which deals it learned from"
    known = champion.manifest.get("spec", {})
    if known.get("deals", {}).get("closed_on", "") is None:
        return (
            "the champion learned from deals without closing dates, so no deal is surely new to it"
        )
    theirs = known.get("label", {}).get("horizon_months")
    if theirs != spec.label.horizon_months:
        return (
            f"the champion predicts early churn within {theirs} months, this model within "
            f"{spec.label.horizon_months}"
        )
    return None


def _signed_after(
    judged: pd.DataFrame, deals: pd.DataFrame, spec: DealSpec, last: str
) -> pd.DataFrame:
    closing = pd.to_datetime(deals.loc[judged.index, str(spec.deals.closed_on)])
    later: npt.NDArray[np.bool_] = (closing > pd.Timestamp(last)).to_numpy()
    return judged.loc[later]


def _calibration_lost(table: pd.DataFrame) -> tuple[str, ...]:
    """Object where the challenger is off in the large beyond noise, and more than the champion."""
    mine, theirs = (
        compute_metrics(
            table["early_churn"],
            table[column],
            weight=table["weight"],
            base_rate=table["base_rate"].to_numpy(),
            n_boot=200,
        )["calibration_intercept"]
        for column in ("probability", "champion")
    )
    off = mine.low > 0 or mine.high < 0
    if not off or abs(mine.value) <= abs(theirs.value) + CALIBRATION_SLACK:
        return ()
    objection = (
        f"its probabilities are off in the large by {mine.value:+.2f} log-odds "
        f"({mine.low:+.2f} to {mine.high:+.2f}), the champion's by {theirs.value:+.2f}"
    )
    return (objection,)


def _worse_groups(table: pd.DataFrame, attributes: pd.DataFrame) -> tuple[str, ...]:
    """Groups of deals that the challenger judges worse beyond noise, allowing for their number.

    Bonferroni: with k groups each is judged at 5 %/k, on a normal approximation of the paired
    difference, so that chance alone stops one promotion in twenty at most.
    """
    from scipy.stats import norm

    groups = _groups(table, attributes)
    if not groups:
        return ()
    width = float(norm.ppf(1 - 0.05 / len(groups)))
    lost = _losses(table, "probability") - _losses(table, "champion")
    found = []
    for label, inside in groups:
        weight = table["weight"].to_numpy()[inside]
        mean = float(np.average(lost[inside], weights=weight))
        spread = float(np.sqrt(np.sum((weight * (lost[inside] - mean)) ** 2)) / weight.sum())
        if mean - width * spread > 0:
            found.append(f"it is worse for {label}: {mean:+.4f} log loss on {inside.sum()} deals")
    return tuple(found)


def _groups(
    table: pd.DataFrame, attributes: pd.DataFrame
) -> list[tuple[str, npt.NDArray[np.bool_]]]:
    left = table["early_churn"].to_numpy() == 1
    found = []
    for name in attributes.columns:
        text = attributes[name].astype("object").map(str).to_numpy()
        levels = sorted(set(text.tolist()))
        if not 2 <= len(levels) <= MOST_LEVELS:  # noqa: PLR2004 - one level is no group
            continue
        for level in levels:
            inside = text == level
            if inside.sum() >= LEAST_DEALS and (inside & left).sum() >= LEAST_CHURNERS:
                found.append((f"{name} = {level}", inside))
    return found


def _losses(table: pd.DataFrame, column: str) -> npt.NDArray[np.float64]:
    kept = table[column].to_numpy(dtype=np.float64).clip(1e-9, 1 - 1e-9)
    return -np.log(np.where(table["early_churn"].to_numpy() == 1, kept, 1 - kept))
