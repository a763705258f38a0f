"""Leavers missing among the newest deals stop training; those of a group are a question."""

from __future__ import annotations

import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.exceptions import DealsError
from fitmodel.guessing.questions import Question, find_questions, read_with_questions
from tables import customers

DEALS = {"id": "key", "closed_on": "signed", "churned_on": "left", "observed_until": "2025-12-31"}
CUT = "2024-09-01"


def question_of(table: pd.DataFrame, code: str, **rows: object) -> Question | None:
    spec = DealSpec(deals=DEALS, rows=rows)
    return next((each for each in find_questions(table, spec) if each.code == code), None)


def unfilled() -> pd.DataFrame:
    table = customers(2, 900)
    table.loc[table["signed"] >= CUT, "left"] = pd.NaT
    return table


def test_newest_deals_without_leavers_stop_training_until_they_are_left_out() -> None:
    table = unfilled()
    found = question_of(table, "newest-without-leavers")
    assert found is not None
    assert found.must_answer
    assert f"signed since {CUT}" in found.message
    with pytest.raises(DealsError, match="Are dates of leaving not filled in for them yet"):
        read_with_questions(table, DealSpec(deals=DEALS))

    answered = DealSpec(
        deals=DEALS | {"observed_until": CUT}, rows={"unobserved": "drop"}
    )  # the answer, taken literally
    assert f'[deals] observed_until = "{CUT}" and [rows] unobserved = "drop"' in found.answer
    read = read_with_questions(table, answered)
    assert read.questions == ()
    assert read.deals["signed"].max() <= pd.Timestamp(CUT)
    assert question_of(table, "newest-without-leavers", acknowledged=[found.code]) is None


def test_a_group_that_was_exported_earlier_is_a_question() -> None:
    table = customers(2, 900)
    table["file"] = ["old.csv" if row % 2 else "new.csv" for row in range(len(table))]
    cut = (table["file"] == "old.csv") & (table["left"] > "2025-02-28")
    table.loc[cut, "left"] = pd.NaT
    found = question_of(table, "quiet-group")

    assert found is not None
    assert found.column == "file"
    assert "450 deals with 'old.csv'" in found.message
    assert '[rows] drop = {"file" = ["old.csv"]}' in found.answer
    assert question_of(table, "quiet-group", drop={"file": ["old.csv"]}) is None
