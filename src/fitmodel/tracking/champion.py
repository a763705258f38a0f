"""Comparison of a training with the champion on outcomes new to both; the champions before it.

end of the champion's extract -> models trained at dates after it, and the outcomes that followed
  (`fitmodel.evaluation.prequential`) -> the champion's probabilities for them
                                      -> `fitmodel.evaluation.comparison`

Where the days of leaving are unknown, the deals are compared that the training was evaluated on and
that were signed after the champion's last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.bundle.manifest import SIGNING_KEY, is_signature_required
from fitmodel.bundle.reading import open_bundle
from fitmodel.evaluation.comparison import (
    MIN_CHURNERS,
    MIN_DEALS,
    Comparison,
    compare,
    find_objections,
)
from fitmodel.exceptions import FitModelError, TrackingError
from fitmodel.model.opening import is_own_estimator, open_model
from fitmodel.tracking.connection import connected
from fitmodel.tracking.registry import CHAMPION, alias_version, resolve

if TYPE_CHECKING:
    from pathlib import Path

    from fitmodel.deals.contract import DealSpec
    from fitmodel.evaluation.prequential import OutcomesSince
    from fitmodel.model.fitmodel import FitModel

    Retrain = Callable[[np.datetime64], OutcomesSince | None]
    """The outcomes since a day, as models trained after it predict them."""


# Each version that becomes champion is given the list of all champions before it. A tag with only
# the last one would not do: of a version that is promoted twice there are two, and rollbacks would
# go in a circle.
HISTORY_TAG = "fitmodel.champions_before"
PREVIOUS_TAG = "fitmodel.previous_champion"  # as fitmodel 0.1.0 wrote it
MAX_CHAMPIONS = 500  # a store may refuse a tag of more than 5,000 characters


def compare_with_champion(
    evaluated: pd.DataFrame,
    attributes: pd.DataFrame,
    deals: pd.DataFrame,
    spec: DealSpec,
    *,
    split_date: pd.Timestamp | None = None,
    retrain: Retrain | None = None,
) -> Comparison | None:
    """Compare a training with the champion of the contract's registered model.

    Parameters
    ----------
    evaluated : DataFrame
        Deals that the challenger was not trained on, with the columns `early_churn`,
        `probability`, `weight` and `base_rate` and the index of `deals`.
    attributes : DataFrame
        Attributes of these deals.
    deals : DataFrame
        The whole table of deals.
    spec : DealSpec
        The contract, which names the registered model and the store.
    split_date : Timestamp, optional
        Day before which the deals were signed that the evaluated model was trained on. If the
        champion learned from later deals, the comparison says so.
    retrain : callable, optional
        Returns the outcomes since a day (`fitmodel.evaluation.prequential.outcomes_since`), which
        are compared instead of `evaluated`; or None, if the days of leaving are unknown.

    Returns
    -------
    Comparison or None
        None if there is no champion or the store does not answer. Nothing that the champion may
        have learned from is compared: no outcome of its extract or, without days of leaving, no
        deal signed up to its last.
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
    since = None if retrain is None else retrain(_last_day(champion))
    if since is not None:
        return _compared_since(version, champion, since, deals)
    unseen = _signed_after(evaluated, deals, spec, str(champion.manifest["period"][1]))
    return _compared_later(version, champion, unseen, attributes, deals, split_date)


def _compared_later(
    version: int,
    champion: FitModel,
    unseen: pd.DataFrame,
    attributes: pd.DataFrame,
    deals: pd.DataFrame,
    split_date: pd.Timestamp | None,
) -> Comparison:
    """Compare on mature deals signed after the champion's last."""
    churners = int(unseen["early_churn"].sum())
    if len(unseen) < MIN_DEALS or churners < MIN_CHURNERS:
        return _not_compared(
            version,
            f"only {len(unseen)} deals ({churners} early churners) signed after the champion's "
            f"last are mature (signed a whole horizon ago); {MIN_DEALS} deals and {MIN_CHURNERS} "
            "early churners are needed",
        )
    result = _compared(version, champion, unseen, attributes.loc[unseen.index], deals)
    if not result.deals:
        return result
    return replace(result, caveat=_caveat(split_date, str(champion.manifest["period"][1])))


def _last_day(champion: FitModel) -> np.datetime64:
    """Return the last day whose outcomes the champion may know."""
    manifest = champion.manifest
    in_contract = manifest.get("spec", {}).get("deals", {}).get("observed_until")
    try:
        return np.datetime64(str(manifest.get("observed_until") or in_contract), "D")
    except ValueError:  # an older bundle, whose contract names a column or nothing
        return np.datetime64(manifest["period"][1], "D")


