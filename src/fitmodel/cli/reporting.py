"""Reports for the sales team."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fitmodel.cli.app import CONFIG, Config, Deals, app, load_spec, plain_errors, progress


class Language(StrEnum):
    """What a page can be written in."""

    EN = "en"
    ZH = "zh"


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
) -> None:
    """Hold each rep's lost customers against the company's: a page and its tables.

    Example: fitmodel report deals.csv -c fitmodel.toml --output report
    """
    with plain_errors():
        from fitmodel.deals.reading import read_deals
        from fitmodel.model.atomic import write_folder
        from fitmodel.reports.html import safe_csv
        from fitmodel.reports.sales_page import sales_page
        from fitmodel.sales.comparison import compare_plans
        from fitmodel.sales.incentives import pay
        from fitmodel.sales.plans import read_plan
        from fitmodel.sales.scoreboard import compute_scoreboard, expected_probabilities

        spec, tell = load_spec(config), progress()
        plans = [read_plan(path) for path in (plan, compare) if path is not None]
        tell("reading")
        table = read_deals(deals, spec).reset_index(drop=True)
        tell("expected early churn, from models that know no rep")
        p = expected_probabilities(table, spec) if spec.deals.rep or spec.deals.team else None
        named = [by for by in ("rep", "team") if getattr(spec.deals, by)] or ["rep"]
        tell("scoreboard")
        boards = {
            by: compute_scoreboard(table, spec, p, by=by, language=language)  # type: ignore[arg-type]
            for by in named
        }
        ledgers = [pay(table, spec, item, p) for item in plans]
        files = {"index.html": sales_page(boards, language=language)}
        for by, board in boards.items():
            files[f"{by}s.csv"] = safe_csv(board.table.rename_axis(by))
            quarters = board.quarters.set_index("rep").rename_axis(by)
            files[f"{by}s_by_quarter.csv"] = safe_csv(quarters)
        for item, ledger in zip(("commission", "commission_compared"), ledgers, strict=False):
            files[f"{item}.csv"] = safe_csv(ledger.reps.rename_axis("rep"))
            files[f"{item}_ledger.csv"] = safe_csv(ledger.deals)
        write_folder(output, files)
        count = 2 * (len(boards) + len(ledgers))
        typer.echo(f"wrote {output / 'index.html'} and {count} tables beside it")
        if len(ledgers) > 1:
            typer.echo(str(compare_plans(*ledgers)))
