"""Metrics for Prometheus: requests, assessments, and the state of the model in use.

With several workers (``PROMETHEUS_MULTIPROC_DIR``) the counters of all workers are summed; the
model in use is that of the worker that answers the request.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from fitmodel.service.settings import MULTIPROC_DIR

if TYPE_CHECKING:
    from collections.abc import Mapping

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)  # seconds
_STATE = """\
# HELP fitmodel_model_info The model in use.
# TYPE fitmodel_model_info gauge
fitmodel_model_info{{version="{version}"}} 1.0
# HELP fitmodel_reload_failed 1 where the last look for another model failed.
# TYPE fitmodel_reload_failed gauge
fitmodel_reload_failed {failed:.1f}
# HELP fitmodel_registry_away 1 where the registry did not answer the last look.
# TYPE fitmodel_registry_away gauge
fitmodel_registry_away {away:.1f}
"""


class Metrics:
    """Metrics of one service, in its own registry; no label contains an attribute value."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "fitmodel_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "fitmodel_request_seconds",
            "Time to answer, by route.",
            ("route",),
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._assessments = Counter(
            "fitmodel_assessments",
            "Prospects assessed, by fit band; error where one could not be scored.",
            ("fit",),
            registry=self._registry,
        )

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request and the seconds it took."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def count_assessments(self, fits: Mapping[str, int]) -> None:
        """Count assessed prospects by fit band; "error" for those that could not be scored."""
        for fit, count in fits.items():
            self._assessments.labels(fit).inc(count)

    def text(
        self, version: str, *, reload_failed: bool = False, registry_away: bool = False
    ) -> str:
        """Return all metrics in Prometheus' text format 0.0.4."""
        registry = self._registry
        if MULTIPROC_DIR in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        counted = generate_latest(registry).decode()
        version = version.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return counted + _STATE.format(version=version, failed=reload_failed, away=registry_away)
