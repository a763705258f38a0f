"""Write Arrow batches as CSV text, with quotes only where they are needed.

pyarrow's own writer quotes every text, which would change each line of a table that is only
meant to grow by some columns.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

OFFSETS, TEXT = 1, 2  # buffers of a string array


def csv_lines(batch: pa.RecordBatch, separator: str) -> memoryview:
    """Text of the rows, UTF-8, each line ended by a newline; a null is an empty field."""
    columns = [_quoted(as_text(column), separator) for column in batch.columns]
    columns[-1] = join([columns[-1], ""], "\n")
    return text_of(join(columns, separator))


def text_of(lines: pa.Array) -> memoryview:
    """Texts one after the other, as they stand in the array's own memory."""
    if not len(lines):
        return memoryview(b"")
    offsets = np.frombuffer(lines.buffers()[OFFSETS], dtype=np.int64)
    first, last = offsets[lines.offset], offsets[lines.offset + len(lines)]
    return memoryview(lines.buffers()[TEXT])[first:last]


def as_text(column: pa.Array) -> pa.Array:
    """A column as text; lists and structures as JSON."""
    if pa.types.is_nested(column.type):
        values = [None if value is None else _as_json(value) for value in column.to_pylist()]
        return pa.array(values, pa.large_string())
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.cast(pa.large_string())


def _as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _quoted(text: pa.Array, separator: str) -> pa.Array:
    special = pc.match_substring_regex(text, f'["\r\n{re.escape(separator)}]')
    if not pc.any(special).as_py():
        return text
    escaped = pc.replace_substring(text, '"', '""')
    return pc.if_else(special, join(['"', escaped, '"'], ""), text)


def join(parts: Sequence[pa.Array | str], between: str) -> pa.Array:
    """Texts of a row as one; a null is an empty text."""
    kind = pa.large_string()
    texts = [pa.scalar(part, kind) if isinstance(part, str) else part for part in parts]
    return pc.binary_join_element_wise(
        *texts, pa.scalar(between, kind), null_handling="replace", null_replacement=""
    )
