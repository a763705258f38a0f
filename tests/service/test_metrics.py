"""Prometheus metrics, without customer names."""

from __future__ import annotations

from collections import Counter

from prometheus_client.parser import text_string_to_metric_families

from fitmodel.service._metrics import BUCKETS, Metrics


def samples_of(metrics: Metrics, version: str = "v1") -> dict[tuple[str, frozenset], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.text(version))
        for sample in family.samples
    }


def labelled(name: str, **labels: str) -> tuple[str, frozenset]:
    return name, frozenset(labels.items())


def test_requests_are_counted_by_method_route_and_status() -> None:
    metrics = Metrics()
    for status in (200, 200, 503):
        metrics.count_request("POST", "/v1/assessments", status, 0.003)
    result = samples_of(metrics)
    asked = {"method": "POST", "route": "/v1/assessments"}
    assert result[labelled("fitmodel_requests_total", **asked, status="200")] == 2
    assert result[labelled("fitmodel_requests_total", **asked, status="503")] == 1


def test_a_request_is_counted_in_all_buckets_above_its_duration() -> None:
    metrics = Metrics()
    times = (0.0005, 0.003, 0.02, 9.0)
    for seconds in times:
        metrics.count_request("GET", "/v1/model", 200, seconds)
    metrics.count_request("GET", "/healthz", 200, 5.0)  # another route has its own times
    result = samples_of(metrics)
    of_route = {"route": "/v1/model"}
    for bound in BUCKETS:
        bucket = labelled("fitmodel_request_seconds_bucket", le=str(bound), **of_route)
        assert result[bucket] == sum(seconds <= bound for seconds in times)
    assert result[labelled("fitmodel_request_seconds_bucket", le="+Inf", **of_route)] == len(times)
    assert result[labelled("fitmodel_request_seconds_count", **of_route)] == len(times)
    total = result[labelled("fitmodel_request_seconds_sum", **of_route)]
    assert abs(total - sum(times)) < 1e-9
    assert result[labelled("fitmodel_request_seconds_count", route="/healthz")] == 1


def test_a_failed_reload_and_an_unavailable_registry_are_metrics() -> None:
    metrics = Metrics()
    for failed, away in ((False, True), (True, False)):
        text = metrics.text("v1", reload_failed=failed, registry_away=away)
        result = {
            sample.name: sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        assert result["fitmodel_reload_failed"] == failed
        assert result["fitmodel_registry_away"] == away


def test_assessments_are_counted_by_fit_and_errors_separately() -> None:
    metrics = Metrics()
    metrics.count_assessments(Counter({"good": 3, "error": 1}))
    metrics.count_assessments(Counter({"good": 2, "poor": 1}))
    result = samples_of(metrics)
    counts = {fit: result[labelled("fitmodel_assessments_total", fit=fit)] for fit in
              ("good", "poor", "error")}  # fmt: skip
    assert counts == {"good": 5, "poor": 1, "error": 1}


def test_only_the_current_model_has_a_metric() -> None:
    metrics = Metrics()
    metrics.text("the one before")
    result = samples_of(metrics, 'v"2\\')
    named = [dict(labels) for name, labels in result if name == "fitmodel_model_info"]
    assert named == [{"version": 'v"2\\'}]


def test_two_services_in_one_process_have_separate_counts() -> None:
    one, other = Metrics(), Metrics()
    one.count_assessments(Counter({"good": 1}))
    assert labelled("fitmodel_assessments_total", fit="good") not in samples_of(other)
