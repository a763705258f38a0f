"""Write a batch as a CSV or Parquet file, whole or not at all."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from fitmodel.scoring._csv_text import csv_lines
from fitmodel.scoring.compression import WRITERS
from fitmodel.scoring.tables import PIPE, kind_of
from fitmodel.tables.atomic import sync_folder, workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager


@dataclass(frozen=True)
class FileSink:
    """A CSV or Parquet file, told by the name, or standard output; see `Sink`.

    A file appears whole when its last row is written, or not at all.
    """

    place: str | Path

    @contextmanager
    def opened(
        self, schema: pa.Schema, separator: str
    ) -> Iterator[Callable[[pa.RecordBatch], object]]:
        """Open the file beside its place; give the function that writes a batch."""
        kind = kind_of(self.place)
        with _appearing(self.place) as file:
            if kind == ".parquet":
                with pq.ParquetWriter(file, schema, use_dictionary=_recurring(schema)) as writer:
                    yield writer.write_batch
                return
            mark = "\t" if kind == ".tsv" else separator
            with _output(file, kind) as stream:
                stream.write(_header(schema.names, mark))
                yield lambda batch: stream.write(csv_lines(batch, mark))


def _recurring(schema: pa.Schema) -> list[str]:
    """Columns whose values may recur; of numbers and reasons a dictionary would be made in vain."""
    return [
        item.name
        for item in schema
        if item.name != "reasons" and not pa.types.is_floating(item.type)
    ]


def _header(names: list[str], separator: str) -> bytes:
    columns = [pa.array([name]) for name in names]
    return bytes(csv_lines(pa.record_batch(columns, names=names), separator))


def _output(path: str | Path, kind: str) -> AbstractContextManager[Any]:
    if str(path) == PIPE:
        return nullcontext(sys.stdout.buffer)
    if kind in WRITERS:
        return cast("AbstractContextManager[Any]", WRITERS[kind](Path(path)))
    return Path(path).open("wb")


@contextmanager
def _appearing(output: str | Path) -> Iterator[str | Path]:
    """A file beside the output that becomes it when all went well, and is gone otherwise."""
    if str(output) == PIPE:
        yield PIPE
        return
    output = Path(output)
    with workspace(output.parent) as folder:
        file = folder / output.name
        yield file
        with file.open("r+b") as written:  # Windows flushes only what may be written to
            os.fsync(written.fileno())
        file.replace(output)
        sync_folder(output.parent)
