"""Write a first contract for a table never seen before, and say what was guessed with doubt.

columns -> roles by name and content -> attributes, leaks, constants -> commented toml
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from fitmodel.deals.cautions import notation_cautions
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.crm_names import goes_on_changing
from fitmodel.deals.faults import Sheet, explain
from fitmodel.deals.guess_attributes import reason_to_exclude
from fitmodel.deals.guess_columns import READS, Column
from fitmodel.deals.guess_money import doubts_about_money, is_contract_value
from fitmodel.deals.guess_text import write_toml
from fitmodel.deals.horizons import compare_horizons, doubts_about_horizon, horizons_text
from fitmodel.deals.leakage import LATER
from fitmodel.deals.role_names import NOT_MONTHS, ROLE_WORDS, sureness
from fitmodel.deals.roles import read_roles, with_roles
from fitmodel.deals.validation import find_faults, shape_faults
from fitmodel.exceptions import DealsError
from fitmodel.tables.tidying import tidy

if TYPE_CHECKING:
    from collections.abc import Callable

DATES = ("closed_on", "churned_on", "exited_on", "observed_until")
READS_BY_NAME = 0.5  # share of values that must be dates where the name leaves no doubt
LAST_DAY = pd.Timestamp("2200-01-01")  # later dates stand for never
LONGEST_GAP = 366  # days between the two latest dates; more, and the latest may be a typing error
LATER_THAN_CLOSING = 0.99  # share of the customers that left who must have left after closing
STATUS = 2  # place among the names of the churn flag: a status may be of anything


@dataclass(frozen=True)
class Guess:
    """A contract guessed from a table.

    Attributes
    ----------
    toml : str
        Commented ``fitmodel.toml``.
    unsure : tuple of str
        What a person should look at.
    """

    toml: str
    unsure: tuple[str, ...]


@dataclass
class _Draft:
    columns: list[Column]
    roles: dict[str, Column] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    unsure: list[str] = field(default_factory=list)
    observed_until: str | None = None
    horizons: str = ""

    @property
    def free(self) -> list[Column]:
        taken = {column.name for column in self.roles.values()} | self.notes.keys()
        return [column for column in self.columns if column.name not in taken]

    def leave_out(self, column: Column, reason: str) -> None:
        self.notes[column.name] = f"left out: {reason}"

    def drop(self, role: str, reason: str) -> None:
        if role in self.roles:
            self.leave_out(self.roles.pop(role), reason)


def guess_spec(frame: pd.DataFrame) -> Guess:
    """Guess the roles of a table's columns by their names and content.

    Parameters
    ----------
    frame : DataFrame
        Past deals, as read by ``read_table`` or made in Python; it is not changed.

    Returns
    -------
    Guess
        Its toml is a valid contract; `read_deals` takes the table with it unless `unsure` says
        what stands against it.

    Raises
    ------
    DealsError
        If no outcome can be found: neither closing and churn dates nor a tenure and a flag.

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(200, seed=1)
    >>> guess = guess_spec(sim.deals.rename(columns={"closed_on": "Close Date"}))
    >>> 'closed_on = "Close Date"' in guess.toml
    True
    """
    faults = shape_faults(Sheet(frame))
    if faults:
        raise DealsError(explain(faults))
    table = tidy(frame)
    draft = _Draft([Column(table[name]) for name in table.columns])
    for role in _FITS:
        _take(draft, role)
    _find_dates_by_content(draft)
    _settle_outcome(draft)
    _sort_attributes(draft)
    draft.unsure += doubts_about_money(draft.roles.get("amount"), draft.columns)
    spec = DealSpec(**tomllib.loads(_toml(draft)))
    faults = find_faults(table, spec)
    draft.unsure += [f"read_deals would refuse this: {fault}" for fault in faults]
    draft.unsure += [str(caution) for caution in notation_cautions(table, spec)]
    if not faults:
        _look_at_horizons(draft, table, spec)
    return Guess(_toml(draft), tuple(draft.unsure))


def _fits_closing(column: Column) -> bool:
    return column.is_full and column.date_share >= READS


def _fits_leaving(column: Column) -> bool:
    return column.date_share >= READS and not column.is_full


def _fits_people(column: Column) -> bool:
    return 1 < column.distinct <= max(len(column.cells) // 2, 2) and not column.is_date


_FITS: dict[str, Callable[[Column], bool]] = {
    "id": lambda column: column.is_unique,
    "observed_until": lambda column: column.is_full and column.date_share >= READS,
    "closed_on": _fits_closing,
    "churned_on": _fits_leaving,
    "exited_on": _fits_leaving,
    "tenure_months": lambda column: column.is_number and column.is_full,
    "churned": lambda column: column.is_flag,
    "rep": _fits_people,
    "team": _fits_people,
    "amount": lambda column: column.is_number and not column.is_flag,
}


def _take(draft: _Draft, role: str) -> None:
    """Give a role to the column that is surest by its name, among those whose content fits."""
    named = [(sureness(column.words, role), column) for column in draft.free]
    known = [(place, column) for place, column in named if place is not None]
    fitting = [each for each in known if _FITS[role](each[1]) and _allowed(draft, role, *each)]
    if not fitting:
        _take_in_doubt(draft, role, [column for place, column in known if place < STATUS])
        return
    surest = min(place for place, _ in fitting)
    rivals = [column for place, column in fitting if place == surest]
    draft.roles[role] = rivals[0]
    if len(rivals) > 1:
        names = ", ".join(repr(column.name) for column in rivals)
        draft.unsure.append(f"{role} could be any of {names}; {rivals[0].name!r} was taken")
    if role in {"rep", "team"}:
        for _, column in fitting:
            if column is not rivals[0]:
                draft.leave_out(column, f"names the {role} too")


def _take_in_doubt(draft: _Draft, role: str, named: list[Column]) -> None:
    """Take a date by its name although not all of it reads as dates, or it is empty."""
    if role == "id":
        draft.unsure += [
            f"id: {column.name!r} was not taken, {len(column.cells) - column.distinct} row(s) have "
            "none or repeat it; keep one row per deal"
            for column in named
            if sureness(column.words, "id") == 0 and column.distinct > len(column.cells) / 2
        ]
    if role not in {"closed_on", "churned_on"}:
        return
    sure = [column for column in named if column.date_share >= READS_BY_NAME]
    if role == "churned_on":
        sure += [column for column in named if column.filled == 0]
        sure = [column for column in sure if _lies_after_closing(draft, column)]
    if sure:
        draft.roles[role] = sure[0]
        draft.unsure.append(
            f"{role}: {sure[0].name!r} by its name, but not all of it reads as dates"
        )


def _allowed(draft: _Draft, role: str, place: int, column: Column) -> bool:
    """Tell what name and content together rule out."""
    if role == "churned_on":
        return _lies_after_closing(draft, column)
    if role == "churned":
        return place < STATUS or not column.is_plain_flag
    if role == "tenure_months" and NOT_MONTHS.search(column.words):
        draft.unsure.append(f"{column.name!r} looks like a tenure, but not in months")
        return False
    if role == "closed_on":
        return not goes_on_changing(column.name)  # the closing date of another deal
    return role != "amount" or is_contract_value(column)


def _lies_after_closing(draft: _Draft, column: Column) -> bool:
    closing = draft.roles.get("closed_on")
    if closing is None or closing.dates is None or column.dates is None:
        return True
    both = closing.dates.series.notna() & column.dates.series.notna()
    later = column.dates.series[both] >= closing.dates.series[both]
    return bool(later.mean() >= LATER_THAN_CLOSING) if len(later) else True


def _find_dates_by_content(draft: _Draft) -> None:
    """Where the names tell of no date: a full one, and a gapped one that never lies before it."""
    roles = draft.roles
    if {"tenure_months", "churned"} <= roles.keys():
        return
    for role, fits in (("closed_on", _fits_closing), ("churned_on", _fits_leaving)):
        if role in roles:
            continue
        found = [column for column in draft.free if column.is_date and fits(column)]
        found = [column for column in found if not LATER.search(column.words)]
        if role == "churned_on":
            found = [column for column in found if _lies_after_closing(draft, column)]
        if found:
            roles[role] = found[0]
            draft.unsure.append(f"{role}: {found[0].name!r} by its content alone")


def _settle_outcome(draft: _Draft) -> None:
    """Keep one form of outcome: dates where both are there, else tenure and flag."""
    if {"closed_on", "churned_on"} <= draft.roles.keys():
        _compare_flag(draft)
        for role in ("tenure_months", "churned"):
            draft.drop(role, "the outcome in another form")
        if "observed_until" not in draft.roles:
            _guess_extract(draft)
        return
    if not {"tenure_months", "churned"} <= draft.roles.keys():
        raise _no_outcome(draft)
    for role in DATES:
        draft.drop(role, "a date, but the outcome is a tenure and a flag")
    name = draft.roles["tenure_months"].name
    draft.unsure.append(f"{name!r} is taken for MONTHS from signing to leaving or to the extract")


def _no_outcome(draft: _Draft) -> DealsError:
    found = ", ".join(f"{role} ({column.name!r})" for role, column in draft.roles.items())
    clauses = [f"found were only {found}"] if found else []
    listed = ", ".join(column.name for column in draft.columns)
    return DealsError(
        "no outcome was found: neither a closing and a churn date nor a tenure and a churn flag"
        f"{''.join(f'; {text}' for text in [*clauses, *draft.unsure])}. Remedy: add what is "
        f"missing, or write fitmodel.toml by hand; the columns are {listed}"
    )


def _compare_flag(draft: _Draft) -> None:
    flag, leaving = draft.roles.get("churned"), draft.roles["churned_on"]
    if flag is None:
        return
    undated = int((flag.flags.series & leaving.cells.isna()).sum())
    if undated:
        draft.unsure.append(
            f"{flag.name!r} says yes in {undated} row(s) without a date in {leaving.name!r}: "
            "they count as customers that stayed"
        )


def _guess_extract(draft: _Draft) -> None:
    read = [draft.roles[role].dates for role in DATES if role in draft.roles]
    seen = pd.concat([reading.series for reading in read if reading is not None])
    days = seen[seen < LAST_DAY].drop_duplicates().sort_values()
    draft.observed_until = str(days.iloc[-1].date())
    text = (
        f"observed_until: the latest date seen ({draft.observed_until}) was taken; "
        "give the day of the extract"
    )
    if len(days) > 1 and (days.iloc[-1] - days.iloc[-2]).days > LONGEST_GAP:
        text += f". The latest but one is {days.iloc[-2].date()}: a typing error?"
    draft.unsure.append(text)


def _sort_attributes(draft: _Draft) -> None:
    closing = draft.roles.get("closed_on")
    doubted: dict[str, list[str]] = {}
    for column in draft.free:
        found = reason_to_exclude(column, None if closing is None else closing.dates)
        if found is None:
            draft.notes[column.name] = "attribute"
            continue
        draft.leave_out(column, found.reason)
        if found.in_doubt:
            doubted.setdefault(found.reason, []).append(repr(column.name))
    for reason, names in doubted.items():
        draft.unsure.append(f"left out, {reason}: {', '.join(names)}")


def _look_at_horizons(draft: _Draft, table: pd.DataFrame, spec: DealSpec) -> None:
    """Say what the deals know of each horizon, and whether the usual one is too short or long."""
    found = compare_horizons(with_roles(table, spec, read_roles(table, spec)), spec)
    draft.horizons = horizons_text(found)
    draft.unsure += doubts_about_horizon(found, spec.label.horizon_months)


def _toml(draft: _Draft) -> str:
    named = {role: column.name for role, column in draft.roles.items()}
    if draft.observed_until is not None:
        named["observed_until"] = draft.observed_until
    roles = {role: named[role] for role in ROLE_WORDS if role in named}
    taken = {name: f"{role} ({ROLE_WORDS[role]})" for role, name in roles.items()}
    notes = {c.name: taken.get(c.name) or draft.notes[c.name] for c in draft.columns}
    exclude = [name for name, note in notes.items() if note.startswith("left out")]
    return write_toml(roles, exclude, notes, draft.unsure, draft.horizons)
