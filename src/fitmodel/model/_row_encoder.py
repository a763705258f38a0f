"""Row encoder: read one prospect and encode each attribute as a row of its table.

Most values are a known level or a number in the range of the training set: one call finds their
code. All other values, and all dates, are read on a slower path by their column. Both paths give
the same codes.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

from fitmodel.exceptions import ProspectError
from fitmodel.learning.columns import MISSING, Column, NumberColumn
from fitmodel.learning.scorecard import Scorecard
from fitmodel.tables.forms import NO_FORMS, Forms
from fitmodel.tables.values import (
    EPOCH,
    ONLY_ISO,
    DateForm,
    UnreadableValueError,
    is_missing,
    read_day,
    read_number,
    today,
)

PLAIN = frozenset({str, int, float})  # exact types: an array of one number compares like a number
FAMILIAR_MISSING = 20  # a missing value is familiar if as many training deals lacked it
# These limits exist because a client of the service can send any number of names of any length.
MAX_COMPARISONS = 1_000  # of absent attributes with given names; above it no name is suggested
MAX_NAMED = 40
LONGEST_NAME = 60


class Step(NamedTuple):
    """How one attribute is read.

    `find` returns the code of a common value; for any other value None, 0 or a number above
    `max_code`.
    """

    find: Callable[[Any], int | None]
    max_code: int
    missing_is_unfamiliar: bool


class RowEncoder:
    """Reads the attributes of a scorecard from one prospect.

    `closed_on`: key of the (expected) closing date, from which dates are counted back.
    `forms`: formats in which numbers and dates are written, as found in the training data.
    """

    def __init__(
        self, scorecard: Scorecard, closed_on: str | None, forms: Forms = NO_FORMS
    ) -> None:
        self._forms = forms
        self._names = scorecard.attributes
        self._columns = scorecard.columns
        self._closed_on = closed_on
        self._unfamiliar = [frozenset(codes) for codes in unfamiliar_codes(scorecard)]
        self._steps = [
            Step(_finder(column), column.size, MISSING in unfamiliar)
            for column, unfamiliar in zip(scorecard.columns, self._unfamiliar, strict=True)
        ]

    def read(
        self, prospect: Mapping[str, Any], today: float | None
    ) -> tuple[list[int], list[Any], tuple[str, ...], dict[int, float]]:
        """Return codes, values, unfamiliar attributes and dates, in the scorecard's order.

        The unfamiliar attributes are names. The dates are a mapping from the position of each
        date that is known to the days between that date and closing.

        Raises ProspectError if an attribute is missing from the mapping, or a number or date cannot
        be read.
        """
        try:
            values = list(map(prospect.__getitem__, self._names))
        except KeyError:
            raise missing_attributes(self._names, list(prospect)) from None
        codes: list[int] = []
        unfamiliar: list[str] = []
        days: dict[int, float] = {}
        for (find, max_code, missing_is_unfamiliar), value in zip(self._steps, values):  # noqa: B905 - slower
            if value is None:
                code, is_unfamiliar = MISSING, missing_is_unfamiliar
            else:
                try:
                    result = find(value) if type(value) in PLAIN else None
                except TypeError:  # text where a number is expected
                    result = None
                if result and result <= max_code:
                    codes.append(result)
                    continue
                position = len(codes)
                read = self._read_slowly(position, value, prospect, today, days)
                code, is_unfamiliar, values[position] = read
            if is_unfamiliar:
                unfamiliar.append(self._names[len(codes)])
            codes.append(code)
        return codes, values, tuple(unfamiliar), days

    def _read_slowly(
        self,
        position: int,
        value: Any,
        prospect: Mapping[str, Any],
        today: float | None,
        days: dict[int, float],
    ) -> tuple[int, bool, Any]:
        """Return the code of any value, whether it is unfamiliar, and the value for display.

        The last is the number read where the column has its own number format, else the value as
        given (None for a placeholder of missing values).
        """
        column, unfamiliar = self._columns[position], self._unfamiliar[position]
        try:
            if self._forms.is_empty(column.name, value):
                return MISSING, MISSING in unfamiliar, None
            if not isinstance(column, NumberColumn):
                code = column.code(value)
                return code, code in unfamiliar, value
            read = self._number(column, value, prospect, today)
            if column.is_date:
                days[position] = read
            code = column.code(read)
            displayed = read if column.name in self._forms.numbers else value
            return code, code in unfamiliar or column.is_outside(read), displayed
        except UnreadableValueError as error:
            raise ProspectError(
                f"attribute {column.name!r}: {error}. Remedy: give a plain number (1234.5) or "
                "an ISO date, or None (in JSON null) if it is not known."
            ) from error

    def _number(
        self, column: NumberColumn, value: Any, prospect: Mapping[str, Any], today: float | None
    ) -> float:
        """Return a number, or the days of a date before closing; NaN where it is missing."""
        if column.is_date:
            return self._days_before(column.name, value, prospect, today)
        return (
            math.nan if is_missing(value) else read_number(value, self._forms.number(column.name))
        )

    def _days_before(
        self, name: str, value: Any, prospect: Mapping[str, Any], today: float | None
    ) -> float:
        day = _day_or_missing(value, self._forms.date(name))
        if math.isnan(day):
            return day
        closing = prospect.get(self._closed_on) if self._closed_on is not None else None
        try:
            closing_day = (
                math.nan
                if closing is None
                else _day_or_missing(closing, self._forms.date(self._closed_on))
            )
        except UnreadableValueError as error:
            raise UnreadableValueError(f"{self._closed_on!r}, its closing date, {error}") from None
        return (day_or_today(today) if closing_day != closing_day else closing_day) - day  # noqa: PLR0124


def _finder(column: Column) -> Callable[[Any], int | None]:
    if not isinstance(column, NumberColumn):
        return dict(column.levels).get
    # Bins from the lowest to the highest training value; other numbers take the slower path.
    ends = (column.low, *column.cuts, math.nextafter(column.high, math.inf))
    if column.is_date or not all(below <= above for below, above in pairwise(ends)):
        return _find_nothing
    return partial(bisect_right, ends)


def _find_nothing(_: Any) -> None:
    return None


def _day_or_missing(value: Any, form: DateForm = ONLY_ISO) -> float:
    """Return days since 1970-01-01; NaN where the date is not known."""
    if isinstance(value, date):
        try:
            return float(value.toordinal() - EPOCH)
        except (ValueError, NotImplementedError):  # NaT, or a year outside Python's range
            pass
    return math.nan if is_missing(value) else read_day(value, form)


def unfamiliar_codes(scorecard: Scorecard) -> list[list[int]]:
    """Return per attribute: the codes of unseen levels, and of missing if rare in training."""
    result = []
    for column, evidence in zip(scorecard.columns, scorecard.evidence, strict=True):
        codes = [] if column.kind == "number" else [column.size + 1]
        if evidence.count[evidence.band[MISSING]] < FAMILIAR_MISSING:
            codes.append(MISSING)
        result.append(codes)
    return result


def day_or_today(day: float | None) -> float:
    """Return the given day, or today, as days since 1970-01-01."""
    if day is not None:
        return day
    return read_day(today())


def missing_attributes(expected: Sequence[str], given: Sequence[Any]) -> ProspectError:
    """Return the error that lists the missing attributes and the given names."""
    from fitmodel.deals.plain_words import nearest

    names = [str(name) for name in given]
    known = set(names)
    absent = [name for name in expected if name not in known]
    candidates = names if len(absent) * len(names) <= MAX_COMPARISONS else []
    lines = []
    for name in absent:
        suggested = nearest(name, candidates)
        lines.append(f"  {name}" + (f" (did you mean {suggested!r}?)" if suggested else ""))
    return ProspectError(
        f"{len(lines)} of {len(expected)} attribute(s) are missing:\n" + "\n".join(lines) + "\n"
        f"given: {_listed_names(names)}\n"
        "Remedy: add them; a value that is not known may be None (in JSON null), but its name must "
        "be there."
    )


def _listed_names(names: Sequence[str]) -> str:
    """Return the first names as a list for a message, long names shortened."""
    cut = names[:MAX_NAMED]
    shown = [name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…" for name in cut]
    more = f" and {len(names) - MAX_NAMED:,} more" if len(names) > MAX_NAMED else ""
    return ", ".join(shown) + more if names else "nothing"
