"""What a policy's flags were worth on deals whose outcome is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fitmodel.evaluation.calibration import NORMAL_95
from fitmodel.evaluation.sample import Sample, Vector
from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    import numpy.typing as npt


def compute_flagged(
    y: npt.ArrayLike,
    flagged: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    *,
    value_if_leaves: npt.ArrayLike | None = None,
    value_if_stays: npt.ArrayLike | None = None,
) -> dict[str, float]:
    """Count right and wrong flags, and what acting on them would have saved and cost.

    Parameters
    ----------
    y : array of shape (n,)
        1 for early churn, 0 for a customer that stayed.
    flagged : bool array of shape (n,)
        Deals that the policy says not to sign.
    weight : array of shape (n,), optional
        Weights for censoring; deals of weight 0 are left out.
    value_if_leaves, value_if_stays : array of shape (n,), optional
        Value of signing each deal, in money, had its customer left early or stayed; NaN where the
        deal's amount is not known.

    Returns
    -------
    dict of str to float
        `share_flagged` (of the deals), `precision` (share of flags that were early churners; NaN
        without a flag), `recall` (share of early churners flagged; NaN without one). With the
        values also, weighted and summed over deals with an amount: `saved` (losses not made on
        flagged early churners), `cost` (value forgone on flagged customers that stayed), `net`
        (saved minus cost) with its 95 % interval `net_low`, `net_high`, and `without_amount`
        (deals left out of the money).

    Raises
    ------
    DealsError
        If the arrays do not match, hold impossible values, or only one of the values is given.

    Notes
    -----
    Had a flagged deal not been signed its value would have been 0, so its gain is minus what it
    turned out to be worth. The interval of the sum is normal (its deals are independent).
    """
    Sample.of(y, np.asarray(flagged, dtype=np.float64), weight)
    outcome, flags = np.asarray(y, dtype=np.float64), np.asarray(flagged, dtype=bool)
    mass = np.broadcast_to(np.asarray(1.0 if weight is None else weight), outcome.shape)
    known = mass > 0
    outcome, flags, mass = outcome[known], flags[known], mass[known].astype(np.float64)
    right = float(mass @ (outcome * flags))
    counts = {
        "share_flagged": float(mass @ flags / mass.sum()),
        "precision": _ratio(right, float(mass @ flags)),
        "recall": _ratio(right, float(mass @ outcome)),
    }
    if value_if_leaves is None and value_if_stays is None:
        return counts
    leaves, stays = (_values(each, known) for each in (value_if_leaves, value_if_stays))
    return counts | _money(mass * flags, outcome, leaves, stays)


def _values(values: npt.ArrayLike | None, known: npt.NDArray[np.bool_]) -> Vector:
    if values is None or np.shape(values) != known.shape:
        raise DealsError(
            "Money needs value_if_leaves and value_if_stays, one number per deal (NaN where the "
            "amount is not known)."
        )
    return np.asarray(values, dtype=np.float64)[known]


def _money(mass: Vector, outcome: Vector, leaves: Vector, stays: Vector) -> dict[str, float]:
    priced = ~(np.isnan(leaves) | np.isnan(stays))
    saved = -np.where(priced, leaves, 0) * mass * outcome
    cost = np.where(priced, stays, 0) * mass * (1 - outcome)
    net = saved - cost
    half = NORMAL_95 * float(np.std(net)) * np.sqrt(len(net))
    return {
        "saved": float(saved.sum()),
        "cost": float(cost.sum()),
        "net": float(net.sum()),
        "net_low": float(net.sum() - half),
        "net_high": float(net.sum() + half),
        "without_amount": float((~priced).sum()),
    }


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
