"""The letter uses only words from the contract and contains no score."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from fitmodel.exceptions import SpecError
from fitmodel.model.assessment import Assessment
from fitmodel.model.wording import Wording
from fitmodel.reports.letter import (
    LONGEST,
    MAX_POINTS,
    default_template,
    make_letter,
    points_for_prospect,
)


def assessment_in(language="en", months=5) -> Assessment:
    wording = Wording(horizon_months=months, language=language)
    return Assessment(
        0.4321, 0.3, 0.6, poor_fit=True, fit="poor", expected_value=-1234.0, unfamiliar=False,
        reasons=(), model_version="v9", wording=wording,
    )  # fmt: skip


def reason(attribute, value="x", odds_ratio=2.0):
    return SimpleNamespace(attribute=attribute, value_words=value, odds_ratio=odds_ratio)


WORDING = Wording(
    prospect={"size": "You are {value}.", "plan": "You want {value}, {value}.", "city": "Far."}
)


def test_a_reason_with_words_in_the_contract_is_written_with_its_value() -> None:
    against = [reason("size", "12 people"), reason("source"), reason("plan", "gold")]

    assert points_for_prospect(against, WORDING) == ("You are 12 people.", "You want gold, gold.")


@pytest.mark.parametrize(("odds_ratio", "mentioned"), [(1.05, True), (1.049, False), (0.5, False)])
def test_a_reason_with_a_small_effect_is_left_out(odds_ratio, mentioned) -> None:
    assert bool(points_for_prospect([reason("size", odds_ratio=odds_ratio)], WORDING)) is mentioned


def test_at_most_three_points_are_written_with_the_strongest_first() -> None:
    against = [reason("size", str(number)) for number in range(5)]

    assert points_for_prospect(against, WORDING) == ("You are 0.", "You are 1.", "You are 2.")
    assert MAX_POINTS == 3
    assert points_for_prospect([], WORDING) == ()


def test_braces_in_a_value_are_not_a_template() -> None:
    assert points_for_prospect([reason("size", "{value} {{ horizon }}")], WORDING) == (
        "You are {value} {{ horizon }}.",
    )
    letter = make_letter(assessment_in(), ["You are {{ horizon }}."])
    assert "- You are {{ horizon }}." in letter


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_letter_contains_its_points_and_no_number_of_the_assessment(language) -> None:
    letter = make_letter(assessment_in(language), ["You are small.", "You are far."])

    assert "- You are small.\n- You are far.\n" in letter
    for figure in ("0.43", "43", "1234", "poor", "v9"):
        assert figure not in letter
    assert letter.endswith("\n")
    assert not letter.endswith("\n\n")
    assert letter == letter.strip() + "\n"


def test_without_points_the_letter_names_the_size_or_has_a_gap_to_fill_in() -> None:
    small = make_letter(assessment_in(), [], too_small=True)
    neither = make_letter(assessment_in(), [])

    assert "At the size you have in mind" in small
    assert "[the need that the product does not meet" in neither
    assert "At the size you have in mind" not in make_letter(assessment_in(), ["x"], too_small=True)


def test_changes_are_offered_only_if_there_are_any() -> None:
    with_changes = make_letter(assessment_in(), [], changes=["a larger package"])
    without = make_letter(assessment_in(), [])

    assert "One thing might change our minds" in with_changes
    assert "If your needs change" in without
    assert "a larger package" not in with_changes  # inside only: the rep fills in what to offer


def test_the_horizon_is_written_in_words() -> None:
    assert "stopped within 5 months." in make_letter(assessment_in(), ["x"])
    assert make_letter(assessment_in(months=7), [], template="{{ horizon_months }}") == "7\n"


def test_an_own_template_can_use_each_value() -> None:
    template = "{{ points | join('; ') }}|{{ too_small }}|{{ changes | length }}|{{ horizon }}"
    letter = make_letter(
        assessment_in(), ["a", "b"], too_small=True, changes=["c"], template=template
    )

    assert letter == "a; b|True|1|within 5 months\n"


@pytest.mark.parametrize(
    ("template", "because"),
    [
        ("{{ probability }}", "'probability' is undefined"),
        ("{% if %}", "Expected an expression"),
        ("{{ points.__class__ }}", "unsafe|access to attribute '__class__'"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ points[7] }}", "no element|undefined"),
        ("{% include 'x' %}", "no loader"),
    ],
)
def test_an_invalid_template_is_refused_with_the_allowed_names(template, because) -> None:
    with pytest.raises(
        SpecError, match=rf"(?s)has an error: .*({because}).*points, horizon, "
    ) as one:
        make_letter(assessment_in(), [], template=template)
    assert "--show-template" in str(one.value)


def test_an_endless_template_is_refused_by_length() -> None:
    template = "{% for n in range(60000) %}xx{% endfor %}"
    with pytest.raises(SpecError, match="makes a letter of 120,000 characters"):
        make_letter(assessment_in(), [], template=template)
    longest = "{% for n in range(50000) %}xx{% endfor %}"
    assert len(make_letter(assessment_in(), [], template=longest)) == LONGEST + 1


def test_there_is_a_template_in_each_supported_language() -> None:
    assert default_template("en") != default_template("zh")
    with pytest.raises(SpecError, match='no letter in the language "fr"; choose one of en, zh'):
        default_template("fr")
