"""A chunk of a batch as the model reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from fitmodel.deals.decimals import floats_of
from fitmodel.learning.columns import NumberColumn
from fitmodel.learning.encoding import read_numbers

if TYPE_CHECKING:
    from fitmodel.model.fitmodel import FitModel
    from fitmodel.scoring.streams import Chunk


def chunk_frame(chunk: Chunk, model: FitModel, separator: str) -> pd.DataFrame:
    """The columns the model reads of a chunk, text that is a number as a number."""
    names = [name for name in columns_read(model) if name in chunk.batch.schema.names]
    plain = _plain(chunk.batch.select(names))
    # the file's own pandas metadata is not believed
    frame: pd.DataFrame = plain.replace_schema_metadata(None).to_pandas()
    columns = [c for c in model.book.columns if isinstance(c, NumberColumn) and not c.is_date]
    for name in {*(column.name for column in columns), model.scorer.amount}.intersection(names):
        if pd.api.types.is_string_dtype(frame[name].dtype):
            frame[name] = _as_numbers(frame[name], decimal="," if separator == ";" else ".")
    return frame


def columns_read(model: FitModel) -> list[str]:
    """Attributes, amount and closing date: all that a prediction depends on."""
    scorer = model.scorer
    used = dict.fromkeys((*model.attributes, scorer.amount, scorer.closed_on))
    return [name for name in used if name is not None]


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Instants as the clock of their time zone shows them, exact decimals as numbers."""
    for place, item in enumerate(batch.schema):
        column = batch.column(place)
        if pa.types.is_timestamp(item.type) and item.type.tz is not None:
            batch = batch.set_column(place, item.name, pc.local_timestamp(column))
        elif pa.types.is_decimal(item.type):
            batch = batch.set_column(place, item.name, floats_of(column))
    return batch


def _as_numbers(text: pd.Series[Any], decimal: str) -> pd.Series[Any]:
    """Numbers of a column of text; where ";" separates, "," is the decimal mark, as in training."""
    plain = text.str.replace(decimal, ".", regex=False) if decimal != "." else text
    numbers, unreadable = read_numbers(plain)
    values = pd.Series(numbers, index=text.index)
    # a value that is no number stays as it is, for the error to quote
    return values.astype(object).mask(unreadable, text) if unreadable.any() else values
