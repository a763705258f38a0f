"""Matching of deals with the decision log: the assessment at signing, and its propensity.

ids of the deals + ids in the log -> the same prospect -> the assessment before it was signed
                                  -> numbers logged and matched, and reasons for those not matched
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.roles import LOG_PROPENSITY, clean_id, loose_id
from fitmodel.exceptions import DealsError
from fitmodel.renamed import old_function

if TYPE_CHECKING:
    from fitmodel.deals.contract import DealSpec
    from fitmodel.monitoring.log import DecisionLog

DAYS_LATE = 7
"""An assessment logged at most this many days after the date of signing still counts: dates are
entered by hand, and time zones differ."""
MANY = 10
"""Number of prospects from which on it is an error if none is matched."""
EXAMPLES = 3
SIGNED = ("signed", "overridden")
_HASHED = re.compile(r"[0-9a-f]{32}")
COLUMN = LOG_PROPENSITY


@dataclass(frozen=True, eq=False)
class LogMatch:
    """The entries of a decision log that belong to a table of deals.

    Parameters
    ----------
    prospect : Series of object
        The prospect's id as the log stores it, on the index of the deals; None if the log does not
        have it.
    assessment : Series of float
        Number of the assessment that each deal was signed on; NaN without one.
    logged, matched : int
        Number of prospects in the log, and of those whose deal was found with an assessment before
        signing.
    not_matched : dict of str to int
        Number of prospects that were not matched, by reason: "declined", "no_deal" (no deal of that
        id: still open, or lost), "late" (assessed only after it was signed), "ambiguous" (ids that
        differ only in case).
    examples : dict of str to str
        An example id of each reason, as the log stores it.
    """

    prospect: pd.Series[Any]
    assessment: pd.Series[float]
    logged: int
    matched: int
    not_matched: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)

    def in_words(self) -> str:
        """Return a text with the numbers logged and matched, and why others were not matched."""
        reasons = {
            "declined": "declined, without a deal",
            "no_deal": "without a deal of that id (still open, or not signed)",
            "late": f"assessed more than {DAYS_LATE} days after signing only",
            "ambiguous": "with an id that differs from others in nothing but case",
        }
        parts = [
            f"{count:,} {reasons[name]} (e.g. {self.examples[name]!r})"
            for name, count in self.not_matched.items()
        ]
        not_matched = f"; not matched: {'; '.join(parts)}" if parts else ""
        return (
            f"decision log: {self.logged:,} prospects logged, {self.matched:,} matched{not_matched}"
        )

    says = old_function("says", in_words)

    def refuse_late(self) -> None:
        """Raise an error if all deals found in the log were assessed too late.

        Raises
        ------
        DealsError
            If none is matched, and `MANY` or more were assessed only after they were signed.
        """
        late = self.not_matched.get("late", 0)
        if self.matched == 0 and late >= MANY:
            raise DealsError(
                f"0 of {late:,} prospects of the decision log that are among the deals were "
                f"assessed before they were signed, or within {DAYS_LATE} days after it (e.g. "
                f"{self.examples['late']!r}). Remedy: check the closing dates, or leave --log out: "
                "past deals that were scored afterwards say nothing of who was let proceed."
            )


def match_log(deals: pd.DataFrame, spec: DealSpec, log: DecisionLog) -> LogMatch:
    """Find the assessment that each deal was signed on.

    Parameters
    ----------
    spec : DealSpec
        Contract that names an id.
    log : DecisionLog
        The decision log.

    Returns
    -------
    LogMatch
        The assessment of each deal, and the number of prospects that were not matched, by reason.

    Raises
    ------
    DealsError
        If the contract has no id; or if `MANY` or more prospects were assessed before the last deal
        was signed and none of them is matched: then ids or salt do not match, and the whole log
        would be ignored without a message.

    Notes
    -----
    Ids are compared in one spelling (`fitmodel.deals.roles.clean_id`), else without case, if only
    one id of the deals and one of the log match. The assessment is that of the decision to sign,
    else the last one before the end of the day of signing, else the first one within `DAYS_LATE`
    days after it.
    """
    if spec.deals.id is None:
        raise DealsError("deals are found in the decision log by their id. Remedy: name the id.")
    assessments, decisions = log.assessments(), log.decisions()
    prospect, ambiguous = _same_ids(deals[spec.deals.id], assessments, log)
    assessment = _signed_on(prospect, deals, spec, assessments, decisions)
    logged_ids = pd.Index(assessments["prospect"].unique())
    matched = set(prospect[assessment.notna()])
    declined = set(decisions.loc[decisions["action"] == "declined", "prospect"])
    reason = {
        name: _reason(name, set(prospect.dropna()), ambiguous, declined)
        for name in logged_ids
        if name not in matched
    }
    result = LogMatch(prospect, assessment, len(logged_ids), len(matched), *_counted(reason))
    _refuse_no_match(result, deals, spec, assessments, log)
    return result


def _same_ids(
    ids: pd.Series[Any], assessments: pd.DataFrame, log: DecisionLog
) -> tuple[pd.Series[Any], set[str]]:
    """Return each deal's prospect id in the log, and the ids in the log that are ambiguous."""
    known = set(assessments["prospect"])
    exact = ids.map(log.stored_id)
    as_written = ids.astype(str).map(log.kept)  # older logs have ids in their original spelling
    matched = exact.where(exact.isin(known), as_written.where(as_written.isin(known)))
    cleaned = ids.map(clean_id)
    loose = ids.map(loose_id)
    spellings = cleaned.groupby(loose).nunique()
    loose_in_log = assessments["loose"]
    if not log.is_salted:
        loose_in_log = loose_in_log.fillna(assessments["prospect"].map(loose_id))
    by_loose_id = assessments["prospect"].groupby(loose_in_log).agg(["nunique", "last"])
    key = loose.map(log.kept)
    is_ambiguous = loose.map(spellings).gt(1) | key.map(by_loose_id["nunique"]).gt(1)
    candidate = key.map(by_loose_id["last"])
    matches_loosely = matched.isna() & candidate.notna()
    taken = set(matched.dropna())
    matches_loosely &= ~candidate.isin(taken)
    result = matched.where(~matches_loosely | is_ambiguous, candidate).astype(object)
    ambiguous = set(by_loose_id.loc[key[matches_loosely & is_ambiguous].unique(), "last"])
    return result.where(result.notna(), None), ambiguous


