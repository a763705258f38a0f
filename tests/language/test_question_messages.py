"""The questions that training waits for are written in Chinese too, as pages show them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.guessing.questions import Question, find_questions
from fitmodel.language.catalogue import message_in, read_texts

QUOTED = read_texts("zh", "messages")["original"].partition("{")[0]
ROWS = 480
HALF = np.arange(ROWS) % 2 == 0
ROLES = {
    "id": "key", "closed_on": "signed", "churned_on": "left", "observed_until": "2025-12-31",
    "amount": "value",
}  # fmt: skip
CODE = re.compile(r'\[[^\]]*\]|"[^"]*"|\'[^\']*\'|\{[^}]*\}')  # of the contract, and values


def deals() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    signed = pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 900, ROWS), "D")
    left = pd.Series(signed + pd.to_timedelta(rng.exponential(420, ROWS).astype(int) + 1, "D"))
    return pd.DataFrame(
        {
            "key": [f"K{1000 + 7 * row}" for row in range(ROWS)],
            "signed": signed,
            "left": left.where(left <= pd.Timestamp("2025-12-31")),
            "value": np.exp(rng.normal(8, 0.7, ROWS)).round(),
        }
    )


def words(first: str, second: str, *, rows: np.ndarray = HALF) -> np.ndarray:
    return np.where(rows, first, second).astype(object)


def never_left(table: pd.DataFrame, name: str, usual: str, other: str) -> pd.DataFrame:
    others = np.arange(ROWS) < 160
    table.loc[others, "left"] = pd.NaT
    return table.assign(**{name: words(other, usual, rows=others)})


def cases() -> Iterator[tuple[str, pd.DataFrame, dict, dict]]:
    """Code of the question, a table that raises it, and what the contract says beside `ROLES`."""
    table, later = deals(), deals()["signed"] >= "2024-06-01"
    gone = table["left"].notna()
    yield "rows-not-customers", never_left(deals(), "Stage", "Won", "Lost"), {}, {}
    yield "rows-not-customers", table.assign(Status=words("Trialing", "Active")), {}, {}
    yield "rows-not-customers", table.assign(Status=words("Duplicate", "Active")), {}, {}
    undated = table.assign(churned=words("yes", "no", rows=gone))
    undated.loc[np.flatnonzero(gone)[:60], "left"] = pd.NaT
    yield "left-without-date", undated, {}, {}
    yield "several-currencies", table.assign(ccy=words("USD", "EUR")), {}, {}
    yield "several-periods", table.assign(Interval=words("month", "year")), {}, {}
    yield "several-periods", table.assign(**{"billing months": np.where(HALF, 1, 12)}), {}, {}
    term = np.where(HALF, 12, 36)
    contract = {"amount_per": "contract", "contract_months": 12}
    yield "several-terms", table.assign(**{"contract term": term}), contract, {}
    grows = table.assign(**{"contract term": term, "value": table["value"] * term / 12})
    yield "several-terms", grows, {}, {}
    total = table.rename(columns={"value": "total contract value"})
    total["contract term"] = term
    yield "several-terms", total, {"amount": "total contract value"}, {}
    numbered = table.rename(columns={"left": "contract 1 end"})
    numbered["contract 2 end"] = numbered["contract 1 end"] + pd.Timedelta(days=90)
    yield "numbered-contracts", numbered, {"churned_on": "contract 1 end"}, {}
    yield "unknown-stage", never_left(deals(), "Deal stage", "Stage C", "Stage X"), {}, {}
    kept = table.assign(Stage=words("Churned", "Won", rows=gone & HALF))
    yield "leavers-left-out", kept, {}, {"keep": {"Stage": ["Won"]}}
    purged = table[~(table["left"] < pd.Timestamp("2024-06-01"))].reset_index(drop=True)
    yield "missing-leavers", purged, {}, {}
    twice = pd.concat([table.assign(left=pd.NaT), table], ignore_index=True)
    yield "snapshots", twice, {}, {"customer": "key"}
    yield "newest-without-leavers", table.assign(left=table["left"].mask(later)), {}, {}
    for factor in (100, 0.01):
        value = table["value"] * np.where(later, factor, 1)
        yield "unit-changes", table.assign(value=value), {}, {}
        value = table["value"] * np.where(HALF, factor, 1)
        yield "unit-changes", table.assign(value=value, system=words("crm", "erp")), {}, {}


def question_of(code: str, table: pd.DataFrame, roles: dict, rows: dict) -> Question:
    found = find_questions(table, DealSpec(deals=ROLES | roles, rows=rows))
    return next(each for each in found if each.code == code and each.must_answer)


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case[0])
def test_a_question_that_must_be_answered_is_translated_with_its_numbers(case) -> None:
    message = str(question_of(*case))
    translation = message_in(message, "zh", "questions")

    assert QUOTED not in translation, message
    assert sorted(re.findall(r"\d+", translation)) == sorted(re.findall(r"\d+", message))
    assert translation.endswith(f"[{case[0]}]")
    assert len(re.findall("[\u4e00-\u9fff]", translation)) > 10
    assert not re.search(
        r"\b(would count|acknowledge|Answer|rows that|per)\b", CODE.sub("", translation)
    )


def test_every_text_of_a_question_is_reached() -> None:
    """No template is left over after the question that it is of has changed."""
    reached = {key for case in cases() for key in _templates_of(str(question_of(*case)))}
    assert reached == set(read_texts("en", "questions"))


def _templates_of(message: str) -> Iterator[str]:
    for key, template in read_texts("en", "questions").items():
        pattern = re.sub(r"\\\{[a-z]+\\\}", ".*?", re.escape(template))
        if re.fullmatch(pattern, message, re.DOTALL):
            yield key
