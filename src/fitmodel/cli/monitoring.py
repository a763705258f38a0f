"""Commands `monitor`, `decide`, `forget` and `quiz`: a model in use and its decision log."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fitmodel.cli.app import (
    CONFIG,
    DECISIONS,
    Config,
    Deals,
    Log,
    Model,
    Salt,
    app,
    existing_log,
    load_spec,
    plain_errors,
    progress,
    read_and_report,
    spec_if_any,
)
from fitmodel.cli.reporting import Language

if TYPE_CHECKING:
    from fitmodel.language.catalogue import Say
    from fitmodel.monitoring.log import DecisionLog
    from fitmodel.sales.quiz import Quiz


@app.command(short_help="Report drift, and outcomes against predictions.")
def monitor(
    table: Annotated[
        Path, typer.Argument(help="Prospects or deals: CSV, Excel or Parquet.", exists=True)
    ],
    model: Model,
    config: Config = CONFIG,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write.")] = Path(
        "monitor"
    ),
    language: Annotated[Language, typer.Option(help="Language of the page.")] = Language.EN,
    log: Annotated[
        str | None,
        typer.Option(
            help="Decision log; with it, the page also evaluates flagged deals that were signed."
        ),
    ] = None,
    salt: Salt = None,
    *,
    by_month: Annotated[
        bool, typer.Option("--by-month", help="Test for drift in each month of signing.")
    ] = False,
    track: Annotated[
        bool, typer.Option("--track", help="Also log the result as a run in MLflow.")
    ] = False,
    fail_on_drift: Annotated[
        bool,
        typer.Option(
            "--fail-on-drift",
            help="Exit with code 1 if anything has drifted, or outcomes are not as predicted.",
        ),
    ] = False,
) -> None:
    """Report drift and compare outcomes with predictions, as a page and tables.

    Outcomes are compared if the table has the outcome columns of the contract. Only deals signed
    after the model's training deals are compared, if there are any.

    Example: fitmodel monitor deals.csv --model models/prospect-fit --output monitor
    """
    with plain_errors(language):
        from fitmodel.loading import load
        from fitmodel.monitoring.report import monitor as compare
        from fitmodel.reports.monitoring_page import (
            monitoring_files,
            none_later_words,
            outcome_words,
        )
        from fitmodel.tables.atomic import write_folder
        from fitmodel.tables.files import read_table

        report_step, contract = progress(), spec_if_any(config)
        loaded = load(model)
        report_step("reading")
        report = compare(
            read_table(table),
            loaded,
            contract,
            log=None if log is None else existing_log(log, salt),
            by_month=by_month,
            progress=report_step,
        )
        for note in report.notes:
            typer.echo(f"rows: {note}", err=True)
        if report.log_match is not None:
            typer.echo(report.log_match, err=True)
        files = monitoring_files(report, language.value)
        write_folder(output, files)
        typer.echo(
            f"drifted: {', '.join(report.drifted) or 'nothing'}; wrote {output / 'index.html'}"
        )
        if not report.has_later:
            typer.echo(none_later_words(report), err=True)
        if report.outcomes is not None:
            typer.echo(f"outcomes: {outcome_words(report.outcomes)}")
        if track:
            from fitmodel.tracking.runs import track_monitoring

            run = track_monitoring(load_spec(config), loaded.manifest, report.metrics(), files)
            typer.echo(f"run {run}")
    if fail_on_drift and (report.drifted or report.is_off_level):
        raise typer.Exit(1)


@app.command()
def decide(
    prospect: Annotated[str, typer.Argument(help="Id of the prospect, as in the log.")],
    action: Annotated[str, typer.Argument(help="signed, declined or overridden.")],
    by: Annotated[str, typer.Option(help="Who decided.")],
    reason: Annotated[str | None, typer.Option(help="Reason for the decision.")] = None,
    log: Log = DECISIONS,
    salt: Salt = None,
    *,
    correct: Annotated[
        bool, typer.Option("--correct", help="Replace the earlier decision.")
    ] = False,
) -> None:
    """Record in the decision log what was decided about a prospect.

    A decision that contradicts the assessment or an earlier decision is refused; --correct
    replaces the earlier one. The same decision by the same person, repeated, is recorded once.

    Example: fitmodel decide D-17 overridden --by Kim --reason "old customer"
    """
    with plain_errors():
        decisions = existing_log(log, salt)
        is_new = decisions.decide(prospect, action, by=by, reason=reason, correct=correct)
        typer.echo(f"{prospect}: {action}{'' if is_new else ' (recorded already)'}")


@app.command()
def forget(
    prospect: Annotated[str, typer.Argument(help="Id of the prospect, as in the log.")],
    log: Log = DECISIONS,
    salt: Salt = None,
) -> None:
    """Remove a customer from the decision log.

    Example: fitmodel forget D-17 --log decisions.db
    """
    with plain_errors():
        removed = existing_log(log, salt).forget(prospect)
        typer.echo(f"removed {removed} row(s)")
        if not removed:
            typer.echo(
                f"the log has no row of {prospect!r}. If there should be one, check the id, and "
                "the salt (FITMODEL_LOG_SALT)"
            )


@app.command(short_help="Estimate past deals, then compare with the model.")
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
    with plain_errors(language):
        from fitmodel.language.catalogue import phrases
        from fitmodel.monitoring.log import DecisionLog
        from fitmodel.sales.quiz import make_quiz, names_of_people

        say = phrases(language.value, "quiz")
        if scores and "://" not in log and not Path(log).is_file():
            typer.echo(say("none_yet"))
            return
        opened = DecisionLog(log, salt=salt)
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
