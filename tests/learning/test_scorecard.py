"""The book is exact: additive, the same as the workbench, whole after a round trip."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from fitmodel.exceptions import BundleError
from fitmodel.learning.encoding import encode
from fitmodel.learning.fitting import follow_up_of
from fitmodel.learning.learner import Learned, learn
from fitmodel.learning.scorecard_checks import book_from_dict


def _codes(learned: Learned) -> np.ndarray:
    return encode(learned.book.columns, learned.taught.attributes)


def test_baseline_and_contributions_add_up_to_the_log_odds(learned: Learned) -> None:
    codes = _codes(learned)
    total = learned.book.baseline + learned.book.contributions(codes).sum(axis=1)
    np.testing.assert_allclose(total, learned.book.scores(codes)[0], atol=1e-9)


def test_chunks_give_the_same_bits_as_the_whole(learned: Learned) -> None:
    codes = _codes(learned)
    whole = learned.book.scores(codes)
    parts = [learned.book.scores(codes[start : start + 7]) for start in range(0, len(codes), 7)]
    for place in (0, 1):
        assert np.array_equal(whole[place], np.concatenate([part[place] for part in parts]))


def test_a_round_trip_through_json_keeps_every_bit(learned: Learned) -> None:
    again = book_from_dict(json.loads(json.dumps(learned.book.to_dict())))
    codes = _codes(learned)
    assert np.array_equal(again.scores(codes), learned.book.scores(codes))
    assert again.attributes == learned.book.attributes


def test_tables_average_zero_over_the_training_deals(learned: Learned) -> None:
    weight = follow_up_of(learned.taught).weight
    means = np.average(learned.book.contributions(_codes(learned)), axis=0, weights=weight)
    np.testing.assert_allclose(means, 0, atol=1e-9)


def test_the_interval_encloses_the_probability(learned: Learned) -> None:
    log_odds, deviation = learned.book.scores(_codes(learned))
    low, high = learned.book.interval(log_odds, deviation)
    probability = learned.book.calibration.probability(log_odds)
    assert ((low <= probability) & (probability <= high)).all()


@pytest.mark.slow
def test_the_same_deals_and_contract_give_the_same_book(learned: Learned, simulation) -> None:
    again = learn(simulation.deals, simulation.spec)
    assert again.book.to_dict() == learned.book.to_dict()


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(BundleError, match="format 99; this fitmodel reads format 1"):
        book_from_dict({"format": 99})


def test_a_damaged_book_is_refused(learned: Learned) -> None:
    data = learned.book.to_dict()
    with pytest.raises(BundleError, match="damaged"):
        book_from_dict({**data, "columns": None})
    with pytest.raises(BundleError, match="rows"):
        book_from_dict({**data, "tables": data["tables"][:-1]})


def test_a_book_with_a_number_that_is_not_finite_is_refused(learned: Learned) -> None:
    tables = learned.book.tables.copy()
    tables[0, 0] = np.nan
    with pytest.raises(BundleError, match="not finite"):
        dataclasses.replace(learned.book, tables=tables)


def test_a_table_can_be_read(learned: Learned) -> None:
    table = pd.DataFrame(learned.book.table("segment"))
    assert {"smb", "mid", "enterprise", "missing", "never seen before"} == set(table["value"])
    assert table["deals"].sum() == len(learned.taught)
