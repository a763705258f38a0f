"""Command `compare`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fitmodel.cli.app import Deals, app, load_spec, plain_errors


class Format(StrEnum):
    """How a comparison is written."""

    TEXT = "text"
    JSON = "json"


Compared = Annotated[str, typer.Argument(help="A bundle's folder, models:/name@alias or runs:/id.")]


@app.command()
def compare(
    a: Compared,
    b: Compared,
    deals: Deals,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="The deal contract; else that of B.")
    ] = None,
    workbench: Annotated[
        bool,
        typer.Option(
            "--workbench",
            help="Also load a user's own estimator, which unpickles it: only if you trust it.",
        ),
    ] = False,
    form: Annotated[
        Format, typer.Option("--format", help="Text for people, or JSON.")
    ] = Format.TEXT,
    worst: Annotated[
        int, typer.Option(min=0, help="Deals to list on which the models differ most.")
    ] = 10,
) -> None:
    """Compare two models on the deals signed after the training period of both.

    Example: fitmodel compare models/prospect-fit models:/prospect-fit@challenger deals.csv
    """
    with plain_errors():
        import json

        from fitmodel.comparing import compare_models

        spec = None if config is None else load_spec(config)
        result = compare_models(a, b, deals, spec, workbench=workbench, worst=worst)
        if form is Format.JSON:
            typer.echo(json.dumps(result.to_dict(), indent=2, ensure_ascii=False, allow_nan=False))
        else:
            typer.echo(str(result))
