"""What the folds leave open, so that every bag of the book carries its share of it.

candidates' predictions of deals not trained on
  -> resample those deals -> the penalty that is best on them, and a calibration line of their own
  -> one draw per bag     -> folded exactly into the bag's intercept and tables

Refits on resampled deals alone say nothing of the calibration map and of the choice of the penalty,
which are the same in all of them: a whole training is then too sure at once. And what no number of
deals mends (effects that tables of this form leave out) gets a spread of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fitmodel.learning.additive import Additive
from fitmodel.learning.calibration import PRIOR_SLOPE_SD, fit_sigmoid

if TYPE_CHECKING:
    from numpy.typing import NDArray

# By how much the law may differ from the best book of tables, as a share of how far the book tells
# deals apart (where nothing tells, nothing is left out). Without it the interval goes on narrowing
# at 10,000 deals while the error does not (python benchmarks/known_truth.py).
MISFIT = 0.19


@dataclass(frozen=True)
class Draw:
    """How one bag is fitted and calibrated.

    Parameters
    ----------
    penalty : float
        Of its ridge logistic part.
    slope, shift : float
        Its calibration line, in the units of the book's own log-odds before calibration: 1 and 0
        where the bag would be calibrated as the book is.
    """

    penalty: float
    slope: float = 1.0
    shift: float = 0.0


def draw_doubt(
    by_penalty: dict[float, NDArray[np.float64]],
    chosen: float,
    early_churn: NDArray[np.float64],
    weight: NDArray[np.float64],
    *,
    draws: int,
    seed: int,
) -> tuple[Draw, ...]:
    """Choose and calibrate again on resampled deals.

    Parameters
    ----------
    by_penalty : dict of float to ndarray, shape (deals,)
        Penalty of the ridge logistic part to the log-odds of deals not trained on.
    chosen : float
        The penalty of the book itself.
    early_churn, weight : ndarray, shape (deals,)
    draws, seed : int

    Notes
    -----
    Bootstrap with a prior of the slope that is drawn too (randomise, then optimise; Bardsley et al.
    2014): where deals are too few to say anything the slopes scatter as the prior does.
    """
    generator = np.random.default_rng(seed)
    line = fit_sigmoid(by_penalty[chosen], early_churn, weight)
    slope, intercept = line.coefficients
    result = []
    for _ in range(draws):
        times = generator.multinomial(len(weight), np.full(len(weight), 1 / len(weight)))
        drawn = weight * times
        loss = {
            penalty: drawn @ (np.logaddexp(0.0, raw) - early_churn * raw)
            for penalty, raw in by_penalty.items()
        }
        penalty = min(loss, key=lambda item: float(loss[item]))
        prior = 1.0 + PRIOR_SLOPE_SD * generator.standard_normal()
        own = fit_sigmoid(by_penalty[penalty], early_churn, drawn, prior_slope=prior)
        own_slope, own_intercept = own.coefficients
        result.append(Draw(penalty, own_slope / slope, (own_intercept - intercept) / slope))
    return tuple(result)


def carry(bags: Additive, draws: Sequence[Draw], spread: float) -> Additive:
    """Fold each bag's calibration line, and the misfit in turn up and down, into its tables.

    Parameters
    ----------
    bags : Additive
    draws : sequence of Draw
        One for each bag.
    spread : float
        Standard deviation of the book's log-odds over the deals trained on.
    """
    slope = np.array([draw.slope for draw in draws])
    shift = np.array([draw.shift for draw in draws])
    shift[0::2] += MISFIT * spread
    shift[1::2] -= MISFIT * spread
    return Additive(
        bags.intercept * slope + shift,
        tuple(table * slope for table in bags.singles),
        bags.pairs,
        tuple(grid * slope for grid in bags.grids),
    )
