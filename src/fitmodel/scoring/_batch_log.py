"""Write a batch to the decision log, chunk by chunk, before any output appears.

chunk and what was said of it -> ids -> who of the flagged may proceed -> rows of the log
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

import pyarrow as pa

from fitmodel.exceptions import ProspectError
from fitmodel.model.logged import id_column, id_error, log_assessments
from fitmodel.scoring._chunks import chunk_frame

if TYPE_CHECKING:
    from fitmodel.model.fitmodel import FitModel
    from fitmodel.model.logged import AssessmentLog
    from fitmodel.scoring._streams import Chunk, Source


class _Row(NamedTuple):
    """What the log keeps of a row's predictions; the names are their columns'."""

    early_churn_probability: float
    poor_fit: bool
    fit: str
    model_version: str


class BatchLog:
    """Appends the assessments of a table's chunks, in their order.

    What a batch that broke off has appended stays: it was said, though nobody was shown it.

    Parameters
    ----------
    log : AssessmentLog
    model : FitModel
    table : Source

    Raises
    ------
    ProspectError
        If the model's contract names no id, or the table has no such column.
    """

    def __init__(self, log: AssessmentLog, model: FitModel, table: Source) -> None:
        name = id_column(model)
        if name is None:
            raise ProspectError(
                "the model's contract names no id, without which nothing can be logged. Remedy: "
                "name it as id in [deals] and train again, or leave --log out."
            )
        if name not in table.schema.names:
            raise ProspectError(
                f"the table has no column {name!r}, the contract's id, without which nothing can "
                f"be logged; it has {', '.join(table.schema.names)}. Remedy: add it, or leave "
                "--log out."
            )
        self._log, self._model, self._id = log, model, name
        self._decimal_comma = table.decimal_comma

    def append(self, chunk: Chunk, columns: dict[str, pa.Array]) -> pa.Array:
        """Log what was said of a chunk; give whether each row may proceed, null where none was.

        Parameters
        ----------
        chunk : Chunk
        columns : dict of str to pyarrow.Array
            Predictions of its rows.

        Raises
        ------
        ProspectError
            If a row that was scored has no id.
        """
        scored = columns["error"].is_null().to_pylist()
        ids = chunk.batch.column(self._id).to_pylist()
        self._check_ids(ids, scored)
        frame, _ = chunk_frame(chunk, self._model, decimal_comma=self._decimal_comma)
        table = frame[list(self._model.attributes)]
        values = cast("list[dict[str, Any]]", table.to_dict("records"))
        prospects = [
            {**item, self._id: name}
            for name, item, kept in zip(ids, values, scored, strict=True)
            if kept
        ]
        every = zip(*(columns[name].to_pylist() for name in _Row._fields), strict=True)
        said = [_Row(*row) for row, kept in zip(every, scored, strict=True) if kept]
        allowed = iter(log_assessments(self._log, self._model, prospects, said))
        return pa.array([next(allowed) if kept else None for kept in scored], pa.bool_())

    def _check_ids(self, ids: list[object], scored: list[bool]) -> None:
        missing = sum(
            kept and id_error(name, self._id) is not None
            for name, kept in zip(ids, scored, strict=True)
        )
        if missing:
            raise ProspectError(
                f"{missing} prospect(s) have no {self._id!r} that is text or a number, without "
                "which an assessment cannot be logged. Nothing was written. Remedy: give it, or "
                "leave --log out."
            )
