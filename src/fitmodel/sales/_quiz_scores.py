"""Scores of the quiz: how people predict compared with the model, and whether they improve.

answers stored in the decision log -> Brier score per person and quiz -> change with practice
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from fitmodel.language.catalogue import phrases

NORMAL_95 = 1.96


def brier(probability: Any, outcome: Any) -> float:
    """
    Return the Brier score: the mean squared difference of probabilities and outcomes (Brier 1950).

    0 is perfect; a constant prediction of one half gives .25.
    """
    distance = np.asarray(probability, dtype=float) - np.asarray(outcome, dtype=float)
    return float(np.mean(distance**2))


SCORES = ("quiz", "person", "questions", "brier", "model", "level")


def quiz_scores(guesses: pd.DataFrame) -> pd.DataFrame:
    """Return the Brier scores of each person and quiz, and those of the model on the same deals.

    Parameters
    ----------
    guesses : DataFrame
        Answers of people, from `fitmodel.monitoring.log.DecisionLog.guesses`.

    Returns
    -------
    DataFrame
        One row per quiz and person, in the order of the quizzes, with the columns `SCORES`: `brier`
        is the score of the person, `model` that of the model, and `level` that of always predicting
        the level that the model learned.
    """
    rows = []
    for (quiz, person), part in guesses.groupby(["quiz", "person"], sort=False):
        scores = [brier(part[column], part["outcome"]) for column in ("guess", "model", "level")]
        rows.append((quiz, person, len(part), *scores))
    return pd.DataFrame(rows, columns=list(SCORES))


def practice(guesses: pd.DataFrame) -> pd.DataFrame:
    """Compute whether each person improves with practice, relative to the model.

    Parameters
    ----------
    guesses : DataFrame
        Answers of people, from `fitmodel.monitoring.log.DecisionLog.guesses`.

    Returns
    -------
    DataFrame
        Indexed by person: `questions`, `brier` and `model` (scores over all questions), `before`
        and `after` (how much worse than the model in the first and the second half of the
        questions), `change` with its 95% interval `change_low`, `change_high`, and `verdict`:
        "better", "worse", "no_evidence", or "too_few" (fewer than `MIN_ANSWERS` questions).

    Notes
    -----
    The model answers the same questions, so the difference does not depend on how easy they are.
    The interval is the normal interval of a difference of two means.
    """
    rows = {}
    for person, part in guesses.groupby("person", sort=True):
        outcome = part["outcome"].to_numpy(dtype=float)
        own, model = part["guess"].to_numpy(), part["model"].to_numpy()
        rows[str(person)] = {
            "questions": len(part),
            "brier": brier(own, outcome),
            "model": brier(model, outcome),
            **_change((own - outcome) ** 2 - (model - outcome) ** 2),
        }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(PRACTICE))
    return table.rename_axis("person")


PRACTICE = (
    "questions", "brier", "model", "before", "after", "change", "change_low", "change_high",
    "verdict",
)  # fmt: skip
MIN_ANSWERS = 40
"""Answered questions of a person below which there is no verdict on practice."""


def _change(excess: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, Any]:
    """Return how the excess over the model changes from the first to the second half."""
    if len(excess) < MIN_ANSWERS:
        unknown = dict.fromkeys(PRACTICE[3:8], float("nan"))
        return {**unknown, "verdict": "too_few"}
    first, second = np.array_split(excess, 2)
    change = float(second.mean() - first.mean())
    variance = first.var(ddof=1) / len(first) + second.var(ddof=1) / len(second)
    half_width = NORMAL_95 * float(np.sqrt(variance))
    low, high = change - half_width, change + half_width
    verdict = "better" if high < 0 else "worse" if low > 0 else "no_evidence"
    return {
        "before": float(first.mean()),
        "after": float(second.mean()),
        "change": change,
        "change_low": low,
        "change_high": high,
        "verdict": verdict,
    }


def practice_sentences(table: pd.DataFrame, language: str = "en") -> list[str]:
    """Return sentences on how people predict compared with the model, and whether practice helps.

    Parameters
    ----------
    table : DataFrame
        Result of `practice`.
    """
    say = phrases(language, "quiz")
    return [
        say(
            "practice",
            person=person,
            questions=f"{row['questions']:,}",
            brier=f"{row['brier']:.3f}",
            model=f"{row['model']:.3f}",
            change=say(
                str(row["verdict"]),
                before=f"{row['before']:+.3f}",
                after=f"{row['after']:+.3f}",
                needed=MIN_ANSWERS,
            ),
        )
        for person, row in table.iterrows()
    ]
