"""Open a file as bytes, and hold the table that is read from it."""

from __future__ import annotations

import gzip
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fitmodel.tables.cells import shortened
from fitmodel.tables.forms import NO_FORMS, Forms

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import BinaryIO

    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from fitmodel.tables.forms import Finding


SNIFF_BYTES = 1 << 20  # the header must lie in these
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, eq=False)
class FileTable:
    """A table as its file has it.

    Attributes
    ----------
    table : DataFrame
        With a RangeIndex where it comes from a file.
    findings : tuple of Finding
        What was left out, and how the file was read.
    forms : Forms
        Of columns whose numbers have a decimal comma.
    row_numbers : ndarray of int or None
        Number of each row as whoever opens the file sees it; None for a frame.
    """

    table: pd.DataFrame
    findings: tuple[Finding, ...] = ()
    forms: Forms = NO_FORMS
    row_numbers: NDArray[np.intp] | None = None


@dataclass(frozen=True, eq=False)
class TableOnDisk:
    """A file's table in memory that the system can drop, since a file without a name holds it.

    Attributes
    ----------
    table : pyarrow.Table
    row_numbers : ndarray of int of shape (rows,)
        Number of each row as whoever opens the file sees it.
    findings : tuple of Finding
        What was left out, and how the file was read.
    """

    table: pa.Table
    row_numbers: NDArray[np.intp]
    findings: tuple[Finding, ...] = ()


def open_bytes(path: Path) -> BinaryIO:
    """Open a file, unpacked where it is packed with gzip."""
    with path.open("rb") as file:
        packed = file.read(len(_GZIP)) == _GZIP
    return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]  # GzipFile reads like a BinaryIO


def head_of(path: Path) -> bytes:
    """The first bytes of a file."""
    with open_bytes(path) as file:
        return file.read(SNIFF_BYTES)


MAX_COLUMNS = 10_000  # each costs a millisecond; a line of a million commas would take hours


def named_twice(names: Sequence[str]) -> list[str]:
    """Names that more than one column has."""
    return sorted(name for name, times in Counter(names).items() if times > 1)


def names_error(names: Sequence[str]) -> str | None:
    """Describe what is wrong with the names of a table's columns; None if nothing is."""
    if len(names) > MAX_COLUMNS:
        return (
            f"has {len(names):,} columns, more than {MAX_COLUMNS:,}. Remedy: keep those that "
            "were known before signing."
        )
    if twice := named_twice(names):
        return f"has more than one column named {twice}. Remedy: rename them."
    return None


def open_quote_error(line: int) -> str:
    """What is wrong with a file in which a quote is open until its end."""
    return (
        f"has a quote that opens on line {line} and is never closed: all below would be one value. "
        "Remedy: close it, or write it twice inside quotes if it is meant as a character."
    )


def width_error(text: str, fields: int, expected: int) -> str:
    """What is wrong with a row of another width than the header's."""
    return f"{fields} fields where the header has {expected}{_over(text)}: {shortened(text)}"


def lines_error(text: str) -> str:
    """Describe a value that seems to hold the next row."""
    return f"a value{_over(text)}: {shortened(text)}"


def _over(text: str) -> str:
    lines = len(text.splitlines())
    return f" over {lines} lines (is a quote open?)" if lines > 1 else ""


def csv_error(problem: str, block_bytes: int) -> str:
    """Translate Arrow's error on a CSV file for the person who exported it."""
    if "straddling" in problem:
        return (
            f"has a row of more than {block_bytes >> 20} MB. Remedy: close every quote, and leave "
            "out columns of long texts."
        )
    return f"cannot be read as CSV: {problem}"
