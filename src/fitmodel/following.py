"""The model of your own service, which is replaced when there is a new champion.

check the source every few seconds -> another bundle: load it completely -> swap the reference

A request takes the reference once, so that one model answers it from start to end. If a new bundle
cannot be loaded, the old model stays in use, and the failure is reported.
"""

from __future__ import annotations

import logging
import threading
import warnings
from typing import TYPE_CHECKING, Self

from fitmodel.exceptions import FitModelError
from fitmodel.loading import locate_bundle
from fitmodel.model.opening import open_model
from fitmodel.renamed import old_parameters

if TYPE_CHECKING:
    from pathlib import Path

    from fitmodel.model.fitmodel import FitModel

logger = logging.getLogger("fitmodel.service")


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
        logger.info("model changed", extra={"facts": {"model_version": result.version}})
        return True

    def _load(self) -> FitModel:
        bundle, self.is_from_cache = locate_bundle(self._source)
        return open_model(bundle, unpickle=self._unpickle)

    def _log_cache(self, *, is_from_cache: bool) -> None:
        if is_from_cache and not self.is_from_cache:
            facts = {"source": str(self._source), "model_version": self._model.version}
            logger.warning("the registry does not answer", extra={"facts": facts})
        self.is_from_cache = is_from_cache

    def _report(self, error: Exception) -> None:
        """Log a failure once, and not again at every refresh."""
        text = f"{type(error).__name__}: {error}"
        if text != self.failure:
            facts = {"error": text, "model_version": self._model.version}
            logger.error("model not reloaded; the one before stays in use", extra={"facts": facts})
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
