"""Check before scoring that the input can be read and the output can be written."""

from __future__ import annotations

import os
from pathlib import Path

from fitmodel.exceptions import ProspectError
from fitmodel.scoring.tables import PIPE, WORKBOOKS, kind_of


def check_paths(source: str | Path, output: str | Path) -> None:
    """Refuse an input or an output that cannot be, and an output that is, or lies in, the input.

    Raises
    ------
    ProspectError
    """
    check_source(source)
    check_output(output)
    if PIPE in (str(source), str(output)):
        return
    source, output = Path(source), Path(output)
    if output.exists() and output.samefile(source):
        raise ProspectError(f"{output} is the input. Remedy: name another output.")
    if source.is_dir() and source.resolve() in output.resolve().parents:
        raise ProspectError(
            f"{output} lies in the folder {source}, of which every file is input: the next batch "
            "would read it. Remedy: write it elsewhere."
        )


def check_source(source: str | Path) -> None:
    """Refuse a file or folder that is not there or of no known kind.

    Raises
    ------
    ProspectError
    """
    kind_of(source)
    if str(source) != PIPE and not os.path.exists(source):  # noqa: PTH110 - see kind_of
        raise ProspectError(f"there is no file {source}")


def check_output(output: str | Path) -> None:
    """Refuse a file that cannot be written or is of no known kind.

    Raises
    ------
    ProspectError
    """
    if kind_of(output) in WORKBOOKS:
        raise ProspectError(f"{output}: workbooks are only read. Remedy: write .csv or .parquet.")
    if str(output) == PIPE:
        return
    output = Path(output)
    if not output.parent.is_dir():
        raise ProspectError(f"there is no folder {output.parent} to write {output.name} to")
    if output.is_dir():
        raise ProspectError(f"{output} is a folder. Remedy: name a file.")
