"""
The quiz: past deals as they stood at signing, which people judge before they see the outcome.

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
from fitmodel.sales.retrospective import require_dates, score_in_retrospect
from fitmodel.sales.review_words import label_of, value_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.language.catalogue import Say
    from fitmodel.model.reasons import Reason
    from fitmodel.sales.retrospective import Retrospective

QUESTIONS = 10
MIN_OF_EACH = 2
"""Of the deals asked about, left early and stayed: else there is nothing to tell apart."""
REASONS = 3


@dataclass(frozen=True, eq=False)
class Question:
    """
    A past deal as it was at signing; nothing here reveals how it ended.

    Parameters
    ----------
    number : int
        From 1.
    signed : Timestamp
    facts : tuple of (str, str)
        Name and value of each attribute, as people read them.
    """

    number: int
    signed: pd.Timestamp
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, eq=False)
class Answer:
    """
    Outcome of a deal, and the prediction of the model of that time.

    Parameters
    ----------
    deal : object
        Its id, or its index where the contract names none.
    left_early : bool
    probability : float
        Of early churn, by a model that knew nothing later than the day before the quarter of
        signing.
    level : float
        Early churn of all the deals which that model learned from.
    reasons : tuple of str
        What moved the probability most, in words.
    """

    deal: Any
    left_early: bool
    probability: float
    level: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Quiz:
    """
    Questions and, to be shown after people have judged, their answers.

    Parameters
    ----------
    name : str
        Of this quiz in the decision log.
    level : float
        Early churn of all deals that could be asked about: people may be told it.
    questions : tuple of Question
    answers : tuple of Answer
        In the same order.
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
    """
    Draw past deals to judge.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        As read by ``read_deals``.
    spec : DealSpec
        A contract with dates.
    size : int
        Deals to ask about.
    seed : int
        Of the draw; the same seed draws the same deals.
    asked_before : callable, optional
        Says of a deal's id whether it was asked about already; such deals are left out.
    retrospective : Retrospective, optional
        From `score_in_retrospect`, where it is there already.
    language : {"en", "zh"}
    progress : callable, optional
        Told the date of each training.

    Returns
    -------
    Quiz
        Deals that left early are drawn in the proportion they have among all that could be asked
        about, but `MIN_OF_EACH` at least.

    Raises
    ------
    DealsError
        If the contract has no dates, or there are too few mature deals that a model from before
        their signing can score.

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(800, seed=1, months=18)
    >>> quiz = make_quiz(sim.deals, sim.spec)
    >>> len(quiz.questions), quiz.questions[0].facts[0][0]
    (10, 'segment')
    """
    require_dates(spec)
    view = view_of(deals, spec)
    seen = retrospective or score_in_retrospect(view, spec, progress=progress)
    churn = pd.Series(view.early_churn, view.index)
    usable = view.mature & (view.entry_months == 0) & churn.notna().to_numpy()
    usable &= seen.predictions["probability"].notna().to_numpy()
    level = float(churn[usable].mean()) if usable.any() else float("nan")
    ids = view.index.to_series() if spec.deals.id is None else view.deals[spec.deals.id]
    if asked_before is not None:
        usable &= ~np.array([asked_before(name) for name in ids], dtype=bool)
    drawn = _draw(churn[usable], level, size, np.random.default_rng(seed))
    say = phrases(language, "quiz")
    return Quiz(
        f"{pd.Timestamp.now():%Y-%m-%dT%H:%M:%S}",
        level,
        tuple(_question(number, deal, view, say) for number, deal in enumerate(drawn, 1)),
        tuple(_answer(deal, ids[deal], view, churn, seen, say) for deal in drawn),
    )


def _draw(
    churn: pd.Series[float], level: float, size: int, random: np.random.Generator
) -> list[Any]:
    """Deals at random, early leavers in proportion, in an order that tells nothing."""
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
    return [drawn[at] for at in random.permutation(size)]


def _question(number: int, deal: Any, view: HistoryView, say: Say) -> Question:
    spec, row = view.spec, view.deals.loc[deal]
    hidden = {spec.deals.id, spec.deals.rep, spec.deals.team}
    names = [str(n) for n in view.attributes().frame.columns if n not in hidden]
    facts = tuple((label_of(name, spec), value_words(row[name], say)) for name in names)
    return Question(number, row[spec.deals.closed_on], facts)


def _answer(
    deal: Any,
    name: Any,
    view: HistoryView,
    churn: pd.Series[float],
    seen: Retrospective,
    say: Say,
) -> Answer:
    model = seen.of(deal).model
    prospect = {str(key): value for key, value in view.deals.loc[deal].items()}
    reasons = () if model is None else model.predict(prospect, reasons=REASONS).reasons
    return Answer(
        name,
        bool(churn[deal] == 1),
        float(seen.predictions.loc[deal, "probability"]),
        float(seen.predictions.loc[deal, "base_rate"]),
        tuple(_reason(reason, view.spec, say) for reason in reasons),
    )


def _reason(reason: Reason, spec: DealSpec, say: Say) -> str:
    names = reason.attribute.split(" & ")
    values: Sequence[Any] = reason.value if isinstance(reason.value, tuple) else (reason.value,)
    subject = say("and").join(
        say("is", attribute=label_of(name, spec), value=value_words(value, say))
        for name, value in zip(names, values, strict=True)
    )
    return say("raises" if reason.contribution > 0 else "lowers", subject=subject)


def check_guess(guess: float, person: str) -> float:
    """
    Check that a guess is a probability, and return it.

    Raises
    ------
    DealsError
        Naming the person.
    """
    if not 0 <= guess <= 1:
        raise DealsError(f"{person} says {guess}: give a probability from 0 to 1")
    return float(guess)


def guesses_of(
    quiz: Quiz, probabilities: Mapping[str, Sequence[float]]
) -> list[tuple[str, str, object, float, float, float, int]]:
    """
    Rows for `fitmodel.monitoring.log.DecisionLog.keep_guesses`: one per person and deal.

    Parameters
    ----------
    quiz : Quiz
    probabilities : mapping of str to sequence of float
        Each person's probability of early churn for each question, in their order.

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
    """
    Names of those who take part, without spaces around them.

    Raises
    ------
    DealsError
        If there is none, one is empty, or one is there twice.
    """
    people = tuple(" ".join(str(name).split()) for name in names)
    if not people or not all(people):
        raise DealsError("a quiz needs the name of everybody who judges. Remedy: --person Kim")
    if len({name.casefold() for name in people}) < len(people):
        raise DealsError(f"a name is there twice: {', '.join(people)}. Remedy: one name each")
    return people
