"""Tables of a contract that are in a database, read into frames for the attributes of history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from fitmodel.scoring._database_source import open_database
from fitmodel.scoring.database import is_database

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from fitmodel.crm.prospects import Given
    from fitmodel.deals.contract import DealSpec

__all__ = ["database_tables"]
ROWS = 100_000


def database_tables(
    spec: DealSpec, given: Mapping[str, Given] | None = None
) -> Mapping[str, Given] | None:
    """Read the tables whose place is a database's URL.

    Parameters
    ----------
    spec : DealSpec
    given : mapping of str to DataFrame or path, optional
        In place of tables of the contract; these are not read.

    Returns
    -------
    mapping or None
        What is given, and a frame for each table in a database; `given` itself where none is.

    Raises
    ------
    DatabaseError, DependencyError
        If a database cannot be read.
    """
    sections: dict[str, Any] = {**spec.history, **spec.events}
    read = {
        name: _read(section.table, section.query)
        for name, section in sections.items()
        if is_database(section.table) and name not in (given or {})
    }
    return {**(given or {}), **read} if read else given


def _read(url: str, query: str | None) -> pd.DataFrame:
    with open_database(url, ROWS, query=query) as source:
        batches = [chunk.batch for chunk in source.chunks]
        frame: pd.DataFrame = pa.Table.from_batches(batches, source.schema).to_pandas()
        return frame
