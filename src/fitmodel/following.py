"""Keep a model in your own service, and replace it when there is a new champion.

a look at the source every few seconds -> another bundle? -> load it whole -> swap the reference

A request takes the reference once, so it is answered by one model from start to end. A bundle that
does not load leaves the old model in use, and is reported.
"""

from __future__ import annotations

import logging
import threading
import warnings
from typing import TYPE_CHECKING, Self

from fitmodel.exceptions import FitModelError
from fitmodel.loading import locate_bundle
from fitmodel.model.opening import open_model

if TYPE_CHECKING:
    from pathlib import Path

    from fitmodel.model.fitmodel import FitModel

logger = logging.getLogger("fitmodel.service")


class ModelHolder:
    """Holds the model of a folder or registry alias, and replaces it while a service runs.

    Parameters
    ----------
    source : str or Path
        As `fitmodel.load` takes it; the folder of a name and a registry alias can move.
    unpickle : bool, default=False
        As of `fitmodel.load`.
    workbench : bool, default=False
        Old name of `unpickle`.

    Attributes
    ----------
    failure : str or None
        Why the last look at the source put no model in use that it should have; None where it
        went well.
    is_from_cache : bool
        Whether the registry did not answer the last look, so that the model it named last is used.

    Raises
    ------
    BundleError, TrackingError
        If there is no model to begin with.

    Examples
    --------
    >>> with fitmodel.ModelHolder("models/prospect-fit") as holder:
    ...     holder.follow(seconds=5)  # look for another champion in a thread
    ...     answer = holder.model.predict(pd.read_csv("prospects.csv").iloc[0])
    >>> answer.model_version == holder.model.version
    True
    """

    def __init__(
        self, source: str | Path, *, unpickle: bool = False, workbench: bool = False
    ) -> None:
        self._source = source
        self._unpickle = unpickle or workbench
        self.failure: str | None = None
        self.is_from_cache = False
        self._model = self._load()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def source(self) -> str | Path:
        """Where the model comes from."""
        return self._source

    @property
    def model(self) -> FitModel:
        """The model in use: take it once for each request."""
        return self._model

    def refresh(self) -> bool:
        """Load the source's model if it changed; return whether it did."""
        try:
            with warnings.catch_warnings():  # `is_from_cache` says it, and the log, once
                warnings.simplefilter("ignore")
                bundle, is_from_cache = locate_bundle(self._source)
            self._note_cache(is_from_cache=is_from_cache)
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

    def _note_cache(self, *, is_from_cache: bool) -> None:
        if is_from_cache and not self.is_from_cache:
            facts = {"source": str(self._source), "model_version": self._model.version}
            logger.warning("the registry does not answer", extra={"facts": facts})
        self.is_from_cache = is_from_cache

    def _report(self, error: Exception) -> None:
        """Log a failure once, not at every refresh."""
        text = f"{type(error).__name__}: {error}"
        if text != self.failure:
            facts = {"error": text, "model_version": self._model.version}
            logger.error("model not reloaded; the one before stays in use", extra={"facts": facts})
            self.failure = text

    def follow(self, seconds: float) -> None:
        """Refresh periodically in a background thread, until `close`."""
        self._thread = threading.Thread(
            target=self._look, args=(seconds,), name="fitmodel-reload", daemon=True
        )
        self._thread.start()

    def _look(self, seconds: float) -> None:
        while not self._stop.wait(seconds):
            self.refresh()

    def close(self) -> None:
        """Stop following; the model stays."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
