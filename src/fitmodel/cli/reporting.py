"""Command `report`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fitmodel.cli.app import (
    CONFIG,
    Config,
    Deals,
    app,
    load_spec,
    plain_errors,
    progress,
    read_and_tell,
)


class Language(StrEnum):
    """What a page can be written in."""

    EN = "en"
    ZH = "zh"


def _show_plan(asked: bool) -> None:
    if asked:
        from fitmodel.sales.plans import EXAMPLE

        typer.echo(EXAMPLE, nl=False)
        raise typer.Exit


@app.command()
def report(
    deals: Deals,
    config: Config = CONFIG,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write.")] = Path(
        "report"
    ),
    language: Annotated[Language, typer.Option(help="Of the page.")] = Language.EN,
    plan: Annotated[
        Path | None, typer.Option(help="A commission plan (toml), paid over these deals.")
    ] = None,
    compare: Annotated[
        Path | None, typer.Option(help="Another plan, to be compared with --plan.")
    ] = None,
    segment: Annotated[
        str | None, typer.Option(help="Column by which the value of deals is told apart.")
    ] = None,
    hash_ids: Annotated[
        bool, typer.Option("--hash-ids", help="Write deals' ids hashed, as the decision log does.")
    ] = False,
    salt: Annotated[
        str | None, typer.Option(envvar="FITMODEL_LOG_SALT", help="For --hash-ids.")
    ] = None,
    show_plan: Annotated[  # noqa: ARG001 - answered before anything else is asked for
        bool,
        typer.Option(
            "--show-plan", callback=_show_plan, is_eager=True, help="Print a plan to start from."
        ),
    ] = False,
) -> None:
    """Hold each rep's lost customers against the company's: a page and its tables.

    Example: fitmodel report deals.csv -c fitmodel.toml --output report
    """
    with plain_errors():
        from fitmodel.deals.ids import hash_ids as hashed
        from fitmodel.reports.sales_report import make_sales_report
        from fitmodel.sales.comparison import compare_plans
        from fitmodel.sales.plans import read_plan

        spec, tell = load_spec(config), progress()
        plans = [read_plan(path) for path in (plan, compare) if path is not None]
        tell("reading")
        read = read_and_tell(deals, spec)
        table, spec = read.table, read.spec
        if hash_ids:
            table = hashed(table, spec, salt)
        made = make_sales_report(
            table, spec, plans=plans, segment=segment, language=language, progress=tell
        )
        made.write(output)
        typer.echo(f"wrote {output / 'index.html'} and {len(made.tables)} tables beside it")
        if len(made.ledgers) > 1:
            typer.echo(compare_plans(*made.ledgers).says(language))
