"""
The quiz: past deals as they were at signing, for which people predict the outcome before seeing it.

mature deals scored by a model from before their signing -> ten of them, without outcome
people's probabilities -> outcome, model's probability and reasons -> Brier scores
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.history import view_of
from fitmodel.exceptions import DealsError
from fitmodel.language.catalogue import phrases
from fitmodel.renamed import old_fields
from fitmodel.sales._quiz_scores import brier, practice, practice_sentences, quiz_scores
from fitmodel.sales._retrospective import require_dates, score_in_retrospect
from fitmodel.sales.reviews import label_of, subject_text, value_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.language.catalogue import Say
    from fitmodel.model.assessment import Reason
    from fitmodel.sales._retrospective import Retrospective

__all__ = [
    "Answer",
    "Question",
    "Quiz",
    "brier",
    "check_guess",
    "guesses_of",
    "make_quiz",
    "names_of_people",
    "practice",
    "practice_sentences",
    "quiz_scores",
]

QUESTIONS = 10
MIN_OF_EACH = 2
"""Minimum number of deals that left early, and of deals that stayed, in one quiz: with only one
outcome, a quiz cannot test how well people distinguish the two."""
REASONS = 3


@old_fields(facts="attributes")
@dataclass(frozen=True, eq=False)
class Question:
    """A past deal as it was at signing, without its outcome.

    Parameters
    ----------
    number : int
        Number of the question, from 1.
    signed : Timestamp
        Day on which the deal was signed.
    attributes : tuple of (str, str)
        Label and value of each attribute, as text for people.
    """

    number: int
    signed: pd.Timestamp
    attributes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, eq=False)
class Answer:
    """Outcome of a deal, and the prediction of a model from before its signing.

    Parameters
    ----------
    deal : object
        Id of the deal, or its index where the contract names no id.
    left_early : bool
        Whether the customer left early.
    probability : float
        Predicted probability of early churn. The model used data up to the day before the quarter
        of signing.
    level : float
        Rate of early churn of the deals from which that model learned.
    reasons : tuple of str
        Sentences on the largest contributions to the probability.
    """

    deal: Any
    left_early: bool
    probability: float
    level: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Quiz:
    """Questions, and their answers, which are shown after people have predicted.

    Parameters
    ----------
    name : str
        Name of this quiz in the decision log.
    level : float
        Rate of early churn of all deals that can be asked about; people may be shown it.
    questions : tuple of Question
        Questions, in the order in which they are asked.
    answers : tuple of Answer
        Answers, in the order of the questions.
    """

    name: str
    level: float
    questions: tuple[Question, ...]
    answers: tuple[Answer, ...]


def make_quiz(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    *,
    size: int = QUESTIONS,
    seed: int = 0,
    asked_before: Callable[[Any], bool] | None = None,
    retrospective: Retrospective | None = None,
    language: str = "en",
    progress: Callable[[str], None] | None = None,
) -> Quiz:
    """Draw past deals for a quiz.

    Parameters
    ----------
    spec : DealSpec
        A contract with dates.
    size : int
        Number of deals to ask about.
    seed : int
        Seed of the random draw; the same seed draws the same deals.
    asked_before : callable, optional
        Function that returns, for a deal's id, whether it was asked about already; such deals are
        left out.
    retrospective : Retrospective, optional
        From `score_in_retrospect`, if it is computed already.
    progress : callable, optional
        Function that is called with a text that names the date of each training.

    Returns
    -------
    Quiz
        The share of deals that left early is the same as among all deals that can be asked about,
        but at least `MIN_OF_EACH` deals have each outcome.

    Raises
    ------
    DealsError
        If the contract has no dates, or there are too few mature deals that were not asked about
        before and that a model from before their signing can score.

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(800, seed=1, months=18)
    >>> quiz = make_quiz(sim.deals, sim.spec)
    >>> len(quiz.questions), quiz.questions[0].attributes[0][0]
    (10, 'segment')
    """
    require_dates(spec)
    view = view_of(deals, spec)
    predicted = retrospective or score_in_retrospect(view, spec, progress=progress)
    churn = pd.Series(view.early_churn, view.index)
    usable = view.mature & (view.entry_months == 0) & churn.notna().to_numpy()
    usable &= predicted.predictions["probability"].notna().to_numpy()
    level = float(churn[usable].mean()) if usable.any() else float("nan")
    ids = view.index.to_series() if spec.deals.id is None else view.deals[spec.deals.id]
    if asked_before is not None:
        usable &= ~np.array([asked_before(name) for name in ids], dtype=bool)
    drawn = _draw_deals(churn[usable], level, size, np.random.default_rng(seed))
    say = phrases(language, "quiz")
    return Quiz(
        f"{pd.Timestamp.now():%Y-%m-%dT%H:%M:%S}",
        level,
        tuple(_question(number, deal, view, say) for number, deal in enumerate(drawn, 1)),
        tuple(_answer(deal, ids[deal], view, churn, predicted, say) for deal in drawn),
    )


def _draw_deals(
    churn: pd.Series[float], level: float, size: int, random: np.random.Generator
) -> list[Any]:
    """Return randomly drawn deals, early leavers in proportion, in random order."""
    left, stayed = churn.index[churn == 1], churn.index[churn == 0]
    n_left = int(np.clip(round(size * level), MIN_OF_EACH, size - MIN_OF_EACH)) if size else 0
    if size < 2 * MIN_OF_EACH or n_left > len(left) or size - n_left > len(stayed):
        raise DealsError(
            f"a quiz of {size} deals needs {max(n_left, MIN_OF_EACH)} that left early and "
            f"{max(size - n_left, MIN_OF_EACH)} that stayed, of deals that are old enough, "
            "were not asked about before, and can be scored by a model from before their signing; "
            f"there are {len(left)} and {len(stayed)}. Remedy: fewer questions (4 at least), or a "
            "later extract."
        )
    drawn = [
        *random.choice(left.to_numpy(), n_left, replace=False).tolist(),
        *random.choice(stayed.to_numpy(), size - n_left, replace=False).tolist(),
    ]
    return [drawn[position] for position in random.permutation(size)]


def _question(number: int, deal: Any, view: HistoryView, say: Say) -> Question:
    spec, row = view.spec, view.deals.loc[deal]
    hidden = {spec.deals.id, spec.deals.rep, spec.deals.team}
    names = [str(name) for name in view.attributes().frame.columns if name not in hidden]
    attributes = tuple(
        (label_of(name, spec), value_text(name, row[name], spec, say)) for name in names
    )
    return Question(number, row[spec.deals.closed_on], attributes)


def _answer(
    deal: Any,
    name: Any,
    view: HistoryView,
    churn: pd.Series[float],
    predicted: Retrospective,
    say: Say,
) -> Answer:
    model = predicted.of(deal).model
    prospect = {str(key): value for key, value in view.deals.loc[deal].items()}
    reasons = () if model is None else model.predict(prospect, reasons=REASONS).reasons
    return Answer(
        name,
        bool(churn[deal] == 1),
        float(predicted.predictions.loc[deal, "probability"]),
        float(predicted.predictions.loc[deal, "base_rate"]),
        tuple(_reason_text(reason, view.spec, say) for reason in reasons),
    )


def _reason_text(reason: Reason, spec: DealSpec, say: Say) -> str:
    subject = subject_text(reason, spec, say)
    return say("raises" if reason.contribution > 0 else "lowers", subject=subject)


def check_guess(guess: float, person: str) -> float:
    """Check that a guess is a probability, and return it.

    Raises
    ------
    DealsError
        If it is not; the message names the person.
    """
    if not 0 <= guess <= 1:
        raise DealsError(f"{person} says {guess}: give a probability from 0 to 1")
    return float(guess)


def guesses_of(
    quiz: Quiz, probabilities: Mapping[str, Sequence[float]]
) -> list[tuple[str, str, object, float, float, float, int]]:
    """Return rows for `fitmodel.monitoring.log.DecisionLog.keep_guesses`: one per person and deal.

    Parameters
    ----------
    quiz : Quiz
        Result of `make_quiz`.
    probabilities : mapping of str to sequence of float
        Each person's probabilities of early churn, in the order of the questions.

    Raises
    ------
    DealsError
        If a person has not answered every question, or an answer is not a probability.
    """
    rows: list[tuple[str, str, object, float, float, float, int]] = []
    for person, guesses in probabilities.items():
        if len(guesses) != len(quiz.answers):
            raise DealsError(
                f"{person} answered {len(guesses)} of {len(quiz.answers)} questions. "
                "Remedy: one probability for each."
            )
        rows += [
            (
                *(quiz.name, person, answer.deal, check_guess(guess, person)),
                *(answer.probability, answer.level, int(answer.left_early)),
            )
            for guess, answer in zip(guesses, quiz.answers, strict=True)
        ]
    return rows


def names_of_people(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the people who take part, without extra spaces.

    Raises
    ------
    DealsError
        If there is no name, a name is empty, or a name occurs twice.
    """
    people = tuple(" ".join(str(name).split()) for name in names)
    if not people or not all(people):
        raise DealsError("a quiz needs the name of everybody who takes part. Remedy: --person Kim")
    if len({name.casefold() for name in people}) < len(people):
        raise DealsError(f"a name is there twice: {', '.join(people)}. Remedy: one name each")
    return people
