"""A contract while it is guessed: the roles so far, a note for every column, and the doubts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fitmodel.guessing._names import ROLE_WORDS
from fitmodel.guessing._text import write_toml

if TYPE_CHECKING:
    from fitmodel.guessing._columns import Column
    from fitmodel.guessing._status import Status
    from fitmodel.guessing._vendors import Vendor


@dataclass
class Draft:
    """What was guessed so far.

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
