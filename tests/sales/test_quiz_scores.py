"""Scores of people and of the model on the same deals, compared with calculations by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from fitmodel.sales._quiz_scores import (
    MIN_ANSWERS,
    PRACTICE,
    SCORES,
    brier,
    practice,
    practice_sentences,
    quiz_scores,
)


def guesses_of(person, guess, model, outcome, quiz="q1"):
    return pd.DataFrame(
        {
            "quiz": quiz, "person": person, "guess": guess, "model": model, "level": 0.25,
            "outcome": outcome,
        }
    )  # fmt: skip


def test_each_person_and_quiz_has_a_row_in_order_of_the_answers() -> None:
    guesses = pd.concat(
        [
            guesses_of("Lee", [0.5, 1.0], [0.2, 0.9], [0, 1], "q2"),
            guesses_of("Kim", [0.0, 0.0], [0.2, 0.9], [0, 1], "q2"),
            guesses_of("Lee", [0.1], [0.3], [1], "q1"),
        ]
    )
    table = quiz_scores(guesses)

    assert tuple(table.columns) == SCORES
    assert table[["quiz", "person", "questions"]].to_numpy().tolist() == [
        ["q2", "Lee", 2], ["q2", "Kim", 2], ["q1", "Lee", 1]
    ]  # fmt: skip
    assert table["brier"].tolist() == pytest.approx([0.125, 0.5, 0.81])
    assert table["model"].tolist() == pytest.approx([0.025, 0.025, 0.49])
    assert table["level"].tolist() == pytest.approx([(0.0625 + 0.5625) / 2] * 2 + [0.5625])


def test_without_answers_the_table_has_columns_and_no_rows() -> None:
    empty = guesses_of("Kim", [], [], [])

    assert tuple(quiz_scores(empty).columns) == SCORES
    assert quiz_scores(empty).empty
    assert practice(empty).empty
    assert practice_sentences(practice(empty)) == []


@pytest.mark.parametrize(
    ("probability", "outcome", "score"),
    [(0.5, 1, 0.25), (0.5, 0, 0.25), ([1, 1], [1, 0], 0.5), ([0.3], [True], 0.49)],
)
def test_the_score_is_the_mean_squared_error(probability, outcome, score) -> None:
    assert brier(probability, outcome) == pytest.approx(score)


def learner(n=60, *, early=0.9, late=0.1):
    """Deals that all stay: a guess of `early` in the first half and of `late` in the second."""
    noise = np.tile([-0.05, 0.05], n // 2)
    guess = np.where(np.arange(n) < n / 2, early, late) + noise
    return guesses_of("Kim", guess, np.full(n, 0.2), np.zeros(n))


def test_the_change_is_the_difference_of_the_excess_over_the_model_between_halves() -> None:
    guesses = learner()
    row = practice(guesses).loc["Kim"]
    excess = guesses["guess"].to_numpy() ** 2 - 0.04
    first, second = excess[:30], excess[30:]
    change = second.mean() - first.mean()
    reach = norm.ppf(0.975) * np.sqrt(first.var(ddof=1) / 30 + second.var(ddof=1) / 30)

    assert row["questions"] == 60
    assert row["before"] == pytest.approx(first.mean())
    assert row["after"] == pytest.approx(second.mean())
    assert row["change"] == pytest.approx(change)
    assert row["change_low"] == pytest.approx(change - reach, abs=1e-5)
    assert row["change_high"] == pytest.approx(change + reach, abs=1e-5)
    assert row["verdict"] == "better"


@pytest.mark.parametrize(
    ("early", "late", "verdict"),
    [(0.9, 0.1, "better"), (0.1, 0.9, "worse"), (0.5, 0.5, "no_evidence")],
)
def test_a_verdict_is_given_only_if_the_interval_excludes_0(early, late, verdict) -> None:
    row = practice(learner(early=early, late=late)).loc["Kim"]

    assert row["verdict"] == verdict
    assert (row["change_high"] < 0) == (verdict == "better")
    assert (row["change_low"] > 0) == (verdict == "worse")


def test_an_easier_second_half_is_not_an_improvement() -> None:
    outcome = np.r_[np.tile([0.0, 1.0], 20), np.zeros(40)]
    model = np.r_[np.full(40, 0.5), np.full(40, 0.05)]
    row = practice(guesses_of("Kim", model, model, outcome)).loc["Kim"]

    assert row["change"] == pytest.approx(0)
    assert row["verdict"] == "no_evidence"


@pytest.mark.parametrize(("questions", "few"), [(MIN_ANSWERS - 1, True), (MIN_ANSWERS, False)])
def test_with_fewer_than_40_questions_there_are_only_scores(questions, few) -> None:
    random = np.random.default_rng(0)
    guess, model = random.random((2, questions))
    row = practice(guesses_of("Kim", guess, model, np.zeros(questions))).loc["Kim"]

    assert (row["verdict"] == "too_few") is few
    assert row["brier"] == pytest.approx(np.mean(guess**2))
    assert bool(np.isnan(row["change"])) is few


def test_people_are_listed_by_name_each_with_their_own_answers() -> None:
    both = pd.concat([learner(), learner().assign(person="Ann", guess=0.2)])
    table = practice(both)

    assert table.index.tolist() == ["Ann", "Kim"]
    assert table.index.name == "person"
    assert tuple(table.columns) == PRACTICE
    assert table.loc["Kim"].equals(practice(learner()).loc["Kim"])
    assert table.loc["Ann", "brier"] == pytest.approx(table.loc["Ann", "model"])


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("early", "late"), [(0.9, 0.1), (0.1, 0.9), (0.5, 0.5)])
def test_the_sentence_contains_the_name_and_the_figures(language, early, late) -> None:
    table = practice(learner(early=early, late=late))
    (sentence,) = practice_sentences(table, language)
    row = table.loc["Kim"]

    for figure in ("Kim", "60", f"{row['brier']:.3f}", f"{row['model']:.3f}"):
        assert figure in sentence
    assert "nan" not in sentence
