"""Sink that writes a batch as a folder of Parquet files, optionally one subfolder per value.

batch -> rows by value of the partition column -> one open file per value, another when it is full
      -> the whole folder is renamed to its name when the last row is written
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fitmodel.exceptions import ProspectError
from fitmodel.tables.atomic import sync_folder, workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ROWS_PER_FILE = 1_000_000
MAX_PARTITIONS = 500  # for each of them a file is open
NULL = "__HIVE_DEFAULT_PARTITION__"  # the name that Hive, Spark and Arrow use for a missing value


@dataclass(frozen=True)
class FolderSink:
    """A folder of Parquet files; see `Sink`.

    `target`: the folder to write. It must not exist, or be empty, so that earlier results are never
        mixed with new ones.
    `partition_by`: column of the table. For each of its values there is a folder ``column=value``,
        named as by Hive and Spark; the column is then only in these names, not in the files.
    """

    target: Path
    partition_by: str | None = None
    rows_per_file: int = ROWS_PER_FILE

    @contextmanager
    def opened(
        self,
        schema: pa.Schema,
        separator: str,  # noqa: ARG002 - only CSV needs it
    ) -> Iterator[Callable[[pa.RecordBatch], object]]:
        """Open a temporary folder next to the output; return the function that writes a batch."""
        self.check(schema.names)
        with workspace(self.target.parent) as draft:
            folder = draft / "table"
            folder.mkdir()
            writer = _Writer(folder, schema, self.partition_by, self.rows_per_file)
            with writer.files:
                yield writer.write
            _sync(folder)
            if self.target.is_dir():
                self.target.rmdir()  # it is empty
            folder.rename(self.target)
            sync_folder(self.target.parent)

    def check(self, names: list[str]) -> None:
        """Refuse an output that cannot be written, before anything is scored.

        Raises ProspectError if the folder is not empty, its parent does not exist, or there is no
        such column.
        """
        check_folder(self.target)
        if self.partition_by is not None and self.partition_by not in names:
            raise ProspectError(
                f"--partition-by {self.partition_by}: the table has no such column; it has "
                f"{', '.join(names[:20])}"
            )


def check_folder(folder: Path) -> None:
    """Refuse an output folder that is not empty, or that cannot be created.

    Raises ProspectError if the folder is refused.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ProspectError(
            f"{folder} is there already and not empty. Remedy: name a new folder for each batch, "
            f"such as {folder}/2026-01-31, or remove it first."
        )
    if not folder.absolute().parent.is_dir():
        raise ProspectError(
            f"there is no folder {folder.parent} to write {folder.name} to. "
            "Remedy: create it, or name another output."
        )


class _Part(NamedTuple):
    """The file that is being written for one value.

    `writer`: writer of the open file; None before the first row of the next file.
    `number`: number of the file among those of the value, from 0.
    """

    writer: pq.ParquetWriter | None
    number: int
    rows: int


class _Writer:
    """Writer with one open file per value of the partition column.

    `partition_by`: column by whose values rows are divided; None for no division.
    """

    def __init__(
        self, folder: Path, schema: pa.Schema, partition_by: str | None, rows_per_file: int
    ) -> None:
        self.files = ExitStack()
        self._folder, self._partition_by, self._rows_per_file = folder, partition_by, rows_per_file
        fields = [item for item in schema if item.name != partition_by]
        self._schema = pa.schema(fields, schema.metadata)
        self._parts: dict[str, _Part] = {}
        if partition_by is None:
            # A table of no rows is a file too.
            self._parts[""] = _Part(self._open_writer("", 0), 0, 0)

    def write(self, batch: pa.RecordBatch) -> None:
        """Write each row to the file of its value in the partition column."""
        if self._partition_by is None:
            self._append("", batch)
            return
        values = batch.column(self._partition_by)
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        other_columns = batch.drop_columns([self._partition_by])
        for value in pc.unique(values):
            has_value = pc.equal(values, value) if value.is_valid else pc.is_null(values)
            self._append(self._name(value), other_columns.filter(has_value))

    def _name(self, value: pa.Scalar) -> str:
        text = str(value.as_py()) if value.is_valid else ""
        return f"{quote(str(self._partition_by), safe='')}={quote(text, safe='') or NULL}"

    def _append(self, name: str, rows: pa.RecordBatch) -> None:
        """Write rows of one value; a full file is closed, and the next one is started."""
        if name not in self._parts and len(self._parts) == MAX_PARTITIONS:
            raise ProspectError(
                f"--partition-by {self._partition_by}: more than {MAX_PARTITIONS} different "
                "values, and each would be a folder. Nothing was written. Remedy: partition by a "
                "column of few values, such as a region or a month."
            )
        part = self._parts.get(name, _Part(None, 0, 0))
        while rows.num_rows:
            writer = part.writer or self._open_writer(name, part.number)
            first = rows.slice(0, self._rows_per_file - part.rows)
            writer.write_batch(first)
            part = _Part(writer, part.number, part.rows + first.num_rows)
            if part.rows == self._rows_per_file:
                writer.close()
                part = _Part(None, part.number + 1, 0)
            rows = rows.slice(first.num_rows)
        self._parts[name] = part

    def _open_writer(self, name: str, number: int) -> pq.ParquetWriter:
        folder = self._folder / name
        if name and not number:
            self._create_folder(folder)
        file = folder / f"part-{number:05d}.parquet"
        return self.files.enter_context(pq.ParquetWriter(file, self._schema))

    def _create_folder(self, folder: Path) -> None:
        """Create the folder of a value; two values never share a folder."""
        try:
            folder.mkdir()
        except FileExistsError as error:  # the file system does not distinguish EMEA from emea
            raise ProspectError(
                f"--partition-by {self._partition_by}: this disk takes the folder {folder.name} "
                "and that of another value for one. Nothing was written. Remedy: spell the values "
                "alike."
            ) from error


def _sync(folder: Path) -> None:
    """Sync every file to the disk."""
    for path in sorted(folder.rglob("*.parquet")):
        with path.open("r+b") as written:  # Windows can sync only a file opened for writing
            os.fsync(written.fileno())
        sync_folder(path.parent)
