"""Read the file of open prospects that the desk shows, again at each request.

file -> does it hold the model's attributes, is it short enough -> the same rows as CSV text

The browser reads the text as it reads an upload: one way for both.
"""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from fitmodel.exceptions import ProspectError
from fitmodel.model.row_encoder import missing_attributes
from fitmodel.scoring.compression import READERS
from fitmodel.scoring.tables import WORKBOOKS, kind_of, open_source
from fitmodel.tables.encodings import UTF8, detect_encoding

if TYPE_CHECKING:
    from pathlib import Path

    from fitmodel.model.fitmodel import FitModel
    from fitmodel.service.settings import Settings

CHUNK_ROWS = 10_000


@dataclass(frozen=True)
class Pipeline:
    """A file of prospects: CSV (plain or compressed), TSV or Parquet, told by its name.

    Parameters
    ----------
    path : Path
    limits : Settings
        As long as what a request may bring: the browser sends the rows back to be scored.
    """

    path: Path
    limits: Settings

    def check(self, model: FitModel) -> None:
        """Read it once.

        Raises
        ------
        ProspectError
            If it cannot be read, lacks an attribute of the model, or is too long.
        """
        if not self.path.is_file():
            raise ProspectError(f"there is no file {self.path}")
        with open_source(self.path, CHUNK_ROWS) as table:
            names = table.schema.names
            rows = sum(chunk.batch.num_rows for chunk in table.chunks)
        if not set(model.attributes) <= set(names):
            raise missing_attributes(model.attributes, names)
        if rows > self.limits.most_prospects:
            raise ProspectError(
                f"{self.path} has {rows:,} prospects, the desk shows {self.limits.most_prospects:,}"
                " at most. Remedy: give the open ones only, or use fitmodel score."
            )
        self.read_csv()

    def read_csv(self) -> bytes:
        """Give the file as CSV text in UTF-8, with its own separator.

        Raises
        ------
        ProspectError
            If it is longer than a request may be, or no CSV can be made of it.
        OSError
            If it is gone.
        """
        text = self._text()
        if len(text) > self.limits.most_bytes:
            raise ProspectError(
                f"{self.path} is longer than {self.limits.most_bytes:,} bytes. "
                "Remedy: give the open prospects only, or leave out columns."
            )
        return text

    def _text(self) -> bytes:
        kind, most = kind_of(self.path), self.limits.most_bytes + 1
        try:
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
                text: bytes = file.read(most)
            encoding = detect_encoding(text)
            if encoding not in {UTF8, None}:
                text = text.decode(encoding, errors="replace").encode()
        # a list has no place in a line of CSV; a file that is written anew may be cut short
        except (pa.ArrowException, EOFError, zlib.error) as error:
            raise ProspectError(
                f"{self.path} cannot be shown as a table: {error}. Remedy: see that it is whole, "
                "and leave out columns that are neither text, number, flag nor date."
            ) from error
        return text
