"""What a bonus that is not decided yet may bring each rep: the mean over simulations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.sales._bonus_places import MIN_EXPECTED_LOSSES, may_win, share_places
from fitmodel.sales.people import NO_NAME
from fitmodel.sales.rates import gamma_shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.sales.plans import Bonus

    Floats = NDArray[np.float64]

DRAWS = 500
MAX_ALIKE = 30.0
"""Reps differ by a standard deviation of 1 / sqrt(30) = 18 % at least, whatever few deals say."""


def forecast_bonus(
    part: pd.DataFrame, renewals: pd.DataFrame, bonus: Bonus, share_to_come: float, seed: int
) -> dict[str, float]:
    """
    Return each rep's mean bonus over simulations of the rest of the period.

    Parameters
    ----------
    part : DataFrame
        Renewals of the deals signed in the period so far, from `compute_renewals`.
    renewals : DataFrame
        The same of all deals: how a rep's customers have fared so far.
    bonus : Bonus
    share_to_come : float
        Days of the period still to come, over those that have passed.
    seed : int

    Notes
    -----
    A rep's true ratio comes from its gamma posterior over all of history (Clayton & Kaldor 1987);
    customers not tested yet leave by their own hazard times that ratio; deals not signed yet come
    at the rep's rate of the period so far (Poisson) and are like those. Then the rule of the bonus
    is applied.
    """
    reps = [str(name) for name in sorted(set(part["rep"]) - {NO_NAME})]
    if not reps:
        return {}
    random = np.random.default_rng(seed)
    ratio = _ratios(renewals, reps, random)
    tested, lost, expected = (
        np.stack(columns, axis=1)
        for columns in zip(
            *(
                _to_the_end(part[part["rep"] == name], ratio[:, at], share_to_come, random)
                for at, name in enumerate(reps)
            ),
            strict=True,
        )
    )
    scale = lost.sum(axis=1, keepdims=True) / np.maximum(expected.sum(axis=1, keepdims=True), 1e-12)
    losses = expected * scale
    renewed, usual = tested - lost, tested - losses
    enough = (tested >= bonus.least_deals) & (losses >= MIN_EXPECTED_LOSSES) & (usual > 0)
    scores = np.where(enough, renewed / np.where(usual > 0, usual, 1.0), 0.0)
    won = dict.fromkeys(reps, 0.0)
    for row in scores:
        drawn = {name: float(s) for name, s in zip(reps, row, strict=True) if may_win(float(s))}
        for name, amount in share_places(drawn, bonus.top, bonus.amount).items():
            won[name] += float(amount) / DRAWS
    return {name: value for name, value in won.items() if value > 0}


def _ratios(renewals: pd.DataFrame, reps: list[str], random: np.random.Generator) -> Floats:
    """Draws of each rep's true ratio of losses, shape (draws, reps)."""
    tested = renewals[renewals["tested"]]
    sums = tested.groupby("rep")[["lost", "loss"]].sum().astype(float)
    if sums["lost"].sum() > 0 and sums["loss"].sum() > 0:
        sums["loss"] *= sums["lost"].sum() / sums["loss"].sum()
    shape = min(gamma_shape(sums["lost"].to_numpy(), sums["loss"].to_numpy()), MAX_ALIKE)
    own = sums.reindex(reps).fillna(0.0)
    observed, expected = own["lost"].to_numpy(), own["loss"].to_numpy()
    return random.gamma(observed + shape, 1 / (expected + shape), size=(DRAWS, len(reps)))


def _to_the_end(
    own: pd.DataFrame, ratio: Floats, share_to_come: float, random: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """Tested, lost and expected losses of one rep at the end of the period, for each draw."""
    known, alive = own[own["tested"]], own[own["alive"]]
    gone = own[own["gone"]]
    leave = 1 - np.exp(-ratio[:, None] * alive["to_come"].to_numpy())
    lost = len(gone) + known["lost"].sum() + (random.random(leave.shape) < leave).sum(axis=1)
    tested = np.full(DRAWS, float(len(known) + len(alive) + len(gone)))
    losses = 1 - np.exp(-own["loss"].to_numpy())
    expected = np.full(DRAWS, float(losses[(own["tested"] | own["alive"] | own["gone"])].sum()))
    later = random.poisson(len(own) * share_to_come, DRAWS)
    mean = float(own["loss"].mean())
    lost_later = random.binomial(later, 1 - np.exp(-ratio * mean))
    return tested + later, lost + lost_later, expected + later * (1 - np.exp(-mean))
