"""Open files compressed with gzip, bzip2 or Zstandard.

What is written depends on what is written only: the same rows make the same bytes at any time.
"""

from __future__ import annotations

import bz2
import gzip
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LEVEL = 6


def _read_zstd(path: Path) -> Any:
    return pa.input_stream(str(path), compression="zstd")


@contextmanager
def _write_gzip(path: Path) -> Iterator[Any]:
    # gzip.open would write the file's name and the time into it
    with path.open("wb") as file, gzip.GzipFile("", "wb", LEVEL, file, mtime=0) as stream:
        yield stream


def _write_bzip2(path: Path) -> Any:
    return bz2.open(path, "wb", compresslevel=LEVEL)


def _write_zstd(path: Path) -> Any:
    return pa.CompressedOutputStream(str(path), "zstd")


READERS: dict[str, Callable[[Path], Any]] = {
    ".csv.gz": gzip.open,
    ".csv.bz2": bz2.open,
    ".csv.zst": _read_zstd,
}
WRITERS: dict[str, Callable[[Path], Any]] = {
    ".csv.gz": _write_gzip,
    ".csv.bz2": _write_bzip2,
    ".csv.zst": _write_zstd,
}
