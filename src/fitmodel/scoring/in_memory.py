"""A table of prospects in memory: its cells as text, and the model's predictions.

file -> chunks, with the attributes of their history -> predictions of all rows, in one batch
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from fitmodel.exceptions import ProspectError
from fitmodel.model.row_encoder import missing_attributes
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
    """A model's predictions for the rows of a table, and what it read of them.

    Attributes
    ----------
    read : DataFrame
        Columns that the model reads; text that is a number is a number.
    predictions : DataFrame
        As `FitModel.predict_table` gives them.
    errors : list of str or None
        Why a row has no prediction.
    """

    read: pd.DataFrame
    predictions: pd.DataFrame
    errors: list[str | None]


@dataclass(frozen=True, eq=False)
class ProspectTable:
    """Prospects that were read from a file, whole.

    Attributes
    ----------
    chunks : tuple of Chunk
    names : tuple of str
        Columns of the file.
    decimal_comma : bool
        Whether a comma in a number is its decimal mark.
    day : date
        Prospects without a closing date are looked at as of this day.
    """

    chunks: tuple[Chunk, ...]
    names: tuple[str, ...]
    decimal_comma: bool
    day: date

    def __len__(self) -> int:
        return sum(chunk.batch.num_rows for chunk in self.chunks)

    def cells(self) -> list[dict[str, str]]:
        """Every row's cells by column, as text; "" where nothing stands.

        Raises
        ------
        ProspectError
            If a column holds what is not text, such as lists.
        """
        rows: list[dict[str, str]] = []
        for chunk in self.chunks:
            columns = [_texts(name, chunk.batch.column(name)) for name in self.names]
            rows += [dict(zip(self.names, row, strict=True)) for row in zip(*columns, strict=True)]
        return rows

    def score(self, model: FitModel, *, reasons: int, language: str = "en") -> ScoredRows:
        """Score all rows in one batch; the reasons are objects, whose texts are made when read."""
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
    """Read a file of prospects, with the attributes that their history gives as of today.

    Parameters
    ----------
    path : Path
        CSV, TSV, Parquet or a workbook, told by its name.
    model : FitModel
        Names the attributes.
    history : RequestHistory, optional
        The tables of the model's contract, for prospects that lack its attributes.

    Raises
    ------
    ProspectError
        If the file cannot be read, or lacks an attribute, or the id by which history is found.
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
            with_history(iter(chunks), _history_of_file(path, chunks, names, history), day)
        )
    return ProspectTable(tuple(chunks), names, source.decimal_comma, day)


def _history_of_file(
    path: Path, chunks: list[Chunk], names: tuple[str, ...], history: RequestHistory
) -> ProspectHistory | None:
    """The history of the prospects in the file."""
    column = None if history.spec is None else str(history.spec.deals.id)
    if column is not None and column not in names:
        raise ProspectError(
            f"{path} has no column {column!r}, the contract's id, by which a prospect finds its "
            "history"
        )
    given = (value for chunk in chunks for value in chunk.batch[column].to_pylist())
    return history.for_ids([level_text(value) for value in given if not is_missing(value)])


def _texts(name: str, column: pa.Array) -> list[str]:
    try:
        texts: list[Any] = column.cast(pa.string()).to_pylist()
    except pa.ArrowException as error:
        raise ProspectError(
            f"the column {name!r} cannot be shown as text: {error}. Remedy: leave out columns that "
            "are neither text, number, flag nor date."
        ) from error
    return ["" if text is None else text.strip() for text in texts]
