"""The app, common options of the commands, and exit codes for errors.

Exit codes: 0 done, 1 the data or the model does not allow it, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import errno
import io
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer
from typer.core import TyperGroup

from fitmodel.exceptions import FitModelError, SpecError

if TYPE_CHECKING:
    import pandas as pd

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.reading import DealsRead
    from fitmodel.guessing.questions import QuestionedDeals
    from fitmodel.monitoring.log import DecisionLog
    from fitmodel.tables.files import FileTable
    from fitmodel.training import TrainingRun


ORDER = (
    "demo", "init", "check", "attributes", "snapshot",
    "train", "backtest", "compare", "stability", "pool", "models",
    "score", "brief", "serve", "export", "report", "quiz",
    "monitor", "decide", "forget", "retrain", "promote", "rollback",
)  # fmt: skip
"""The commands in the order in which a company needs them; `fitmodel --help` lists them so."""


class PlainUsage(TyperGroup):
    """A group of commands whose errors about options have no words of the libraries behind it."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands in the order of the work."""
        return sorted(super().list_commands(ctx), key=ORDER.index)

    def invoke(self, ctx: Any) -> Any:
        """Run a command; reword an error about the value of an option."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            for written, plain in _USAGE.items():
                error.message = error.message.replace(written, plain)
            raise


_USAGE = {
    "Value error, ": "",
    "Input should be greater than or equal to ": "must be at least ",
    "Input should be less than or equal to ": "must be at most ",
    "Input should be ": "must be ",
    "does not match the formats '%Y-%m-%d'": "is not a day; write it as YYYY-MM-DD",
}
app = typer.Typer(
    cls=PlainUsage,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
models_app = typer.Typer(rich_markup_mode=None, help="List the models, or show one.")
app.add_typer(models_app, name="models")
export_app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Write a model for another program.\n\n"
    "Example: fitmodel export sql --model models/prospect-fit --dialect duckdb",
)
app.add_typer(export_app, name="export")

Deals = Annotated[
    Path, typer.Argument(help="Past deals: CSV, Excel or Parquet.", exists=True, dir_okay=False)
]
Config = Annotated[Path, typer.Option("--config", "-c", help="The contract file.")]
Models = Annotated[Path, typer.Option("--models", help="Folder of the models.")]
Model = Annotated[
    str, typer.Option("--model", "-m", help="Folder of a model, or models:/name@alias.")
]
OwnConfig = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="The contract of the deals; default: the model's contract."
    ),
]
AssessmentsTo = Annotated[
    str | None,
    typer.Option(help="Log every assessment to this decision log: a file or postgresql://..."),
]
CONFIG = Path("fitmodel.toml")
MODELS = Path("models")
TEMPORARY = ".writing-"  # in the name of a file that gets its own name when it is complete
NOT_UTF8 = (
    "a name of a file or folder cannot be written in the encoding of this terminal's locale. "
    "Remedy: set the environment variable PYTHONUTF8=1, or LC_ALL=C.UTF-8"
)
OUT_OF_MEMORY = (
    "there was not enough memory; nothing half-written is left behind. Remedy: score or train "
    "where there is more of it, or with fewer columns"
)


@contextmanager
def plain_errors(language: str = "en") -> Iterator[None]:
    """Turn errors of fitmodel into a message and an exit code; hide warnings of libraries.

    `language`: that of the result; a message that has no text in it is quoted in English.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except SpecError as error:
        raise _failed(error, 2, language) from error
    except BrokenPipeError:  # the program that reads the output, such as head, has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
    except FitModelError as error:
        raise _failed(error, 1, language) from error
    except OSError as error:
        raise _failed(os_error_text(error), 1, language) from error
    except UnicodeEncodeError as error:
        if sys.getfilesystemencoding() == "utf-8":
            raise
        raise _failed(NOT_UTF8, 1) from error
    except MemoryError as error:
        raise _failed(FitModelError(OUT_OF_MEMORY), 1) from error
    except KeyboardInterrupt:
        typer.echo("Interrupted; nothing half-written is left behind.", err=True)
        raise typer.Exit(130) from None


def os_error_text(error: OSError) -> str:
    """Return an error of the system with what to do about it, if that is known."""
    name = str(error.filename or "")
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        where = f" for {name}" if name and TEMPORARY not in name else ""
        return (
            f"there is no space left on the disk{where}; no half-written file is left behind. "
            "Remedy: free some space, or write to another disk"
        )
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS} and name:
        path = Path(name)
        shown = path.parent if TEMPORARY in path.name else path
        return (
            f"{shown} cannot be read or written: {error.strerror}. "
            "Remedy: ask for the permission, or name another folder"
        )
    if error.errno in {errno.EEXIST, errno.ENOTDIR} and Path(name).is_file():
        return f"{name} is a file, and a folder is needed. Remedy: name another folder"
    if error.errno == errno.EISDIR:
        return f"{name} is a folder, and a file is needed. Remedy: name a file"
    return str(error)


def _failed(error: Exception | str, code: int, language: str = "en") -> typer.Exit:
    from fitmodel.language.catalogue import message_in, phrases

    text = message_in(str(error), language, "deals")
    typer.echo(phrases(language, "messages")("console_error", text=text), err=True)
    return typer.Exit(code)


