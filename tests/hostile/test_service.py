"""Requests of careless clients to the service. Mirrors no room.

200 with numbers, or 4xx with JSON and a sentence; never 5xx.
"""

from __future__ import annotations

import json
import math
import re

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from fitmodel.monitoring.log import DecisionLog
from fitmodel.service.app import create_app
from fitmodel.service.schema import example_prospect
from fitmodel.service.settings import Settings

careless = settings.get_profile("hostile")


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "logged"])
def client(bundle, tmp_path_factory, request):
    log = None
    if request.param:
        log = DecisionLog(tmp_path_factory.mktemp("log") / "decisions.db", salt="s")
    limits = Settings(reload_seconds=0, max_bytes=200_000, max_prospects=50)
    with TestClient(create_app(bundle, limits, log=log), raise_server_exceptions=False) as ready:
        yield ready


def ask(client: TestClient, body: bytes) -> list[dict]:
    """Assessments of one or several prospects; none if the request is refused with a message."""
    answer = client.post("/v1/assessments?reasons=20", content=body)
    answered = answer.json()
    if answer.status_code != 200:
        assert 400 <= answer.status_code < 500
        assert len(answered["detail"]) > 10
        return []
    items = answered.get("assessments", [answered])
    for item in items:
        assert "error" in item or 0 <= item["early_churn_probability"] <= 1
    return items


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(st.characters(), max_size=12),
        st.sampled_from(["\ud800", "a\x00b", "2024-02-29", "2016-12-31T23:59:60", "1e999", "=1+1"]),
        st.sampled_from([10**400, 2**63, -0.0, 5e-324]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=4,
)


@pytest.mark.slow
@careless
@given(data=st.data())
def test_any_json_prospect_is_assessed_or_refused_with_a_message(client, model, data):
    names = [*model.attributes, "closed_on", "deal_id", "more"]
    changed = data.draw(st.dictionaries(st.sampled_from(names), JSON, min_size=1, max_size=4))
    prospect = example_prospect(model) | {"deal_id": "D-1"} | changed
    if any(isinstance(value, float) and not math.isfinite(value) for value in changed.values()):
        text = json.dumps(prospect).replace("Infinity", "1e999").replace("NaN", "null")
    else:
        text = json.dumps(prospect)

    ask(client, text.encode())
    items = ask(client, f"[{text}, 7, {text}]".encode())

    assert len(items) in {0, 3}


@careless
@given(body=st.one_of(
    st.binary(max_size=60),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.text(max_size=30).map(lambda text: json.dumps({text: text}).encode("utf-16")),
    st.sampled_from([
        b"", b"[", b"[" * 100_000, b"{}", b"[]", b'{"prospects": 7}', b'{"prospects": []}', b"NaN",
        b"1" * 5_000, b'"' + b"x" * 300_000 + b'"', b"[{}" + b",{}" * 60 + b"]", b"\xef\xbb\xbf{}",
    ]),
))  # fmt: skip
def test_any_invalid_body_is_refused_with_a_message(client, body):
    items = ask(client, body)

    assert all("error" in item for item in items)


@pytest.mark.parametrize(
    "query",
    ["reasons=-1", "reasons=x", "reasons=1e9", "language=xx", "reasons=3&reasons=%00", "%00=1"],
)
def test_any_invalid_query_is_refused_with_a_message(client, model, query):
    answer = client.post(f"/v1/assessments?{query}", json=example_prospect(model))

    assert answer.status_code == 422
    named = re.findall(r"\breasons\b|\blanguage\b", answer.json()["detail"])
    assert named


@pytest.mark.parametrize("value", ["\ud800", "a\x00b", "\u202e", 10**400, -0.0, [1], {"a": []}])
def test_a_dangerous_value_in_any_attribute_is_handled(client, model, value):
    for name in [*model.attributes, "closed_on", "deal_id"]:
        prospect = example_prospect(model) | {"deal_id": "D-1", name: value}

        items = ask(client, json.dumps([prospect]).encode())

        assert len(items) == 1
