"""The quiz: fair questions, stored answers, and whether practice helps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.outcomes import outcomes
from fitmodel.exceptions import DealsError
from fitmodel.language.catalogue import read_texts
from fitmodel.monitoring.log import DecisionLog
from fitmodel.sales._quiz_scores import brier, practice, practice_sentences, quiz_scores
from fitmodel.sales._retrospective import score_in_retrospect
from fitmodel.sales.quiz import guesses_of, make_quiz, names_of_people


@pytest.fixture(scope="module")
def simulation(simulate_quickly):
    return simulate_quickly(900, seed=4, months=20, n_attributes=5)


@pytest.fixture(scope="module")
def retrospective(simulation):
    return score_in_retrospect(simulation.deals, simulation.spec)


@pytest.fixture(scope="module")
def quiz(simulation, retrospective):
    return make_quiz(simulation.deals, simulation.spec, retrospective=retrospective, seed=3)


def test_questions_show_deals_as_of_signing_without_the_outcome(simulation, quiz):
    deals = simulation.deals.set_index(simulation.spec.deals.id)
    for question, answer in zip(quiz.questions, quiz.answers, strict=True):
        row = deals.loc[answer.deal]
        assert question.signed == row["closed_on"]
        attributes = dict(question.attributes)
        assert attributes["segment"] == row["segment"]
        shown = " ".join(attributes)
        assert not {"churned on", "rep", "deal id", "team"} & set(attributes), shown
        if pd.notna(row["churned_on"]):
            assert f"{row['churned_on']:%Y-%m-%d}" not in attributes.values()


def test_the_outcome_is_the_label_and_the_model_was_trained_without_it(
    simulation, quiz, retrospective
):
    known = outcomes(simulation.deals, simulation.spec)
    known.index = simulation.deals[simulation.spec.deals.id]
    predictions = retrospective.predictions.set_axis(known.index)
    for question, answer in zip(quiz.questions, quiz.answers, strict=True):
        assert known.loc[answer.deal, "mature"]
        assert answer.left_early == bool(known.loc[answer.deal, "early_churn"])
        assert answer.probability == predictions.loc[answer.deal, "probability"]
        snapshot = retrospective.snapshots[predictions.loc[answer.deal, "quarter"]]
        assert snapshot.as_of < question.signed


def test_early_leavers_appear_in_proportion_with_at_least_two_of_each_outcome(
    simulation, retrospective
):
    counts = [
        sum(
            answer.left_early
            for answer in make_quiz(
                simulation.deals, simulation.spec, seed=seed, retrospective=retrospective
            ).answers
        )
        for seed in range(3)
    ]
    assert len(set(counts)) == 1
    assert 2 <= counts[0] <= 8
    with pytest.raises(DealsError, match=r"there are \d+ and \d+\. Remedy: fewer questions"):
        make_quiz(simulation.deals, simulation.spec, size=5000, retrospective=retrospective)


def test_the_same_seed_gives_the_same_questions_and_no_question_is_repeated(
    simulation, retrospective, quiz
):
    again = make_quiz(simulation.deals, simulation.spec, retrospective=retrospective, seed=3)
    assert [a.deal for a in again.answers] == [a.deal for a in quiz.answers]
    asked = {answer.deal for answer in quiz.answers}
    other = make_quiz(
        simulation.deals,
        simulation.spec,
        retrospective=retrospective,
        seed=3,
        asked_before=asked.__contains__,
    )
    assert not asked & {answer.deal for answer in other.answers}


def test_the_brier_score_is_the_mean_squared_distance():
    assert brier([0.2, 0.9, 0.5], [0, 1, 1]) == pytest.approx((0.04 + 0.01 + 0.25) / 3)
    assert brier([1, 0], [True, False]) == 0


@pytest.mark.parametrize("salt", [None, "pepper"])
def test_scores_are_computed_from_the_logged_answers(tmp_path, quiz, salt):
    shares = {"Kim": [0.1] * 10, "Lee": [0.9] * 10}
    log = DecisionLog(tmp_path / "log.db", salt=salt)
    log.keep_guesses(guesses_of(quiz, shares))
    log.close()

    table = quiz_scores(DecisionLog(tmp_path / "log.db", salt=salt).guesses()).set_index("person")

    outcome = [answer.left_early for answer in quiz.answers]
    assert table.loc["Kim", "brier"] == pytest.approx(brier([0.1] * 10, outcome))
    assert table.loc["Lee", "brier"] == pytest.approx(brier([0.9] * 10, outcome))
    assert table.loc["Kim", "model"] == table.loc["Lee", "model"]
    assert (table["questions"] == 10).all()
    kept = log.guesses()["deal"].tolist()
    assert kept[:10] == [log.stored_id(answer.deal) for answer in quiz.answers]


def test_an_invalid_answer_is_refused_and_nothing_is_stored(tmp_path, quiz):
    log = DecisionLog(tmp_path / "log.db")
    with pytest.raises(DealsError, match="Kim answered 9 of 10"):
        log.keep_guesses(guesses_of(quiz, {"Kim": [0.1] * 9}))
    with pytest.raises(DealsError, match=r"Lee says 10\.0: give a probability"):
        log.keep_guesses(guesses_of(quiz, {"Kim": [0.1] * 10, "Lee": [10.0] * 10}))
    assert log.guesses().empty
    with pytest.raises(DealsError, match="twice: Kim, kim"):
        names_of_people(["Kim", " kim "])
    with pytest.raises(DealsError, match="name of everybody"):
        names_of_people([])


def people(noise, *, seed, quizzes=12, size=10):
    """Guesses of a simulated person: the truth with noise in its log-odds."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(quizzes):
        log_odds = random.normal(-1.5, 1, size)
        truth = 1 / (1 + np.exp(-log_odds))
        model = 1 / (1 + np.exp(-(log_odds + random.normal(0, 0.4, size))))
        guess = 1 / (1 + np.exp(-(log_odds + random.normal(0, noise(number), size))))
        rows.append(
            pd.DataFrame(
                {
                    "quiz": f"{number:02d}", "person": "Kim", "guess": guess, "model": model,
                    "level": 0.2, "outcome": (random.random(size) < truth).astype(int),
                }
            )
        )  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def test_learning_is_detected_and_rarely_reported_without_learning():
    learns = [
        practice(people(lambda n: 3.0 if n < 8 else 0.4, seed=s, quizzes=20)) for s in range(30)
    ]
    stays = [practice(people(lambda _: 1.5, seed=100 + s, quizzes=20)) for s in range(100)]

    assert np.mean([t.loc["Kim", "verdict"] == "better" for t in learns]) >= 0.8
    # 2.5% on either side, and two standard errors of 100 people
    assert np.mean([t.loc["Kim", "verdict"] == "better" for t in stays]) <= 0.06
    assert np.mean([t.loc["Kim", "verdict"] == "worse" for t in stays]) <= 0.06


def test_with_few_questions_there_is_no_verdict_on_practice():
    table = practice(people(lambda _: 1.0, seed=1, quizzes=2))
    assert table.loc["Kim", "verdict"] == "too_few"
    assert "40 questions are needed" in practice_sentences(table)[0]
    assert "nan" not in practice_sentences(table)[0]
    assert "需要 40 题" in practice_sentences(table, "zh")[0]


def test_both_languages_have_the_same_keys():
    assert set(read_texts("en", "quiz")) == set(read_texts("zh", "quiz"))
