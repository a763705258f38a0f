"""
Scores of the quiz: how people judge beside the model, and whether practice shows.

answers kept in the decision log -> Brier score per person and quiz -> change with practice
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from fitmodel.language.catalogue import phrases

NORMAL_95 = 1.96


def brier(probability: Any, outcome: Any) -> float:
    """
    Return the mean squared distance of probabilities from outcomes (G. W. Brier 1950).

    0 is perfect; always saying one half gives .25.
    """
    distance = np.asarray(probability, dtype=float) - np.asarray(outcome, dtype=float)
    return float(np.mean(distance**2))


SCORES = ("quiz", "person", "questions", "brier", "model", "level")


def quiz_scores(guesses: pd.DataFrame) -> pd.DataFrame:
    """
    Brier scores of each person and quiz, and the model's on the same deals.

    Parameters
    ----------
    guesses : DataFrame
        From `fitmodel.monitoring.log.DecisionLog.guesses`.

    Returns
    -------
    DataFrame
        In the order of the quizzes; columns `SCORES`: `brier` is the person's, `model` the
        model's, `level` that of always saying the company's level.
    """
    rows = [
        {
            "quiz": quiz,
            "person": person,
            "questions": len(part),
            **{
                name: brier(part[column], part["outcome"])
                for name, column in (("brier", "guess"), ("model", "model"), ("level", "level"))
            },
        }
        for (quiz, person), part in guesses.groupby(["quiz", "person"], sort=False)
    ]
    return pd.DataFrame(rows, columns=list(SCORES))


def practice(guesses: pd.DataFrame) -> pd.DataFrame:
    """
    Say whether each person has come nearer to the model, or passed it, with practice.

    Parameters
    ----------
    guesses : DataFrame
        From `fitmodel.monitoring.log.DecisionLog.guesses`.

    Returns
    -------
    DataFrame
        Indexed by person: `questions`, `brier`, `model` (over all), `before` and `after` (how much
        worse than the model in the first and the second half of the questions), `change` with its
        95 % interval `change_low`, `change_high`, and `verdict`: "better", "worse", "no_evidence",
        or "too_few" (fewer than `MIN_TO_TELL` questions).

    Notes
    -----
    The model answers the same questions, so what is easy or hard in them falls out of the
    difference. The interval is that of a difference of two means, by the normal distribution.
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
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(PRACTICE)).rename_axis(
        "person"
    )


PRACTICE = (
    "questions", "brier", "model", "before", "after", "change", "change_low", "change_high",
    "verdict",
)  # fmt: skip
MIN_TO_TELL = 40
"""Questions answered by a person, below which nothing is said of practice."""


def _change(excess: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, Any]:
    """How the excess over the model changed from the first half of the questions to the second."""
    if len(excess) < MIN_TO_TELL:
        unknown = dict.fromkeys(PRACTICE[3:8], float("nan"))
        return {**unknown, "verdict": "too_few"}
    first, second = np.array_split(excess, 2)
    change = float(second.mean() - first.mean())
    reach = NORMAL_95 * float(
        np.sqrt(first.var(ddof=1) / len(first) + second.var(ddof=1) / len(second))
    )
    low, high = change - reach, change + reach
    verdict = "better" if high < 0 else "worse" if low > 0 else "no_evidence"
    return {
        "before": float(first.mean()),
        "after": float(second.mean()),
        "change": change,
        "change_low": low,
        "change_high": high,
        "verdict": verdict,
    }


def practice_words(table: pd.DataFrame, language: str = "en") -> list[str]:
    """
    Sentences on how people predict compared with the model, and whether practice helps.

    Parameters
    ----------
    table : DataFrame
        From `practice`.
    language : {"en", "zh"}
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
                needed=MIN_TO_TELL,
            ),
        )
        for person, row in table.iterrows()
    ]
