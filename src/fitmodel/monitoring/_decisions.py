"""Which decisions contradict an assessment, or what was decided before."""

from __future__ import annotations

from dataclasses import dataclass

from fitmodel.model.logged import ContradictionError

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
    Refuse a decision that contradicts what the log holds.

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
