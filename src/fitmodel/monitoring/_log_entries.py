"""Entries of the decision log: values in one spelling, random exploration, checked decisions."""

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

    from fitmodel.monitoring._log_stores import Cursor


def digest_of(attributes: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the attributes as canonical JSON: equal attributes, equal digest."""
    plain = {str(name): plain_value(value) for name, value in attributes.items()}
    text = json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def storable(text: str) -> str:
    """Return the text with lone surrogates and zero bytes escaped: no database stores them."""
    escaped = text.encode(errors="backslashreplace").decode()
    return escaped.replace("\x00", "\\x00")


def now_in_utc() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


@dataclass(frozen=True, eq=False)
class Exploration:
    """Prospects that may be signed: those not flagged, and a random share of the flagged.

    Attributes
    ----------
    proceed : ndarray of bool, shape (prospects,)
        Whether each prospect may be signed.
    propensity : ndarray of float, shape (prospects,)
        Probability with which each was allowed to proceed: 1 if not flagged, else the share.
    """

    proceed: NDArray[np.bool_]
    propensity: NDArray[np.float64]


def choose_exploration(
    ids: Sequence[str], poor_fit: ArrayLike, *, share: float, salt: str
) -> Exploration:
    """Choose a random share of the flagged prospects to proceed; deterministic per id and salt.

    Parameters
    ----------
    ids : sequence of str
        Ids of the prospects.
    poor_fit : array of bool, shape (prospects,)
        Whether each prospect is flagged.
    share : float
        Share of the flagged prospects that may proceed, 0 to 1.
    salt : str
        Secret key of the random draw, so that nobody can choose an id that may proceed; a new salt
        gives a new draw.

    Raises
    ------
    FitModelError
        If the share is not between 0 and 1.
    """
    if not 0 <= share <= 1:
        raise FitModelError(f"the share to explore is {share}; give a number from 0 to 1")
    flagged = np.asarray(poor_fit, dtype=bool)
    uniform = np.array([_uniform(name, salt) for name in ids])
    return Exploration(~flagged | (uniform < share), np.where(flagged, share, 1.0))


def _uniform(name: str, salt: str) -> float:
    key = hashlib.blake2b(salt.encode(), digest_size=32).digest()
    digest = hashlib.blake2b(
        str(name).encode("utf-8", "surrogatepass"), key=key, digest_size=8
    ).digest()
    return int.from_bytes(digest, "big") / 2**64


SIGNING = ("signed", "overridden")


@dataclass(frozen=True)
class EarlierDecision:
    """The last decision on a prospect.

    `action`: "signed", "declined" or "overridden".
    `by`, `reason`: person and reason, as stored.
    `assessment`: number of the assessment that the decision was made on; None in older logs.
    """

    number: int
    action: str
    by: str
    reason: str | None
    assessment: int | None

    @property
    def content(self) -> tuple[object, ...]:
        """What a decision must share with this one to be its repetition."""
        return self.action, self.by, self.reason, self.assessment


def last_assessment(cursor: Cursor, prospect: str) -> tuple[int, bool]:
    """Return the number of the last assessment of a prospect, and whether it was flagged."""
    query = "SELECT number, poor_fit FROM assessments WHERE prospect = ?"
    row = cursor.execute(f"{query} ORDER BY number DESC LIMIT 1", (prospect,)).fetchone()
    return int(row[0]), bool(row[1])


def last_decision(cursor: Cursor, prospect: str) -> EarlierDecision | None:
    """Return the last decision on a prospect that was not undone; None without one."""
    row = cursor.execute(
        "SELECT number, action, by, reason, assessment FROM decisions WHERE prospect = ?"
        " AND number NOT IN (SELECT decision FROM undone) ORDER BY number DESC LIMIT 1",
        (prospect,),
    ).fetchone()
    return None if row is None else EarlierDecision(*row)


def check_decision(
    prospect: str,
    action: str,
    *,
    flagged: bool,
    earlier: EarlierDecision | None,
    on: int,
) -> None:
    """Raise an error if a decision contradicts the log.

    `flagged`: whether the assessment that the decision is made on is a poor fit.
    `earlier`: the last decision on the prospect.
    `on`: number of the assessment that the decision is made on. A prospect that was assessed again
        may be signed although it was declined.
    Raises ContradictionError if it contradicts the assessment or the earlier decision; the message
    has the remedy.
    """
    if action == "overridden" and not flagged:
        raise ContradictionError(
            f"{prospect!r} was not flagged, so there is nothing to override. Remedy: signed, or "
            '--correct (in a request "correct": true) where the log is wrong.'
        )
    if earlier is None:
        return
    assessed_again = earlier.assessment not in {None, on}
    reversed_ = (action in SIGNING, earlier.action in SIGNING) == (True, False)
    if (action == "declined" and earlier.action in SIGNING) or (reversed_ and not assessed_again):
        raise ContradictionError(
            f"{prospect!r} is {earlier.action} already, and {action} contradicts that. Remedy: "
            'assess it again if it was opened again, or --correct (in a request "correct": true) '
            "where the earlier decision was wrong."
        )


def decided_on(assessments: pd.DataFrame, decisions: pd.DataFrame) -> pd.Series[Any]:
    """Return the number of the assessment that each decision was made on.

    Older logs do not have it; then it is the last assessment before the decision.

    `decisions`: the last decision on each prospect, indexed by prospect.
    """
    merged = assessments[["number", "time", "prospect"]].merge(
        decisions["time"].rename("decided").reset_index(), on="prospect"
    )
    before = merged[merged["time"] <= merged["decided"]].groupby("prospect")["number"].last()
    return decisions["assessment"].fillna(before.reindex(decisions.index))
