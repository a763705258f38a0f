"""Loading of a model from a folder or from the registry, and scoring with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from fitmodel.bundle.reading import open_bundle
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.opening import open_model
from fitmodel.renamed import old_parameters

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd

    from fitmodel.bundle.reading import Bundle
    from fitmodel.model.assessment import Assessment
    from fitmodel.model.inputs import ArrowTable, One
    from fitmodel.model.logged import AssessmentLog


@old_parameters(workbench="unpickle")
def load(path_or_uri: str | Path, *, unpickle: bool = False) -> FitModel:
    """Load a model for scoring; nothing is unpickled unless `unpickle` is true and needed.

    Parameters
    ----------
    path_or_uri : str or Path
        Folder of a bundle, folder of a model name (its current version), or a registry URI such as
        ``models:/prospect-fit@champion``.
    unpickle : bool, default=False
        Also load a model that is a user's own estimator. Its digest is checked before it is
        unpickled, but a pickle can run any code: use it only for bundles that you or your team
        wrote.

    Raises
    ------
    BundleError
        If there is no bundle, it is damaged, its format is unknown, or it has no scorecard file and
        `unpickle` is false.
    TrackingError
        If a registry URI cannot be resolved. If the registry does not answer, the bundle that it
        named last is used, with a `RegistryAwayWarning`.

    Examples
    --------
    >>> model = fitmodel.load("models/prospect-fit")
    >>> "segment" in model.attributes
    True
    """
    return open_model(find_bundle(path_or_uri), unpickle=unpickle)


@overload
def predict(
    prospects: One,
    *,
    model: FitModel | str | Path,
    reasons: int = ...,
    as_of: date | None = ...,
    language: str = ...,
    log: AssessmentLog | None = ...,
    horizon_months: int | Sequence[int] | None = ...,
) -> Assessment: ...
@overload
def predict(
    prospects: pd.DataFrame,
    *,
    model: FitModel | str | Path,
    reasons: int = ...,
    as_of: date | None = ...,
    language: str = ...,
    log: AssessmentLog | None = ...,
    horizon_months: int | Sequence[int] | None = ...,
) -> pd.DataFrame: ...
@overload
def predict(
    prospects: Sequence[One],
    *,
    model: FitModel | str | Path,
    reasons: int = ...,
    as_of: date | None = ...,
    language: str = ...,
    log: AssessmentLog | None = ...,
    horizon_months: int | Sequence[int] | None = ...,
) -> list[Assessment]: ...
@overload
def predict(
    prospects: ArrowTable,
    *,
    model: FitModel | str | Path,
    reasons: int = ...,
    as_of: date | None = ...,
    language: str = ...,
    log: AssessmentLog | None = ...,
    horizon_months: int | Sequence[int] | None = ...,
) -> Any: ...
def predict(
    prospects: One | Sequence[One] | pd.DataFrame | ArrowTable,
    *,
    model: FitModel | str | Path,
    reasons: int = 3,
    as_of: date | None = None,
    language: str = "en",
    log: AssessmentLog | None = None,
    horizon_months: int | Sequence[int] | None = None,
) -> Any:
    """Score prospects with a model, a bundle's path or a registry URI.

    Parameters
    ----------
    prospects, reasons, as_of, language, log, horizon_months
        As in `FitModel.predict`, which also describes the result and the errors.
    model : FitModel, str or Path
        A loaded model, or a source for `load`, which is loaded at every call: to score many times,
        load the model once.

    Examples
    --------
    >>> prospect = pd.read_csv("prospects.csv").iloc[0].to_dict()
    >>> 0 < predict(prospect, model="models/prospect-fit").early_churn_probability < 1
    True
    """
    loaded = model if isinstance(model, FitModel) else load(model)
    options: dict[str, Any] = {"reasons": reasons, "as_of": as_of, "language": language}
    return loaded.predict(prospects, **options, log=log, horizon_months=horizon_months)


def find_bundle(path_or_uri: str | Path) -> Bundle:
    """Open the bundle of a path or registry URI, without reading its tables.

    Raises
    ------
    BundleError, TrackingError
        As in `fitmodel.load`.
    """
    return locate_bundle(path_or_uri)[0]


def locate_bundle(path_or_uri: str | Path) -> tuple[Bundle, bool]:
    """Open a bundle, and return whether it is a cached copy because the registry did not answer.

    Raises
    ------
    BundleError, TrackingError
        As in `fitmodel.load`.
    """
    if isinstance(path_or_uri, str) and path_or_uri.startswith(("models:/", "runs:/")):
        from fitmodel.tracking.locating import locate

        located = locate(path_or_uri)
        return open_bundle(located.path), located.is_from_cache
    return open_bundle(Path(path_or_uri)), False
