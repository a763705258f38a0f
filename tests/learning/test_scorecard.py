"""The scorecard is exact: additive, the same as the workbench, whole after a round trip."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from fitmodel.exceptions import BundleError
from fitmodel.learning._flatten import find_odd_pairs
from fitmodel.learning.encoding import encode
from fitmodel.learning.fitting import follow_up_of
from fitmodel.learning.learner import Learned, learn
from fitmodel.learning.scorecard import Evidence, PairTerm, Scorecard
from fitmodel.learning.scorecard_checks import check_scorecard, scorecard_from_dict


def _codes(learned: Learned) -> np.ndarray:
    return encode(learned.scorecard.columns, learned.training_set.attributes)


def test_baseline_and_contributions_add_up_to_the_log_odds(learned: Learned) -> None:
    codes = _codes(learned)
    total = learned.scorecard.baseline + learned.scorecard.contributions(codes).sum(axis=1)
    np.testing.assert_allclose(total, learned.scorecard.scores(codes)[0], atol=1e-9)


def test_chunks_give_the_same_bits_as_the_whole(learned: Learned) -> None:
    codes = _codes(learned)
    whole = learned.scorecard.scores(codes)
    parts = [
        learned.scorecard.scores(codes[start : start + 7]) for start in range(0, len(codes), 7)
    ]
    for place in (0, 1):
        assert np.array_equal(whole[place], np.concatenate([part[place] for part in parts]))


def test_a_round_trip_through_json_keeps_every_bit(learned: Learned) -> None:
    again = scorecard_from_dict(json.loads(json.dumps(learned.scorecard.to_dict())))
    codes = _codes(learned)
    assert np.array_equal(again.scores(codes), learned.scorecard.scores(codes))
    assert again.attributes == learned.scorecard.attributes


def test_tables_average_zero_over_the_training_deals(learned: Learned) -> None:
    weight = follow_up_of(learned.training_set).weight
    means = np.average(learned.scorecard.contributions(_codes(learned)), axis=0, weights=weight)
    np.testing.assert_allclose(means, 0, atol=1e-9)


def test_the_interval_encloses_the_probability(learned: Learned) -> None:
    log_odds, deviation = learned.scorecard.scores(_codes(learned))
    low, high = learned.scorecard.interval(log_odds, deviation)
    probability = learned.scorecard.calibration.probability(log_odds)
    assert ((low <= probability) & (probability <= high)).all()


@pytest.mark.slow
def test_the_same_deals_and_contract_give_the_same_book(learned: Learned, simulation) -> None:
    again = learn(simulation.deals, simulation.spec)
    assert again.scorecard.to_dict() == learned.scorecard.to_dict()


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(BundleError, match="format 99; this fitmodel reads format 1"):
        scorecard_from_dict({"format": 99})


def test_a_damaged_book_is_refused(learned: Learned) -> None:
    data = learned.scorecard.to_dict()
    with pytest.raises(BundleError, match="damaged"):
        scorecard_from_dict({**data, "columns": None})
    with pytest.raises(BundleError, match="rows"):
        scorecard_from_dict({**data, "tables": data["tables"][:-1]})


def test_a_book_with_a_number_that_is_not_finite_is_refused(learned: Learned) -> None:
    tables = learned.scorecard.tables.copy()
    tables[0, 0] = np.nan
    with pytest.raises(BundleError, match="not finite"):
        dataclasses.replace(learned.scorecard, tables=tables)


def test_a_table_can_be_read(learned: Learned) -> None:
    table = pd.DataFrame(learned.scorecard.table("segment"))
    assert {"smb", "mid", "enterprise", "missing", "never seen before"} == set(table["value"])
    assert table["deals"].sum() == len(learned.training_set)


def test_combinations_that_chance_should_have_shown_and_never_did_are_found() -> None:
    """A hundred deals of either kind: both kinds together were to be expected 33 times."""
    evidence = tuple(
        Evidence(np.arange(3), np.array([0, 100, 50]), np.full(3, 0.2), ("missing", "a", "b"))
        for _ in range(3)
    )
    first = np.repeat([1, 2], [100, 50])
    second = np.r_[np.ones(100, int), np.full(50, 2)]  # never another than the first
    third = np.tile([1, 1, 2], 50)
    codes = np.column_stack([first, second, third]).astype(np.int32)

    assert find_odd_pairs(codes, evidence) == ((0, 1, 1, 2), (0, 2, 1, 1))
    mixed = np.column_stack([first, third, second]).astype(np.int32)
    assert find_odd_pairs(mixed, evidence) == ((0, 1, 2, 2), (0, 2, 2, 1))


def _first_pair(scorecard: Scorecard, **changes: object) -> Scorecard:
    first, second = (scorecard.columns[place].size + 2 for place in (0, 1))
    pair = PairTerm(0, 1, np.zeros(first, int), np.zeros(second, int))
    tables = np.concatenate([scorecard.tables, np.zeros((1, scorecard.tables.shape[1]))])
    pairs = (*scorecard.pairs, dataclasses.replace(pair, **changes))
    return dataclasses.replace(scorecard, tables=tables, pairs=pairs)


def test_a_pair_that_does_not_fit_its_attributes_is_refused(learned: Learned) -> None:
    plain = learned.scorecard
    check_scorecard(_first_pair(plain))
    size = plain.columns[0].size + 2
    for grid in (np.zeros(size + 1, int), np.zeros(size - 1, int), np.r_[-1, np.zeros(size - 1)]):
        with pytest.raises(BundleError, match="a pair does not fit"):
            check_scorecard(_first_pair(plain, first_map=grid.astype(int)))
    with pytest.raises(BundleError, match="a pair names attribute 99"):
        check_scorecard(_first_pair(plain, second=99))


def test_shares_of_own_evidence_are_one_per_row_and_shares(learned: Learned) -> None:
    card = learned.scorecard
    rows = sum(column.size + 2 for column in card.columns)
    for right in (None, np.full(rows, 0.5), np.r_[0.0, np.ones(rows - 1)]):
        check_scorecard(dataclasses.replace(card, own=right))
    for wrong in (np.full(rows + 1, 0.5), np.full(rows, 1.1), np.r_[-0.1, np.ones(rows - 1)]):
        with pytest.raises(BundleError, match="shares of own evidence"):
            check_scorecard(dataclasses.replace(card, own=wrong))
