"""The scorecard: additive, equal to the fitted estimator, rebuilt exactly from JSON."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from fitmodel.exceptions import BundleError
from fitmodel.learning._fitting import follow_up_of
from fitmodel.learning._flatten import find_unusual_pairs
from fitmodel.learning.calibration import CalibrationMap
from fitmodel.learning.encoding import encode
from fitmodel.learning.learner import Learned, learn
from fitmodel.learning.scorecard import Evidence, PairTerm, Scorecard
from fitmodel.learning.scorecard_checks import check_scorecard, scorecard_from_dict


def _codes(learned: Learned) -> np.ndarray:
    return encode(learned.scorecard.columns, learned.training_set.attributes)


def test_baseline_and_contributions_add_up_to_the_log_odds(learned: Learned) -> None:
    codes = _codes(learned)
    total = learned.scorecard.baseline + learned.scorecard.contributions(codes).sum(axis=1)
    np.testing.assert_allclose(total, learned.scorecard.scores(codes)[0], atol=1e-9)


def test_scoring_in_chunks_gives_identical_results(learned: Learned) -> None:
    codes = _codes(learned)
    whole = learned.scorecard.scores(codes)
    parts = [
        learned.scorecard.scores(codes[start : start + 7]) for start in range(0, len(codes), 7)
    ]
    for position in (0, 1):
        assert np.array_equal(whole[position], np.concatenate([part[position] for part in parts]))


def test_a_scorecard_is_rebuilt_exactly_from_json(learned: Learned) -> None:
    again = scorecard_from_dict(json.loads(json.dumps(learned.scorecard.to_dict())))
    codes = _codes(learned)
    assert np.array_equal(again.scores(codes), learned.scorecard.scores(codes))
    assert again.attributes == learned.scorecard.attributes


def test_every_table_averages_0_over_the_training_deals(learned: Learned) -> None:
    weight = follow_up_of(learned.training_set).weight
    means = np.average(learned.scorecard.contributions(_codes(learned)), axis=0, weights=weight)
    np.testing.assert_allclose(means, 0, atol=1e-9)


def test_the_interval_contains_the_probability(learned: Learned) -> None:
    log_odds, deviation = learned.scorecard.scores(_codes(learned))
    low, high = learned.scorecard.interval(log_odds, deviation)
    probability = learned.scorecard.calibration.probability(log_odds)
    assert ((low <= probability) & (probability <= high)).all()


def test_the_deviations_of_replicates_are_those_of_the_interval(
    learned: Learned, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = _codes(learned)
    card = dataclasses.replace(learned.scorecard, calibration=CalibrationMap.identity())
    whole = card.deviations(codes)
    monkeypatch.setattr("fitmodel.learning.scorecard.CHUNK_ROWS", 7)
    assert np.array_equal(card.deviations(codes), whole)
    np.testing.assert_allclose(whole.mean(axis=1), 0, atol=1e-9)
    of_interval = card.spread * card.scores(codes)[1]
    np.testing.assert_allclose(whole.std(axis=1, ddof=1), of_interval, atol=1e-9)


def test_the_deviations_of_replicates_are_calibrated_as_the_prediction_is(learned) -> None:
    """Added to the calibrated log-odds they give those of the replicate, on a steeper map too."""
    codes, card = _codes(learned), learned.scorecard
    plain = dataclasses.replace(card, calibration=CalibrationMap.identity()).deviations(codes)
    log_odds = card.scores(codes)[0][:, None]
    bent = CalibrationMap((-3.0, -1.0, 2.0), (-4.0, -1.0, 5.0), "link")
    moved = bent.log_odds(log_odds) + dataclasses.replace(card, calibration=bent).deviations(codes)
    np.testing.assert_allclose(moved, bent.log_odds(log_odds + plain), atol=1e-9)
    assert not np.allclose(moved, bent.log_odds(log_odds) + plain, atol=1e-2)


def test_a_learned_link_is_among_what_was_chosen(learned: Learned) -> None:
    assert learned.scorecard.calibration.method == learned.chosen["calibration"] == "link"


@pytest.mark.slow
def test_the_same_deals_and_contract_give_the_same_scorecard(learned: Learned, simulation) -> None:
    again = learn(simulation.deals, simulation.spec)
    assert again.scorecard.to_dict() == learned.scorecard.to_dict()


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(BundleError, match="format 99; this fitmodel reads format 1"):
        scorecard_from_dict({"format": 99})


def test_a_damaged_scorecard_is_refused(learned: Learned) -> None:
    data = learned.scorecard.to_dict()
    with pytest.raises(BundleError, match="damaged"):
        scorecard_from_dict({**data, "columns": None})
    with pytest.raises(BundleError, match="rows"):
        scorecard_from_dict({**data, "tables": data["tables"][:-1]})


def test_a_scorecard_with_a_number_that_is_not_finite_is_refused(learned: Learned) -> None:
    tables = learned.scorecard.tables.copy()
    tables[0, 0] = np.nan
    with pytest.raises(BundleError, match="not finite"):
        dataclasses.replace(learned.scorecard, tables=tables)


def test_a_table_has_a_row_per_value(learned: Learned) -> None:
    table = pd.DataFrame(learned.scorecard.table("segment"))
    assert {"smb", "mid", "enterprise", "missing", "never seen before"} == set(table["value"])
    assert table["deals"].sum() == len(learned.training_set)


def test_combinations_expected_often_but_never_observed_are_listed() -> None:
    """A hundred deals in each band: by independence 33 deals are expected in both."""
    evidence = tuple(
        Evidence(np.arange(3), np.array([0, 100, 50]), np.full(3, 0.2), ("missing", "a", "b"))
        for _ in range(3)
    )
    first = np.repeat([1, 2], [100, 50])
    second = np.r_[np.ones(100, int), np.full(50, 2)]  # always equal to the first
    third = np.tile([1, 1, 2], 50)
    codes = np.column_stack([first, second, third]).astype(np.int32)

    assert find_unusual_pairs(codes, evidence) == ((0, 1, 1, 2), (0, 2, 1, 1))
    mixed = np.column_stack([first, third, second]).astype(np.int32)
    assert find_unusual_pairs(mixed, evidence) == ((0, 1, 2, 2), (0, 2, 2, 1))


def _first_pair(scorecard: Scorecard, **changes: object) -> Scorecard:
    first, second = (scorecard.columns[position].size + 2 for position in (0, 1))
    pair = PairTerm(0, 1, np.zeros(first, int), np.zeros(second, int))
    tables = np.concatenate([scorecard.tables, np.zeros((1, scorecard.tables.shape[1]))])
    pairs = (*scorecard.pairs, dataclasses.replace(pair, **changes))
    return dataclasses.replace(scorecard, tables=tables, pairs=pairs)


def test_a_pair_that_does_not_fit_its_attributes_is_refused(learned: Learned) -> None:
    reference = learned.scorecard
    check_scorecard(_first_pair(reference))
    size = reference.columns[0].size + 2
    for grid in (np.zeros(size + 1, int), np.zeros(size - 1, int), np.r_[-1, np.zeros(size - 1)]):
        with pytest.raises(BundleError, match="a pair does not fit"):
            check_scorecard(_first_pair(reference, first_map=grid.astype(int)))
    with pytest.raises(BundleError, match="a pair names attribute 99"):
        check_scorecard(_first_pair(reference, second=99))


def test_own_shares_must_be_between_0_and_1_and_one_per_row(learned: Learned) -> None:
    card = learned.scorecard
    rows = sum(column.size + 2 for column in card.columns)
    for right in (None, np.full(rows, 0.5), np.r_[0.0, np.ones(rows - 1)]):
        check_scorecard(dataclasses.replace(card, own=right))
    for wrong in (np.full(rows + 1, 0.5), np.full(rows, 1.1), np.r_[-0.1, np.ones(rows - 1)]):
        with pytest.raises(BundleError, match="shares of own evidence"):
            check_scorecard(dataclasses.replace(card, own=wrong))
