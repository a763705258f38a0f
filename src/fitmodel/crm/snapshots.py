"""Store daily snapshots of the open pipeline: one Parquet file per day, written atomically.

today's pipeline -> all columns as text, with the day -> temporary file -> renamed into the store
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fitmodel.exceptions import DealsError
from fitmodel.tables.atomic import file_lock, sync_folder, workspace, write_file
from fitmodel.tables.cells import is_missing, level_text
from fitmodel.tables.values import today

if TYPE_CHECKING:
    from datetime import date

DAY = "snapshot_on"
"""Name of the column with the day of the snapshot."""
LOCK = ".lock"


@dataclass(frozen=True)
class Snapshot:
    """Result of storing a snapshot.

    Attributes
    ----------
    path : Path
        Path of the snapshot's file.
    rows : int
        Number of rows of the snapshot in the store: of the earlier one, if that was kept.
    was_there : bool
        Whether the store already had a snapshot of this day. It is kept unless `replace` is set.
    days : int
        Number of snapshots in the store.
    """

    path: Path
    rows: int
    was_there: bool
    days: int


def keep_snapshot(
    pipeline: pd.DataFrame,
    store: str | Path,
    id_column: str,
    *,
    day: date | None = None,
    replace: bool = False,
) -> Snapshot:
    """Store today's pipeline, once a day.

    Parameters
    ----------
    pipeline : DataFrame
        Open prospects, or all deals, one per row.
    store : path
        Folder of the store; created if necessary.
    id_column : str
        Column with the deals' ids.
    day : date, optional
        Day of the pipeline; by default today (in UTC).
    replace : bool
        Whether to replace a snapshot of the same day; by default it is kept.

    Returns
    -------
    Snapshot
        Path and size of the snapshot, and the number of snapshots.

    Raises
    ------
    DealsError
        If the id column does not exist, or an id is empty or occurs twice.

    Notes
    -----
    Writers wait for each other. A file appears complete or not at all, whatever stops its writer.
    What a killed writer leaves behind is in a hidden folder, which readers ignore and a later
    writer removes. All columns are text, so that days whose columns have different types form one
    table.
    """
    _check(pipeline, id_column)
    snapshot_day = today() if day is None else day
    folder = Path(store)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{snapshot_day.isoformat()}.parquet"
    with file_lock(folder / LOCK, wait=True):
        was_there = path.exists()
        if replace or not was_there:
            _write(pipeline, path, snapshot_day)
        rows = pq.read_metadata(path).num_rows
        days = len(list(folder.glob("*.parquet")))
    return Snapshot(path, rows, was_there, days)


def _check(pipeline: pd.DataFrame, id_column: str) -> None:
    """Raise an error if the ids are not usable."""
    if id_column not in pipeline.columns:
        names = ", ".join(map(str, pipeline.columns))
        raise DealsError(f"there is no column {id_column!r} of ids; there are {names}")
    if DAY in pipeline.columns:
        raise DealsError(
            f"the pipeline has a column {DAY!r}, a name that the store needs. Remedy: rename it"
        )
    ids = pipeline[id_column]
    empty = [position for position, value in enumerate(ids) if is_missing(value)]
    if empty:
        raise DealsError(
            f"{id_column}: {len(empty):,} of {len(ids):,} row(s) have no id, for example row "
            f"{empty[0]}. Remedy: give every prospect its id"
        )
    texts = pd.Series([level_text(value) for value in ids])
    repeated = texts[texts.duplicated()]
    if len(repeated):
        raise DealsError(
            f"{id_column}: {len(repeated):,} row(s) repeat the id of an earlier row, for example "
            f"{repeated.iloc[0]!r}. Remedy: keep one row per prospect"
        )


def _write(pipeline: pd.DataFrame, path: Path, day: date) -> None:
    """Write a snapshot to a temporary file and rename it."""
    columns = {str(name): _as_text(pipeline[name]) for name in pipeline.columns}
    days = pa.array([day] * len(pipeline), pa.date32())
    table = pa.table({**columns, DAY: days})
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer)
    with workspace(path.parent) as folder:
        write_file(folder / path.name, buffer.getvalue().to_pybytes())
        (folder / path.name).replace(path)
    sync_folder(path.parent)


def _as_text(values: pd.Series[Any]) -> pa.Array:
    texts = (None if is_missing(value) else level_text(value) for value in values.astype(object))
    return pa.array(list(texts), pa.string())
