"""Arrays and tables on disk, so that memory does not grow with the rows of a history.

arrays, appended one after the other -> unnamed temporary file -> one memory-mapped array

The operating system loads mapped pages on access and drops them when memory is short. An unnamed
file disappears with the process, whatever stops it. The files are in the folder for temporary files
(TMPDIR), which must be on a disk.
"""

from __future__ import annotations

import mmap
import tempfile
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray


def unnamed_file(owner: object) -> Any:
    """Return an unnamed temporary file that is closed, and so deleted, together with its owner."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with its owner
    weakref.finalize(owner, file.close)
    return file


class Spool:
    """One long array to which parts are appended.

    Parameters
    ----------
    dtype : data type
        Data type of the array.
    on_disk : bool
        Whether it is kept in a file; otherwise in memory.
    """

    def __init__(self, dtype: Any, *, on_disk: bool) -> None:
        self._dtype = np.dtype(dtype)
        self._parts: list[NDArray[Any]] = []
        self._file = unnamed_file(self) if on_disk else None
        self._length = 0
        self._count = 0

    def __len__(self) -> int:
        return self._length

    def add_running(self, steps: NDArray[Any]) -> None:
        """Append the cumulative sums of some steps, continued from the last sum."""
        cumulative = np.cumsum(steps) + self._count
        self._count = int(cumulative[-1]) if len(cumulative) else self._count
        self.add(cumulative)

    def add(self, part: NDArray[Any]) -> None:
        """Append a part."""
        part = np.ascontiguousarray(part, dtype=self._dtype)
        self._length += len(part)
        if self._file is None:
            self._parts.append(part)
        else:
            self._file.write(part.data)

    def array(self) -> NDArray[Any]:
        """Return all parts as one array; after that nothing can be appended."""
        if self._file is None:
            if len(self._parts) == 1:
                return self._parts[0]
            return np.concatenate([np.empty(0, dtype=self._dtype), *self._parts])
        with self._file as file:
            file.flush()
            if not self._length:
                return np.empty(0, dtype=self._dtype)
            return np.asarray(np.memmap(file, self._dtype, mode="r", shape=(self._length,)))


def on_disk_table(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> pa.Table:
    """Write batches to an unnamed file and return them as one memory-mapped table."""
    with tempfile.TemporaryFile() as file:
        with pa.ipc.new_stream(pa.PythonFile(file, mode="w"), schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
        return read_on_disk_table(file)


def read_on_disk_table(file: Any) -> pa.Table:
    """Return a file in Arrow's stream format as a memory-mapped table."""
    file.flush()
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return pa.ipc.open_stream(pa.py_buffer(mapped)).read_all()


class Levels:
    """The distinct values of the parts of a table, each with an integer code.

    The code is the position of the value. A value that occurs in two parts has two codes.

    Parameters
    ----------
    on_disk : bool
        Whether texts are kept in files; otherwise in memory.
    """

    def __init__(self, *, on_disk: bool) -> None:
        self._on_disk = on_disk
        self._parts: list[Sequence[Any] | _TextsOnDisk] = []
        self._starts = [0]

    def add(self, levels: Sequence[Any]) -> int:
        """Append the values of a part and return the code of the first one."""
        start = self._starts[-1]
        self._parts.append(_TextsOnDisk(levels) if self._on_disk else levels)
        self._starts.append(start + len(levels))
        return start

    def __len__(self) -> int:
        return self._starts[-1]

    def __getitem__(self, code: int) -> Any:
        return self.take(np.array([code]))[0]

    def __iter__(self) -> Iterator[Any]:
        for part, start, stop in zip(self._parts, self._starts, self._starts[1:], strict=False):
            yield from _values(part, np.arange(stop - start))

    def take(self, codes: NDArray[Any]) -> NDArray[Any]:
        """Return the value of each code; None for the code -1."""
        unique, positions = np.unique(codes, return_inverse=True)
        values = np.full(len(unique), None, dtype=object)
        for part, start, stop in zip(self._parts, self._starts, self._starts[1:], strict=False):
            of_part = np.flatnonzero((unique >= start) & (unique < stop))
            for position, value in zip(
                of_part, _values(part, unique[of_part] - start), strict=True
            ):
                values[position] = value
        result: NDArray[Any] = values[positions]
        return result


def _values(part: Any, positions: NDArray[Any]) -> Iterator[Any]:
    if isinstance(part, _TextsOnDisk):
        return part.values(positions)
    return (part[position] for position in positions.tolist())


class _TextsOnDisk:
    """The values of a part: texts in a file, other values in memory."""

    def __init__(self, levels: Sequence[Any]) -> None:
        texts = [level if isinstance(level, str) else None for level in levels]
        self._others = {
            position: level for position, level in enumerate(levels) if not isinstance(level, str)
        }
        table = pa.table({"text": pa.array(texts, pa.large_string())})
        self._texts = on_disk_table(table.schema, table.to_batches()).column("text")

    def values(self, positions: NDArray[Any]) -> Iterator[Any]:
        texts = self._texts.take(pa.array(positions)).to_pylist()
        for position, text in zip(positions.tolist(), texts, strict=True):
            yield self._others[position] if text is None else text
