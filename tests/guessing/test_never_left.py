"""Rows in which nobody has left are asked about, whatever the words of the column mean."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.contract import DealSpec
from fitmodel.guessing.doubts import find_questions, read_with_questions
from tables import customers

DEALS = {"id": "key", "closed_on": "signed", "churned_on": "left", "observed_until": "2025-12-31"}
NEVER = 120


def with_others(**columns: tuple[object, object]) -> pd.DataFrame:
    """360 rows, of which 120 never were customers; columns have one value for each kind."""
    table = customers(3, 360)
    table.loc[: NEVER - 1, "left"] = pd.NaT
    never = np.arange(len(table)) < NEVER
    for name, (customer, other) in columns.items():
        table[name] = np.where(never, other, customer).astype(object)
    return table.sample(frac=1, random_state=1, ignore_index=True)


def asked(table: pd.DataFrame, **sections: dict) -> dict[str, str]:
    spec = DealSpec(**{"deals": DEALS, **sections})
    return {question.code: str(question) for question in find_questions(table, spec)}


@pytest.mark.parametrize(
    ("name", "customer", "other", "shown"),
    [
        ("Won?", "Yes", None, "(empty) 120"), ("Outcome", "W", "L", "L 120"),
        ("Lost Reason", None, "Price", "Price 120"), ("Probability (%)", 100, 20, "20 120"),
        ("Account Type", "Customer", "Partner", "Partner 120"), ("Converted", True, False, "False"),
        ("客户类型", "客户", "伙伴", "伙伴 120"),
    ],
)  # fmt: skip
def test_values_that_only_rows_without_leavers_have_are_named(
    name: str, customer: object, other: object, shown: str
) -> None:
    table = with_others(**{name: (customer, other)})
    message = asked(table)["nobody-left"]

    assert message.startswith(f"{name}: nobody has left in 120 of 360 rows ({shown}")
    assert "nobody-left" not in asked(table, rows={"acknowledged": ["nobody-left"]})


def test_the_proposed_rule_keeps_the_customers_and_settles_the_question() -> None:
    table = with_others(Kind=("Customer", "Partner"))
    assert '[rows] keep = {"Kind" = ["Customer"]}' in asked(table)["nobody-left"]

    spec = DealSpec(deals=DEALS, rows={"keep": {"Kind": ["Customer"]}})
    assert len(read_with_questions(table, spec).deals) == 360 - NEVER
    assert read_with_questions(table, spec).questions == ()


def test_rows_without_an_amount_that_never_leave_are_named() -> None:
    table = with_others()
    table["acv"] = np.where(table["left"].notna(), 1.0, 0) * 500 + np.arange(360.0)
    never = table["key"].isin(customers(3, 360)["key"][:NEVER])
    table["acv"] = table["acv"].mask(never, 0.0)
    message = asked(table, deals={**DEALS, "amount": "acv", "amount_per": "year"})["nobody-left"]

    assert "acv: nobody has left in 120 of 360 rows (0 120)" in message
    assert '[rows] drop = {"acv" = ["0"]}' in message


def test_what_is_filled_in_for_those_who_are_still_there_is_not_asked_about() -> None:
    """The next invoice of a customer, a status, or a flag tells the outcome, and no more."""
    table = customers(3, 360)
    there = table["left"].isna()
    end = pd.Timestamp("2026-02-01")
    mirrors = {
        "next_billing_date": table["signed"].where(~there, end),
        "status": np.where(there, "active", "inactive"),
        "is_active": np.where(there, "yes", "no"),
        "health": np.where(there, "green", None),  # all others have left
    }
    for name, column in mirrors.items():
        assert "nobody-left" not in asked(table.assign(**{name: column})), name


def test_honest_attributes_are_not_asked_about() -> None:
    for seed in range(6):
        sim = simulate_deals(1500, seed=seed)
        assert find_questions(sim.deals, sim.spec) == []


def test_few_rows_or_young_customers_prove_nothing() -> None:
    table = customers(3, 360)
    table["left"] = table["left"].where(table["left"] <= table["signed"].max())
    few = np.arange(360) < 8
    young = table["signed"] > table["signed"].max() - pd.Timedelta(days=60)
    for rows in (few, young.to_numpy()):
        each = table.assign(left=table["left"].mask(rows), group=np.where(rows, "a", "b"))
        assert "nobody-left" not in asked(each)
