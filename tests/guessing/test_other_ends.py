"""Customers who stopped, or never began, in another way than by leaving are asked about."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.guessing.questions import find_questions
from tables import customers

SPEC = DealSpec(
    deals={"closed_on": "signed", "churned_on": "left", "observed_until": "2025-12-31"},
)


def codes(table: pd.DataFrame) -> dict[str, str]:
    return {doubt.code: doubt.column for doubt in find_questions(table, SPEC)}


@pytest.mark.parametrize(
    "name", ["Downgraded to free on", "Reversal date", "Storniert am", "降级日期", "Cancelled on"]
)
def test_a_date_of_another_end_instead_of_leaving_is_asked_about(name: str) -> None:
    table = customers(2)
    gone = table["left"].notna()
    instead = gone & (np.arange(len(table)) % 4 == 0)
    table[name] = table["left"].where(instead)
    table["left"] = table["left"].mask(instead)

    assert codes(table)["another-end"] == name


@pytest.mark.parametrize("name", ["Renewal date", "Last login", "Next invoice", "Go-live date"])
def test_dates_of_customers_who_are_still_there_are_not(name: str) -> None:
    table = customers(2)
    table[name] = (table["signed"] + pd.Timedelta(days=365)).where(table["left"].isna())
    assert "another-end" not in codes(table)


def test_two_dates_of_one_leaving_are_no_other_end() -> None:
    table = customers(2)
    table["Suspended on"] = table["left"] - pd.Timedelta(days=10)
    assert "another-end" not in codes(table)


@pytest.mark.parametrize(
    ("name", "yes", "no"),
    [("Cancelled within cooling-off period", "Yes", "No"), ("Widerrufen", "ja", "nein"),
     ("クーリングオフ", "はい", "いいえ")],
)  # fmt: skip
def test_withdrawn_contracts_are_asked_about(name: str, yes: str, no: str) -> None:
    table = customers(3)
    withdrawn = np.arange(len(table)) % 11 == 0
    table.loc[withdrawn, "left"] = table.loc[withdrawn, "signed"] + pd.Timedelta(days=9)
    table[name] = np.where(withdrawn, yes, no)

    assert codes(table)["never-began"] == name
    assert "never-began" not in codes(table.assign(**{name: no}))


@pytest.mark.parametrize(
    "name", ["Transferred to account", "Merged into", "Successor contract no", "后续合同", "移行先"]
)
def test_leavers_with_another_contract_are_asked_about(name: str) -> None:
    table = customers(4)
    moved = table["left"].notna() & (np.arange(len(table)) % 5 == 0)
    ids = pd.Series([f"A-{row}" for row in range(len(table))])
    table[name] = ids.where(moved)

    assert codes(table)["no-real-leaving"] == name
    anybody = table.assign(**{name: ids.where(np.arange(len(table)) % 5 == 0)})
    assert "no-real-leaving" not in codes(anybody)


@pytest.mark.parametrize(
    "test", ["Test Account {}", "demo-company {}", "测试客户{}", "テスト会社{}"]
)
def test_customers_named_like_tests_are_asked_about(test: str) -> None:
    table = customers(5)
    names = [test.format(row) if row % 20 == 0 else f"Firm {row}" for row in range(len(table))]
    assert codes(table.assign(**{"Account Name": names}))["rows-marked"] == "Account Name"


def test_firms_that_test_things_are_customers() -> None:
    table = customers(5)
    kinds = ("Stiftung Warentest {}", "Test & Measure {} Ltd", "Contest {}", "Demotech {}")
    names = [kinds[row % 4].format(row) for row in range(len(table))]
    assert "rows-marked" not in codes(table.assign(**{"Account Name": names}))


@pytest.mark.parametrize(
    ("name", "gone", "stays"),
    [("Converted to paid", "No", "Yes"), ("有料転換", "未", "済"),
     ("Offer", "1-month pilot", "Standard")],
)  # fmt: skip
def test_a_value_whose_customers_left_at_once_is_asked_about(
    name: str, gone: str, stays: str
) -> None:
    table = customers(6, 500)
    trial = np.arange(len(table)) % 9 == 0
    table.loc[trial, "left"] = table.loc[trial, "signed"] + pd.Timedelta(days=30)
    table[name] = np.where(trial, gone, stays)

    assert codes(table)["never-began"] == name


def test_a_kind_of_customer_that_often_leaves_early_is_not() -> None:
    """Two thirds leave within two months: that is what the model is for."""
    table = customers(7, 500)
    rng = np.random.default_rng(3)
    bad = np.arange(len(table)) % 9 == 0
    early = bad & (rng.random(len(table)) < 0.67)
    table.loc[early, "left"] = table.loc[early, "signed"] + pd.Timedelta(days=40)
    table["Need"] = np.where(bad, "payroll", "other")
    assert "never-began" not in codes(table)
    assert "never-began" not in codes(customers(8, 500))


def test_a_reason_of_those_who_left_soon_is_not() -> None:
    table = customers(9, 500)
    stay = (table["left"] - table["signed"]).dt.days
    table["Reason"] = np.where(stay < 50, "Payment failed", "Price")
    table["Reason"] = table["Reason"].where(table["left"].notna())
    assert "never-began" not in codes(table)


@pytest.mark.parametrize("name", ["Internal sandbox", "QA test", "Training demo", "test test"])
def test_names_of_internal_accounts_are_tests(name: str) -> None:
    table = customers(5, 200)
    table["company"] = [f"{name}" if row < 6 else f"Firm {row}" for row in range(len(table))]
    assert codes(table)["rows-marked"] == "company"


def test_firms_that_train_or_test_for_others_are_not_tests() -> None:
    table = customers(5, 200)
    firms = ["Acme Training Ltd", "Internal Medicine Group", "QA Partners", "Testarossa Inc"]
    table["company"] = [f"{firms[row % 4]} {row}" for row in range(len(table))]
    assert "rows-marked" not in codes(table)
