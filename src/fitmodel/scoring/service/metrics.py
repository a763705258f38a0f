"""Counters and a histogram in Prometheus' text format (exposition format 0.0.4)."""

from __future__ import annotations

import threading
from collections import Counter

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)  # seconds


class Metrics:
    """What the service counts; names and labels hold no attribute values."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._assessments: Counter[str] = Counter()
        self._seconds: Counter[float] = Counter()
        self._total_seconds = 0.0

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request answered."""
        with self._lock:
            self._requests[method, route, status] += 1
            self._total_seconds += seconds
            for bound in BUCKETS:
                self._seconds[bound] += seconds <= bound

    def count_assessments(self, fits: Counter[str]) -> None:
        """Prospects assessed, by fit band; "error" for those that could not be scored."""
        with self._lock:
            self._assessments += fits

    def text(self, version: str) -> str:
        """Everything, as Prometheus reads it."""
        with self._lock:
            return "\n".join([*self._request_lines(), *self._other_lines(version)]) + "\n"

    def _request_lines(self) -> list[str]:
        lines = [
            "# HELP fitmodel_requests_total Requests answered.",
            "# TYPE fitmodel_requests_total counter",
        ]
        for (method, route, status), count in sorted(self._requests.items()):
            labels = f'method="{method}",route="{route}",status="{status}"'
            lines.append(f"fitmodel_requests_total{{{labels}}} {count}")
        lines += [
            "# HELP fitmodel_request_seconds Time to answer.",
            "# TYPE fitmodel_request_seconds histogram",
        ]
        name, total = "fitmodel_request_seconds", sum(self._requests.values())
        lines += [f'{name}_bucket{{le="{bound}"}} {self._seconds[bound]}' for bound in BUCKETS]
        lines += [
            f'{name}_bucket{{le="+Inf"}} {total}',
            f"{name}_sum {self._total_seconds:.6f}",
            f"{name}_count {total}",
        ]
        return lines

    def _other_lines(self, version: str) -> list[str]:
        lines = [
            "# HELP fitmodel_assessments_total Prospects assessed, by fit band.",
            "# TYPE fitmodel_assessments_total counter",
        ]
        lines += [
            f'fitmodel_assessments_total{{fit="{fit}"}} {count}'
            for fit, count in sorted(self._assessments.items())
        ]
        return [
            *lines,
            "# HELP fitmodel_model_info The model in use.",
            "# TYPE fitmodel_model_info gauge",
            f'fitmodel_model_info{{version="{version}"}} 1',
        ]
