"""Score prospects as a batch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fitmodel.cli.app import Model, app, plain_errors


@app.command()
def score(
    prospects: Annotated[str, typer.Argument(help="CSV, Parquet or a folder of it; - for stdin.")],
    model: Model,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="CSV or Parquet; - for standard output.")
    ],
    reasons: Annotated[int, typer.Option(min=0, help="Reasons per prospect.")] = 3,
    strict: Annotated[bool, typer.Option(help="Stop at a row that cannot be scored.")] = False,
) -> None:
    """Add predictions to a table of prospects.

    Example: fitmodel score prospects.csv --model models/prospect-fit --output scored.csv
    """
    if str(prospects) != "-" and not Path(prospects).exists():
        raise typer.BadParameter(f"there is no file {prospects}", param_hint="PROSPECTS")
    with plain_errors():
        from fitmodel.model.fitmodel import load
        from fitmodel.reports.console import progress_bar
        from fitmodel.scoring.batch import count_rows, score_file

        loaded = load(model)
        with progress_bar(count_rows(prospects)) as advance:
            result = score_file(
                prospects, loaded, output, reasons=reasons, strict=strict, progress=advance
            )
        typer.echo(
            f"{result.rows:,} prospects scored to {result.output} in {result.seconds:.1f} s, "
            f"{result.flagged:,} flagged as poor fit",
            err=True,  # standard output may be the scored table
        )
        if result.errors:
            typer.echo(
                f"Warning: {result.errors:,} of them could not be scored (see the column error); "
                f"{result.first_error}",
                err=True,
            )
