"""Commands `train`, `retrain`, `backtest`, `stability`, `compare` and `pool`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fitmodel.cli.app import (
    CONFIG,
    MODELS,
    Config,
    Deals,
    Model,
    Models,
    Salt,
    app,
    existing_log,
    load_spec,
    plain_errors,
    print_training,
    print_warnings,
    progress,
    read_and_report,
)
from fitmodel.exceptions import SpecError

if TYPE_CHECKING:
    import pandas as pd

    from fitmodel.deals.contract import DealSpec


Estimator = Annotated[
    str | None, typer.Option(help="MODULE:FACTORY that returns your own scikit-learn classifier.")
]


Allow = Annotated[
    list[str] | None, typer.Option(help="Keep an attribute that the leakage audit would reject.")
]


@app.command()
def train(
    deals: Deals,
    config: Config = CONFIG,
    models: Models = MODELS,
    allow: Allow = None,
    log: Annotated[
        str | None,
        typer.Option(
            help="Decision log; flagged deals signed for exploration then represent those declined."
        ),
    ] = None,
    salt: Salt = None,
    estimator: Estimator = None,
) -> None:
    """Train, evaluate, save and track a model.

    Example: fitmodel train deals.csv -c fitmodel.toml --models models
    """
    with plain_errors():
        from fitmodel.training import train as run_training

        table, spec = _deals_with_propensity(deals, load_spec(config), log, salt)
        run = run_training(
            table,
            spec,
            models=models,
            allow=tuple(allow or ()),
            estimator=_make_classifier(estimator),
            progress=progress(),
        )
        print_training(run)
        if run.in_use is None:
            return
        is_waiting = run.in_use != run.bundle_path.name
        model_path = run.bundle_path if is_waiting else models / spec.tracking.registered_model
        if estimator is not None:
            typer.echo(f"\nNext, in Python: fitmodel.load({str(model_path)!r}, unpickle=True)")
            return
        typer.echo(f"\nNext: fitmodel score PROSPECTS --model {model_path} --output scored.csv")


def _make_classifier(name: str | None) -> Any:
    """Return the classifier from the named factory, which may be in the working directory."""
    if name is None:
        return None
    import sys
    from importlib import import_module

    module, _, factory = name.partition(":")
    sys.path.insert(0, "")
    try:
        return getattr(import_module(module), factory)()
    except (ImportError, AttributeError, SyntaxError, TypeError, ValueError) as error:
        raise SpecError(
            f"--estimator {name}: {error}. Remedy: name MODULE:FACTORY, a function that needs no "
            "argument and makes the classifier."
        ) from error
    finally:
        sys.path.remove("")


@app.command(short_help="Train at past dates, test on the deals signed next.")
def backtest(
    deals: Deals,
    config: Config = CONFIG,
    cuts: Annotated[
        int,
        typer.Option(min=1, help="Number of past dates at which a model is trained and tested."),
    ] = 4,
    allow: Allow = None,
    estimator: Estimator = None,
) -> None:
    """Train as of several past dates and evaluate on the deals signed next.

    Example: fitmodel backtest deals.csv -c fitmodel.toml
    """
    with plain_errors():
        from fitmodel.backtesting import backtest as replay

        spec = load_spec(config)
        report = replay(
            read_and_report(deals, spec).table,
            spec,
            n_cuts=cuts,
            allow=tuple(allow or ()),
            estimator=_make_classifier(estimator),
            progress=progress(),
        )
        typer.echo(str(report))


def _deals_with_propensity(
    deals: Path, spec: DealSpec, log: str | None, salt: str | None
) -> tuple[pd.DataFrame | Path, DealSpec]:
    """Return the deals and the contract with the log's propensities; without a log unchanged."""
    if log is None:
        return deals, spec
    from fitmodel.monitoring.matching import match_log, with_propensity

    table, opened = read_and_report(deals, spec).table, existing_log(log, salt)
    match = match_log(table, spec, opened)
    typer.echo(match.in_words(), err=True)
    match.refuse_late()
    weighted, with_role = with_propensity(table, spec, opened, match)
    if left_out := len(table) - len(weighted):
        typer.echo(
            f"left out {left_out:,} deal(s) signed against a flag that the draw had upheld: those "
            "drawn stand for them",
            err=True,
        )
    return weighted, with_role


RETRAIN_CODES = {"promoted": 0, "champion stays": 3, "nothing new": 4, "no champion": 1}


