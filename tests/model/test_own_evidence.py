"""The share of a prediction that comes from the company's own evidence."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.decision.policy import Policy
from fitmodel.exceptions import BundleError
from fitmodel.learning.learner import learn
from fitmodel.model.assessment import FEW_SIMILAR_DEALS, LOW_OWN_EVIDENCE, Assessment
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.scorer import Scorer, scorer_from_json

LAW = {"n_attributes": 8, "company": 23, "base_rate": 0.25, "rep_effects": False}


def learned_from(n: int):
    sim = simulate_deals(n, seed=3, **LAW)
    return sim, learn(sim.deals, sim.spec, min_churners=8, regime="provisional")


@pytest.fixture(scope="module")
def few():
    return learned_from(80)


@pytest.fixture(scope="module")
def model(few) -> FitModel:
    sim, learned = few
    scorer = Scorer(
        learned.scorecard, Policy("threshold", 0.5), None, sim.spec.deals.closed_on, "v",
        regime="provisional",
    )  # fmt: skip
    return FitModel(scorer, {})


def test_every_row_has_a_share_and_an_unseen_level_has_0(few) -> None:
    scorecard = few[1].scorecard
    assert scorecard.own.shape == (sum(column.size + 2 for column in scorecard.columns),)
    assert ((scorecard.own >= 0) & (scorecard.own <= 1)).all()
    for column, start in zip(scorecard.columns, scorecard.offsets, strict=False):
        if column.kind == "category":
            assert scorecard.own[start + column.size + 1] == 0.0


def test_a_level_with_more_deals_has_a_larger_share(few) -> None:
    scorecard = few[1].scorecard
    position = scorecard.attributes.index("lead_source")
    start, size = scorecard.offsets[position], scorecard.columns[position].size
    counts = np.array(scorecard.deals_per_row())[start + 1 : start + size + 1]
    shares = scorecard.own[start + 1 : start + size + 1]
    assert shares[counts.argmax()] > shares[counts.argmin()]


def test_more_deals_give_a_larger_share() -> None:
    means = []
    for n in (60, 240, 960):
        sim, learned = learned_from(n)
        frame = learned.training_set.attributes
        codes = learned.estimator._codes(frame)
        means.append(learned.scorecard.own_evidence(codes).mean())
        assert len(sim.deals) == n
    assert means[0] < means[1] < means[2]
    assert means[2] > 0.8


def test_one_prospect_and_a_table_have_the_same_share(few, model) -> None:
    deals = few[0].deals.head(12)
    table = model.predict(deals)["own_evidence"].tolist()
    single = [model.predict(row).own_evidence for row in deals.to_dict("records")]
    assert single == table
    assert all(0 <= share <= 1 for share in table)


def test_the_share_is_in_the_assessment_and_in_words_of_both_languages(few, model) -> None:
    prospect = few[0].deals.iloc[0].to_dict() | {"lead_source": "never seen"}
    predicted = model.predict(prospect)
    assert predicted.rarest_value_deals == 0
    assert predicted.to_dict()["own_evidence"] == predicted.own_evidence < LOW_OWN_EVIDENCE
    assert predicted.to_dict()["regime"] == model.regime == "provisional"
    assert predicted.notes == (
        "Provisional: the model learned from few early churners.",
        "Mostly the company's average: no such deal is among those learned from.",
    )
    assert predicted.sentences[-2:] == predicted.notes
    assert "公司平均水平" in model.predict(prospect, language="zh").notes[1]


@pytest.mark.parametrize(
    ("own", "alike", "words"),
    [
        (LOW_OWN_EVIDENCE, 3, ()),
        (0.2, 6, ("Mostly the company's average: only 6 such deals are",)),
        (0.2, 1, ("Mostly the company's average: only one such deal is",)),
        (0.2, 0, ("Mostly the company's average: no such deal is",)),
        (0.2, FEW_SIMILAR_DEALS + 1, ("Mostly the company's average: past deals say little",)),
        (math.nan, 0, ()),
    ],
)
def test_the_note_depends_on_the_share_and_the_number_of_similar_deals(own, alike, words) -> None:
    text = Assessment(
        0.2, 0.1, 0.3, False, "watch", math.nan, False, (), "v",  # noqa: FBT003 - its fields
        own_evidence=own, rarest_value_deals=alike,
    )  # fmt: skip
    assert len(text.notes) == len(words)
    assert all(note.startswith(start) for note, start in zip(text.notes, words, strict=True))


def test_the_scorer_file_stores_the_share_and_older_files_have_none(few, model) -> None:
    again = scorer_from_json(model.scorer.to_json(), "v")
    assert again.regime == "provisional"
    assert (again.scorecard.own == few[1].scorecard.own).all()
    data = json.loads(model.scorer.to_json())
    del data["book"]["own"], data["regime"]
    before = scorer_from_json(json.dumps(data).encode(), "v")
    assessment = before.assess(few[0].deals.iloc[0].to_dict())
    assert math.isnan(assessment.own_evidence)
    assert assessment.to_dict()["own_evidence"] is None
    assert assessment.notes == ()
    table = FitModel(before, {}).predict(few[0].deals.head(9))
    assert table["own_evidence"].isna().all()


@pytest.mark.parametrize("damage", ["regime", "short", "beyond"])
def test_a_damaged_share_or_regime_is_refused(model, damage) -> None:
    data = json.loads(model.scorer.to_json())
    if damage == "regime":
        data["regime"] = "final"
    elif damage == "short":
        data["book"]["own"] = data["book"]["own"][:-1]
    else:
        data["book"]["own"][0] = 1.5
    with pytest.raises(BundleError):
        scorer_from_json(json.dumps(data).encode(), "v")


def test_a_row_split_by_an_edit_keeps_its_share(few) -> None:
    from fitmodel.learning._edit_targets import split_level

    scorecard = few[1].scorecard
    position = scorecard.attributes.index("lead_source")
    split = split_level(scorecard, position, "a new source")
    assert len(split.own) == len(scorecard.own) + 1
    assert replace(split, own=None).own is None
