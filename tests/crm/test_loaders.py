"""The guides for dlt and PyAirbyte: the files they write give the expected attributes.

The packages pin other versions and are normally not installed here; tests that need them are
skipped. Files that dlt wrote once are in docs/examples/history/dlt and are always tested.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from fitmodel.crm.reading import open_deals
from fitmodel.deals.contract import DealSpec

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "history"
DLT = EXAMPLES / "dlt"


def _check(deals_table, *, has_events):
    assert deals_table["Seats__c"].tolist() == [40, 12, 20]
    assert deals_table["StageName_as_of"].tolist() == ["Proposal", "Proposal", "Qualification"]
    assert deals_table["StageName_returned"].tolist() == [0, 1, 0]
    assert deals_table["StageName_days_unchanged"].tolist() == [28, 13, 50]
    if has_events:
        assert deals_table["activities_count_14d"].tolist() == [0, 3, 0]
        assert deals_table["activities_people_90d"].tolist() == [1, 3, 0]


def _attached(contract, tables=None):
    spec = DealSpec.from_toml(EXAMPLES / contract)
    return open_deals(EXAMPLES / "deals.csv", spec, tables).file.table


def _example(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class _Vendor(BaseHTTPRequestHandler):
    """Answer like the vendors, with the recorded files."""

    answers: ClassVar = {
        "Task": "salesforce_tasks.json",
        "OpportunityFieldHistory": "salesforce_field_history.json",
        "propertiesWithHistory": "hubspot_deals.json",
    }

    def do_GET(self):
        name = next(file for mark, file in self.answers.items() if mark in self.path)
        body = (EXAMPLES / name).read_bytes()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Log nothing."""


@pytest.fixture
def vendor():
    with HTTPServer(("127.0.0.1", 0), _Vendor) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def pipeline(tmp_path, monkeypatch):
    dlt = pytest.importorskip("dlt", reason="dlt is not installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    return dlt.pipeline(
        "crm",
        destination=dlt.destinations.duckdb("warehouse.duckdb"),
        dataset_name="crm",
        pipelines_dir=str(tmp_path / "pipelines"),
    )


def _records(name):
    return json.loads((EXAMPLES / name).read_text(encoding="utf-8"))["records"]


@pytest.mark.parametrize(
    ("contract", "names"),
    [
        (
            "dlt_salesforce.toml",
            {"fields": "opportunity_field_history", "activities": "task"},
        ),
        ("dlt_hubspot.toml", {"fields": "deal_property_history"}),
    ],
)
def test_the_parquet_files_that_dlt_wrote_are_read(contract, names):
    tables = {name: DLT / folder for name, folder in names.items()}

    _check(_attached(contract, tables), has_events="activities" in names)


def test_salesforce_records_loaded_twice_by_dlt_count_once(pipeline):
    for _ in range(2):
        _example("dlt_load").load_salesforce(
            pipeline,
            _records("salesforce_field_history.json"),
            _records("salesforce_tasks.json"),
        )

    _check(_attached("dlt_salesforce.toml"), has_events=True)


def test_hubspot_versions_are_loaded_by_dlt(pipeline, vendor):
    _example("dlt_load").load_hubspot(pipeline, vendor, "secret", "StageName,Seats__c")

    _check(_attached("dlt_hubspot.toml"), has_events=False)


def test_dlt_stores_daily_deals_as_versions(pipeline):
    with (EXAMPLES / "scd2.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    days = {row[key] for row in rows for key in ("dbt_valid_from", "dbt_valid_to")} - {""}
    for day in sorted(days):
        known = [
            {name: row[name] for name in ("opportunity_id", "StageName", "Seats__c")}
            for row in rows
            if row["dbt_valid_from"] <= day < (row["dbt_valid_to"] or "9999")
        ]
        _example("dlt_load").load_daily(pipeline, known, day.replace(" ", "T"))

    _check(_attached("dlt_scd2.toml"), has_events=False)


@pytest.mark.skipif(
    "FITMODEL_AIRBYTE_PYTHON" not in os.environ,
    reason="airbyte cannot be installed beside our pins: FITMODEL_AIRBYTE_PYTHON names the Python "
    "of an environment that has it",
)
def test_salesforce_records_are_loaded_by_pyairbyte_with_a_manifest(vendor, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    manifest = shutil.copy(EXAMPLES / "airbyte_salesforce.yaml", tmp_path)
    shutil.copy(EXAMPLES / "airbyte_load.py", tmp_path)
    script = (
        "import pathlib, airbyte_load\n"
        f"airbyte_load.load_salesforce('airbyte.duckdb', {vendor!r}, 'secret', "
        f"pathlib.Path({manifest!r}))\n"
    )
    alone = {**os.environ, "AIRBYTE_OFFLINE_MODE": "1", "DO_NOT_TRACK": "1", "PYTHONPATH": ""}

    python = os.environ["FITMODEL_AIRBYTE_PYTHON"]
    subprocess.run([python, "-c", script], env=alone, check=True)  # noqa: S603 - our own

    _check(_attached("airbyte_salesforce.toml"), has_events=True)
