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
    progress,
    say_training,
)
from fitmodel.exceptions import SpecError


class DemoData(StrEnum):
    """What `fitmodel demo` can train on."""

    TELCO = "telco"
    SAAS = "saas"


@app.command()
def demo(
    data: Annotated[
        DemoData, typer.Option(help="A real table, or simulated deals with reps and money.")
    ] = DemoData.TELCO,
    models: Models = MODELS,
) -> None:
    """Train and score on demonstration deals.

    Example: fitmodel demo --data saas
    """
    with plain_errors():
        from fitmodel.reports.console import demo_deals, next_steps, riskiest
        from fitmodel.training import train

        deals, spec, prospects, origin = demo_deals(data)
        typer.echo(origin + "\n")
        run = train(deals, spec, models=models, progress=progress())
        say_training(run)
        typer.echo(f"\nThe five riskiest of {len(prospects)} prospects, none of them trained on:")
        typer.echo(riskiest(run.model, prospects))
        typer.echo("\n" + next_steps(spec, run.bundle_path))


@app.command()
def init(
    deals: Deals,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")] = CONFIG,
) -> None:
    """Guess what columns mean; write a commented contract.

    Example: fitmodel init deals.csv
    """
    with plain_errors():
        from fitmodel.deals.reading import read_table
        from fitmodel.guessing.guess import guess_spec
        from fitmodel.tables.atomic import write_folder

        if output.exists():
            raise SpecError(
                f"{output} is there already. Remedy: remove it, or name another with --output."
            )
        guess = guess_spec(read_table(deals))
        write_folder(output.parent, {output.name: guess.toml})
        typer.echo(f"wrote {output}")
        for text in guess.unsure:
            typer.echo(f"unsure: {text}")
        for text in _example_money(deals, output):
            typer.echo(f"money: {text}")
        typer.echo(f"Next: read {output}, then fitmodel check {deals} -c {output}")


def _example_money(deals: Path, config: Path) -> tuple[str, ...]:
    """What example money would mean for these deals; nothing where they cannot be read so yet."""
    from fitmodel.deals.reading import read_deals
    from fitmodel.decision.suggest import money_consequences
    from fitmodel.exceptions import DealsError

    try:
        spec = load_spec(config)
        return money_consequences(read_deals(deals, spec), spec)
    except (DealsError, SpecError):  # `check` says what is wrong
        return ()


@app.command()
def check(deals: Deals, config: Config = CONFIG) -> None:
    """Look for problems and leaks, and count what there is to learn from.

    Example: fitmodel check deals.csv -c fitmodel.toml
    """
    with plain_errors():
        from fitmodel.deals.data_warnings import find_warnings, notation_warnings
        from fitmodel.deals.history import view_of
        from fitmodel.deals.horizons import compare_horizons, horizons_text
        from fitmodel.deals.reading import first_row_of, open_table, read_deals_with_findings
        from fitmodel.decision.suggest import money_consequences
        from fitmodel.guessing.doubts import find_doubts, refuse_unanswered
        from fitmodel.leakage.audit import audit
        from fitmodel.learning.learner import check_enough
        from fitmodel.reports.console import audit_text, labels_text
        from fitmodel.reports.contract_words import contract_warnings

        spec = load_spec(config)
        file = open_table(deals, spec)
        read = read_deals_with_findings(file, spec)
        for note in read.notes:
            typer.echo(f"rows {note}")
        doubts = find_doubts(file.table, spec)
        for doubt in doubts:
            typer.echo(f"unsure: {doubt}")
        refuse_unanswered(doubts)
        table, spec, row = read.table, read.spec, first_row_of(deals)
        view = view_of(table, spec)
        typer.echo(labels_text(view.outcomes, spec.label.horizon_months))
        typer.echo(horizons_text(compare_horizons(view, spec)))
        notations = notation_warnings(file.table, spec, row)
        for warning in (*find_warnings(table, spec, row), *notations, *read.findings):
            typer.echo(f"warn {warning}")
        for text in contract_warnings(view):
            typer.echo(f"warn {text}")
        leaks = audit(view, spec)
        typer.echo(
            f"leakage audit of {len(spec.attribute_names(table.columns))} attributes:\n"
            f"{audit_text(leaks)}"
        )
        for text in money_consequences(table, spec):
            typer.echo(f"money: {text}")
        check_enough(view.training_set())
        typer.echo("enough to learn from")
        if leaks.stopped:
            raise typer.Exit(1)
