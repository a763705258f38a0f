"""Databases: connections, URLs, errors in plain words, and rows of tables and queries."""

from __future__ import annotations

from fitmodel.tables._database_addresses import (
    Address,
    connected,
    explained,
    is_database,
    quoted,
    read_address,
)
from fitmodel.tables._database_rows import open_rows, read_query, read_rows

__all__ = [
    "Address",
    "connected",
    "explained",
    "is_database",
    "open_rows",
    "quoted",
    "read_address",
    "read_query",
    "read_rows",
]
