"""The open pipeline: a file of prospects, read as a table or as CSV text, whole or of one rep."""

from __future__ import annotations

import csv
import io
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from fitmodel.exceptions import ProspectError
from fitmodel.scoring.in_memory import history_of_file, read_prospects
from fitmodel.scoring.streams import READERS, with_history
from fitmodel.scoring.tables import WORKBOOKS, kind_of, open_source
from fitmodel.tables.csv_form import find_top
from fitmodel.tables.opening import UTF8, detect_encoding
from fitmodel.tables.values import today

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fitmodel.crm.requests import RequestHistory
    from fitmodel.loading import ModelHolder
    from fitmodel.model.fitmodel import FitModel
    from fitmodel.scoring.in_memory import ProspectTable
    from fitmodel.service.settings import Person, Settings

CHUNK_ROWS = 10_000


@dataclass(frozen=True)
class Pipeline:
    """A file of prospects: CSV (plain or compressed), TSV, Parquet or Excel, by its suffix.

    `limits`: limits of the service; those of a request apply to the file too.
    `history`, callable: returns the history tables of the model in use; attributes that rows lack
        are computed from them.
    """

    path: Path
    limits: Settings
    history: Callable[[], RequestHistory] | None = None

    def stamp(self) -> tuple[int, int]:
        """Return a stamp that changes when the file changes: modification time and size.

        Raises ProspectError if the file does not exist.
        """
        if not self.path.is_file():
            raise ProspectError(f"there is no file {self.path}")
        status = self.path.stat()
        return status.st_mtime_ns, status.st_size

    def check(self, model: FitModel) -> None:
        """Check that the file can be read, as a table and as text.

        Raises ProspectError if it cannot be read, lacks an attribute of the model, or is too long.
        """
        self.read(model)
        self.read_csv()

    def read(self, model: FitModel) -> ProspectTable:
        """Read the file as a table that the model can score.

        Raises ProspectError if it cannot be read, lacks an attribute of the model, or has more
        prospects than a request may have.
        """
        self.stamp()
        table = read_prospects(self.path, model, None if self.history is None else self.history())
        if len(table) > self.limits.max_prospects:
            raise ProspectError(
                f"{self.path} has {len(table):,} prospects, the desk shows "
                f"{self.limits.max_prospects:,} at most. Remedy: give the open ones only, or use "
                "fitmodel score."
            )
        return table

    def read_csv(self) -> bytes:
        """Return the file as CSV text in UTF-8, with its own separator.

        Raises ProspectError if it is longer than a request may be, or cannot be converted to CSV.
        Raises OSError if the file does not exist.
        """
        text = self._text()
        if len(text) > self.limits.max_bytes:
            raise ProspectError(
                f"{self.path} is longer than {self.limits.max_bytes:,} bytes. "
                "Remedy: give the open prospects only, or leave out columns."
            )
        return text

    def _text(self) -> bytes:
        kind, max_length = kind_of(self.path), self.limits.max_bytes + 1
        try:
            if (attached := self._with_history()) is not None:
                return attached
            if kind == ".parquet":
                lines = io.BytesIO()
                pacsv.write_csv(pq.read_table(self.path), lines)
                return lines.getvalue()
            if kind in WORKBOOKS:
                lines = io.BytesIO()
                with open_source(self.path, CHUNK_ROWS) as table:
                    batches = [chunk.batch for chunk in table.chunks]
                    pacsv.write_csv(pa.Table.from_batches(batches, table.schema), lines)
                return lines.getvalue()
            with READERS[kind](self.path) if kind in READERS else self.path.open("rb") as file:
                text: bytes = file.read(max_length)
            encoding = detect_encoding(text)
            if encoding not in {UTF8, None}:
                text = text.decode(encoding, errors="replace").encode()
        # A list cannot be written as CSV; a file may be incomplete while it is being replaced.
        except (pa.ArrowException, EOFError, zlib.error) as error:
            raise ProspectError(
                f"{self.path} cannot be shown as a table: {error}. Remedy: see that it is whole, "
                "and leave out columns that are neither text, number, flag nor date."
            ) from error
        return text

    def _with_history(self) -> bytes | None:
        """Return the rows with the attributes from their history; None if they need none."""
        history = None if self.history is None else self.history()
        if history is None or history.spec is None:
            return None
        with open_source(self.path, CHUNK_ROWS) as table:
            if history.columns <= set(table.schema.names):
                return None
            chunks = list(table.chunks)
        known = history_of_file(self.path, chunks, tuple(table.schema.names), history)
        completed = with_history(iter(chunks), known, today())
        lines = io.BytesIO()
        plain = pacsv.WriteOptions(delimiter=table.separator)
        for position, chunk in enumerate(completed):
            batch = _with_commas(chunk.known) if table.decimal_comma else chunk.known
            plain.include_header = position == 0
            pacsv.write_csv(batch, lines, plain)
        return lines.getvalue()

    def read_for(self, person: Person, rep: str | None) -> bytes:
        """Return the rows that a person may see, as CSV text; the cells are as in the file.

        `person`: the user; a manager may see all rows.
        `rep`: name of the column with the rep; without it a rep sees no row.
        """
        if not person.is_rep:
            return self.read_csv()
        header, rows, separator = self._rows()
        position = header.index(rep) if rep in header else None
        own = (
            [] if position is None else [row for row in rows if _belongs_to(row, position, person)]
        )
        text = io.StringIO()
        csv.writer(text, delimiter=separator, lineterminator="\n").writerows([header, *own])
        return text.getvalue().encode()

    def ids_of(self, person: Person, column: str | None, rep: str | None) -> frozenset[str]:
        """Return the ids of a rep's prospects; `column` has the ids, `rep` the reps."""
        header, rows, _ = self._rows()
        if column not in header or rep not in header:
            return frozenset()
        name, position = header.index(column), header.index(rep)
        return frozenset(row[name].strip() for row in rows if _belongs_to(row, position, person))

    def values_of(self, column: str) -> set[str]:
        """Return the different values of a column as text; none if there is no such column."""
        header, rows, _ = self._rows()
        position = header.index(column) if column in header else None
        return set() if position is None else {row[position].strip() for row in rows} - {""}

    def _rows(self) -> tuple[list[str], list[list[str]], str]:
        """Return the header, the rows with as many cells as the header, and the separator."""
        lines = self.read_csv().decode("utf-8-sig", errors="replace").splitlines(keepends=True)
        top = find_top(lines)
        if top is None:
            return [], [], ","
        separator = "\t" if kind_of(self.path) == ".tsv" else top.separator
        table = io.StringIO("".join(lines[top.lines :]))  # below the titles, as it is scored
        header, *rows = filter(None, csv.reader(table, delimiter=separator))
        names = [name.strip() for name in header]
        return names, [row for row in rows if len(row) == len(names)], separator


def _with_commas(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return numbers with a decimal comma, as in the rest of the table.

    1.125 is written as 1,1250, because 1,125 could be read as one thousand one hundred and 25.
    """
    for position, column in enumerate(batch.schema):
        if pa.types.is_floating(column.type):
            texts = [_with_comma(value) for value in batch.column(position).to_pylist()]
            batch = batch.set_column(position, column.name, pa.array(texts, pa.string()))
    return batch


def _with_comma(value: float | None) -> str | None:
    if value is None:
        return None
    integer, _, decimals = f"{value:.12f}".rstrip("0").partition(".")
    return f"{integer},{decimals}0" if decimals else integer


def _belongs_to(row: list[str], position: int, person: Person) -> bool:
    return person.may_see(row[position].strip())


def may_see(person: Person, prospect: str, pipeline: Pipeline | None, holder: ModelHolder) -> bool:
    """Return whether a user may see the assessments of a prospect and the decisions on it."""
    if not person.is_rep:
        return True
    roles = holder.model.manifest.get("spec", {}).get("deals", {})
    if pipeline is None:
        return False
    return prospect in pipeline.ids_of(person, roles.get("id"), roles.get("rep"))
