"""Train a model, and replay the past to see how it would have done."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from fitmodel.cli.app import (
    CONFIG,
    MODELS,
    Config,
    Deals,
    Models,
    app,
    load_spec,
    plain_errors,
    progress,
    say_training,
)
from fitmodel.exceptions import SpecError


@app.command()
def train(
    deals: Deals,
    config: Config = CONFIG,
    models: Models = MODELS,
    allow: Annotated[
        list[str] | None, typer.Option(help="Keep an attribute that the leakage audit stops.")
    ] = None,
    estimator: Annotated[
        str | None,
        typer.Option(help="MODULE:FACTORY that makes a scikit-learn classifier of your own."),
    ] = None,
) -> None:
    """Train, judge, ship and track a model.

    Example: fitmodel train deals.csv -c fitmodel.toml --models models
    """
    with plain_errors():
        from fitmodel.training import train as run_training

        spec = load_spec(config)
        run = run_training(
            deals,
            spec,
            models=models,
            allow=tuple(allow or ()),
            estimator=None if estimator is None else _made(estimator),
            progress=progress(),
        )
        say_training(run)
        home = models / spec.tracking.registered_model
        if estimator is not None:
            typer.echo(f"\nNext, in Python: fitmodel.load({str(home)!r}, workbench=True)")
            return
        typer.echo(f"\nNext: fitmodel score PROSPECTS --model {home} --output scored.csv")


def _made(name: str) -> Any:
    """Call the factory that is named; it may lie in the folder the command is run from."""
    import sys
    from importlib import import_module

    module, _, factory = name.partition(":")
    sys.path.insert(0, "")
    try:
        return getattr(import_module(module), factory)()
    except (ImportError, AttributeError, ValueError) as error:
        raise SpecError(f"--estimator {name}: {error}. Remedy: name MODULE:FACTORY.") from error
    finally:
        sys.path.remove("")


@app.command()
def backtest(
    deals: Deals,
    config: Config = CONFIG,
    cuts: Annotated[int, typer.Option(min=1, help="Past dates at which to train anew.")] = 4,
    allow: Annotated[
        list[str] | None, typer.Option(help="Keep an attribute that the leakage audit stops.")
    ] = None,
) -> None:
    """Replay the past: train on what was known at each date, judge on what was signed next.

    Example: fitmodel backtest deals.csv -c fitmodel.toml
    """
    with plain_errors():
        from fitmodel.backtesting import backtest as replay

        spec = load_spec(config)
        report = replay(deals, spec, n_cuts=cuts, allow=tuple(allow or ()), progress=progress())
        typer.echo(str(report))


RETRAIN_CODES = {"promoted": 0, "champion stays": 3, "nothing new": 4}


@app.command()
def retrain(deals: Deals, config: Config = CONFIG, models: Models = MODELS) -> None:
    """Train and promote in one scheduled step; exit 0 promoted, 3 champion stays, 4 nothing new.

    Example: fitmodel retrain deals.csv -c fitmodel.toml
    """
    with plain_errors():
        from fitmodel.retraining import retrain as run_retraining

        done = run_retraining(deals, load_spec(config), models=models, progress=progress())
        typer.echo(f"{done.outcome}: {done.why}")
        raise typer.Exit(RETRAIN_CODES[done.outcome])
