"""Command `score`: probabilities for a file, a table or a query."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fitmodel.cli.app import (
    Model,
    Salt,
    app,
    parse_day,
    parse_months,
    plain_errors,
)
from fitmodel.cli.history import Tables, parse_tables
from fitmodel.cli.reporting import Language
from fitmodel.tables.databases import is_database


@app.command()
def score(
    prospects: Annotated[
        str,
        typer.Argument(
            help="CSV, Parquet, a folder of Parquet files or a database URL; - for standard input."
        ),
    ],
    model: Model,
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", help="CSV, Parquet, FOLDER/ or URL/TABLE; - for standard output."
        ),
    ],
    query: Annotated[
        str | None, typer.Option(help="The SELECT statement for a database, or @file.sql.")
    ] = None,
    upsert: Annotated[
        str | None,
        typer.Option(help="Update existing rows and insert new ones; this column is the key."),
    ] = None,
    partition_by: Annotated[
        str | None,
        typer.Option(help="Write a folder of Parquet files, partitioned by this column."),
    ] = None,
    reasons: Annotated[int, typer.Option(min=0, help="Number of reasons per prospect.")] = 3,
    strict: Annotated[bool, typer.Option(help="Stop at a row that cannot be scored.")] = False,
    language: Annotated[Language, typer.Option(help="Language of the reasons.")] = Language.EN,
    resume: Annotated[
        bool, typer.Option(help="Continue where an earlier run with --resume was interrupted.")
    ] = False,
    log: Annotated[
        str | None,
        typer.Option(help="Log every assessment to this decision log: a file or postgresql://..."),
    ] = None,
    salt: Salt = None,
    table: Tables = None,
    horizons: Annotated[
        str | None,
        typer.Option(
            help="Other horizons in months, such as 3,12: probability and interval for each."
        ),
    ] = None,
    signed: Annotated[
        bool,
        typer.Option(
            "--signed",
            help="Customers already signed: their chance to leave within the next --horizons "
            "months, given the time stayed.",
        ),
    ] = False,
    as_of: Annotated[
        str | None, typer.Option(help="With --signed: day from which the months count, YYYY-MM-DD.")
    ] = None,
    unpickle: Annotated[
        bool,
        typer.Option(help="Also load your own estimator. It is a pickle and can run any code."),
    ] = False,
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
        from fitmodel.scoring.sources import count_source_rows, score_source

        loaded = load(model, unpickle=unpickle)
        if signed:
            _score_signed(prospects, loaded, output, parse_months(horizons), as_of)
            return
        with progress_bar(count_source_rows(prospects)) as advance:
            result = score_source(
                prospects,
                loaded,
                output,
                query=query,
                upsert=upsert,
                partition_by=partition_by,
                reasons=reasons,
                strict=strict,
                progress=advance,
                language=language.value,
                resume=resume,
                log=None if log is None else DecisionLog(log, salt=salt),
                tables=parse_tables(table),
                horizons=parse_months(horizons),
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
        if result.note:
            typer.echo(f"Warning: {result.note}", err=True)
        if result.warning:
            typer.echo(f"Warning: {result.warning}", err=True)
        if result.errors:
            typer.echo(
                f"Warning: {result.errors:,} of them could not be scored (see the column error); "
                f"{result.first_error}",
                err=True,
            )
        if result.errors == result.rows - result.left_out > 0:
            typer.echo("Error: not one row could be scored.", err=True)
            raise typer.Exit(1)


def _score_signed(
    customers: str, model: Any, output: str, months: tuple[int, ...], as_of: str | None
) -> None:
    from fitmodel.scoring.signed import MONTHS, score_customers

    requested = months or MONTHS
    done = score_customers(customers, model, output, months=requested, as_of=parse_day(as_of))
    typer.echo(
        f"{done.rows - done.gone - done.left_out:,} customers scored to {done.output}; "
        f"{done.gone:,} have left",
        err=True,
    )
    if done.left_out:
        typer.echo(f"{done.left_out:,} rows are not customers: left out by [rows]", err=True)
    if done.seen_until is not None:
        typer.echo(
            f"Warning: the table ends on {done.seen_until}, long before the day from which the "
            "months count: who left in between counts as still there. Remedy: give a newer "
            f"extract, or --as-of {done.seen_until}.",
            err=True,
        )
    if done.beyond_data:
        typer.echo(
            f"Warning: for {done.beyond_data:,} of them the months asked for end after month "
            f"{done.curve_ends_month}, the last that past deals say something about; from there on "
            "the highest rate that fits the data stands in (column beyond_data).",
            err=True,
        )


def _escalated(count: int) -> str:
    """Return a text with the number of flagged deals for a manager to decide; empty if none."""
    return f", {count:,} of them for a manager to decide" if count else ""
