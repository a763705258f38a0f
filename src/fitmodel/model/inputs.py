"""What callers hold prospects in -> a mapping, a list of mappings or a pandas frame.

pandas, polars and pyarrow are asked for by their looks: none is imported for a caller who has none.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from fitmodel.exceptions import ProspectError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from pydantic import BaseModel

    One: TypeAlias = Mapping[str, Any] | pd.Series[Any] | BaseModel
    """One prospect."""


class ArrowTable(Protocol):
    """A table that Arrow can read: a polars DataFrame, a pyarrow Table, a result of DuckDB."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Give the columns, as Arrow's C stream interface says."""


class Given(NamedTuple):
    """Prospects as `FitModel.predict` works on them.

    Parameters
    ----------
    prospects : mapping, list or DataFrame
    give_back : callable
        Turns a scored DataFrame into the kind of table that was given.
    """

    prospects: Any
    give_back: Callable[[Any], Any]


def prospects_given(prospects: Any) -> Given:
    """Read prospects out of whatever holds them.

    Parameters
    ----------
    prospects : mapping, Series, pydantic model, dataclass, a sequence of these, or a table
        A table is a pandas or polars DataFrame, a pyarrow Table or RecordBatch, or anything else
        that has Arrow's C stream (``__arrow_c_stream__``).

    Raises
    ------
    ProspectError
        If it is none of these; the message says what to give.
    """
    if _is_pandas(prospects, "DataFrame"):
        return Given(prospects, _as_it_is)
    record = _record(prospects)
    if record is not None:
        return Given(record, _as_it_is)
    if hasattr(prospects, "__arrow_c_stream__") or hasattr(prospects, "__arrow_c_array__"):
        import pyarrow as pa

        arrow = pa.table(prospects)
        return Given(_pandas_of(arrow), _giver(prospects))
    if isinstance(prospects, Sequence) and not isinstance(prospects, str | bytes):
        records = (_record(item) for item in prospects)
        listed = [
            item if record is None else record
            for item, record in zip(prospects, records, strict=True)
        ]
        return Given(listed, _as_it_is)
    hint = " (of a LazyFrame, its collect())" if hasattr(prospects, "collect") else ""
    raise ProspectError(
        f"prospects are {type(prospects).__name__}; give a mapping (attribute to value), a "
        f"list of mappings or a pandas DataFrame, or a polars or pyarrow table{hint}"
    )


def _as_it_is(scored: Any) -> Any:
    return scored


def _is_pandas(value: Any, name: str) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, getattr(pandas, name))


def _record(prospect: Any) -> Mapping[str, Any] | None:
    """One prospect as a mapping; None where it is none."""
    if isinstance(prospect, Mapping):
        return prospect
    if _is_pandas(prospect, "Series"):
        return dict(prospect.items())
    if hasattr(type(prospect), "model_fields") and hasattr(prospect, "model_dump"):  # pydantic
        dumped: Mapping[str, Any] = prospect.model_dump()
        return dumped
    if dataclasses.is_dataclass(prospect) and not isinstance(prospect, type):
        fields = dataclasses.fields(prospect)
        return {field.name: getattr(prospect, field.name) for field in fields}
    return None


def _pandas_of(arrow: pa.Table) -> pd.DataFrame:
    """Columns as pandas knows them: exact decimals as numbers, days as days."""
    import pyarrow as pa

    from fitmodel.tables.files import floats_of

    for position, column in enumerate(arrow.schema):
        if pa.types.is_decimal(column.type):
            arrow = arrow.set_column(position, column.name, floats_of(arrow.column(position)))
    frame: pd.DataFrame = arrow.replace_schema_metadata(None).to_pandas(date_as_object=False)
    return frame


def _giver(given: Any) -> Callable[[pd.DataFrame], Any]:
    def give_back(scored: pd.DataFrame) -> Any:
        import pyarrow as pa

        table = pa.Table.from_pandas(scored, preserve_index=False)
        if type(given).__module__.partition(".")[0] == "polars":
            return sys.modules["polars"].from_arrow(table)
        return table

    return give_back
