"""The words of a review sheet contain the figures known at signing and three questions."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.enough import MIN_CHURNERS
from fitmodel.language.catalogue import phrases
from fitmodel.sales.reviews import (
    QUESTIONS,
    RetainedSimilarDeal,
    ReviewSheet,
    label_of,
    questions,
    similar_deals_text,
    stayed_text,
    value_text,
    verdict_text,
    warning_texts,
)

SAY = phrases("en", "reviews")
SPEC = DealSpec(
    deals={"closed_on": "closed_on", "churned_on": "churned_on", "observed_until": "2026-06-30"},
    attributes={"actionable": ["package"]},
    words={"labels": {"seats": "number of seats"}},
)
MODEL = SimpleNamespace(scorecard=SimpleNamespace(base_rate=0.204))


def reason(attribute="seats", value=4, *, deals=1200, rate=0.413, days=None):
    return SimpleNamespace(
        attribute=attribute, value=value, deals=deals, early_churn_rate=rate,
        before_signing={} if days is None else {attribute: timedelta(days=days)},
    )  # fmt: skip


def snapshot(model=MODEL):
    return SimpleNamespace(
        as_of=pd.Timestamp("2025-03-31"), model=model, known=1500, early_churners=7
    )


SHEET = ReviewSheet(
    rep="Kim", deal="D7", signed=pd.Timestamp("2025-04-10"), left=pd.Timestamp("2025-06-10"),
    months=2.0, worth=1000.0, snapshot=snapshot(),
    assessment=SimpleNamespace(early_churn_probability=0.366),
)  # fmt: skip


def sheet(**changes) -> ReviewSheet:
    return replace(SHEET, **changes)


def stayed(*differs, deal="D3"):
    return RetainedSimilarDeal(deal, pd.Timestamp("2024-12-24"), tuple(differs))


def test_the_verdict_uses_the_data_known_the_day_before_signing() -> None:
    assert verdict_text(SHEET, SAY) == (
        "On 2025-03-31, with 1,500 outcomes known, the model would have predicted: 37% likely to "
        "leave early (20% of all)."
    )


@pytest.mark.parametrize("lacking", [{"assessment": None}, {"snapshot": snapshot(None)}])
def test_the_verdict_says_how_many_churners_were_missing_for_a_model(lacking) -> None:
    words = verdict_text(sheet(**lacking), SAY)

    assert words.startswith("Too little was known on 2025-03-31")
    assert f"7 early churners, {MIN_CHURNERS} needed" in words


def test_a_warning_has_the_evidence_known_at_signing() -> None:
    warnings = (
        reason(), reason("package", "none", deals=0),
        reason("seats & plan_code", (4, None), deals=None),
    )  # fmt: skip

    assert warning_texts(sheet(warnings=warnings), SPEC, SAY) == [
        "number of seats = 4: 41% of 1,200 such deals had left early by then, 20% of all",
        "package = none: no such deal was known",
        "number of seats = 4 and plan code = not filled in: the two together had raised the risk",
    ]
    assert warning_texts(sheet(warnings=warnings, snapshot=snapshot(None)), SPEC, SAY) == []


def test_similar_deals_are_counted_with_an_interval_or_left_out() -> None:
    similar = SimpleNamespace(known=50, left=13, low=0.164, high=0.396)

    assert similar_deals_text(sheet(similar_deals=similar), SAY) == (
        "Of the 50 most similar deals signed before, 13 have left early by now (16% to 40%)."
    )
    assert similar_deals_text(SHEET, SAY) == ""


def test_a_similar_deal_that_stayed_is_described_with_its_differences() -> None:
    differs = (("seats", 4, 12), ("lead_source", None, "partner"))

    assert stayed_text(stayed(*differs), SPEC, SAY) == (
        "D3, signed 2024-12-24, stayed: number of seats 12 instead of 4; "
        "lead source partner instead of not filled in"
    )
    assert stayed_text(stayed(), SPEC, SAY).startswith(
        "D3, signed 2024-12-24, stayed, with the same"
    )


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (4, "4"), (4.0, "4"), (0.12345, "0.1235"), ("gold", "gold"), (None, "not filled in"),
        (np.nan, "not filled in"), ("None", "None"), (date(2026, 1, 31), "2026-01-31"),
        (pd.Timestamp("2026-01-31 12:00"), "2026-01-31"), (True, "yes"),
        (np.bool_(False), "no"), ("yes", "yes"), (1, "1"),  # noqa: FBT003 - the value under test
    ],
)  # fmt: skip
def test_a_value_is_written_in_a_readable_form(value, words) -> None:
    assert value_text("plan", value, SPEC, SAY) == words


def test_yes_no_and_missing_values_are_written_in_the_language() -> None:
    chinese = phrases("zh", "reviews")

    assert [value_text("a", value, SPEC, chinese) for value in (True, False)] == ["是", "否"]
    assert value_text("a", None, SPEC, chinese) != value_text("a", None, SPEC, SAY)
    assert value_text("a", "gold", SPEC, chinese) == "gold"


@pytest.mark.parametrize("amount", [12345.6, np.float64(12345.6), np.int64(12346)])
def test_an_amount_is_written_as_money_and_a_number_with_its_unit(amount) -> None:
    words = {"money": "¥{:,.0f}", "units": {"seats": "people", "trial": "天"}}
    spec = SPEC.replace(deals={"amount": "value"}, words=words)

    assert value_text("value", amount, spec, SAY) == "¥12,346"
    assert value_text("value", -amount, spec, SAY) == "\N{MINUS SIGN}¥12,346"
    assert value_text("value", None, spec, SAY) == "not filled in"
    assert value_text("seats", 4, spec, SAY) == "4 people"
    assert value_text("trial", 2.5, spec, SAY) == "2.5天"


@pytest.mark.parametrize(
    ("days", "en", "zh"),
    [
        (10, "10 day(s) before signing", "签约前 10 天"),
        (0, "on the day of signing", "签约当天"),
        (-1_000, "1,000 day(s) after signing", "签约后 1,000 天"),
    ],
)
def test_a_date_is_described_as_the_model_reads_it(days, en, zh) -> None:
    value = pd.Timedelta(days=days)

    assert value_text("first", value, SPEC, SAY) == en
    assert value_text("first", value, SPEC, phrases("zh", "reviews")) == zh
    warned = sheet(warnings=(reason("first", "2025-03-31", days=days),))
    assert f"first = {en}: 41%" in warning_texts(warned, SPEC, SAY)[0]
    assert questions(warned, SPEC, SAY)[0].startswith(f"first = {en}: such customers")
    other = stayed(("first", value, timedelta(days=100)))
    assert stayed_text(other, SPEC, SAY).endswith(
        f"first 100 day(s) before signing instead of {en}"
    )


def test_an_attribute_has_its_label_or_its_name_without_underscores() -> None:
    assert label_of("seats", SPEC) == "number of seats"
    assert label_of("lead_source_of_deal", SPEC) == "lead source of deal"


@pytest.mark.parametrize(
    ("warning", "key"),
    [
        (reason(value=None), "could we have asked before signing"),
        (reason("seats & package", (4, np.nan)), "could we have asked before signing"),
        (reason("package", "none"), "this was ours to change"),
        (reason("seats & package", (4, "none")), "this was ours to change"),
        (reason(), "such customers leave early more often"),
    ],
)
def test_the_question_on_a_warning_depends_on_missing_and_actionable_values(warning, key) -> None:
    first = questions(sheet(warnings=(warning,)), SPEC, SAY)[0]

    assert key in first


def test_questions_are_on_two_warnings_and_then_on_the_deal_that_stayed() -> None:
    warnings = (reason(), reason("package", "none"), reason("plan", "x"))
    both = sheet(warnings=warnings, stayed=(stayed(deal="D1"), stayed(("seats", 4, 12))))
    asked = questions(both, SPEC, SAY)

    assert len(asked) == QUESTIONS == 3
    assert asked[0].startswith("number of seats = 4")
    assert asked[1].startswith("package = none")
    assert asked[2].startswith("D3 looked similar and stayed, with number of seats 12 instead of 4")


def test_without_warnings_the_standard_questions_are_asked() -> None:
    asked = questions(SHEET, SPEC, SAY)

    assert asked[0] == SAY("ask_nothing_warned")
    assert "What was the first sign" in asked[1]
    assert "Which need of this customer" in asked[2]
    unknown = questions(sheet(assessment=None), SPEC, SAY)
    assert "What was the first sign" in unknown[0]
    assert "would we sign it again" in unknown[2]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("known", [True, False])
def test_there_are_always_three_questions_in_both_languages(language, known) -> None:
    say = phrases(language, "reviews")
    for warnings in ((), (reason(),), (reason(), reason("a", 1), reason("b", 2))):
        for similar in ((), (stayed(),), (stayed(("seats", 4, 12)),)):
            given = sheet(warnings=warnings, stayed=similar)
            given = given if known else replace(given, assessment=None)
            asked = questions(given, SPEC, say)
            assert len(asked) == len(set(asked)) == QUESTIONS


@pytest.mark.parametrize("topic", ["reviews", "quiz"])
@pytest.mark.parametrize(("language", "yes", "no"), [("en", "yes", "no"), ("zh", "是", "否")])
def test_booleans_are_written_as_words_in_reviews_and_the_quiz(topic, language, yes, no) -> None:
    say = phrases(language, topic)
    assert [value_text("plan", value, SPEC, say) for value in (True, False)] == [yes, no]
