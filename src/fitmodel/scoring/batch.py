"""Batch scoring of a file in chunks: prediction columns are added, other columns do not change.

table -> chunks of rows -> predict_table -> decision log -> columns added
      -> a temporary file -> renamed to the output when everything is written
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from fitmodel.crm.prospects import open_history
from fitmodel.exceptions import ProspectError
from fitmodel.model.horizons import check_horizons, horizon_columns
from fitmodel.model.inputs import empty_warning
from fitmodel.model.unlike import SAMPLE, assessed, unlike_warning
from fitmodel.scoring._chunks import (
    BatchLog,
    empty_attributes,
    first_error_text,
    first_rows,
    in_order,
    predict_rows,
    stored_or_predicted,
)
from fitmodel.scoring._draft import DraftSink, Progress
from fitmodel.scoring._file_sink import FileSink, check_paths
from fitmodel.scoring._resume import open_parts, refuse_pipes, remove_parts
from fitmodel.scoring.streams import (
    PREDICTIONS,
    PROCEED,
    check_columns,
    check_files,
    prediction_fields,
    with_history,
)
from fitmodel.scoring.tables import PIPE, count_rows, open_source
from fitmodel.tables.values import today

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from fitmodel.crm.prospects import Given, ProspectHistory
    from fitmodel.model.fitmodel import FitModel
    from fitmodel.model.logged import AssessmentLog
    from fitmodel.scoring._resume import Parts
    from fitmodel.scoring.streams import Chunk, Sink, Source

__all__ = [
    "PREDICTIONS",
    "PROCEED",
    "BatchResult",
    "check_columns",
    "count_rows",
    "predict_chunk",
    "prediction_fields",
    "score_file",
    "score_stream",
]

CHUNK_ROWS = 16_384  # a chunk with its reasons takes tens of MB, and a few are in memory at once
WORKERS = 2


@dataclass(frozen=True)
class BatchResult:
    """Result of a batch.

    Attributes
    ----------
    rows, errors, flagged, left_out : int
        Number of rows written; of these, rows that could not be scored, prospects flagged as
        poor_fit, and rows of a pipeline that are lost according to `[rows]` of the contract, which
        are not scored.
    escalated : int
        Number of flagged prospects on which a manager should decide.
    first_error : str or None
        The first error with the number of its row; the first row after the header is 1.
    output : str or Path
        File, folder or table to which the rows were written.
    seconds : float
        Duration of the batch in seconds.
    resumed : int
        Number of rows whose predictions were taken from an interrupted batch.
    unfamiliar, warning : int, str or None
        Number of prospects unlike the deals learned from, and a warning if they are many.
    note : str or None
        Warning that dates were counted back from today, if the table has no closing date.
    empty : str or None
        Warning about attributes that no row has a value of, although most past deals had one.
    """

    rows: int
    errors: int
    flagged: int
    first_error: str | None
    output: str | Path
    seconds: float
    resumed: int = 0
    escalated: int = 0
    left_out: int = 0
    note: str | None = None
    unfamiliar: int = 0
    warning: str | None = None
    empty: str | None = None


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
    language: str = "en",
    resume: bool = False,
    log: AssessmentLog | None = None,
    tables: Mapping[str, Given] | None = None,
    horizons: Sequence[int] = (),
) -> BatchResult:
    """Score every row of a table, and write it with the predictions; memory use is constant.

    Parameters
    ----------
    source, output : path
        ``.csv``, ``.csv.gz``, ``.csv.bz2``, ``.csv.zst``, ``.tsv`` or ``.parquet``, recognised by
        the name; ``-`` is standard input or output, as CSV. A workbook (``.xlsx``) can be read,
        but not written. A folder is read as Parquet files, including hive partitions. The output
        is written whole, or not at all.
    model : FitModel
        Model that scores the rows.
    reasons : int
        Largest number of reasons per row, written as a JSON list; 0 leaves the column out.
    chunk_rows : int
        Number of rows that are scored at a time; the result does not depend on it.
    strict : bool
        Whether to stop at the first row that cannot be scored. Otherwise such rows are written
        with empty predictions and the problem in the column ``error``.
    workers : int
        Number of threads that predict while others read and write; the result does not depend on
        it.
    progress : callable, optional
        Function that is called with the number of rows of each chunk.
    language : {"en", "zh"}
        Language of the reasons.
    resume : bool
        Whether to store predictions next to the output until it is complete, and to use those of
        an earlier run that was interrupted. The output is the same to the byte, however often the
        run was interrupted. Compressed CSV has the same content as without `resume`, but is
        compressed in pieces.
    log : DecisionLog, optional
        Log that receives every assessment before the output appears; each row must then have the
        contract's id. The column `proceed` is whether the prospect may be signed. Predictions
        that are used again from an interrupted run are logged again.
    tables : mapping of str to DataFrame or path, optional
        Tables to use instead of the ``[history.*]`` and ``[events.*]`` tables of the model's
        contract.
    horizons : sequence of int
        Further horizons in months: columns ``churn_probability_3m`` and so on, with their
        intervals; see `FitModel.predict`.

    Returns
    -------
    BatchResult
        Counts of the rows, and where they were written.

    Raises
    ------
    SpecError
        If there are no texts in that language.
    ProspectError
        If the table cannot be read, lacks an attribute, already has a prediction column, or, with
        `strict`, has a row that cannot be scored.

    Notes
    -----
    Rows keep their order and their columns. CSV is read as text, so an id of 007 stays 007. As in
    training, spaces around column names are removed, and a column without a name is named by its
    position: ``Unnamed: 3``.

    Examples
    --------
    >>> model = fitmodel.load("models/prospect-fit")
    >>> done = score_file("prospects.csv", model, "scored.csv", reasons=1)
    >>> done.rows, done.errors
    (50, 0)
    """
    for name, number in (("chunk_rows", chunk_rows), ("workers", workers)):
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise ProspectError(f"{name} is {number!r}. Remedy: give a whole number from 1 on.")
    check_paths(source, output)
    options: dict[str, Any] = {"reasons": reasons, "language": language, "chunk_rows": chunk_rows}
    options |= {"horizons": sorted(horizons)} if horizons else {}
    parts = None
    sink: Sink = FileSink(output)
    if resume:
        refuse_pipes(source, output)
    with ExitStack() as stack:
        table = stack.enter_context(open_source(source, chunk_rows))
        history = open_history(model.manifest, tables, table.schema.names)
        if resume:
            options["history"] = None if history is None else history.digest
            parts = stack.enter_context(open_parts(source, output, model, **options))
            if log is None:  # with a log, every row is written again, since every run logs it
                sink = DraftSink(output, parts.folder)
        result = score_stream(
            table,
            model,
            sink,
            reasons=reasons,
            strict=strict,
            workers=workers,
            progress=progress,
            language=language,
            parts=parts,
            log=log,
            history=history,
            horizons=horizons,
        )
    if not resume and str(output) != PIPE:
        remove_parts(output)
    return result


def score_stream(
    table: Source,
    model: FitModel,
    sink: Sink,
    *,
    reasons: int = 3,
    strict: bool = False,
    workers: int = WORKERS,
    progress: Callable[[int], object] | None = None,
    language: str = "en",
    parts: Parts | None = None,
    log: AssessmentLog | None = None,
    history: ProspectHistory | None = None,
    horizons: Sequence[int] = (),
) -> BatchResult:
    """Score every row of a source into a sink; parameters and errors are those of `score_file`.

    Predictions that are in `parts` are used from there, and all others are stored there. `history`
    holds the tables of the model's contract, as returned by `open_history`.
    """
    started = time.monotonic()
    options: dict[str, Any] = {
        "logged": log is not None,
        "horizons": check_horizons(model, horizons),
    }
    check_columns(table.schema.names, model, history, **options)
    check_files(table.lacking, model)
    as_of = today() if parts is None else parts.day  # the same day for all rows, also past midnight
    logged = None if log is None else BatchLog(log, model, table)
    fields = prediction_fields(reasons, **options)
    schema = pa.schema([*table.schema, *fields], table.schema.metadata)
    predict = partial(
        predict_chunk,
        model=model,
        reasons=reasons,
        decimal_comma=table.decimal_comma,
        as_of=as_of,
        language=language,
        horizons=options["horizons"],
    )
    stored_or_predict = partial(stored_or_predicted, predict, parts)
    draft = sink if isinstance(sink, DraftSink) else None
    with sink.opened(schema, table.separator) as write:
        done = Progress() if draft is None else draft.progress
        resumed, sample = done.rows, list[dict[str, Any]]()
        if progress is not None and resumed:
            progress(resumed)
        _refuse_first_error(done, strict=strict)
        chunks = with_history(table.chunks_after(done.rows), history, as_of)
        for chunk, (columns, was_stored) in in_order(
            stored_or_predict, chunks, workers, done.chunks
        ):
            empty = empty_attributes(chunk, done.empty if done.rows else model.attributes, model)
            done = done.with_chunk(columns, first_error_text, empty)
            sample = sample or first_rows(chunk, model, SAMPLE, decimal_comma=table.decimal_comma)
            _refuse_first_error(done, strict=strict)
            if logged is not None:
                columns[PROCEED.name] = logged.append(chunk, columns)
            arrays = [*chunk.batch.columns, *(columns[item.name] for item in fields)]
            write(pa.record_batch(arrays, schema=schema))
            if draft is not None:
                draft.record(done)
            resumed += was_stored * chunk.batch.num_rows
            if progress is not None:
                progress(chunk.batch.num_rows)
    note = model.today_note(table.schema.names, None)
    return BatchResult(
        done.rows,
        done.errors,
        done.flagged,
        done.first_error,
        sink.target,
        time.monotonic() - started,
        resumed,
        done.escalated,
        done.left_out,
        note,
        done.unfamiliar,
        unlike_warning(
            model.scorer, assessed(model.scorer, sample, as_of), done.unfamiliar, done.scored
        ),
        empty_warning(model.scorecard, done.empty, done.rows - done.left_out),
    )


def _refuse_first_error(done: Progress, *, strict: bool) -> None:
    if done.first_error and strict:
        raise ProspectError(
            f"{done.first_error}. Nothing was written. Remedy: correct the row, or leave "
            "strict out to get such rows back with their error."
        )


def predict_chunk(
    chunk: Chunk,
    model: FitModel,
    reasons: int,
    *,
    horizons: Sequence[int] = (),
    **options: Any,
) -> dict[str, pa.Array]:
    """Return the prediction columns of a chunk; a row with a problem gets only the problem.

    The options are those of `fitmodel.scoring._chunks.predict_rows`.
    """
    _, predictions, errors, unread = predict_rows(
        chunk, model, reasons, horizons=horizons, **options
    )
    is_unread = pa.array(unread)
    kinds = PREDICTIONS | dict.fromkeys(horizon_columns(horizons), pa.float64())
    columns = {
        name: pc.if_else(is_unread, None, pa.Array.from_pandas(predictions[name], type=kind))
        for name, kind in kinds.items()
        if name in predictions
    }
    return columns | {"error": pa.Array.from_pandas(errors, type=PREDICTIONS["error"])}