def progress() -> Callable[[str], None]:
    """Return a function that prints each step on a terminal, and nothing in a pipe."""
    if not sys.stderr.isatty():
        return lambda _step: None
    return lambda step: typer.echo(f"... {step}", err=True)


def read_and_report(
    deals: Path | pd.DataFrame | FileTable, spec: DealSpec, *, to_learn: bool = True
) -> DealsRead:
    """Return past deals, and print which rows `[rows]` of the contract left out or merged."""
    from fitmodel.crm.reading import read_with_history

    read = read_with_history(deals, spec, to_learn=to_learn)
    for note in read.notes:
        typer.echo(f"rows: {note}", err=True)
    return read


def read_to_count(deals: Path | pd.DataFrame, spec: DealSpec) -> QuestionedDeals:
    """Return past deals, also if they are too few to learn from, since counting needs no model.

    Open questions are printed: the numbers of the report may be wrong until they are answered.
    """
    from fitmodel.exceptions import TooFewDealsError
    from fitmodel.guessing.questions import read_to_report

    try:
        questioned = read_to_report(deals, spec)
    except TooFewDealsError:
        questioned = read_to_report(deals, spec, to_learn=False)
    for note in questioned.read.notes:
        typer.echo(f"rows: {note}", err=True)
    for question in questioned.questions:
        typer.echo(f"unsure: {question}", err=True)
    return questioned


def load_spec(config: Path) -> DealSpec:
    """Return the contract; if there is none, raise an error that explains how to make one."""
    from fitmodel.deals.contract import DealSpec

    if not config.is_file():
        raise SpecError(
            f"there is no {config}. Remedy: fitmodel init DEALS writes one, or name it with -c."
        )
    return DealSpec.from_toml(config)


def spec_if_any(config: Path) -> DealSpec | None:
    """Return the contract if there is one, else None; a file named with --config must exist."""
    return load_spec(config) if config != CONFIG or config.is_file() else None


def registered(name: str | None, config: Path) -> tuple[str, str | None]:
    """Return the name of the registered model and the tracking store.

    Both come from the contract if there is one; a given `name` has priority.
    """
    from fitmodel.deals.contract import Tracking

    spec = spec_if_any(config)
    tracking = Tracking() if spec is None else spec.tracking
    return name or tracking.registered_model, tracking.uri


def print_training(run: TrainingRun) -> None:
    """Print the model's quality, its folder and its warnings."""
    typer.echo(str(run.report))
    typer.echo(f"\nbundle   {run.bundle_path}")
    typer.echo(f"run      {run.run_id or 'not tracked'}")
    if run.in_use != run.bundle_path.name:
        typer.echo(f"in use   {_in_use_instead(run)}")
    print_warnings(run)


def print_warnings(run: TrainingRun) -> None:
    """Print the warnings of a training to standard error."""
    for text in run.warnings:
        typer.echo(f"Warning: {text}", err=True)


def _in_use_instead(run: TrainingRun) -> str:
    kind = "this provisional model" if run.report.regime == "provisional" else "this one"
    if run.in_use is not None and run.report.has_skill:
        return f"{run.in_use} still; `fitmodel promote` puts this one in use if it is better"
    if run.in_use is not None:
        return (
            f"{run.in_use} still: {kind} shows no skill; `fitmodel promote --force REASON` uses it "
            "anyway"
        )
    return (
        f"none: {kind} shows no skill and was NOT put in use. Remedy: more deals or better "
        "attributes; `fitmodel promote --force REASON` uses it anyway"
    )


def write_utf8(*streams: TextIO) -> None:
    """Set streams to UTF-8; Windows would use the local code page for pipes and files."""
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")


def _print_version(requested: bool) -> None:
    if requested:
        import platform
        from importlib.metadata import version

        typer.echo(f"fitmodel {version('fitmodel')} (Python {platform.python_version()})")
        raise typer.Exit


@app.callback()
def prepare(
    version: Annotated[  # noqa: ARG001 - its callback says it
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Predict from past deals which prospects will leave early."""
    # Idle threads of native libraries wait by spinning, which made a training on two busy cores
    # several times slower. Users with idle cores can set OMP_NUM_THREADS.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if os.name == "nt":
        write_utf8(sys.stdout, sys.stderr)


Log = Annotated[str, typer.Option("--log", help="The decision log: a file or postgresql://...")]
Salt = Annotated[
    str | None,
    typer.Option(
        envvar="FITMODEL_LOG_SALT", help="Salt of the ids, if the log stores them hashed."
    ),
]
DECISIONS = "decisions.db"


def existing_log(path: str, salt: str | None) -> DecisionLog:
    """Return a decision log, which must already exist."""
    from fitmodel.exceptions import TrackingError
    from fitmodel.monitoring.log import DecisionLog

    if "://" not in path and not Path(path).is_file():
        raise TrackingError(f"there is no decision log {path}. Remedy: name it with --log.")
    return DecisionLog(path, salt=salt)


def parse_months(text: str | None) -> tuple[int, ...]:
    """Return months from a text such as 3,12."""
    try:
        listed = [int(part) for part in (text or "").split(",") if part.strip()]
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not a list of months; write 3,12", param_hint="--horizons"
        ) from None
    return tuple(listed)


def parse_day(text: str | None) -> date | None:
    """Return the day in the text of --as-of; None without it."""
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise SpecError(f"--as-of {text!r} is not a day. Remedy: give it as YYYY-MM-DD.") from None
