"""Promotion of a version to champion if the evidence supports it, and rollback in one step.

The alias ``champion`` is moved last, in one step of the store; everything before is written to the
version that is not in use yet. Whenever a promotion is interrupted, either the old champion or the
new one is in use.
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
    require_evidence,
    stored_comparison,
)
from fitmodel.tracking.champion import PREVIOUS_TAG, champions_before, history_tag
from fitmodel.tracking.connection import connected, database_file, locked
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

PROMOTED_TAG = "fitmodel.promoted_at"
FORCED_TAG = "fitmodel.forced_because"
BECAUSE_TAG = "fitmodel.promoted_because"
BY_TAG = "fitmodel.promoted_by"
GAIN_TAG = "fitmodel.gain_over_previous"


@dataclass(frozen=True)
class Promotion:
    """The version in use now and the previous one; they are equal if nothing was changed.

    The warning is what the user should know about the version that is in use now.
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
    """Promote a version to champion if the evidence supports it.

    Parameters
    ----------
    name
        Name of the registered model.
    version
        Number of the version to put in use; default the challenger.
    comparison
        Comparison of champion and this version on the same out-of-time deals; default the one that
        its training stored in its bundle (`compare_with_champion`).
    force, reason
        Whether to promote without evidence, and why; the reason is recorded on the version.
    by
        Who promotes the version; recorded on the version.
    store
        MLflow tracking URI.

    Raises
    ------
    PromotionRefusedError
        If the version shows no skill against the base rate, was not compared with the champion or
        is not significantly better; if it is a user's own estimator, which services do not load,
        or a provisional model without skill; if there is no such version; if a forced promotion
        has no reason; or if the champion was changed meanwhile.
    TrackingError
        If there is no challenger, or the store does not answer.
    BundleError
        If the version's bundle is damaged; `force` does not put such a version in use either.

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
            comparison = stored_comparison(bundle, champion)
        if not force:
            require_evidence(client, bundle, result, champion, comparison)
        tags = _promotion_tags(champion, comparison, reason, by, is_forced=force)
        if champion is not None:
            tags |= history_tag([*champions_before(client, name, champion), champion])
        _set_champion(client, name, chosen, tags, instead_of=champion)
    return Promotion(name, chosen, champion, reason if force else None, _warning(bundle))


@dataclass(frozen=True)
class Outlook:
    """The result that a promotion now would have.

    Attributes
    ----------
    version, champion : int or None
        Number of the candidate, and of the version in use.
    refusal : str or None
        Why the candidate would not be promoted without force; None if it would be.
    comparison : Comparison or None
        Comparison with the champion on the same later deals, as stored by the training.
    refused : PromotionRefusedError or None
        The refusal with its kind, for pages in other languages.
    """

    version: int | None
    champion: int | None
    refusal: str | None = None
    comparison: Comparison | None = None
    refused: PromotionRefusedError | None = None


def look_ahead(name: str, *, version: int | None = None, store: str | None = None) -> Outlook:
    """Return whether a version would be promoted by the rules of `promote`; nothing is changed.

    Parameters
    ----------
    name, version, store
        As for `promote`. Without a version, and without a challenger other than the champion,
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
        comparison = stored_comparison(bundle, champion)
        try:
            require_evidence(client, bundle, result, champion, comparison)
        except PromotionRefusedError as refused:
            return Outlook(chosen, champion, str(refused), comparison, refused)
    return Outlook(chosen, champion, comparison=comparison)


def _chosen(client: Any, name: str, version: int | None) -> tuple[int, int | None]:
    """Return the version to promote (default the challenger), and the champion."""
    chosen = version if version is not None else alias_version(client, name, CHALLENGER)
    if chosen is None:
        raise TrackingError(f"{name!r} has no challenger to promote; `fitmodel train` makes one")
    known = version_numbers(client, name)
    if chosen not in known:
        listed = ", ".join(map(str, known)) or "none"
        raise PromotionRefusedError(f"{name!r} has no version {chosen}; there are: {listed}")
    return chosen, alias_version(client, name, CHAMPION)


def rollback(name: str, *, store: str | None = None) -> Promotion:
    """Put the previous champion back in use, in one step; again, the one before that.

    Parameters
    ----------
    name : str
        Name of the registered model.
    store : str, optional
        MLflow tracking URI.

    Returns
    -------
    Promotion
        The version in use now, and the one that was in use before the rollback.

    Raises
    ------
    TrackingError
        If there is no champion or no previous one, or the store does not answer.
    BundleError
        If the previous bundle is damaged; the present champion then stays in use.

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
        before = champions_before(client, name, champion)
        if not before:
            raise TrackingError(
                f"version {champion} of {name!r} was the first champion; there is none before it. "
                "Remedy: `fitmodel promote --version NUMBER --force REASON` puts any version in use"
            )
        *older, previous = before
        bundle = _checked_bundle(name, previous, store)
        _set_champion(client, name, previous, history_tag(older), instead_of=champion)
    return Promotion(name, previous, champion, warning=_warning(bundle))


def _warning(bundle: Bundle) -> str | None:
    """Return a warning if batch jobs and services cannot use the champion; else None."""
    if not is_own_estimator(bundle):
        return None
    return (
        f"the champion is a user's own estimator ({bundle.manifest['estimator']}) without a "
        "scorecard file: serve, brief, monitor and Spark do not load it; fitmodel score --unpickle "
        "and fitmodel.load(..., unpickle=True) do"
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


def _set_champion(
    client: Any, name: str, version: int, tags: dict[str, str], *, instead_of: int | None
) -> None:
    """Move the alias, unless another promotion or rollback has moved it meanwhile.

    Promotions in one SQLite store wait for each other. A server has no such lock; there, only the
    moment between the last look and the move is not covered.
    """
    with locked(database_file(client.tracking_uri)):
        champion = alias_version(client, name, CHAMPION)
        if champion != instead_of:
            was, now = (
                "no version" if each is None else f"version {each}"
                for each in (instead_of, champion)
            )
            raise PromotionRefusedError(
                f"the champion of {name!r} was changed meanwhile: it was {was} and now is {now}. "
                f"Version {version} was not put in use. Remedy: look at both, and try again"
            )
        # First the tags that rollback needs, on a version that is not in use yet; the alias last.
        for key, value in tags.items():
            client.set_model_version_tag(name, str(version), key, value)
        client.set_registered_model_alias(name, CHAMPION, str(version))


def follow_champion(models: str | Path, name: str, store: str | None = None) -> str | None:
    """Point ``current`` of a folder of models at the registered champion.

    Parameters
    ----------
    models : path
        Folder of all bundles.
    name : str
        Name of the registered model and of its folder below `models`.
    store : str, optional
        MLflow tracking URI.

    Returns
    -------
    str or None
        Version of the bundle that is current afterwards. A champion that was trained elsewhere is
        not in the folder; ``current`` then is unchanged.

    Raises
    ------
    TrackingError
        If the store does not answer.
    """
    model_folder = Path(models) / name
    with connected(store) as client:
        champion = alias_version(client, name, CHAMPION)
        tags = {} if champion is None else client.get_model_version(name, str(champion)).tags
    version = tags.get(BUNDLE_VERSION_TAG)
    if (
        version is not None
        and version != current_version(model_folder)
        and (model_folder / version).is_dir()
    ):
        _try_current(models, name, version)
    return current_version(model_folder)


def _try_current(models: str | Path, name: str, version: str) -> None:
    """Make a version current if it can be opened; a damaged version is never put in use."""
    try:
        set_current(models, name, version)
    except BundleError:
        return
