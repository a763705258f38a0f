"""How five databases write the same things: names, text, numbers, tables of values, dates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from fitmodel.exceptions import SpecError

_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_PART = re.compile(r"[^\W\d][\w$-]*")
_TEMPLATE = re.compile(r"\{\{[^{};]*\}\}")  # dbt's {{ ref('prospects') }}
_CONTROL = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
SPACES = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
"""What `str.strip` takes off; SQL's own TRIM takes off the space alone."""


@dataclass(frozen=True)
class Dialect:
    """One database's SQL; `{0}` and `{1}` stand for expressions.

    Parameters
    ----------
    name : str
    text, double, whole : str
        Names of the types.
    quote : str
        What a name is put into.
    has_escapes : bool
        Whether a backslash means something in a text.
    strip : str
        Text without the spaces at its ends.
    spaces : str
        All kinds of space, as a text.
    matches : str
        Whether a text is of a pattern, from its first to its last character.
    is_text : str
        Whether a column is one of text.
    digest : str
        The first 24 digits of SHA-256 of a text.
    days : str
        Days from the first date to the second.
    today : str
        The day of UTC.
    safe_number : str
        Number of a text or a column of numbers.
    exclude : str
        Word before the columns that ``*`` leaves out; empty where there is none.
    fence : str
        Keeps a database from computing a subquery's expressions once for each use.
    every : str
        What makes a replacement one of every place, where that is not so by itself.
    is_template : bool
        Whether dbt fills the statement in: then a brace in a text is written as a template.
    """

    name: str
    text: str
    double: str
    whole: str
    quote: str
    has_escapes: bool
    strip: str
    spaces: str
    matches: str
    is_text: str
    digest: str
    days: str
    today: str
    safe_number: str = "CAST({0} AS DOUBLE)"
    exclude: str = "EXCLUDE"
    fence: str = ""
    every: str = ""
    is_template: bool = False

    def column(self, name: str) -> str:
        """Write a column's name."""
        # Snowflake keeps names that nobody quoted in capitals
        if self.name == "snowflake" and _PLAIN_NAME.fullmatch(name):
            return name
        if self.name == "bigquery":
            inside = name.replace("\\", "\\\\").replace("`", "\\`")
        else:
            inside = name.replace(self.quote, self.quote * 2)
        return f"{self.quote}{inside}{self.quote}"

    def for_table(self, name: str) -> Dialect:
        """Return the dialect, with braces escaped where the table is a template."""
        return replace(self, is_template=_TEMPLATE.fullmatch(name) is not None)

    def table(self, name: str) -> str:
        """Write a table's name: ``schema.table``, or a template of dbt as it is.

        Raises
        ------
        SpecError
            If it is neither.
        """
        if _TEMPLATE.fullmatch(name):
            return name
        parts = name.split(".")
        if not all(_PART.fullmatch(part) for part in parts):
            raise SpecError(
                f"{name!r} is not a table. Remedy: give table or schema.table, of letters, digits, "
                "_, - and $, or dbt's {{ ref('table') }}."
            )
        return ".".join(map(self.column, parts))

    def literal(self, text: str) -> str:
        """Write a text."""
        if self.is_template:
            plain = replace(self, is_template=False).literal
            return plain(text.replace("{", "\0")).replace("\0", "{{ '{' }}")
        if not self.has_escapes:
            return "'" + text.replace("'", "''") + "'"
        escaped = text.replace("\\", "\\\\").replace("'", "\\'")
        return "'" + "".join(_CONTROL.get(sign, sign) for sign in escaped) + "'"

    def stripped(self, expression: str) -> str:
        """Text without spaces of any kind at its ends."""
        return self.strip.format(f"CAST({expression} AS {self.text})", self.spaces)

    def is_like(self, expression: str, pattern: str) -> str:
        """Whether a text is of a pattern, which must hold no backslash."""
        return self.matches.format(expression, f"'^({pattern})$'")

    def spaced(self, expression: str) -> str:
        """Text with one space in the place of spaces, dashes and underscores."""
        return f"REGEXP_REPLACE({expression}, '[ _\u2013\u2014-]+', ' '{self.every})"

    def as_double(self, expression: str) -> str:
        """Read a number out of plain text or a number."""
        return self.safe_number.format(expression)

    def values(self, columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[object]]) -> str:
        """Write a small table as a query.

        Parameters
        ----------
        columns : sequence of (str, str)
            Name and type: "text", "double" or "whole".
        rows : iterable of sequence
            Values as SQL, in the order of the columns.
        """
        names = [name for name, _ in columns]
        types = [str(getattr(self, kind)) for _, kind in columns]
        listed = ",\n    ".join(f"({', '.join(map(str, row))})" for row in rows)
        if self.name == "bigquery":
            shape = ", ".join(f"{name} {kind}" for name, kind in zip(names, types, strict=True))
            return f"SELECT * FROM UNNEST([STRUCT<{shape}>\n    {listed}])"  # noqa: S608 - the model's own numbers and quoted texts  # nosec B608
        picked = ", ".join(
            name if kind == self.text else f"CAST({name} AS {kind}) AS {name}"
            for name, kind in zip(names, types, strict=True)
        )
        named = ", ".join(names)
        return f"SELECT {picked} FROM (VALUES\n    {listed}) AS v ({named})"  # noqa: S608 - the same  # nosec B608


