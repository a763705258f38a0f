"""SQL that reads prospects: the table's columns -> text, numbers, days -> codes.

Only plain numbers and ISO dates are read from text. Other forms that `predict` may read ("$29",
31.12.2025) give an error in the row, never a different number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import date
from typing import TYPE_CHECKING

from fitmodel.exceptions import BundleError, SpecError
from fitmodel.learning.columns import (
    LONGEST_CODE,
    PLAIN_NUMBER,
    CategoryColumn,
    NumberColumn,
    hidden_level,
)
from fitmodel.model._sql_dialects import number
from fitmodel.model._sql_lost import lost_cases, lost_columns, lost_texts
from fitmodel.model.scorer import as_of_date
from fitmodel.tables.vocabulary import MISSING_TEXT, NO, YES

if TYPE_CHECKING:
    from fitmodel.learning.columns import Column
    from fitmodel.model._sql_dialects import Steps
    from fitmodel.model.scorer import Scorer

WHOLE_NUMBER = "[+-]?[0-9]+"
NO_NUMBER = "nothing"  # a pattern that no text with digits matches
LONGEST_NUMBER = 60  # characters: a longer number might overflow in a database
_LEAP = "([0-9][0-9](0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)"
_DAY = (
    "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    "|02-(0[1-9]|1[0-9]|2[0-8]))"
)
ISO_DATE = f"([0-9][0-9][0-9][0-9]-{_DAY}|{_LEAP}-02-29)"
LARGEST = 1.7976931348623157e308
SPECIAL = tuple(f"{sign}{word}" for sign in ("", "+", "-") for word in ("inf", "infinity", "nan"))
"""Plain numbers that are not finite: they are missing, not an error."""


def read_prospects(
    steps: Steps, scorer: Scorer, absent: frozenset[str], as_of: date | None
) -> None:
    """Add the steps from a table's columns to ``fm_code1``, ``fm_code2`` and so on.

    Also add ``fm_outside`` (a number is outside the training range), ``fm_amount`` and
    ``fm_error``.

    Raises BundleError if a rare level is stored as a digest that SQL cannot compute. Raises
    SpecError if `absent` contains an attribute.
    """
    if needed := sorted(absent & set(scorer.scorecard.attributes)):
        raise SpecError(f"the model needs {needed}. Remedy: add them to the table, also if empty.")
    _Reading(steps, scorer, absent, as_of).add_steps()


class _Reading:
    def __init__(
        self, steps: Steps, scorer: Scorer, absent: frozenset[str], as_of: date | None
    ) -> None:
        self._steps, self._sql, self._scorer = steps, steps.dialect, scorer
        self._columns = list(enumerate(scorer.scorecard.columns, start=1))
        self._column_at: dict[int | str, Column] = {**dict(self._columns)}
        self._dates = [n for n, column in self._columns if is_date(column)]
        self._closed_on = _if_present(scorer.closed_on, absent) if self._dates else None
        self._amount = _if_present(scorer.amount, absent)
        self._lost = lost_columns(scorer.lost, absent)
        day = as_of_date(as_of)
        self._today = self._sql.today if day is None else f"DATE '{day.isoformat()}'"

    def add_steps(self) -> None:
        self._steps.add("fm_given", self._given())
        self._steps.add("fm_text", self._texts())
        self._steps.add("fm_number", self._numbers())
        self._steps.add("fm_days", self._days())
        self._steps.add("fm_coded", self._coded(), self._level_joins())

    # ---- the table's columns ----

    def _given(self) -> Iterator[tuple[str, str]]:
        for position, name in (
            *self._columns_to_read(),
            *((each, name) for name, each in self._lost.items()),
        ):
            yield f"fm_v{position}", f"t.{self._sql.column(name)}"

    def _columns_to_read(self) -> Iterator[tuple[int | str, str]]:
        yield from ((position, column.name) for position, column in self._columns)
        if self._closed_on is not None:
            yield "closed", self._closed_on
        if self._amount is not None:
            yield "amount", self._amount

    # ---- text: stripped, and NULL where it means missing ----

    def _texts(self) -> Iterator[tuple[str, str]]:
        for position, name in self._columns_to_read():
            column = self._column_at.get(position)
            stripped = self._sql.stripped(f"fm_v{position}")
            missing_texts = MISSING_TEXT.difference(getattr(column, "words", ()))
            # Placeholders for missing values in the past deals apply to attributes and dates of
            # every type.
            empty = () if position == "amount" else self._scorer.forms.empty.get(name, frozenset())
            if column is None or isinstance(column, NumberColumn):
                is_text = self._sql.is_text.format(f"fm_v{position}")
                stripped = f"CASE WHEN {is_text} THEN {stripped} END"
            elif column.is_flag:
                stripped = self._as_shown_code(stripped)
            yield f"fm_t{position}", self._null_if_in(stripped, {*missing_texts, *_as_days(empty)})
        yield from lost_texts(self._sql, self._scorer.lost, self._lost)

    def _null_if_in(self, expression: str, texts: Iterable[str]) -> str:
        return f"CASE WHEN {expression} NOT IN ({self._listed(texts)}) THEN {expression} END"

    def _listed(self, texts: Iterable[str]) -> str:
        return ", ".join(self._sql.literal(text) for text in sorted(texts))

    # ---- numbers, and days ----

    def _numbers(self) -> Iterator[tuple[str, str]]:
        for position, name in self._columns_to_read():
            column = self._column_at.get(position)
            if position == "amount" or (isinstance(column, NumberColumn) and not column.is_date):
                yield f"fm_n{position}", self._number(str(position), name)
            elif position == "closed" or is_date(column):
                yield f"fm_d{position}", self._day(str(position), name)

    def _number(self, short: str, name: str) -> str:
        if self._has_plain_form(name):
            pattern = PLAIN_NUMBER
        else:  # a plain 15 does not mean 15%
            is_share = self._scorer.forms.number(name).unit == "%"
            pattern = NO_NUMBER if is_share else WHOLE_NUMBER
        text = f"fm_t{short}"
        is_plain = f"LENGTH({text}) <= {LONGEST_NUMBER} AND {self._sql.is_like(text, pattern)}"
        read, given = self._sql.as_double(text), self._sql.as_double(f"fm_v{short}")
        limits = f"BETWEEN {number(-LARGEST)} AND {number(LARGEST)}"
        return (
            f"CASE WHEN {self._sql.is_text.format(f'fm_v{short}')}\n"
            f"      THEN CASE WHEN {is_plain} THEN {read} END\n"
            f"      WHEN {given} {limits} THEN {given} END"
        )

    def _has_plain_form(self, name: str) -> bool:
        """Return whether the numbers of a column are written like those of Python."""
        form = self._scorer.forms.number(name)
        return form.unit != "%" and form.decimal == "."

    def _day(self, short: str, name: str) -> str:
        text = f"fm_t{short}"
        is_iso = self._sql.is_like(text, f"{ISO_DATE}([T ].*)?")
        empty = self._scorer.forms.empty.get(name, frozenset())
        typed = f"CAST(fm_v{short} AS DATE)"
        days = sorted(day for day in empty if _is_iso(day))
        if days:
            listed = ", ".join(f"DATE '{day}'" for day in days)
            typed = f"CASE WHEN {typed} NOT IN ({listed}) THEN {typed} END"
        return (
            f"CASE WHEN {self._sql.is_text.format(f'fm_v{short}')}\n"
            f"      THEN CASE WHEN {is_iso} THEN CAST(SUBSTR({text}, 1, 10) AS DATE) END\n"
            f"      ELSE {typed} END"
        )

    def _days(self) -> Iterator[tuple[str, str]]:
        """Return the days of each date before closing, and the error of each row."""
        closing = self._today if self._closed_on is None else f"COALESCE(fm_dclosed, {self._today})"
        for position in self._dates:
            days = self._sql.days.format(f"fm_d{position}", closing)
            yield f"fm_n{position}", f"CAST({days} AS {self._sql.double})"
        yield "fm_error", self._error()

    def _error(self) -> str:
        lines = list(lost_cases(self._sql, self._scorer.lost, self._lost))
        for position, name in self._columns_to_read():
            column = self._column_at.get(position)
            if isinstance(column, CategoryColumn):
                continue
            if position == "closed":
                known = " OR ".join(f"fm_d{each} IS NOT NULL" for each in self._dates)
                is_unreadable = f"fm_tclosed IS NOT NULL AND fm_dclosed IS NULL AND ({known})"
            elif is_date(column):
                is_unreadable = f"fm_t{position} IS NOT NULL AND fm_d{position} IS NULL"
            else:
                is_unreadable = f"fm_t{position} IS NOT NULL AND fm_n{position} IS NULL"
                if self._has_plain_form(name):
                    is_unreadable += f" AND LOWER(fm_t{position}) NOT IN ({self._listed(SPECIAL)})"
            message = f"{self._sql.literal(name + ': ')} || fm_t{position}"
            lines.append(f"WHEN {is_unreadable}\n      THEN {message} || ' cannot be read'")
        null = f"CAST(NULL AS {self._sql.text})"
        return "CASE " + "\n      ".join(lines) + " END" if lines else null

    # ---- codes ----

    def _coded(self) -> Iterator[tuple[str, str]]:
        outside = []
        for position, column in self._columns:
            if isinstance(column, NumberColumn):
                tree = _bins(f"fm_n{position}", column.cuts)
                yield (
                    f"fm_code{position}",
                    f"CASE WHEN fm_n{position} IS NULL THEN 0 ELSE {tree} END",
                )
                if math.isfinite(column.low) and math.isfinite(column.high):
                    low, high = number(column.low), number(column.high)
                    outside.append(f"fm_n{position} < {low} OR fm_n{position} > {high}")
            elif column.is_flag:
                yield f"fm_code{position}", self._flag_code(f"fm_t{position}", column)
            else:
                codes = ", ".join(f"l{position}{step}.code" for step in self._lookups(column))
                unseen = column.size + 1
                yield (
                    f"fm_code{position}",
                    f"CASE WHEN fm_t{position} IS NULL THEN 0 ELSE COALESCE({codes}, {unseen}) END",
                )
        yield "fm_outside", " OR ".join(outside) if outside else "FALSE"
        if self._amount is not None:
            yield "fm_amount", f"fm_namount * {number(self._scorer.per_year)}"

    def _flag_code(self, text: str, column: CategoryColumn) -> str:
        lower = self._sql.lowered(text, (*YES, *NO))
        lines = [
            f"WHEN {lower} IN ({self._listed(words)}) THEN {code}"
            for code, words in ((column.levels["yes"], YES), (column.levels["no"], NO))
        ]
        return f"CASE WHEN {text} IS NULL THEN 0 {' '.join(lines)} ELSE {column.size + 1} END"

    def _lookups(self, column: CategoryColumn) -> str:
        """Return the letters of the lookups for a level, in the order in which they are tried.

        "a" looks up the text, "b" the text as a whole number, "c" and "d" the digests of these.
        """
        if any(len(level) != len(hidden_level("")) for level in column.hidden):
            raise BundleError(
                f"the model keeps {len(column.hidden)} rare level(s) of {column.name!r} as digests "
                "that no database computes. Remedy: train again with this fitmodel, then export."
            )
        if column.hidden:
            return "abcd"
        return "ab" if any(_is_number(level) for level in column.levels) else "a"

    def _level_joins(self) -> Iterator[str]:
        for position, column in self._columns:
            if isinstance(column, NumberColumn) or column.is_flag:
                continue
            table = f"fm_levels{position}"
            self._steps.add_table(table, self._level_table(column))
            before: list[str] = []
            for step in self._lookups(column):
                key = self._key(step, f"fm_t{position}")
                if before:
                    no_match = " AND ".join(f"l{position}{each}.code IS NULL" for each in before)
                    key = f"CASE WHEN {no_match} THEN {key} END"
                before.append(step)
                alias = f"l{position}{step}"
                yield f"LEFT JOIN {table} AS {alias} ON {alias}.level_name = {key}"

    def _key(self, step: str, text: str) -> str:
        if step == "a":
            return text
        if step == "b":
            return self._as_shown_code(text)
        return "'#' || " + self._sql.digest.format(
            text if step == "c" else self._as_shown_code(text)
        )

    def _level_table(self, column: CategoryColumn) -> str:
        rows = [
            (self._sql.literal(level), code)
            for level, code in column.levels.items()
            if "\0" not in level  # no database's text holds it
        ]
        return self._sql.values([("level_name", "text"), ("code", "integer")], rows or [("''", -1)])

    def _as_shown_code(self, text: str) -> str:
        """Return a code as a table of numbers shows it: 7 for 007 and 7.0; other text unchanged."""
        digits = self._sql.plain_digits(text)
        value = self._sql.as_double(digits)
        integer = f"CAST(CAST({value} AS {self._sql.integer}) AS {self._sql.text})"
        shown = f"CAST({value} AS {self._sql.text})"
        is_code = f"LENGTH({text}) <= {LONGEST_CODE} AND {self._sql.is_like(digits, PLAIN_NUMBER)}"
        is_integer = f"{value} = FLOOR({value}) AND ABS({value}) < 1e15"
        return (
            f"CASE WHEN {is_code} THEN CASE WHEN {is_integer} THEN {integer} ELSE {shown} END "
            f"ELSE {text} END"
        )


def is_date(column: object) -> bool:
    """Return whether an attribute is a date."""
    return isinstance(column, NumberColumn) and column.is_date


def _if_present(name: str | None, absent: frozenset[str]) -> str | None:
    return None if name in absent else name


def _as_days(texts: Iterable[str]) -> set[str]:
    """Return placeholders as text, and as days with a time of midnight."""
    return {each for text in texts for each in (text, f"{text} 00:00:00")}


def _is_iso(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _bins(value: str, cuts: tuple[float, ...], first: int = 1) -> str:
    """Return an expression of the code of a number's bin: a binary search over the cuts."""
    if not cuts:
        return str(first)
    middle = len(cuts) // 2
    below = _bins(value, cuts[:middle], first)
    above = _bins(value, cuts[middle + 1 :], first + middle + 1)
    return f"CASE WHEN {value} < {number(cuts[middle])} THEN {below} ELSE {above} END"
