"""A contract draft: roles, a note for every column, and what is unsure; written as TOML."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fitmodel.deals.plain_words import toml_value
from fitmodel.guessing._names import ROLE_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fitmodel.guessing._columns import Column, Vendor
    from fitmodel.guessing._rows import Status


@dataclass
class Draft:
    """A contract while it is being guessed; the guessing functions fill it in.

    `columns`: the table's columns, with the rows that are customers only.
    `vendor`: the system that exported the table; None if it is unknown.
    `roles`: the column of each role found so far.
    `units`: other keys of ``[deals]``, such as units.
    `notes`: how each column was interpreted, or why it was left out.
    `unsure`: sentences about what a person should check.
    `status`: the flag or status that says who left.
    `observed_until`: the end of the extract as an ISO date, if no column gives it.
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
        """Columns that have no role and are not left out."""
        used = {column.name for column in self.roles.values()} | self.notes.keys()
        return [column for column in self.columns if column.name not in used]

    def leave_out(self, column: Column, reason: str) -> None:
        """Leave a column out of the attributes."""
        self.notes[column.name] = f"left out: {reason}"

    def drop(self, role: str, reason: str) -> None:
        """Remove a role, and leave its column out of the attributes."""
        if role in self.roles:
            self.leave_out(self.roles.pop(role), reason)

    def vendor_column(self, role: str) -> str | None:
        """Return the column that plays a role in exports of the known system, or None."""
        return next(iter(self.vendor.roles.get(role, ())), None) if self.vendor else None

    def to_toml(self) -> str:
        """Return the contract as commented TOML."""
        columns = {role: column.name for role, column in self.roles.items()}
        if self.observed_until is not None:
            columns["observed_until"] = self.observed_until
        roles = {role: columns[role] for role in ROLE_WORDS if role in columns}
        with_role = {name: f"{role} ({ROLE_WORDS[role]})" for role, name in roles.items()}
        notes = {c.name: with_role.get(c.name) or self.notes[c.name] for c in self.columns}
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
# big_deal = 50000            # from this yearly amount on, a manager decides on a poor fit
# The values below are EXAMPLES: write your own. A cost is an amount or a share of the yearly value.
# gross_margin = 0.75
# commission_rate = 0.1       # of the yearly contract value
# onboarding_cost = "10%"    # per deal
# support_cost_per_month = "2%"  # extra support of a poor fit
# word_of_mouth_cost = "20%"  # sales lost because a customer who left early tells others
# opportunity_cost = "15%"   # what rep and service team would earn with other customers
# paid_upfront_months = 0     # months paid in advance and kept

# How pages and letters write it:
# [words]
# money = "€{:,.0f}"          # "¥{:,.0f}" for yen, "{:,.2f} 元" for yuan
# labels = {contract_term_months = "Contract months"}

[tracking]
# uri = "sqlite:///mlflow.db"
experiment = "prospect-fit"
registered_model = "prospect-fit"
"""
_HISTORY = """\
# A CRM overwrites values. Tables of changes and activities give the values as of closing; see
# docs/guides/crm-history.md. No such tables yet? Start today: fitmodel snapshot pipeline.csv
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
_LABEL = "[label]\nhorizon_months = 5  # leaving within this number of months is early churn\n"
_HORIZONS = (
    "# Known outcomes for other horizons; often it is the age at which commission is earned:\n"
)
_ROWS = """\
[rows]
{rows}# keep = {{deal_stage = ["Won"]}}     # which rows are customers, by the values of a column
# customer = "account_id"            # merge the rows of a customer into one
# left_without_date = "unknown"      # or "drop", "observed_until": left, but the date is empty
# acknowledged = []                  # codes of questions that you have checked
"""


def write_toml(
    deals: Mapping[str, Any],
    rows: Mapping[str, Any],
    exclude: Iterable[str],
    notes: Mapping[str, str],
    unsure: Iterable[str],
    horizons: str = "",
) -> str:
    """Return a contract as commented TOML.

    `deals`: keys of ``[deals]``: roles with their columns, and units.
    `exclude`: columns to list in ``[attributes] exclude``.
    `notes`: how each column was interpreted, in the table's order; written as comments.
    `unsure`: sentences about what a person should check; written as comments.
    """
    questions = [f"#   - {one_line(text)}" for text in unsure]
    parts = [_HEAD + "\n".join(["# Unsure:", *questions]) + "\n" if questions else _HEAD]
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
    """Return the comment about tables of changes and activities, for contracts without any."""
    return _HISTORY.format(id=toml_value(id_column or "deal_id"))


def _pair(item: tuple[str, Any]) -> str:
    """Return one key and its value as TOML."""
    key, value = item
    if isinstance(value, dict):
        pairs = (f"{toml_value(name)} = {_one_line(each)}" for name, each in value.items())
        return f"{key} = {{{', '.join(pairs)}}}"
    return f"{key} = {_one_line(value)}"


def _one_line(value: Any) -> str:
    """Return a value, or a list of values, as TOML in one line."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(toml_value, value))}]"
    return toml_value(value)


def _commented_horizons(horizons: str) -> str:
    lines = [f"#   {line}\n" for line in horizons.splitlines()]
    return _HORIZONS + "".join(lines) if lines else ""


def one_line(text: str) -> str:
    """Return a text without line breaks and control characters, for a comment."""
    return "".join(each if each.isprintable() else " " for each in " ".join(text.split()))
