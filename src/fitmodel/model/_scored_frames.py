"""Scored frames: the column of reasons, checks of the prospects, and frames of few rows.

A cell of the column is a list of `Reason`, whose sentences are made when they are read. In Parquet,
polars or Spark it is a list of structs: attribute, value (as JSON), contribution, sentence.
"""

from __future__ import annotations

import builtins
import json
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray, ExtensionDtype, register_extension_dtype, take

from fitmodel.deals.vocabulary import LEFT_OUT
from fitmodel.exceptions import ProspectError
from fitmodel.learning.columns import MISSING, NumberColumn
from fitmodel.model.inputs import PREDICTED, empty_warning, reasons_type
from fitmodel.model.scorer import day_or_none
from fitmodel.tables.cells import row_name, shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import pyarrow as pa
    from numpy.typing import NDArray

    from fitmodel.model.assessment import Assessment
    from fitmodel.model.scorer import Scorer

MAX_OUTSIDE_SHARE = 0.2  # of dates outside the range of all past deals, without a warning
SHOWN = 5  # how many kinds of lost rows a warning lists
FEW_ROWS = 4  # rows: with more than about this, whole columns are as fast
_TEXTS = ("fit", "model_version", "worth")


@register_extension_dtype
class ReasonsDtype(ExtensionDtype):
    """The type of a column of reasons."""

    name = "reasons"
    type = list
    na_value = None

    @classmethod
    def construct_array_type(cls) -> builtins.type[ReasonsArray]:
        """Return the array class of this type."""
        return ReasonsArray


class ReasonsArray(ExtensionArray):
    """One list of `Reason` for each prospect; None where a row could not be scored.

    `cells`, ndarray of object, shape (prospects,): a list of `Reason` or None in each cell.
    """

    def __init__(self, cells: NDArray[np.object_]) -> None:
        self._cells = cells

    @property
    def dtype(self) -> ReasonsDtype:
        """The column's type."""
        return ReasonsDtype()

    @property
    def nbytes(self) -> int:
        """Size of the references in bytes, without the reasons, which share most of their data."""
        return int(self._cells.nbytes)

    def __len__(self) -> int:
        return len(self._cells)

    def __getitem__(self, item: Any) -> Any:
        from pandas.api.indexers import check_array_indexer

        cells = self._cells[check_array_indexer(self, item)]
        return ReasonsArray(cells) if isinstance(cells, np.ndarray) else cells

    def __setitem__(self, key: Any, value: Any) -> None:
        self._cells[key] = np.asarray(value) if isinstance(value, ReasonsArray) else value

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[np.object_]:
        """Return an array with one list in each cell; numpy would build two dimensions."""
        del dtype
        return self._cells.copy() if copy else self._cells

    def __eq__(self, other: object) -> Any:
        others = other if isinstance(other, ReasonsArray) else [other] * len(self)
        return np.fromiter(
            (mine == theirs for mine, theirs in zip(self, others, strict=True)),
            dtype=bool,
            count=len(self),
        )

    __hash__ = None  # type: ignore[assignment]  # an array cannot be hashed

    @classmethod
    def _from_sequence(
        cls, scalars: Sequence[Any], *, dtype: Any = None, copy: bool = False
    ) -> ReasonsArray:
        del dtype, copy
        if isinstance(scalars, ReasonsArray):
            return scalars
        cells: NDArray[np.object_] = np.empty(len(scalars), dtype=object)
        for position, cell in enumerate(scalars):
            if cell is not None and not isinstance(cell, list | tuple):
                raise TypeError(f"{cell!r} is not a list of reasons")
            cells[position] = cell
        return cls(cells)

    def _cast_pointwise_result(self, values: Any) -> Any:
        """Return the result of a `map` with its own type: pandas would try reasons first."""
        return pd.Series(values, dtype=object).infer_objects().array

    @classmethod
    def _from_factorized(cls, values: Any, original: Any) -> ReasonsArray:
        del original
        return cls._from_sequence(values)

    @classmethod
    def _concat_same_type(cls, to_concat: Sequence[ReasonsArray]) -> ReasonsArray:
        return cls(np.concatenate([np.asarray(part) for part in to_concat]))

    def isna(self) -> NDArray[np.bool_]:
        """Return which rows have no reasons because they could not be scored."""
        return np.fromiter((cell is None for cell in self._cells), bool, count=len(self))

    def take(
        self, indices: Any, *, allow_fill: bool = False, fill_value: Any = None
    ) -> ReasonsArray:
        """Return the rows at these indices; with `allow_fill`, index -1 gives a missing cell."""
        del fill_value
        rows = np.asarray(indices, dtype=np.intp)
        cells: Any = take(self._cells, rows, allow_fill=allow_fill)
        if allow_fill:
            cells[rows == -1] = None
        return ReasonsArray(cells)

    def copy(self) -> ReasonsArray:
        """Return a copy of the column with the same reasons, which are never changed."""
        return ReasonsArray(self._cells.copy())

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        """Return the lists as objects, or another type: as text, the `str` of each list."""
        if dtype in {object, np.dtype(object)}:
            return self._cells.copy()
        return super().astype(dtype, copy=copy)

    def _formatter(self, boxed: bool = False) -> Any:
        del boxed
        return str

    def __arrow_array__(self, type: Any = None) -> pa.Array:  # noqa: A002 - Arrow's own name
        """Return the reasons as an Arrow array of lists of structs."""
        import pyarrow as pa

        return pa.array([_structs(cell) for cell in self._cells], type or reasons_type())


def _structs(reasons: Any) -> list[dict[str, Any]] | None:
    if reasons is None:
        return None
    listed = [reason.to_dict() for reason in reasons]
    return [each | {"value": json.dumps(each["value"], ensure_ascii=False)} for each in listed]


