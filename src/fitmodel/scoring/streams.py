"""Sources and sinks of a batch: objects that give or take Arrow batches in order.

A file, a folder, a pipe and a database are all a `Source` and a `Sink`; scoring knows no other.
"""

from __future__ import annotations

import bz2
import gzip
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from datetime import date
    from pathlib import Path

    from fitmodel.crm.prospects import ProspectHistory


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some rows of a table, in order.

    Attributes
    ----------
    batch : pyarrow.RecordBatch
    problems : mapping of int to str
        Position of a row that has not the table's shape, and what is wrong with it.
    attached : pyarrow.RecordBatch or None
        The same rows with the attributes of their history, where the model needs them; these are
        read and not written.
    """

    batch: pa.RecordBatch
    problems: Mapping[int, str] = field(default_factory=dict)
    attached: pa.RecordBatch | None = None

    @property
    def known(self) -> pa.RecordBatch:
        """What the model reads."""
        return self.batch if self.attached is None else self.attached


@dataclass(frozen=True, eq=False)
class Source:
    """A table being read.

    Attributes
    ----------
    schema : pyarrow.Schema
        Of every chunk's batch.
    chunks : iterator of Chunk
        Read once, from first to last; a chunk has as many rows as may be in memory at a time.
    separator : str
        Of a CSV table; "," otherwise.
    decimal_comma : bool
        Whether a comma in a number is its decimal mark, and a point may be one for thousands.
    lacking : mapping of str to list of str
        Of a folder: columns that some of its files lack, and these files.
    after : callable or None
        Gives the chunks after so many rows without reading these; it may give None, and is None
        where they have to be read. See `chunks_after`.
    """

    schema: pa.Schema
    chunks: Iterator[Chunk]
    separator: str = ","
    decimal_comma: bool = False
    lacking: Mapping[str, list[str]] = field(default_factory=dict)
    after: Callable[[int], Iterator[Chunk] | None] | None = None

    def chunks_after(self, rows: int) -> Iterator[Chunk]:
        """Chunks after the first ones, which have so many rows together."""
        later = self.after(rows) if rows and self.after is not None else None
        if later is not None:
            yield from later
            return
        for chunk in self.chunks:
            if rows <= 0:
                yield chunk
            rows -= chunk.batch.num_rows


class Sink(Protocol):
    """A table to be written: all of it, or nothing."""

    @property
    def target(self) -> str | Path:
        """Where the rows go, for people to read."""

    def opened(
        self, schema: pa.Schema, separator: str
    ) -> AbstractContextManager[Callable[[pa.RecordBatch], object]]:
        """Begin; give the function that writes a batch of this schema.

        The end of the ``with`` makes the rows appear, all at once; where an error or Ctrl-C
        leaves it, none appears and what was there before stays.
        """


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
PACKERS: dict[str, Callable[[Any], bytes]] = {
    ".csv.gz": partial(gzip.compress, compresslevel=LEVEL, mtime=0),
    ".csv.bz2": partial(bz2.compress, compresslevel=LEVEL),
    ".csv.zst": partial(pa.compress, codec="zstd", asbytes=True),
}
"""Each gives a whole file of some bytes; such files one after the other are a file of them all."""


def with_history(
    chunks: Iterator[Chunk], history: ProspectHistory | None, as_of: date
) -> Iterator[Chunk]:
    """Yield the chunks with what the model is to read of them; what is written does not change."""
    for chunk in chunks:
        yield chunk if history is None else _attached(chunk, history, as_of)


def _attached(chunk: Chunk, history: ProspectHistory, as_of: date) -> Chunk:
    """One chunk with the attributes of its rows' history."""
    batch = chunk.batch
    names = [name for name in history.needs if name in batch.schema.names]
    frame = batch.select(names).replace_schema_metadata(None).to_pandas()
    attributes = history.attached_to(frame, as_of)
    for name in history.columns:
        values = pa.Array.from_pandas(attributes[name])
        position = batch.schema.get_field_index(name)
        batch = (
            batch.append_column(name, values)
            if position < 0
            else batch.set_column(position, name, values)
        )
    return replace(chunk, attached=batch)
