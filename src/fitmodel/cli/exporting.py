"""Commands `export sql` (a model written for another program) and `pool`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fitmodel.cli.app import Model, app, export_app, parse_day, parse_months, plain_errors


class SqlDialect(StrEnum):
    """The databases that SQL can be written for."""

    DUCKDB = "duckdb"
    POSTGRES = "postgres"
    SNOWFLAKE = "snowflake"
    BIGQUERY = "bigquery"
    DATABRICKS = "databricks"


@app.command()
def pool(
    models: Annotated[
        list[Path], typer.Argument(help="Folders of the models of several companies.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder to write; name it in [learning] prior.")
    ],
) -> None:
    """Pool the models of several companies into one to start from. It contains no deals.

    Example: fitmodel pool models/a models/b models/c --output models/parent
    """
    with plain_errors():
        from fitmodel.pooling import pool_models

        written = pool_models(models, output)
        typer.echo(f"{len(models)} models pooled: {written}")
        typer.echo(f'Next: write prior = "{written}" under [learning] of the contract')


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
    horizons: Annotated[
        str | None,
        typer.Option(
            help="Other horizons in months, such as 3,12: probability and interval for each."
        ),
    ] = None,
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
