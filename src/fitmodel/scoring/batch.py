"""Score a file in chunks: prediction columns are added, nothing else is touched.

file -> chunks of text or of Parquet batches -> predict_table -> columns added -> temp file
     -> rename over the output when everything is written
"""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from fitmodel.exceptions import ProspectError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

    from fitmodel.model.fitmodel import FitModel

CHUNK_ROWS = 50_000
PREDICTIONS = (
    "early_churn_probability",
    "probability_low",
    "probability_high",
    "poor_fit",
    "fit",
    "expected_value",
    "unfamiliar",
    "model_version",
)
TABLES = (".csv", ".csv.gz", ".parquet")


@dataclass(frozen=True)
class BatchResult:
    """What a batch did.

    Attributes
    ----------
    rows, errors, flagged : int
        Rows written; of these, rows that could not be scored, and prospects flagged poor_fit.
    first_error : str or None
    output : Path
    """

    rows: int
    errors: int
    flagged: int
    first_error: str | None
    output: Path


def score_file(
    source: str | Path,
    model: FitModel,
    output: str | Path,
    *,
    reasons: int = 3,
    chunk_rows: int = CHUNK_ROWS,
    strict: bool = False,
    progress: Callable[[int], None] | None = None,
) -> BatchResult:
    """Score every row of a CSV or Parquet file into another.

    Parameters
    ----------
    source, output : path
        ``.csv``, ``.csv.gz`` or ``.parquet``, each told by its name. The output appears whole when
        the last row is written, or not at all.
    model : FitModel
    reasons : int
        How many reasons per row, written as a JSON list; 0 leaves the column out.
    chunk_rows : int
        Rows in memory at a time.
    strict : bool
        Stop at the first row that cannot be scored; else such rows are written with empty
        predictions and the fault in the column ``error``.
    progress : callable, optional
        Told how many rows each chunk had.

    Raises
    ------
    ProspectError
        If the file cannot be read, lacks an attribute, already has a prediction column, or, with
        `strict`, a row cannot be scored.
    """
    source, output = Path(source), Path(output)
    _check_paths(source, output)
    rows = errors = flagged = 0
    first_error: str | None = None
    with _temporary(output) as temporary, _writer(temporary, output) as write:
        for chunk in _chunks(source, chunk_rows):
            scored, bad = _score_chunk(chunk, model, reasons)
            if bad and strict:
                raise ProspectError(f"row {rows + 1} or later cannot be scored: {bad[0]}")
            write(scored)
            rows, errors = rows + len(chunk), errors + len(bad)
            flagged += int((scored["poor_fit"] == True).sum())  # noqa: E712 - None is neither
            first_error = first_error or (bad[0] if bad else None)
            if progress is not None:
                progress(len(chunk))
    return BatchResult(rows, errors, flagged, first_error, output)


def count_rows(source: Path) -> int | None:
    """Rows of a Parquet file; None for a CSV file, which would have to be read to be counted."""
    if _kind(source) != ".parquet":
        return None
    import pyarrow.parquet as pq

    return int(pq.ParquetFile(source).metadata.num_rows)


def _check_paths(source: Path, output: Path) -> None:
    for path in (source, output):
        if _kind(path) is None:
            raise ProspectError(f"{path} is none of {', '.join(TABLES)}; name the file so")
    if not source.is_file():
        raise ProspectError(f"there is no file {source}")
    if not output.parent.is_dir():
        raise ProspectError(f"there is no folder {output.parent} to write {output.name} to")
    if output.exists() and output.samefile(source):
        raise ProspectError(f"{output} is the input; name another output")


def _kind(path: Path) -> str | None:
    name = path.name.lower()
    return next((ending for ending in TABLES if name.endswith(ending)), None)


