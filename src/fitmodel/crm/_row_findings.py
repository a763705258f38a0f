"""Problems in the rows of a table, counted over the whole table also where it is read in parts."""

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
    what, remedy, column : str
        `what` may name how many rows were ``{settled}``; it is empty where people need not know.
    count, total, settled : int
    row : int
        Number of the first such row.
    value : str
        What stands there.
    """

    what: str
    remedy: str
    column: str
    count: int
    total: int
    row: int
    value: str
    settled: int = 0

    def for_people(self, table_name: str) -> Finding:
        """The finding as people read it."""
        what = self.what.replace("{settled}", f"{self.settled:,}")
        example = f"row {self.row}: {self.value}"
        message = f"{self.count:,} of {self.total:,} row(s) {what}"
        return Finding(
            "history", f"{table_name} {self.column}", self.count, example, message, self.remedy
        )


@dataclass(frozen=True, eq=False)
class WholeTable:
    """What each part of a table needs to know of the whole table.

    Attributes
    ----------
    names : tuple of str
        All names of fields, or of kinds.
    dates : mapping of str to DateForm or None
        Form of the dates of each column that holds dates.
    amount : NumberForm or None
        Form of the amounts.
    refusals : dict of int to callable
        By its position among the findings: what refuses the whole.
    """

    names: tuple[str, ...]
    dates: Mapping[str, DateForm | None]
    amount: NumberForm | None
    refusals: dict[int, Callable[[RowFinding], None]] = field(default_factory=dict)

    def findings(
        self, parts: Sequence[Sequence[RowFinding]], table_name: str
    ) -> tuple[Finding, ...]:
        """Findings added up over all parts; every part was asked the same questions.

        Raises
        ------
        DealsError
            If the whole is refused.
        """
        together = []
        for position, same in enumerate(zip(*parts, strict=True)):
            filled = sorted((each for each in same if each.count), key=lambda each: each.row)
            finding = replace(
                (filled or same)[0],
                count=sum(each.count for each in same),
                total=sum(each.total for each in same),
                settled=sum(each.settled for each in same),
            )
            if position in self.refusals:
                self.refusals[position](finding)
            together += [finding.for_people(table_name)] if finding.count and finding.what else []
        return tuple(together)
