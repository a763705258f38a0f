"""Names of reps as text, and a check that the index of a table is unique."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from fitmodel.deals.contract import DealSpec

NO_NAME = "(no name)"
"""Name that tables show for the rep of a deal that has none."""


def names_of(column: pd.Series[Any]) -> pd.Series[str]:
    """
    Return names or numbers as text.

    A whole number that is stored as a float because other values are missing is written without
    decimals: 7.0 becomes "7".
    """
    values = pd.to_numeric(column, errors="coerce") if column.dtype.kind == "f" else None
    if values is not None and bool((values.dropna() % 1 == 0).all()):
        column = values.astype("Int64")
    return column.astype("str").where(column.notna())


def people_of(column: pd.Series[Any]) -> pd.Series[str]:
    """
    Return names of people; spellings that differ only in case or spaces are one person.

    The name is the most frequent spelling; among equally frequent spellings it is the first by
    code point. A name that consists of spaces only is missing.
    """
    positions, spellings = pd.factorize(names_of(column))
    names = pd.Series(spellings, dtype="str").str.split().str.join(" ")
    key = names.str.casefold().where(names != "")
    rows = np.bincount(positions[positions >= 0], minlength=len(names))
    by_spelling = pd.DataFrame({"key": key, "name": names, "n": rows})
    counts = by_spelling.groupby(["key", "name"])["n"].sum().reset_index()
    counts = counts.sort_values(["key", "n", "name"], ascending=[True, False, True])
    chosen = counts.drop_duplicates("key").set_index("key")["name"]
    people = key.map(chosen).astype("str").where(key.notna())
    spelled = people.reindex(positions).to_numpy()
    return pd.Series(spelled, column.index, dtype="str", name=column.name)


def same_person(one: object, other: object) -> bool:
    """Return whether two names are equal apart from case and spaces."""
    first, second = (" ".join(str(name).split()).casefold() for name in (one, other))
    return first == second


def spelled_as(names: pd.Series[str], known: pd.Series[str]) -> pd.Series[str]:
    """Return names from `people_of` in the spelling that another column has for the same people."""
    spelling = {name.casefold(): name for name in known.dropna().unique()}
    return names.map(lambda name: spelling.get(name.casefold(), name), na_action="ignore")


def people_in(deals: pd.DataFrame, spec: DealSpec, by: str) -> pd.Series[str]:
    """
    Return the rep or team of each deal; missing where none is given.

    Raises
    ------
    DealsError
        If the contract names no column for the rep or team.
    """
    column = spec.deals.rep if by == "rep" else spec.deals.team
    if column is None:
        raise DealsError(
            f'the contract names no {by}. Remedy: write {by} = "COLUMN" under [deals].'
        )
    return people_of(deals[column])


def check_index(deals: pd.DataFrame) -> None:
    """Refuse a table in which rows share an index value.

    Raises
    ------
    DealsError
        If the index is not unique; the message names how many rows share theirs, and one example.
    """
    is_duplicate = deals.index.duplicated(keep=False)
    if is_duplicate.any():
        raise DealsError(
            f"{int(is_duplicate.sum())} rows share their index with another, e.g. "
            f"{deals.index[is_duplicate].tolist()[0]!r}. Remedy: deals.reset_index(drop=True)."
        )
