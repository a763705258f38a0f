"""Commands `monitor`, `decide` and `forget`: a model in use and its decision log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fitmodel.cli.app import (
    CONFIG,
    DECISIONS,
    Config,
    Log,
    Model,
    Salt,
    app,
    existing_log,
    load_spec,
    plain_errors,
    progress,
    spec_if_any,
)
from fitmodel.cli.reporting import Language


@app.command()
def monitor(
    table: Annotated[
        Path, typer.Argument(help="Prospects or deals: CSV, Excel or Parquet.", exists=True)
    ],
    model: Model,
    config: Config = CONFIG,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write.")] = Path(
        "monitor"
    ),
    language: Annotated[Language, typer.Option(help="Language of the page.")] = Language.EN,
    log: Annotated[
        str | None,
        typer.Option(
            help="Decision log; with it, the page also evaluates flagged deals that were signed."
        ),
    ] = None,
    salt: Salt = None,
    *,
    by_month: Annotated[
        bool, typer.Option("--by-month", help="Test for drift in each month of signing.")
    ] = False,
    track: Annotated[
        bool, typer.Option("--track", help="Also log the result as a run in MLflow.")
    ] = False,
    fail_on_drift: Annotated[
        bool,
        typer.Option(
            "--fail-on-drift",
            help="Exit with code 1 if anything has drifted, or outcomes are not as predicted.",
        ),
    ] = False,
) -> None:
    """Report drift and compare outcomes with predictions, as a page and tables.

    Outcomes are compared if the table has the outcome columns of the contract. Only deals signed
    after the model's training deals are compared, if there are any.

    Example: fitmodel monitor deals.csv --model models/prospect-fit --output monitor
    """
    with plain_errors():
        from fitmodel.loading import load
        from fitmodel.monitoring.report import monitor as compare
        from fitmodel.reports.monitoring_page import (
            monitoring_files,
            none_later_words,
            outcome_words,
        )
        from fitmodel.tables.atomic import write_folder
        from fitmodel.tables.files import read_table

        report_step, contract = progress(), spec_if_any(config)
        loaded = load(model)
        report_step("reading")
        report = compare(
            read_table(table),
            loaded,
            contract,
            log=None if log is None else existing_log(log, salt),
            by_month=by_month,
            progress=report_step,
        )
        for note in report.notes:
            typer.echo(f"rows: {note}", err=True)
        if report.log_match is not None:
            typer.echo(report.log_match, err=True)
        files = monitoring_files(report, language.value)
        write_folder(output, files)
        typer.echo(
            f"drifted: {', '.join(report.drifted) or 'nothing'}; wrote {output / 'index.html'}"
        )
        if not report.has_later:
            typer.echo(none_later_words(report), err=True)
        if report.outcomes is not None:
            typer.echo(f"outcomes: {outcome_words(report.outcomes)}")
        if track:
            from fitmodel.tracking.runs import track_monitoring

            run = track_monitoring(load_spec(config), loaded.manifest, report.metrics(), files)
            typer.echo(f"run {run}")
    if fail_on_drift and (report.drifted or report.is_off_level):
        raise typer.Exit(1)


@app.command()
def decide(
    prospect: Annotated[str, typer.Argument(help="Id of the prospect, as in the log.")],
    action: Annotated[str, typer.Argument(help="signed, declined or overridden.")],
    by: Annotated[str, typer.Option(help="Who decided.")],
    reason: Annotated[str | None, typer.Option(help="Reason for the decision.")] = None,
    log: Log = DECISIONS,
    salt: Salt = None,
    *,
    correct: Annotated[
        bool, typer.Option("--correct", help="Replace the earlier decision.")
    ] = False,
) -> None:
    """Record in the decision log what was decided about a prospect.

    A decision that contradicts the assessment or an earlier decision is refused; --correct
    replaces the earlier one.

    Example: fitmodel decide D-17 overridden --by Kim --reason "old customer"
    """
    with plain_errors():
        existing_log(log, salt).decide(prospect, action, by=by, reason=reason, correct=correct)
        typer.echo(f"{prospect}: {action}")


@app.command()
def forget(
    prospect: Annotated[str, typer.Argument(help="Id of the prospect, as in the log.")],
    log: Log = DECISIONS,
    salt: Salt = None,
) -> None:
    """Remove a customer from the decision log.

    Example: fitmodel forget D-17 --log decisions.db
    """
    with plain_errors():
        removed = existing_log(log, salt).forget(prospect)
        typer.echo(f"removed {removed} row(s)")
