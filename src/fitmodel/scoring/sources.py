"""Scoring from any source to any sink: file, folder, pipe, database table or query."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitmodel.crm.prospects import open_history
from fitmodel.exceptions import SpecError
from fitmodel.renamed import old_function
from fitmodel.scoring._database_sink import DatabaseSink
from fitmodel.scoring._file_sink import FileSink, check_output, check_source
from fitmodel.scoring._folder_sink import FolderSink, check_folder
from fitmodel.scoring.batch import CHUNK_ROWS, BatchResult, count_rows, score_file, score_stream
from fitmodel.scoring.streams import Chunk, Source
from fitmodel.scoring.tables import PIPE, open_source
from fitmodel.tables.database_rows import open_rows
from fitmodel.tables.databases import is_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from fitmodel.crm.prospects import Given
    from fitmodel.model.fitmodel import FitModel
    from fitmodel.model.logged import AssessmentLog
    from fitmodel.scoring.streams import Sink


def score_source(
    source: str,
    model: FitModel,
    output: str,
    *,
    query: str | None = None,
    upsert: str | None = None,
    partition_by: str | None = None,
    reasons: int = 3,
    strict: bool = False,
    progress: Callable[[int], object] | None = None,
    language: str = "en",
    resume: bool = False,
    log: AssessmentLog | None = None,
    tables: Mapping[str, Given] | None = None,
    horizons: Sequence[int] = (),
) -> BatchResult:
    """Score every row of a source, and write it with the predictions to a sink.

    Parameters
    ----------
    source, output : str
        A file (see `score_file`) or the URL of a database (see `fitmodel.tables.databases`).
    model : FitModel
        Model that scores the rows.
    query : str, optional
        For a source that is a database: one SELECT, or ``@file.sql``.
    upsert : str, optional
        For an output that is a database: the column of the id by which rows are updated or added.
    partition_by : str, optional
        Column for each of whose values a folder of Parquet files is written; the output is then a
        folder. An output whose name ends with ``/`` is a folder too.
    reasons, strict, progress, language, log, tables, horizons
        As for `score_file`.
    resume : bool
        As for `score_file`; only for files.

    Raises
    ------
    SpecError
        If a query or an upsert is given for a file, or `resume` for a database or a folder.
    ProspectError, DatabaseError, DependencyError
        As raised by `score_file` and `open_database`.

    Examples
    --------
    >>> model = fitmodel.load("models/prospect-fit")
    >>> score_source("prospects.csv", model, "sqlite:///crm.db/scored").rows
    50
    """
    if query is not None and not is_database(source):
        raise SpecError(f"--query asks a database; {source} is a file. Remedy: give its URL.")
    if upsert is not None and not is_database(output):
        raise SpecError(f"--upsert changes rows of a database; {output} is a file.")
    options: dict[str, Any] = {
        "reasons": reasons,
        "strict": strict,
        "progress": progress,
        "language": language,
        "log": log,
        "horizons": horizons,
    }
    folder = is_folder(output, partition_by)
    if not (folder or is_database(source) or is_database(output)):
        return score_file(source, model, output, resume=resume, tables=tables, **options)
    if resume:
        raise SpecError(
            "--resume needs files: a query may give other rows, or another order, the second time, "
            "and a database or a folder takes all rows at once. Remedy: leave --resume out."
        )
    sink = _folder_sink(source, output, partition_by) if folder else _sink(output, upsert)
    with _source(source, query) as table:
        history = open_history(model.manifest, tables, table.schema.names)
        return score_stream(table, model, sink, history=history, **options)


def is_folder(output: str, partition_by: str | None) -> bool:
    """Return whether an output is a folder of Parquet files."""
    return partition_by is not None or (output.endswith("/") and not is_database(output))


def count_source_rows(source: str) -> int | None:
    """Return the number of rows of a Parquet file; None where it is not known beforehand."""
    return None if is_database(source) else count_rows(source)


score_places = old_function("score_places", score_source)
count_places = old_function("count_places", count_source_rows)


@contextmanager
def open_database(url: str, chunk_rows: int, *, query: str | None = None) -> Iterator[Source]:
    """Open a query or a table of a database as a source.

    Parameters and errors are those of `open_rows`.
    """
    with open_rows(url, chunk_rows, query=query) as (schema, batches):
        yield Source(schema, map(Chunk, batches))


@contextmanager
def _source(name: str, query: str | None) -> Iterator[Source]:
    if is_database(name):
        with open_database(name, CHUNK_ROWS, query=query) as source:
            yield source
        return
    check_source(name)
    with open_source(name, CHUNK_ROWS) as source:
        yield source


def _sink(name: str, upsert: str | None) -> Sink:
    if is_database(name):
        return DatabaseSink(name, upsert)
    check_output(name)
    return FileSink(Path(name) if name != "-" else name)


def _folder_sink(source: str, output: str, partition_by: str | None) -> FolderSink:
    if is_database(output) or output == PIPE:
        raise SpecError(f"--partition-by writes a folder of Parquet files; {output} is none.")
    folder = Path(output)
    check_folder(folder)
    if not is_database(source) and Path(source).resolve() in folder.resolve().parents:
        raise SpecError(
            f"{output} lies in the folder {source}, of which every file is input. Remedy: write "
            "it elsewhere."
        )
    return FolderSink(folder, partition_by)
