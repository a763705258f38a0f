"""The quiz over HTTP: past deals to estimate, then the model, the outcomes and the scores.

seed, deals asked before -> ten deals without their outcome -> people's probabilities
      -> stored in the decision log -> outcome of each deal, and Brier scores over time

Nothing is stored between the two requests: the quiz is drawn again from its name.
"""

from __future__ import annotations

import re
import secrets
import zlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from fitmodel.exceptions import DealsError
from fitmodel.sales.quiz import (
    brier,
    guesses_of,
    make_quiz,
    names_of_people,
    practice,
    practice_sentences,
    quiz_scores,
)
from fitmodel.service._decision_routes import Name
from fitmodel.service._page_routes import NOT_THERE, RARELY, ready_value
from fitmodel.service._problems import RefusedError
from fitmodel.service._routes import Language
from fitmodel.service.schema import failures
from fitmodel.service.settings import person_of

if TYPE_CHECKING:
    import pandas as pd

    from fitmodel.monitoring.log import DecisionLog
    from fitmodel.sales.quiz import Answer, Question, Quiz
    from fitmodel.service._pages import Pages
    from fitmodel.service.settings import Person

QUIZ = "/v1/quiz"
NAMED = re.compile(
    r"(?P<time>[0-9T:-]{19})\.(?P<seed>[0-9]{1,10})\.(?P<before>[0-9]{1,12})\.[0-9a-f]{8}"
)
FAILURES: dict[int | str, dict[str, Any]] = {
    **failures("400", "401", "408", "413", "503"),
    **NOT_THERE,
    "409": {"description": "The past deals have changed since the quiz was drawn"},
    "422": {"description": "An answer is missing or is not a probability; the detail says whose"},
}
Seed = Annotated[
    int | None,
    Query(ge=0, lt=2**32, description="Seed of the random choice of deals; default: random."),
]


class Answers(BaseModel):
    """People's answers to the deals of a quiz."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"quiz": "2026-06-01T09:00:00.17.0.1c291ca3", "guesses": {"Kim": [0.1, 0.6]}}
        },
    )

    quiz: Annotated[
        str, Field(max_length=60, description="Name of the quiz, as returned when it started.")
    ]
    guesses: dict[Name, Annotated[list[float], Field(max_length=100)]] = Field(
        description="Each person's probability of early churn for each deal, from 0 to 1.",
        max_length=20,
    )


@dataclass(frozen=True)
class QuizName:
    """Name of a quiz, from which the quiz can be drawn again.

    The name as text ends with a checksum of the deals that were drawn.

    `time`: time of the draw, ISO 8601 in seconds, UTC.
    `seed`: random seed of the draw.
    `before`: number of answers in the decision log before the draw.
    """

    time: str
    seed: int
    before: int

    def of(self, quiz: Quiz) -> str:
        """Return the name as text, with the checksum of the deals that were drawn."""
        deals = "\n".join(str(answer.deal) for answer in quiz.answers)
        return f"{self.time}.{self.seed}.{self.before}.{zlib.crc32(deals.encode()):08x}"

    @classmethod
    def parse(cls, text: str) -> QuizName:
        """Read the name of a quiz from its text.

        Raises RefusedError if the text is not the name of a quiz.
        """
        match = NAMED.fullmatch(text)
        if match is None:
            raise RefusedError(422, "quiz: give the name that GET /v1/quiz returned as `quiz`")
        return cls(match["time"], int(match["seed"]), int(match["before"]))


def add_quiz(app: FastAPI, pages: Pages, log: DecisionLog | None) -> None:
    """Add the routes of the quiz."""

    @app.get(QUIZ, responses=RARELY | NOT_THERE)
    def questions(language: Language = "en", seed: Seed = None) -> dict[str, Any]:
        """Return past deals as they were at signing, without their outcomes."""
        drawn = secrets.randbits(32) if seed is None else seed
        before = 0 if log is None else len(log.guesses())
        name = QuizName(datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"), drawn, before)
        made = _draw_quiz(pages, log, name, language)
        return made if isinstance(made, dict) else {"state": "ready"} | _questions_of(made, pages)

    @app.post(f"{QUIZ}/answers", responses=FAILURES)
    def answers(given: Answers, request: Request, language: Language = "en") -> dict[str, Any]:
        """Store people's answers, and return each deal's outcome and everybody's scores."""
        person = person_of(request)
        guesses = (
            {person.name: next(iter(given.guesses.values()), [])} if person.name else given.guesses
        )
        made = _draw_quiz(pages, log, QuizName.parse(given.quiz), language)
        if isinstance(made, dict):
            raise RefusedError(503, "the past deals are still being read", (b"retry-after", b"2"))
        if made.name != given.quiz:
            raise RefusedError(409, "the past deals have changed: begin another quiz")
        try:
            names_of_people(guesses)
            rows = guesses_of(made, guesses)
            _keep(log, rows)
        except DealsError as error:
            raise RefusedError(422, str(error)) from error
        return (
            _result(made, guesses, person)
            | {"kept": log is not None}
            | _scores(log, person, language)
        )

    @app.get(f"{QUIZ}/scores", responses=RARELY | NOT_THERE)
    def scores(request: Request, language: Language = "en") -> dict[str, Any]:
        """Return Brier scores of each person and the model per quiz; a rep sees the own ones."""
        return _scores(log, person_of(request), language)


