"""Watch a model in use, and keep what was decided."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fitmodel.cli.app import (
    CONFIG,
    Config,
    Model,
    app,
    load_spec,
    plain_errors,
    progress,
    read_and_tell,
    spec_if_any,
)
from fitmodel.cli.logs import DECISIONS, Log, Salt, existing_log
from fitmodel.cli.reporting import Language

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from fitmodel.deals.contract import DealSpec
    from fitmodel.model.fitmodel import FitModel
    from fitmodel.monitoring.log import DecisionLog


@app.command()
def monitor(
    table: Annotated[Path, typer.Argument(help="Prospects or deals: CSV or Parquet.", exists=True)],
    model: Model,
    config: Config = CONFIG,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write.")] = Path(
        "monitor"
    ),
    language: Annotated[Language, typer.Option(help="Of the page.")] = Language.EN,
    log: Annotated[
        str | None, typer.Option(help="Decision log: were those right who signed the flagged?")
    ] = None,
    salt: Salt = None,
    *,
    by_month: Annotated[
        bool, typer.Option("--by-month", help="Look for drift in each month of signing.")
    ] = False,
    track: Annotated[
        bool, typer.Option("--track", help="Keep it as a run in the contract's MLflow store, too.")
    ] = False,
    fail_on_drift: Annotated[
        bool, typer.Option("--fail-on-drift", help="Exit 1 where something has drifted.")
    ] = False,
) -> None:
    """Compare deals with those learned from, and what came with what was said: a page and tables.

    Outcomes are compared where the contract's columns are in the table. Of such deals those are
    compared that were signed after the model's own, where there are any.

    Example: fitmodel monitor deals.csv --model models/prospect-fit --output monitor
    """
    with plain_errors():
        from fitmodel.deals.files import read_table
        from fitmodel.model.atomic import write_folder
        from fitmodel.model.fitmodel import load
        from fitmodel.monitoring.drift import compute_drift
        from fitmodel.reports.html import safe_csv
        from fitmodel.reports.monitoring_page import monitoring_page

        tell, contract = progress(), spec_if_any(config)
        loaded = load(model)
        tell("reading")
        frame, spec = _table_and_spec(read_table(table), contract)
        later = frame if spec is None else _signed_later(frame, spec, loaded)
        compared = frame if later.empty else later
        tell("drift")
        drift = compute_drift(compared, loaded, by=_months(compared, spec) if by_month else None)
        tell("cohorts")
        cohorts = None if spec is None else _cohorts(frame, later, spec, loaded)
        overrides = None if log is None else _overrides(frame, spec, existing_log(log, salt))
        page = monitoring_page(
            loaded,
            drift,
            rows=len(compared),
            cohorts=cohorts,
            overrides=overrides,
            language=language.value,
        )
        files = {"index.html": page, "drift.csv": safe_csv(drift.set_index("attribute"))}
        if cohorts is not None:
            files["cohorts.csv"] = safe_csv(cohorts)
        write_folder(output, files)
        drifted = drift.loc[drift["verdict"] == "drift", "attribute"].unique().tolist()
        typer.echo(f"drifted: {', '.join(drifted) or 'nothing'}; wrote {output / 'index.html'}")
        if track:
            from fitmodel.tracking.watching import track_watch

            values = _values(drift, cohorts, overrides)
            typer.echo(f"run {track_watch(load_spec(config), loaded.manifest, values, files)}")
    if fail_on_drift and drifted:
        raise typer.Exit(1)


def _table_and_spec(
    frame: pd.DataFrame, spec: DealSpec | None
) -> tuple[pd.DataFrame, DealSpec | None]:
    """The table as deals where it has the contract's outcome columns, else as it is."""
    if spec is not None and spec.has_dates and set(spec.outcome_columns) <= set(frame.columns):
        return read_and_tell(frame, spec), spec
    return frame, None


def _signed_later(frame: pd.DataFrame, spec: DealSpec, model: FitModel) -> pd.DataFrame:
    """Deals signed after the last one learned from: among the others nothing can have moved."""
    import pandas as pd

    period = model.manifest.get("period")
    if not period or period[-1] == "None":  # a model of tenures has no dates
        return frame
    return frame[frame[spec.deals.closed_on] > pd.Timestamp(period[-1])]


