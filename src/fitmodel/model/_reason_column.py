"""Column type for the reasons of a scored frame, which Arrow can write.

A cell is a list of `Reason`, whose sentences are made when they are read. In Parquet, polars or
Spark a cell is a list of structs: attribute, value (as JSON), contribution, sentence.
"""

from __future__ import annotations

import builtins
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray, ExtensionDtype, register_extension_dtype, take

from fitmodel.model.inputs import reasons_type

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray


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

    Parameters
    ----------
    cells : ndarray of object, shape (prospects,)
        A list of `Reason` or None in each cell.
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
