"""Leavers who came back, or who only reduced their contract, are asked about."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.guessing.questions import Question, find_questions
from tables import customers

DEALS = {
    "closed_on": "signed", "churned_on": "left", "observed_until": "2025-12-31",
    "amount": "arr", "amount_per": "year",
}  # fmt: skip


def question_of(table: pd.DataFrame, **rows: object) -> Question | None:
    """The question about leavers who did not leave, if there is one."""
    found = find_questions(table, DealSpec(deals=DEALS, rows=rows))
    return next((each for each in found if each.code == "no-real-leaving"), None)


def paying() -> pd.DataFrame:
    table = customers(3, 500)
    table["arr"] = 300.0 * table["seats"] + 17
    return table


@pytest.mark.parametrize("name", ["reactivated_on", "Won back date", "恢复日期", "Reaktiviert am"])
def test_leavers_with_a_later_day_of_coming_back_are_asked_about(name: str) -> None:
    table = paying()
    gone = np.flatnonzero(table["left"].notna())[:40]
    table[name] = pd.Series(table["left"].iloc[gone] + pd.Timedelta(days=21), dtype=object)
    found = question_of(table)

    assert found is not None
    assert found.message.startswith(f"{name}: 40 of {table['left'].notna().sum()} customers")
    assert "half of them within 21 days" in found.message
    assert question_of(table, acknowledged=[f"no-real-leaving:{name}"]) is None


def test_a_day_of_coming_back_before_the_day_of_leaving_is_no_contradiction() -> None:
    table = paying()
    table["reactivated_on"] = (table["left"] - pd.Timedelta(days=30)).astype(object)
    assert question_of(table) is None


@pytest.mark.parametrize(
    ("name", "part"),
    [("churn_type", "Downgrade"), ("Cancellation type", "Contraction"), ("流失类型", "部分流失"),
     ("Churn category", "Partial churn")],
)  # fmt: skip
def test_kinds_of_leaving_that_are_reductions_are_asked_about(name: str, part: str) -> None:
    table = paying()
    kinds = np.where(np.arange(len(table)) % 3 == 0, part, "Full")
    table[name] = pd.Series(kinds, dtype=object).where(table["left"].notna())
    found = question_of(table)

    assert found is not None
    assert found.column == name
    assert f"({part} " in found.message


@pytest.mark.parametrize("reason", ["Budget reduced", "Market contraction", "Price too high"])
def test_reasons_of_real_leaving_are_not(reason: str) -> None:
    table = paying()
    table["churn_reason"] = pd.Series(reason, table.index, dtype=object).where(
        table["left"].notna()
    )
    assert question_of(table) is None


@pytest.mark.parametrize("sign", [1, -1])
def test_leavers_who_lost_a_part_of_their_amount_only_are_asked_about(sign: int) -> None:
    table = paying()
    share = np.where(np.arange(len(table)) % 2, 0.4, 1.0)
    table["churned_arr"] = (sign * share * table["arr"]).where(table["left"].notna(), 0)
    found = question_of(table)

    assert found is not None
    assert found.column == "churned_arr"
    assert "lost only a part of 'arr' (usually 40%)" in found.message


def test_a_lost_amount_in_another_unit_says_nothing_about_parts() -> None:
    table = paying()
    table["churned_mrr"] = (table["arr"] / 12).where(table["left"].notna(), 0)
    assert question_of(table) is None
