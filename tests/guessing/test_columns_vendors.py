"""A vendor's export is recognised by its columns, and the outcome is read from the right ones."""

from __future__ import annotations

import tomllib

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.reading import read_deals
from fitmodel.guessing._columns import recognise_export
from fitmodel.guessing.guess import guess_spec
from tables import END, customers

EXPORTS = {  # columns of the export by their content
    "Stripe subscriptions": {
        "key": "id", "signed": "Created (UTC)", "left": "Ended At (UTC)", "status": "Status",
        "customer": "Customer ID", "other": ["Current Period Start (UTC)", "Start (UTC)"],
        "after": ["Current Period End (UTC)"], "half": ["Trial Start (UTC)", "Trial End (UTC)"],
        "words": ("active", "canceled"),
    },
    "Chargebee subscriptions": {
        "key": "subscription.id", "signed": "subscription.started_at",
        "left": "subscription.cancelled_at", "status": "subscription.status",
        "customer": "customer.id", "other": ["subscription.current_term_start"],
        "after": ["subscription.current_term_end", "subscription.next_billing_at"],
        "half": ["subscription.trial_end"], "words": ("active", "cancelled"),
    },
    "Recurly subscriptions": {
        "key": "uuid", "signed": "activated_at", "left": "expires_at", "status": "state",
        "customer": "account_code", "other": ["current_period_started_at"],
        "after": ["current_period_ends_at"], "half": ["trial_ends_at", "modified_at"],
        "words": ("active", "expired"),
    },
    "Zuora subscriptions": {
        "key": "Subscription: Subscription Number",
        "signed": "Subscription: Contract Effective Date",
        "left": "Subscription: Cancelled Date", "status": "Subscription: Status",
        "customer": "Account: Account Number", "other": ["Subscription: Term Start Date"],
        "after": ["Subscription: Term End Date"], "half": ["Subscription: Next Renewal Date"],
        "words": ("Active", "Cancelled"),
    },
    "WooCommerce subscriptions": {
        "key": "subscription_id", "signed": "start_date", "left": "end_date",
        "status": "subscription_status", "customer": "customer_id", "other": ["date_paid"],
        "after": ["next_payment_date"], "half": ["trial_end_date", "last_payment_date"],
        "words": ("wc-active", "wc-cancelled"),
    },
}  # fmt: skip


def export(title: str, rows: int = 200) -> pd.DataFrame:
    """An export with the vendor's names; half-filled dates precede the right one."""
    names, base = EXPORTS[title], customers(1, rows)
    rng = np.random.default_rng(2)
    gone = base["left"].notna()
    some_day = base["signed"] + pd.to_timedelta(rng.integers(1, 40, rows), "D")
    columns: dict[str, object] = {names["key"]: base["key"]}
    columns |= {name: some_day.where(rng.random(rows) < 0.5) for name in names["half"]}
    columns |= dict.fromkeys(names["other"], some_day)
    columns |= {name: END + pd.Timedelta(days=9) for name in names["after"]}
    columns |= {
        names["customer"]: [f"cus_{row:05}" for row in range(rows)],
        names["status"]: np.where(gone, names["words"][1], names["words"][0]),
        names["signed"]: base["signed"],
        names["left"]: base["left"],
        "Plan": base["plan"],
        "Quantity": base["seats"],
    }
    return pd.DataFrame(columns)


@pytest.mark.parametrize("title", list(EXPORTS))
def test_signing_and_leaving_are_taken_from_the_right_columns(title: str) -> None:
    names = EXPORTS[title]
    table = export(title)
    contract = tomllib.loads(guess_spec(table).toml)

    assert recognise_export(table.columns).title == title
    assert contract["deals"]["id"] == names["key"]
    assert contract["deals"]["closed_on"] == names["signed"]
    assert contract["deals"]["churned_on"] == names["left"]
    assert "churned" not in contract["deals"]  # every leaver has a date


@pytest.mark.parametrize("title", list(EXPORTS))
def test_columns_that_change_after_signing_are_not_attributes(title: str) -> None:
    table = export(title)
    spec = DealSpec(**tomllib.loads(guess_spec(table).toml))

    assert set(spec.attribute_names(table.columns)) == {"Plan", "Quantity"}


@pytest.mark.parametrize("title", list(EXPORTS))
def test_the_order_of_the_columns_does_not_matter(title: str) -> None:
    table = export(title)
    turned = guess_spec(table[table.columns[::-1]])

    assert tomllib.loads(turned.toml)["deals"] == tomllib.loads(guess_spec(table).toml)["deals"]


def test_a_price_is_per_month_if_the_interval_column_says_month() -> None:
    table = export("Stripe subscriptions").assign(Amount=99.0, Interval="month", Currency="eur")
    table.loc[::2, "Amount"] = 49.0
    deals = tomllib.loads(guess_spec(table).toml)["deals"]

    assert (deals["amount"], deals["amount_per"], deals["currency"]) == (
        "Amount",
        "month",
        "Currency",
    )


def test_prices_with_two_intervals_are_a_question() -> None:
    table = export("Stripe subscriptions").assign(Amount=99.0, Interval="month")
    table.loc[::2, ["Amount", "Interval"]] = [990.0, "year"]
    guess = guess_spec(table)

    assert "amount_per" not in tomllib.loads(guess.toml)["deals"]
    codes = [question.code for question in guess.questions]
    assert codes[0] == "several-periods"  # first, because it must be answered
    assert {"amount-unit", "amount-per-unit", "left-in-trial"} == set(codes[1:])


def test_an_unknown_table_is_not_recognised_as_an_export() -> None:
    assert recognise_export(customers().columns) is None


def test_hubspots_internal_names_are_recognised() -> None:
    columns = ["hs_object_id", "dealstage", "closedate", "hs_lastmodifieddate", "amount"]
    vendor = recognise_export(columns)

    assert vendor is not None
    assert vendor.title == "HubSpot deals"
    assert vendor.roles["closed_on"] == ("closedate",)


def test_deals_that_were_not_won_are_left_out_by_the_day_of_winning() -> None:
    """Lost deals in an export of Pipedrive have no won time, and here no status either."""
    base = customers(1, 300)
    won = np.arange(300) % 3 > 0
    table = pd.DataFrame(
        {
            "id": base["key"], "title": base["key"] + " deal", "stage": "x",
            "value": np.arange(300) * 10 + 600,
            "won_time": base["signed"].where(won), "lost_time": base["signed"].where(~won),
            "churn_date": base["left"].where(won),
        }
    )  # fmt: skip
    guess = guess_spec(table)
    spec = DealSpec(**tomllib.loads(guess.toml))
    assert spec.rows.drop == {"won_time": ("",)}
    assert "won_time' were not won and are not customers (100 of 300)" in guess.unsure[0]
    assert len(read_deals(table, spec)) == 200
