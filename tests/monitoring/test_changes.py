"""Relevant changes are described in words; chance is rarely reported as a change."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.decision.policy import Policy
from fitmodel.language.catalogue import phrases
from fitmodel.learning.columns import NumberColumn
from fitmodel.learning.scorecard import Evidence
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.scorer import Scorer
from fitmodel.monitoring.changes import change_text, find_change
from fitmodel.monitoring.drift import compute_drift


@pytest.fixture(scope="module")
def model(learned_on):
    learned = learned_on(1_500, seed=5)
    scorer = Scorer(learned.scorecard, Policy("threshold", 0.3, None, ""), None, "closed_on", "v1")
    return FitModel(scorer, {})


@pytest.fixture(scope="module")
def fresh():
    return simulate_deals(2000, seed=16).deals


def texts_of(drift, attribute, language="en"):
    row = drift.set_index("attribute").loc[attribute]
    return row["verdict"], change_text(
        row, attribute.replace("_", " "), phrases(language, "monitoring")
    )


def test_a_channel_that_grows_by_a_third_is_described_in_words(model, fresh) -> None:
    share = fresh["lead_source"].value_counts(normalize=True)
    level = share.index[(share - 0.25).abs().argmin()]
    random = np.random.default_rng(1)
    rest = np.flatnonzero(fresh["lead_source"] != level)
    taken = random.choice(rest, int(0.4 * (len(fresh) - len(rest))), replace=False)
    grown = fresh.copy()
    grown.iloc[taken, grown.columns.get_loc("lead_source")] = level

    verdict, words = texts_of(compute_drift(grown, model), "lead_source")

    assert verdict in {"moved", "drift"}
    assert f"lead source = {level}: " in words
    assert "more)" in words
    assert f"= {level}" in texts_of(compute_drift(grown, model), "lead_source", "zh")[1]


@pytest.mark.parametrize(
    ("times", "words"),
    [
        (2, "about twice as many"),
        (1.5, "about 1.5 times as many"),
        (0.5, "about half as many"),
        (4, "about "),
    ],
)
def test_a_change_of_size_is_described_in_everyday_words(model, fresh, times, words) -> None:
    drift = compute_drift(fresh.assign(seats=fresh["seats"] * times), model)
    verdict, text = texts_of(drift, "seats")
    assert verdict in {"moved", "drift"}
    assert text.startswith("seats: ")
    assert words in text
    assert "typically" in text


def test_without_changes_a_move_is_reported_in_at_most_5_percent_of_companies(model) -> None:
    alarms = [
        compute_drift(simulate_deals(400, seed=900 + page).deals, model)["moved"].any()
        for page in range(30)
    ]
    # the model's own deals are a sample too; 5% and two standard errors of 30 pages
    assert np.mean(alarms) <= 0.05 + 0.08


def test_few_deals_give_no_sentence(model, fresh) -> None:
    drift = compute_drift(fresh.head(12).assign(seats=fresh["seats"].head(12) * 1.3), model)
    assert texts_of(drift, "seats")[1] == ""


def test_a_number_with_only_missing_values_has_no_median() -> None:
    column = NumberColumn("seats", (5.0, 10.0), 1.0, 40.0)
    evidence = Evidence(
        np.array([3, 0, 1, 2, 3]), np.array([10, 20, 10, 0]), np.full(4, 0.1), ("", "", "", "")
    )
    change = find_change(column, evidence, np.zeros(50, dtype=np.int32))
    assert change.p_value == 1.0
    assert np.isnan(change.now)


def test_the_table_has_the_columns_for_the_sentences(model, fresh) -> None:
    drift = compute_drift(fresh, model)
    assert {"level", "now", "then", "moved"} <= set(drift.columns)
    assert not {"change_p", "tests"} & set(drift.columns)
    assert drift["moved"].dtype == bool
    assert isinstance(drift, pd.DataFrame)
