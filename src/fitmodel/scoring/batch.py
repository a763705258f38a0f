"""Score a file in chunks: prediction columns are added, nothing else is touched.

table -> chunks of rows -> predict_table -> decision log -> columns added
      -> a file beside the output -> renamed to it when everything is written
"""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fitmodel.exceptions import ProspectError
from fitmodel.model.scorer import missing_attributes
from fitmodel.scoring.batch_log import BatchLog
from fitmodel.scoring.chunks import chunk_frame
from fitmodel.scoring.tables import PIPE, FileSink, count_rows, kind_of, open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from fitmodel.model.fitmodel import FitModel
    from fitmodel.model.logged import AssessmentLog
    from fitmodel.scoring.streams import Chunk, Sink, Source

__all__ = ["BatchResult", "count_rows", "score_file", "score_stream"]

CHUNK_ROWS = 16_384  # a chunk with its reasons takes some tens of MB; a few are in memory at once
WORKERS = 2
PREDICTIONS = {
    "early_churn_probability": pa.float64(),
    "probability_low": pa.float64(),
    "probability_high": pa.float64(),
    "poor_fit": pa.bool_(),
    "fit": pa.string(),
    "expected_value": pa.float64(),
    "unfamiliar": pa.bool_(),
    "reasons": pa.string(),
    "model_version": pa.string(),
    "error": pa.string(),
}
PROCEED = pa.field("proceed", pa.bool_())  # where a decision log is given, before the error


@dataclass(frozen=True)
class BatchResult:
    """What a batch did.

    Attributes
    ----------
    rows, errors, flagged : int
        Rows written; of these, rows that could not be scored, and prospects flagged poor_fit.
    first_error : str or None
        With the number of its row; the first row after the header is 1.
    output : str or Path
        Where they went.
    seconds : float
    """

    rows: int
    errors: int
    flagged: int
    first_error: str | None
    output: str | Path
    seconds: float


def score_file(
    source: str | Path,
    model: FitModel,
    output: str | Path,
    *,
    reasons: int = 3,
    chunk_rows: int = CHUNK_ROWS,
    strict: bool = False,
    workers: int = WORKERS,
    progress: Callable[[int], object] | None = None,
    log: AssessmentLog | None = None,
) -> BatchResult:
    """Score every row of a CSV or Parquet file into another; memory does not grow with the file.

    Parameters
    ----------
    source, output : path
        ``.csv``, ``.csv.gz``, ``.csv.bz2``, ``.tsv`` or ``.parquet``, told by the name; ``-`` is
        standard input or output, as CSV. A folder is read as Parquet files, hive partitions too.
        A file appears whole when its last row is written, or not at all.
    model : FitModel
    reasons : int
        How many reasons per row, written as a JSON list; 0 leaves the column out.
    chunk_rows : int
        Most rows in memory at a time; the result does not depend on it.
    strict : bool
        Stop at the first row that cannot be scored; else such rows are written with empty
        predictions and the fault in the column ``error``.
    workers : int
        Threads that predict while others read and write; the result does not depend on it.
    progress : callable, optional
        Told how many rows each chunk had.
    log : DecisionLog, optional
        Takes every assessment before the output appears; each row must then have the contract's
        id. A column `proceed` says whether the prospect may be signed.

    Returns
    -------
    BatchResult

    Raises
    ------
    ProspectError
        If the table cannot be read, lacks an attribute, already has a prediction column, or, with
        `strict`, has a row that cannot be scored.

    Notes
    -----
    Rows keep their order and their columns; CSV is read as text, so an id such as 007 stays.
    """
    _check_paths(source, output)
    with open_source(source, chunk_rows) as table:
        return score_stream(
            table,
            model,
            FileSink(output),
            reasons=reasons,
            strict=strict,
            workers=workers,
            progress=progress,
            log=log,
        )


