"""Open files as bytes; classes for tables read from files; messages about broken files."""

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


SNIFF_BYTES = 1 << 20  # first bytes of a file, which must contain the header
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, eq=False)
class FileTable:
    """A table as read from its file, before it is interpreted by a contract.

    Attributes
    ----------
    table : DataFrame
        The table; with a RangeIndex if it comes from a file.
    findings : tuple of Finding
        What was left out, and how the file was read.
    forms : Forms
        Forms of columns with decimal commas.
    row_numbers : ndarray of int of shape (rows,) or None
        Number of each row in the file; None for a DataFrame.
    """

    table: pd.DataFrame
    findings: tuple[Finding, ...] = ()
    forms: Forms = NO_FORMS
    row_numbers: NDArray[np.intp] | None = None


@dataclass(frozen=True, eq=False)
class TableOnDisk:
    """A table read from a file, kept in a memory-mapped temporary file.

    Attributes
    ----------
    table : pyarrow.Table
        The table.
    row_numbers : ndarray of int of shape (rows,)
        Number of each row in the file.
    findings : tuple of Finding
        What was left out, and how the file was read.
    """

    table: pa.Table
    row_numbers: NDArray[np.intp]
    findings: tuple[Finding, ...] = ()


def open_bytes(path: Path) -> BinaryIO:
    """Open a file for reading bytes; a gzip file is decompressed."""
    with path.open("rb") as file:
        packed = file.read(len(_GZIP)) == _GZIP
    return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]  # GzipFile reads like a BinaryIO


def head_of(path: Path) -> bytes:
    """Return the first bytes of a file."""
    with open_bytes(path) as file:
        return file.read(SNIFF_BYTES)


MAX_COLUMNS = 10_000  # each takes a millisecond; a line of a million commas would take hours


def named_twice(names: Sequence[str]) -> list[str]:
    """Return the names of more than one column."""
    return sorted(name for name, times in Counter(names).items() if times > 1)


def names_error(names: Sequence[str]) -> str | None:
    """Return what is wrong with the names of a table's columns; None if nothing is."""
    if len(names) > MAX_COLUMNS:
        return (
            f"has {len(names):,} columns, more than {MAX_COLUMNS:,}. Remedy: keep those that "
            "were known before signing."
        )
    if twice := named_twice(names):
        return f"has more than one column named {twice}. Remedy: rename them."
    return None


def open_quote_error(line: int) -> str:
    """Return the message for a file in which a quote is open until the end."""
    return (
        f"has a quote that opens on line {line} and is never closed, so all lines below would be "
        "one value. Remedy: close it; a quote that is part of a text must be written twice."
    )


def width_error(text: str, fields: int, expected: int) -> str:
    """Return the message for a row with another number of fields than the header."""
    return f"{fields} fields where the header has {expected}{_over(text)}: {shortened(text)}"


def lines_error(text: str) -> str:
    """Return the message for a value that seems to contain the next row."""
    return f"a value{_over(text)}: {shortened(text)}"


def _over(text: str) -> str:
    lines = len(text.splitlines())
    return f" over {lines} lines (is a quote open?)" if lines > 1 else ""


def csv_error(problem: str, block_bytes: int) -> str:
    """Return Arrow's error about a CSV file as a message for the user."""
    if "straddling" in problem:
        return (
            f"has a row of more than {block_bytes >> 20} MB. Remedy: close every quote, and leave "
            "out columns of long texts."
        )
    return f"cannot be read as CSV: {problem}"
