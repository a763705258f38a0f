"""Folds keep the deals of a rep together and have similar sizes; a shift keeps the order."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import expit, logit

from fitmodel.sales._over_reps import MAX_FOLDS, fold_of_reps, with_mean


def test_all_deals_of_a_rep_are_in_one_fold() -> None:
    who = pd.Series(np.random.default_rng(0).choice(list("abcdefghij"), 300), index=range(5, 305))
    folds = fold_of_reps(who)

    assert folds.index.equals(who.index)
    assert (folds.groupby(who).min() == folds.groupby(who).max()).all()
    assert set(folds) == set(range(MAX_FOLDS))


@given(st.lists(st.integers(1, 40), min_size=1, max_size=15), st.integers(1, 6))
def test_fold_sizes_differ_by_at_most_the_largest_rep(sizes, most) -> None:
    who = pd.Series(np.repeat([f"R{number:02d}" for number in range(len(sizes))], sizes))
    folds = fold_of_reps(who, most)
    loads = folds.value_counts().reindex(range(min(most, len(sizes))), fill_value=0)

    assert loads.sum() == sum(sizes)
    assert loads.max() - loads.min() <= max(sizes)
    assert loads.min() > 0


def test_the_largest_reps_are_assigned_first_independent_of_the_order_of_deals() -> None:
    who = pd.Series(list("aaaabbbccd"))
    folds = fold_of_reps(who, 2)

    # a to 0 (4), b to 1 (3), c to 1 (5), d to 0 (5)
    assert folds.groupby(who).first().to_dict() == {"a": 0, "b": 1, "c": 1, "d": 0}
    turned = fold_of_reps(who.iloc[::-1], 2)
    assert turned.sort_index().tolist() == folds.tolist()


def test_reps_of_the_same_size_are_assigned_by_name() -> None:
    assert fold_of_reps(pd.Series(["z", "a", "m"])).tolist() == [2, 0, 1]


@pytest.mark.parametrize("mean", [0.01, 0.2, 0.5, 0.97])
def test_the_log_odds_are_shifted_to_the_given_mean(mean) -> None:
    p = np.random.default_rng(1).uniform(0.01, 0.6, 200)
    shifted = with_mean(p, mean)
    shift = brentq(lambda by: expit(logit(p) + by).mean() - mean, -20, 20, xtol=1e-14)

    assert shifted.mean() == pytest.approx(mean)
    assert shifted == pytest.approx(expit(logit(p) + shift))
    assert (np.argsort(shifted) == np.argsort(p)).all()


def test_a_mean_that_is_already_reached_changes_nothing() -> None:
    p = np.array([0.1, 0.2, 0.6])

    assert with_mean(p, 0.3) == pytest.approx(p)


def test_probabilities_of_0_and_1_stay_finite() -> None:
    shifted = with_mean(np.array([0.0, 0.5, 1.0]), 0.5)

    assert np.isfinite(shifted).all()
    assert shifted == pytest.approx([0, 0.5, 1], abs=1e-6)
