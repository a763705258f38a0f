"""Command `quiz`: people guess the outcomes of past deals before they see them."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Annotated

import typer

from fitmodel.cli.app import (
    CONFIG,
    DECISIONS,
    Config,
    Deals,
    Log,
    Salt,
    app,
    load_spec,
    plain_errors,
    progress,
    read_and_report,
)
from fitmodel.cli.reporting import Language

if TYPE_CHECKING:
    from fitmodel.language.catalogue import Say
    from fitmodel.monitoring.log import DecisionLog
    from fitmodel.sales.quiz import Quiz


@app.command()
def quiz(
    deals: Deals,
    person: Annotated[
        list[str] | None,
        typer.Option(
            "--person", "-p", help="Name of a person who guesses; repeat it for each person."
        ),
    ] = None,
    config: Config = CONFIG,
    log: Log = DECISIONS,
    salt: Salt = None,
    questions: Annotated[
        int, typer.Option(min=4, max=100, help="Number of past deals to ask about.")
    ] = 10,
    seed: Annotated[
        int | None,
        typer.Option(help="Seed of the random choice of deals; default: a new choice each time."),
    ] = None,
    language: Annotated[Language, typer.Option(help="Language of the questions.")] = Language.EN,
    *,
    scores: Annotated[
        bool, typer.Option("--scores", help="Only show everybody's scores so far.")
    ] = False,
) -> None:
    """Guess the outcome of past deals, then compare with the model and the real outcomes.

    Scores are kept in the decision log. No deal is asked about twice.

    Example: fitmodel quiz deals.csv --person Kim --person Lee
    """
    with plain_errors():
        from fitmodel.language.catalogue import phrases
        from fitmodel.monitoring.log import DecisionLog
        from fitmodel.sales.quiz import make_quiz, names_of_people

        say, opened = phrases(language.value, "quiz"), DecisionLog(log, salt=salt)
        if scores:
            _show_practice(opened, language.value, say)
            return
        people, spec = names_of_people(person or ()), load_spec(config)
        read, asked_deals = read_and_report(deals, spec), set(opened.guesses()["deal"])
        new_quiz = make_quiz(
            read.table,
            read.spec,
            size=questions,
            seed=secrets.randbits(32) if seed is None else seed,
            asked_before=lambda name: opened.stored_id(name) in asked_deals,
            language=language.value,
            progress=progress(),
        )
        _ask(new_quiz, people, opened, read.spec.label.horizon_months, say)
        _show_practice(opened, language.value, say)


def _ask(quiz: Quiz, people: tuple[str, ...], log: DecisionLog, horizon: int, say: Say) -> None:
    """Ask everybody about every deal, show each answer, and store all guesses at the end."""
    from fitmodel.sales.quiz import brier, guesses_of

    size, level = len(quiz.questions), f"{quiz.level:.0%}"
    typer.echo(say("intro", size=size, level=level, horizon=horizon))
    guesses: dict[str, list[float]] = {name: [] for name in people}
    for question, answer in zip(quiz.questions, quiz.answers, strict=True):
        signed = f"{question.signed:%Y-%m-%d}"
        typer.echo("\n" + say("question", number=question.number, size=size, signed=signed))
        for name, value in question.attributes:
            typer.echo(say("fact", name=name, value=value))
        for name in people:
            guesses[name].append(_ask_person(name, say, hidden=len(people) > 1))
        typer.echo(say("left" if answer.left_early else "stayed", horizon=horizon))
        typer.echo(
            say(
                "model",
                deal=answer.deal,
                probability=f"{answer.probability:.0%}",
                level=f"{answer.level:.0%}",
            )
        )
        for reason in answer.reasons:
            typer.echo(f"  {reason}")
    log.keep_guesses(guesses_of(quiz, guesses))
    outcome = [answer.left_early for answer in quiz.answers]
    typer.echo("\n" + say("scale"))
    for name in people:
        typer.echo(say("score", person=name, brier=f"{brier(guesses[name], outcome):.3f}"))
    by_model = brier([answer.probability for answer in quiz.answers], outcome)
    typer.echo(say("score_model", brier=f"{by_model:.3f}"))
    by_level = brier([quiz.level] * size, outcome)
    typer.echo(say("score_level", level=level, brier=f"{by_level:.3f}"))


def _ask_person(person: str, say: Say, *, hidden: bool) -> float:
    """Ask one person until the answer is a probability, and return it; the input can be hidden."""
    while True:
        text = typer.prompt(say("ask", person=person), hide_input=hidden)
        try:
            percent = float(str(text).strip().rstrip("%").strip().replace(",", "."))
        except ValueError:
            percent = -1.0
        if 0 <= percent <= 100:  # noqa: PLR2004 - percent
            return percent / 100
        typer.echo(say("no_percentage"))


def _show_practice(log: DecisionLog, language: str, say: Say) -> None:
    from fitmodel.sales.quiz import practice, practice_sentences, quiz_scores

    guesses = log.guesses()
    if guesses.empty:
        typer.echo(say("none_yet"))
        return
    typer.echo("\n" + say("over_time"))
    table = quiz_scores(guesses)
    for row in table.to_dict("records"):
        typer.echo(f"  {row['quiz']}  {row['person']}  {row['brier']:.3f}  ({row['model']:.3f})")
    for line in practice_sentences(practice(guesses), language):
        typer.echo(line)
