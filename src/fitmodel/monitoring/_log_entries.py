"""What the decision log writes: values in one spelling, the random share let proceed, decisions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.exceptions import FitModelError
from fitmodel.model.logged import ContradictionError
from fitmodel.model.wording import plain_value

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray


def digest_of(attributes: Mapping[str, Any]) -> str:
    """SHA-256 of the attributes as canonical JSON: the same prospect gives the same digest."""
    plain = {str(name): plain_value(value) for name, value in attributes.items()}
    text = json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def storable(text: str) -> str:
    """Return the text with lone surrogates and zero bytes written out, which no database stores."""
    whole = text.encode(errors="backslashreplace").decode()
    return whole.replace("\x00", "\\x00")


def now_in_utc() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


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


SIGNING = ("signed", "overridden")


@dataclass(frozen=True)
class Earlier:
    """
    The last decision on a prospect.

    Parameters
    ----------
    number : int
    action : str
    assessment : int or None
        Number of the assessment it was made on; None in older logs.
    """

    number: int
    action: str
    assessment: int | None


def check_decision(
    prospect: str, action: str, *, flagged: bool, earlier: Earlier | None, assessed_anew: bool
) -> None:
    """
    Refuse a decision that contradicts the log.

    Parameters
    ----------
    prospect, action : str
    flagged : bool
        Whether the assessment it is made on says poor fit.
    earlier : Earlier or None
        The last decision on the prospect.
    assessed_anew : bool
        Whether the prospect was assessed again since: then it may be signed though it was declined.

    Raises
    ------
    ContradictionError
        Naming both, and the remedy.
    """
    if action == "overridden" and not flagged:
        raise ContradictionError(
            f"{prospect!r} was not flagged, so there is nothing to override. Remedy: signed, or "
            "--correct where the log is wrong."
        )
    if earlier is None:
        return
    reversed_ = (action in SIGNING, earlier.action in SIGNING) == (True, False)
    if (action == "declined" and earlier.action in SIGNING) or (reversed_ and not assessed_anew):
        raise ContradictionError(
            f"{prospect!r} is {earlier.action} already, and {action} contradicts that. Remedy: "
            "assess it again if it was opened again, or --correct where the earlier decision was "
            "wrong."
        )


def decided_on(assessments: pd.DataFrame, done: pd.DataFrame) -> pd.Series[Any]:
    """
    Return the number of the assessment of each decision; in older logs the last one before it.

    Parameters
    ----------
    assessments : DataFrame
        Assessments.
    done : DataFrame
        The last decision on each prospect, indexed by prospect.
    """
    both = assessments[["number", "time", "prospect"]].merge(
        done["time"].rename("decided").reset_index(), on="prospect"
    )
    before = both[both["time"] <= both["decided"]].groupby("prospect")["number"].last()
    return done["assessment"].fillna(before.reindex(done.index))
