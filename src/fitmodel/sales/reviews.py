"""Reviews of lost customers: review sheets, retrospective scores, and the texts of a sheet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.deals.enough import MIN_CHURNERS
from fitmodel.language.catalogue import apart, stay_text
from fitmodel.learning.columns import level_text
from fitmodel.model.wording import number_text
from fitmodel.sales._retrospective import AsOfSnapshot, Retrospective, score_in_retrospect
from fitmodel.sales._review_sheets import (
    RetainedSimilarDeal,
    ReviewSheet,
    TeamReviews,
    compute_reviews,
)
from fitmodel.tables.cells import is_missing_level, money_text

if TYPE_CHECKING:
    from fitmodel.deals.contract import DealSpec
    from fitmodel.language.catalogue import Say
    from fitmodel.model.assessment import Reason

__all__ = [
    "AsOfSnapshot",
    "RetainedSimilarDeal",
    "Retrospective",
    "ReviewSheet",
    "TeamReviews",
    "compute_reviews",
    "questions",
    "score_in_retrospect",
    "similar_deals_text",
    "stayed_text",
    "verdict_text",
    "warning_texts",
]

QUESTIONS = 3
FROM_WARNINGS = 2
GENERAL_QUESTIONS = ("ask_first_sign", "ask_need", "ask_again")


def verdict_text(sheet: ReviewSheet, say: Say) -> str:
    """Return the model's prediction as of signing in words, or why there was none."""
    day = f"{sheet.snapshot.as_of:%Y-%m-%d}"
    if sheet.assessment is None or sheet.snapshot.model is None:
        known = f"{sheet.snapshot.early_churners:,}"
        return say("not_known", as_of=day, early=known, needed=MIN_CHURNERS)
    return say(
        "would_have_predicted",
        as_of=day,
        known=f"{sheet.snapshot.known:,}",
        probability=f"{sheet.assessment.early_churn_probability:.0%}",
        base=f"{sheet.snapshot.model.scorecard.base_rate:.0%}",
    )


def warning_texts(sheet: ReviewSheet, spec: DealSpec, say: Say) -> list[str]:
    """Return the warnings as of signing in words, each with its evidence at that time."""
    if sheet.snapshot.model is None:
        return []
    base = f"{sheet.snapshot.model.scorecard.base_rate:.0%}"
    return [_warning(reason, base, spec, say) for reason in sheet.warnings]


def similar_deals_text(sheet: ReviewSheet, say: Say) -> str:
    """Return the outcomes of the most similar deals in words."""
    if sheet.similar_deals is None:
        return ""
    low, high = f"{sheet.similar_deals.low:.0%}", f"{sheet.similar_deals.high:.0%}"
    return say(
        "alike", known=sheet.similar_deals.known, left=sheet.similar_deals.left, low=low, high=high
    )


def stayed_text(stayed: RetainedSimilarDeal, spec: DealSpec, say: Say) -> str:
    """Return in words a similar deal whose customer stayed, with its differences."""
    signed = f"{stayed.signed:%Y-%m-%d}"
    if not stayed.differs:
        return say("stayed_same", deal=stayed.deal, signed=signed)
    return say("stayed", deal=stayed.deal, signed=signed, differs=_differences(stayed, spec, say))


def questions(sheet: ReviewSheet, spec: DealSpec, say: Say) -> list[str]:
    """Return three questions for the review, those about the warnings first."""
    texts = [_question(reason, spec, say) for reason in sheet.warnings[:FROM_WARNINGS]]
    differing = next((item for item in sheet.stayed if item.differs), None)
    if sheet.assessment is not None and not sheet.warnings:
        texts.append(say("ask_nothing_warned"))
    if differing is not None:
        differs = _differences(differing, spec, say)
        texts.append(say("ask_alike", deal=differing.deal, differs=differs))
    stay = stay_text(say, sheet.months)
    texts += [say(key, stay=stay) for key in GENERAL_QUESTIONS]
    return texts[:QUESTIONS]


def value_text(name: str, value: Any, spec: DealSpec, say: Say) -> str:
    """Return an attribute's value as text for people.

    An amount is written as money, a number with its unit, and a timedelta as the days from a date
    to the signing, which is what the model reads of a date.
    """
    if is_missing_level(value):
        return say("not_filled_in")
    if isinstance(value, timedelta):
        return _days_text(value.days, say)
    if isinstance(value, date):
        return f"{value:%Y-%m-%d}"
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if is_number and name == spec.deals.amount:
        return money_text(spec.words.money, value)
    unit = spec.words.units.get(name, "")
    unit = f" {unit}" if unit[:1].isascii() and unit else unit  # a Chinese unit has no space
    if isinstance(value, float) and not value.is_integer():
        return f"{number_text(value)}{unit}"
    text = level_text(value)
    return say(text) if text in {"yes", "no"} else f"{text}{unit}"


def _days_text(days: int, say: Say) -> str:
    if days == 0:
        return say("on_signing")
    return say("before_signing" if days > 0 else "after_signing", days=f"{abs(days):,}")


def label_of(attribute: str, spec: DealSpec) -> str:
    """Return the label of an attribute: the contract's, or its name without underscores."""
    return spec.words.labels.get(attribute, attribute.replace("_", " "))


def _warning(reason: Reason, base: str, spec: DealSpec, say: Say) -> str:
    subject = subject_text(reason, spec, say)
    if reason.deals is None:
        return say("warning_together", subject=subject)
    if reason.deals == 0:
        return say("warning_new", subject=subject)
    rate, deals = f"{reason.early_churn_rate:.0%}", f"{reason.deals:,}"
    return say("warning", subject=subject, rate=rate, deals=deals, base=base)


def _question(reason: Reason, spec: DealSpec, say: Say) -> str:
    subject = subject_text(reason, spec, say)
    names = reason.attribute.split(" & ")
    values: Sequence[Any] = reason.value if isinstance(reason.value, tuple) else (reason.value,)
    if any(is_missing_level(value) for value in values):
        return say("ask_missing", subject=subject)
    if any(name in spec.attributes.actionable for name in names):
        return say("ask_changeable", subject=subject)
    return say("ask_given", subject=subject)


def subject_text(reason: Reason, spec: DealSpec, say: Say) -> str:
    """Return the attributes of a reason with their values before signing."""
    names = reason.attribute.split(" & ")
    values = reason.value if isinstance(reason.value, tuple) else (reason.value,)
    parts = [
        say(
            "is",
            attribute=label_of(name, spec),
            value=apart(value_text(name, reason.before_signing.get(name, value), spec, say)),
        )
        for name, value in zip(names, values, strict=True)
    ]
    return say("and").join(parts)


def _differences(stayed: RetainedSimilarDeal, spec: DealSpec, say: Say) -> str:
    parts = [
        say(
            "instead",
            attribute=label_of(name, spec),
            kept=value_text(name, stayed_value, spec, say),
            lost=value_text(name, lost_value, spec, say),
        )
        for name, lost_value, stayed_value in stayed.differs
    ]
    return say("listed").join(parts)


# names under which notebooks called them before
verdict_words, warning_words = verdict_text, warning_texts
alike_words, stayed_words = similar_deals_text, stayed_text
