"""Tables in many languages and layouts: the right rows, roles and counts, from init to training.

The expected counts come from `difficult`, which computes them from the original dates.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pandas as pd
import pytest
from difficult import DIFFICULT, Difficult

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history import view_of
from fitmodel.exceptions import DealsError
from fitmodel.guessing.guess import Guess, guess_spec
from fitmodel.guessing.questions import read_with_questions
from fitmodel.tables.files import read_file


@pytest.fixture(scope="module", params=list(DIFFICULT))
def table(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Difficult:
    return DIFFICULT[request.param](tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def guess(table: Difficult) -> Guess:
    return guess_spec(read_file(table.path))


def contract(guess: Guess) -> DealSpec:
    return DealSpec(**tomllib.loads(guess.toml))


def test_the_guessed_roles_are_the_correct_columns(table: Difficult, guess: Guess) -> None:
    result = tomllib.loads(guess.toml)["deals"]
    assert {role: result.get(role) for role in table.roles} == table.roles


def test_the_questions_of_init_are_the_expected_ones(table: Difficult, guess: Guess) -> None:
    assert tuple(question.code for question in guess.questions) == table.asks


def test_rows_and_early_churners_are_counted_correctly(table: Difficult, guess: Guess) -> None:
    spec = contract(guess).replace(**table.answers)
    read = read_with_questions(table.path, spec)
    view = view_of(read.deals, read.read.spec)
    early = view.early_churn == 1
    if table.since is not None:
        early &= (read.deals[table.roles["closed_on"]] >= pd.Timestamp(table.since)).to_numpy()

    assert len(read.deals) == table.deals
    assert int(early.sum()) == table.early
    assert len(read_file(table.path).table) == table.deals + table.left_out


def test_a_question_is_repeated_until_the_contract_answers_it(
    table: Difficult, guess: Guess
) -> None:
    """Without the answer, reading refuses the table or repeats the questions."""
    spec = contract(guess)
    if "rows" in table.answers or any(each.must_answer for each in guess.questions):
        with pytest.raises(DealsError, match="Remedy|Answer"):
            read_with_questions(table.path, spec)
    else:
        asked = [question.code for question in read_with_questions(table.path, spec).questions]
        assert tuple(asked) == table.asks


def test_row_numbers_in_messages_are_those_of_the_file(tmp_path: Path) -> None:
    """A person opens the workbook and finds the row that the message names."""
    table = DIFFICULT["german_workbook"](tmp_path)
    sheet = pd.read_excel(table.path, header=None, engine="openpyxl")
    sheet.iloc[100, 1] = "bald"
    sheet.to_excel(tmp_path / "wrong.xlsx", index=False, header=False)
    spec = contract(guess_spec(read_file(table.path)))

    with pytest.raises(DealsError, match="for example row 101: 'bald'"):
        read_with_questions(tmp_path / "wrong.xlsx", spec)
