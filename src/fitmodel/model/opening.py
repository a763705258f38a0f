"""Open a model for scoring from a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fitmodel.exceptions import BundleError
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.scorer import scorer_from_json

if TYPE_CHECKING:
    from fitmodel.bundle.reading import Bundle

SCORER_FILE = "scorer.json"


def open_model(bundle: Bundle, *, unpickle: bool = False) -> FitModel:
    """Return the model of a bundle; nothing is unpickled unless `unpickle` is true and needed.

    Parameters
    ----------
    bundle : Bundle
        Opened bundle, whose manifest is already checked.
    unpickle : bool, default=False
        Whether a user's own estimator may be unpickled, as for `fitmodel.load`.

    Raises
    ------
    BundleError
        If the bundle is damaged, or holds a user's own estimator and `unpickle` is false.
    """
    if not is_own_estimator(bundle):
        scorer = scorer_from_json(bundle.read(SCORER_FILE), bundle.version)
        return FitModel(scorer, bundle.manifest, bundle.path)
    if not unpickle:
        raise BundleError(
            f"{bundle.path} holds a user's own estimator ({bundle.manifest['estimator']}), no "
            "scorecard file: to load it is to unpickle it, which can run any code. Remedy: if "
            "you trust who wrote it, fitmodel.load(path, unpickle=True), or "
            "`fitmodel score --unpickle`."
        )
    from fitmodel.model._own_estimator import open_estimator_model

    return open_estimator_model(bundle)


def is_own_estimator(bundle: Bundle) -> bool:
    """Return whether a bundle holds a user's own estimator and no scorecard file."""
    return SCORER_FILE not in bundle.files and bool(bundle.manifest.get("estimator"))
