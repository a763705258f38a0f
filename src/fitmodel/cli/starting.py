"""Commands `demo`, `init` and `check`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fitmodel.cli.app import (
    CONFIG,
    MODELS,
    Config,
    Deals,
    Models,
    app,
    load_spec,
    plain_errors,
    print_training,
    progress,
)
from fitmodel.exceptions import SpecError


class CheckFormat(StrEnum):
    """Formats in which the results of `fitmodel check` are written."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"


class DemoData(StrEnum):
    """Data sets on which `fitmodel demo` can train."""

    TELCO = "telco"
    SAAS = "saas"


@app.command(short_help="Train and score on demonstration deals.")
def demo(
    data: Annotated[
        DemoData, typer.Option(help="A real table, or simulated deals with reps and money.")
    ] = DemoData.TELCO,
    models: Models = MODELS,
    *,
    serve: Annotated[
        bool, typer.Option("--serve", help="Open the app on simulated deals, reps and decisions.")
    ] = False,
    port: Annotated[
        int, typer.Option(help="Port to listen on, with --serve.", min=1, max=65535)
    ] = 8000,
) -> None:
    """Train and score on demonstration deals; with --serve show them in the app.

    Example: fitmodel demo --serve
    """
    if serve:
        _serve_demo(models, port)
        return
    with plain_errors():
        from fitmodel.reports.console import demo_deals, next_steps, riskiest
        from fitmodel.training import train

        deals, spec, prospects, origin = demo_deals(data)
        typer.echo(origin + "\n")
        run = train(deals, spec, models=models, progress=progress())
        print_training(run)
        typer.echo(f"\nThe five riskiest of {len(prospects)} prospects, none of them trained on:")
        typer.echo(riskiest(run.model, prospects))
        typer.echo("\n" + next_steps(spec, run.bundle_path))


def _serve_demo(models: Path, port: int) -> None:
    with plain_errors():
        from fitmodel.cli.serving import refuse_taken, run_service
        from fitmodel.demonstration import make_demo
        from fitmodel.service.app import create_app, log_to_stderr
        from fitmodel.service.settings import LOOPBACK, Settings

        refuse_taken("127.0.0.1", port)
        typer.echo("Simulating a company and training its model; this takes a minute.", err=True)
        made = make_demo(models.parent / "demo", models, progress=progress())
        log_to_stderr()
        service = create_app(
            made.model,
            Settings(hosts=LOOPBACK),
            log=made.log,
            pipeline=made.pipeline,
            deals=made.deals,
            spec=made.spec,
            plans=(made.plan,),
            tour=True,
        )
        typer.echo(f"http://127.0.0.1:{port}", err=True)
        run_service(service, "127.0.0.1", port)


@app.command()
def init(
    deals: Deals,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")] = CONFIG,
    table: Annotated[
        list[Path] | None,
        typer.Option(exists=True, help="A table of changes or activities, or a folder of them."),
    ] = None,
) -> None:
    """Guess what each column means and write a commented contract.

    It also proposes tables of changes and activities in the same folder, with the number of
    deals in each.

    Example: fitmodel init deals.csv
    """
    with plain_errors():
        from fitmodel.guessing.companions import with_companions
        from fitmodel.guessing.guess import guess_spec
        from fitmodel.tables.atomic import write_folder
        from fitmodel.tables.files import read_file

        if output.exists():
            raise SpecError(
                f"{output} is there already. Remedy: remove it, or name another with --output."
            )
        file = read_file(deals)
        guess, tables = with_companions(guess_spec(file), file, deals, table or ())
        write_folder(output.parent, {output.name: guess.toml})
        typer.echo(f"wrote {output}")
        for finding in guess.findings:
            typer.echo(f"read: {finding}")
        for text in guess.unsure:
            typer.echo(f"unsure: {text}")
        for text in tables:
            typer.echo(f"table: {text}")
        for text in _example_money(deals, output):
            typer.echo(f"money: {text}")
        typer.echo(f"Next: read {output}, then fitmodel check {deals} -c {output}")


def _example_money(deals: Path, config: Path) -> tuple[str, ...]:
    """Return the consequences of example money settings; empty if deals cannot be read yet."""
    from fitmodel.crm.reading import read_deals
    from fitmodel.decision.money_settings import money_consequences
    from fitmodel.exceptions import DealsError

    try:
        spec = load_spec(config)
        return money_consequences(read_deals(deals, spec), spec)
    except (DealsError, SpecError):  # `fitmodel check` reports these errors
        return ()


@app.command(short_help="Check deals for errors and leakage; are there enough?")
def check(
    deals: Deals,
    config: Config = CONFIG,
    form: Annotated[
        CheckFormat, typer.Option("--format", help="text for people; json, sarif or junit for CI.")
    ] = CheckFormat.TEXT,
) -> None:
    """Check deals for errors and leakage, and say whether there are enough to learn from.

    Each result has a code; `[checks]` in the contract can silence it, with a reason.

    Example: fitmodel check deals.csv -c fitmodel.toml
    """
    with plain_errors():
        from fitmodel import checking
        from fitmodel.crm.reading import open_deals
        from fitmodel.deals.enough import FULL_CHURNERS
        from fitmodel.deals.history import view_of
        from fitmodel.deals.history_findings import compare_horizons, horizons_text
        from fitmodel.decision.money_settings import money_consequences
        from fitmodel.guessing.questions import read_with_questions
        from fitmodel.leakage.audit import audit, later_values
        from fitmodel.learning.learner import check_enough, regime_allowed
        from fitmodel.learning.stages import check_learning
        from fitmodel.reports.console import audit_text, labels_text, later_values_text

        spec = load_spec(config)
        if form is not CheckFormat.TEXT:
            report = checking.check_deals(deals, spec)
            typer.echo(report.write(form))
            raise typer.Exit(0 if report.ok else 1)
        opened = open_deals(deals, spec)
        file, spec = opened.file, opened.spec
        questioned = read_with_questions(file, spec)
        read = questioned.read
        for note in read.notes:
            typer.echo(f"rows {note}")
        for result in checking.shown(checking.question_results(questioned.questions), spec):
            typer.echo(f"unsure: {result}")
        table, spec = read.table, read.spec
        check_learning(spec, table)
        view = view_of(table, spec)
        typer.echo(labels_text(view))
        typer.echo(horizons_text(compare_horizons(view, spec)))
        results = (*checking.warning_results(file, read), *checking.time_results(view))
        for result in checking.shown(results, spec):
            typer.echo(f"warn {result}")
        if opened.result is not None:
            typer.echo(later_values_text(later_values(opened.today, opened.result, view)))
        leaks = audit(view, spec)
        typer.echo(
            f"leakage audit of {len(spec.attribute_names(table.columns))} attributes:\n"
            f"{audit_text(leaks)}"
        )
        for text in money_consequences(table, spec):
            typer.echo(f"money: {text}")
        check_enough(view.training_set())
        for result in checking.shown(checking.sample_results(view), spec):
            typer.echo(f"{'note' if result.level == 'note' else 'warn'} {result}")
        regime = regime_allowed(view.training_set())
        typer.echo(
            "enough to learn from"
            if regime == "full"
            else f"enough for a provisional model ({FULL_CHURNERS} early churners for a full one)"
        )
        if leaks.stopped:
            raise typer.Exit(1)
