"""Attach the attributes of their history to the chunks of a batch, for the model to read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from fitmodel.crm.columns import columns_of
from fitmodel.crm.prospects import contract_of, open_history
from fitmodel.exceptions import SpecError
from fitmodel.scoring.crm_tables import database_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from fitmodel.crm.prospects import Given, ProspectHistory
    from fitmodel.model.fitmodel import FitModel
    from fitmodel.scoring.streams import Chunk


def refuse_history(model: FitModel) -> None:
    """Refuse to go on with a batch whose history may have changed since it began.

    Raises
    ------
    SpecError
    """
    if contract_of(model.manifest) is not None:
        raise SpecError(
            "--resume needs a model without [history.*] and [events.*]: these tables may have "
            "changed since the run that was interrupted. Remedy: leave --resume out."
        )


def history_for(
    model: FitModel, tables: Mapping[str, Given] | None, present: list[str]
) -> ProspectHistory | None:
    """The tables of a model's contract, from files or databases, where prospects need them.

    Raises
    ------
    SpecError, DealsError, DatabaseError
        As `fitmodel.crm.prospects.open_history` and `database_tables`.
    """
    spec = contract_of(model.manifest)
    needed = spec is not None and not set(columns_of(spec)) <= set(present)
    if spec is not None and needed:
        tables = database_tables(spec, tables)
    return open_history(model.manifest, tables, present)


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
