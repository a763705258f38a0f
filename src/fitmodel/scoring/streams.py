"""Sources and sinks of a batch, which yield or accept Arrow batches, and the columns added between.

Scoring reads only from a `Source` and writes only to a `Sink`: each is a file, a folder, a pipe
or a database.
"""

from __future__ import annotations

import bz2
import gzip
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from fitmodel.exceptions import ProspectError
from fitmodel.model.frame_scorer import missing_attributes
from fitmodel.model.horizons import check_horizons, horizon_columns
from fitmodel.model.inputs import arrow_schema
from fitmodel.tables.opening import duplicate_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import date
    from pathlib import Path

    from fitmodel.crm.prospects import ProspectHistory
    from fitmodel.model.fitmodel import FitModel


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some rows of a table, in order.

    Attributes
    ----------
    batch : pyarrow.RecordBatch
        The rows, with all columns of the table.
    problems : mapping of int to str
        From the position of each malformed row to a description of the problem.
    attached : pyarrow.RecordBatch or None
        The same rows with the attributes from their history, if the model needs them. The model
        reads this batch, but it is not written.
    """

    batch: pa.RecordBatch
    problems: Mapping[int, str] = field(default_factory=dict)
    attached: pa.RecordBatch | None = None

    @property
    def known(self) -> pa.RecordBatch:
        """The batch that the model reads."""
        return self.batch if self.attached is None else self.attached


@dataclass(frozen=True, eq=False)
class Source:
    """A table being read.

    Attributes
    ----------
    schema : pyarrow.Schema
        Schema of every chunk's batch.
    chunks : iterator of Chunk
        The rows, which can be read once, from first to last. A chunk has at most as many rows as
        may be in memory at a time.
    separator : str
        Separator of a CSV table; "," for other formats.
    decimal_comma : bool
        Whether a comma in a number is the decimal mark, so that a point may separate thousands.
    lacking : mapping of str to list of str
        For a folder: from each column that some files lack to the names of these files.
    after : callable or None
        Function that returns the chunks after a number of rows, without reading these rows. It
        returns None, or is None, if the rows have to be read. See `chunks_after`.
    """

    schema: pa.Schema
    chunks: Iterator[Chunk]
    separator: str = ","
    decimal_comma: bool = False
    lacking: Mapping[str, list[str]] = field(default_factory=dict)
    after: Callable[[int], Iterator[Chunk] | None] | None = None

    def chunks_after(self, rows: int) -> Iterator[Chunk]:
        """Yield the chunks after the first ones, which together have `rows` rows."""
        later = self.after(rows) if rows and self.after is not None else None
        if later is not None:
            yield from later
            return
        for chunk in self.chunks:
            if rows <= 0:
                yield chunk
            rows -= chunk.batch.num_rows


class Sink(Protocol):
    """A table to be written, whole or not at all."""

    @property
    def target(self) -> str | Path:
        """Name of the place where the rows are written, for messages."""

    def opened(
        self, schema: pa.Schema, separator: str
    ) -> AbstractContextManager[Callable[[pa.RecordBatch], object]]:
        """Begin to write; return the function that writes a batch of this schema.

        At the end of the ``with`` block all rows become visible at once. After an error or Ctrl-C
        no row becomes visible, and the previous content stays.
        """


LEVEL = 6


def _read_zstd(path: Path) -> Any:
    return pa.input_stream(str(path), compression="zstd")


@contextmanager
def _write_gzip(path: Path) -> Iterator[Any]:
    # gzip.open would write the file's name and the time into the file, so that two runs differ.
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
COMPRESSORS: dict[str, Callable[[Any], bytes]] = {
    ".csv.gz": partial(gzip.compress, compresslevel=LEVEL, mtime=0),
    ".csv.bz2": partial(bz2.compress, compresslevel=LEVEL),
    ".csv.zst": partial(pa.compress, codec="zstd", asbytes=True),
}
"""Functions that compress bytes as a complete file; such files joined are a valid file again."""


def with_history(
    chunks: Iterator[Chunk], history: ProspectHistory | None, as_of: date
) -> Iterator[Chunk]:
    """Yield the chunks with the attributes from their history; the written rows do not change."""
    for chunk in chunks:
        yield chunk if history is None else _attached(chunk, history, as_of)


def _attached(chunk: Chunk, history: ProspectHistory, as_of: date) -> Chunk:
    """Return one chunk with the attributes from its rows' history."""
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


PREDICTIONS = {field.name: field.type for field in arrow_schema()} | {
    "reasons": pa.string(),  # as JSON
    "error": pa.string(),
}
PROCEED = pa.field("proceed", pa.bool_())  # only with a decision log; placed before the error


def prediction_fields(
    reasons: int, *, logged: bool = False, horizons: Sequence[int] = ()
) -> list[pa.Field]:
    """Return the columns that scoring adds to a table, in order."""
    *fields, error = (
        pa.field(*item) for item in PREDICTIONS.items() if reasons or item[0] != "reasons"
    )
    fields += [pa.field(name, pa.float64()) for name in horizon_columns(horizons)]
    return [*fields, PROCEED, error] if logged else [*fields, error]


def check_files(lacking: Mapping[str, list[str]], model: FitModel) -> None:
    """Refuse a folder in which a file lacks a column that a prediction depends on.

    Raises
    ------
    ProspectError
        If a file lacks one; the message has columns and files. The rows of such a file would
        otherwise be scored as if these values were missing.
    """
    needed = [name for name in model.columns if name in lacking]
    if needed:
        lines = [
            f"  {name}: {len(lacking[name])} file(s), such as {lacking[name][0]}" for name in needed
        ]
        raise ProspectError(
            "some files of the folder lack columns that the model reads:\n"
            + "\n".join(lines)
            + "\nRemedy: write these files again with the columns, empty where nothing is known."
        )


def check_columns(
    names: list[str],
    model: FitModel,
    history: ProspectHistory | None = None,
    *,
    logged: bool = False,
    horizons: Sequence[int] = (),
) -> None:
    """Refuse a table whose columns do not allow scoring.

    Raises
    ------
    ProspectError
        If the table lacks an attribute or the id that history needs, has a column name twice, or
        already has a prediction column; or if the model cannot predict at a horizon.
    """
    if duplicates := duplicate_names(names):
        raise ProspectError(
            f"the table has more than one column named {duplicates}. Remedy: rename them."
        )
    if history is not None and history.spec.deals.id not in names:
        raise ProspectError(
            f"the table has no column {history.spec.deals.id!r}, the contract's id, by which a "
            f"prospect finds its history; it has {', '.join(names)}"
        )
    given = {*names, *(() if history is None else history.columns)}
    if not set(model.attributes) <= given:
        raise missing_attributes(model.attributes, sorted(given))
    check_horizons(model, horizons)
    added = [*PREDICTIONS, *horizon_columns(horizons), *([PROCEED.name] if logged else [])]
    taken = [name for name in added if name in names]
    if taken:
        raise ProspectError(
            f"the table already has the column(s) {', '.join(taken)}. Remedy: score the table "
            "without predictions, or rename these columns."
        )
