"""Convert one chunk of a batch to the frame that the model reads."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from fitmodel.deals.row_rules import Rows
from fitmodel.deals.rows import lost_prospects
from fitmodel.learning.columns import NumberColumn
from fitmodel.tables.decimals import floats_of
from fitmodel.tables.values import UNKNOWN_WITH_COMMA, read_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.model.fitmodel import FitModel
    from fitmodel.scoring._streams import Chunk
    from fitmodel.tables.values import NumberForm

LEFT_OUT = "left out: "  # begins the error of a row that is lost, and so no prospect
_UNCLEAR = "{name}: {value!r} does not tell its decimal mark from one for thousands"
_REMEDY = (
    "Remedy: write plain numbers such as 1234.5; where commas separate the columns, a point is "
    "always the decimal mark"
)


def chunk_frame(
    chunk: Chunk, model: FitModel, *, decimal_comma: bool
) -> tuple[pd.DataFrame, dict[int, str]]:
    """The columns the model reads of a chunk, text that is a number as a number.

    Also the rows with a number whose marks only a whole column could explain, and which it is:
    such values are missing.
    """
    names = [name for name in columns_read(model) if name in chunk.batch.schema.names]
    plain = _plain(chunk.batch.select(names))
    # the file's own pandas metadata is not believed
    frame: pd.DataFrame = plain.replace_schema_metadata(None).to_pandas()
    problems: dict[int, str] = {}
    columns = [c for c in model.scorecard.columns if isinstance(c, NumberColumn) and not c.is_date]
    for name in {*(column.name for column in columns), model.scorer.amount}.intersection(names):
        if pd.api.types.is_string_dtype(frame[name].dtype):
            form = _form_here(model.scorer.forms.number(name), decimal_comma=decimal_comma)
            values, unclear = _as_numbers(frame[name], form)
            for position in np.flatnonzero(unclear).tolist():
                problem = _UNCLEAR.format(name=name, value=frame[name].iloc[position])
                problems[position] = (
                    f"{problems[position]}; {problem}" if position in problems else problem
                )
            frame[name] = values
    return frame, {position: f"{problem}. {_REMEDY}" for position, problem in problems.items()}


def columns_read(model: FitModel) -> list[str]:
    """Attributes, amount and closing date: all that a prediction depends on."""
    scorer = model.scorer
    used = dict.fromkeys((*model.attributes, scorer.amount, scorer.closed_on))
    return [name for name in used if name is not None]


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Instants as the clock of their time zone shows them, exact decimals as numbers."""
    for position, item in enumerate(batch.schema):
        column = batch.column(position)
        if pa.types.is_timestamp(item.type) and item.type.tz is not None:
            batch = batch.set_column(position, item.name, pc.local_timestamp(column))
        elif pa.types.is_decimal(item.type):
            batch = batch.set_column(position, item.name, floats_of(column))
    return batch


def _form_here(form: NumberForm, *, decimal_comma: bool) -> NumberForm:
    """The form of training, with what the file at hand says of its decimal mark."""
    if not decimal_comma or form.decimal == ",":
        return form
    return replace(form, contested=True) if form.settled else UNKNOWN_WITH_COMMA


def _as_numbers(text: pd.Series[Any], form: NumberForm) -> tuple[pd.Series[Any], NDArray[np.bool_]]:
    """Numbers of a column of text, and where one value does not tell which number it is.

    What is no number stays as it is, for the error to quote.
    """
    reading = read_numbers(text, form)
    unclear = np.zeros(len(text), dtype=bool) if reading.unclear is None else reading.unclear
    unreadable = reading.unreadable & ~unclear
    values = reading.series
    return values.astype(object).mask(unreadable, text) if unreadable.any() else values, unclear


def lost_rows(chunk: Chunk, model: FitModel) -> dict[int, str]:
    """Rows of a pipeline that are no prospects any more, and why."""
    rows = Rows(**model.manifest.get("spec", {}).get("rows", {}))
    names = [name for name in rows.chosen_by if name in chunk.batch.schema.names]
    if not names:
        return {}
    why = lost_prospects(chunk.batch.select(names).to_pandas(), rows)
    return {position: text for position, text in enumerate(why) if isinstance(text, str)}


def first_fault(errors: pa.Array, before: int) -> str:
    """Say which row of a chunk cannot be scored, `before` rows after the header's."""
    position = errors.is_valid().index(pa.scalar(value=True)).as_py()
    return f"row {before + position + 1} cannot be scored: {errors[position].as_py()}"
