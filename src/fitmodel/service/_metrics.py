"""What the service counts, for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, Info, generate_latest

if TYPE_CHECKING:
    from collections.abc import Mapping

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)  # seconds


class Metrics:
    """Counters of one service, in a registry of its own; no label holds an attribute value."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "fitmodel_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "fitmodel_request_seconds", "Time to answer.", buckets=BUCKETS, registry=self._registry
        )
        self._assessments = Counter(
            "fitmodel_assessments",
            "Prospects assessed, by fit band.",
            ("fit",),
            registry=self._registry,
        )
        self._model = Info("fitmodel_model", "The model in use.", registry=self._registry)

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request and the seconds it took."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.observe(seconds)

    def count_assessments(self, fits: Mapping[str, int]) -> None:
        """Count assessed prospects by fit band; "error" for those that could not be scored."""
        for fit, count in fits.items():
            self._assessments.labels(fit).inc(count)

    def text(self, version: str) -> str:
        """Return all metrics in Prometheus' text format 0.0.4."""
        self._model.info({"version": version})
        return generate_latest(self._registry).decode()
