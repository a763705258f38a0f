"""
Attributes edited after a flag, and whether the flag was gone then: told as a question.

decision log + history of fields -> edits soon after an assessment, of flagged and of unflagged
                                 prospects -> those after which the flag was gone -> counts per rep
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from fitmodel.exceptions import DealsError
from fitmodel.language.catalogue import phrases
from fitmodel.sales._rep_verdicts import holm
from fitmodel.sales.people import NO_NAME, people_of

if TYPE_CHECKING:
    from collections.abc import Sequence

HISTORY = ("id", "field", "old", "new", "changed_at")
WINDOW_DAYS = 30
"""Edits so many days after an assessment count as made after it, of flagged and unflagged alike."""
MIN_FLAGGED = 5
ERROR = 0.05
EDITS = ("prospect", "rep", "field", "old", "new", "flagged_at", "changed_at", "unflagged_at")


class AssessmentsLog(Protocol):
    """What is asked of a decision log; `fitmodel.monitoring.log.DecisionLog` is one."""

    def assessments(self) -> pd.DataFrame:
        """Every assessment in the order written."""

    def known_as(self, prospect: object) -> str:
        """The id as the log keeps it."""


@dataclass(frozen=True, eq=False)
class EditsAfterFlags:
    """
    Edits of attributes after a flag.

    Parameters
    ----------
    edits : DataFrame
        Columns `EDITS`: edits after which the prospect was assessed again and not flagged any more.
    reps : DataFrame
        Indexed by rep: `flagged`, `edited` (of them: soon after the flag), `turned` (of the edited:
        the flag was gone then), `unflagged` and `unflagged_edited` (of the rep's other prospects),
        `p_value` (one-sided exact test of Fisher, corrected for the number of reps) and `ask`
        (whether to ask about it).
    """

    edits: pd.DataFrame
    reps: pd.DataFrame

    def questions(self, language: str = "en") -> list[str]:
        """A question for each rep who edits flagged prospects more than others; never a charge."""
        say = phrases(language, "edits")
        return [
            say(
                "ask",
                rep=rep,
                **{
                    name: f"{row[name]:,}"
                    for name in ("flagged", "edited", "turned", "unflagged", "unflagged_edited")
                },
            )
            for rep, row in self.reps[self.reps["ask"].astype(bool)].iterrows()
        ]


def find_edits_after_flags(
    history: pd.DataFrame, log: AssessmentsLog, reps: pd.Series[Any], attributes: Sequence[str]
) -> EditsAfterFlags:
    """
    List attributes that were edited after a flag that was gone then, with counts per rep.

    Parameters
    ----------
    history : DataFrame
        A row per edit, columns `HISTORY`.
    log : AssessmentsLog
        What was said of the prospects, and when.
    reps : Series
        Rep of each prospect, indexed by its id.
    attributes : sequence of str
        Fields that the model uses; edits of other fields do not count.

    Returns
    -------
    EditsAfterFlags

    Raises
    ------
    DealsError
        If the history lacks a column, or a time cannot be read.

    Notes
    -----
    An edit may be right: a fact was wrong, or more was learned. So the rate on prospects that were
    not flagged is shown beside it, of the same rep and over the same `WINDOW_DAYS`.
    """
    changes = _read(history, log, attributes)
    said = log.assessments()[["prospect", "time", "poor_fit"]]
    who = pd.Series(
        people_of(reps).fillna(NO_NAME).to_numpy(), [log.known_as(n) for n in reps.index]
    )
    who = who[~who.index.duplicated()]
    said = said[said["prospect"].isin(who.index)]
    first = _first_of_each(said)
    near = changes.merge(first, on="prospect")
    late = near["changed_at"] - near["time"]
    near = near[(late > pd.Timedelta(0)) & (late <= pd.Timedelta(days=WINDOW_DAYS))]
    near = _with_next(near, said)
    turned = near[near["poor_fit"] & near["unflagged_at"].notna()]
    edits = turned.assign(rep=turned["prospect"].map(who)).rename(columns={"time": "flagged_at"})
    return EditsAfterFlags(
        edits[list(EDITS)].sort_values(["rep", "changed_at"], ignore_index=True),
        _counts(first, near, turned, who),
    )


def _read(history: pd.DataFrame, log: AssessmentsLog, attributes: Sequence[str]) -> pd.DataFrame:
    """Edits that change an attribute, with ids as the log keeps them."""
    if missing := [name for name in HISTORY if name not in history.columns]:
        raise DealsError(
            f"the history of fields has no column {missing[0]!r}; it has "
            f"{', '.join(map(str, history.columns))}. Remedy: one row per edit with the columns "
            f"{', '.join(HISTORY)}."
        )
    table = history[history["field"].isin(list(attributes))].copy()
    time = pd.to_datetime(table["changed_at"], utc=True, errors="coerce", format="ISO8601")
    if time.isna().any():
        row = table.index[time.isna()][0]
        raise DealsError(
            f"changed_at: {int(time.isna().sum())} time(s) cannot be read, the first in row "
            f"{row!r} ({table.loc[row, 'changed_at']!r}). Remedy: write 2026-03-31T14:00:00Z."
        )
    table["changed_at"] = time
    table["prospect"] = table["id"].map(log.known_as)
    return table[table["old"].astype("str") != table["new"].astype("str")]


def _first_of_each(said: pd.DataFrame) -> pd.DataFrame:
    """First flagged assessment of each prospect, or the first one where it never was flagged."""
    ordered = said.sort_values(["poor_fit", "time"], ascending=[False, True], kind="stable")
    return ordered.drop_duplicates("prospect")


def _with_next(near: pd.DataFrame, said: pd.DataFrame) -> pd.DataFrame:
    """Add when the prospect was next assessed after the edit, where it was not flagged then."""
    later = near[["prospect", "changed_at"]].reset_index().merge(said, on="prospect")
    later = later[later["time"] >= later["changed_at"]].sort_values("time", kind="stable")
    after = later.drop_duplicates("index").set_index("index")
    return near.assign(unflagged_at=after["time"].where(~after["poor_fit"]).reindex(near.index))


def _counts(
    first: pd.DataFrame, near: pd.DataFrame, turned: pd.DataFrame, who: pd.Series[Any]
) -> pd.DataFrame:
    from scipy.stats import fisher_exact

    table = first.assign(
        rep=first["prospect"].map(who),
        edited=first["prospect"].isin(near["prospect"]),
        turned=first["prospect"].isin(turned["prospect"]),
    )
    rows = {}
    for rep, part in table.groupby("rep", sort=True):
        flagged, others = part[part["poor_fit"]], part[~part["poor_fit"]]
        rows[str(rep)] = {
            "flagged": len(flagged),
            "edited": int(flagged["edited"].sum()),
            "turned": int(flagged["turned"].sum()),
            "unflagged": len(others),
            "unflagged_edited": int(others["edited"].sum()),
        }
    columns = ["flagged", "edited", "turned", "unflagged", "unflagged_edited"]
    counts = pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("rep")
    rows_of_counts: Any = counts.itertuples()
    p_values = [
        float(
            fisher_exact(
                [
                    [row.edited, row.flagged - row.edited],
                    [row.unflagged_edited, row.unflagged - row.unflagged_edited],
                ],
                alternative="greater",
            ).pvalue
        )
        for row in rows_of_counts
    ]
    known = (counts["flagged"] >= MIN_FLAGGED).to_numpy()
    adjusted = np.ones(len(counts))
    adjusted[known] = holm(np.array(p_values)[known])
    return counts.assign(p_value=adjusted, ask=(adjusted <= ERROR) & (counts["turned"] > 0))
