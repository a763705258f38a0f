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
from fitmodel.guessing.guess import guess_spec
from fitmodel.guessing.questions import find_questions, read_with_questions
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
        ("Amount (month)", None), ("Tier", None), ("年額(千円)", 1_000),
        ("売上(百万円)", 1_000_000), ("계약금액(만원)", 10_000), ("Сумма, тыс. руб.", 1_000),
        ("Wartość (tys. zł)", 1_000),
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

    assert "amount-scale" in {question.code for question in find_questions(table, silent)}
    assert "amount-scale" not in {question.code for question in find_questions(table, answered)}


def test_replacing_other_keys_does_not_answer_a_question() -> None:
    """A key that was not given stays absent after `replace` and in written contracts."""
    silent = DealSpec(deals=DATES | {"amount": "ARR (k€)"})
    changed = silent.replace(deals={"observed_until": "2022-01-01"}, label={"horizon_months": 3})

    assert "amount-scale" in {
        question.code for question in find_questions(priced("ARR (k€)"), changed)
    }
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
        read_with_questions(table, spec)
    assert "several-periods" not in {
        question.code for question in read_with_questions(table, one).questions
    }


def test_an_amount_with_its_period_in_the_name_has_no_question() -> None:
    table = priced("MRR")
    table["Interval"] = ["month"] * 200 + ["year"] * 40
    spec = DealSpec(deals=DATES | {"amount": "MRR", "amount_per": "month"})

    assert "several-periods" not in {question.code for question in find_questions(table, spec)}


@pytest.mark.parametrize("name", ["CCY", "Valuta", "通貨", "币别", "field_3"])
@pytest.mark.parametrize(
    ("first", "second"), [("USD", "EUR"), ("人民币", "美元"), ("€", "$"), ("jpy", "cny")]
)
def test_a_column_of_currencies_is_known_by_its_values(name: str, first: str, second: str) -> None:
    table = priced("ARR").assign(**{name: [first] * 200 + [second] * 40})
    spec = DealSpec(deals=DATES | {"amount": "ARR"})

    with pytest.raises(
        DealsError, match=rf"{name}: 2 currencies \({first} 200, {second} 40\)".replace("$", r"\$")
    ):
        read_with_questions(table, spec)
    with pytest.raises(DealsError, match="2 currencies"):
        read_with_questions(table, DealSpec(**tomllib.loads(guess_spec(table).toml)))


def test_a_column_that_is_named_like_a_code_is_asked_about_though_the_contract_gives_it() -> None:
    """Currency = "CCY" says that all amounts are in CCY, as "EUR" would."""
    table = priced("ARR").assign(CCY=["USD"] * 200 + ["EUR"] * 40)
    named = DealSpec(deals=DATES | {"amount": "ARR", "currency": "CCY"})
    euros = DealSpec(deals=DATES | {"amount": "ARR", "currency": "EUR"})

    assert "several-currencies" in {question.code for question in find_questions(table, named)}
    assert "several-currencies" not in {question.code for question in find_questions(table, euros)}


def test_countries_are_no_currencies() -> None:
    table = priced("ARR").assign(country=["USA", "EUR"] * 120, code=["SEK", "DEU"] * 120)
    spec = DealSpec(deals=DATES | {"amount": "ARR"})

    assert "several-currencies" not in {question.code for question in find_questions(table, spec)}


@pytest.mark.parametrize(
    ("name", "is_cents"),
    [("mrr_cents", True), ("ARR (cents)", True), ("amount_in_cents", True), ("年费(分)", True),
     ("ARR in pence", True), ("mrr_recent", False), ("discount per cent", False),
     ("percents", False)],
)  # fmt: skip
def test_cents_are_read_from_a_name_that_says_it(name: str, is_cents: bool) -> None:
    assert (scale_by_name(name) == 0.01) is is_cents


def test_an_amount_in_cents_is_money_in_full() -> None:
    table = priced("mrr_cents")
    spec = DealSpec(**tomllib.loads(guess_spec(table).toml))

    assert spec.deals.amount_scale == 0.01
    np.testing.assert_allclose(
        yearly_amounts(read_deals(table, spec), spec), table["mrr_cents"] * 12 / 100
    )


@pytest.mark.parametrize(
    ("column", "monthly", "yearly"),
    [("Zahlungsweise", "monatlich", "jährlich"), ("Periodicidade", "Mensal", "Anual"),
     ("付款方式", "月付", "年付"), ("Fréquence de facturation", "mensuel", "annuel"),
     ("Payment terms", "Monthly", "Semi-annual"), ("支払方法", "月払い", "年払い"),
     ("결제 주기", "월납", "연납"),
     ("Периодичность оплаты", "ежемесячно", "ежегодно"),
     ("Okres płatności", "miesięcznie", "rocznie"),
     ("Frequenza di pagamento", "mensile", "annuale"),
     ("Betaaltermijn", "maandelijks", "jaarlijks"),
     ("Ödeme sıklığı", "Aylık", "Yıllık")],
)  # fmt: skip
def test_billing_periods_are_read_in_several_languages(
    column: str, monthly: str, yearly: str
) -> None:
    table = priced("amount").assign(**{column: [monthly] * 200 + [yearly] * 40})
    spec = DealSpec(deals=DATES | {"amount": "amount"})

    with pytest.raises(
        DealsError, match=r"per month 200, per (half )?year 40.*\[several-periods\]"
    ):
        read_with_questions(table, spec)


