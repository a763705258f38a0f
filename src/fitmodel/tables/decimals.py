"""Exact decimals of Parquet, databases and Spark as floats."""

from __future__ import annotations

from typing import TypeVar

import pyarrow as pa

_Column = TypeVar("_Column", pa.Array, pa.ChunkedArray)


def floats_of(decimals: _Column) -> _Column:
    """The nearest float of each decimal, as CSV text is read: 0.2 of DECIMAL(18, 6) is 0.2.

    Arrow's own cast divides by a power of ten that is no float, and rounds twice.
    """
    return decimals.cast(pa.string()).cast(pa.float64())
