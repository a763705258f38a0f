"""Leavers who go on in another row, and reps who are given all leavers, are asked about."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.guessing._leaver_doubts import continued, expected_by_chance
from fitmodel.guessing.doubts import find_questions
from tables import customers

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