@pytest.mark.parametrize("column", ["Contract Term (months)", "Vertragslaufzeit", "合同期限"])
def test_amounts_of_contracts_of_several_lengths_are_refused(column: str) -> None:
    table = priced("tcv").assign(**{column: [12] * 200 + [36] * 40})
    whole = DATES | {"amount": "tcv", "amount_per": "contract", "contract_months": 12}

    with pytest.raises(DealsError, match=r"12 in 200 rows, 36 in 40 rows.*for 12 months"):
        read_with_questions(table, DealSpec(deals=whole))
    same = table.assign(**{column: 12})
    assert "several-terms" not in {
        question.code for question in find_questions(same, DealSpec(deals=whole))
    }
    yearly = DATES | {"amount": "tcv", "amount_per": "year"}
    assert "several-terms" not in {d.code for d in find_questions(table, DealSpec(deals=yearly))}


@pytest.mark.parametrize(
    ("name", "asks"),
    [("unit_price", True), ("Price per seat", True), ("单价", True), ("Stückpreis", True),
     ("price", False), ("ARR", False)],
)  # fmt: skip
def test_the_price_of_one_seat_is_not_the_contracts_value(name: str, asks: bool) -> None:
    table = priced(name)
    spec = DealSpec(deals=DATES | {"amount": name, "amount_per": "year"})
    codes = {question.code for question in find_questions(table, spec)}

    assert ("amount-per-unit" in codes) is asks
    one = table.assign(seats=1)
    assert "amount-per-unit" not in {question.code for question in find_questions(one, spec)}


@pytest.mark.parametrize("nothing", [0.0, np.nan])
def test_an_amount_that_is_overwritten_at_leaving_is_asked_about(nothing: float) -> None:
    table = priced("ARR")
    gone = table["cancelled_on"].notna()
    overwritten = table.assign(ARR=table["ARR"].where(~gone, nothing))
    spec = DealSpec(deals=DATES | {"amount": "ARR"})
    said = {question.code: str(question) for question in find_questions(overwritten, spec)}

    assert (
        f"0 or empty for {gone.sum()} of {gone.sum()} customers that left"
        in (said["amount-of-leavers"])
    )
    for_both = table.assign(ARR=table["ARR"].where(np.arange(240) % 2 == 0, nothing))
    for other in (table, for_both):
        assert "amount-of-leavers" not in {
            question.code for question in find_questions(other, spec)
        }


@pytest.mark.parametrize(
    "name",
    ["Amount (EUR)", "合同金额（万元）", "合同金额(元)", "Contract Value in USD", "Fee USD"],  # noqa: RUF001
)
def test_an_amount_is_known_with_its_currency_in_the_name(name: str) -> None:
    assert tomllib.loads(guess_spec(priced(name)).toml)["deals"]["amount"] == name


def test_the_name_of_an_amount_comes_before_its_billing_period() -> None:
    """An ARR that is billed monthly was twelve times too large."""
    for name, interval, unit in [
        ("ARR", "Monthly", "year"), ("MRR", "year", "month"), ("amount", "month", "month"),
        ("Jahreswert", "monatlich", "year"), ("amount", "Semi-annual", None),
    ]:  # fmt: skip
        table = priced(name).assign(interval=interval)
        assert tomllib.loads(guess_spec(table).toml)["deals"].get("amount_per") == unit, name


@pytest.mark.parametrize("column", ["interval_count", "Plan Interval Count", "billing_period"])
def test_payments_for_several_periods_at_once_are_refused(column: str) -> None:
    table = priced("amount").assign(interval="month", **{column: [1] * 200 + [3] * 40})
    spec = DealSpec(deals=DATES | {"amount": "amount", "amount_per": "month"})

    with pytest.raises(DealsError, match=rf"{column}: .*\(1 in 200 rows, 3 in 40 rows\)"):
        read_with_questions(table, spec)
    single = table.assign(**{column: 1})
    assert "several-periods" not in {question.code for question in find_questions(single, spec)}
    named = DealSpec(deals=DATES | {"amount": "MRR", "amount_per": "month"})
    renamed = table.rename(columns={"amount": "MRR"})
    assert "several-periods" not in {question.code for question in find_questions(renamed, named)}


@pytest.mark.parametrize("longest", [470, 1500])
def test_a_tenure_too_long_for_months_is_said_to_be_so(longest: int) -> None:
    table = customers(5, 200)[["key", "seats"]].assign(tenure=1.0, churned=0)
    table.loc[:99, "churned"] = 1
    table.loc[3, "tenure"] = longest
    spec = DealSpec(deals={"tenure_months": "tenure", "churned": "churned"})
    question = next(each for each in find_questions(table, spec) if each.code == "tenure-unit")

    assert ("the longest would be 125 years" in question.message) == (longest == 1500)
    assert ('tenure_unit = "days", "weeks" or' in question.answer) == (longest == 1500)
