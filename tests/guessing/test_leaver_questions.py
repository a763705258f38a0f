"""Rows in which nobody has left, leavers who go on, and reps who get all leavers are questions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.contract import DealSpec
from fitmodel.guessing._leaver_questions import continued, expected_by_chance
from fitmodel.guessing.questions import find_questions, read_with_questions
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


DATES = {"closed_on": "signed", "churned_on": "left", "observed_until": "2025-12-31"}


def codes(table: pd.DataFrame, *, rows: dict[str, str] | None = None, **deals: str) -> set[str]:
    spec = DealSpec(deals=DATES | deals, rows=rows or {})
    return {doubt.code for doubt in find_questions(table, spec)}


def upgraded(seed: int, gap: int = 0) -> pd.DataFrame:
    """Customers of whom some have a second contract, some days after the end of the first."""
    table = customers(seed, 500)
    table["email"] = [f"{key.lower()}@example.com" for key in table["key"]]
    chosen = table[table["left"].notna()].iloc[:60]
    second = chosen.assign(
        signed=chosen["left"] + pd.Timedelta(days=gap), left=pd.NaT, key=chosen["key"] + "-2"
    )
    second = second[second["signed"] <= "2025-12-30"]
    return pd.concat([table, second], ignore_index=True)


@pytest.mark.parametrize("gap", [-3, 0, 7])
def test_rows_that_continue_another_row_are_asked_about(gap: int) -> None:
    table = upgraded(1, gap)
    assert "continued-rows" in codes(table)
    assert "continued-rows" not in codes(table, rows={"customer": "email"})
    assert "continued-rows" not in codes(table, rows={"one_row_per": "deal"})


def test_rows_that_begin_much_later_do_not_continue() -> None:
    assert "continued-rows" not in codes(upgraded(1, gap=90))


def test_neither_categories_nor_unique_ids_continue_anything() -> None:
    assert "continued-rows" not in codes(customers(2, 800))


@pytest.mark.parametrize("seed", range(4))
def test_values_that_repeat_by_chance_are_no_customers(seed: int) -> None:
    """As many as a landing page has: some leave when another of the same page begins."""
    table = customers(seed, 800)
    table["page"] = [f"/{page}" for page in np.random.default_rng(seed).integers(0, 250, 800)]
    starts, ends = (table[name].to_numpy().astype("datetime64[D]") for name in ("signed", "left"))

    assert "continued-rows" not in codes(table)
    found = int(continued(table["page"], starts, ends).sum())
    assert 0 < found <= 2 * expected_by_chance(table["page"], starts, ends)


def test_a_row_continues_another_whatever_the_order_of_rows() -> None:
    table = upgraded(3)
    mixed = table.sample(frac=1, random_state=4)
    results = []
    for each in (table, mixed):
        starts, ends = (
            each[name].to_numpy().astype("datetime64[D]") for name in ("signed", "left")
        )
        results.append(set(each["key"][continued(each["email"], starts, ends)]))

    assert results[0] == results[1]
    assert results[0] <= set(table.loc[table["left"].notna(), "key"])
    assert len(results[0]) == int(table["email"].duplicated().sum())


def test_a_rep_who_has_all_leavers_is_asked_about() -> None:
    table = customers(4, 600)
    rng = np.random.default_rng(1)
    sold = rng.choice(["Ada", "Ben", "Cid", "Dora"], len(table))
    table["owner"] = np.where(table["left"].notna(), "House account", sold)

    assert "rep-of-leavers" in codes(table, rep="owner")
    assert "rep-of-leavers" not in codes(table.assign(owner=sold), rep="owner")


def test_a_rep_who_loses_many_customers_is_not() -> None:
    table = customers(5, 600)
    rng = np.random.default_rng(2)
    bad = table["left"].notna() & (rng.random(len(table)) < 0.3)
    table["owner"] = np.where(bad, "Eve", rng.choice(["Ada", "Ben"], len(table)))
    assert "rep-of-leavers" not in codes(table, rep="owner")


def test_of_customers_with_many_rows_each_counts_once() -> None:
    """One row for each invoice: forty invoices of one customer who stays are one customer."""
    table = customers(7, 150)
    table["size"] = [f"S{99 if row < 8 else row % 20}" for row in range(len(table))]
    table.loc[:7, "left"] = pd.NaT
    rows = table.loc[table.index.repeat(40)].reset_index(drop=True)
    rows["signed"] += pd.to_timedelta(rows.groupby("key").cumcount(), "D")

    assert "(S99 320)" in asked(rows)["nobody-left"]
    assert "nobody-left" not in asked(rows, rows={"customer": "key"})
