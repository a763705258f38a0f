"""Reasons of a whole table are identical to the reasons of each prospect alone."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals, simulate_prospects
from fitmodel.decision.policy import Policy
from fitmodel.learning.learner import learn
from fitmodel.learning.settings import Choice, Settings
from fitmodel.model._batch_reasons import largest_terms
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.scorer import Scorer
from fitmodel.model.wording import Wording
from fitmodel.tables.forms import forms_from_dict


@pytest.fixture(scope="module")
def model():
    simulation = simulate_deals(1200, seed=0)
    settings = Settings(penalty=3.0, shares=(("logistic", 0.5), ("boosted", 0.5)), pairs=3)
    choice = Choice(settings, pd.DataFrame())
    scorecard = learn(simulation.deals, simulation.spec, choice=choice, replicates=2).scorecard
    policy = Policy(kind="threshold", threshold=0.3, money=None, description="above 30%")
    words = Wording(
        labels={"seats": "Seats {ordered} 100%"},
        units={"trial_days": "days"},
        money="€ {:,.0f}",
        horizon_months=5,
        amount="annual_value",
        sellers=("industry",),  # any attribute can be marked as the rep
    )
    return FitModel(Scorer(scorecard, policy, "annual_value", "closed_on", "v", words), {})


@pytest.fixture(scope="module")
def prospects():
    table = simulate_prospects(300, seed=1).prospects.reset_index(drop=True)
    table.loc[:20, "segment"] = 'never "seen" <b> \\ 新'
    table.loc[10:60, ["seats", "industry"]] = None
    table.loc[70:80, "seats"] = 1e12
    table["employees"] = table["employees"].astype(object)
    table.loc[5, "employees"] = "41"
    return table


def test_a_placeholder_of_past_deals_is_a_missing_value_in_every_reason(model, prospects):
    names = [name for name in model.attributes if name != model.scorer.amount]
    forms = forms_from_dict({"empty": {name: ["tbd"] for name in names}})
    reading = FitModel(replace(model.scorer, forms=forms), {})
    rows = prospects.head(6).astype(object).assign(**dict.fromkeys(names, "tbd"))

    alone = [reading.predict(row, reasons=100).reasons for row in rows.to_dict("records")]
    shown = [[reason.to_display() for reason in row] for row in alone]
    with pytest.warns(UserWarning, match="empty in all 6 prospects"):
        framed = reading.predict(rows, reasons=100)["reasons"]
    texts = reading.predict_table(rows, reasons=100, as_json=True)[0]["reasons"]

    values = [item["value"] for row in shown for item in row if item["attribute"] in names]
    assert values
    assert set(values) == {None}
    assert [[reason.to_display() for reason in row] for row in framed] == shown
    assert [json.loads(text) for text in texts] == [
        [reason.to_dict() for reason in row] for row in alone
    ]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("number", [1, 3, 100])
def test_the_text_is_the_json_of_each_reason(model, prospects, number, language):
    texts = model.predict_table(prospects, reasons=number, as_json=True, language=language)[0][
        "reasons"
    ]
    expected = model.predict(prospects, reasons=number, language=language)["reasons"]

    assert any(len(model.scorecard.terms[t]) > 1 for t in range(len(model.scorecard.terms)))
    for text, reasons in zip(texts, expected, strict=True):
        assert text == json.dumps([item.to_dict() for item in reasons], ensure_ascii=False)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_one_prospect_gets_the_same_sentences_as_its_row_in_a_table(model, prospects, language):
    table = model.predict(prospects, reasons=100, language=language)["reasons"]
    rows = prospects.to_dict("records")
    for row, reasons in zip(rows[:80], table[:80], strict=True):
        single = model.predict(row, reasons=100, language=language).reasons
        assert [item.sentence for item in single] == [item.sentence for item in reasons]


def test_any_chunking_gives_the_same_texts(model, prospects):
    whole = model.predict_table(prospects, reasons=3, as_json=True)[0]["reasons"]
    parts = [prospects.iloc[start : start + 7] for start in range(0, len(prospects), 7)]
    pieces = [model.predict_table(part, reasons=3, as_json=True)[0]["reasons"] for part in parts]

    pd.testing.assert_series_equal(pd.concat(pieces), whole)


def test_no_prospects_have_no_reasons(model, prospects):
    assert model.predict_table(prospects.head(0), reasons=3, as_json=True)[0]["reasons"].empty


def test_equal_contributions_keep_their_order():
    contributions = np.array([[0.5, -0.5, 0.1, 0.5], [0.0, 0.0, -1.0, 0.0]])

    assert largest_terms(contributions, 3).tolist() == [[0, 1, 3], [2, 0, 1]]
