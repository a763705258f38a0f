"""Resume an interrupted batch from stored predictions.

    first run    chunk -> predicted -> a part on disk -> columns added -> written
    second run   chunk -> its part  ------------------> columns added -> written

The output is the same to the byte, however often the batch was interrupted. The folder also holds
the draft of the output (see `_draft`), whose rows are not read again. With a decision log, the
whole input is read and written again, and only the scoring is not repeated. A journal records to
which input, model and options the parts belong; others are refused.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from fitmodel.bundle.manifest import digest
from fitmodel.exceptions import FitModelError, ProspectError
from fitmodel.scoring.tables import PIPE
from fitmodel.tables.atomic import file_lock, sync_folder
from fitmodel.tables.values import today

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fitmodel.model.fitmodel import FitModel

JOURNAL = "journal.json"
LOCK = "lock"
END_BYTES = 1 << 20
DIFFERENCES = {
    "input": "another input, or the input has changed",
    "model": "another model",
    "reasons": "another number of reasons",
    "language": "another language",
    "chunk_rows": "another number of rows at a time",
    "horizons": "other horizons",
    "history": "other tables of history and events, or they have changed",
    "versions": "another version of fitmodel or pyarrow",
}


@dataclass(frozen=True)
class Parts:
    """Predictions that are already stored on disk.

    `day`: day from which dates are counted back: that of the first run.
    """

    folder: Path
    day: date

    def read(self, number: int, rows: int) -> dict[str, pa.Array] | None:
        """Return the prediction columns of a chunk; None if they are absent or incomplete."""
        try:
            with pa.OSFile(str(self._path(number))) as file:
                table = pa.ipc.open_file(file).read_all().combine_chunks()
        except (FileNotFoundError, pa.ArrowInvalid):
            return None
        if table.num_rows != rows:
            return None
        return {name: _array(table[name]) for name in table.schema.names}

    def write(self, number: int, columns: dict[str, pa.Array]) -> None:
        """Store the prediction columns of a chunk; they are on the disk when this returns."""
        batch = pa.record_batch(list(columns.values()), names=list(columns))
        path = self._path(number)
        draft = path.with_suffix(".draft")
        with draft.open("wb") as file:
            with pa.ipc.new_file(file, batch.schema) as writer:
                writer.write_batch(batch)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:08d}.arrow"


def _array(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def parts_folder(output: str | Path) -> Path:
    """Return the folder for the parts of a batch, next to its output."""
    output = Path(output)
    return output.with_name(f".{output.name}.resume")


def refuse_pipes(source: str | Path, output: str | Path) -> None:
    """Refuse to resume a batch whose input or output is a pipe, which cannot be read again.

    Raises ProspectError if input or output is a pipe.
    """
    if PIPE in (str(source), str(output)):
        raise ProspectError(
            "--resume needs files: input from a pipe cannot be read again. "
            "Remedy: leave --resume out, or write the rows to a file first."
        )


@contextmanager
def open_parts(
    source: str | Path, output: str | Path, model: FitModel, **options: Any
) -> Iterator[Parts]:
    """Open the stored parts of an interrupted batch, or start new ones.

    They are removed when the batch is complete, or when it fails with an error that would occur
    again after resuming. They stay when the batch is interrupted.

    Raises ProspectError if the stored parts belong to another batch, or another process works on
    them.
    """
    folder = parts_folder(output)
    metadata = _batch_metadata(Path(source), model, options)
    with _locked(folder):
        parts = Parts(folder, _day(folder, metadata))
        try:
            yield parts
        except FitModelError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        shutil.rmtree(folder, ignore_errors=os.name == "nt")  # Windows keeps the locked file


def remove_parts(output: str | Path) -> None:
    """Remove what an interrupted batch to the same output left, unless a process works on it.

    For a batch that has written the output without them; what cannot be removed stays.
    """
    folder = parts_folder(output)
    with suppress(OSError, NotImplementedError):
        with file_lock(folder / LOCK, wait=False):
            shutil.rmtree(folder, ignore_errors=True)
        if os.name == "nt":  # Windows keeps a locked file; elsewhere another run may own it now
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(file_lock(folder / LOCK, wait=False))
        except (BlockingIOError, FileNotFoundError) as error:
            raise ProspectError(
                f"another process works on the same batch: it holds {folder}. Remedy: wait until "
                "it has ended, or give another output."
            ) from error
        yield
    if os.name == "nt":  # the file is free now
        with suppress(OSError):
            (folder / LOCK).unlink(missing_ok=True)
            folder.rmdir()  # an interrupted batch's folder is not empty, and stays


def _day(folder: Path, metadata: dict[str, Any]) -> date:
    """Return the first run's day from its journal; without a journal, start one with today."""
    try:
        journal = json.loads((folder / JOURNAL).read_text(encoding="utf-8"))
        day = date.fromisoformat(journal.pop("day"))
    except (FileNotFoundError, ValueError, KeyError, AttributeError, TypeError):
        return _start_journal(folder, metadata)
    differing = [text for key, text in DIFFERENCES.items() if journal.get(key) != metadata.get(key)]
    if differing:
        raise ProspectError(
            f"{folder} holds an interrupted batch of {'; '.join(differing)}. Remedy: use the "
            "options it was started with, or remove that folder to start again."
        )
    return day


def _start_journal(folder: Path, metadata: dict[str, Any]) -> date:
    for part in folder.iterdir():  # parts without a valid journal cannot be used
        if part.name != LOCK:
            part.unlink()
    day = today()
    draft = folder / f"{JOURNAL}.draft"
    with draft.open("w", encoding="utf-8") as file:
        json.dump(metadata | {"day": day.isoformat()}, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / JOURNAL)
    sync_folder(folder)
    return day


def _batch_metadata(source: Path, model: FitModel, options: dict[str, Any]) -> dict[str, Any]:
    files = sorted(path for path in source.rglob("*") if path.is_file()) or [source]
    file_states = [
        (str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns, _ends_digest(path))
        for path in files
    ]
    return {
        "input": digest(json.dumps(file_states).encode()),
        "model": f"{model.version} {digest(model.scorer.to_json())}",
        "versions": [version("fitmodel"), pa.__version__],
        **options,
    }


def _ends_digest(path: Path) -> str:
    """Return a digest of a file's first and last bytes.

    Size and time alone are not enough, since a copy may keep the time of the file it replaces.
    """
    with path.open("rb") as file:
        head = file.read(END_BYTES)
        file.seek(max(path.stat().st_size - END_BYTES, 0))
        return digest(head + file.read(END_BYTES))