def _score_chunk(
    chunk: pd.DataFrame, model: FitModel, reasons: int
) -> tuple[pd.DataFrame, list[str]]:
    taken = [name for name in (*PREDICTIONS, "reasons", "error") if name in chunk.columns]
    if taken:
        raise ProspectError(
            f"the table already has the column(s) {', '.join(taken)}. Remedy: score a table "
            "without predictions, or rename them."
        )
    predictions, faults = model.predict_table(chunk, reasons=reasons)
    if reasons > 0:
        predictions["reasons"] = [_as_json(listed) for listed in predictions["reasons"]]
    predictions["error"] = faults
    typed = _typed(predictions)
    return pd.concat([chunk, typed], axis=1), [fault for fault in faults if fault is not None]


def _typed(predictions: pd.DataFrame) -> pd.DataFrame:
    """The same types in every chunk, whether or not it has rows that could not be scored."""
    kinds = dict.fromkeys(predictions.columns, "string")
    numbers = ("early_churn_probability", "probability_low", "probability_high", "expected_value")
    kinds |= dict.fromkeys(numbers, "float64") | dict.fromkeys(
        ("poor_fit", "unfamiliar"), "boolean"
    )
    return predictions.astype(kinds)


def _as_json(reasons: Any) -> str | None:
    if not isinstance(reasons, list):
        return None
    return json.dumps([reason.to_dict() for reason in reasons], ensure_ascii=False)


def _chunks(source: Path, chunk_rows: int) -> Iterator[pd.DataFrame]:
    if _kind(source) == ".parquet":
        yield from _parquet_chunks(source, chunk_rows)
        return
    try:
        # as text, so that an id such as 007 comes out as it went in
        with pd.read_csv(source, dtype=str, keep_default_na=False, chunksize=chunk_rows) as reader:
            for chunk in reader:
                yield chunk.reset_index(drop=True)
    except UnicodeDecodeError as error:
        raise ProspectError(
            f"{source} is not UTF-8 text: byte {error.object[error.start]:#x} at {error.start}. "
            "Remedy: save it as CSV UTF-8."
        ) from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ProspectError(f"{source} cannot be read as CSV: {error}") from error


def _parquet_chunks(source: Path, chunk_rows: int) -> Iterator[pd.DataFrame]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # pre_buffer would keep the whole file in memory
        with pq.ParquetFile(source, pre_buffer=False) as file:
            for batch in file.iter_batches(batch_size=chunk_rows):
                yield batch.to_pandas()
    except pa.ArrowInvalid as error:
        raise ProspectError(f"{source} cannot be read as Parquet: {error}") from error


@contextmanager
def _temporary(output: Path) -> Iterator[Path]:
    """A file beside the output that becomes it when all went well, and is gone otherwise."""
    handle, name = tempfile.mkstemp(prefix=f".{output.name}.", dir=output.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(output)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


@contextmanager
def _writer(temporary: Path, output: Path) -> Iterator[Callable[[pd.DataFrame], None]]:
    if _kind(output) == ".parquet":
        with _parquet_writer(temporary) as write:
            yield write
        return
    compression: Literal["gzip"] | None = "gzip" if _kind(output) == ".csv.gz" else None
    first = True

    def write_csv(frame: pd.DataFrame) -> None:
        nonlocal first
        frame.to_csv(
            temporary,
            mode="w" if first else "a",
            header=first,
            index=False,
            compression=compression,
        )
        first = False

    yield write_csv


@contextmanager
def _parquet_writer(temporary: Path) -> Iterator[Callable[[pd.DataFrame], None]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer: pq.ParquetWriter | None = None
    schema: pa.Schema | None = None

    def write(frame: pd.DataFrame) -> None:
        nonlocal writer, schema
        table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
        if writer is None:
            schema = _without_null_columns(table.schema)
            table = table.cast(schema)
            writer = pq.ParquetWriter(temporary, schema)
        writer.write_table(table)

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()


def _without_null_columns(schema: pa.Schema) -> pa.Schema:
    """A column that is empty in the first chunk may hold text in a later one."""
    import pyarrow as pa

    fields = [
        item.with_type(pa.string()) if pa.types.is_null(item.type) else item for item in schema
    ]
    return pa.schema(fields)
