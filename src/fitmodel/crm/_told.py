"""What was found in the rows of a table: counted in all of it, also where it is read in parts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fitmodel.tables.forms import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fitmodel.tables.values import DateForm, NumberForm


@dataclass(frozen=True)
class Told:
    """What was found in some rows of a table, or of a part of it.

    Attributes
    ----------
    what, remedy, column : str
        `what` may name how many rows were ``{settled}``; it is empty where nobody is to be told.
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

    def finding(self, place: str) -> Finding:
        """The same for people."""
        what = self.what.replace("{settled}", f"{self.settled:,}")
        example = f"row {self.row}: {self.value}"
        message = f"{self.count:,} of {self.total:,} row(s) {what}"
        return Finding(
            "history", f"{place} {self.column}", self.count, example, message, self.remedy
        )


@dataclass(frozen=True, eq=False)
class WholeTable:
    """What parts of a table have to know of the whole of it.

    Attributes
    ----------
    names : tuple of str
        All names of fields, or of kinds.
    dates : mapping of str to DateForm or None
        Form of the dates of each column that holds dates.
    amount : NumberForm or None
        Form of the amounts.
    refusals : dict of int to callable
        By its place among what is told: what refuses the whole.
    """

    names: tuple[str, ...]
    dates: Mapping[str, DateForm | None]
    amount: NumberForm | None
    refusals: dict[int, Callable[[Told], None]] = field(default_factory=dict)

    def findings(self, parts: Sequence[Sequence[Told]], place: str) -> tuple[Finding, ...]:
        """What was found in all parts, each of which was asked the same.

        Raises
        ------
        DealsError
            If the whole is refused.
        """
        together = []
        for position, same in enumerate(zip(*parts, strict=True)):
            found = sorted((told for told in same if told.count), key=lambda told: told.row)
            told = replace(
                (found or same)[0],
                count=sum(each.count for each in same),
                total=sum(each.total for each in same),
                settled=sum(each.settled for each in same),
            )
            if position in self.refusals:
                self.refusals[position](told)
            together += [told.finding(place)] if told.count and told.what else []
        return tuple(together)