def _signed_on(
    prospect: pd.Series[Any],
    deals: pd.DataFrame,
    spec: DealSpec,
    assessments: pd.DataFrame,
    decisions: pd.DataFrame,
) -> pd.Series[float]:
    """Return the number of the assessment that each deal was signed on; NaN without one."""
    number = assessments[["number", "prospect", "time"]]
    if spec.deals.closed_on is None:
        before = number.groupby("prospect")["number"].last()
        first_in_time = before
    else:
        closed = pd.Series(deals[spec.deals.closed_on].to_numpy(), prospect.to_numpy())
        closed = closed[closed.index.notna() & ~closed.index.duplicated()]
        day = pd.to_datetime(number["prospect"].map(closed.to_dict()))
        time = number["time"].dt.tz_localize(None)
        before = number[time < day + pd.Timedelta(days=1)].groupby("prospect")["number"].last()
        in_time = time < day + pd.Timedelta(days=1 + DAYS_LATE)
        first_in_time = number[in_time].groupby("prospect")["number"].first()
    decided = decisions[decisions["action"].isin(SIGNED)].groupby("prospect")["assessment"].last()
    decided = decided[decided.isin(assessments["number"]) & decided.index.isin(first_in_time.index)]
    chosen = decided.combine_first(before.astype(float)).combine_first(first_in_time.astype(float))
    numbers = [chosen.get(name, np.nan) for name in prospect]
    return pd.Series(numbers, prospect.index, dtype=np.float64)


def _reason(name: str, matched: set[str], ambiguous: set[str], declined: set[str]) -> str:
    if name in ambiguous:
        return "ambiguous"
    if name in matched:
        return "late"
    return "declined" if name in declined else "no_deal"


def _counted(reason: dict[str, str]) -> tuple[dict[str, int], dict[str, str]]:
    counts: dict[str, int] = {}
    examples: dict[str, str] = {}
    for name, why in sorted(reason.items()):
        counts[why] = counts.get(why, 0) + 1
        examples.setdefault(why, name)
    return counts, examples


