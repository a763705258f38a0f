"""Errors for an unknown parameter, field, path or method list the valid ones."""

# ruff: noqa: RUF001 - Chinese sentences have their own colons and question marks

from __future__ import annotations

import re
import subprocess
import sys
from importlib.resources import files

import pytest

from fitmodel.language.catalogue import LANGUAGES

OPERATIONS = {"get", "post"}


@pytest.fixture(scope="module")
def described(client):
    return client.get("/openapi.json").json()["paths"]


def operations_of_the_api(described):
    for path, operations in described.items():
        for method in OPERATIONS & set(operations):
            if path.startswith("/v1/"):
                yield method, path, operations[method]


def parameters_of(operation) -> set[str]:
    return {each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"}


def test_every_route_of_the_api_refuses_unknown_parameters(client, described):
    seen = 0
    for method, path, operation in operations_of_the_api(described):
        answer = client.request(method, path, params={"langauge": "zh"})
        assert answer.status_code == 422, path
        assert answer.headers["content-type"] == "application/problem+json"
        detail = answer.json()["detail"]
        assert "no query parameter 'langauge'. Did you mean 'language'?" in detail
        assert all(repr(name) in detail for name in parameters_of(operation) | {"language"})
        assert "422" in operation["responses"]
        seen += 1
    assert seen > 20


def test_an_unknown_parameter_is_refused_with_the_valid_ones(client, prospect):
    answer = client.post("/v1/assessments?verbose=1", json=prospect)
    assert answer.status_code == 422
    assert answer.json()["detail"] == (
        "there is no query parameter 'verbose'. This route takes 'reasons', 'language', 'horizons'"
    )


def test_a_parameter_given_twice_is_refused(client, prospect):
    answer = client.post("/v1/assessments?reasons=3&reasons=4", json=prospect)
    assert answer.status_code == 422
    assert "'reasons' is given twice" in answer.json()["detail"]


def test_a_long_unknown_parameter_is_shortened_in_the_error(client):
    answer = client.get("/v1/me", params={"x" * 5_000: "1"})
    assert answer.status_code == 422
    assert len(answer.text) < 500


@pytest.mark.parametrize(
    "path", ["/", "/desk/desk.js", "/desk/texts/en", "/healthz", "/readyz", "/metrics"]
)
def test_files_and_probes_accept_any_query_parameters(client, path):
    plain, asked = client.get(path), client.get(path, params={"utm_source": "mail", "v": "2"})
    assert (asked.status_code, asked.headers["content-type"]) == (
        200,
        plain.headers["content-type"],
    )


def test_every_request_of_the_app_uses_valid_parameters(described):
    asked = []
    for file in files("fitmodel.service").joinpath("desk").iterdir():
        if file.name.endswith(".js"):
            asked += re.findall(r"`(v1/[^`?]*)\?([^`]*)`", file.read_text())
    assert len(asked) > 10
    for path, query in asked:
        pattern = re.sub(r"\$\{[^}]*\}", r"\\{[^}]*\\}", path)
        (operations,) = (
            each for name, each in described.items() if re.fullmatch(f"/{pattern}", name)
        )
        names = {name for part in query.split("&") for name in [part.split("=")[0]]}
        assert any(names <= parameters_of(each) | {"language"} for each in operations.values()), (
            path
        )


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/v1/me?langauge=zh&language=zh", "没有查询参数 'langauge'。是否想写 'language'？"),
        ("/v1/me?verbose=1&language=zh", "没有查询参数 'verbose'。此路径可用的参数：'language'"),
        ("/v1/me?language=zh&language=en", "查询参数 'language' 给出了两次"),
        ("/v1/nothing?language=zh", "没有这个路径"),
        ("/v1/assessments?language=zh", "此路径不接受 GET；可用：POST"),
        ("/v1/decisions?language=zh", "id：未给出"),
    ],
)
def test_errors_for_unknown_items_are_in_chinese_on_request(client, path, words):
    assert words in client.get(path).json()["detail"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_error_of_one_prospect_is_translated_once(client, prospect, language):
    wrong = prospect | {"seats": "four"}
    one = client.post(f"/v1/assessments?language={language}", json=wrong).json()["detail"]
    (item,) = client.post(f"/v1/assessments?language={language}", json=[wrong]).json()[
        "assessments"
    ]
    assert one == item["error"]
    assert ("不是数字" in one) == (language == "zh")


def test_a_refused_method_is_answered_with_the_allowed_methods(client, described):
    for path, operations in described.items():
        answer = client.request("DELETE", path)
        assert answer.status_code == 405
        allowed = set(answer.headers["allow"].split(", "))
        assert allowed - {"HEAD"} == {name.upper() for name in OPERATIONS & set(operations)}
        assert ("HEAD" in allowed) == ("get" in operations)
        assert answer.json()["detail"].startswith("this path does not take DELETE; it takes ")


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/v1/model", "/v1/nothing"])
def test_head_gives_the_same_response_as_get_without_a_body(client, path):
    got, head = client.get(path), client.head(path)
    assert head.status_code == got.status_code
    assert head.headers["content-type"] == got.headers["content-type"]
    assert head.content == b""


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b'{"id": "D-1"}', "text/plain", "sent with the header Content-Type: application/json"),
        (b"[1]", "application/json", "the body must be a JSON object"),
        (b"{", "application/json", "the body is not JSON: "),
        (b'{"id": "D-1", "by": "Kim"}', "application/json", "action: it is missing"),
        (
            b'{"id": "D-1", "by": "Kim", "action": "sign"}',
            "application/json",
            "action: must be one of 'signed', 'declined' or 'overridden', not 'sign'",
        ),
        (
            b'{"id": "D-1", "by": "Kim", "action": "signed", "comment": "x"}',
            "application/json",
            "comment: there is no such field; known are id, action, by, reason, seen, correct",
        ),
        (b'{"id": "D-1", "by": 7, "action": "signed"}', "application/json", "by: must be a text"),
    ],
)
def test_an_invalid_body_of_a_decision_is_refused_with_the_reason(client, body, kind, words):
    answer = client.post("/v1/decisions", content=body, headers={"content-type": kind})
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


@pytest.mark.parametrize("given", ["3;12", "0", "3,", "3, 12"])
def test_horizons_in_another_format_are_refused_with_an_example(client, prospect, given):
    answer = client.post("/v1/assessments", params={"horizons": given}, json=prospect)
    assert answer.status_code == 422
    assert (
        f"horizons: not {given!r}. Other horizons in months, such as 3,12"
        in answer.json()["detail"]
    )


def test_several_problems_of_a_query_are_all_reported(client, prospect):
    answer = client.post("/v1/assessments?reasons=99&language=de", json=prospect)
    assert answer.json()["detail"] == (
        "reasons: must be at most 20, not '99'; language: must be one of 'en' or 'zh', not 'de'"
    )


def test_a_package_of_the_service_that_is_missing_is_named() -> None:
    start = "import sys; sys.modules['prometheus_client'] = None; "
    code = start + "from fitmodel.service.app import create_app; create_app('models/prospect-fit')"
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert "the service needs prometheus_client, which is not installed. Remedy: " in done.stderr
