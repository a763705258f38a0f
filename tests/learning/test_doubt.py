"""Every bag carries its own calibration, penalty and prior, and all of it ends in its tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.learning.additive import Additive
from fitmodel.learning.calibration import expit, fit_sigmoid
from fitmodel.learning.design import make_design
from fitmodel.learning.doubt import MISFIT, Draw, carry, draw_doubt
from fitmodel.learning.encoding import EncodingOptions, encode, fit_columns
from fitmodel.learning.logistic import fit_logistic, scatter_logistic

BAGS = 400


def deals(n: int, *, seed: int = 0, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    raw = random.normal(-1, 1, n)
    return raw, (random.random(n) < expit(raw + shift)).astype(float)


def doubt(n: int, draws: int = 60) -> tuple[Draw, ...]:
    raw, label = deals(n)
    return draw_doubt({3.0: raw, 10.0: 0.9 * raw}, 3.0, label, np.ones(n), draws=draws, seed=1)


def test_a_bag_says_what_its_own_line_makes_of_it() -> None:
    random = np.random.default_rng(0)
    bags = Additive(random.normal(size=2), (random.normal(size=(4, 2)),))
    draws = (Draw(1.0, 0.8, 0.3), Draw(1.0, 1.1, -0.2))
    codes = np.array([[0], [3]], dtype=np.int32)
    for place, (draw, misfit) in enumerate(zip(draws, (0.5 * MISFIT, -0.5 * MISFIT), strict=True)):
        one, own = (
            Additive(
                model.intercept[place : place + 1], (model.singles[0][:, place : place + 1],)
            ).log_odds(codes)
            for model in (bags, carry(bags, draws, spread=0.5))
        )
        np.testing.assert_allclose(own, draw.slope * one + draw.shift + misfit)


def test_the_same_deals_and_seed_give_the_same_draws() -> None:
    assert doubt(300, 5) == doubt(300, 5)


@pytest.mark.slow
def test_lines_of_few_deals_scatter_more_than_those_of_many() -> None:
    few, many = (
        np.std([(draw.slope, draw.shift) for draw in doubt(n)], axis=0) for n in (200, 20_000)
    )
    assert (many < 0.5 * few).all()


def test_lines_centre_on_the_book_s_own() -> None:
    draws = doubt(2_000)
    assert np.mean([draw.slope for draw in draws]) == pytest.approx(1.0, abs=0.1)
    assert np.mean([draw.shift for draw in draws]) == pytest.approx(0.0, abs=0.1)


def test_penalties_that_the_deals_cannot_tell_apart_are_all_drawn() -> None:
    assert {draw.penalty for draw in doubt(200)} == {3.0, 10.0}


def test_a_shift_that_chance_explains_is_not_followed_and_another_is() -> None:
    def found(n: int, shift: float) -> np.ndarray:
        moved = []
        for seed in range(20):
            raw, label = deals(n, seed=seed, shift=shift)
            slope, intercept = fit_sigmoid(raw, label, np.ones(n)).coefficients
            moved.append(intercept + (slope - 1) * raw.mean())
        return np.array(moved)

    assert np.median(np.abs(found(400, 0.0))) < 1e-6
    np.testing.assert_allclose(found(4_000, 0.8), 0.8, atol=0.15)


@pytest.mark.slow
def test_refits_and_prior_scatter_as_the_posterior_of_the_ridge_does() -> None:
    random = np.random.default_rng(3)
    frame = pd.DataFrame({"plan": random.choice(list("abc"), 600)})
    effect = frame["plan"].map({"a": -0.5, "b": 0.0, "c": 0.5}).to_numpy()
    label = (random.random(600) < expit(-0.5 + effect)).astype(float)
    columns = fit_columns(frame, EncodingOptions())
    design = make_design(
        columns, encode(columns, frame), label, np.ones(600), parents=[None], seed=0
    )
    penalty = 20.0
    weights = [random.multinomial(600, np.full(600, 1 / 600)).astype(float) for _ in range(BAGS)]
    bags = scatter_logistic(design, label, weights, penalties=[penalty] * BAGS)
    point = fit_logistic(design, label, np.ones(600), penalty=penalty)
    wide = np.hstack([np.ones((600, 1)), design.linear_matrix()])
    chance = expit(point.log_odds(design.codes))
    hessian = (wide * (chance * (1 - chance))[:, None]).T @ wide + penalty * np.diag([0, 1, 1, 1])
    posterior = np.sqrt(np.diag(np.linalg.inv(hessian)))
    found = [bags.intercept.std(), *(bags.singles[0][code].std() for code in (1, 2, 3))]
    np.testing.assert_allclose(found, posterior, rtol=0.15)