def reasons_column(listed: Sequence[Any]) -> ReasonsArray:
    """Return a column of the given lists of reasons."""
    cells: NDArray[np.object_] = np.empty(len(listed), dtype=object)
    cells[:] = [list(reasons) for reasons in listed] or None
    return ReasonsArray(cells)


def without_lost(predictions: pd.DataFrame, lost: dict[int, str]) -> pd.DataFrame:
    """Return the predictions without those of lost rows, and warn of these rows.

    Columns of yes/no become the type "boolean", which allows missing values.

    `lost`: from the position of each lost row to why it is lost, as
        `fitmodel.deals.vocabulary.LostRows.of_table` returns it.
    """
    if not lost:
        return predictions
    kinds = Counter(why.removeprefix(LEFT_OUT) for why in lost.values()).most_common(SHOWN)
    listed = "; ".join(f"{count:,}: {why}" for why, count in kinds)
    warnings.warn(
        f"{len(lost):,} of {len(predictions):,} row(s) get no prediction, because they are no "
        f"prospects any more ({listed}). Remedy: leave such rows out.",
        UserWarning,
        stacklevel=5,
    )
    emptied = predictions.copy()
    for name in emptied.columns:
        column = emptied[name]
        if column.dtype == bool:
            column = column.astype("boolean")
        emptied[name] = column.mask(np.isin(np.arange(len(emptied)), list(lost)))
    return emptied


def warn_of_today(
    scorer: Scorer, days_of: Mapping[int, NDArray[np.float64]], note: str | None
) -> None:
    """Warn if many dates counted back from today are outside the range of the past deals.

    `days_of`: from the position of each date attribute to the days between that date and today.
    `note`: start of the warning; None if the dates are not counted back from today.
    """
    if note is None:
        return
    for position, days in days_of.items():
        column, known = scorer.scorecard.columns[position], ~np.isnan(days)
        if known.any() and isinstance(column, NumberColumn):
            outside_share = float(column.outside(days[known]).mean())
            if outside_share > MAX_OUTSIDE_SHARE:
                warnings.warn(
                    f"{note} {outside_share:.0%} of the dates in {column.name!r} then lie beyond "
                    "those of all past deals.",
                    UserWarning,
                    stacklevel=5,
                )
                return


def warn_of_empty(scorer: Scorer, codes: NDArray[np.int32]) -> None:
    """Warn about attributes that no prospect of a table has, although most past deals had them."""
    missing = (codes == MISSING).all(axis=0)
    names = scorer.scorecard.attributes
    empty = {name for name, is_empty in zip(names, missing, strict=True) if is_empty}
    if warning := empty_warning(scorer.scorecard, empty, len(codes)):
        warnings.warn(warning, UserWarning, stacklevel=5)


def refuse_unreadable(
    table: pd.DataFrame, unreadable: Mapping[str, NDArray[np.bool_]], lost: dict[int, str]
) -> None:
    """Refuse values that cannot be read, except in lost rows, which get no prediction.

    Raises ProspectError if there are such values; the message has column, count, example and
    remedy.
    """
    lines = []
    for name, rows in unreadable.items():
        unread = [row for row in np.flatnonzero(rows).tolist() if row not in lost]
        if unread:
            lines.append(
                f"  {name}: {len(unread)} value(s) cannot be read, for example "
                f"{shown(table[name].iloc[unread[0]])} in {row_name(table.index[unread[0]])}"
            )
    if lines:
        raise ProspectError(
            "text stands where the model learned numbers or dates:\n"
            + "\n".join(lines)
            + "\nRemedy: write plain numbers (1234.5) and ISO dates, or leave empty what is not "
            "known."
        )


def predict_few(
    scorer: Scorer, table: pd.DataFrame, reasons: int, as_of: date | None, language: str
) -> pd.DataFrame | None:
    """Return the predictions of a short table, scored row by row; None if that is not possible.

    It is not possible for a long table, or for one with an error or a lost row: the column-wise
    path raises errors that name columns and rows, and warns about lost rows.
    """
    if not 0 < len(table) <= FEW_ROWS or not table.columns.is_unique:
        return None
    roles = (scorer.amount, scorer.closed_on, *scorer.lost.columns)
    wanted = {*scorer.scorecard.attributes, *roles}
    columns = {name: table[name].tolist() for name in table.columns if name in wanted}
    if not columns:  # the column-wise path names every attribute that is missing
        return None
    day = day_or_none(as_of)
    try:
        assessed = [
            scorer.assess(dict(zip(columns, row, strict=True)), reasons, day, language)
            for row in zip(*columns.values(), strict=True)
        ]
    except ProspectError:
        return None
    return _frame(assessed, table.index, with_reasons=reasons > 0)


def _frame(assessed: list[Assessment], index: pd.Index, *, with_reasons: bool) -> pd.DataFrame:
    names = [name for name in PREDICTED if with_reasons or name != "reasons"]
    values = {name: [getattr(each, name) for each in assessed] for name in names}
    columns: dict[str, Any] = {
        name: np.asarray(listed)
        for name, listed in values.items()
        if name not in _TEXTS and name != "reasons"
    }
    # One array for all texts, since making an array takes longer than scoring a prospect.
    texts = pd.array([text for name in _TEXTS for text in values[name]], dtype="str")
    for position, name in enumerate(_TEXTS):
        columns[name] = texts[position * len(assessed) : (position + 1) * len(assessed)]
    if with_reasons:
        columns["reasons"] = reasons_column([list(each) for each in values["reasons"]])
    return pd.DataFrame({name: columns[name] for name in names}, index=index)
