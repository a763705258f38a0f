"""Point `current` of a folder of models at the registry's champion.

The alias is moved first and the folder follows it: whoever is stopped in between is caught up by
the next training, promotion or rollback.
"""

from __future__ import annotations

from pathlib import Path

from fitmodel.bundle.reading import current_version
from fitmodel.bundle.store import set_current
from fitmodel.exceptions import BundleError
from fitmodel.tracking.connection import connected
from fitmodel.tracking.registry import BUNDLE_VERSION_TAG, CHAMPION, alias_version


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
