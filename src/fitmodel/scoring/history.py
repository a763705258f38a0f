"""Attach the attributes of their history to the chunks of a batch, for the model to read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from fitmodel.crm.prospects import ProspectHistory
    from fitmodel.scoring.streams import Chunk


def with_history(
    chunks: Iterator[Chunk], history: ProspectHistory | None, as_of: date
) -> Iterator[Chunk]:
    """Yield the chunks with what the model is to read of them; what is written does not change."""
    for chunk in chunks:
        yield chunk if history is None else _attached(chunk, history, as_of)


def _attached(chunk: Chunk, history: ProspectHistory, as_of: date) -> Chunk:
    """One chunk with the attributes of its rows' history."""
    batch = chunk.batch
    names = [name for name in history.needs if name in batch.schema.names]
    frame = batch.select(names).replace_schema_metadata(None).to_pandas()
    found = history.attached_to(frame, as_of)
    for name in history.columns:
        values = pa.Array.from_pandas(found[name])
        place = batch.schema.get_field_index(name)
        batch = (
            batch.append_column(name, values)
            if place < 0
            else batch.set_column(place, name, values)
        )
    return replace(chunk, attached=batch)
