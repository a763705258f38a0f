"""Prediction and logging of one chunk of a batch, and chunks in parallel threads."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from fitmodel.deals.vocabulary import LEFT_OUT
from fitmodel.exceptions import ProspectError
from fitmodel.learning.columns import NumberColumn
from fitmodel.model.inputs import are_missing
from fitmodel.model.logged import customer_column, id_column, id_error, log_assessments
from fitmodel.tables.files import floats_of
from fitmodel.tables.values import UNKNOWN_WITH_COMMA, read_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date

    from numpy.typing import NDArray

    from fitmodel.model.fitmodel import FitModel
    from fitmodel.model.logged import AssessmentLog
    from fitmodel.scoring._resume import Parts
    from fitmodel.scoring.streams import Chunk, Source
    from fitmodel.tables.values import NumberForm


_Predicted = TypeVar("_Predicted")
_UNCLEAR = "{name}: {value!r} is unclear: its mark may be decimal or may separate thousands"
_REMEDY = (
    "Remedy: write plain numbers such as 1234.5; where commas separate the columns, a point is "
    "always the decimal mark"
)


def chunk_frame(
    chunk: Chunk, model: FitModel, *, decimal_comma: bool
) -> tuple[pd.DataFrame, dict[int, str]]:
    """Return the columns of a chunk that the model reads, and the rows with an ambiguous number.

    Numbers in text are converted to numbers. A number is ambiguous if its decimal mark cannot be
    known from the value alone; it is then missing in the frame, and the row has a problem.
    """
    names = [name for name in model.columns if name in chunk.known.schema.names]
    plain = _plain(chunk.known.select(names))
    # The pandas metadata of the file is not used, since it may not match the columns.
    frame: pd.DataFrame = plain.replace_schema_metadata(None).to_pandas()
    problems: dict[int, str] = {}
    columns = [c for c in model.scorecard.columns if isinstance(c, NumberColumn) and not c.is_date]
    for name in {*(column.name for column in columns), model.scorer.amount}.intersection(names):
        if pd.api.types.is_string_dtype(frame[name].dtype):
            form = _form_of_file(model.scorer.forms.number(name), decimal_comma=decimal_comma)
            values, unclear = _as_numbers(frame[name], form)
            for position in np.flatnonzero(unclear).tolist():
                problem = _UNCLEAR.format(name=name, value=frame[name].iloc[position])
                problems[position] = (
                    f"{problems[position]}; {problem}" if position in problems else problem
                )
            frame[name] = values
    return frame, {position: f"{problem}. {_REMEDY}" for position, problem in problems.items()}


def first_rows(
    chunk: Chunk, model: FitModel, count: int, *, decimal_comma: bool
) -> list[dict[str, Any]]:
    """Return the first rows of a chunk, with the values that the model reads."""
    first = replace(chunk, batch=chunk.known[:count], attached=None)
    frame, _ = chunk_frame(first, model, decimal_comma=decimal_comma)
    return cast("list[dict[str, Any]]", frame.to_dict("records"))


class PredictedRows(NamedTuple):
    """The values that the model read from the rows of a chunk, and its predictions.

    `read`: columns that the model reads, with numbers in text converted to numbers.
    `predictions`: prediction columns, as returned by `FitModel.predict_table`.
    `errors`: why a row has no prediction; None where it has one.
    `unread`: whether a row is malformed or has an ambiguous number, so that its prediction is not
        valid.
    """

    read: pd.DataFrame
    predictions: pd.DataFrame
    errors: pd.Series[Any]
    unread: NDArray[np.bool_]


def predict_rows(
    chunk: Chunk,
    model: FitModel,
    reasons: int,
    *,
    decimal_comma: bool = False,
    as_of: date | None = None,
    language: str = "en",
    horizons: Sequence[int] = (),
    as_json: bool = True,
) -> PredictedRows:
    """Return the predictions of the rows of a chunk; with `as_json` the reasons are JSON text."""
    frame, unclear = chunk_frame(chunk, model, decimal_comma=decimal_comma)
    predictions, errors = model.predict_table(
        frame, reasons=reasons, as_of=as_of, as_json=as_json, language=language, horizons=horizons
    )
    for position, problem in unclear.items():
        error = errors.iloc[position]
        if error is None or not error.startswith(LEFT_OUT):
            errors.iloc[position] = problem if error is None else f"{error}; {problem}"
    for position, problem in chunk.problems.items():
        errors.iloc[position] = problem
    unread = np.isin(np.arange(len(predictions)), [*unclear, *chunk.problems])
    return PredictedRows(frame, predictions, errors, unread)


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch with times as local times of their zone, and exact decimals as floats."""
    for position, item in enumerate(batch.schema):
        column = batch.column(position)
        if pa.types.is_timestamp(item.type) and item.type.tz is not None:
            batch = batch.set_column(position, item.name, pc.local_timestamp(column))
        elif pa.types.is_decimal(item.type):
            batch = batch.set_column(position, item.name, floats_of(column))
    return batch


def _form_of_file(form: NumberForm, *, decimal_comma: bool) -> NumberForm:
    """Return the number format of training, adapted to the decimal mark of this file."""
    if not decimal_comma or form.decimal == ",":
        return form
    return replace(form, contested=True) if form.settled else UNKNOWN_WITH_COMMA


def _as_numbers(text: pd.Series[Any], form: NumberForm) -> tuple[pd.Series[Any], NDArray[np.bool_]]:
    """Return a text column's numbers, and which values are ambiguous.

    Text that is not a number stays unchanged, so that the error can quote it.
    """
    reading = read_numbers(text, form)
    unclear = np.zeros(len(text), dtype=bool) if reading.unclear is None else reading.unclear
    unreadable = reading.unreadable & ~unclear
    values = reading.series
    return values.astype(object).mask(unreadable, text) if unreadable.any() else values, unclear