def in_capitals(words: Iterable[str]) -> set[str]:
    """Words with each letter that is not ASCII also as a capital: not every LOWER knows these."""
    return {
        "".join(letters)
        for word in words
        for letters in product(*((s,) if s.isascii() else {s, s.upper()} for s in word))
    }


def number(value: float) -> str:
    """Write a float so that it is read back to the bit, as a float and not as a decimal."""
    return f"{np.format_float_scientific(value, unique=True, trim='0')}"


_ESCAPED_SPACES = "'" + "".join(f"\\u{ord(sign):04x}" for sign in SPACES) + "'"

DIALECTS = {
    dialect.name: dialect
    for dialect in (
        Dialect(
            "duckdb", "VARCHAR", "DOUBLE", "BIGINT", '"',
            has_escapes=False,
            strip="trim({0}, {1})",
            spaces=" || ".join(f"chr({ord(sign)})" for sign in SPACES),
            matches="regexp_matches({0}, {1})",
            is_text="typeof({0}) = 'VARCHAR'",
            digest="substr(sha256({0}), 1, 24)",
            days="date_diff('day', {0}, {1})",
            today="CAST(make_timestamp(epoch_us(now())) AS DATE)",
            every=", 'g'",
        ),
        Dialect(
            "postgres", "text", "double precision", "bigint", '"',
            has_escapes=False,
            strip="btrim({0}, {1})",
            spaces="E" + _ESCAPED_SPACES,
            matches="{0} ~ {1}",
            is_text="pg_typeof({0})::text IN ('text', 'character varying', 'character')",
            digest="substr(encode(sha256(convert_to({0}, 'UTF8')), 'hex'), 1, 24)",
            days="({1} - {0})",
            today="CAST(now() AT TIME ZONE 'UTC' AS date)",
            safe_number="CAST({0} AS double precision)",
            exclude="",
            fence=" OFFSET 0",
            every=", 'g'",
        ),
        Dialect(
            "snowflake", "VARCHAR", "DOUBLE", "BIGINT", '"',
            has_escapes=True,
            strip="TRIM({0}, {1})",
            spaces=_ESCAPED_SPACES,
            matches="REGEXP_LIKE({0}, {1})",
            is_text="TYPEOF(TO_VARIANT({0})) = 'VARCHAR'",
            digest="SUBSTR(SHA2({0}, 256), 1, 24)",
            days="DATEDIFF('day', {0}, {1})",
            today="CAST(CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP()) AS DATE)",
        ),
        Dialect(
            "bigquery", "STRING", "FLOAT64", "INT64", "`",
            has_escapes=True,
            strip="TRIM({0}, {1})",
            spaces=_ESCAPED_SPACES,
            matches="REGEXP_CONTAINS({0}, {1})",
            is_text="JSON_TYPE(TO_JSON({0})) = 'string'",
            digest="SUBSTR(TO_HEX(SHA256({0})), 1, 24)",
            days="DATE_DIFF({1}, {0}, DAY)",
            today="CURRENT_DATE('UTC')",
            safe_number="CAST({0} AS FLOAT64)",
            exclude="EXCEPT",
        ),
        Dialect(
            "databricks", "STRING", "DOUBLE", "BIGINT", "`",
            has_escapes=True,
            strip="TRIM(BOTH {1} FROM {0})",
            spaces=_ESCAPED_SPACES,
            matches="{0} RLIKE {1}",
            is_text="typeof({0}) = 'string'",
            digest="SUBSTR(SHA2({0}, 256), 1, 24)",
            days="DATEDIFF({1}, {0})",
            today="CAST(TO_UTC_TIMESTAMP(CURRENT_TIMESTAMP(), CURRENT_TIMEZONE()) AS DATE)",
            exclude="EXCEPT",
        ),
    )
}  # fmt: skip
"""The databases that SQL is written for, by name."""


def dialect_named(name: str) -> Dialect:
    """Find a database's SQL.

    Raises
    ------
    SpecError
        If there is none of that name.
    """
    if name not in DIALECTS:
        raise SpecError(f"there is no dialect {name!r}. Remedy: one of {', '.join(DIALECTS)}.")
    return DIALECTS[name]
