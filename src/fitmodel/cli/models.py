"""Models: list them, read one, put one in use or the one before back."""

from __future__ import annotations

from typing import Annotated

import typer

from fitmodel.cli.app import (
    CONFIG,
    MODELS,
    Config,
    Model,
    Models,
    app,
    models_app,
    plain_errors,
    registered,
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
    models: Models = MODELS,
) -> None:
    """Make a version champion, if the evidence carries it.

    Example: fitmodel promote --version 3
    """
    with plain_errors():
        from fitmodel.tracking.in_use import follow_champion
        from fitmodel.tracking.promotion import promote as move

        chosen, store = registered(name, config)
        done = move(chosen, version=version, force=force is not None, reason=force, store=store)
        follow_champion(models, chosen, store)
        before = f" (before: {done.previous})" if done.previous else ""
        typer.echo(f"champion of {done.name} is version {done.version}{before}")


@app.command()
def rollback(
    name: Annotated[str | None, typer.Option(help="Registered model; else the contract's.")] = None,
    config: Config = CONFIG,
    models: Models = MODELS,
) -> None:
    """Put the previous champion back in use.

    Example: fitmodel rollback
    """
    with plain_errors():
        from fitmodel.tracking.in_use import follow_champion
        from fitmodel.tracking.promotion import rollback as go_back

        chosen, store = registered(name, config)
        done = go_back(chosen, store=store)
        follow_champion(models, chosen, store)
        typer.echo(f"champion of {done.name} is version {done.version} (before: {done.previous})")
