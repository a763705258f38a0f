"""Places of a bonus: who may win, and what each place pays to the cent."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING

from fitmodel.sales.ledger import CENT

if TYPE_CHECKING:
    from collections.abc import Mapping

TIE_DIGITS = 2
"""Scores that agree to a hundredth are a tie."""
MIN_EXPECTED_LOSSES = 3.0
"""Customers expected to leave, below which a rep's renewals say nothing."""


def may_win(score: float) -> bool:
    """Whether a rep's renewals are above what such customers give, to a hundredth."""
    return bool(round(score, TIE_DIGITS) > 1)


def share_places(scores: Mapping[str, float], top: int, amount: Decimal) -> dict[str, Decimal]:
    """Pay the ranks; tied reps share the pay of their ranks equally.

    Parameters
    ----------
    scores : mapping of str to float
        Score of each rep that may win.
    top : int
        Places that pay.
    amount : Decimal
        Of each place.

    Returns
    -------
    dict of str to Decimal
        Of those who get something. A cent that cannot be shared goes to the first by name, so
        that the sum is ``min(top, reps) * amount`` to the cent.
    """
    rounded = {name: round(score, TIE_DIGITS) for name, score in scores.items()}
    paid: dict[str, Decimal] = {}
    position = 0
    for score in sorted(set(rounded.values()), reverse=True):
        tied = sorted(name for name in rounded if rounded[name] == score)
        prizes = min(max(top - position, 0), len(tied))
        if prizes:
            paid |= _split_evenly(amount * prizes, tied)
        position += len(tied)
    return paid


def _split_evenly(total: Decimal, names: list[str]) -> dict[str, Decimal]:
    each = (total / len(names)).quantize(CENT, rounding=ROUND_DOWN)
    over = int((total - each * len(names)) / CENT)
    return {name: each + (CENT if position < over else 0) for position, name in enumerate(names)}
