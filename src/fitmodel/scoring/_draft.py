"""Draft of a batch's output: the part that is already written, which a later run continues.

first run    chunk -> its bytes in the draft -> record: bytes, their checksum, counts of the batch
second run   record and draft agree -> the rows of the draft are neither read nor written again

If draft and record disagree, the draft is started again; the predictions are stored separately, in
parts. Compressed CSV is compressed chunk by chunk, each as a complete compressed file, because the
buffer of one compressor for all chunks would be lost with its process. Such files joined one after
the other are a valid compressed file.
"""

from __future__ import annotations

import io
import json
import os
import zlib
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fitmodel.deals.vocabulary import LEFT_OUT
from fitmodel.scoring._file_sink import csv_lines, dictionary_columns, header_line
from fitmodel.scoring.streams import COMPRESSORS
from fitmodel.scoring.tables import kind_of
from fitmodel.tables.atomic import sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

DRAFT, FOOTERS, RECORD = "draft", "footers", "draft.json"
MAGIC = b"PAR1"
TAIL = 8  # bytes after a Parquet footer: its length (4) and the magic (4)
SPARE = 1 << 20
READ_BYTES = 1 << 18


@dataclass(frozen=True)
class Progress:
    """The progress of a batch: what is written so far.

    `errors`, `flagged`, `escalated`, `left_out`, `first_error`, `unfamiliar`: counts and first
        error of these rows, as in `BatchResult`.
    `empty`: attributes without a value in all of these rows.
    """

    chunks: int = 0
    rows: int = 0
    errors: int = 0
    flagged: int = 0
    escalated: int = 0
    left_out: int = 0
    first_error: str | None = None
    unfamiliar: int = 0
    empty: Sequence[str] = ()

    @property
    def scored(self) -> int:
        """Number of rows with a prediction."""
        return self.rows - self.left_out - self.errors

    def with_chunk(
        self,
        columns: dict[str, pa.Array],
        explain: Callable[..., str],
        empty: Sequence[str] = (),
    ) -> Progress:
        """Return the progress with the next chunk added.

        `explain` makes the first error's text; `empty` names the attributes that are still empty.
        """
        is_lost = pc.starts_with(columns["error"], LEFT_OUT)
        problems = pc.if_else(is_lost, None, columns["error"])
        errors = len(problems) - problems.null_count
        first_error = self.first_error
        if errors and first_error is None:
            first_error = explain(problems, self.rows)
        return Progress(
            self.chunks + 1,
            self.rows + len(problems),
            self.errors + errors,
            self.flagged + columns["poor_fit"].true_count,
            self.escalated + columns["escalate"].true_count,
            self.left_out + is_lost.true_count,
            first_error,
            self.unfamiliar + columns["unfamiliar"].true_count,
            empty,
        )


class _GrowingFile:
    """A file that is only appended to, with its length and the checksum of its bytes."""

    def __init__(self, path: Path) -> None:
        self.path, self.size, self.checksum = path, 0, 0

    def begin(self) -> None:
        """Start with an empty file."""
        self.path.write_bytes(b"")
        self.size = self.checksum = 0

    def resume(self, size: int, checksum: int) -> bool:
        """Cut the file to its first `size` bytes; return whether these match the checksum."""
        try:
            with self.path.open("r+b") as file:
                left, digest, buffer = size, 0, memoryview(bytearray(READ_BYTES))
                while count := file.readinto(buffer[: min(left, READ_BYTES)]):
                    left, digest = left - count, zlib.crc32(buffer[:count], digest)
                file.truncate(size)
        except FileNotFoundError:
            return False
        self.size, self.checksum = size, checksum
        return not left and digest == checksum

    def append(self, data: Any) -> None:
        """Write bytes at the end."""
        with self.path.open("r+b") as file:
            file.seek(self.size)
            file.write(data)
            file.truncate()
        self.size += len(data)
        self.checksum = zlib.crc32(data, self.checksum)

    @property
    def state(self) -> list[int]:
        """Size and checksum, the arguments of `resume`."""
        return [self.size, self.checksum]


