"""The command line: parse, call, print.

Exit codes: 0 done, 1 the data or the model is not fit for it, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fitmodel.exceptions import FitModelError, SpecError

if TYPE_CHECKING:
    from fitmodel.deals.contract import DealSpec
    from fitmodel.training import TrainingRun

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
models_app = typer.Typer(rich_markup_mode=None, help="List the models, or read one.")
app.add_typer(models_app, name="models")

Deals = Annotated[
    Path, typer.Argument(help="Past deals: CSV or Parquet.", exists=True, dir_okay=False)
]
Config = Annotated[Path, typer.Option("--config", "-c", help="The deal contract.")]
Models = Annotated[Path, typer.Option("--models", help="Folder of models.")]
Model = Annotated[
    str, typer.Option("--model", "-m", help="A bundle's folder or models:/name@alias.")
]
CONFIG = Path("fitmodel.toml")
MODELS = Path("models")


class DemoData(StrEnum):
    """What `fitmodel demo` can train on."""

    TELCO = "telco"
    SAAS = "saas"


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn our errors into a message and an exit code; library warnings do not flood."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except SpecError as error:
        raise _failed(error, 2) from error
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
    except (FitModelError, OSError) as error:
        raise _failed(error, 1) from error
    except KeyboardInterrupt:
        typer.echo("Interrupted; nothing half-written is left behind.", err=True)
        raise typer.Exit(130) from None


def _failed(error: Exception, code: int) -> typer.Exit:
    typer.echo(f"Error: {error}", err=True)
    return typer.Exit(code)


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


def _registered(name: str | None, config: Path) -> tuple[str, str | None]:
    """Registered model and tracking store: of the contract, where there is one."""
    from fitmodel.deals.contract import DealSpec, Tracking

    tracking = DealSpec.from_toml(config).tracking if config.is_file() else Tracking()
    return name or tracking.registered_model, tracking.uri


def _say_training(run: TrainingRun) -> None:
    typer.echo(str(run.report))
    typer.echo(f"\nbundle   {run.bundle_path}")
    typer.echo(f"run      {run.run_id or 'not tracked'}")
    for text in run.warnings:
        typer.echo(f"Warning: {text}", err=True)


@app.callback()
def prepare() -> None:
    """Learn from past deals which prospects leave early, before the next deal is signed."""
    # Idle threads of native libraries wait by spinning, which on two busy cores made a training
    # several times slower. Whoever has cores to spare sets OMP_NUM_THREADS.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@app.command()
def demo(
    data: Annotated[
        DemoData, typer.Option(help="A real table, or simulated deals with reps and money.")
    ] = DemoData.TELCO,
    models: Models = MODELS,
) -> None:
    """Do the main job on demonstration deals.

    Example: fitmodel demo --data saas
    """
    with plain_errors():
        from fitmodel.reports.console import demo_deals, next_steps, riskiest
        from fitmodel.training import train

        deals, spec, prospects, origin = demo_deals(data)
        typer.echo(origin + "\n")
        run = train(deals, spec, models=models, progress=_progress())
        _say_training(run)
        typer.echo(f"\nThe five riskiest of {len(prospects)} prospects, none of them trained on:")
        typer.echo(riskiest(prospects, run.model.predict(prospects)))
        typer.echo("\n" + next_steps(spec, run.bundle_path))


@app.command()
def init(
    deals: Deals,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")] = CONFIG,
) -> None:
    """Guess what columns mean; write a commented contract.

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
    """Look for faults and leaks, and count what there is to learn from.

    Example: fitmodel check deals.csv -c fitmodel.toml
    """
    with plain_errors():
        from fitmodel.deals.leakage import audit
        from fitmodel.deals.outcomes import label_deals, outcomes
        from fitmodel.deals.reading import read_deals
        from fitmodel.learning.learner import check_enough
        from fitmodel.reports.console import audit_text, labels_text

        spec = _spec(config)
        table = read_deals(deals, spec)
        labelled = label_deals(table, spec)
        typer.echo(labels_text(outcomes(table, spec), spec.label.horizon_months))
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
    prospects: Annotated[Path, typer.Argument(help="CSV or Parquet; - for standard input.")],
    model: Model,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="CSV or Parquet; - for standard output.")
    ],
    reasons: Annotated[int, typer.Option(min=0, help="Reasons per prospect.")] = 3,
    strict: Annotated[bool, typer.Option(help="Stop at a row that cannot be scored.")] = False,
) -> None:
    """Add predictions to a table of prospects.

    Example: fitmodel score prospects.csv --model models/prospect-fit --output scored.csv
    """
    if str(prospects) != "-" and not prospects.is_file():
        raise typer.BadParameter(f"there is no file {prospects}", param_hint="PROSPECTS")
    with plain_errors():
        from fitmodel.model.fitmodel import load
        from fitmodel.reports.console import progress_bar
        from fitmodel.scoring.batch import count_rows, score_file

        loaded = load(model)
        with progress_bar(count_rows(prospects)) as advance:
            result = score_file(
                prospects, loaded, output, reasons=reasons, strict=strict, progress=advance
            )
        typer.echo(
            f"{result.rows:,} prospects scored to {result.output} in {result.seconds:.1f} s, "
            f"{result.flagged:,} flagged as poor fit",
            err=True,  # standard output may be the scored table
        )
        if result.errors:
            typer.echo(
                f"Warning: {result.errors:,} of them could not be scored (see the column error); "
                f"{result.first_error}",
                err=True,
            )


@models_app.command(name="list")
def list_models(models: Models = MODELS) -> None:
    """List the bundles of a folder; * is in use.

    Example: fitmodel models list
    """
    with plain_errors():
        from fitmodel.model.bundle import list_bundles
        from fitmodel.reports.console import bundles_text

        typer.echo(bundles_text(list_bundles(models)))


@models_app.command()
def show(
    model: Model,
    table: Annotated[
        str | None, typer.Option(help="The table of this attribute, as the model adds it up.")
    ] = None,
) -> None:
    """Show a model: its card's facts, or the table of an attribute.

    Example: fitmodel models show --model models/prospect-fit --table segment
    """
    with plain_errors():
        from fitmodel.model.fitmodel import load
        from fitmodel.reports.console import model_text

        loaded = load(model)
        typer.echo(
            model_text(loaded) if table is None else loaded.table(table).to_string(index=False)
        )


@app.command()
def promote(
    version: Annotated[
        int | None, typer.Option(help="Registered version; else the challenger.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Registered model; else the contract's.")] = None,
    force: Annotated[
        str | None, typer.Option(help="Promote without the evidence, for this reason.")
    ] = None,
    config: Config = CONFIG,
) -> None:
    """Make a version champion, if the evidence carries it.

    Example: fitmodel promote --version 3
    """
    with plain_errors():
        from fitmodel.tracking.promotion import promote as move

        chosen, store = _registered(name, config)
        done = move(chosen, version=version, force=force is not None, reason=force, store=store)
        before = f" (before: {done.previous})" if done.previous else ""
        typer.echo(f"champion of {done.name} is version {done.version}{before}")


@app.command()
def rollback(
    name: Annotated[str | None, typer.Option(help="Registered model; else the contract's.")] = None,
    config: Config = CONFIG,
) -> None:
    """Put the previous champion back in use.

    Example: fitmodel rollback
    """
    with plain_errors():
        from fitmodel.tracking.promotion import rollback as go_back

        chosen, store = _registered(name, config)
        done = go_back(chosen, store=store)
        typer.echo(f"champion of {done.name} is version {done.version} (before: {done.previous})")


if __name__ == "__main__":
    app()
