"""Garbled letters, and reps that are written in two ways, are asked about."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.guessing._name_questions import ungarbled
from fitmodel.guessing.questions import find_questions
from tables import customers

DEALS = {"closed_on": "signed", "churned_on": "left", "observed_until": "2025-12-31"}


def asked(table: pd.DataFrame, **deals: str) -> dict[str, str]:
    found = find_questions(table, DealSpec(deals=DEALS | deals))
    return {question.code: str(question) for question in found}


def with_values(name: str, *values: str) -> pd.DataFrame:
    table = customers(4, 300)
    table[name] = np.array(values, dtype=object)[np.arange(len(table)) % len(values)]
    return table


@pytest.mark.parametrize(
    ("text", "meant"),
    [("MÃ¼nchen", "München"), ("SÃ£o Paulo", "São Paulo"), ("åŒ—äº¬", "北京"), ("Ärzte", "Ärzte"),
     ("M\ufffdnchen", ""), ("Œuvre Ã deux", "Œuvre Ã deux"), ("plain", "plain")],
)  # fmt: skip
def test_a_text_in_a_wrong_encoding_is_read_as_it_was_meant(text: str, meant: str) -> None:
    assert ungarbled(text) == meant


def test_garbled_values_are_named_with_what_they_mean() -> None:
    message = asked(with_values("city", "München", "MÃ¼nchen", "Köln"))["garbled-text"]

    assert "city: 100 of 300 rows have garbled letters in 1 value(s)" in message
    assert "'MÃ¼nchen' for 'München', and 1 of them also in the right letters" in message


def test_letters_of_other_languages_are_not_garbled() -> None:
    table = with_values("city", "Århus", "Łódź", "Ürümqi", "북경", "Âge d'or", "naïve café")
    assert "garbled-text" not in asked(table)


@pytest.mark.parametrize("same", ["Kim Lee (inactive)", "Kim Lee [EMEA]", "Kim Lee - former"])
def test_a_rep_with_a_remark_beside_the_rep_is_asked_about(same: str) -> None:
    table = with_values("rep", "Kim Lee", "Ann Roe", same)
    message = asked(table, rep="rep")["people-alike"]

    assert (
        f"rep: 100 of 300 rows name a rep in another way than other rows do, such as {same!r}"
        in (message)
    )
    assert "people-alike" not in asked(table)  # as an attribute it is a level


@pytest.mark.parametrize("both", ["Kim Lee; Ann Roe", "Kim Lee / Bo Mo", "Kim Lee and Ann Roe"])
def test_two_reps_in_one_cell_are_asked_about(both: str) -> None:
    message = asked(with_values("rep", "Kim Lee", "Ann Roe", both), rep="rep")["people-alike"]
    assert f"{both!r}, who are several" in message


def test_different_names_are_not_asked_about() -> None:
    table = with_values("rep", "Kim Lee", "Lee, Ann", "Ann", "Sandy Anderson", "Team B (new)")
    table["area"] = np.where(np.arange(len(table)) % 2, "Sales", "Sales & Service").astype(object)
    assert "people-alike" not in asked(table, rep="rep", team="area")
