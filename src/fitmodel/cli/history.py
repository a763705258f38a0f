"""Commands `attributes` and `snapshot`."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from fitmodel.cli.app import CONFIG, Config, Deals, app, load_spec, plain_errors, spec_if_any
from fitmodel.cli.reporting import Language
from fitmodel.exceptions import SpecError

Tables = Annotated[
    list[str] | None,
    typer.Option("--table", help="NAME=PATH: another file for a [history.*] or [events.*] table."),
]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]


def parse_tables(given: list[str] | None) -> dict[str, str] | None:
    """Return the tables given with --table: from the name in the contract to the path."""
    if not given:
        return None
    tables: dict[str, str] = {}
    for each in given:
        name, separator, path = each.partition("=")
        if not separator or not name or not path:
            raise SpecError(f"--table takes NAME=PATH, such as fields=history.csv, not {each!r}")
        tables[name] = path
    return tables


def _day(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()


@app.command(short_help="Compute attributes from a CRM's history and events.")
def attributes(
    deals: Deals,
    config: Config = CONFIG,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File to write, CSV or Parquet: the deals with their attributes."
        ),
    ] = None,
    deal: Annotated[str | None, typer.Option("--id", help="Show one deal's timeline.")] = None,
    as_of: Day = None,
    table: Tables = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", help="Compute the attributes that this model reads, for prospects."
        ),
    ] = None,
    language: Annotated[Language, typer.Option(help="Language of the timeline.")] = Language.EN,
) -> None:
    """Compute attributes from history and event tables, as of each deal's closing.

    A second file beside the output says where each value comes from. Attributes of open
    prospects are computed as of today, or as of --as-of. These deals decide which fields and
    events become attributes; with --model, the deals that it was trained on decided.

    Example: fitmodel attributes deals.csv -c fitmodel.toml --output attributes.parquet
    """
    with plain_errors(language):
        from fitmodel.crm.attributes import has_tables
        from fitmodel.crm.reading import open_deals
        from fitmodel.crm.timeline import provenance, timeline
        from fitmodel.reports.console import timeline_text
        from fitmodel.tables.atomic import write_table

        if output is not None and output.suffix.lower() not in {".csv", ".parquet"}:
            raise SpecError(f"--output {output} is neither .csv nor .parquet")
        spec = load_spec(config)
        if model is not None:
            from fitmodel.crm.prospects import with_tables_of
            from fitmodel.loading import load

            spec = with_tables_of(load(model).manifest, spec)
        if not has_tables(spec):
            raise SpecError(
                f"{config} names no table beside the deals. Remedy: add [history.NAME] or "
                "[events.NAME], see docs/guides/crm-history.md"
            )
        opened = open_deals(deals, spec, parse_tables(table), as_of=_day(as_of))
        if opened.result is None or opened.tables is None:
            raise SpecError(
                f"{deals} lacks the column {spec.deals.id!r} or {spec.deals.closed_on!r} of [deals]"
            )
        if deal is not None:
            text = timeline(opened.today, opened.spec, opened.tables, opened.result, deal)
            typer.echo(timeline_text(text, str(language)))
            return
        for finding in opened.file.findings:
            typer.echo(f"warn {finding}", err=True)
        frame = opened.file.table
        names = opened.result.frame.columns
        typer.echo(f"{len(names)} attributes of {len(frame):,} deals: {', '.join(names)}")
        if output is not None:
            provenance_path = output.with_name(f"{output.stem}.provenance{output.suffix}")
            write_table(output, frame)
            write_table(provenance_path, provenance(opened.today, opened.spec, opened.result))
            typer.echo(f"wrote {output} and {provenance_path}")


@app.command(short_help="Save today's open prospects.")
def snapshot(
    pipeline: Annotated[
        Path,
        typer.Argument(
            help="Today's open prospects: CSV, Parquet or Excel.", exists=True, dir_okay=False
        ),
    ],
    store: Annotated[Path, typer.Option(help="Folder of the snapshots.")] = Path("snapshots"),
    config: Config = CONFIG,
    id_column: Annotated[
        str | None,
        typer.Option("--id", help="Column of ids; default: the id column of the contract."),
    ] = None,
    day: Day = None,
    replace: Annotated[bool, typer.Option(help="Replace a snapshot of the same day.")] = False,
) -> None:
    """Save today's open prospects, to know later how each deal stood today.

    Run it once a day; a second run on the same day changes nothing. [history.NAME] in the
    contract reads the snapshots, with day = "snapshot_on".

    Example: fitmodel snapshot pipeline.csv --store snapshots --id deal_id
    """
    with plain_errors():
        from fitmodel.crm.snapshots import DAY, keep_snapshot
        from fitmodel.tables.files import read_table

        spec = None if id_column is not None else spec_if_any(config)
        column = id_column or (None if spec is None else spec.deals.id)
        if column is None:
            raise SpecError("say which column holds the ids: --id COLUMN, or id in [deals]")
        table = read_table(pipeline)
        done = keep_snapshot(table, store, column, day=_day(day), replace=replace)
        outcome = "written"
        if done.was_there and not replace:
            outcome = "was there already, and stays"
            if done.rows != len(table):
                outcome += f" (the {len(table):,} rows given were not saved; --replace saves them)"
        typer.echo(f"{done.path}: {done.rows:,} rows, {outcome}; {done.days} day(s) in the store")
        if done.days == 1 and not done.was_there:
            typer.echo(
                f'To read it:\n[history.snapshots]\ntable = "{store.as_posix()}"\n'
                f'id = "{column}"\nday = "{DAY}"'
            )
