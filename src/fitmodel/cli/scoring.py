"""Command `score`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fitmodel.cli.app import Model, app, plain_errors
from fitmodel.cli.logs import Salt
from fitmodel.cli.reporting import Language
from fitmodel.scoring.database import is_database


@app.command()
def score(
    prospects: Annotated[
        str,
        typer.Argument(help="CSV, Parquet or a folder of it, or a database's URL; - for stdin."),
    ],
    model: Model,
    output: Annotated[
        str,
        typer.Option("--output", "-o", help="CSV, Parquet or URL/TABLE; - for standard output."),
    ],
    query: Annotated[
        str | None, typer.Option(help="Rows of a database: one SELECT, or @file.sql.")
    ] = None,
    upsert: Annotated[
        str | None, typer.Option(help="Update or add the rows of a table by this column.")
    ] = None,
    reasons: Annotated[int, typer.Option(min=0, help="Reasons per prospect.")] = 3,
    strict: Annotated[bool, typer.Option(help="Stop at a row that cannot be scored.")] = False,
    language: Annotated[Language, typer.Option(help="Of the reasons.")] = Language.EN,
    resume: Annotated[
        bool, typer.Option(help="Go on where an interrupted run with --resume stopped.")
    ] = False,
    log: Annotated[
        str | None, typer.Option(help="Decision log for every assessment: a file or postgresql://")
    ] = None,
    salt: Salt = None,
) -> None:
    """Add predictions to a table of prospects.

    Example: fitmodel score prospects.csv --model models/prospect-fit --output scored.csv
    """
    if not (is_database(prospects) or prospects == "-" or Path(prospects).exists()):
        raise typer.BadParameter(f"there is no file {prospects}", param_hint="PROSPECTS")
    with plain_errors():
        from fitmodel.loading import load
        from fitmodel.monitoring.log import DecisionLog
        from fitmodel.reports.console import progress_bar
        from fitmodel.scoring.places import count_places, score_places

        loaded = load(model)
        with progress_bar(count_places(prospects)) as advance:
            result = score_places(
                prospects,
                loaded,
                output,
                query=query,
                upsert=upsert,
                reasons=reasons,
                strict=strict,
                progress=advance,
                language=language.value,
                resume=resume,
                log=None if log is None else DecisionLog(log, salt=salt),
            )
        noun = "prospect" if result.rows == 1 else "prospects"
        typer.echo(
            f"{result.rows:,} {noun} scored to {result.output} in {result.seconds:.1f} s, "
            f"{result.flagged:,} flagged as poor fit{_escalated(result.escalated)}",
            err=True,  # standard output may be the scored table
        )
        if result.resumed:
            typer.echo(f"{result.resumed:,} of them by the run that was interrupted", err=True)
        if result.left_out:
            typer.echo(
                f"{result.left_out:,} of them are lost, so they were left out by [rows]",
                err=True,
            )
        if result.errors:
            typer.echo(
                f"Warning: {result.errors:,} of them could not be scored (see the column error); "
                f"{result.first_error}",
                err=True,
            )
        if result.errors == result.rows - result.left_out > 0:
            typer.echo("Error: not one row could be scored.", err=True)
            raise typer.Exit(1)


def _escalated(count: int) -> str:
    """How many of the flagged are for a manager; nothing where none is."""
    return f", {count:,} of them for a manager to decide" if count else ""
