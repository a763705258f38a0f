"""Reps: their names as text, and counts of the deals they signed and the customers they lost.

Counts need no model and few deals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from fitmodel.deals.history import view_of
from fitmodel.deals.roles import yearly_amounts
from fitmodel.exceptions import DealsError
from fitmodel.language.catalogue import phrases

if TYPE_CHECKING:
    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView

NO_NAME = "(no name)"
"""Name that tables show for the rep of a deal that has none."""
COLUMNS = (
    "signed", "lost", "lost_value", "rate", "rate_low", "rate_high", "company_rate",
    "latest_lost", "latest_lost_on", "latest_lost_months",
)  # fmt: skip


def names_of(column: pd.Series[Any]) -> pd.Series[str]:
    """Return names or numbers as text.

    A whole number that is stored as a float because other values are missing is written without
    decimals: 7.0 becomes "7".
    """
    values = pd.to_numeric(column, errors="coerce") if column.dtype.kind == "f" else None
    if values is not None and bool((values.dropna() % 1 == 0).all()):
        column = values.astype("Int64")
    return column.astype("str").where(column.notna())


def people_of(column: pd.Series[Any]) -> pd.Series[str]:
    """Return names of people; spellings that differ only in case or spaces are one person.

    The name is the most frequent spelling; among equally frequent spellings it is the first by
    code point. A name that consists of spaces only is missing.
    """
    positions, spellings = pd.factorize(names_of(column))
    names = pd.Series(spellings, dtype="str").str.split().str.join(" ")
    key = names.str.casefold().where(names != "")
    rows = np.bincount(positions[positions >= 0], minlength=len(names))
    by_spelling = pd.DataFrame({"key": key, "name": names, "n": rows})
    counts = by_spelling.groupby(["key", "name"])["n"].sum().reset_index()
    counts = counts.sort_values(["key", "n", "name"], ascending=[True, False, True])
    chosen = counts.drop_duplicates("key").set_index("key")["name"]
    people = key.map(chosen).astype("str").where(key.notna())
    spelled = people.reindex(positions).to_numpy()
    return pd.Series(spelled, column.index, dtype="str", name=column.name)


def same_person(one: object, other: object) -> bool:
    """Return whether two names are equal apart from case and spaces."""
    first, second = (" ".join(str(name).split()).casefold() for name in (one, other))
    return first == second


def spelled_as(names: pd.Series[str], known: pd.Series[str]) -> pd.Series[str]:
    """Return names from `people_of` in the spelling that another column has for the same people."""
    spelling = {name.casefold(): name for name in known.dropna().unique()}
    return names.map(lambda name: spelling.get(name.casefold(), name), na_action="ignore")


def people_in(deals: pd.DataFrame, spec: DealSpec, by: str) -> pd.Series[str]:
    """Return the rep or team of each deal; missing where none is given.

    Raises
    ------
    DealsError
        If the contract names no column for the rep or team.
    """
    column = spec.deals.rep if by == "rep" else spec.deals.team
    if column is None:
        raise DealsError(
            f'the contract names no {by}. Remedy: write {by} = "COLUMN" under [deals].'
        )
    return people_of(deals[column])


def check_index(deals: pd.DataFrame) -> None:
    """Refuse a table in which rows share an index value.

    Raises
    ------
    DealsError
        If the index is not unique; the message names how many rows share theirs, and one example.
    """
    is_duplicate = deals.index.duplicated(keep=False)
    if is_duplicate.any():
        raise DealsError(
            f"{int(is_duplicate.sum())} rows share their index with another, e.g. "
            f"{deals.index[is_duplicate].tolist()[0]!r}. Remedy: deals.reset_index(drop=True)."
        )


@dataclass(frozen=True, eq=False)
class Counts:
    """Counts per rep (or team) and for the company.

    Parameters
    ----------
    table : DataFrame
        Indexed by rep; the last row is the company. Columns: `signed`; `lost` and `lost_value`
        (customers who have left by now, early or later, and their yearly value; NaN without
        amounts); `rate`, `rate_low`, `rate_high` (early churn at the horizon by Kaplan-Meier with
        95% interval; NaN where no deal was followed from its signing); `company_rate`; and for the
        customer who left last `latest_lost` (its id, or its index where the contract names no id),
        `latest_lost_on` and `latest_lost_months` (how long it stayed), which are missing where
        nobody left or there are no dates.
    horizon_months : int
        Months after closing within which leaving is early churn.
    """

    table: pd.DataFrame
    horizon_months: int

    @property
    def company(self) -> pd.Series[Any]:
        """Row of the company."""
        return self.table.iloc[-1]

    @property
    def reps(self) -> pd.DataFrame:
        """Rows of the reps (or teams)."""
        return self.table.iloc[:-1]


def compute_counts(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    *,
    by: Literal["rep", "team"] = "rep",
    language: str = "en",
) -> Counts:
    """Count the deals signed and the customers lost by each rep (or team) and by the company.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        Past deals, as read by ``read_deals``; a single deal is enough.
    by : {"rep", "team"}
        Whether to count per rep or per team.
    language : {"en", "zh"}
        Language of the company's row name.

    Returns
    -------
    Counts

    Raises
    ------
    DealsError
        If the contract names no rep or team, or rows share an index.

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(30, seed=1)
    >>> counts = compute_counts(sim.deals, sim.spec)
    >>> int(counts.company["signed"]), int(counts.reps["signed"].sum())
    (30, 30)
    """
    say = phrases(language, "scoreboard")
    view = view_of(deals, spec)
    check_index(view.deals)
    who = people_in(view.deals, spec, by).fillna(say("no_rep"))
    all_positions = np.arange(len(view))
    rows = {
        str(name): count_deals(view, positions)
        for name, positions in who.groupby(who).indices.items()
    }
    rows[say("company")] = count_deals(view, all_positions)
    table = pd.DataFrame.from_dict(rows, orient="index")
    table["company_rate"] = table["rate"].iloc[-1]
    return Counts(table[list(COLUMNS)], spec.label.horizon_months)


def count_deals(view: HistoryView, positions: Any) -> dict[str, Any]:
    """Return the counts for some deals of a view, given by their positions in it."""
    is_selected = np.zeros(len(view), dtype=bool)
    is_selected[positions] = True
    left = view.left[is_selected]
    amount = view.spec.deals.amount
    value = (
        None if amount is None else yearly_amounts(view.deals, view.spec).to_numpy()[is_selected]
    )
    known = value is not None and bool(np.isfinite(value).any())
    return {
        "signed": int(is_selected.sum()),
        "lost": int(left.sum()),
        "lost_value": float(np.nansum(value[left])) if known and value is not None else np.nan,
        **_early_churn_rate(view, is_selected),
        **_latest_lost(view, is_selected & view.left),
    }


def _early_churn_rate(view: HistoryView, is_selected: Any) -> dict[str, float]:
    if not (is_selected & (view.entry_months == 0)).any():
        return dict.fromkeys(("rate", "rate_low", "rate_high"), np.nan)
    curve = view.survival_of(is_selected, at=[float(view.spec.label.horizon_months)])
    return {
        "rate": 1 - float(curve.survival[0]),
        "rate_low": 1 - float(curve.high[0]),
        "rate_high": 1 - float(curve.low[0]),
    }


def _latest_lost(view: HistoryView, lost: Any) -> dict[str, Any]:
    """Return the customer who left last, within the horizon or later."""
    if view.closed is None or not lost.any():
        return {"latest_lost": None, "latest_lost_on": pd.NaT, "latest_lost_months": np.nan}
    candidates = np.flatnonzero(lost)
    last = candidates[np.argmax(view.left_on[candidates])]
    number = view.spec.deals.id
    identity = view.index[last] if number is None else names_of(view.deals[number]).iloc[last]
    return {
        "latest_lost": identity,
        "latest_lost_on": pd.Timestamp(view.left_on[last]),
        "latest_lost_months": float(view.followup_months[last]),
    }
