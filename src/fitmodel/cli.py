"""The command line: parse, call, print.

Exit codes: 0 done, 1 the data or the model is not fit for it, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fitmodel.exceptions import FitModelError, SpecError

if TYPE_CHECKING:
    from fitmodel.deals.contract import DealSpec
    from fitmodel.training import TrainingRun

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Learn from past deals which prospects leave early, before the next deal is signed.",
)

Deals = Annotated[
    Path, typer.Argument(help="Past deals: CSV or Parquet.", exists=True, dir_okay=False)
]
Config = Annotated[Path, typer.Option("--config", "-c", help="The deal contract.")]
Models = Annotated[Path, typer.Option("--models", help="Folder of models.")]
CONFIG = Path("fitmodel.toml")
MODELS = Path("models")
PROSPECTS = 200


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn our errors into a message and an exit code; library warnings do not flood."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except SpecError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2) from error
    except FitModelError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        typer.echo("Interrupted; nothing half-written is left behind.", err=True)
        raise typer.Exit(130) from None


def _progress() -> Callable[[str], None]:
    """Name each step on a terminal, say nothing in a pipe."""
    if not sys.stderr.isatty():
        return lambda _step: None
    return lambda step: typer.echo(f"... {step}", err=True)


def _spec(config: Path) -> DealSpec:
    from fitmodel.deals.contract import DealSpec

    if not config.is_file():
        raise SpecError(
            f"there is no {config}. Remedy: fitmodel init DEALS writes one, or name it with -c."
        )
    return DealSpec.from_toml(config)


def _say_training(run: TrainingRun) -> None:
    typer.echo(str(run.report))
    typer.echo(f"\nbundle   {run.bundle_path}")
    typer.echo(f"run      {run.run_id or 'not tracked'}")
    for text in run.warnings:
        typer.echo(f"Warning: {text}", err=True)


@app.command()
def demo(
    data: Annotated[
        str, typer.Option(help="telco (a real table) or saas (simulated deals).")
    ] = "telco",
    models: Models = MODELS,
) -> None:
    """Run the main job on demonstration deals.

    Example: fitmodel demo --data saas
    """
    if data not in {"telco", "saas"}:
        raise typer.BadParameter("choose telco or saas", param_hint="--data")
    with plain_errors():
        _demo(data, models)


def _demo(data: str, models: Path) -> None:
    from fitmodel.reports.console import riskiest
    from fitmodel.training import train

    deals, spec, prospects = _demo_deals(data)
    run = train(deals, spec, models=models, progress=_progress())
    _say_training(run)
    typer.echo(f"\nThe five riskiest of {len(prospects)} prospects that were not trained on:")
    typer.echo(riskiest(prospects, run.model.predict(prospects)))
    typer.echo("\nNext: fitmodel init YOUR_DEALS.csv, then fitmodel train YOUR_DEALS.csv")
    typer.echo(f"      mlflow ui --backend-store-uri {spec.tracking.uri or 'sqlite:///mlflow.db'}")


def _demo_deals(data: str) -> tuple[Any, DealSpec, Any]:
    """Deals, their contract, and prospects kept apart from them."""
    if data == "saas":
        from fitmodel.datasets.simulation import simulate_deals, simulate_prospects

        simulated = simulate_deals(4000, seed=0)
        return simulated.deals, simulated.spec, simulate_prospects(PROSPECTS, seed=1).prospects
    from fitmodel.datasets.telco import load_telco

    deals, spec = load_telco()
    apart = deals.sample(PROSPECTS, random_state=0)
    return deals.drop(index=apart.index), spec, apart


@app.command()
def init(
    deals: Deals,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")] = CONFIG,
) -> None:
    """Guess what the columns mean and write a commented contract.

    Example: fitmodel init deals.csv
    """
    with plain_errors():
        from fitmodel.deals.guessing import guess_spec
        from fitmodel.deals.reading import read_table
        from fitmodel.model.atomic import write_file

        if output.exists():
            raise SpecError(
                f"{output} is there already. Remedy: remove it, or name another with --output."
            )
        guess = guess_spec(read_table(deals))
        write_file(output, guess.toml.encode())
        typer.echo(f"wrote {output}")
        for text in guess.unsure:
            typer.echo(f"unsure: {text}")
        typer.echo(f"Next: read {output}, then fitmodel check {deals} -c {output}")


@app.command()
def check(deals: Deals, config: Config = CONFIG) -> None:
    """Look for faults and leaks, and say whether there is enough to learn from.

    Example: fitmodel check deals.csv -c fitmodel.toml
    """
    with plain_errors():
        from fitmodel.deals.leakage import audit
        from fitmodel.deals.outcomes import label_deals, outcomes
        from fitmodel.deals.reading import read_deals
        from fitmodel.learning.learner import check_enough
        from fitmodel.reports.console import audit_text

        spec = _spec(config)
        table = read_deals(deals, spec)
        found = outcomes(table, spec)
        labelled = label_deals(table, spec)
        typer.echo(
            f"{len(table):,} deals without faults; {int(found['mature'].sum()):,} mature, "
            f"{int(found['early_churn'].isna().sum()):,} too young to tell, "
            f"{int(labelled.early_churn.sum()):,} early churners within "
            f"{spec.label.horizon_months} months"
        )
        leaks = audit(table, spec)
        typer.echo(
            f"leakage audit of {labelled.attributes.shape[1]} attributes:\n{audit_text(leaks)}"
        )
        check_enough(labelled)
        typer.echo("enough to learn from")
        if leaks.stopped:
            raise typer.Exit(1)


@app.command()
def train(
    deals: Deals,
    config: Config = CONFIG,
    models: Models = MODELS,
    allow: Annotated[
        list[str] | None, typer.Option(help="Keep an attribute that the leakage audit stops.")
    ] = None,
) -> None:
    """Train, judge, ship and track a model.

    Example: fitmodel train deals.csv -c fitmodel.toml --models models
    """
    with plain_errors():
        from fitmodel.training import train as run_training

        spec = _spec(config)
        run = run_training(
            deals, spec, models=models, allow=tuple(allow or ()), progress=_progress()
        )
        _say_training(run)
        home = models / spec.tracking.registered_model
        typer.echo(f"\nNext: fitmodel score PROSPECTS --model {home} --output scored.csv")


@app.command()
def score(
    prospects: Annotated[Path, typer.Argument(help="CSV or Parquet.", exists=True, dir_okay=False)],
    model: Annotated[str, typer.Option(help="A bundle's folder or models:/name@alias.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="CSV or Parquet to write.")],
    reasons: Annotated[int, typer.Option(min=0, help="Reasons per prospect.")] = 3,
    strict: Annotated[bool, typer.Option(help="Stop at a row that cannot be scored.")] = False,
) -> None:
    """Score a table of prospects.

    Example: fitmodel score prospects.csv --model models/prospect-fit --output scored.csv
    """
    with plain_errors():
        from rich.progress import Progress

        from fitmodel.model.fitmodel import load
        from fitmodel.scoring.batch import count_rows, score_file

        loaded = load(model)
        with Progress(disable=not sys.stderr.isatty()) as bar:
            task = bar.add_task("scoring", total=count_rows(prospects))
            result = score_file(
                prospects,
                loaded,
                output,
                reasons=reasons,
                strict=strict,
                progress=lambda rows: bar.advance(task, rows),
            )
        typer.echo(
            f"{result.rows:,} rows scored to {result.output}, {result.flagged:,} flagged poor fit"
        )
        if result.errors:
            typer.echo(
                f"Warning: {result.errors:,} rows could not be scored (column error), "
                f"the first because of {result.first_error}",
                err=True,
            )


@app.command(name="models")
def list_models(
    action: Annotated[str, typer.Argument(help="list, or show.")] = "list",
    models: Models = MODELS,
    model: Annotated[Path | None, typer.Option(help="The model to show.")] = None,
    table: Annotated[str | None, typer.Option(help="Show the table of this attribute.")] = None,
) -> None:
    """List the models, or read one's tables.

    Example: fitmodel models show --model models/prospect-fit --table segment
    """
    with plain_errors():
        from fitmodel.model.bundle import list_bundles
        from fitmodel.model.fitmodel import load
        from fitmodel.reports.console import bundles_text

        if action == "list":
            typer.echo(bundles_text(list_bundles(models)))
        elif action == "show" and model is not None:
            loaded = load(model)
            text = (
                loaded.table(table).to_string(index=False)
                if table
                else "\n".join(loaded.attributes)
            )
            typer.echo(text)
        else:
            raise typer.BadParameter(
                "use: models list, or models show --model FOLDER [--table NAME]"
            )
