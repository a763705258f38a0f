"""Reps of the simulated company: how many deals each signs, how risky, and what they add."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fitmodel.datasets._attributes import Array, stream

LARGEST_OVER_SMALLEST = 60.0
SELECTION = 0.8
EFFECT = 0.8


def make_reps(
    n_reps: int, n_teams: int, *, selection: bool, effects: bool, company: int
) -> pd.DataFrame:
    """Make the roster of a company; the same for every sample of its deals.

    Parameters
    ----------
    n_reps, n_teams : int
    selection, effects : bool
        Whether a third of the reps sign riskier or safer prospects; whether a third have an effect
        of their own. Off: all are alike in that respect.
    company : int
        Seed of the company.

    Returns
    -------
    DataFrame
        Index `rep`; columns `team`, `share` of the deals, `selection` (the tilt of what they
        sign), `effect` (log-odds that a deal of theirs adds).
    """
    share = LARGEST_OVER_SMALLEST ** -np.linspace(0.0, 1.0, n_reps)
    return pd.DataFrame(
        {
            "team": [f"Team {chr(65 + number % n_teams)}" for number in range(n_reps)],
            "share": share / share.sum(),
            "selection": SELECTION * _contrasts(np.ones(n_reps), company, "selection") * selection,
            "effect": EFFECT * _contrasts(share, company, "effect") * effects,
        },
        index=pd.Index([f"Rep {number + 1:02d}" for number in range(n_reps)], name="rep"),
    )


def _contrasts(weight: Array, company: int, purpose: str) -> Array:
    """Choose a third of the neighbouring pairs: one gets +1, the other what balances it.

    Everyone else has exactly 0, which is what false alarms are counted on.
    """
    contrast = np.zeros(len(weight))
    random = stream(company, purpose)
    firsts = np.arange(0, len(weight) - 1, 2)
    for first in random.choice(firsts, size=-(-len(firsts) // 3), replace=False):
        worse, better = random.permutation([first, first + 1])
        contrast[worse] = 1.0
        contrast[better] = -weight[worse] / weight[better]
    return contrast
