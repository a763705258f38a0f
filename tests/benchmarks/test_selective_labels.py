"""A model whose flags are followed stays calibrated only with exploration."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from selective_labels import plot_selective_labels, replay_rounds, simulate_company

SHARE = 0.3
SEEDS = (1, 2, 3)
SETTLED = 3  # rounds until the first deals have little influence


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_flagged_deals_stay_calibrated_only_with_exploration(
    quick_learner: dict[str, Any],
) -> None:
    error = {}
    for share in (SHARE, 0.0):
        error[share] = np.array([_error(seed, share, quick_learner) for seed in SEEDS])
    with_it, without = error[SHARE], error[0.0]
    assert abs(with_it.mean()) < 0.12
    # in every company, and by more than the companies differ from each other
    assert (without > with_it).all()
    gap = without - with_it
    assert gap.mean() > 2 * gap.std(ddof=1) / np.sqrt(len(SEEDS))
    assert without.mean() > 0.15


def _error(seed: int, share: float, learning: dict[str, Any]) -> float:
    """Mean log of observed over expected among flagged deals in the later rounds."""
    company = simulate_company(800, rounds=5, seed=seed)
    company = replace(company, spec=company.spec.replace(learning=learning))
    rounds = replay_rounds(company, share=share)
    late = rounds[rounds.index >= SETTLED]
    sums = late[["said", "came"]].multiply(late["flagged"] * late["prospects"], axis=0).sum()
    return float(np.log(sums["came"] / sums["said"]))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_first_round_is_the_same_for_both_and_close_to_the_truth() -> None:
    company = simulate_company(700, rounds=1, seed=4)
    first_rounds = [replay_rounds(company, share=share).loc[1] for share in (0.0, 0.5)]
    pd.testing.assert_series_equal(
        *(row[["flagged", "said", "came", "ratio", "divergence"]] for row in first_rounds)
    )
    assert abs(np.log(first_rounds[0]["ratio"])) < 0.2
    assert first_rounds[1]["missed"] <= first_rounds[0]["missed"]  # exploring declines fewer
    assert first_rounds[1]["earned"] < first_rounds[0]["earned"]  # and that costs


def test_the_plot_has_a_line_for_each_share_and_a_reference_line() -> None:
    rounds = pd.DataFrame(
        {
            "round": [1, 2] * 4,
            "company": [1, 1, 2, 2] * 2,
            "share": [0.0] * 4 + [0.2] * 4,
            "ratio": [1.0, 1.4, 1.1, 1.6, 1.0, 1.05, 0.95, 1.0],
        }
    )
    axes = plot_selective_labels(rounds)
    declined, explored, well = axes.get_lines()
    np.testing.assert_allclose(declined.get_ydata(), [1.05, 1.5])
    np.testing.assert_allclose(explored.get_ydata(), [0.975, 1.025])
    assert set(well.get_ydata()) == {1}
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "none of the flagged drawn: only those whom a rep knows better",
        "20% of the flagged proceed, to be learned from",
    ]


@pytest.fixture(scope="module")
def company():
    return simulate_company(2_000, rounds=4, seed=3)


def test_the_truth_given_the_table_is_the_mean_of_the_reps_knowledge(company) -> None:
    tenth = pd.qcut(company.true_probability, 10, labels=False)
    known = company.known_probability.groupby(tenth).agg(["mean", "std", "size"])
    mean_truth = company.true_probability.groupby(tenth).mean()
    assert (np.abs(known["mean"] - mean_truth) < 4 * known["std"] / np.sqrt(known["size"])).all()


def test_customers_leave_at_the_true_rate(company) -> None:
    closed = company.prospects["closed_on"]
    early = company.true_churned_on <= closed + pd.DateOffset(months=3)
    p = company.true_probability
    assert early.sum() == pytest.approx(p.sum(), abs=4 * np.sqrt((p * (1 - p)).sum()))


def test_reps_without_insight_know_only_the_table() -> None:
    company = simulate_company(100, rounds=1, insight=0)
    np.testing.assert_allclose(company.known_probability, company.true_probability)


def test_rounds_are_quarters_until_the_end(company) -> None:
    days = company.rounds
    assert len(days) == 5
    assert all(b == a + pd.DateOffset(months=3) for a, b in pairwise(days))
    closed = company.prospects["closed_on"]
    assert closed.max() < days[-1]
    assert (closed < days[0]).mean() == pytest.approx(2 / 6, abs=0.03)


def test_the_same_seed_gives_the_same_company() -> None:
    one, other = (simulate_company(100, rounds=2, seed=5) for _ in range(2))
    pd.testing.assert_frame_equal(one.prospects, other.prospects)
    pd.testing.assert_series_equal(one.true_churned_on, other.true_churned_on)
