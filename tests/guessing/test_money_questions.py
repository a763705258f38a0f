"""Amounts that are prices of one unit, sums of several years, or below zero are asked about."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.guessing._money import amount_preference
from fitmodel.guessing._names import as_words
from fitmodel.guessing.guess import guess_spec
from fitmodel.guessing.questions import find_questions
from tables import customers

DATES = {"closed_on": "signed", "churned_on": "left", "observed_until": "2025-12-31"}


def codes(table: pd.DataFrame, amount: str | None, **deals: str) -> set[str]:
    roles = DATES | deals | ({} if amount is None else {"amount": amount})
    return {doubt.code for doubt in find_questions(table, DealSpec(deals=roles))}


def priced(seed: int = 5) -> tuple[pd.DataFrame, np.ndarray]:
    """Customers with seats, and the price of one seat for each."""
    table = customers(seed, 400)
    return table, np.random.default_rng(seed).choice([19.0, 29.0, 49.0], len(table))


@pytest.mark.parametrize(
    ("amount", "units"),
    [("Monthly Price", "Quantity"), ("Amount", "Qty"), ("月額 価格", "数量"), ("Preis", "Menge"),
     ("Monthly Price", "Seats")],
)  # fmt: skip
def test_a_price_that_does_not_grow_with_the_units_is_asked_about(amount: str, units: str) -> None:
    table, price = priced()
    table = table.rename(columns={"seats": units})
    each, total = table.assign(**{amount: price}), table.assign(**{amount: price * table[units]})

    assert "amount-per-unit" in codes(each, amount, amount_per="month")
    assert "amount-per-unit" not in codes(total, amount, amount_per="month")


def test_amounts_that_differ_from_deal_to_deal_are_no_price_list() -> None:
    table, price = priced()
    free = price * np.exp(np.random.default_rng(1).normal(3, 1, len(table)))
    table = table.rename(columns={"seats": "Quantity"}).assign(Price=free.round(2))
    assert "amount-per-unit" not in codes(table, "Price", amount_per="year")


@pytest.mark.parametrize("term", ["Term (months)", "Contract Term (Years)", "Laufzeit"])
def test_amounts_in_proportion_to_the_term_must_be_answered(term: str) -> None:
    table, price = priced()
    rng = np.random.default_rng(7)
    lengths = rng.choice([12, 24, 36], len(table))
    yearly = price * 12 * table["seats"]
    table = table.assign(**{term: lengths})
    whole, each = table.assign(Amount=yearly * lengths / 12), table.assign(Amount=yearly)

    assert "several-terms" in codes(whole, "Amount")
    assert "several-terms" not in codes(whole, "Amount", amount_per="year")
    assert "several-terms" not in codes(each, "Amount")


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("Annual Amount excl. VAT", "Annual Amount incl. VAT"),
        ("Jahresbeitrag netto", "Jahresbeitrag brutto"),
        ("Montant annuel HT", "Montant annuel TTC"),
        ("年間契約金額（税抜）", "年間契約金額（税込）"),  # noqa: RUF001
        ("ARR (EUR)", "ARR (local)"),
        ("Amount (converted)", "Amount"),
        ("Annual Recurring Value", "First Year Value"),
    ],
)
def test_of_two_amounts_the_one_that_recurs_without_tax_in_one_currency_is_used(
    better: str, worse: str
) -> None:
    """Whatever the order of the columns."""
    table, price = priced()
    amounts = {better: price * 12 * table["seats"], worse: price * 15 * table["seats"]}
    for names in ((better, worse), (worse, better)):
        ordered = table.assign(**{name: amounts[name] for name in names})
        assert f'\namount = "{better}"\n' in guess_spec(ordered).toml
    assert amount_preference(as_words(better)) < amount_preference(as_words(worse))


def test_a_converted_amount_needs_no_currency() -> None:
    table, price = priced()
    yearly = price * 12 * table["seats"]
    currency = np.random.default_rng(2).choice(["EUR", "USD", "GBP"], len(table))
    local = yearly * pd.Series(currency).map({"EUR": 1, "USD": 1.1, "GBP": 0.85})
    table = table.assign(**{"ARR (local)": local, "Currency": currency, "ARR (EUR)": yearly})
    guess = guess_spec(table)

    assert "currency =" not in guess.toml
    assert "several-currencies" not in {doubt.code for doubt in guess.questions}
    assert "several-currencies" in codes(table, "ARR (local)")


@pytest.mark.parametrize("name", ["Annual fee incl. VAT", "Jahresbetrag brutto", "年費（含稅）"])  # noqa: RUF001
def test_an_amount_with_tax_is_asked_about(name: str) -> None:
    table, price = priced()
    assert "amount-with-tax" in codes(table.assign(**{name: price}), name)
    assert "amount-with-tax" not in codes(table.assign(ARR=price), "ARR")


def test_credit_notes_are_asked_about_and_standardised_numbers_are_not() -> None:
    table, price = priced()
    table["Annual Value"] = price * table["seats"]
    notes = table.iloc[:30].assign(**{"Annual Value": -table["Annual Value"].iloc[:30]})
    standardised = np.random.default_rng(1).normal(size=len(table))

    assert "negative-rows" in codes(pd.concat([table, notes], ignore_index=True), None)
    assert "negative-rows" not in codes(table, None)
    assert "negative-rows" not in codes(table.assign(**{"Annual Value": standardised}), None)
