"""Findings on the rows of a table, added up over all parts of a large table."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fitmodel.tables.forms import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fitmodel.tables.values import DateForm, NumberForm


@dataclass(frozen=True)
class RowFinding:
    """A finding about some rows of a table, or of a part of it.

    Attributes
    ----------
    what : str
        What is wrong with the rows; empty if this is not shown to people. It may contain
        ``{settled}``.
    remedy, column : str
        What the user can do, and the column.
    count, total : int
        Number of rows with the finding, and of all rows.
    row : int
        Number of the first row with the finding.
    value : str
        The value of the column in that row.
    settled : int
        Number that replaces ``{settled}`` in `what`.
    """

    what: str
    remedy: str
    column: str
    count: int
    total: int
    row: int
    value: str
    settled: int = 0

    def to_finding(self, table_name: str) -> Finding:
        """Return the finding with its message for people."""
        what = self.what.replace("{settled}", f"{self.settled:,}")
        example = f"row {self.row}: {self.value}"
        message = f"{self.count:,} of {self.total:,} row(s) {what}"
        return Finding(
            "history", f"{table_name} {self.column}", self.count, example, message, self.remedy
        )


@dataclass(frozen=True, eq=False)
class TableMetadata:
    """Metadata of a whole table that are needed to read its parts.

    Attributes
    ----------
    names : tuple of str
        All names of fields, or of kinds.
    dates : mapping of str to DateForm or None
        Form of the dates of each column with dates.
    amount : NumberForm or None
        Form of the amounts.
    refusals : dict of int to callable
        Functions that raise an error if a finding has too many rows, by the finding's position.
    """

    names: tuple[str, ...]
    dates: Mapping[str, DateForm | None]
    amount: NumberForm | None
    refusals: dict[int, Callable[[RowFinding], None]] = field(default_factory=dict)

    def findings(
        self, parts: Sequence[Sequence[RowFinding]], table_name: str
    ) -> tuple[Finding, ...]:
        """Return the findings added up over all parts, which had the same checks in one order.

        Raises
        ------
        DealsError
            If a finding has too many rows.
        """
        result = []
        for position, of_parts in enumerate(zip(*parts, strict=True)):
            with_rows = sorted((each for each in of_parts if each.count), key=lambda each: each.row)
            finding = replace(
                (with_rows or of_parts)[0],
                count=sum(each.count for each in of_parts),
                total=sum(each.total for each in of_parts),
                settled=sum(each.settled for each in of_parts),
            )
            if position in self.refusals:
                self.refusals[position](finding)
            result += [finding.to_finding(table_name)] if finding.count and finding.what else []
        return tuple(result)
