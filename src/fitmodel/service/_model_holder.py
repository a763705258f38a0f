"""Hold the model in use, and replace it when there is a new champion.

a look at the source every few seconds -> another bundle? -> load it whole -> swap the reference

A request takes the reference once, so it is answered by one model from start to end. A bundle that
does not load leaves the old model in use, and is reported.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from fitmodel.exceptions import FitModelError
from fitmodel.loading import find_bundle, load
from fitmodel.model.fitmodel import FitModel

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger("fitmodel.service")


class ModelHolder:
    """Hold the model of a source and follow it.

    Parameters
    ----------
    source : str or Path
        As `fitmodel.load` takes it; the folder of a name and a registry alias can move.

    Raises
    ------
    BundleError, TrackingError
        If there is no model to begin with.
    """

    def __init__(self, source: str | Path) -> None:
        self._source = source
        self._model = load(source)
        self._failed: str | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def model(self) -> FitModel:
        """The model in use."""
        return self._model

    def refresh(self) -> bool:
        """Load the source's model if it changed; return whether it did."""
        try:
            bundle = find_bundle(self._source)
            if bundle.version == self._model.version:
                self._failed = None
                return False
            result = load(bundle.path)
        except (FitModelError, OSError) as error:
            self._report(error)
            return False
        self._failed = None
        self._model = result
        logger.info("model changed", extra={"facts": {"model_version": result.version}})
        return True

    def _report(self, error: Exception) -> None:
        """Log a failure once, not at every refresh."""
        text = f"{type(error).__name__}: {error}"
        if text != self._failed:
            facts = {"error": text, "model_version": self._model.version}
            logger.error("model not reloaded; the one before stays in use", extra={"facts": facts})
            self._failed = text

    def follow(self, seconds: float) -> None:
        """Refresh periodically in a thread of its own, until `close`."""
        self._thread = threading.Thread(
            target=self._look, args=(seconds,), name="fitmodel-reload", daemon=True
        )
        self._thread.start()

    def _look(self, seconds: float) -> None:
        while not self._stop.wait(seconds):
            self.refresh()

    def close(self) -> None:
        """Stop following."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
