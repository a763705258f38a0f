"""Which columns of the deals a field of the history becomes, by the contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fitmodel.crm.changes import ChangeLog
    from fitmodel.deals.contract import DealSpec

AS_OF = "_as_of"


@dataclass(frozen=True)
class FieldColumns:
    """A field of a table of changes, and its columns.

    Attributes
    ----------
    table : str
        Name of the table in the contract.
    field : str
    column : str
        The deals' own column, which holds the value of today; derived names begin with it.
    value : str or None
        Column that gets the value as of the moment; None where it is no attribute.
    is_stage : bool
    """

    table: str
    field: str
    column: str
    value: str | None
    is_stage: bool

    @property
    def changes(self) -> str:
        """Column of the number of changes."""
        return f"{self.column}_changes"

    @property
    def days(self) -> str:
        """Column of the days since the last change."""
        return f"{self.column}_days_unchanged"


def field_columns_of(spec: DealSpec, logs: Mapping[str, ChangeLog]) -> Iterator[FieldColumns]:
    """Columns of every field of every table; of a column in two tables the first counts.

    A column that plays a role or chooses rows keeps its value, and what it was stands in
    ``COLUMN_as_of``; of the closing date, of who sells and of excluded columns only the changes are
    attributes, which are excluded by their own names. Outcomes give nothing.
    """
    nothing = {*spec.outcome_columns, spec.deals.id, spec.rows.customer}
    roles = spec.deals
    no_value = {roles.closed_on, roles.rep, roles.team, roles.propensity, roles.currency}
    no_value |= set(spec.attributes.exclude)
    kept = {roles.amount, *spec.rows.chosen_by}
    taken: set[str] = set()
    for name, log in logs.items():
        fields = log.fields if log.section.fields is None else log.section.fields
        for field in fields:
            column = log.section.names.get(field, field)
            if field not in log.fields or column in nothing or column in taken:
                continue
            taken.add(column)
            value = f"{column}{AS_OF}" if column in kept else column
            yield FieldColumns(
                name,
                field,
                column,
                None if column in no_value else value,
                field == log.section.stage,
            )
