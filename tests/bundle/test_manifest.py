"""Each field of a manifest is checked: one wrong field among right ones is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fitmodel.bundle.manifest import read_manifest
from fitmodel.exceptions import BundleError

FILE = {"sha256": "ab" * 32, "size": 10}
RIGHT: dict[str, Any] = {
    "format": 1,
    "name": "prospect-fit",
    "version": "20260630-120000-0123abcd",
    "created_at": "2026-06-30T12:00:00+00:00",
    "files": {"scorer.json": FILE, "card.md": FILE},
    "spec": {"deals": {}, "label": {"horizon_months": 5}},
    "metrics": {"roc_auc": 0.7},
    "report": {},
    "comparison": None,
    "seen_values": {},
    "period": ["2024-01-01", "2026-01-01"],
    "attributes": ["segment", "seats"],
    "estimator": "LogisticRegression",
    "policy": "flags from 40% on",
    "edits": [{"words": "x"}],
}


def read(**changed: Any) -> dict[str, Any]:
    return read_manifest(json.dumps(RIGHT | changed).encode())


def test_old_names_of_fields_are_read_as_the_new_ones() -> None:
    old = read(contest={"gain": 0.1}, edits=[{"words": "cap seats", "judged": None}])
    assert old["comparison"] == {"gain": 0.1}
    assert "contest" not in old
    assert old["edits"] == [{"words": "cap seats", "evaluation": None}]
    with pytest.raises(BundleError, match="'comparison' is missing or wrong"):
        read(contest=[1])


def test_a_valid_manifest_is_accepted_unchanged() -> None:
    assert read() == RIGHT
    assert (
        read(comparison={"gain": 0.1}, period=[], edits=[], attributes=[], spec={})["period"] == []
    )


@pytest.mark.parametrize(
    "field",
    ["spec", "metrics", "report", "comparison", "seen_values", "period", "attributes", "estimator",
     "policy", "edits"],
)  # fmt: skip
def test_optional_fields_may_be_missing(field: str) -> None:
    rest = {name: value for name, value in RIGHT.items() if name != field}

    assert field not in read_manifest(json.dumps(rest).encode())


@pytest.mark.parametrize("field", ["name", "version", "created_at", "files"])
def test_required_fields_must_exist(field: str) -> None:
    rest = {name: value for name, value in RIGHT.items() if name != field}

    with pytest.raises(BundleError, match=rf"'{field}' is missing or wrong"):
        read_manifest(json.dumps(rest).encode())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 5),
        ("version", 20260630),
        ("version", "newest"),
        ("created_at", 20260630),
        ("created_at", "2026-06-30T12:00:00"),  # no time zone
        ("created_at", "yesterday"),
        ("files", []),
        ("files", {"a.json": []}),
        ("files", {"a.json": {"size": 1}}),
        ("files", {"a.json": {"sha256": 5, "size": 1}}),
        ("files", {"a.json": {"sha256": "ab", "size": 1}}),
        ("files", {"a.json": {"sha256": "ab" * 32}}),
        ("files", {"a.json": {"sha256": "ab" * 32, "size": 1.0}}),
        ("files", {"a.json": {"sha256": "ab" * 32, "size": -1}}),
        ("files", {"a.json": FILE, "b.json": {}}),  # the second one is wrong too
        ("spec", []),
        ("spec", {"deals": 1}),
        ("spec", {"deals": {}, "label": 1}),
        ("metrics", []),
        ("report", "good"),
        ("comparison", 5),
        ("comparison", []),
        ("seen_values", []),
        ("period", "ab"),  # a text of two
        ("period", ["2024-01-01"]),
        ("period", ["2024-01-01", 5]),
        ("period", {}),
        ("attributes", "ab"),
        ("attributes", {}),
        ("attributes", ["segment", 5]),
        ("estimator", None),
        ("policy", 5),
        ("edits", {}),
        ("edits", "ab"),
        ("edits", [{}, "ab"]),
    ],
)
def test_one_wrong_field_is_refused_and_named(field: str, value: Any) -> None:
    with pytest.raises(BundleError, match=rf"'{field}' is missing or wrong"):
        read(**{field: value})


def test_a_field_that_appears_twice_is_refused() -> None:
    text = json.dumps(RIGHT)[:-1] + ', "name": "other"}'

    with pytest.raises(BundleError, match="a field appears twice"):
        read_manifest(text.encode())


@pytest.mark.parametrize("form", [None, 0, 2, True, "1", 1.0])
def test_an_unknown_format_is_refused(form: Any) -> None:
    with pytest.raises(BundleError, match=r"has format .*; this fitmodel .* reads \[1\]"):
        read(format=form)


@pytest.mark.parametrize("text", ["[]", "5", "{", '{"a": NaN}', "null"])
def test_a_manifest_that_is_not_a_json_object_is_refused(text: str) -> None:
    with pytest.raises(BundleError, match="the manifest is not"):
        read_manifest(text.encode())
