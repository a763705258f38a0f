"""A contract written as TOML is read back as it was."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.plain_words import as_toml, listed, toml_value
from fitmodel.deals.vocabulary import is_status, plain_words

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)  # no lone surrogates
VALUES = st.one_of(
    TEXTS,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.lists(TEXTS, min_size=1, max_size=3),
    st.dictionaries(TEXTS, TEXTS, min_size=1, max_size=3),
)
SECTIONS = st.dictionaries(
    TEXTS, st.dictionaries(TEXTS, VALUES, min_size=1, max_size=3), max_size=3
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SECTIONS)
def test_any_names_and_texts_are_read_back_from_toml(sections: dict) -> None:
    assert tomllib.loads(as_toml(sections)) == sections


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(TEXTS, st.lists(TEXTS, max_size=3)))
def test_a_single_value_is_read_back_from_toml(value: str | list[str]) -> None:
    assert tomllib.loads(f"key = {toml_value(value)}") == {"key": value}


def test_empty_settings_are_left_out() -> None:
    words = {"labels": {}, "money": None, "units": {"seats": None}}
    assert as_toml({"deals": {"id": None, "rep": "seller"}, "words": words}) == (
        '[deals]\nrep = "seller"\n'
    )


def test_zero_false_and_an_empty_text_are_written() -> None:
    given_values = {"costs": 0, "share": 0.0, "strict": False, "text": ""}
    assert tomllib.loads(as_toml({"decision": given_values})) == {"decision": given_values}


def test_a_contract_is_read_back_equal(tmp_path) -> None:
    dates = {"closed_on": 'Close "Date"', "churned_on": "Left\tOn", "observed_until": "2026-06-30"}
    spec = DealSpec(
        deals=dates,
        attributes={"exclude": ["Owner.Name", "größe", "价格"]},
        words={"labels": {"a.b": "A 'b'"}},
    )
    path = tmp_path / "fitmodel.toml"
    path.write_text(spec.to_toml(), encoding="utf-8")
    assert DealSpec.from_toml(path) == spec


@pytest.mark.parametrize(
    ("value", "status"),
    [("Attrited", True), ("Attrited Customer", True), ("customer_attrited", True),
     ("Existing Customer", False), ("customer", False)],
)  # fmt: skip
def test_a_status_is_recognised_with_and_without_a_noun(value: str, status: bool) -> None:
    assert is_status(plain_words(value), "left") == status


@pytest.mark.parametrize(("problems", "count"), [(["a"], "1 problem"), (["a", "b"], "2 problems")])
def test_problems_are_counted_and_each_has_a_line(problems: list[str], count: str) -> None:
    first, *lines = listed(problems, "the contract").splitlines()
    assert first == f"the contract is not valid ({count}):"
    assert lines == [f"  - {problem}" for problem in problems]
