"""Sink that writes a batch as a CSV or Parquet file, whole or not at all."""

from __future__ import annotations

import json
import os
import re
import sys
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fitmodel.exceptions import ProspectError
from fitmodel.scoring.streams import WRITERS
from fitmodel.scoring.tables import PIPE, WORKBOOKS, kind_of
from fitmodel.tables.atomic import sync_folder, workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

BINARY = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)


@dataclass(frozen=True)
class FileSink:
    """A CSV or Parquet file, according to its name, or standard output; see `Sink`.

    The file appears when its last row is written, or not at all.
    """

    target: str | Path

    @contextmanager
    def opened(
        self, schema: pa.Schema, separator: str
    ) -> Iterator[Callable[[pa.RecordBatch], object]]:
        """Open a temporary file next to the output; return the function that writes a batch."""
        kind = kind_of(self.target)
        with _temporary_file(self.target) as file:
            if kind == ".parquet":
                with pq.ParquetWriter(
                    file, schema, use_dictionary=dictionary_columns(schema)
                ) as writer:
                    yield writer.write_batch
                return
            field_separator = "\t" if kind == ".tsv" else separator
            with _output(file, kind) as stream:
                stream.write(header_line(schema.names, field_separator))
                yield lambda batch: stream.write(csv_lines(batch, field_separator))


def dictionary_columns(schema: pa.Schema) -> list[str]:
    """Return the columns for Parquet's dictionary encoding: no floats, no reasons.

    Their values are nearly all different, so a dictionary would save no space.
    """
    return [
        item.name
        for item in schema
        if item.name != "reasons" and not pa.types.is_floating(item.type)
    ]


def header_line(names: list[str], separator: str) -> bytes:
    """Return the names of columns as the first line of CSV text."""
    columns = [pa.array([name]) for name in names]
    return bytes(csv_lines(pa.record_batch(columns, names=names), separator))


def _output(path: str | Path, kind: str) -> AbstractContextManager[Any]:
    if str(path) == PIPE:
        return nullcontext(sys.stdout.buffer)
    if kind in WRITERS:
        return cast("AbstractContextManager[Any]", WRITERS[kind](Path(path)))
    return Path(path).open("wb")


@contextmanager
def _temporary_file(output: str | Path) -> Iterator[str | Path]:
    """Yield a temporary file that replaces the output on success and is removed on failure."""
    if str(output) == PIPE:
        yield PIPE
        return
    output = Path(output)
    with workspace(output.parent) as folder:
        file = folder / output.name
        yield file
        with file.open("r+b") as written:  # Windows can sync only a file opened for writing
            os.fsync(written.fileno())
        file.replace(output)
        sync_folder(output.parent)


def check_paths(source: str | Path, output: str | Path) -> None:
    """Refuse impossible inputs and outputs, and an output that is the input or inside it.

    Raises ProspectError if input or output is refused.
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
    """Refuse an input that does not exist or has no known format.

    Raises ProspectError if the input is refused.
    """
    kind_of(source)
    if str(source) != PIPE and not os.path.exists(source):  # noqa: PTH110 - see kind_of
        raise ProspectError(f"there is no file {source}")


def check_output(output: str | Path) -> None:
    """Refuse an output that cannot be written or has no known format.

    Raises ProspectError if the output is refused.
    """
    if kind_of(output) in WORKBOOKS:
        raise ProspectError(f"{output}: workbooks are only read. Remedy: write .csv or .parquet.")
    if str(output) == PIPE:
        return
    output = Path(output)
    if not output.parent.is_dir():
        raise ProspectError(
            f"there is no folder {output.parent} to write {output.name} to. "
            "Remedy: create it, or name another output."
        )
    if output.is_dir():
        raise ProspectError(f"{output} is a folder. Remedy: name a file.")


OFFSETS, TEXT = 1, 2  # positions of these buffers in an Arrow string array


def csv_lines(batch: pa.RecordBatch, separator: str) -> memoryview:
    """Return rows as CSV text in UTF-8; a null is an empty field."""
    columns = [_quoted(as_text(column), separator) for column in batch.columns]
    columns[-1] = join([columns[-1], ""], "\n")
    return text_of(join(columns, separator))


def text_of(lines: pa.Array) -> memoryview:
    """Return all texts joined, as a view of the array's memory, without a copy."""
    if not len(lines):
        return memoryview(b"")
    offsets = np.frombuffer(lines.buffers()[OFFSETS], dtype=np.int64)
    first, last = offsets[lines.offset], offsets[lines.offset + len(lines)]
    return memoryview(lines.buffers()[TEXT])[first:last]


def as_text(column: pa.Array) -> pa.Array:
    """Return a column as text; lists and structures as JSON, see `_as_json` and `_of_bytes`."""
    kind = column.type
    if pa.types.is_nested(kind):
        return _each(_as_json, column)
    if any(test(kind) for test in BINARY):
        return _each(_of_bytes, column)
    if pa.types.is_dictionary(kind):
        return as_text(column.dictionary_decode())
    return column.cast(pa.large_string())


def _each(write: Callable[[Any], str], column: pa.Array) -> pa.Array:
    values = [None if value is None else write(value) for value in column.to_pylist()]
    return pa.array(values, pa.large_string())


def _as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _of_bytes(value: bytes) -> str:
    """Return bytes as their text in UTF-8, or as hexadecimal digits if they are no text."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return f"\\x{value.hex()}"


def _quoted(text: pa.Array, separator: str) -> pa.Array:
    special = pc.match_substring_regex(text, f'["\r\n{re.escape(separator)}]')
    if not pc.any(special).as_py():
        return text
    escaped = pc.replace_substring(text, '"', '""')
    return pc.if_else(special, join(['"', escaped, '"'], ""), text)


def join(parts: Sequence[pa.Array | str], between: str) -> pa.Array:
    """Return the texts of each row joined by `between`; a null becomes an empty text."""
    kind = pa.large_string()
    texts = [pa.scalar(part, kind) if isinstance(part, str) else part for part in parts]
    return pc.binary_join_element_wise(
        *texts, pa.scalar(between, kind), null_handling="replace", null_replacement=""
    )