def score_stream(
    table: Source,
    model: FitModel,
    sink: Sink,
    *,
    reasons: int = 3,
    strict: bool = False,
    workers: int = WORKERS,
    progress: Callable[[int], object] | None = None,
    log: AssessmentLog | None = None,
) -> BatchResult:
    """Score every row of a source into a sink; parameters and errors as of `score_file`."""
    begun = time.monotonic()
    check_columns(table.schema.names, model, logged=log is not None)
    logged = None if log is None else BatchLog(log, model, table)
    fields = prediction_fields(reasons, logged=log is not None)
    schema = pa.schema([*table.schema, *fields], table.schema.metadata)
    predict = partial(predict_chunk, model=model, reasons=reasons, separator=table.separator)
    rows = errors = flagged = 0
    first_error: str | None = None
    with sink.opened(schema, table.separator) as write:
        for chunk, columns in _in_order(predict, table.chunks, workers):
            faults = columns["error"].drop_null()
            if len(faults) and first_error is None:
                first_error = _first_fault(columns["error"], rows)
            if first_error and strict:
                raise ProspectError(
                    f"{first_error}. Nothing was written. Remedy: correct the row, or leave "
                    "strict out to get such rows back with their error."
                )
            if logged is not None:
                columns[PROCEED.name] = logged.append(chunk, columns)
            arrays = [*chunk.batch.columns, *(columns[item.name] for item in fields)]
            write(pa.record_batch(arrays, schema=schema))
            rows, errors = rows + chunk.batch.num_rows, errors + len(faults)
            flagged += columns["poor_fit"].true_count
            if progress is not None:
                progress(chunk.batch.num_rows)
    return BatchResult(rows, errors, flagged, first_error, sink.place, time.monotonic() - begun)


def _check_paths(source: str | Path, output: str | Path) -> None:
    check_source(source)
    check_output(output)
    both = PIPE not in (str(source), str(output)) and Path(output).exists()
    if both and Path(output).samefile(source):
        raise ProspectError(f"{output} is the input. Remedy: name another output.")


def check_source(source: str | Path) -> None:
    """Refuse a file or folder that is not there or of no known kind.

    Raises
    ------
    ProspectError
    """
    kind_of(source)
    if str(source) != PIPE and not Path(source).exists():
        raise ProspectError(f"there is no file {source}")


def check_output(output: str | Path) -> None:
    """Refuse a file that cannot be written or is of no known kind.

    Raises
    ------
    ProspectError
    """
    kind_of(output)
    if str(output) == PIPE:
        return
    output = Path(output)
    if not output.parent.is_dir():
        raise ProspectError(f"there is no folder {output.parent} to write {output.name} to")
    if output.is_dir():
        raise ProspectError(f"{output} is a folder. Remedy: name a file.")


def prediction_fields(reasons: int, *, logged: bool = False) -> list[pa.Field]:
    """What is added to a table, in order."""
    *said, error = (
        pa.field(*item) for item in PREDICTIONS.items() if reasons or item[0] != "reasons"
    )
    return [*said, PROCEED, error] if logged else [*said, error]


def check_columns(names: list[str], model: FitModel, *, logged: bool = False) -> None:
    """Refuse a table that lacks an attribute or has a prediction column already.

    Raises
    ------
    ProspectError
    """
    if not set(model.attributes) <= set(names):
        raise missing_attributes(model.attributes, names)
    added = [*PREDICTIONS, *([PROCEED.name] if logged else [])]
    taken = [name for name in added if name in names]
    if taken:
        raise ProspectError(
            f"the table already has the column(s) {', '.join(taken)}. Remedy: score the table "
            "without predictions, or rename these columns."
        )


def predict_chunk(
    chunk: Chunk, model: FitModel, reasons: int, separator: str = ",", as_of: date | None = None
) -> dict[str, pa.Array]:
    """Prediction columns of a chunk; rows that have a fault get nothing but the fault."""
    predictions, errors = model.predict_table(
        chunk_frame(chunk, model, separator), reasons=reasons, as_of=as_of, as_json=True
    )
    for place, fault in chunk.faults.items():
        errors.iloc[place] = fault
    lost = pa.array(np.isin(np.arange(len(predictions)), list(chunk.faults)))
    columns = {
        name: pc.if_else(lost, None, pa.Array.from_pandas(predictions[name], type=kind))
        for name, kind in PREDICTIONS.items()
        if name in predictions
    }
    return columns | {"error": pa.Array.from_pandas(errors, type=PREDICTIONS["error"])}


def _in_order(
    predict: Callable[[Chunk], dict[str, pa.Array]], chunks: Iterator[Chunk], workers: int
) -> Iterator[tuple[Chunk, dict[str, pa.Array]]]:
    """Predict a few chunks at once, and give them in their order.

    Threads, since reading, writing and adding up let go of Python's lock; as many chunks as
    workers, and one more, are in memory.
    """
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[tuple[Chunk, Future[dict[str, pa.Array]]]] = deque()
        try:
            for chunk in chunks:
                waiting.append((chunk, pool.submit(predict, chunk)))
                if len(waiting) > workers:
                    first, columns = waiting.popleft()
                    yield first, columns.result()
            for first, columns in waiting:
                yield first, columns.result()
        finally:
            for _, columns in waiting:
                columns.cancel()


def _first_fault(errors: pa.Array, before: int) -> str:
    place = errors.is_valid().index(pa.scalar(value=True)).as_py()
    return f"row {before + place + 1} cannot be scored: {errors[place].as_py()}"
