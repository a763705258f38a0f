"""Reading of a folder of Parquet files as one table, even if the files have different schemas.

files -> type of each column over all files and folder names -> chunks of rows in these types

Arrow alone applies the first file's columns and types to all files: a column that only later files
have is lost, an integer column refuses a fraction, and a time with a zone becomes a time in UTC.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.dataset as pads
from pyarrow.fs import FileSelector, LocalFileSystem

from fitmodel.exceptions import ProspectError

if TYPE_CHECKING:
    pass

UNIT = "us"  # for timestamps of several units: holds every date, and loses no precision in use


def open_folder(path: str | Path) -> tuple[pads.Dataset, dict[str, list[str]]]:
    """Return the table of a folder, and the columns that some files lack, with these files.

    Raises
    ------
    ProspectError
        If there is no file, or no single type can hold all values of a column.
    """
    files = pads.dataset(path, format="parquet")
    if not files.files:
        raise ProspectError(f"the folder {path} holds no Parquet file. Remedy: name another.")
    keys = _keys(path)
    own = {part.path: part.physical_schema for part in files.get_fragments()}
    schema = _common_schema(own, keys)
    table = pads.dataset(path, schema=schema, format="parquet", partitioning="hive")
    return table, _lacking(own, set(keys.names))


def _keys(path: str | Path) -> pa.Schema:
    """Return the columns that come from folder names such as ``region=EMEA``."""
    root = str(Path(path).absolute())
    options = pads.FileSystemFactoryOptions(
        partitioning=pads.HivePartitioning.discover(), partition_base_dir=root
    )
    selector = FileSelector(root, recursive=True)
    files = pads.ParquetFileFormat()
    factory = pads.FileSystemDatasetFactory(LocalFileSystem(), selector, files, options)
    return factory.inspect_schemas()[-1]


def _lacking(own: dict[str, pa.Schema], keys: set[str]) -> dict[str, list[str]]:
    every = set().union(*(schema.names for schema in own.values())) - keys
    return {
        name: [file for file, schema in own.items() if name not in schema.names]
        for name in sorted(every)
        if not all(name in schema.names for schema in own.values())
    }


def _common_schema(own: dict[str, pa.Schema], keys: pa.Schema) -> pa.Schema:
    """Return every column of any file, each with a type that holds the values of all files."""
    types_of: dict[str, dict[pa.DataType, str]] = {}
    for file, schema in own.items():
        for item in schema:
            if item.name not in keys.names:  # a folder's name has priority over a file's column
                types_of.setdefault(item.name, {}).setdefault(item.type, file)
    first = next(iter(own.values()))
    fields = [pa.field(name, _common_type(name, kinds)) for name, kinds in types_of.items()]
    return pa.schema([*fields, *keys], first.metadata)


def _common_type(name: str, kinds: dict[pa.DataType, str]) -> pa.DataType:
    """Return one type for the values of several types; text if no other type holds them all."""
    if len(kinds) == 1:
        return next(iter(kinds))
    nested = [kind for kind in kinds if pa.types.is_nested(kind)]
    if nested:
        other = next(kind for kind in kinds if kind != nested[0])
        raise ProspectError(
            f"{name} is {nested[0]} in {kinds[nested[0]]} and {other} in {kinds[other]}. Remedy: "
            "write these files again with one type."
        )
    plain = [kind.value_type if pa.types.is_dictionary(kind) else kind for kind in kinds]
    times = _common_time([kind for kind in plain if not pa.types.is_null(kind)])
    if times is not None:
        return times
    try:
        whole = [pa.schema([(name, kind)]) for kind in plain]
        return pa.unify_schemas(whole, promote_options="permissive").field(name).type
    except pa.ArrowTypeError:
        return pa.string()


def _common_time(kinds: list[pa.DataType]) -> pa.DataType | None:
    """Return a type for timestamps of one zone, or without zone and dates; None for others."""
    if not all(pa.types.is_timestamp(kind) or pa.types.is_date(kind) for kind in kinds):
        return None
    zones = {kind.tz if pa.types.is_timestamp(kind) else None for kind in kinds}
    if len(zones) != 1 or len(set(kinds)) == 1:
        return None
    return pa.timestamp(UNIT, zones.pop())
