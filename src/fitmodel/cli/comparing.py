"""Commands `compare` and `stability`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fitmodel.cli.app import Deals, Model, app, load_spec, plain_errors, progress


class Format(StrEnum):
    """Formats in which a comparison is written."""

    TEXT = "text"
    JSON = "json"


Compared = Annotated[str, typer.Argument(help="Folder of a model, models:/name@alias or runs:/id.")]


@app.command()
def compare(
    a: Compared,
    b: Compared,
    deals: Deals,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="The contract file; default: the contract of B."),
    ] = None,
    unpickle: Annotated[
        bool,
        typer.Option(
            "--unpickle",
            help="Also load a user's own estimator. It is a pickle and can run any code.",
        ),
    ] = False,
    workbench: Annotated[
        bool, typer.Option("--workbench", hidden=True, help="Old name of --unpickle.")
    ] = False,
    form: Annotated[
        Format, typer.Option("--format", help="text for people, json for programs.")
    ] = Format.TEXT,
    worst: Annotated[
        int, typer.Option(min=0, help="How many deals to list, those where the models differ most.")
    ] = 10,
) -> None:
    """Compare two models on the deals signed after the training period of both.

    Example: fitmodel compare models/prospect-fit models:/prospect-fit@challenger deals.csv
    """
    with plain_errors():
        import json

        from fitmodel.comparing import compare_models

        spec = None if config is None else load_spec(config)
        result = compare_models(a, b, deals, spec, unpickle=unpickle or workbench, worst=worst)
        if form is Format.JSON:
            typer.echo(json.dumps(result.to_dict(), indent=2, ensure_ascii=False, allow_nan=False))
        else:
            typer.echo(str(result))


@app.command()
def stability(
    deals: Deals,
    model: Model,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="The contract file; default: the model's contract."),
    ] = None,
    prospects: Annotated[
        Path | None,
        typer.Option(help="Prospects to predict; default: the 500 deals signed last.", exists=True),
    ] = None,
    replicates: Annotated[
        int, typer.Option(min=5, help="Number of bootstrap samples; each is one training.")
    ] = 50,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="CSV file to write, one row per prospect.")
    ] = None,
) -> None:
    """Retrain on bootstrap samples and report how much each prediction and flag changes.

    Example: fitmodel stability deals.csv --model models/prospect-fit --replicates 20
    """
    with plain_errors():
        from fitmodel.stability import check_stability
        from fitmodel.tables.atomic import write_folder

        report_step = progress()
        result = check_stability(
            model,
            deals,
            None if config is None else load_spec(config),
            prospects=prospects,
            replicates=replicates,
            progress=lambda number: report_step(f"sample {number + 1} of {replicates}"),
        )
        typer.echo(str(result))
        unstable = result.table.nlargest(5, "flag_changes")
        for label, row in unstable[unstable["flag_changes"] > 0].iterrows():
            typer.echo(
                f"row {label}: {row['probability']:.1%}, {row['low']:.1%} to {row['high']:.1%} in "
                f"the samples, {row['flag_changes']:.0%} of which would change the flag"
            )
        if output is not None:
            text = result.table.rename_axis("row").to_csv()
            write_folder(output.parent, {output.name: text})
            typer.echo(f"wrote {output}")
