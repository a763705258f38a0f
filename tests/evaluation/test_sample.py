"""Evaluated deals are checked once and sorted."""

from __future__ import annotations

import numpy as np
import pytest

from fitmodel.evaluation.sample import Sample
from fitmodel.exceptions import DealsError


def test_deals_are_sorted_by_decreasing_risk(tied):
    turned = np.random.default_rng(3).permutation(len(tied.y))
    first = Sample.of(tied.y, tied.p, tied.weight, 0.2)
    second = Sample.of(tied.y[turned], tied.p[turned], tied.weight[turned], 0.2)
    assert (np.diff(first.probability) <= 0).all()
    for name in ("outcome", "probability", "weight", "reference", "tie_starts"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_a_deal_of_weight_0_is_left_out_also_with_an_unknown_outcome():
    sample = Sample.of([1, np.nan, 0], [0.2, 0.4, 0.6], [1.0, 0.0, 2.0])
    np.testing.assert_array_equal(sample.outcome, [0, 1])
    np.testing.assert_array_equal(sample.weight, [2, 1])


@pytest.mark.parametrize(
    ("y", "p", "weight", "message"),
    [
        ([1, np.nan], [0.1, 0.2], None, r"1 of 2 values of outcome .*nan, at position 1.*not a 0"),
        ([1, 0.5], [0.1, 0.2], None, "values of outcome are wrong"),
        ([1, 0], [0.1, 1.2], None, r"1 of 2 values of probability .*1\.2, at position 1"),
        ([1, 0], [0.1, np.nan], None, "values of probability are wrong"),
        ([1, 0], [0.1, 0.2], [1, -1], r"values of weight .*-1\.0, at position 1.*0 or more"),
        ([1, 0], [0.1, 0.2], [1, np.inf], "values of weight are wrong"),
        ([1, 0], [0.1], None, r"p has shape \(1,\) and y has shape \(2,\): give one number"),
        ([1, 0], 0.1, None, "p has shape"),
        ([1, 0], [0.1, 0.2], [1.0], r"weight has shape \(1,\)"),
        ([], [], None, "no deal with a known outcome"),
        ([1, 0], [0.1, 0.2], [0, 0], "no deal with a known outcome"),
    ],
)
def test_impossible_values_are_reported_with_count_example_and_position(y, p, weight, message):
    with pytest.raises(DealsError, match=message):
        Sample.of(y, p, weight)


def test_a_base_rate_outside_0_to_1_is_refused():
    with pytest.raises(DealsError, match="values of base rate are wrong"):
        Sample.of([1, 0], [0.1, 0.2], None, 20.0)


@pytest.mark.parametrize(
    ("outcome", "missing"), [(0, "early churner"), (1, "customer that stayed")]
)
def test_deals_with_one_outcome_are_an_error_that_names_the_missing_one(outcome, missing):
    sample = Sample.of([outcome] * 7, np.full(7, 0.3))
    with pytest.raises(DealsError, match=f"7 deals .*there is no {missing}"):
        sample.require_both()


def test_sums_over_ties_add_deals_of_equal_probability(tied):
    sample = Sample.of(tied.y, tied.p, tied.weight)
    sums = sample.per_tie(sample.weight)
    expected = [tied.weight[tied.p == p].sum() for p in np.unique(tied.p)[::-1]]
    np.testing.assert_allclose(sums, expected)


def test_resamples_have_as_many_deals_and_both_outcomes(evaluated):
    sample = Sample.of(evaluated.y, evaluated.p)
    drawn = np.concatenate(list(sample.resamples(40, seed=0)))
    assert drawn.shape == (40, len(sample))
    np.testing.assert_array_equal(drawn.sum(axis=1), len(sample))
    assert abs(drawn.mean(axis=0) - 1).max() < 1.0


def test_resamples_without_both_outcomes_are_left_out():
    sample = Sample.of([1, 0, 0, 0], [0.9, 0.1, 0.2, 0.3])
    drawn = np.concatenate(list(sample.resamples(400, seed=0)))
    churners = drawn @ sample.outcome
    assert 0.6 < len(drawn) / 400 < 0.75  # 1 - (3/4)^4 - (1/4)^4 = 0.68
    assert churners.min() > 0
    assert (churners < 4).all()


def test_resamples_use_the_weights():
    sample = Sample.of([1, 0, 1], [0.9, 0.1, 0.5], [2.0, 1.0, 3.0])
    times = np.concatenate(list(sample.resamples(30, seed=0))) / sample.weight
    np.testing.assert_array_equal(times, times.round())