def _compared_since(
    version: int, champion: FitModel, since: OutcomesSince, deals: pd.DataFrame
) -> Comparison:
    """Compare the champion with the models that would have replaced it since its extract."""
    if since.deals < MIN_DEALS or since.churners < MIN_CHURNERS:
        return _not_compared(
            version,
            f"only {since.deals} deals ({since.churners} early churners) can be compared since the "
            f"champion's extract ended; {MIN_DEALS} deals and {MIN_CHURNERS} early churners are "
            "needed",
        )
    rows = since.table["deal"]
    try:
        predicted = champion.predict(deals.loc[rows.unique()], reasons=0)
    except FitModelError as error:
        return _not_compared(version, f"the champion cannot score these deals: {error}")
    at_horizon = predicted["early_churn_probability"].reindex(rows).to_numpy(dtype=np.float64)
    table = since.table.assign(champion=since.conditional(at_horizon))
    outcome, weight = table["early_churn"], table["weight"]
    gain, skill = (
        compare(outcome, table[other], table["probability"], weight, deal=rows)
        for other in ("champion", "base_rate")
    )
    objections = find_objections(table, since.attributes)
    return replace(gain, champion=version, objections=objections, skill_low=skill.low)


def _caveat(split_date: pd.Timestamp | None, last: str) -> str:
    """Return what a comparison with a model that is older than the champion does not measure."""
    if split_date is None or split_date > pd.Timestamp(last):
        return ""
    return (
        f"The comparison used a model of the deals signed before {split_date:%Y-%m-%d}; the "
        f"champion learned from deals until {last}. So it does not measure what later deals "
        "teach. Where `fitmodel monitor` shows that the champion's probabilities are too low or "
        "too high, that is a reason to force the promotion."
    )


def _comparable(uri: str, spec: DealSpec) -> FitModel | str:
    """Return the champion, or a text on why a comparison with it is not possible."""
    try:
        champion = _loaded(resolve(uri, spec.tracking.uri))
    except FitModelError as error:
        return f"the champion's bundle cannot be read: {error}"
    return champion if isinstance(champion, str) else _incomparable(champion, spec) or champion


def _loaded(path: Path) -> FitModel | str:
    """Return the champion, or a text on why it is not loaded; an unsigned pickle is not."""
    bundle = open_bundle(path)
    if is_own_estimator(bundle) and not is_signature_required():
        return (
            f"the champion is a user's own estimator ({bundle.manifest['estimator']}); to score "
            f"with it is to unpickle it, which is done only where {SIGNING_KEY} is set and holds"
        )
    return open_model(bundle, unpickle=True)


def _compared(
    version: int,
    champion: FitModel,
    unseen: pd.DataFrame,
    attributes: pd.DataFrame,
    deals: pd.DataFrame,
) -> Comparison:
    try:
        probability = champion.predict(deals.loc[unseen.index], reasons=0)[
            "early_churn_probability"
        ]
    except FitModelError as error:
        return _not_compared(version, f"the champion cannot score these deals: {error}")
    table = unseen.assign(champion=probability.to_numpy())
    result = compare(table["early_churn"], table["champion"], table["probability"], table["weight"])
    objections = find_objections(table, attributes)
    return Comparison(result.deals, result.gain, result.low, result.high, version, objections)


def _not_compared(version: int, objection: str) -> Comparison:
    return Comparison(0, 0.0, 0.0, 0.0, version, (objection,))


def _incomparable(champion: FitModel, spec: DealSpec) -> str | None:
    if not spec.has_dates:
        return (
            "deals with a tenure but no closing date cannot be distinguished from those the "
            "champion learned from"
        )
    if not champion.manifest.get("period"):
        return "the champion's manifest does not say which deals it learned from"
    champion_spec = champion.manifest.get("spec", {})
    if champion_spec.get("deals", {}).get("closed_on", "") is None:
        return (
            "the champion learned from deals without closing dates, so no deal is surely new to it"
        )
    champion_horizon = champion_spec.get("label", {}).get("horizon_months")
    if champion_horizon != spec.label.horizon_months:
        return (
            f"the champion predicts early churn within {champion_horizon} months, this model "
            f"within {spec.label.horizon_months}"
        )
    return None


def _signed_after(
    evaluated: pd.DataFrame, deals: pd.DataFrame, spec: DealSpec, last: str
) -> pd.DataFrame:
    closing = pd.to_datetime(deals.loc[evaluated.index, str(spec.deals.closed_on)])
    later: pd.DataFrame = evaluated.loc[(closing > pd.Timestamp(last)).to_numpy()]
    return later


def champions_before(client: Any, name: str, champion: int) -> list[int]:
    """Return the versions that were champion before this one became it, oldest first."""
    tags = client.get_model_version(name, str(champion)).tags
    if HISTORY_TAG in tags:
        return [int(version) for version in tags[HISTORY_TAG].split(",") if version]
    return _linked(client, name, champion)


def history_tag(versions: list[int]) -> dict[str, str]:
    """Return the tag that records the champions before, for the version that becomes champion."""
    return {HISTORY_TAG: ",".join(map(str, versions[-MAX_CHAMPIONS:]))}


def _linked(client: Any, name: str, champion: int) -> list[int]:
    """Return the champions before, as fitmodel 0.1.0 recorded them: each version's last one.

    Where a version comes a second time the record ends: what was before its earlier promotion
    was overwritten by its later one.
    """
    newest_first = [champion]
    while newest_first[-1] not in newest_first[:-1]:
        tags = client.get_model_version(name, str(newest_first[-1])).tags
        if PREVIOUS_TAG not in tags:
            break
        newest_first.append(int(tags[PREVIOUS_TAG]))
    return newest_first[:0:-1]
