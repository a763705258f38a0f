"""The unit of a tenure comes from its values, or from its name."""

from __future__ import annotations

import tomllib

import pandas as pd
import pytest

from fitmodel.guessing._names import as_words
from fitmodel.guessing._tenure import tenure_unit, unit_of_values
from fitmodel.guessing.guess import guess_spec
from tables import customers


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