@app.command(short_help="Train, and promote only if better.")
def retrain(
    deals: Deals,
    config: Config = CONFIG,
    models: Models = MODELS,
    log: Annotated[str | None, typer.Option(help="The decision log, as for train.")] = None,
    salt: Salt = None,
    estimator: Estimator = None,
) -> None:
    """Train and promote if better; exit 0 promoted, 3 champion stays, 4 nothing new.

    Exit 1 also if no model is in use because none has shown skill yet.

    Example: fitmodel retrain deals.csv -c fitmodel.toml
    """
    with plain_errors():
        from fitmodel.retraining import retrain as run_retraining

        table, spec = _deals_with_propensity(deals, load_spec(config), log, salt)
        done = run_retraining(
            table, spec, models=models, estimator=_make_classifier(estimator), progress=progress()
        )
        typer.echo(f"{done.outcome}: {done.why}")
        if done.run is not None:
            print_warnings(done.run)
        raise typer.Exit(RETRAIN_CODES[done.outcome])


class Format(StrEnum):
    """Formats in which a comparison is written."""

    TEXT = "text"
    JSON = "json"


Compared = Annotated[str, typer.Argument(help="Folder of a model, models:/name@alias or runs:/id.")]


@app.command(short_help="Compare two models on later deals.")
def compare(
    a: Compared,
    b: Compared,
    deals: Deals,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="The contract file; default: the contract of B."),
    ] = None,
    unpickle: Annotated[
        bool,
        typer.Option(
            "--unpickle",
            help="Also load a user's own estimator. It is a pickle and can run any code.",
        ),
    ] = False,
    workbench: Annotated[
        bool, typer.Option("--workbench", hidden=True, help="Old name of --unpickle.")
    ] = False,
    form: Annotated[
        Format, typer.Option("--format", help="text for people, json for programs.")
    ] = Format.TEXT,
    worst: Annotated[
        int, typer.Option(min=0, help="How many deals to list, those where the models differ most.")
    ] = 10,
) -> None:
    """Compare two models on the deals signed after the training period of both.

    Example: fitmodel compare models/prospect-fit models:/prospect-fit@challenger deals.csv
    """
    with plain_errors():
        import json

        from fitmodel.comparing import compare_models

        spec = None if config is None else load_spec(config)
        result = compare_models(a, b, deals, spec, unpickle=unpickle or workbench, worst=worst)
        if form is Format.JSON:
            typer.echo(json.dumps(result.to_dict(), indent=2, ensure_ascii=False, allow_nan=False))
        else:
            typer.echo(str(result))


@app.command(short_help="Report how much predictions depend on the sample.")
def stability(
    deals: Deals,
    model: Model,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="The contract file; default: the model's contract."),
    ] = None,
    prospects: Annotated[
        Path | None,
        typer.Option(help="Prospects to predict; default: the 500 deals signed last.", exists=True),
    ] = None,
    replicates: Annotated[
        int, typer.Option(min=5, help="Number of bootstrap samples; each is one training.")
    ] = 50,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="CSV file to write, one row per prospect.")
    ] = None,
) -> None:
    """Retrain on bootstrap samples and report how much each prediction and flag changes.

    Example: fitmodel stability deals.csv --model models/prospect-fit --replicates 20
    """
    with plain_errors():
        from fitmodel.stability import check_stability
        from fitmodel.tables.atomic import write_folder

        report_step = progress()
        result = check_stability(
            model,
            deals,
            None if config is None else load_spec(config),
            prospects=prospects,
            replicates=replicates,
            progress=lambda number: report_step(f"sample {number + 1} of {replicates}"),
        )
        typer.echo(str(result))
        unstable = result.table.nlargest(5, "flag_changes")
        for label, row in unstable[unstable["flag_changes"] > 0].iterrows():
            typer.echo(
                f"row {label}: {row['probability']:.1%}, {row['low']:.1%} to {row['high']:.1%} in "
                f"the samples, {row['flag_changes']:.0%} of which would change the flag"
            )
        if output is not None:
            text = result.table.rename_axis("row").to_csv()
            write_folder(output.parent, {output.name: text})
            typer.echo(f"wrote {output}")


@app.command()
def pool(
    models: Annotated[
        list[Path], typer.Argument(help="Folders of the models of several companies.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder to write; name it in [learning] prior.")
    ],
) -> None:
    """Pool the models of several companies into one to start from. It contains no deals.

    Example: fitmodel pool models/a models/b models/c --output models/parent
    """
    with plain_errors():
        from fitmodel.pooling import pool_models

        written = pool_models(models, output)
        typer.echo(f"{len(models)} models pooled: {written}")
        typer.echo(f'Next: write prior = "{written}" under [learning] of the contract')
