"""Categories of many levels: what they tell is used, what they do not tell costs little."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.learning._design import level_statistic
from fitmodel.learning.calibration import expit
from fitmodel.learning.classifier import ProspectFitClassifier

SEEDS = range(6)


def company(
    deals: int, levels: int, effect: float, seed: int
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Attributes, outcome and true probability: a number with an effect, pages of known effects."""
    law = np.random.default_rng(1_000 + seed)
    pages = effect * law.normal(size=levels)
    share = law.dirichlet(np.full(levels, 2.0))
    random = np.random.default_rng(seed)
    seats, page = random.normal(size=deals), random.choice(levels, deals, p=share)
    truth = expit(-1.0 + 0.7 * seats + pages[page])
    frame = pd.DataFrame({"seats": seats, "page": np.char.add("page ", page.astype(str))})
    return frame, (random.random(deals) < truth).astype(float), truth


def excess(frame: pd.DataFrame, label: np.ndarray, truth: np.ndarray, known: int) -> float:
    """Expected log loss beyond that of the truth, on deals not learned from."""
    share = 0.5 if len(frame) < 3_000 else 0.0  # boosting too where it takes little time
    model = ProspectFitClassifier(boosting_share=share, replicates=3).fit(
        frame[:known], label[:known]
    )
    p, q = model.predict_proba(frame[known:])[:, 1], truth[known:]
    return float(np.mean(q * np.log(q / p) + (1 - q) * np.log((1 - q) / (1 - p))))


def gains(known: int, levels: int, effect: float) -> list[float]:
    """How much nearer the truth the pages bring the model, seed by seed."""
    found = []
    for seed in SEEDS:
        frame, label, truth = company(known + 4_000, levels, effect, seed)
        without = excess(frame[["seats"]], label, truth, known)
        found.append(without - excess(frame, label, truth, known))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("known", "levels", "least"), [(600, 130, 0.005), (10_000, 500, 0.02)])
def test_pages_with_an_effect_bring_the_model_nearer_the_truth(
    known: int, levels: int, least: float
) -> None:
    assert np.mean(gains(known, levels, effect=0.8)) > least


@pytest.mark.slow
@pytest.mark.parametrize(("known", "levels"), [(600, 130), (10_000, 500)])
def test_pages_without_an_effect_cost_less_than_chance_does(known: int, levels: int) -> None:
    cost = -np.mean(gains(known, levels, effect=0.0))
    chance = 0.5 / known  # expected log loss of one free number that says nothing
    assert cost < 4 * chance


def test_a_name_of_its_own_for_every_deal_costs_less_than_chance_does() -> None:
    costs = []
    for seed in SEEDS:
        frame, label, truth = company(4_600, 1, 0.0, seed)
        named = frame.assign(page=[f"id {place}" for place in range(len(frame))])
        costs.append(excess(named, label, truth, 600) - excess(frame, label, truth, 600))
    assert np.mean(costs) < 4 * 0.5 / 600


def test_a_level_statistic_without_signal_does_not_see_its_own_label() -> None:
    random = np.random.default_rng(0)
    code = random.integers(1, 301, 3000).astype(np.int32)
    label = (random.random(3000) < 0.3).astype(float)
    statistic = level_statistic(
        code, 300, np.zeros(3000, dtype=np.int32), label, np.ones(3000), seed=0
    )
    assert abs(np.corrcoef(statistic.cross_fitted, label)[0, 1]) < 0.05
    assert np.abs(statistic.by_code).max() < 0.3


def test_a_parent_lends_its_rate_to_a_rare_level() -> None:
    random = np.random.default_rng(1)
    code = random.integers(1, 201, 4000).astype(np.int32)
    parent = (code > 100).astype(np.int32)
    label = (random.random(4000) < np.where(parent, 0.6, 0.1)).astype(float)
    statistic = level_statistic(code, 200, parent, label, np.ones(4000), seed=0)
    assert statistic.by_code[101:201].min() > statistic.by_code[1:101].max()
