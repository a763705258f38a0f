"""The period and the scale of an amount are read from its name or asked for."""

from __future__ import annotations

import tomllib

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.reading import read_deals
from fitmodel.deals.roles import yearly_amounts
from fitmodel.exceptions import DealsError, SpecError
from fitmodel.guessing._money import scale_by_name
from fitmodel.guessing.doubts import find_doubts, read_with_doubts
from fitmodel.guessing.guess import guess_spec
from tables import customers

WAN = "年合同金额\N{FULLWIDTH LEFT PARENTHESIS}万元\N{FULLWIDTH RIGHT PARENTHESIS}"
DATES = {"closed_on": "signed_on", "churned_on": "cancelled_on", "observed_until": "2025-12-31"}


def priced(name: str) -> pd.DataFrame:
    table = customers(7).rename(columns={"signed": "signed_on", "left": "cancelled_on"})
    return table.assign(**{name: table["seats"] * 1.5})


@pytest.mark.parametrize(
    ("name", "scale"),
    [
        (WAN, 10_000), ("ARR (k€)", 1_000), ("ARR (in thousands)", 1_000),
        ("Umsatz in Tsd", 1_000), ("ACV kEUR", 1_000), ("amount_in_thousands", 1_000),
        ("Contract Value (000s)", 1_000), ("Amount ($'000)", 1_000), ("Betrag (T€)", 1_000),
        ("Amount ($M)", 1_000_000), ("Amount (M)", None), ("ACV m€", 1_000_000),
        ("ARR in millions", 1_000_000),
        ("amount", None), ("ARR (USD)", None), ("MRR", None), ("Market", None), ("kit price", None),
        ("Amount (month)", None), ("Tier", None),
    ],
)  # fmt: skip
def test_a_scale_is_read_from_the_name_of_the_amount(name: str, scale: int | None) -> None:
    assert scale_by_name(name) == scale


@pytest.mark.parametrize(
    ("name", "scale"),
    [(WAN, 10_000), ("ARR (k€)", 1_000), ("ACV kEUR", 1_000)],
)  # fmt: skip
def test_yearly_amounts_are_multiplied_by_the_scale(name: str, scale: int) -> None:
    table = priced(name)
    guess = guess_spec(table)
    spec = DealSpec(**tomllib.loads(guess.toml))
    deals = read_deals(table, spec)

    assert spec.deals.amount_scale == scale
    assert any(f"an amount of 1 means {scale:,}" in text for text in guess.unsure)
    np.testing.assert_allclose(yearly_amounts(deals, spec), table[name] * scale)


def test_a_scale_that_is_not_in_the_contract_is_asked_for() -> None:
    table = priced("ARR (k€)")
    silent = DealSpec(deals=DATES | {"amount": "ARR (k€)"})
    answered = DealSpec(deals=DATES | {"amount": "ARR (k€)", "amount_scale": 1})

    assert "amount-scale" in {doubt.code for doubt in find_doubts(table, silent)}
    assert "amount-scale" not in {doubt.code for doubt in find_doubts(table, answered)}


def test_replacing_other_keys_does_not_answer_a_doubt() -> None:
    """A key that was not given stays absent after `replace` and in written contracts."""
    silent = DealSpec(deals=DATES | {"amount": "ARR (k€)"})
    changed = silent.replace(deals={"observed_until": "2022-01-01"}, label={"horizon_months": 3})

    assert "amount-scale" in {doubt.code for doubt in find_doubts(priced("ARR (k€)"), changed)}
    assert silent.replace(deals={"amount": None}).deals.amount is None
    assert DealSpec(**silent.to_dict()) == silent == DealSpec(**tomllib.loads(silent.to_toml()))
    with pytest.raises(SpecError, match="amount_scale needs amount"):
        DealSpec(deals=DATES | {"amount_scale": 1_000})


@pytest.mark.parametrize(
    ("column", "monthly", "yearly"),
    [("Interval", "month", "year"), ("billing_period", "Monthly", "Annually")],
)
def test_monthly_and_yearly_prices_in_one_column_are_refused(
    column: str, monthly: str, yearly: str
) -> None:
    table = priced("amount")
    table[column] = [monthly] * 200 + [yearly] * 40
    spec = DealSpec(deals=DATES | {"amount": "amount"}, attributes={"exclude": ["key"]})
    one = spec.model_copy(
        update={"rows": spec.rows.model_copy(update={"keep": {column: (monthly,)}})}
    )

    with pytest.raises(DealsError, match=r"per month 200, per year 40.*\[several-periods\]"):
        read_with_doubts(table, spec)
    assert "several-periods" not in {doubt.code for doubt in read_with_doubts(table, one).doubts}


def test_an_amount_with_its_period_in_the_name_has_no_doubt() -> None:
    table = priced("MRR")
    table["Interval"] = ["month"] * 200 + ["year"] * 40
    spec = DealSpec(deals=DATES | {"amount": "MRR", "amount_per": "month"})

    assert "several-periods" not in {doubt.code for doubt in find_doubts(table, spec)}
