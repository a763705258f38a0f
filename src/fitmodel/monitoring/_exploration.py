"""Let a random share of the flagged proceed, so that something is learned of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fitmodel.exceptions import FitModelError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False)
class Exploration:
    """Who may proceed.

    Attributes
    ----------
    proceed : ndarray of bool, shape (prospects,)
    propensity : ndarray of float, shape (prospects,)
        Probability with which each was let proceed: 1 where not flagged, else the share.
    """

    proceed: NDArray[np.bool_]
    propensity: NDArray[np.float64]


def choose_exploration(
    ids: Sequence[str], poor_fit: ArrayLike, *, share: float, salt: str
) -> Exploration:
    """Choose a random share of the flagged to proceed; deterministic per id and salt.

    Parameters
    ----------
    ids : sequence of str
    poor_fit : array of bool, shape (prospects,)
    share : float
        Of the flagged, 0 to 1.
    salt : str
        Kept secret, so that nobody can choose an id that is let through; a new one draws anew.

    Raises
    ------
    FitModelError
        If the share is not between 0 and 1.
    """
    if not 0 <= share <= 1:
        raise FitModelError(f"the share to explore is {share}; give a number from 0 to 1")
    flagged = np.asarray(poor_fit, dtype=bool)
    draw = np.array([_uniform(name, salt) for name in ids])
    return Exploration(~flagged | (draw < share), np.where(flagged, share, 1.0))


def _uniform(name: str, salt: str) -> float:
    key = hashlib.blake2b(salt.encode(), digest_size=32).digest()
    digest = hashlib.blake2b(
        str(name).encode("utf-8", "surrogatepass"), key=key, digest_size=8
    ).digest()
    return int.from_bytes(digest, "big") / 2**64
