"""Load Salesforce's field history and tasks with PyAirbyte, by a manifest of one's own.

pip install airbyte. What it writes is read by airbyte_salesforce.toml. The columns' names become
small letters.
"""

from __future__ import annotations

from pathlib import Path

import airbyte as ab


def load_salesforce(database: str, instance_url: str, token: str, manifest: Path) -> None:
    """Load both tables into the schema crm of a DuckDB database."""
    source = ab.get_source(
        "source-salesforce-history",
        source_manifest=manifest,
        config={"instance_url": instance_url, "token": token},
    )
    source.select_all_streams()
    source.read(cache=ab.caches.DuckDBCache(db_path=database, schema_name="crm"))