def _draw_quiz(
    pages: Pages, log: DecisionLog | None, name: QuizName, language: str
) -> Quiz | dict[str, Any]:
    """Return the quiz of a name, or the current step while the past deals are being scored."""
    retrospective = ready_value(pages, pages.retrospective, "", language=language)
    if isinstance(retrospective, dict):
        return retrospective
    deals, spec = pages.numbered_deals()
    asked_ids = set() if log is None else set(log.guesses()["deal"].head(name.before))

    def asked_before(deal: Any) -> bool:
        return log is not None and log.stored_id(deal) in asked_ids

    try:
        quiz = make_quiz(
            deals,
            pages.labelled(spec, language),
            seed=name.seed,
            asked_before=asked_before,
            retrospective=retrospective,
            language=language,
        )
    except DealsError as error:
        raise RefusedError(404, str(error)) from error
    return replace(quiz, name=name.of(quiz))


def _questions_of(quiz: Quiz, pages: Pages) -> dict[str, Any]:
    listed = [
        {
            "number": question.number,
            "signed": f"{question.signed:%Y-%m-%d}",
            **dict.fromkeys(("attributes", "facts"), _attributes(question)),  # facts: until 1.0
        }
        for question in quiz.questions
    ]
    months = pages.spec().label.horizon_months
    return {"quiz": quiz.name, "level": quiz.level, "horizon_months": months, "questions": listed}


def _attributes(question: Question) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in question.attributes]


def _keep(
    log: DecisionLog | None, rows: list[tuple[str, str, object, float, float, float, int]]
) -> None:
    """Store answers in the log; a second answer of a person to the same quiz is not stored."""
    if log is None:
        return
    known = log.guesses()
    stored = set(zip(known["quiz"], known["person"], strict=True))
    log.keep_guesses([row for row in rows if row[:2] not in stored])


def _result(quiz: Quiz, given: dict[str, list[float]], person: Person) -> dict[str, Any]:
    """Return each deal's outcome and the Brier scores; the ids of deals are hidden from reps."""
    outcome = [answer.left_early for answer in quiz.answers]
    model = brier([answer.probability for answer in quiz.answers], outcome)
    level = brier([quiz.level] * len(outcome), outcome)
    people = {name: brier(guesses, outcome) for name, guesses in given.items()}
    answers = [_answer(answer, hidden=person.is_rep) for answer in quiz.answers]
    return {"answers": answers, "brier": {"people": people, "model": model, "level": level}}


def _answer(answer: Answer, *, hidden: bool) -> dict[str, Any]:
    return {
        "deal": None if hidden else str(answer.deal),
        "left_early": answer.left_early,
        "probability": answer.probability,
        "level": answer.level,
        "reasons": list(answer.reasons),
    }


def _scores(log: DecisionLog | None, person: Person, language: str) -> dict[str, Any]:
    """Return the scores over time, and sentences on whether people improve with practice."""
    if log is None:
        return {"scores": [], "practice": []}
    guesses = log.guesses()
    if person.is_rep:
        guesses = guesses[guesses["person"] == person.name]
    if guesses.empty:
        return {"scores": [], "practice": []}
    return {
        "scores": _by_quiz(guesses),
        "practice": practice_sentences(practice(guesses), language),
    }


def _by_quiz(guesses: pd.DataFrame) -> list[dict[str, Any]]:
    day = guesses.groupby(["quiz", "person"], sort=False)["time"].first()
    table = quiz_scores(guesses).assign(day=[f"{time:%Y-%m-%d}" for time in day])
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
