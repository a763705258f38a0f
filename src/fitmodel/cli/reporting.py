"""Commands `report` and `brief`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fitmodel.cli.app import (
    CONFIG,
    Config,
    Deals,
    OwnConfig,
    app,
    load_spec,
    plain_errors,
    progress,
    read_and_report,
    read_to_count,
)
from fitmodel.exceptions import SpecError

if TYPE_CHECKING:
    import pandas as pd

    from fitmodel.deals.contract import DealSpec
    from fitmodel.model.fitmodel import FitModel
    from fitmodel.reports.brief import Brief
    from fitmodel.sales.rep_performance import EditsAfterFlags


class Language(StrEnum):
    """Languages in which pages and texts are written."""

    EN = "en"
    ZH = "zh"


def _show_plan(requested: bool) -> None:
    if requested:
        from fitmodel.sales.plans import EXAMPLE

        typer.echo(EXAMPLE, nl=False)
        raise typer.Exit


@app.command(short_help="Report early churn per rep, as a page and tables.")
def report(
    deals: Deals,
    config: Config = CONFIG,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write.")] = Path(
        "report"
    ),
    language: Annotated[Language, typer.Option(help="Language of the page.")] = Language.EN,
    plan: Annotated[
        Path | None, typer.Option(help="A commission plan (TOML file), computed for these deals.")
    ] = None,
    compare: Annotated[
        Path | None, typer.Option(help="Another commission plan, to compare with --plan.")
    ] = None,
    payroll: Annotated[
        Path | None,
        typer.Option(help="Also write the payroll of --plan to this file: .csv or .parquet."),
    ] = None,
    segment: Annotated[
        str | None, typer.Option(help="Also show what deals are worth per value of this column.")
    ] = None,
    edits: Annotated[
        Path | None,
        typer.Option(help="Table of field changes (id, field, old, new, changed_at).", exists=True),
    ] = None,
    log: Annotated[str | None, typer.Option(help="The decision log, used with --edits.")] = None,
    hash_ids: Annotated[
        bool, typer.Option("--hash-ids", help="Hash the ids of deals, as the decision log does.")
    ] = False,
    salt: Annotated[
        str | None,
        typer.Option(envvar="FITMODEL_LOG_SALT", help="Salt of the ids, for --hash-ids and --log."),
    ] = None,
    show_plan: Annotated[  # noqa: ARG001 - answered before anything else is asked for
        bool,
        typer.Option(
            "--show-plan",
            callback=_show_plan,
            is_eager=True,
            help="Print an example plan and exit.",
        ),
    ] = False,
) -> None:
    """Report each rep's early churn beside the company's, as a page and tables.

    Example: fitmodel report deals.csv -c fitmodel.toml --output report
    """
    with plain_errors(language):
        from fitmodel.deals.roles import hash_ids as hashed
        from fitmodel.reports.sales_report import make_sales_report
        from fitmodel.sales.incentives import compare_plans, rows_of_customers, write_payroll
        from fitmodel.sales.plans import read_plan

        for option, given in (("--payroll", payroll), ("--compare", compare)):
            if given is not None and plan is None:
                raise typer.BadParameter("it needs a --plan", param_hint=option)
        if (edits is None) != (log is None):
            raise typer.BadParameter("give both or none", param_hint="--edits, --log")
        spec, report_step = load_spec(config), progress()
        plans = [read_plan(path) for path in (plan, compare) if path is not None]
        report_step("reading")
        questioned = read_to_count(deals, spec)
        table, spec = questioned.deals, questioned.read.spec
        edits_found = None if edits is None else _edits(edits, log, salt, table, spec)
        rows = rows_of_customers(deals, spec, plans)
        if hash_ids:
            table = hashed(table, spec, salt)
            rows = None if rows is None else hashed(rows, spec, salt)
        sales_report = make_sales_report(
            table,
            spec,
            plans=plans,
            rows=rows,
            edits=edits_found,
            segment=segment,
            questions=questioned.must_answer,
            language=language,
            progress=report_step,
        )
        sales_report.write(output)
        if payroll is not None:
            write_payroll(sales_report.ledgers[0], payroll)
        typer.echo(f"wrote {output / 'index.html'} and {len(sales_report.tables)} tables beside it")
        if len(sales_report.ledgers) > 1:
            typer.echo(compare_plans(*sales_report.ledgers).in_words(language))


def _edits(
    history: Path, log: str | None, salt: str | None, table: pd.DataFrame, spec: DealSpec
) -> EditsAfterFlags:
    """Return the changes of attributes that were made after a deal was flagged."""
    from fitmodel.cli.app import existing_log
    from fitmodel.deals.attributes import read_attributes
    from fitmodel.sales.rep_performance import find_edits_after_flags
    from fitmodel.tables.files import read_table

    if spec.deals.id is None or spec.deals.rep is None:
        raise SpecError("--edits needs an id and a rep. Remedy: name their columns under [deals].")
    return find_edits_after_flags(
        read_table(history),
        existing_log(str(log), salt),
        table.set_index(spec.deals.id)[spec.deals.rep],
        list(read_attributes(table, spec).frame.columns),
    )


NEEDED = ("PROSPECTS", "--model", "--id")


@app.command(short_help="Write one page about one prospect.")
def brief(
    prospects: Annotated[
        Path | None,
        typer.Argument(
            help="Table with the prospect: CSV, Excel or Parquet.", exists=True, dir_okay=False
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Folder of a model, or models:/name@alias.")
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--id", help="Id of the prospect; without an id column, its row number, from 1."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File to write, .html or .md; default: print Markdown."
        ),
    ] = None,
    deals: Annotated[
        Path | None,
        typer.Option(
            help="Past deals; with them, the brief shows similar deals.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    config: OwnConfig = None,
    language: Annotated[Language, typer.Option(help="Language of the brief.")] = Language.EN,
    template: Annotated[
        Path | None,
        typer.Option(help="Your own text for declining a prospect.", exists=True, dir_okay=False),
    ] = None,
    show_template: Annotated[
        bool, typer.Option("--show-template", help="Print the default text for declining and exit.")
    ] = False,
) -> None:
    """Write a page about one deal: verdict, money, reasons, similar deals, letter.

    Example: fitmodel brief prospects.csv --model models/prospect-fit --id D-17 --output brief.html
    """
    with plain_errors(language):
        from fitmodel.reports.brief_pages import brief_markdown, brief_page
        from fitmodel.reports.letter import default_template
        from fitmodel.tables.atomic import write_folder

        if show_template:
            typer.echo(default_template(language), nl=False)
            return
        missing = [
            argument
            for argument, given in zip(NEEDED, (prospects, model, name), strict=True)
            if not given
        ]
        if prospects is None or model is None or name is None:
            raise typer.BadParameter(f"give {', '.join(missing)}")
        if output is not None and output.suffix not in {".html", ".md"}:
            raise typer.BadParameter(
                f"{output} ends neither in .html nor in .md", param_hint="--output"
            )
        content = _make_brief_of(prospects, model, name, deals, config, language, template)
        is_markdown = output is None or output.suffix == ".md"
        text = brief_markdown(content) if is_markdown else brief_page(content)
        if output is None:
            typer.echo(text, nl=False)
            return
        write_folder(output.parent, {output.name: text})
        for line in content.assessment.sentences:
            typer.echo(line)
        typer.echo(f"wrote {output}")


def _make_brief_of(
    prospects: Path,
    model: str,
    name: str,
    deals: Path | None,
    config: Path | None,
    language: Language,
    template: Path | None,
) -> Brief:
    from fitmodel.crm.prospects import add_history, open_past_deals
    from fitmodel.loading import load
    from fitmodel.reports.brief import contract_of, make_brief
    from fitmodel.tables.files import read_table

    loaded = load(model)
    (row,) = add_history(_row(read_table(prospects), loaded, name), loaded).to_dict("records")
    spec = load_spec(config) if config is not None else None
    past = None
    if deals is not None:
        opened = open_past_deals(
            deals, loaded.manifest, spec or contract_of(loaded), is_own=spec is None
        )
        past, spec = read_and_report(*opened).table, opened[1]
    return make_brief(
        loaded,
        {str(key): value for key, value in row.items()},
        deals=past,
        spec=spec,
        language=str(language),
        name=name,
        template=None if template is None else _text_of(template),
    )


def _text_of(template: Path) -> str:
    try:
        return template.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecError(
            f"--template {template} is not UTF-8 text (byte {error.start}). "
            "Remedy: save it as UTF-8."
        ) from error


def _row(table: pd.DataFrame, model: FitModel, name: str) -> pd.DataFrame:
    """Return one row: the prospect with that id, or without an id column with that row number."""
    from fitmodel.exceptions import ProspectError
    from fitmodel.tables.cells import level_text

    column = model.manifest.get("spec", {}).get("deals", {}).get("id")
    if column in table.columns:
        result: pd.DataFrame | None = table[table[column].map(level_text) == name]
    else:
        result = table.iloc[int(name) - 1 : int(name)] if name.isdecimal() and name != "0" else None
    if result is None or len(result) != 1:
        raise ProspectError(_not_one(table, column, name, 0 if result is None else len(result)))
    return result


def _not_one(table: pd.DataFrame, column: str | None, name: str, count: int) -> str:
    """Return the message that not exactly one prospect has an id."""
    from fitmodel.tables.cells import level_text

    if column in table.columns:
        example = level_text(table[column].iloc[0])
        return (
            f"{count} of {len(table):,} prospects are {name!r} (looked for in {column}). Remedy: "
            f"give --id one of them, such as {example!r}"
        )
    reason = (
        "the contract of this model names no id"
        if column is None
        else f"the table has no column {column}"
    )
    return (
        f"{reason}, so --id is the number of a row, from 1 to {len(table):,}; given: {name!r}. "
        "Remedy: give the number of a row"
        + ("; or name the column as id in [deals] and train again" if column is None else "")
    )
