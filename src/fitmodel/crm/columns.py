"""Names of the attributes from history and event tables, computed from the contract only.

Imports the standard library only: the texts for a single prospect use these names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fitmodel.tables.vocabulary import slug

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fitmodel.deals.contract import DealSpec, EventTable

__all__ = [
    "FieldColumns",
    "columns_needed",
    "columns_of",
    "event_columns",
    "field_columns_of",
    "slug",
    "words_of_columns",
]
AS_OF = "_as_of"


@dataclass(frozen=True)
class FieldColumns:
    """A field of a history table, and the names of its columns.

    Attributes
    ----------
    table : str
        Name of the table in the contract.
    field : str
        Name of the field.
    column : str
        Column of the deals with today's value; the names of derived columns begin with it.
    value : str or None
        Column for the value as of the cut-off; None if the value is not an attribute.
    is_stage : bool
        Whether the field is the stage.
    """

    table: str
    field: str
    column: str
    value: str | None
    is_stage: bool

    @property
    def changes(self) -> str:
        """Name of the column with the number of changes."""
        return f"{self.column}_changes"

    @property
    def days(self) -> str:
        """Name of the column with the days since the last change."""
        return f"{self.column}_days_unchanged"


def field_columns_of(spec: DealSpec) -> Iterator[FieldColumns]:
    """Yield the columns of every field; if two tables have a column, the first one is used.

    A column that plays a role or chooses rows keeps its value, and the value as of the cut-off is
    in ``COLUMN_as_of``. For the closing date, sellers and excluded columns, only the changes are
    attributes; these can be excluded by their names. Outcomes give no attributes. (Sellers are set
    to those before closing in `fitmodel.crm.reading`.)
    """
    roles = spec.deals
    no_columns = {*spec.outcome_columns, roles.id, spec.rows.customer}
    no_value = {roles.closed_on, roles.rep, roles.team, roles.propensity, roles.currency}
    no_value |= set(spec.attributes.exclude)
    own_columns = {roles.amount, *spec.rows.chosen_by}
    for name, section in spec.history.items():
        for field in section.fields or ():
            column = section.names.get(field, field)
            if column in no_columns:
                continue
            no_columns.add(column)
            value = f"{column}{AS_OF}" if column in own_columns else column
            value_column = None if column in no_value else value
            yield FieldColumns(name, field, column, value_column, field == section.stage)


def columns_of(spec: DealSpec) -> tuple[str, ...]:
    """Return all attribute columns from the tables of a contract, in order.

    Parameters
    ----------
    spec : DealSpec
        A contract with fields and kinds filled in.
    """
    names: list[str] = []
    for each in field_columns_of(spec):
        names += [*filter(None, [each.value]), each.changes, each.days]
        if each.is_stage:
            skipped = ["skipped"] if spec.history[each.table].stages else []
            names += [f"{each.column}_{move}" for move in (*skipped, "returned")]
    for name, section in spec.events.items():
        for group in (name, *(f"{name}_{kind}" for kind in section.kinds or ())):
            names += event_columns(group, section)
    return tuple(names)


def event_columns(group: str, section: EventTable) -> list[str]:
    """Return the columns of one kind of events, or of all events of a table."""
    names: list[str] = []
    for days in section.windows_days:
        names.append(f"{group}_count_{days}d")
        names += [f"{group}_people_{days}d"] if section.who is not None else []
        names += [f"{group}_{slug(section.amount)}_{days}d"] if section.amount is not None else []
    names.append(f"{group}_days_since_last")
    return [*names, f"{group}_trend"] if len(section.windows_days) > 1 else names


def words_of_columns(spec: DealSpec) -> dict[str, dict[str, str]]:
    """Return for each column the key of its description and the values to fill in.

    A column with the name of a field has no entry; it keeps its own label.
    """
    words: dict[str, dict[str, str]] = {}
    for each in field_columns_of(spec):
        columns = {"changes": each.changes, "days_unchanged": each.days}
        columns |= {key: f"{each.column}_{key}" for key in ("skipped", "returned") if each.is_stage}
        if each.value is not None and each.value != each.column:
            columns["as_of"] = each.value
        words |= {column: {"key": key, "name": each.column} for key, column in columns.items()}
    for name, section in spec.events.items():
        for kind in ("", *(section.kinds or ())):
            words |= _words_of_events(f"{name}_{kind}" if kind else name, section)
    return words


def _words_of_events(group: str, section: EventTable) -> dict[str, dict[str, str]]:
    words = {
        f"{group}_days_since_last": {"key": "days_since_last", "name": group},
        f"{group}_trend": {"key": "trend", "name": group},
    }
    for days in section.windows_days:
        common = {"name": group, "days": str(days)}
        words[f"{group}_count_{days}d"] = {"key": "count", **common}
        words[f"{group}_people_{days}d"] = {"key": "people", **common}
        if section.amount is not None:
            amount = {"key": "amount", "amount": section.amount, **common}
            words[f"{group}_{slug(section.amount)}_{days}d"] = amount
    return words


EVENT_KEYS = ("at", "kind", "who", "amount", "event_id")


def columns_needed(section: Any) -> list[str]:
    """Return the columns of a table that its section in the contract names."""
    keys = ("id", "field", "value", "old_value", "changed_at", "valid_from", "valid_to", "day")
    named = [getattr(section, key, None) for key in (*keys, *EVENT_KEYS)]
    fields = () if getattr(section, "is_long", True) else section.fields or ()
    return [*filter(None, named), *fields]
