"""Write the history of HubSpot's deals as rows: a deal, a property, a value and a time each.

The input is what GET /crm/v3/objects/deals?propertiesWithHistory=... gives.
"""

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path


def rows_of(text: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield a row for each version of each property."""
    for deal in json.loads(text)["results"]:
        for name, versions in deal["propertiesWithHistory"].items():
            for version in versions:
                yield deal["id"], name, version["value"], version["timestamp"]


if __name__ == "__main__":
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["deal_id", "property", "value", "timestamp"])
    writer.writerows(rows_of(Path(sys.argv[1]).read_text(encoding="utf-8")))
