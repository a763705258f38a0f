"""Read past deals: any honest table in, one clean table or one error that lists every fault out.

file or frame -> read_table -> find_faults -> convert the roles -> deals
"""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.validation import explain, find_faults
from fitmodel.deals.values import MISSING_TEXT, read_amounts, read_dates, read_flags
from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from fitmodel.deals.contract import DealSpec

SNIFF_BYTES = 65_536
SEPARATORS = ",;\t|"


def read_deals(source: str | Path | pd.DataFrame, spec: DealSpec) -> pd.DataFrame:
    """Read and validate past deals.

    Parameters
    ----------
    source : path or DataFrame
        CSV (plain or ``.gz``) or Parquet; a frame is copied, never changed.
    spec : DealSpec
        What the columns mean.

    Returns
    -------
    DataFrame
        The user's own columns. Dates of the roles are whole days, tenure and amount floats, the
        churn flag a bool; infinite numbers are missing. A frame keeps its index.

    Raises
    ------
    DealsError
        One error that lists every fault with column, count, example and remedy.
    """
    table = source.copy() if isinstance(source, pd.DataFrame) else read_table(source)
    _check_columns(table)
    faults = find_faults(table, spec)
    if faults:
        raise DealsError(explain(faults))
    return _converted(table, spec)


def _converted(table: pd.DataFrame, spec: DealSpec) -> pd.DataFrame:
    roles = spec.deals
    until = roles.observed_until if isinstance(roles.observed_until, str) else None
    for name in (roles.closed_on, roles.churned_on, roles.exited_on, until):
        if name is not None:
            table[name] = read_dates(table[name])[0]
    for name in (roles.tenure_months, roles.amount):
        if name is not None:
            table[name] = read_amounts(table[name])[0]
    if roles.churned is not None:
        table[roles.churned] = read_flags(table[roles.churned])[0]
    for name in table.columns:
        values = table[name]
        if not pd.api.types.is_float_dtype(values.dtype):
            continue
        if np.isinf(values.to_numpy(dtype=float, na_value=np.nan)).any():
            table[name] = values.where(np.isfinite(values))
    return table


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a CSV or Parquet file as it is; nothing is interpreted by a contract.

    Raises
    ------
    DealsError
        If there is no such file, or it is empty, not UTF-8, or has two columns of one name.
    """
    path = Path(path)
    if path.is_dir():
        raise DealsError(f"{path} is a folder. Remedy: name one CSV or Parquet file.")
    if not path.is_file():
        raise DealsError(f"there is no file {path}")
    if path.stat().st_size == 0:
        raise DealsError(f"{path} is empty. Remedy: export the deals again.")
    table = _read_parquet(path) if path.suffix.lower() == ".parquet" else _read_csv(path)
    _check_columns(table)
    if len(table) == 0:
        raise DealsError(f"{path} has a header but no rows. Remedy: export the deals again.")
    return table


def _read_parquet(path: Path) -> pd.DataFrame:
    import pyarrow as pa

    try:
        return pd.read_parquet(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise DealsError(f"{path} cannot be read as Parquet: {error}") from error


def _read_csv(path: Path) -> pd.DataFrame:
    header, separator = _sniff(path)
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DealsError(f"{path} has more than one column named {twice}. Remedy: rename them.")
    options: dict[str, Any] = {"decimal": "," if separator == ";" else "."}
    try:
        table: pd.DataFrame = pd.read_csv(
            path,
            sep=separator,
            encoding="utf-8-sig",
            keep_default_na=False,
            na_values=sorted(MISSING_TEXT),
            skipinitialspace=True,
            low_memory=False,
            **options,
        )
    except UnicodeDecodeError as error:
        raise _not_utf8(path, error) from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DealsError(f"{path} cannot be read as CSV: {error}") from error
    return table


def _sniff(path: Path) -> tuple[list[str], str]:
    """Header and separator, from the file's first bytes."""
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file:
            head = file.read(SNIFF_BYTES)
    except (gzip.BadGzipFile, EOFError) as error:
        raise DealsError(f"{path} is named .gz but is not gzip: {error}") from error
    try:
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # else the cut went through a character
            raise _not_utf8(path, error) from error
        text = head[: error.start].decode("utf-8-sig")
    first = next((line for line in text.splitlines() if line.strip()), "")
    if not first:
        raise DealsError(f"{path} holds nothing but blank lines. Remedy: export the deals again.")
    separator = max(SEPARATORS, key=first.count)
    header = next(csv.reader([first], delimiter=separator))
    return [name.strip() for name in header], separator


def _not_utf8(path: Path, error: UnicodeDecodeError) -> DealsError:
    return DealsError(
        f"{path} is not UTF-8 text: byte 0x{error.object[error.start]:02x} at position "
        f"{error.start}. Remedy: save it as 'CSV UTF-8'."
    )


def _check_columns(table: pd.DataFrame) -> None:
    names = [str(name) for name in table.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DealsError(f"the table has more than one column named {twice}. Remedy: rename them.")
