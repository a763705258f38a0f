"""The examples in docs/examples/history: every vendor's format gives the same values."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from fitmodel.crm.reading import open_deals
from fitmodel.deals.contract import DealSpec

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "history"
VENDORS = ("salesforce", "hubspot", "scd2", "fivetran")


def _attached(vendor, monkeypatch):
    monkeypatch.chdir(EXAMPLES)
    return open_deals("deals.csv", DealSpec.from_toml(f"{vendor}.toml")).file.table


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_values_are_those_before_the_closing_day(vendor, monkeypatch):
    table = _attached(vendor, monkeypatch)

    assert table["Seats__c"].tolist() == [40, 12, 20]  # today 2, 12 and 25
    assert table["StageName"].tolist() == ["Closed Won"] * 3  # [rows] selects by this column
    assert table["StageName_as_of"].tolist() == ["Proposal", "Proposal", "Qualification"]
    assert table["Seats__c_changes"].tolist() == [1, 0, 0]
    assert table["StageName_changes"].tolist() == [1, 3, 0]
    assert table["StageName_returned"].tolist() == [0, 1, 0]
    assert table["StageName_days_unchanged"].tolist() == [28, 13, 50]


def test_salesforces_activities_are_counted_before_closing(monkeypatch):
    table = _attached("salesforce", monkeypatch)

    assert table["activities_count_14d"].tolist() == [0, 3, 0]
    assert table["activities_people_90d"].tolist() == [1, 3, 0]
    assert table["activities_days_since_last"].tolist() == [18, 2, 365]
    assert table["activities_email_count_90d"].tolist() == [1, 2, 0]


def test_hubspots_history_is_flattened_by_the_example():
    path = EXAMPLES / "hubspot_flatten.py"
    spec = importlib.util.spec_from_file_location("hubspot_flatten", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = (EXAMPLES / "hubspot_history.csv").read_text(encoding="utf-8").splitlines()

    rows = list(module.rows_of((EXAMPLES / "hubspot_deals.json").read_text(encoding="utf-8")))

    assert [",".join(row) for row in rows] == written[1:]


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_examples_give_no_findings_about_bad_rows(vendor, monkeypatch):
    monkeypatch.chdir(EXAMPLES)
    opened = open_deals("deals.csv", DealSpec.from_toml(f"{vendor}.toml"))

    findings = [str(finding) for finding in opened.file.findings]

    assert all("left out" not in text and "not known" not in text for text in findings), findings
