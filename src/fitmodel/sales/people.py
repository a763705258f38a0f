"""Names of reps as text, and a check that rows can be told apart."""

from __future__ import annotations

from typing import Any

import pandas as pd

from fitmodel.exceptions import DealsError

NO_NAME = "(no name)"
"""Of a deal without a rep, in tables."""


def names_of(column: pd.Series[Any]) -> pd.Series[str]:
    """People's names or numbers as text; a number read as 7.0, since others are missing, is 7."""
    values = pd.to_numeric(column, errors="coerce") if column.dtype.kind == "f" else None
    if values is not None and bool((values.dropna() % 1 == 0).all()):
        column = values.astype("Int64")
    return column.astype("str").where(column.notna())


def check_index(deals: pd.DataFrame) -> None:
    """Refuse rows that cannot be told apart.

    Raises
    ------
    DealsError
        Naming how many rows share an index with another, and one of them.
    """
    twice = deals.index.duplicated(keep=False)
    if twice.any():
        raise DealsError(
            f"{int(twice.sum())} rows share their index with another, e.g. "
            f"{deals.index[twice][0]!r}. Remedy: deals.reset_index(drop=True)."
        )
