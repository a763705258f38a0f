"""A file as bytes, and what is read of it."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fitmodel.tables.forms import NO_FORMS, Forms

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from fitmodel.tables.findings import Finding

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


def open_bytes(path: Path) -> BinaryIO:
    """Open a file, unpacked where it is packed with gzip."""
    with path.open("rb") as file:
        packed = file.read(len(_GZIP)) == _GZIP
    return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]  # GzipFile reads like a BinaryIO


def head_of(path: Path) -> bytes:
    """The first bytes of a file."""
    with open_bytes(path) as file:
        return file.read(SNIFF_BYTES)