def _refuse_no_match(
    match: LogMatch,
    deals: pd.DataFrame,
    spec: DealSpec,
    assessments: pd.DataFrame,
    log: DecisionLog,
) -> None:
    """Raise DealsError if no prospect matches although `MANY` or more of them should."""
    expected = assessments
    if spec.deals.closed_on is not None and len(deals):
        last = pd.Timestamp(deals[spec.deals.closed_on].max()) + pd.Timedelta(days=1)
        expected = assessments[assessments["time"].dt.tz_localize(None) < last]
    names = expected["prospect"].unique()
    if match.matched or len(names) < MANY or not len(deals):
        return
    column = str(spec.deals.id)
    hashed = all(_HASHED.fullmatch(str(name)) for name in names)
    if match.not_matched.get("late") == match.logged:
        why = "every one of them was assessed only after it was signed. Remedy: check the dates"
    elif hashed and not log.is_salted:
        why = "their ids are hashed. Remedy: give the salt (--salt or FITMODEL_LOG_SALT)"
    elif log.is_salted:
        why = (
            "either the salt is not that of the log, or it was written without one. "
            "Remedy: check --salt and FITMODEL_LOG_SALT"
        )
    else:
        shown = ", ".join(map(repr, names[:EXAMPLES]))
        deals_shown = ", ".join(repr(str(name)) for name in deals[column].head(EXAMPLES))
        why = (
            f"the log has ids such as {shown}, the deals' column {column!r} such as "
            f"{deals_shown}. Remedy: name the column that holds the same ids as id in [deals]"
        )
    raise DealsError(
        f"0 of {len(names):,} prospects of the decision log are found among {len(deals):,} deals: "
        f"{why}; or leave --log out."
    )


def with_propensity(
    deals: pd.DataFrame, spec: DealSpec, log: DecisionLog, match: LogMatch | None = None
) -> tuple[pd.DataFrame, DealSpec]:
    """Return deals with the logged probability with which each was allowed to proceed.

    Parameters
    ----------
    deals : DataFrame
        As read by ``read_deals``.
    spec : DealSpec
        Contract that names an id.
    log : DecisionLog
        The decision log.
    match : LogMatch, optional
        Result of `match_log`, if it was computed before.

    Returns
    -------
    deals : DataFrame
        The deals with one more column, `propensity`. It is empty for deals that were not flagged,
        are not in the log, or were flagged without a random draw: they have weight 1. Deals signed
        against the flag although the draw did not let them proceed are left out: the deals drawn at
        random represent all flagged deals, but deals that a rep picks for reasons that no table
        contains are not representative.
    spec : DealSpec
        The contract, with that column in the role `propensity`.

    Raises
    ------
    DealsError
        If the contract has no id, the table already has a column of that name, or the log and the
        deals have nothing in common (see `fitmodel.monitoring.matching.match_log`).

    Examples
    --------
    >>> spec = fitmodel.DealSpec.from_toml("fitmodel.toml")
    >>> deals = fitmodel.read_deals("deals.csv", spec)
    >>> from fitmodel.monitoring.log import DecisionLog
    >>> log = DecisionLog("decisions.db")
    >>> weighted, contract = with_propensity(deals, spec, log)
    >>> contract.deals.propensity, int(weighted["propensity"].notna().sum())
    ('propensity', 0)
    >>> log.close()
    """
    if COLUMN in deals.columns:
        raise DealsError(
            f"the deals have a column {COLUMN!r} already. Remedy: name it as propensity in [deals] "
            "and leave the log out, or rename it."
        )
    match = match or match_log(deals, spec, log)
    assessments = log.assessments().set_index("number")
    signed_on = assessments.reindex(match.assessment.dropna().astype(int))
    flagged = signed_on.set_axis(match.assessment.dropna().index)
    flagged = flagged[flagged["poor_fit"].astype(bool)]
    proceed = flagged["proceed"].astype(bool)
    propensity = flagged.loc[proceed, "propensity"].reindex(deals.index).astype(np.float64)
    signed_against_draw = flagged.index[~proceed & (flagged["propensity"] < 1)]
    weighted = deals.assign(**{COLUMN: propensity}).drop(index=signed_against_draw)
    return weighted, spec.replace(deals={"propensity": COLUMN})
