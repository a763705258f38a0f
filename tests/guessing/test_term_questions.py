"""Ends that are whole years after signing may be those of terms that were renewed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.guessing.questions import find_questions
from tables import customers


def asked(table: pd.DataFrame, left: str, **deals: object) -> dict[str, str]:
    roles = {"closed_on": "signed", "churned_on": left, "observed_until": "2026-12-31"}
    found = find_questions(table, DealSpec(deals=roles | deals))
    return {question.code: str(question) for question in found}


def with_terms(name: str) -> pd.DataFrame:
    """Customers who are still there have the end of their first year, if it is over."""
    table = customers(6, 400)
    first_year = table["signed"] + pd.DateOffset(years=1)
    over = table["left"].isna() & (first_year <= pd.Timestamp("2025-12-31"))
    return table.assign(left=table["left"].where(~over, first_year)).rename(columns={"left": name})


@pytest.mark.parametrize("name", ["end_date", "Contract End", "Vertragsende", "到期日期"])
def test_ends_on_anniversaries_are_asked_about(name: str) -> None:
    message = asked(with_terms(name), name)["ends-of-terms"]
    assert message.startswith(f"{name}: ")
    assert "dates are whole years after 'signed'" in message


def test_a_date_that_is_named_leaving_is_not() -> None:
    """Customers with contracts of a year do leave on that day."""
    assert "ends-of-terms" not in asked(with_terms("churn_date"), "churn_date")


def test_ends_on_any_day_are_not() -> None:
    table = customers(6, 400).rename(columns={"left": "end_date"})
    assert "ends-of-terms" not in asked(table, "end_date")


def test_a_column_that_says_who_left_answers_it() -> None:
    table = with_terms("end_date")
    stays = customers(6, 400)["left"].isna()
    table["gone"] = np.where(stays, "no", "yes").astype(object)
    assert "ends-of-terms" not in asked(table, "end_date", churned="gone")


def test_years_far_ahead_are_asked_about_with_examples() -> None:
    table = customers(6, 400)
    gone = np.flatnonzero(table["left"].notna())[:6]
    wrong = table["left"].astype("str").where(table["left"].notna())
    wrong.iloc[gone] = wrong.iloc[gone].str.replace("202", "205", n=1)
    message = asked(table.assign(left=wrong), "left")["far-leaving"]

    assert "left: 6 of " in message
    assert "such as 205" in message
    assert "far-leaving" not in asked(table, "left")


def test_ends_that_are_announced_for_some_years_ahead_are_not() -> None:
    table = customers(6, 400)
    ahead = table["left"].fillna(pd.Timestamp("2030-06-30"))
    assert "far-leaving" not in asked(table.assign(left=ahead), "left")