class DraftSink:
    """A CSV or Parquet file whose draft survives an interruption of the batch; see `Sink`.

    `folder`: folder of the draft, on the same disk.
    """

    def __init__(self, target: str | Path, folder: Path) -> None:
        self.target = Path(target)
        self.progress = Progress()
        self._folder = folder
        self._draft, self._footers = _GrowingFile(folder / DRAFT), _GrowingFile(folder / FOOTERS)
        kind = kind_of(target)
        self._is_parquet, self._is_tabs = kind == ".parquet", kind == ".tsv"
        self._compress: Callable[[Any], Any] = COMPRESSORS.get(kind, _unchanged)
        self._metadata: dict[str, Any] = {}

    @contextmanager
    def opened(
        self, schema: pa.Schema, separator: str
    ) -> Iterator[Callable[[pa.RecordBatch], object]]:
        """Continue or begin the draft; `progress` is then what the draft already contains."""
        field_separator = "\t" if self._is_tabs else separator
        self._metadata = {"schema": schema.to_string(), "separator": field_separator}
        if not self._resumed():
            self.progress = Progress()
            self._draft.begin()
            self._footers.begin()
            header = (
                MAGIC
                if self._is_parquet
                else self._compress(header_line(schema.names, field_separator))
            )
            self._draft.append(header)
        if self._is_parquet:
            yield self._write_group
            self._draft.append(self._footer(schema))
        else:
            yield lambda batch: self._draft.append(
                self._compress(csv_lines(batch, field_separator))
            )
        with self._draft.path.open("r+b") as written:
            os.fsync(written.fileno())
        self._draft.path.replace(self.target)
        sync_folder(self.target.parent)

    def record(self, progress: Progress) -> None:
        """Record that the draft contains all rows of this progress."""
        self.progress = progress
        files = {"draft": self._draft.state, "footers": self._footers.state}
        record = self._metadata | files | {"progress": asdict(progress)}
        path = self._folder / RECORD
        temporary = path.with_suffix(".new")
        temporary.write_text(json.dumps(record), encoding="utf-8")
        temporary.replace(path)

    def _resumed(self) -> bool:
        try:
            record = json.loads((self._folder / RECORD).read_text(encoding="utf-8"))
            draft, footers, progress = (record[key] for key in ("draft", "footers", "progress"))
            if any(record[key] != value for key, value in self._metadata.items()):
                return False
            self.progress = replace(self.progress, **progress)
            return self._draft.resume(*draft) and self._footers.resume(*footers)
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return False

    def _write_group(self, batch: pa.RecordBatch) -> None:
        """Write rows as one row group, whose footer is stored for `_footer` to join with others.

        Arrow writes the positions of columns relative to the beginning of its file. Therefore it
        writes into the draft itself, mapped into memory, at the position of the new rows.
        """
        start, room = self._draft.size, 2 * batch.nbytes + SPARE
        while True:
            with self._draft.path.open("r+b") as file:
                file.seek(start)
                file.write(bytes(room))  # a full disk is then an error here, not a signal later
            try:
                written = _group(self._draft.path, start, batch)
                break
            except pa.ArrowInvalid:  # there was too little room
                if room > (batch.nbytes + SPARE) << 8:
                    raise
                room *= 4
        end = len(written) - TAIL
        footer = end - int.from_bytes(written[end : end + 4], "little")
        self._draft.append(written[:footer])
        group_footer = MAGIC + written[footer:]
        self._footers.append(len(group_footer).to_bytes(4, "little") + group_footer)

    def _footer(self, schema: pa.Schema) -> bytes:
        """Return the Parquet footer of all row groups."""
        data = self._footers.path.read_bytes()
        metadata, start = None, 0
        while start < len(data):
            stop = start + 4 + int.from_bytes(data[start : start + 4], "little")
            group_metadata = pq.read_metadata(io.BytesIO(data[start + 4 : stop]))
            start = stop
            if metadata is None:
                metadata = group_metadata
            else:
                metadata.append_row_groups(group_metadata)
        stream = io.BytesIO()
        if metadata is None:
            pq.ParquetWriter(stream, schema).close()
        else:
            metadata.write_metadata_file(stream)
        return stream.getvalue()[len(MAGIC) :]


def _unchanged(data: Any) -> Any:
    return data


def _group(path: Path, start: int, batch: pa.RecordBatch) -> bytes:
    with pa.memory_map(str(path), "r+b") as file:
        with pq.ParquetWriter(
            file, batch.schema, use_dictionary=dictionary_columns(batch.schema)
        ) as writer:
            file.seek(start)
            writer.write_batch(batch)
        stop = file.tell()
        file.seek(start)
        written: bytes = file.read(stop - start)
        return written
