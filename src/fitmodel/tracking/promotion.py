"""Promote a version to champion when the evidence supports it, and roll back in one step.

The alias ``champion`` is moved last, in one step of the store, and everything before it is written
to the version that is not in use yet: whatever stops a promotion, the old champion or the new one
is in use, never neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitmodel.bundle.reading import current_version, open_bundle
from fitmodel.bundle.store import set_current
from fitmodel.exceptions import BundleError, TrackingError
from fitmodel.model.opening import is_own_estimator
from fitmodel.tracking._evidence import (
    PromotionRefusedError,
    check_evidence,
    check_usable,
    noted_comparison,
)
from fitmodel.tracking.connection import connected
from fitmodel.tracking.registry import (
    BUNDLE_VERSION_TAG,
    CHALLENGER,
    CHAMPION,
    alias_version,
    resolve,
    version_numbers,
)

if TYPE_CHECKING:
    from fitmodel.bundle.reading import Bundle
    from fitmodel.evaluation.comparison import Comparison

__all__ = [
    "Outlook",
    "Promotion",
    "PromotionRefusedError",
    "follow_champion",
    "look_ahead",
    "promote",
    "rollback",
]

PREVIOUS_TAG = "fitmodel.previous_champion"
PROMOTED_TAG = "fitmodel.promoted_at"
FORCED_TAG = "fitmodel.forced_because"
BECAUSE_TAG = "fitmodel.promoted_because"
BY_TAG = "fitmodel.promoted_by"
GAIN_TAG = "fitmodel.gain_over_previous"


@dataclass(frozen=True)
class Promotion:
    """The version in use now and the one before; equal where nothing was moved.

    The warning says what the user should know of the version that is in use now.
    """

    name: str
    version: int
    previous: int | None
    forced_because: str | None = None
    warning: str | None = None


def promote(
    name: str,
    *,
    version: int | None = None,
    comparison: Comparison | None = None,
    force: bool = False,
    reason: str | None = None,
    by: str | None = None,
    store: str | None = None,
) -> Promotion:
    """Promote a version if the evidence supports it.

    Parameters
    ----------
    name
        Registered model.
    version
        Version to put in use; else the challenger.
    comparison
        Champion against this version on the same out-of-time deals; else the one that its
        training noted in its bundle (`compare_with_champion`).
    force, reason
        Promote without evidence; the reason is recorded on the version.
    by
        Who promotes it, recorded on the version.
    store
        MLflow tracking URI.

    Raises
    ------
    PromotionRefusedError
        When the version shows no skill against the base rate, or does not beat the champion
        beyond noise; when it is a user's own estimator, which services do not load; or when it
        is forced without a reason.
    TrackingError
        When there is no such version, or the store does not answer.
    BundleError
        When the version's bundle is damaged; not even force puts that in use.

    Examples
    --------
    >>> promote("prospect-fit", store="sqlite:///mlflow.db").version  # it is in use already
    1
    """
    if force and not (reason and reason.strip()):
        raise PromotionRefusedError("a forced promotion needs a reason, which is recorded")
    with connected(store) as client:
        chosen, champion = _chosen(client, name, version)
        if chosen == champion:
            return Promotion(name, chosen, champion)
        result = client.get_model_version(name, str(chosen))
        bundle = _checked_bundle(name, chosen, store)
        if comparison is None:
            comparison = noted_comparison(bundle, champion)
        if not force:
            check_usable(bundle, result, champion)
            check_evidence(client, result, champion, comparison)
        tags = _promotion_tags(champion, comparison, reason, by, is_forced=force)
        _move(client, name, chosen, tags)
    return Promotion(name, chosen, champion, reason if force else None, _warning(bundle))


@dataclass(frozen=True)
class Outlook:
    """The result that promoting a version now would have.

    Attributes
    ----------
    version, champion : int or None
        The candidate, and the version in use.
    refusal : str or None
        Why it would not be promoted without force; None where it would.
    comparison : Comparison or None
        With the champion on the same later deals, as its training noted it.
    refused : PromotionRefusedError or None
        The refusal with its kind, for pages that say it in other languages.
    """

    version: int | None
    champion: int | None
    refusal: str | None = None
    comparison: Comparison | None = None
    refused: PromotionRefusedError | None = None


def look_ahead(name: str, *, version: int | None = None, store: str | None = None) -> Outlook:
    """Say whether a version would be promoted, by the rules of `promote`; nothing is moved.

    Parameters
    ----------
    name, version, store
        As of `promote`. Without a version, and without a challenger that is not in use already,
        there is nothing to promote.

    Raises
    ------
    TrackingError
        If there is no such version, or the store does not answer.
    BundleError
        If the version's bundle is damaged.
    """
    with connected(store) as client:
        champion = alias_version(client, name, CHAMPION)
        chosen = version if version is not None else alias_version(client, name, CHALLENGER)
        if chosen is None or chosen == champion:
            return Outlook(None, champion)
        result = client.get_model_version(name, str(chosen))
        bundle = _checked_bundle(name, chosen, store)
        comparison = noted_comparison(bundle, champion)
        try:
            check_usable(bundle, result, champion)
            check_evidence(client, result, champion, comparison)
        except PromotionRefusedError as refused:
            return Outlook(chosen, champion, str(refused), comparison, refused)
    return Outlook(chosen, champion, comparison=comparison)


def _chosen(client: Any, name: str, version: int | None) -> tuple[int, int | None]:
    """The version to promote, else the challenger, and the champion."""
    chosen = version if version is not None else alias_version(client, name, CHALLENGER)
    if chosen is None:
        raise TrackingError(f"{name!r} has no challenger to promote; `fitmodel train` makes one")
    known = version_numbers(client, name)
    if chosen not in known:
        there = ", ".join(map(str, known)) or "none"
        raise PromotionRefusedError(f"{name!r} has no version {chosen}; there are: {there}")
    return chosen, alias_version(client, name, CHAMPION)


def rollback(name: str, *, store: str | None = None) -> Promotion:
    """Put the champion before the present one back in use, in one step.

    Parameters
    ----------
    name : str
        Registered model.
    store : str, optional
        MLflow tracking URI.

    Returns
    -------
    Promotion

    Raises
    ------
    TrackingError
        When there is no champion or none before it, or the store does not answer.
    BundleError
        When the earlier bundle is damaged; the present champion then stays.

    Examples
    --------
    >>> rollback("prospect-fit", store="sqlite:///mlflow.db")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    fitmodel.exceptions.TrackingError: version 1 of 'prospect-fit' was the first champion; ...
    """
    with connected(store) as client:
        champion = alias_version(client, name, CHAMPION)
        if champion is None:
            raise TrackingError(f"{name!r} has no champion to roll back")
        tags = client.get_model_version(name, str(champion)).tags
        if PREVIOUS_TAG not in tags:
            raise TrackingError(
                f"version {champion} of {name!r} was the first champion; there is none before it"
            )
        previous = int(tags[PREVIOUS_TAG])
        bundle = _checked_bundle(name, previous, store)
        client.set_registered_model_alias(name, CHAMPION, str(previous))
    return Promotion(name, previous, champion, warning=_warning(bundle))


def _warning(bundle: Bundle) -> str | None:
    """Warn if the champion cannot be used by batch jobs and services."""
    if not is_own_estimator(bundle):
        return None
    return (
        f"the champion is a user's own estimator ({bundle.manifest['estimator']}) without a sealed "
        "scorer: serve, brief, monitor and Spark do not load it; fitmodel score --unpickle and "
        "fitmodel.load(..., unpickle=True) do"
    )


def _checked_bundle(name: str, version: int, store: str | None) -> Bundle:
    bundle = open_bundle(resolve(f"models:/{name}/{version}", store))
    for file in bundle.files:
        bundle.read(file)
    return bundle


def _promotion_tags(
    champion: int | None,
    comparison: Comparison | None,
    reason: str | None,
    by: str | None,
    *,
    is_forced: bool,
) -> dict[str, str]:
    tags = {PROMOTED_TAG: datetime.now(UTC).isoformat(timespec="seconds")}
    if champion is not None:
        tags[PREVIOUS_TAG] = str(champion)
    if comparison is not None:
        tags[GAIN_TAG] = str(comparison)
    if reason is not None:
        tags[FORCED_TAG if is_forced else BECAUSE_TAG] = reason
    if by is not None:
        tags[BY_TAG] = by
    return tags


def _move(client: Any, name: str, version: int, tags: dict[str, str]) -> None:
    # First what rollback needs, on a version that is not in use yet; the alias last.
    for key, value in tags.items():
        client.set_model_version_tag(name, str(version), key, value)
    client.set_registered_model_alias(name, CHAMPION, str(version))


def follow_champion(models: str | Path, name: str, store: str | None = None) -> str | None:
    """Point ``current`` of a folder of models at the registered champion.

    Parameters
    ----------
    models : path
        Folder of bundles.
    name : str
        Registered model, and folder below `models`.
    store : str, optional
        MLflow tracking URI.

    Returns
    -------
    str or None
        Version of the bundle that is current afterwards. A champion that was trained elsewhere is
        not in the folder, which then stays as it is.

    Raises
    ------
    TrackingError
        If the store does not answer.
    """
    home = Path(models) / name
    with connected(store) as client:
        champion = alias_version(client, name, CHAMPION)
        tags = {} if champion is None else client.get_model_version(name, str(champion)).tags
    version = tags.get(BUNDLE_VERSION_TAG)
    if version is not None and version != current_version(home) and (home / version).is_dir():
        _try_current(models, name, version)
    return current_version(home)


def _try_current(models: str | Path, name: str, version: str) -> None:
    """Point at it if it opens; a damaged one is never put in use."""
    try:
        set_current(models, name, version)
    except BundleError:
        return
