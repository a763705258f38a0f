"""A table of prospects in memory: its cells as text, and the model's predictions.

file -> chunks, with the attributes from their history -> predictions of all rows, in one batch
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from fitmodel.exceptions import ProspectError
from fitmodel.model.frame_scorer import missing_attributes
from fitmodel.scoring._chunks import predict_rows
from fitmodel.scoring.streams import with_history
from fitmodel.scoring.tables import open_source
from fitmodel.tables.cells import is_missing, level_text
from fitmodel.tables.values import today

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from fitmodel.crm.prospects import ProspectHistory
    from fitmodel.crm.requests import RequestHistory
    from fitmodel.model.fitmodel import FitModel
    from fitmodel.scoring.streams import Chunk

CHUNK_ROWS = 100_000


@dataclass(frozen=True, eq=False)
class ScoredRows:
    """A model's predictions for the rows of a table, and the values that it read.

    Attributes
    ----------
    read : DataFrame
        Columns that the model reads, with numbers in text converted to numbers.
    predictions : DataFrame
        Prediction columns, as returned by `FitModel.predict_table`.
    errors : list of str or None
        Why a row has no prediction; None where it has one.
    """

    read: pd.DataFrame
    predictions: pd.DataFrame
    errors: list[str | None]


@dataclass(frozen=True, eq=False)
class ProspectTable:
    """All prospects of a file.

    Attributes
    ----------
    chunks : tuple of Chunk
        The rows, in order.
    names : tuple of str
        Names of the file's columns.
    decimal_comma : bool
        Whether a comma in a number is the decimal mark.
    day : date
        Day as of which prospects without a closing date are evaluated.
    """

    chunks: tuple[Chunk, ...]
    names: tuple[str, ...]
    decimal_comma: bool
    day: date

    def __len__(self) -> int:
        return sum(chunk.batch.num_rows for chunk in self.chunks)

    def cells(self) -> list[dict[str, str]]:
        """Return the cells of every row by column name, as text; "" for an empty cell.

        Raises
        ------
        ProspectError
            If a column cannot be converted to text, such as one of lists.
        """
        rows: list[dict[str, str]] = []
        for chunk in self.chunks:
            columns = [_texts(name, chunk.batch.column(name)) for name in self.names]
            rows += [dict(zip(self.names, row, strict=True)) for row in zip(*columns, strict=True)]
        return rows

    def score(self, model: FitModel, *, reasons: int, language: str = "en") -> ScoredRows:
        """Return predictions of all rows; reasons are objects, whose texts are made when read."""
        parts = [
            predict_rows(
                chunk,
                model,
                reasons,
                decimal_comma=self.decimal_comma,
                as_of=self.day,
                language=language,
                as_json=False,
            )
            for chunk in self.chunks
        ]
        if not parts:
            return ScoredRows(pd.DataFrame(), pd.DataFrame(), [])
        return ScoredRows(
            pd.concat([part.read for part in parts], ignore_index=True),
            pd.concat([part.predictions for part in parts], ignore_index=True),
            [error for part in parts for error in part.errors],
        )


def read_prospects(
    path: Path, model: FitModel, history: RequestHistory | None = None
) -> ProspectTable:
    """Return the prospects of a file, with the attributes from their history as of today.

    Parameters
    ----------
    path : Path
        CSV, TSV, Parquet or workbook, recognised by its name.
    model : FitModel
        Model whose attributes the file must have.
    history : RequestHistory, optional
        The history and event tables of the model's contract, for prospects without the attributes
        that come from them.

    Raises
    ------
    ProspectError
        If the file cannot be read, or lacks an attribute, or the id that joins the history.
    DealsError, DatabaseError
        If a table of the history cannot be read.
    """
    day = today()
    with open_source(path, CHUNK_ROWS) as source:
        names = tuple(source.schema.names)
        attached = frozenset() if history is None else history.columns
        if not set(model.attributes) <= attached.union(names):
            raise missing_attributes(model.attributes, [*names, *sorted(attached - set(names))])
        chunks = [chunk for chunk in source.chunks if chunk.batch.num_rows]
    if history is not None and not attached <= set(names):
        chunks = list(
            with_history(iter(chunks), history_of_file(path, chunks, names, history), day)
        )
    return ProspectTable(tuple(chunks), names, source.decimal_comma, day)


def history_of_file(
    path: Path, chunks: list[Chunk], names: tuple[str, ...], history: RequestHistory
) -> ProspectHistory | None:
    """Return the history of the prospects in a file, found by their ids.

    Raises
    ------
    ProspectError
        If the file has no column with the ids.
    """
    column = None if history.spec is None else str(history.spec.deals.id)
    if column is not None and column not in names:
        raise ProspectError(
            f"{path} has no column {column!r}, the contract's id, by which a prospect finds its "
            "history"
        )
    ids = (value for chunk in chunks for value in chunk.batch[column].to_pylist())
    return history.for_ids([level_text(value) for value in ids if not is_missing(value)])


def _texts(name: str, column: pa.Array) -> list[str]:
    try:
        texts: list[Any] = column.cast(pa.string()).to_pylist()
    except pa.ArrowException as error:
        raise ProspectError(
            f"the column {name!r} cannot be shown as text: {error}. Remedy: leave out columns that "
            "are neither text, number, flag nor date."
        ) from error
    return ["" if text is None else text.strip() for text in texts]