def _cohorts(
    frame: pd.DataFrame, later: pd.DataFrame, spec: DealSpec, model: FitModel
) -> pd.DataFrame | None:
    """Cohorts of the deals signed after the last one learned from; None where there are none."""
    from fitmodel.monitoring.performance import compute_cohorts

    if later.empty:
        return None
    said = model.predict(later, reasons=0)["early_churn_probability"]
    return compute_cohorts(frame, spec, said)


def _months(frame: pd.DataFrame, spec: DealSpec | None) -> pd.Series[Any]:
    """Month of signing of each deal."""
    from fitmodel.exceptions import DealsError

    if spec is None or spec.deals.closed_on is None:
        raise DealsError(
            "--by-month needs deals with the contract's dates. Remedy: name the contract with -c "
            "and give a table that has its columns."
        )
    months: pd.Series[Any] = frame[spec.deals.closed_on].dt.strftime("%Y-%m")
    return months


def _values(
    drift: pd.DataFrame, cohorts: pd.DataFrame | None, overrides: dict[str, float] | None
) -> Iterator[tuple[str, int, float]]:
    """Name, step and value of what is worth a line in MLflow; the step is a month as 202603."""
    for row in drift.to_dict("records"):
        step = int(str(row.get("group", "0")).replace("-", ""))
        for name in ("index", "missing", "unseen"):
            yield f"drift/{row['attribute']}/{name}", step, row[name]
    for row in [] if cohorts is None else cohorts.reset_index().to_dict("records"):
        year, quarter = row["cohort"].split("Q")
        step = 100 * int(year) + 3 * int(quarter)  # the quarter's last month
        for name in ("ratio", "ratio_low", "ratio_high", "slope", "auc", "auc_estimated"):
            yield f"cohort/{name}", step, row[name]
    for name, value in (overrides or {}).items():
        yield f"overrides/{name}", 0, value


def _overrides(frame: pd.DataFrame, spec: DealSpec | None, log: DecisionLog) -> dict[str, float]:
    """Hold the logged overrides against the outcomes of the table."""
    from fitmodel.deals.outcomes import outcomes
    from fitmodel.exceptions import DealsError
    from fitmodel.monitoring.performance import judge_overrides

    if spec is None or spec.deals.id is None:
        raise DealsError(
            "--log needs deals with outcomes and an id. Remedy: name the contract with -c, and in "
            "it the id's column."
        )
    found = outcomes(frame, spec)
    # whoever left is known at once and whoever stays only at the horizon: only the mature count
    churn = found["early_churn"].where(found["mature"])
    names = frame.loc[churn.index, spec.deals.id].astype(str).map(log.known_as)
    return judge_overrides(log.latest(), churn.set_axis(names.to_numpy()))


@app.command()
def decide(
    prospect: Annotated[str, typer.Argument(help="Its id, as it was logged.")],
    action: Annotated[str, typer.Argument(help="signed, declined or overridden.")],
    by: Annotated[str, typer.Option(help="Who decided.")],
    reason: Annotated[str | None, typer.Option(help="Why.")] = None,
    log: Log = DECISIONS,
    salt: Salt = None,
) -> None:
    """Keep in the decision log what was done with a prospect.

    Example: fitmodel decide D-17 overridden --by Kim --reason "old customer"
    """
    with plain_errors():
        existing_log(log, salt).decide(prospect, action, by=by, reason=reason)
        typer.echo(f"{prospect}: {action}")


@app.command()
def forget(
    prospect: Annotated[str, typer.Argument(help="Its id, as it was logged.")],
    log: Log = DECISIONS,
    salt: Salt = None,
) -> None:
    """Remove a customer from the decision log.

    Example: fitmodel forget D-17 --log decisions.db
    """
    with plain_errors():
        removed = existing_log(log, salt).forget(prospect)
        typer.echo(f"removed {removed} row(s)")
