"""Reviews of lost customers: retrospective scores, review sheets and their texts."""

from __future__ import annotations

from fitmodel.sales._retrospective import AsOfSnapshot, Retrospective, score_in_retrospect
from fitmodel.sales._review_sheets import (
    RetainedSimilarDeal,
    ReviewSheet,
    TeamReviews,
    compute_reviews,
)
from fitmodel.sales._review_words import (
    questions,
    similar_deals_text,
    stayed_text,
    verdict_text,
    warning_texts,
)

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
