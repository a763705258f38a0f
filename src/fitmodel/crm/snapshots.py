"""A store of daily snapshots of the open pipeline: one Parquet file a day, written whole.

today's pipeline -> all columns as text, the day beside them -> a draft -> renamed into the store
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
"""Column of the day on which a snapshot was taken."""
LOCK = ".lock"


@dataclass(frozen=True)
class Snapshot:
    """Result of storing a snapshot.

    Attributes
    ----------
    path : Path
    rows : int
    was_there : bool
        Whether the store had one of this day already, which stays as it is.
    days : int
        Snapshots in the store now.
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
    """Keep today's pipeline in a store, once a day.

    Parameters
    ----------
    pipeline : DataFrame
        Open prospects, or all deals, one a row.
    store : path
        A folder; made where there is none.
    id_column : str
        Column of the deals' ids.
    day : date, optional
        The day of the pipeline; today (of UTC) without it.
    replace : bool
        Write over a snapshot of the same day. Without it the first one stays.

    Returns
    -------
    Snapshot

    Raises
    ------
    DealsError
        If there is no such column, an id is empty or there twice, or there are no rows.

    Notes
    -----
    Writers wait for each other. A file appears whole or not at all, whatever stops its writer; what
    a killed one leaves behind lies in a hidden folder, which readers do not see and a later writer
    removes. All columns are text, so that days whose columns differ in type are one table.
    """
    _check(pipeline, id_column)
    taken = today() if day is None else day
    folder = Path(store)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{taken.isoformat()}.parquet"
    with file_lock(folder / LOCK, wait=True):
        was_there = path.exists()
        if replace or not was_there:
            _write(pipeline, path, taken)
        days = len(list(folder.glob("*.parquet")))
    return Snapshot(path, len(pipeline), was_there, days)


def _check(pipeline: pd.DataFrame, id_column: str) -> None:
    if id_column not in pipeline.columns:
        names = ", ".join(map(str, pipeline.columns))
        raise DealsError(f"there is no column {id_column!r} of ids; there are {names}")
    if DAY in pipeline.columns:
        raise DealsError(f"the pipeline has a column {DAY!r}, which the store writes. Rename it.")
    ids = pipeline[id_column]
    empty = [position for position, value in enumerate(ids) if is_missing(value)]
    if empty:
        raise DealsError(
            f"{id_column}: {len(empty):,} of {len(ids):,} row(s) have no id, for example row "
            f"{empty[0]}. Remedy: give every prospect its id"
        )
    texts = pd.Series([level_text(value) for value in ids])
    twice = texts[texts.duplicated()]
    if len(twice):
        raise DealsError(
            f"{id_column}: {len(twice):,} row(s) repeat the id of an earlier row, for example "
            f"{twice.iloc[0]!r}. Remedy: keep one row per prospect"
        )


def _write(pipeline: pd.DataFrame, path: Path, taken: date) -> None:
    columns = {str(name): _as_text(pipeline[name]) for name in pipeline.columns}
    days = pa.array([taken] * len(pipeline), pa.date32())
    table = pa.table({**columns, DAY: days})
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer)
    with workspace(path.parent) as draft:
        write_file(draft / path.name, buffer.getvalue().to_pybytes())
        (draft / path.name).replace(path)
    sync_folder(path.parent)


def _as_text(values: pd.Series[Any]) -> pa.Array:
    texts = (None if is_missing(value) else level_text(value) for value in values.astype(object))
    return pa.array(list(texts), pa.string())
