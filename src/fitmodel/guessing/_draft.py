"""A contract draft: roles so far, a note for every column, and doubts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fitmodel.deals.plain_words import toml_value
from fitmodel.guessing._names import ROLE_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fitmodel.guessing._columns import Column
    from fitmodel.guessing._status import Status
    from fitmodel.guessing._vendors import Vendor


@dataclass
class Draft:
    """The guesses so far.

    Attributes
    ----------
    columns : list of Column
        Of the rows that are customers.
    vendor : Vendor or None
        Whose export the table is, where that is known.
    roles : dict of role to Column
    units : dict
        Other keys of ``[deals]``.
    rows : dict
        Keys of ``[rows]``.
    notes : dict of column to str
        What each column was taken for, or why it was left out.
    unsure : list of str
    """

    columns: list[Column]
    vendor: Vendor | None = None
    roles: dict[str, Column] = field(default_factory=dict)
    units: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, Any] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    unsure: list[str] = field(default_factory=list)
    status: Status | None = None
    observed_until: str | None = None
    horizons: str = ""

    @property
    def free(self) -> list[Column]:
        """Columns without a role and not left out."""
        taken = {column.name for column in self.roles.values()} | self.notes.keys()
        return [column for column in self.columns if column.name not in taken]

    def leave_out(self, column: Column, reason: str) -> None:
        """Leave a column out of the attributes."""
        self.notes[column.name] = f"left out: {reason}"

    def drop(self, role: str, reason: str) -> None:
        """Take a role from its column and leave that out."""
        if role in self.roles:
            self.leave_out(self.roles.pop(role), reason)

    def surest(self, role: str) -> str | None:
        """Column that a known system's export has for a role."""
        return next(iter(self.vendor.roles.get(role, ())), None) if self.vendor else None

    def to_toml(self) -> str:
        """Write the contract."""
        named = {role: column.name for role, column in self.roles.items()}
        if self.observed_until is not None:
            named["observed_until"] = self.observed_until
        roles = {role: named[role] for role in ROLE_WORDS if role in named}
        taken = {name: f"{role} ({ROLE_WORDS[role]})" for role, name in roles.items()}
        notes = {c.name: taken.get(c.name) or self.notes[c.name] for c in self.columns}
        exclude = [name for name, note in notes.items() if note.startswith("left out")]
        deals = {**roles, **self.units}
        return write_toml(deals, self.rows, exclude, notes, self.unsure, self.horizons)


_HEAD = """\
# The deal contract of fitmodel, guessed from the table. Read it before you train:
# a wrong role, or an attribute that is known only after signing, makes every number wrong.
"""
_TAIL = """\
[decision]
# policy = "risk"             # or value (needs the money below), capacity, precision, threshold
# odds_ratio = 2.0            # risk: flag from twice the company's odds of early churn on
# capacity = 0.1              # capacity: share of the prospects that can be flagged
# big_deal = 50000            # a poor fit from this yearly amount on is for a manager to decide
# The money below is an EXAMPLE: put in your own. A cost is an amount or a share of the yearly one.
# gross_margin = 0.75
# commission_rate = 0.1       # of the yearly contract value
# onboarding_cost = "10 %"    # per deal
# support_cost_per_month = "2 %"  # extra support of a poor fit
# word_of_mouth_cost = "20 %"  # what a customer who left early tells others
# opportunity_cost = "15 %"   # what the time of rep and service team would earn elsewhere
# paid_upfront_months = 0     # months paid in advance and kept

[tracking]
# uri = "sqlite:///mlflow.db"
experiment = "prospect-fit"
registered_model = "prospect-fit"
"""
_HISTORY = """\
# A CRM overwrites. Tables of changes and activities give the values as they stood before closing:
# docs/guides/crm-history.md. Nothing recorded yet? Start today: fitmodel snapshot pipeline.csv
# [history.fields]             # a row per change; versions and daily snapshots are read too
# table = "field_history.csv"  # CSV, Parquet, a folder of Parquet, or a table of a database
# id = {id}
# field = "Field"
# value = "NewValue"
# old_value = "OldValue"
# changed_at = "CreatedDate"
# [events.activities]          # a row per meeting, call, e-mail, ticket of a trial
# table = "activities.csv"
# id = {id}
# at = "ActivityDate"
# kind = "Type"
# who = "ContactId"
"""
_LABEL = "[label]\nhorizon_months = 5  # leaving within so many months of signing is early churn\n"
_HORIZONS = (
    "# What the deals know of other horizons; the age at which commission is earned is usual:\n"
)
_ROWS = """\
[rows]
{rows}# keep = {{deal_stage = ["Won"]}}     # which rows are customers, by the values of a column
# customer = "account_id"            # where a customer has several rows: they become one
# left_without_date = "unknown"      # or "drop", "observed_until": left, but the date is empty
# acknowledged = []                  # doubts that you have looked at, by their code
"""


def write_toml(
    deals: Mapping[str, Any],
    rows: Mapping[str, Any],
    exclude: Iterable[str],
    notes: Mapping[str, str],
    unsure: Iterable[str],
    horizons: str = "",
) -> str:
    """Write the contract.

    Parameters
    ----------
    deals : mapping of role or unit to its value
    rows : mapping of key of ``[rows]`` to its value
    exclude : iterable of column
    notes : mapping of column to str
        What each column of the table was taken for, in the table's order.
    unsure : iterable of str
    horizons : str
        What the deals know of several horizons, a line each.
    """
    doubts = [f"#   - {one_line(text)}" for text in unsure]
    parts = [_HEAD + "\n".join(["# Unsure:", *doubts]) + "\n" if doubts else _HEAD]
    parts.append("\n".join(["[deals]", *map(_pair, deals.items())]) + "\n")
    parts.append(_ROWS.format(rows="".join(f"{_pair(item)}\n" for item in rows.items())))
    left_out = [f"    {toml_value(name)},  # {one_line(notes[name])}" for name in exclude]
    listed = "\n".join(["exclude = [", *left_out, "]"]) if left_out else "exclude = []"
    columns = [f"#   {one_line(name)}: {one_line(note)}" for name, note in notes.items()]
    parts += [
        _LABEL + _commented_horizons(horizons),
        f"[attributes]\n{listed}\n# actionable = []  # attributes that a rep can still change",
        "\n".join(["# Every column, and how it was read:", *columns]) + "\n",
        history_hint(deals.get("id")),
        _TAIL,
    ]
    return "\n".join(parts)


def history_hint(id_column: str | None) -> str:
    """Hint in the contract where no table of changes or activities is known."""
    return _HISTORY.format(id=toml_value(id_column or "deal_id"))


def _pair(item: tuple[str, Any]) -> str:
    key, value = item
    if isinstance(value, dict):
        pairs = (f"{toml_value(name)} = {_one_line(each)}" for name, each in value.items())
        return f"{key} = {{{', '.join(pairs)}}}"
    return f"{key} = {_one_line(value)}"


def _one_line(value: Any) -> str:
    """Write a value as TOML in one line, lists too."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(toml_value, value))}]"
    return toml_value(value)


def _commented_horizons(horizons: str) -> str:
    lines = [f"#   {line}\n" for line in horizons.splitlines()]
    return _HORIZONS + "".join(lines) if lines else ""


def one_line(text: str) -> str:
    """Text that can stand in a comment: no line break and no control character."""
    return "".join(each if each.isprintable() else " " for each in " ".join(text.split()))
