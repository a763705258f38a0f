"""Commands `models` (with `list`, `show` and `edit`), `promote` and `rollback`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fitmodel.cli.app import (
    CONFIG,
    MODELS,
    Config,
    Model,
    Models,
    app,
    load_spec,
    models_app,
    plain_errors,
    registered,
)
from fitmodel.exceptions import TrackingError

if TYPE_CHECKING:
    from fitmodel.bundle.store import ListedBundle
    from fitmodel.tracking.registry import RegisteredVersion

    Registered = tuple[RegisteredVersion, ...]


RegisteredName = Annotated[
    str | None, typer.Option(help="Registered model; default: the one the contract names.")
]


@models_app.callback(invoke_without_command=True)
def models_alone(context: typer.Context, models: Models = MODELS, config: Config = CONFIG) -> None:
    """List the models, or show one."""
    if context.invoked_subcommand is None:
        list_models(models, config)


@models_app.command(name="list")
def list_models(models: Models = MODELS, config: Config = CONFIG) -> None:
    """List versions with age, skill and number of training deals; * marks the version in use.

    With an MLflow registry, its version numbers and aliases are shown too.

    Example: fitmodel models list
    """
    with plain_errors():
        from fitmodel.bundle.store import list_bundles
        from fitmodel.reports.console import bundles_text

        result = list_bundles(models)
        typer.echo(bundles_text(result, _registered_versions(result, config)))


def _registered_versions(bundles: tuple[ListedBundle, ...], config: Path) -> Registered:
    """Return the registered versions of the models in the folder and in the contract.

    If the registry does not answer, the list is printed without its numbers and aliases.
    """
    from fitmodel.tracking.connection import database_file, tracking_uri

    name, store = registered(None, config)
    file = database_file(tracking_uri(store))
    if file is not None and not file.is_file():  # a query would create the file
        return ()
    from fitmodel.tracking.registry import list_versions

    try:
        names = sorted({name, *(item.name for item in bundles)})
        return tuple(version for each in names for version in list_versions(each, store))
    except TrackingError as error:
        _warn(f"without the registry's numbers and aliases: {error}")
        return ()


@models_app.command()
def show(
    model: Model,
    table: Annotated[str | None, typer.Option(help="Show the table of this attribute.")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the table into this file: PNG, PDF or SVG.")
    ] = None,
) -> None:
    """Show a model's summary, or the table of one attribute, as text or plot.

    Example: fitmodel models show --model models/prospect-fit --table segment --plot segment.png
    """
    with plain_errors():
        from fitmodel.loading import load
        from fitmodel.reports.console import model_text

        if plot is not None and table is None:
            raise typer.BadParameter("name the table to draw with --table", param_hint="--plot")
        loaded = load(model)
        if table is None:
            typer.echo(model_text(loaded))
            return
        typer.echo(loaded.table(table).to_string(index=False))
        if plot is not None:
            from fitmodel.evaluation.figures import save_table_plot

            save_table_plot(loaded.scorecard, table, plot)


@models_app.command()
def edit(
    model: Model,
    table: Annotated[str, typer.Option(help="Attribute whose table is edited.")],
    because: Annotated[
        str,
        typer.Option(help="Reason for the edit; it is kept in the manifest and on the model card."),
    ],
    level: Annotated[
        str | None,
        typer.Option(help="A level, a bin as the table shows it, or a number inside a bin."),
    ] = None,
    effect: Annotated[
        float | None,
        typer.Option(help="Set the effect of the level, in log-odds; 0 means no effect."),
    ] = None,
    smooth: Annotated[
        str | None,
        typer.Option(help="FROM:TO of a number: make the effect a straight line over this range."),
    ] = None,
    cap: Annotated[
        float | None,
        typer.Option(help="Limit the size of all effects, or of --level, in log-odds."),
    ] = None,
    drop_pair_with: Annotated[
        str | None, typer.Option(help="Remove the pair with this other attribute.")
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="Who makes the edit; default: your login name.")
    ] = None,
    deals: Annotated[
        Path | None,
        typer.Option(help="Past deals on which to evaluate the edit.", exists=True, dir_okay=False),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", help="The contract of these deals; default: the model's contract."
        ),
    ] = None,
    use: Annotated[bool, typer.Option("--use", help="Use the edited version from now on.")] = False,
) -> None:
    """Edit a table by hand, save a new version and evaluate the edit on later deals.

    Example: fitmodel models edit --model models/prospect-fit --table industry --level media
    --effect 0 --because "a campaign that is over" --deals deals.csv
    """
    with plain_errors():
        from fitmodel.editing import edit_table
        from fitmodel.reports.card import edit_lines

        edited = edit_table(
            model,
            table,
            reason=because,
            by=by,
            level=level,
            effect=effect,
            smooth=smooth,
            cap=cap,
            drop_pair_with=drop_pair_with,
            deals=deals,
            spec=None if config is None else load_spec(config),
            use=use,
        )
        typer.echo(edit_lines(edited.edit))
        not_evaluated = "not yet; give past deals with --deals"
        typer.echo(f"evaluated  {edited.re_evaluation or not_evaluated}")
        typer.echo(f"bundle  {edited.bundle_path}{' (in use)' if use else ''}")
        if edited.tracked is not None:
            outcome = edited.tracked.warning or f"version {edited.tracked.registry_version}"
            typer.echo(f"mlflow  {outcome}")


@app.command()
def promote(
    version: Annotated[
        int | None, typer.Option(help="Registered version; default: the challenger.")
    ] = None,
    name: RegisteredName = None,
    force: Annotated[
        str | None,
        typer.Option(help="Promote without evidence that it is better; give the reason."),
    ] = None,
    config: Config = CONFIG,
    models: Models = MODELS,
) -> None:
    """Make a version the champion, if the evidence supports it.

    Example: fitmodel promote --version 3
    """
    with plain_errors():
        from fitmodel.tracking.promotion import follow_champion
        from fitmodel.tracking.promotion import promote as move

        chosen, store = registered(name, config)
        done = move(chosen, version=version, force=force is not None, reason=force, store=store)
        follow_champion(models, chosen, store)
        before = f" (before: {done.previous})" if done.previous else ""
        if done.previous == done.version:
            before = " already; nothing was moved"
        typer.echo(f"champion of {done.name} is version {done.version}{before}")
        _warn(done.warning)


@app.command()
def rollback(
    name: RegisteredName = None,
    config: Config = CONFIG,
    models: Models = MODELS,
) -> None:
    """Put the previous champion back in use.

    Example: fitmodel rollback
    """
    with plain_errors():
        from fitmodel.tracking.promotion import follow_champion
        from fitmodel.tracking.promotion import rollback as go_back

        chosen, store = registered(name, config)
        done = go_back(chosen, store=store)
        follow_champion(models, chosen, store)
        typer.echo(f"champion of {done.name} is version {done.version} (before: {done.previous})")
        _warn(done.warning)


def _warn(warning: str | None) -> None:
    if warning is not None:
        typer.echo(f"Warning: {warning}", err=True)
