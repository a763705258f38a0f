"""Loading of a model from a folder or from the registry, scoring with it, and following its source.

A `ModelHolder` checks the source every few seconds, loads another bundle completely, then replaces
the model in one step. A request takes the model once, so that one model answers it from start to
end. If a new bundle cannot be loaded, the old model stays in use, and the failure is reported.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, overload

from fitmodel.bundle.reading import open_bundle
from fitmodel.exceptions import FitModelError
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

logger = logging.getLogger("fitmodel.service")


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


class ModelHolder:
    """Holds the model of a folder or registry alias, and replaces it while a service runs.

    Parameters
    ----------
    source : str or Path
        Source for `fitmodel.load`; the folder of a model name and a registry alias can change.
    unpickle : bool, default=False
        As in `fitmodel.load`.

    Attributes
    ----------
    failure : str or None
        Why the last check of the source failed; None if it succeeded.
    is_from_cache : bool
        Whether the registry did not answer the last check, so that the model that it named last is
        used.

    Raises
    ------
    BundleError, TrackingError
        If the first model cannot be loaded.

    Examples
    --------
    >>> with fitmodel.ModelHolder("models/prospect-fit") as holder:
    ...     holder.follow(seconds=5)  # check for a new champion in a thread
    ...     answer = holder.model.predict(pd.read_csv("prospects.csv").iloc[0])
    >>> answer.model_version == holder.model.version
    True
    """

    @old_parameters(workbench="unpickle")
    def __init__(self, source: str | Path, *, unpickle: bool = False) -> None:
        self._source = source
        self._unpickle = unpickle
        self.failure: str | None = None
        self.is_from_cache = False
        self._model = self._load()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def source(self) -> str | Path:
        """Source of the model: a path or a registry URI."""
        return self._source

    @property
    def model(self) -> FitModel:
        """The model in use; read this property once per request."""
        return self._model

    def refresh(self) -> bool:
        """Load the source's model if it changed; return whether another model is in use now."""
        try:
            with warnings.catch_warnings():  # `is_from_cache` and the log report it instead
                warnings.simplefilter("ignore")
                bundle, is_from_cache = locate_bundle(self._source)
            self._log_cache(is_from_cache=is_from_cache)
            if bundle.version == self._model.version:
                self.failure = None
                return False
            result = open_model(bundle, unpickle=self._unpickle)
        except (FitModelError, OSError) as error:
            self._report(error)
            return False
        self.failure = None
        self._model = result
        logger.info("model changed", extra={"fields": {"model_version": result.version}})
        return True

    def _load(self) -> FitModel:
        bundle, self.is_from_cache = locate_bundle(self._source)
        return open_model(bundle, unpickle=self._unpickle)

    def _log_cache(self, *, is_from_cache: bool) -> None:
        if is_from_cache and not self.is_from_cache:
            fields = {"source": str(self._source), "model_version": self._model.version}
            logger.warning("the registry does not answer", extra={"fields": fields})
        self.is_from_cache = is_from_cache

    def _report(self, error: Exception) -> None:
        """Log a failure once, and not again at every refresh."""
        text = f"{type(error).__name__}: {error}"
        if text != self.failure:
            fields = {"error": text, "model_version": self._model.version}
            logger.error(
                "model not reloaded; the one before stays in use", extra={"fields": fields}
            )
            self.failure = text

    def follow(self, seconds: float) -> None:
        """Refresh periodically in a background thread, until `close`."""
        self._thread = threading.Thread(
            target=self._refresh_periodically, args=(seconds,), name="fitmodel-reload", daemon=True
        )
        self._thread.start()

    def _refresh_periodically(self, seconds: float) -> None:
        while not self._stop.wait(seconds):
            self.refresh()

    def close(self) -> None:
        """Stop following the source; the model stays in use."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
