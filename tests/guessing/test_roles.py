"""A role goes to the column whose name and content fit it best."""

from __future__ import annotations

import tomllib

import numpy as np
import pandas as pd
import pytest

from fitmodel.exceptions import DealsError
from fitmodel.guessing._names import as_words
from fitmodel.guessing._roles import may_be_tenure, tenure_unit, unit_of_values
from fitmodel.guessing.guess import guess_spec
from tables import customers

CLOSINGS = [  # the right name, and one of another date of the same rows
    ("Actual Close Date", "Est. Close Date"),
    ("close_date", "expected_close_date"),
    ("成交日期", "预计成交日期"),
    ("Became a Customer Date", "Recent Deal Close Date"),
    ("Abschlussdatum", "Voraussichtliches Abschlussdatum"),
]


@pytest.mark.parametrize(("right", "other"), CLOSINGS)
@pytest.mark.parametrize("is_first", [True, False])
def test_a_date_that_was_expected_or_is_of_a_later_deal_is_no_closing(
    right: str, other: str, is_first: bool
) -> None:
    table = customers(9).rename(columns={"signed": right})
    before = table[right] - pd.to_timedelta(np.arange(len(table)) % 50, "D")
    table.insert(0 if is_first else 3, other, before)
    guess = guess_spec(table)

    assert tomllib.loads(guess.toml)["deals"]["closed_on"] == right
    assert "closed_on could be any" not in " ".join(guess.unsure)


TENURES = [
    ("days_since_last_login", range(300), False),
    ("Months since last purchase", range(30), False),
    ("上次登录距今在网天", range(30), False),
    ("YearsWithCurrManager", range(20), False),
    ("Years Since Last Promotion", range(20), False),
    ("YearsAtCompany", range(41), True),
    ("days_since_first_order", range(300), True),
    ("Age", range(18, 80), False),
    ("Contract Duration (months)", [1, 12, 24, 36], False),
    ("Vertragslaufzeit in Monaten", [12, 24], False),
    ("tenure_months", [3, 6, 12, 24], False),  # terms, whatever the name says
    ("Age", range(40), True),
    ("account_age", range(20, 80), True),
    ("tenure_months", range(40), True),
    ("days_since_signup", range(300), True),
    ("months_as_customer", [0, 1, 2, 3, 4, 5, 6], True),
]


@pytest.mark.parametrize(("name", "values", "fits"), TENURES)
def test_the_time_since_an_event_an_age_or_an_agreed_term_is_no_tenure(
    name: str, values: object, fits: bool
) -> None:
    assert may_be_tenure(as_words(name), set(values)) is fits  # type: ignore[call-overload]


@pytest.mark.parametrize("name", ["days_since_last_login", "Contract Duration (months)"])
def test_without_a_tenure_the_table_is_refused(name: str) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"customer_id": np.arange(300) + 5000, "plan": rng.choice(["a", "b"], 300)}
    )
    table[name] = rng.choice([1, 12, 24], 300)
    table["churned"] = rng.choice(["yes", "no"], 300)

    with pytest.raises(DealsError, match="'churned' says who left .* but no column says when"):
        guess_spec(table)


@pytest.mark.parametrize(
    ("name", "unit"),
    [("Tenure (months)", "months"), ("Customer days", "days"), ("利用月数", "months"),
     ("이용 개월", "months"), ("Срок в месяцах", "months"), ("Staż w miesiącach", "months"),
     ("Tenure", None), ("months or years", None)],
)  # fmt: skip
def test_a_name_gives_the_unit_unless_it_gives_two(name: str, unit: str | None) -> None:
    assert tenure_unit(as_words(name)) == unit


@pytest.mark.parametrize(
    ("text", "unit"), [("{} days", "days"), ("{} months", "months"), ("{}天", "days"), ("{}", None)]
)
def test_values_with_a_unit_give_it(text: str, unit: str | None) -> None:
    assert unit_of_values(pd.Series([text.format(number) for number in range(40)])) == unit
    assert unit_of_values(pd.Series(range(40))) is None


def test_days_in_a_column_of_months_are_days() -> None:
    """The values are surer than the name: 412 days are not 412 months."""
    base = customers(3)
    end = base["left"].fillna(pd.Timestamp("2025-12-31"))
    days = (end - base["signed"]).dt.days
    table = base[["key", "plan", "seats"]].assign(
        **{"Tenure (months)": [f"{day} days" for day in days], "churned": base["left"].notna()}
    )
    assert tomllib.loads(guess_spec(table).toml)["deals"]["tenure_unit"] == "days"


@pytest.mark.parametrize("name", ["account_manager", "Account Manager", "AccountManager Name"])
def test_an_account_manager_is_the_rep_unless_a_column_says_who_sold(name: str) -> None:
    table = customers(9)
    table = table.drop(columns=[each for each in table if "rep" in each or "owner" in each])
    people = np.array(["Ana", "Bo", "Cy"])[np.arange(len(table)) % 3]
    table[name] = people

    assert tomllib.loads(guess_spec(table).toml)["deals"]["rep"] == name
    with_rep = guess_spec(table.assign(sales_rep=people[::-1])).toml
    assert tomllib.loads(with_rep)["deals"]["rep"] == "sales_rep"
