"""The name of a column suggests when its value becomes known."""

from __future__ import annotations

import pytest

from fitmodel.leakage.names import is_seller, suggests_later, suggests_protected


@pytest.mark.parametrize(
    "name",
    ["csat_90d", "NPS", "npsScore", "lastLoginDate", "last.login", "Last Seen", "total_charges",
     "TotalCharges", "total_paid", "cancellation_reason", "is_churned", "months_until_churn",
     "termination.cause", "exit_date", "duration", "tenure", "renewal_date", "lifetime_value",
     "support_tickets_90d", "refund_amount", "health score", "Customer health",
     "Open Cases", "days_since_last_login", "left_on",
     "lost reason", "months_active", "customerTenure"],
)  # fmt: skip
def test_names_of_events_of_customers_are_surely_later(name):
    assert suggests_later(name) == "surely"


@pytest.mark.parametrize(
    "name",
    ["usage", "data_usage_gb", "logins", "articles_viewed", "marketing_emails_clicked",
     "minutes_customer_support", "active_users", "calls_90d", "monthsSinceSigning"],
)  # fmt: skip
def test_names_of_events_possible_before_signing_are_maybe_later(name):
    assert suggests_later(name) == "maybe"


@pytest.mark.parametrize(
    "name",
    ["trial_usage", "demo_sessions", "expected_usage", "contract_duration", "call_duration",
     "auto_renewal", "autoRenewal", "cancellation_policy", "notice_period", "previous_churn",
     "existing_customer", "ticket_size", "support_plan", "premium_support", "tech_support",
     "last_touch_source", "last_funding_round", "monthly_charges", "channels", "left_handed",
     "landing_page", "first_contact_on", "contract_term_months", "discount", "months_since_founded",
     "lead_source", "trial_days", "seats", "plan", "payment_method"],
)  # fmt: skip
def test_names_of_values_known_before_signing_are_not_suspected(name):
    assert suggests_later(name) == "no"


@pytest.mark.parametrize(
    ("name", "protected"),
    [("gender", True), ("Sex", True), ("female", True), ("underwriting.age", True), ("age", True),
     ("SeniorCitizen", True), ("maritalStatus", True), ("nationality", True), ("religion", True),
     ("company_age", False), ("accountAge", False), ("page", False), ("usage", False),
     ("stage", False), ("essex", False), ("trace", False), ("manager", False)],
)  # fmt: skip
def test_protected_characteristics_are_recognised_by_name(name, protected):
    assert (suggests_protected(name) is not None) == protected


@pytest.mark.parametrize(
    ("name", "seller"),
    [("rep", True), ("sales_rep", True), ("OwnerName", True), ("account executive", True),
     ("account_manager", True), ("AccountManager", True), ("account managers", False),
     ("representative", True), ("report", False), ("home_owner_share", False), ("sales", False)],
)  # fmt: skip
def test_rep_columns_are_recognised_by_name(name, seller):
    assert is_seller(name) == seller
