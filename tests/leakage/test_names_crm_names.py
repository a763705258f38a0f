"""Columns that a CRM keeps updating are distinguished from attributes, in two exports."""

from __future__ import annotations

import tomllib

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.reading import read_deals
from fitmodel.guessing.guess import Guess, guess_spec
from fitmodel.leakage.audit import audit
from fitmodel.leakage.names import is_updated_by_crm, suggests_later

ROWS = 60
HUBSPOT = {
    "role": {"Record ID": "id", "Close Date": "closed_on", "Churn Date": "churned_on",
             "Deal owner": "rep", "HubSpot Team": "team", "Annual contract value": "amount"},
    "changing": ["Number of times contacted", "Number of Sales Activities", "Last Contacted",
                 "Last Activity Date", "Next Activity Date", "Last Modified Date", "Days to close",
                 "Deal Stage", "Deal probability", "Forecast category", "Forecast amount",
                 "Weighted amount", 'Time in "Contract sent (Sales Pipeline)" (HH:mm:ss)',
                 'Date entered "Demo scheduled (Sales Pipeline)"', "Is Closed Won", "Deal Score",
                 "Number of Pageviews", "Number of Form Submissions", "Lifecycle Stage",
                 "Lead Status", "Became a Customer Date", "Closed Won Reason",
                 "Owner Assigned Date", "Latest Traffic Source", "Recent deal amount",
                 "Recent deal close date", "num_contacted_notes", "notes_last_updated",
                 "hs_lastmodifieddate",
                 "hs_deal_stage_probability", "hs_time_in_closedwon", "Updated by user ID"],
    "known": ["Industry", "Number of Employees", "Annual Revenue", "Original Traffic Source",
              "Number of Associated Contacts", "Discount", "Seats", "Amount in company currency",
              "Number of demo meetings", "Sales activities before signing", "Funding stage"],
}  # fmt: skip
SALESFORCE = {
    "role": {"Opportunity ID": "id", "CloseDate": "closed_on", "Churn_Date__c": "churned_on",
             "Opportunity Owner": "rep", "Amount": "amount"},
    "changing": ["StageName", "Probability (%)", "ForecastCategoryName", "ExpectedRevenue",
                 "IsClosed", "IsWon", "LastModifiedDate", "SystemModstamp", "LastActivityDate",
                 "LastModifiedById", "LastStageChangeInDays", "PushCount", "LastViewedDate",
                 "LastReferencedDate", "LastAmountChangedHistoryId", "HasOpenActivity",
                 "HasOverdueTask", "NextStep", "FiscalYear", "Number of Activities",
                 "Calls_Logged__c", "Loss Reason", "Open Cases", "Number of Renewals"],
    "known": ["LeadSource", "Account.Industry", "Account.NumberOfEmployees", "AnnualRevenue",
              "TotalOpportunityQuantity", "Discount__c", "Contract_Term__c", "BillingCountry",
              "AccountSource", "Rating", "Budget Confirmed", "MainCompetitors__c", "CreatedDate"],
}  # fmt: skip
EXPORTS = pytest.mark.parametrize("export", [HUBSPOT, SALESFORCE], ids=["hubspot", "salesforce"])


def made_up(export: dict) -> pd.DataFrame:
    """A table with an export's headers: dates for names of dates, otherwise small numbers."""
    rng = np.random.default_rng(0)
    signed = pd.date_range("2023-01-01", periods=ROWS, freq="7D")
    left = pd.Series(signed + pd.to_timedelta(rng.integers(20, 400, ROWS), "D"))
    content = {
        "id": [f"D{1000 + 7 * row}" for row in range(ROWS)],
        "closed_on": signed,
        "churned_on": left.where(rng.random(ROWS) < 0.5),
        "rep": rng.choice(["Kim", "Lee"], ROWS),
        "team": rng.choice(["north", "south"], ROWS),
        "amount": rng.uniform(1_000, 9_000, ROWS).round(2),
    }
    others = {name: rng.integers(1, 9, ROWS) for name in [*export["changing"], *export["known"]]}
    roles = {name: content[role] for name, role in export["role"].items()}
    return pd.DataFrame(others | roles)  # roles last: the order of columns must not matter


def guessed(export: dict) -> tuple[dict, Guess]:
    guess = guess_spec(made_up(export))
    return tomllib.loads(guess.toml), guess


@EXPORTS
def test_the_roles_of_an_export_are_found_among_similar_columns(export):
    contract, _ = guessed(export)

    roles = contract["deals"]
    assert roles.pop("observed_until")
    assert roles.pop("amount_per", None) == ("year" if "Record ID" in export["role"] else None)
    assert {name: role for role, name in roles.items()} == export["role"]


@EXPORTS
def test_columns_updated_by_the_crm_are_left_out_and_attributes_are_kept(export):
    contract, _ = guessed(export)

    assert sorted(contract["attributes"]["exclude"]) == sorted(export["changing"])


@EXPORTS
def test_left_out_columns_are_reported_once_per_reason(export):
    _, guess = guessed(export)
    texts = [text for text in guess.unsure if text.startswith("left out")]

    assert len(texts) <= len({text.split(":")[0] for text in texts})
    assert all(f"{name!r}" in " ".join(texts) for name in export["changing"])


@EXPORTS
def test_each_column_name_is_recognised_alone(export):
    for name in export["changing"]:
        assert is_updated_by_crm(name) or suggests_later(name) != "no", name
    for name in [*export["known"], *export["role"]]:
        assert not is_updated_by_crm(name), name


def test_the_annual_revenue_of_a_customer_is_not_guessed_as_the_amount():
    table = made_up(SALESFORCE)
    alone = table.drop(columns="Amount").drop(columns=["ExpectedRevenue"])
    guess = guess_spec(alone)

    assert "amount" not in tomllib.loads(guess.toml)["deals"]
    assert "'AnnualRevenue' looks like the turnover of the customer's company" in " ".join(
        guess.unsure
    )
    assert 'amount = "Amount"' in guess_spec(table).toml


def test_the_audit_warns_of_a_counter_used_as_an_attribute():
    table = made_up(HUBSPOT)
    spec = DealSpec(
        deals={"closed_on": "Close Date", "churned_on": "Churn Date",
               "observed_until": "2026-06-30"},
        attributes={"include": ["Industry", "Number of times contacted"]},
    )  # fmt: skip
    result = audit(read_deals(table, spec), spec).to_frame().set_index("attribute")

    assert result.loc["Number of times contacted", "verdict"] == "warn"
    assert "a CRM keeps changing it" in result.loc["Number of times contacted", "evidence"]
    assert result.loc["Industry", "verdict"] == "fine"
