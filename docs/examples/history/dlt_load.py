"""Load the history of deals with dlt: Salesforce's field history, HubSpot's versions, daily deals.

pip install "dlt[duckdb]". What it writes is read by dlt_salesforce.toml, dlt_hubspot.toml and
dlt_scd2.toml. The file of a DuckDB database must not have the name of the dataset.

    warehouse = dlt.destinations.duckdb("warehouse.duckdb")
    pipeline = dlt.pipeline("crm", destination=warehouse, dataset_name="crm")
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import dlt
from dlt.sources.rest_api import rest_api_source

Records = Iterable[dict[str, Any]]


def load_salesforce(pipeline: dlt.Pipeline, changes: Records, tasks: Records) -> None:
    """Load records of Salesforce as its API gives them; those that are there already count once.

    With simple-salesforce: ``client.query_all_iter("SELECT Id, OpportunityId, Field, OldValue,
    NewValue, CreatedDate FROM OpportunityFieldHistory")``, and the same of Task and Event.
    """
    texts = {name: {"data_type": "text"} for name in ("OldValue", "NewValue")}  # of any type
    tables = (("opportunity_field_history", changes, texts), ("task", tasks, {}))
    for name, records, columns in tables:
        rows = ({key: row[key] for key in row if key != "attributes"} for row in records)
        pipeline.run(
            dlt.resource(
                rows, name=name, primary_key="Id", write_disposition="merge", columns=columns
            )
        )


def load_hubspot(pipeline: dlt.Pipeline, url: str, token: str, properties: str) -> None:
    """Load all versions of some properties of all deals, from https://api.hubapi.com."""
    resource = {
        "name": "deal_property_history",
        "write_disposition": "replace",
        "columns": {"value": {"data_type": "text"}},
        "endpoint": {
            "path": "crm/v3/objects/deals",
            "params": {"propertiesWithHistory": properties, "limit": 50},
            "data_selector": "results",
        },
        "processing_steps": [{"yield_map": versions}],
    }
    client = {
        "base_url": url,
        "auth": {"type": "bearer", "token": token},
        "paginator": {"type": "json_link", "next_url_path": "paging.next.link"},
    }
    pipeline.run(rest_api_source({"client": client, "resources": [resource]}))


def versions(deal: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a row for each version of each property of a deal."""
    for name, rows in deal["propertiesWithHistory"].items():
        for row in rows:
            yield {"deal_id": deal["id"], "property": name, **row}


def load_daily(pipeline: dlt.Pipeline, deals: Records, day: str) -> None:
    """Keep all deals of today as versions (SCD2); every night, since no CRM keeps what it was."""
    kept: Any = {"disposition": "merge", "strategy": "scd2", "boundary_timestamp": day}
    pipeline.run(dlt.resource(deals, name="deals_history", write_disposition=kept))
