"""Questions about a table are repeated until the contract answers them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.reading import read_table
from fitmodel.exceptions import DealsError
from fitmodel.guessing.guess import guess_spec
from fitmodel.guessing.questions import find_questions, read_with_questions
from tables import customers

DEALS = {"id": "key", "closed_on": "signed", "churned_on": "left", "observed_until": "2025-12-31"}


def spec(**sections: dict) -> DealSpec:
    """The contract of `customers`, with more in it."""
    return DealSpec(**{"deals": DEALS, **sections})


def codes(table: pd.DataFrame, contract: DealSpec) -> list[str]:
    return [question.code for question in find_questions(table, contract)]


def test_a_plain_table_has_no_questions() -> None:
    assert codes(customers(), spec()) == []


def test_dates_of_customers_who_are_still_there_are_a_question() -> None:
    table = customers()
    gone = table["left"].notna()
    table["status"] = np.where(gone, "Churned", "Active")
    announced = table.index[~gone][:60]
    table.loc[announced, "left"] = pd.Timestamp("2025-12-30")
    contract = spec(attributes={"exclude": ["status"]})

    asked = {question.code: question for question in find_questions(table, contract)}
    question = asked["date-of-a-customer"]
    assert not question.must_answer
    assert "60 customers are still there, but have a date in 'left'" in str(question)


def test_lost_rows_are_a_question_that_must_be_answered() -> None:
    table = customers().assign(deal_stage=["Won"] * 200 + ["Lost"] * 40)

    assert codes(table, spec()) == ["rows-not-customers"]
    with pytest.raises(DealsError, match="40 of 240 rows .* not won \\(Lost 40\\)"):
        read_with_questions(table, spec())
    kept = spec(rows={"keep": {"deal_stage": ["Won"]}})
    assert codes(table, kept) == []
    assert len(read_with_questions(table, kept).deals) == 200
    assert "Lost 40" in read_with_questions(table, kept).read.notes[0]
    assert codes(table, spec(rows={"acknowledged": ["rows-not-customers"]})) == []


def test_leavers_without_a_date_are_a_question_that_must_be_answered() -> None:
    table = customers()
    gone = table["left"].notna().to_numpy()
    undated = np.flatnonzero(gone)[:17]
    table["is_active"] = np.where(gone, "False", "True")
    table.loc[undated, "left"] = pd.NaT

    with pytest.raises(DealsError, match=f"17 of {gone.sum()} customers that left have no date"):
        read_with_questions(table, spec())
    answered = spec(
        deals={**DEALS, "churned": "is_active", "churned_values": ["False"]},
        rows={"left_without_date": "drop"},
    )
    assert codes(table, answered) == []
    assert len(read_with_questions(table, answered).deals) == len(table) - 17


def test_repeated_ids_are_a_question_until_the_contract_defines_a_row(shared_data: Path) -> None:
    table = read_table(shared_data / "hard_tables" / "deal_id_repeated_80rows.csv")
    guess = guess_spec(table)
    contract = DealSpec(**tomllib.loads(guess.toml))

    assert {"repeated-id", "repeated-rows"} == {question.code for question in guess.questions}
    assert set(codes(table, contract)) == {"repeated-id", "repeated-rows"}
    assert "43 different values in 80 rows" in str(find_questions(table, contract)[0])
    each = contract.replace(rows={"one_row_per": "deal"})
    assert codes(table, each) == ["repeated-rows"]
    merged = contract.replace(rows={"customer": "deal_id"})
    assert codes(table, merged) == []
    assert len(read_with_questions(table, merged).deals) == table["deal_id"].nunique() == 43


def test_duplicate_rows_are_counted() -> None:
    table = pd.concat([customers(), customers().head(7)], ignore_index=True)
    contract = spec(deals={**DEALS, "id": None})

    assert codes(table, contract) == ["repeated-rows"]
    assert "7 of 247 rows" in str(find_questions(table, contract)[0])


@pytest.mark.parametrize(
    ("name", "unit", "questioned"),
    [
        ("acv", None, False), ("annual_value", None, False), ("amount", None, True),
        ("amount", "month", False), ("monthly_fee", None, True), ("monthly_fee", "month", False),
        ("valor mensal", None, True),
    ],
)  # fmt: skip
def test_the_unit_of_an_amount_is_asked_if_neither_name_nor_contract_gives_it(
    name: str, unit: str | None, questioned: bool
) -> None:
    table = customers().assign(**{name: 100.0})
    contract = spec(deals={**DEALS, "amount": name, "amount_per": unit})

    assert codes(table, contract) == (["amount-unit"] if questioned else [])


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("tenure_months", "months"), ("years_as_customer", "years"), ("tenure_days", "days"),
        ("在网月数", "months"), ("antigüedad", None), ("Lifetime", None),
        ("tempo_como_cliente", None), ("tenure", None),
    ],
)  # fmt: skip
def test_the_unit_of_a_tenure_is_read_from_its_name_or_asked(name: str, unit: str | None) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({name: rng.integers(0, 40, 90), "plan": rng.choice(["a", "b"], 90)})
    table["churned"] = np.where(rng.random(90) < 0.5, "yes", "no")
    guess = guess_spec(table)

    assert tomllib.loads(guess.toml)["deals"]["tenure_months"] == name
    assert tomllib.loads(guess.toml)["deals"].get("tenure_unit") == unit
    assert ("tenure-unit" in {question.code for question in guess.questions}) == (unit is None)


def test_several_currencies_of_an_amount_are_a_question_that_must_be_answered() -> None:
    table = customers().assign(acv=np.arange(240.0), currency=["EUR", "USD", "USD"] * 80)
    contract = spec(deals={**DEALS, "amount": "acv"})

    with pytest.raises(DealsError, match="2 currencies \\(USD 160, EUR 80\\)"):
        read_with_questions(table, contract)
    one = contract.replace(rows={"keep": {"currency": ["usd"]}})
    assert len(read_with_questions(table, one).deals) == 160
    named = contract.replace(deals={"currency": "currency"})
    with pytest.raises(DealsError, match="amounts are in 2 currencies by currency"):
        read_with_questions(table, named)


def test_amounts_with_several_currency_signs_are_refused(shared_data: Path) -> None:
    table = read_table(shared_data / "hard_tables" / "currencies_mixed_60rows.csv")
    guess = guess_spec(table)
    signs = table["acv"].str[0].value_counts()

    sentence = next(text for text in guess.unsure if "cannot be compared" in text)
    assert f"{signs['$']} in USD" in sentence
    assert f"{signs['€']} in EUR" in sentence
    with pytest.raises(DealsError, match="acv: 25 row.* in another currency than USD"):
        read_with_questions(table, DealSpec(**tomllib.loads(guess.toml)))


def test_simulated_deals_have_no_questions() -> None:
    sim = simulate_deals(1500, seed=3)

    assert find_questions(sim.deals, sim.spec) == []


def test_missing_leavers_are_a_question_with_a_proposed_answer(shared_data: Path) -> None:
    table = read_table(shared_data / "hard_tables" / "leavers_before_march_2024_purged_300rows.csv")
    guess = guess_spec(table)
    (question,) = guess.questions

    assert question.code == "missing-leavers"
    assert question.answer == (
        '[deals] observed_from = "2024-03-01"; acknowledge it if nobody left'
    )
    assert question.must_answer
    assert "add older deals" not in " ".join(guess.unsure)


@pytest.mark.parametrize("cell", [[1], {"a": 1}, b"x"])
def test_values_that_no_deal_can_have_are_no_question_but_an_error(cell: object) -> None:
    table = customers(5).assign(tags=[cell] * 240)

    assert find_questions(table, spec()) == []
    with pytest.raises(DealsError, match="tags: 240 row"):
        read_with_questions(table, spec())
