"""The words and the JSON of an assessment, which depend only on its fields."""

from __future__ import annotations

import copy
import json
import math
import pickle
from dataclasses import dataclass, fields, replace

import pytest

from fitmodel.model.assessment import (
    FEW_SIMILAR_DEALS,
    LOW_OWN_EVIDENCE,
    Assessment,
    quick_assessment,
)
from fitmodel.model.wording import Wording

WORDS = Wording(money="€ {:,.0f}", horizon_months=5, labels={"crm": "CRM in use"})
GOOD = Assessment(
    early_churn_probability=0.12, probability_low=0.08, probability_high=0.17, poor_fit=False,
    fit="good", expected_value=math.nan, unfamiliar=False, reasons=(), model_version="v7",
    wording=WORDS, own_evidence=0.9, rarest_value_deals=50,
)  # fmt: skip
VERDICT = "good fit: 12% likely to leave within 5 months (8% to 17%)"


@dataclass
class _Reason:
    contribution: float


def test_the_verdict_contains_fit_probability_horizon_and_interval() -> None:
    assert GOOD.verdict == VERDICT
    assert GOOD.sentences == (VERDICT,)
    assert str(GOOD) == VERDICT
    sure = replace(GOOD, fit="poor", early_churn_probability=0.999, probability_high=1.0)
    assert sure.verdict == "poor fit: >99% likely to leave within 5 months (8% to 100%)"


def test_the_verdict_says_if_there_is_no_interval() -> None:
    own = replace(GOOD, probability_low=math.nan, probability_high=math.nan)
    assert own.verdict == "good fit: 12% likely to leave within 5 months (no interval)"


def test_reasons_are_separated_by_direction_and_keep_their_order() -> None:
    reasons = tuple(map(_Reason, (0.9, -0.7, 0.0, 0.4, -0.1)))
    assessment = replace(GOOD, reasons=reasons)
    assert [each.contribution for each in assessment.against] == [0.9, 0.4]
    assert [each.contribution for each in assessment.in_favour] == [-0.7, -0.1]


def test_the_sentences_are_in_a_fixed_order() -> None:
    assessment = replace(
        GOOD, fit="poor", poor_fit=True, escalate=True, expected_value=-500.0,
        expected_value_low=-900.0, expected_value_high=-100.0, worth="loses", unfamiliar=True,
        unfamiliar_because=("crm", "crm & seat_count"), proceed=True, regime="provisional",
        churn_probabilities=((3, 0.05), (12, 0.3)), churn_intervals=((3, 0.02, 0.09),),
    )  # fmt: skip
    minus = "\N{MINUS SIGN}"
    assert assessment.sentences == (
        "poor fit: 12% likely to leave within 5 months (8% to 17%)",
        "5% likely to leave within 3 months of signing (2% to 9%)",
        "30% likely to leave within 12 months of signing",
        "A manager should decide: it is a poor fit, and its yearly amount is one of the biggest.",
        f"expected value of signing: {minus}€ 500 ({minus}€ 900 to {minus}€ 100), loses money",
        "unlike past deals in: CRM in use, CRM in use & Seat count",
        "proceed anyway, for learning: chosen at random from the flagged",
        "Provisional: the model learned from few early churners.",
    )
    assert assessment.notes == assessment.sentences[-1:]


@pytest.mark.parametrize(("poor_fit", "proceed"), [(False, True), (True, False), (True, None)])
def test_only_a_flagged_prospect_drawn_for_exploration_has_a_sentence_about_it(
    poor_fit, proceed
) -> None:
    assessment = replace(GOOD, poor_fit=poor_fit, proceed=proceed)
    assert assessment.sentences == (VERDICT,)
    assert assessment.to_dict().get("proceed") == proceed
    assert ("proceed" in assessment.to_dict()) is (proceed is not None)


@pytest.mark.parametrize(
    ("share", "alike", "text"),
    [
        (LOW_OWN_EVIDENCE, 0, None),
        (math.nan, 0, None),
        (0.499, 0, "no such deal is among those"),
        (0.499, 1, "only one such deal is among those"),
        (0.499, 2, "only 2 such deals are among those"),
        (0.499, FEW_SIMILAR_DEALS, "only 20 such deals are among those"),
        (0.499, FEW_SIMILAR_DEALS + 1, "past deals say little about what sets this prospect apart"),
    ],
)
def test_a_note_on_little_own_evidence_names_the_number_of_similar_deals(
    share: float, alike: int, text: str | None
) -> None:
    notes = replace(GOOD, own_evidence=share, rarest_value_deals=alike).notes
    assert len(notes) == (text is not None)
    assert text is None or text in notes[0]


def test_json_contains_known_numbers_and_null_for_missing_ones() -> None:
    data = GOOD.to_dict()
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert (data["early_churn_probability"], data["probability_low"]) == (0.12, 0.08)
    for name in ("expected_value", "expected_value_low", "expected_value_high"):
        assert data[name] is None
    assert data["unfamiliar_because"] == []
    assert data["sentences"] == [VERDICT]
    bare = replace(GOOD, probability_low=math.nan, own_evidence=math.nan)
    assert bare.to_dict()["probability_low"] is bare.to_dict()["own_evidence"] is None


def test_horizons_have_the_column_names_as_json_keys() -> None:
    data = replace(
        GOOD, churn_probabilities=((3, 0.05), (12, 0.3)), churn_intervals=((12, 0.2, 0.4),)
    ).to_dict()
    at = {name: value for name, value in data.items() if name.startswith("churn_")}
    assert at == {
        "churn_probability_3m": 0.05, "churn_probability_3m_low": None,
        "churn_probability_3m_high": None, "churn_probability_12m": 0.3,
        "churn_probability_12m_low": 0.2, "churn_probability_12m_high": 0.4,
    }  # fmt: skip


def test_a_copy_is_equal_also_with_missing_values() -> None:
    for again in (copy.copy(GOOD), copy.deepcopy(GOOD), pickle.loads(pickle.dumps(GOOD))):  # noqa: S301 - ours
        assert again == GOOD
        assert again.wording == GOOD.wording


def test_assessments_in_different_languages_are_equal() -> None:
    assert replace(GOOD, wording=WORDS.in_language("zh")) == GOOD
    assert replace(GOOD, wording=WORDS.in_language("zh")).verdict != GOOD.verdict
    assert replace(GOOD, model_version="v8") != GOOD


def test_quick_assessment_equals_the_constructor() -> None:
    late = {"proceed", "churn_probabilities", "churn_intervals"}
    names = [each.name for each in fields(Assessment) if each.name not in late]
    quick = quick_assessment(*(getattr(GOOD, name) for name in names))
    assert type(quick) is Assessment
    assert quick == GOOD
    assert quick.wording is WORDS
    with pytest.raises(AttributeError):
        quick.fit = "poor"  # type: ignore[misc]
