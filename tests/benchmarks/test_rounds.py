"""A model whose flags are followed stays calibrated only with exploration."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from _informed_reps import simulate_company
from _rounds import plot_selective_labels, replay_rounds

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
