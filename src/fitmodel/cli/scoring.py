"""Commands `score` (a file, a table or a query) and `export sql` (a model as a query)."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fitmodel.cli.app import (
    AssessmentsTo,
    Model,
    Salt,
    app,
    export_app,
    parse_day,
    parse_months,
    plain_errors,
)
from fitmodel.cli.history import Tables, parse_tables
from fitmodel.cli.reporting import Language
from fitmodel.language.catalogue import message_in, phrases
from fitmodel.tables.databases import is_database

if TYPE_CHECKING:
    from fitmodel.scoring.batch import BatchResult


Horizons = Annotated[
    str | None,
    typer.Option(help="Other horizons in months, such as 3,12: probability and interval for each."),
]


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
    log: AssessmentsTo = None,
    salt: Salt = None,
    table: Tables = None,
    horizons: Horizons = None,
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
    if as_of is not None and not signed:
        raise typer.BadParameter("it needs --signed", param_hint="--as-of")
    without_signed = {
        "--query": query, "--upsert": upsert, "--partition-by": partition_by, "--strict": strict,
        "--resume": resume, "--log": log, "--table": table,
    }  # fmt: skip
    if signed and (refused := [option for option, given in without_signed.items() if given]):
        raise typer.BadParameter("it does not work with --signed", param_hint=", ".join(refused))
    with plain_errors(language):
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
        _report(result, language.value)


def _report(result: BatchResult, language: str) -> None:
    """Print how many rows were scored, flagged, left out or refused; exit 1 if all were refused.

    Warnings are in the language of the reasons.
    """
    scored = result.rows - result.left_out
    noun = "prospect" if scored == 1 else "prospects"
    escalated = (
        f", {result.escalated:,} of them for a manager to decide" if result.escalated else ""
    )
    typer.echo(
        f"{scored:,} {noun} scored to {result.output} in {result.seconds:.1f} s, "
        f"{result.flagged:,} flagged as poor fit{escalated}",
        err=True,  # standard output may be the scored table
    )
    if result.resumed:
        typer.echo(f"{result.resumed:,} of them by the run that was interrupted", err=True)
    if result.left_out:
        typer.echo(f"{result.left_out:,} more are lost, so they were left out by [rows]", err=True)
    say = phrases(language, "messages")
    given = filter(None, (result.note, result.warning, result.empty))
    texts = [message_in(text, language) for text in given]
    if result.first_error:
        first = message_in(result.first_error, language)
        texts.append(say("some_unscored", number=f"{result.errors:,}", message=first))
    for text in texts:
        typer.echo(say("console_warning", text=text), err=True)
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


class SqlDialect(StrEnum):
    """The databases that SQL can be written for."""

    DUCKDB = "duckdb"
    POSTGRES = "postgres"
    SNOWFLAKE = "snowflake"
    BIGQUERY = "bigquery"
    DATABRICKS = "databricks"


@export_app.callback()
def export() -> None:
    """Write a model for another program."""


@export_app.command(name="sql")
def export_sql(
    model: Model,
    dialect: Annotated[SqlDialect, typer.Option(help="The database that runs the query.")],
    table: Annotated[
        str,
        typer.Option(help="Table of prospects: TABLE, SCHEMA.TABLE or dbt's {{ ref('TABLE') }}."),
    ] = "prospects",
    output: Annotated[
        str, typer.Option("--output", "-o", help="File to write; - for standard output.")
    ] = "-",
    reasons: Annotated[int, typer.Option(min=0, help="Number of reasons per prospect.")] = 0,
    as_of: Annotated[
        str | None,
        typer.Option(
            help="Day from which dates count back, YYYY-MM-DD; default: the day the query runs."
        ),
    ] = None,
    horizons: Horizons = None,
    absent: Annotated[
        list[str] | None,
        typer.Option(help="The closing date or amount column, if the table does not have it."),
    ] = None,
) -> None:
    """Write the model as one SELECT: a database then computes the same numbers as `score`.

    Example: fitmodel export sql --model models/prospect-fit --dialect postgres --output score.sql
    """
    with plain_errors():
        from fitmodel.loading import load
        from fitmodel.tables.atomic import write_folder

        loaded = load(model)
        query = loaded.to_sql(
            dialect.value,
            table,
            reasons=reasons,
            as_of=parse_day(as_of),
            absent=absent or (),
            horizons=parse_months(horizons),
        )
        if output == "-":
            typer.echo(query, nl=False)
            return
        file = Path(output)
        write_folder(file.parent, {file.name: query})
        size = len(query.encode()) / 1_000
        typer.echo(f"{file}: {size:,.0f} kB of SQL for {dialect.value}", err=True)
