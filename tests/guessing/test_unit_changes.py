"""Numbers that are in another unit from one day on, or in one group, are asked about."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.guessing.questions import Question, find_questions
from tables import customers

DEALS = {
    "closed_on": "signed", "churned_on": "left", "observed_until": "2025-12-31",
    "amount": "acv", "amount_per": "year",
}  # fmt: skip
CUT = pd.Timestamp("2024-06-01")


def question_of(table: pd.DataFrame) -> Question | None:
    found = find_questions(table, DealSpec(deals=DEALS))
    return next((each for each in found if each.code == "unit-changes"), None)


def deals(seed: int = 1, rows: int = 500) -> pd.DataFrame:
    """Deals with an amount that varies much, as amounts do."""
    rng = np.random.default_rng(seed)
    table = customers(seed, rows)
    table["acv"] = np.exp(rng.normal(8.5, 0.9, rows)).round()
    table["discount"] = rng.choice([0.0, 0.05, 0.1, 0.2], rows)
    return table


@pytest.mark.parametrize("seed", range(8))
def test_amounts_in_one_unit_are_not_asked_about(seed: int) -> None:
    assert question_of(deals(seed)) is None


@pytest.mark.parametrize("factor", [100, 1_000, 0.01, 1 / 12])
def test_amounts_that_change_their_unit_on_a_day_stop_training(factor: float) -> None:
    table = deals()
    later = table["signed"] >= CUT
    table["acv"] = np.where(later, table["acv"] * factor, table["acv"])
    found = question_of(table.sample(frac=1, random_state=2, ignore_index=True))

    assert found is not None
    assert found.must_answer
    first = table.loc[later, "signed"].min().date()
    assert f"signed since {first}, the numbers of {later.sum()} rows" in found.message
    assert f"about {max(factor, 1 / factor):,.0f} times" in found.message


def test_an_attribute_that_changes_its_unit_is_asked_about_without_stopping() -> None:
    table = deals()
    later = table["signed"] >= CUT
    table["discount"] = np.where(later, 100 * table["discount"], table["discount"])
    found = question_of(table)

    assert found is not None
    assert (found.column, found.must_answer) == ("discount", False)
    assert "medians 10 and 0.1" in found.message


def test_numbers_that_grow_steadily_are_not_asked_about() -> None:
    """A running number, and prices that rise fast, have no jump."""
    table = deals().sort_values("signed", ignore_index=True)
    table["acv"] *= np.exp(np.arange(len(table)) / 100)
    table["customers so far"] = np.arange(len(table)) + 1
    assert question_of(table) is None


def test_a_system_that_counts_in_thousands_is_named() -> None:
    table = deals()
    table["system"] = np.where(np.arange(len(table)) % 2, "erp", "crm").astype(object)
    table["acv"] = np.where(table["system"] == "erp", table["acv"] / 1000, table["acv"])
    found = question_of(table)

    assert found is not None
    assert found.must_answer
    assert "in 'system'" in found.message
    assert "about 1,000 times" in found.message


def test_a_column_of_billing_periods_has_a_question_of_its_own() -> None:
    table = deals()
    monthly = np.arange(len(table)) % 2 == 0
    table["Interval"] = np.where(monthly, "month", "year").astype(object)
    table["acv"] = np.where(monthly, table["acv"] / 12, table["acv"])
    named = table.rename(columns={"acv": "price"})
    roles = DEALS | {"amount": "price", "amount_per": "month"}
    codes = [each.code for each in find_questions(named, DealSpec(deals=roles))]

    assert "several-periods" in codes
    assert "unit-changes" not in codes
    assert question_of(table) is not None  # ACV says per year: nothing else asks


def test_a_country_with_another_currency_is_asked_about_without_stopping() -> None:
    """No column says the currency, but only the amounts are larger, not the seats."""
    table = deals()
    table["country"] = np.where(np.arange(len(table)) % 3 == 0, "JP", "DE").astype(object)
    table["acv"] = np.where(table["country"] == "JP", 160 * table["acv"], table["acv"])
    found = question_of(table)

    assert found is not None
    assert not found.must_answer
    assert "or another currency" in found.message
    assert question_of(table.drop(columns=["seats", "discount"])) is None  # nothing to compare with


def test_a_group_of_larger_customers_is_not_asked_about() -> None:
    """Their other numbers are larger too."""
    table = deals()
    large = np.arange(len(table)) % 3 == 0
    table["segment"] = np.where(large, "enterprise", "smb").astype(object)
    table["acv"] = np.where(large, 100 * table["acv"], table["acv"])
    table["seats"] = np.where(large, 30 * table["seats"], table["seats"])
    assert question_of(table) is None
