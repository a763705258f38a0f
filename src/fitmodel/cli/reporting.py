"""Reports for the sales team."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fitmodel.cli.app import CONFIG, Config, Deals, app, load_spec, plain_errors, progress

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from fitmodel.deals.contract import DealSpec
    from fitmodel.reports.section import Section
    from fitmodel.sales.ledger import Ledger
    from fitmodel.sales.scoreboard import Scoreboard


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
        if hash_ids:
            table = hashed(table, spec, salt)
        tell("expected early churn, from models that know no rep")
        p = expected_probabilities(table, spec) if spec.deals.rep or spec.deals.team else None
        named = [by for by in ("rep", "team") if getattr(spec.deals, by)] or ["rep"]
        tell("scoreboard")
        boards = {
            by: compute_scoreboard(table, spec, p, by=by, language=language)  # type: ignore[arg-type]
            for by in named
        }
        ledgers = [pay(table, spec, item, p) for item in plans]
        sections = _sections(table, spec, boards, ledgers, segment, language, tell)
        page = sales_page(next(iter(boards.values())), sections, language=language)
        tables = {name: frame for part in sections for name, frame in part.tables.items()}
        written = {name: safe_csv(frame) for name, frame in tables.items()}
        write_folder(output, {"index.html": page} | written)
        typer.echo(f"wrote {output / 'index.html'} and {len(tables)} tables beside it")
        if len(ledgers) > 1:
            typer.echo(compare_plans(*ledgers).says(language))


def _sections(
    table: pd.DataFrame,
    spec: DealSpec,
    boards: dict[str, Scoreboard],
    ledgers: list[Ledger],
    segment: str | None,
    language: str,
    tell: Callable[[str], None],
) -> list[Section]:
    """The parts of the page, in its order."""
    from fitmodel.reports.commission_section import commission_section
    from fitmodel.reports.profile_section import profile_section
    from fitmodel.reports.review_section import review_section
    from fitmodel.reports.scoreboard_section import scoreboard_section
    from fitmodel.reports.trend_section import trend_section
    from fitmodel.sales.profile import compute_profile
    from fitmodel.sales.reviews import compute_reviews

    parts = []
    for by, board in boards.items():
        parts.append(scoreboard_section(board, by=by, language=language))
        if spec.has_dates:
            parts.append(trend_section(board, language=language, by=by))  # type: ignore[arg-type]
    if spec.has_dates and spec.deals.rep:
        tell("reviews of lost customers")
        reviews = compute_reviews(table, spec, language=language)
        parts.append(review_section(reviews, language=language))
    if ledgers:
        parts.append(commission_section(ledgers, language=language))
    parts.append(_worth(table, spec, segment, language, tell))
    tell("ideal customer profile")
    profile = compute_profile(table, spec, language=language)
    return [*parts, profile_section(profile, language=language)]


def _worth(
    table: pd.DataFrame,
    spec: DealSpec,
    segment: str | None,
    language: str,
    tell: Callable[[str], None],
) -> Section:
    from fitmodel.reports.worth_section import worth_section
    from fitmodel.sales.bands import cross_fitted_bands
    from fitmodel.sales.losses import compute_yearly_loss
    from fitmodel.sales.worth import compute_worth

    tell("what deals are worth")
    bands, policy = cross_fitted_bands(table, spec)
    worth = compute_worth(table, spec, bands, segment=segment)
    loss = None if worth.money is None else compute_yearly_loss(table, spec, worth.money)
    return worth_section(worth, loss, policy, money_format=spec.words.money, language=language)
