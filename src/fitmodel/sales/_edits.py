"""Attributes edited after a flag, and whether the flag then disappeared; reported as questions.

decision log + history of fields -> edits soon after an assessment, of flagged and of unflagged
                                 prospects -> edits after which the flag disappeared
                                 -> counts per rep
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from fitmodel.deals.roles import clean_id, loose_id
from fitmodel.exceptions import DealsError
from fitmodel.language.catalogue import phrases
from fitmodel.sales._rep_verdicts import holm
from fitmodel.sales.people import NO_NAME, people_of

if TYPE_CHECKING:
    from collections.abc import Sequence

HISTORY = ("id", "field", "old", "new", "changed_at")
WINDOW_DAYS = 30
"""An edit counts if it is made within this many days after an assessment, flagged or not."""
MIN_FLAGGED = 5
MANY = 10
"""Number of edits from which at least one must be of a known field and prospect."""
ERROR = 0.05
EDITS = ("prospect", "rep", "field", "old", "new", "flagged_at", "changed_at", "unflagged_at")
COUNTS = ("flagged", "edited", "turned", "unflagged", "unflagged_edited")


class AssessmentsLog(Protocol):
    """Interface of a decision log; `fitmodel.monitoring.log.DecisionLog` implements it."""

    def assessments(self) -> pd.DataFrame:
        """Return every assessment, in the order in which they were written."""

    def stored_id(self, prospect: object) -> str:
        """Return the id as the log stores it."""

    def stored_id_without_case(self, prospect: object) -> str:
        """Return the id as the log stores it when case is ignored."""


@dataclass(frozen=True, eq=False)
class EditsAfterFlags:
    """Edits of attributes after a flag.

    Parameters
    ----------
    edits : DataFrame
        Edits after which the prospect was assessed again and no longer flagged; columns `EDITS`.
    reps : DataFrame
        Counts of prospects, indexed by rep: `flagged`, `edited` (flagged prospects edited soon
        after the flag), `turned` (edited prospects whose flag then disappeared), `unflagged` and
        `unflagged_edited` (the rep's other prospects, and how many of them were edited), `p_value`
        (Fisher's one-sided exact test, corrected for the number of reps) and `ask` (whether to ask
        the rep about it).
    """

    edits: pd.DataFrame
    reps: pd.DataFrame

    def questions(self, language: str = "en") -> list[str]:
        """Return a question for each rep who edits flagged prospects more often than others.

        The texts are questions, never accusations.
        """
        say = phrases(language, "edits")
        return [
            say("ask", rep=rep, **{name: f"{row[name]:,}" for name in COUNTS})
            for rep, row in self.reps[self.reps["ask"].astype(bool)].iterrows()
        ]


def find_edits_after_flags(
    history: pd.DataFrame, log: AssessmentsLog, reps: pd.Series[Any], attributes: Sequence[str]
) -> EditsAfterFlags:
    """List edits of attributes after which a flag disappeared, with counts per rep.

    Parameters
    ----------
    history : DataFrame
        One row per edit, with the columns `HISTORY`.
    log : AssessmentsLog
        Log of the assessments of the prospects, with their times.
    reps : Series
        Rep of each prospect, indexed by the id of the prospect.
    attributes : sequence of str
        Fields that the model uses; edits of other fields do not count.

    Returns
    -------
    EditsAfterFlags

    Raises
    ------
    DealsError
        If the history lacks a column or a time cannot be read; or if there are `MANY` edits or
        more, and none of them is of such a field, or of a prospect in the log.

    Notes
    -----
    An edit may be correct: a fact was wrong, or more became known. So the counts also hold how
    often the same rep edits prospects that were not flagged, within the same `WINDOW_DAYS`.
    """
    logged = log.assessments()
    changes = _read(history, attributes)
    changes["prospect"] = _logged_ids(changes["id"], logged, log)
    ids = _logged_ids(reps.index.to_series(), logged, log)
    who = pd.Series(people_of(reps).fillna(NO_NAME).to_numpy(), ids.to_numpy())
    who = who[who.index.notna() & ~who.index.duplicated()]
    _refuse_no_match(changes, who, logged)
    assessed = logged.loc[logged["prospect"].isin(who.index), ["prospect", "time", "poor_fit"]]
    first = _first_of_each(assessed)
    in_window = changes.merge(first, on="prospect")
    delay = in_window["changed_at"] - in_window["time"]
    in_window = in_window[(delay > pd.Timedelta(0)) & (delay <= pd.Timedelta(days=WINDOW_DAYS))]
    in_window = _with_next(in_window, assessed)
    turned = in_window[in_window["poor_fit"] & in_window["unflagged_at"].notna()]
    edits = turned.assign(rep=turned["prospect"].map(who)).rename(columns={"time": "flagged_at"})
    return EditsAfterFlags(
        edits[list(EDITS)].sort_values(["rep", "changed_at"], ignore_index=True),
        _counts(first, in_window, turned, who),
    )


def _logged_ids(ids: pd.Series[Any], logged: pd.DataFrame, log: AssessmentsLog) -> pd.Series[Any]:
    """Return ids as the log stores them, or None where the log does not have the id.

    An id that differs only in case is accepted if exactly one id of the log matches it.
    """
    known = set(logged["prospect"])
    matches = logged.dropna(subset="loose").groupby("loose")["prospect"].agg(["nunique", "last"])
    unique_matches = matches.loc[matches["nunique"] == 1, "last"].to_dict()
    names = {name: log.stored_id(name) for name in ids.unique()}
    spellings = {
        name: logged_id
        if logged_id in known
        else unique_matches.get(log.stored_id_without_case(name))
        for name, logged_id in names.items()
    }
    return ids.map(spellings).astype(object)


def _refuse_no_match(changes: pd.DataFrame, who: pd.Series[Any], logged: pd.DataFrame) -> None:
    if len(changes) < MANY or changes["prospect"].isin(who.index).any():
        return
    edited, known = str(changes["id"].iloc[0]), logged["prospect"].astype("str").head(1).tolist()
    raise DealsError(
        f"none of {len(changes):,} edits is of a prospect that is in the decision log and among "
        f"the deals: the history has ids such as {edited!r}, the log such as {known}. Remedy: give "
        "the ids that the contract's id column holds, and the log's salt."
    )


def _read(history: pd.DataFrame, attributes: Sequence[str]) -> pd.DataFrame:
    """Return the edits that change an attribute."""
    if missing := [name for name in HISTORY if name not in history.columns]:
        raise DealsError(
            f"the history of fields has no column {missing[0]!r}; it has "
            f"{', '.join(map(str, history.columns))}. Remedy: one row per edit with the columns "
            f"{', '.join(HISTORY)}."
        )
    spelling = {loose_id(name): name for name in attributes}
    field = history["field"].map(lambda name: spelling.get(loose_id(name)))
    if len(history) >= MANY and field.isna().all():
        raise DealsError(
            f"none of {len(history):,} edits is of an attribute: the history has fields such as "
            f"{str(history['field'].iloc[0])!r}, the attributes are {', '.join(attributes)}. "
            "Remedy: name fields in the history as the columns of the deals are."
        )
    table = history.assign(field=field)[field.notna()].copy()
    time = pd.to_datetime(table["changed_at"], utc=True, errors="coerce", format="ISO8601")
    if time.isna().any():
        row = table.index[time.isna()].tolist()[0]
        raise DealsError(
            f"changed_at: {int(time.isna().sum())} time(s) cannot be read, the first in row "
            f"{row!r} ({table.loc[row, 'changed_at']!r}). Remedy: write 2026-03-31T14:00:00Z."
        )
    table["changed_at"] = time
    return table[table["old"].map(clean_id) != table["new"].map(clean_id)].copy()


def _first_of_each(assessed: pd.DataFrame) -> pd.DataFrame:
    """Return each prospect's first flagged assessment, or its first one if it was never flagged."""
    ordered = assessed.sort_values(["poor_fit", "time"], ascending=[False, True], kind="stable")
    return ordered.drop_duplicates("prospect")


def _with_next(in_window: pd.DataFrame, assessed: pd.DataFrame) -> pd.DataFrame:
    """Add the time of the next assessment after the edit, where that one did not flag."""
    later = in_window[["prospect", "changed_at"]].reset_index().merge(assessed, on="prospect")
    later = later[later["time"] >= later["changed_at"]].sort_values("time", kind="stable")
    after = later.drop_duplicates("index").set_index("index")
    return in_window.assign(
        unflagged_at=after["time"].where(~after["poor_fit"]).reindex(in_window.index)
    )


def _counts(
    first: pd.DataFrame, in_window: pd.DataFrame, turned: pd.DataFrame, who: pd.Series[Any]
) -> pd.DataFrame:
    from scipy.stats import fisher_exact

    table = first.assign(
        rep=first["prospect"].map(who),
        edited=first["prospect"].isin(in_window["prospect"]),
        turned=first["prospect"].isin(turned["prospect"]),
    )
    rows = {}
    for rep, part in table.groupby("rep", sort=True):
        flagged, unflagged = part[part["poor_fit"]], part[~part["poor_fit"]]
        rows[str(rep)] = {
            "flagged": len(flagged),
            "edited": int(flagged["edited"].sum()),
            "turned": int(flagged["turned"].sum()),
            "unflagged": len(unflagged),
            "unflagged_edited": int(unflagged["edited"].sum()),
        }
    counts = pd.DataFrame.from_dict(rows, orient="index", columns=list(COUNTS)).rename_axis("rep")
    edited = counts[["edited", "unflagged_edited"]].to_numpy()
    unedited = counts[["flagged", "unflagged"]].to_numpy() - edited
    p_values = [
        float(fisher_exact(table, alternative="greater").pvalue)
        for table in np.stack([edited, unedited], axis=2)
    ]
    known = (counts["flagged"] >= MIN_FLAGGED).to_numpy()
    adjusted = np.ones(len(counts))
    adjusted[known] = holm(np.array(p_values)[known])
    return counts.assign(p_value=adjusted, ask=(adjusted <= ERROR) & (counts["turned"] > 0))