def first_error_text(errors: pa.Array, before: int) -> str:
    """Return a message on the first row of a chunk that cannot be scored, and why.

    `before` is the number of rows before the chunk.
    """
    position = errors.is_valid().index(pa.scalar(value=True)).as_py()
    return f"row {before + position + 1} cannot be scored: {errors[position].as_py()}"


def empty_attributes(chunk: Chunk, names: Sequence[str], model: FitModel) -> list[str]:
    """Return which of some attributes have no value in any row of a chunk."""
    return [
        name
        for name in names
        if are_missing(
            model.scorer, name, (each.as_py() for each in chunk.known.column(name).drop_null())
        )
    ]


def stored_or_predicted(
    predict: Callable[[Chunk], dict[str, pa.Array]], parts: Parts | None, number: int, chunk: Chunk
) -> tuple[dict[str, pa.Array], bool]:
    """Return the prediction columns of a chunk, and whether they are from an earlier run."""
    if parts is None:
        return predict(chunk), False
    columns = parts.read(number, chunk.batch.num_rows)
    if columns is not None:
        return columns, True
    columns = predict(chunk)
    parts.write(number, columns)
    return columns, False


class _Row(NamedTuple):
    """A row's predictions for the log; the fields have the names of the columns."""

    early_churn_probability: float
    poor_fit: bool
    fit: str
    model_version: str


class BatchLog:
    """Log writer that appends the assessments of a table's chunks, in order.

    Rows appended by a batch that was interrupted stay in the log, although its output was never
    shown to anybody.

    `model`: model that scores the table; its contract names the id.
    Raises ProspectError if the model's contract names no id, or the table has no such column.
    """

    def __init__(self, log: AssessmentLog, model: FitModel, table: Source) -> None:
        name = id_column(model)
        if name is None:
            raise ProspectError(
                "the model's contract names no id, without which nothing can be logged. Remedy: "
                "name it as id in [deals] and train again, or leave --log out."
            )
        if name not in table.schema.names:
            raise ProspectError(
                f"the table has no column {name!r}, the contract's id, without which nothing can "
                f"be logged; it has {', '.join(table.schema.names)}. Remedy: add it, or leave "
                "--log out."
            )
        self._log, self._model, self._id = log, model, name
        customer = customer_column(model)
        self._customer = customer if customer in table.schema.names else None
        self._decimal_comma = table.decimal_comma

    def append(self, chunk: Chunk, columns: dict[str, pa.Array]) -> pa.Array:
        """Log a chunk's assessments; return whether each row may proceed.

        Raises ProspectError if a row that was scored has no id.
        """
        scored = columns["error"].is_null().to_pylist()
        ids = chunk.batch.column(self._id).to_pylist()
        self._check_ids(ids, scored)
        frame, _ = chunk_frame(chunk, self._model, decimal_comma=self._decimal_comma)
        table = frame[list(self._model.attributes)]
        values = cast("list[dict[str, Any]]", table.to_dict("records"))
        customer = self._customer or self._id
        customers = chunk.batch.column(customer).to_pylist()
        prospects = [
            {**item, customer: customer_id, self._id: name}
            for name, customer_id, item, is_scored in zip(
                ids, customers, values, scored, strict=True
            )
            if is_scored
        ]
        all_rows = zip(*(columns[name].to_pylist() for name in _Row._fields), strict=True)
        rows = [_Row(*row) for row, is_scored in zip(all_rows, scored, strict=True) if is_scored]
        allowed = iter(log_assessments(self._log, self._model, prospects, rows))
        return pa.array([next(allowed) if is_scored else None for is_scored in scored], pa.bool_())

    def _check_ids(self, ids: list[object], scored: list[bool]) -> None:
        missing = sum(
            is_scored and id_error(name, self._id) is not None
            for name, is_scored in zip(ids, scored, strict=True)
        )
        if missing:
            raise ProspectError(
                f"{missing} prospect(s) have no {self._id!r} that is text or a number, without "
                "which an assessment cannot be logged. Nothing was written. Remedy: give it, or "
                "leave --log out."
            )


def in_order(
    predict: Callable[[int, Chunk], _Predicted],
    chunks: Iterator[Chunk],
    workers: int,
    first: int = 0,
) -> Iterator[tuple[Chunk, _Predicted]]:
    """Predict a few chunks in parallel, numbered from `first` on, and yield them in their order.

    Threads are enough, because reading, writing and numpy's sums release Python's global
    interpreter lock. At most one chunk more than there are workers is in memory.
    """
    with ThreadPoolExecutor(workers) as pool:
        pending: deque[tuple[Chunk, Future[_Predicted]]] = deque()
        try:
            for number, chunk in enumerate(chunks, first):
                pending.append((chunk, _submit(pool, predict, number, chunk)))
                if len(pending) > workers:
                    earliest, predicted = pending.popleft()
                    yield earliest, predicted.result()
            for earliest, predicted in pending:
                yield earliest, predicted.result()
        finally:
            for _, predicted in pending:
                predicted.cancel()


def _submit(
    pool: ThreadPoolExecutor, predict: Callable[[int, Chunk], _Predicted], number: int, chunk: Chunk
) -> Future[_Predicted]:
    try:
        return pool.submit(predict, number, chunk)
    except RuntimeError as error:  # there is no memory for the stack of another thread
        raise MemoryError(str(error)) from error
