"""SQL as named steps, and the syntax of five databases: names, text, numbers, tables, dates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fitmodel.exceptions import SpecError
from fitmodel.tables.vocabulary import NUMBER_SIGNS

_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_PART = re.compile(r"[^\W\d][\w$-]*")
_TEMPLATE = re.compile(r"\{\{[^{};]*\}\}")  # dbt's {{ ref('prospects') }}
_CONTROL = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
SPACES = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
"""All characters that `str.strip` removes; SQL's TRIM by default removes only the space."""
ROW = "fm_row"
"""Column with the whole table row, for PostgreSQL, whose ``*`` cannot leave columns out."""


@dataclass(frozen=True)
class Dialect:
    """The SQL syntax of one database; in its templates `{0}` and `{1}` are expressions.

    `text`, `double`, `integer`: names of the types for text, floating-point numbers and integers.
    `quote`: quotation mark around a name.
    `has_escapes`: whether a backslash is an escape character in a text literal.
    `strip`: template that removes white space (`{1}`) from both ends of a text (`{0}`).
    `spaces`: text literal of all white-space characters.
    `matches`: template of whether a whole text (`{0}`) matches a pattern (`{1}`).
    `is_text`: template of whether a column has a text type, or is a boolean: it is no number and no
        date.
    `digest`: template of the first 24 hexadecimal digits of a text's SHA-256.
    `days`: template of the days from the first date to the second.
    `today`: expression of today's date in UTC.
    `safe_number`: template that converts a text or a number to a floating-point number.
    `exclude`: keyword before the columns that ``*`` leaves out; empty where there is none.
    `fence`: clause that keeps a database from computing a subquery's expressions once for each use.
    `every`: argument by which a replacement replaces every match, where that is not the default.
    `is_template`: whether dbt renders the statement: a brace in a text is then written as a
        template.
    """

    name: str
    text: str
    double: str
    integer: str
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
        """Return a column's name as SQL."""
        # Snowflake stores names that were not quoted in capitals: such a name must not be quoted.
        if self.name == "snowflake" and _PLAIN_NAME.fullmatch(name):
            return name
        if self.name == "bigquery":
            inside = name.replace("\\", "\\\\").replace("`", "\\`")
        else:
            inside = name.replace(self.quote, self.quote * 2)
        return f"{self.quote}{inside}{self.quote}"

    def for_table(self, name: str) -> Dialect:
        """Return the dialect, with braces escaped if the table is a dbt template."""
        return replace(self, is_template=_TEMPLATE.fullmatch(name) is not None)

    def table(self, name: str) -> str:
        """Return a table's name as SQL: ``schema.table``, or a dbt template unchanged.

        Raises SpecError if the name is neither.
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
        """Return a text as an SQL literal."""
        if self.is_template:
            plain = replace(self, is_template=False).literal
            return plain(text.replace("{", "\0")).replace("\0", "{{ '{' }}")
        if not self.has_escapes:
            return "'" + text.replace("'", "''") + "'"
        escaped = text.replace("\\", "\\\\").replace("'", "\\'")
        return "'" + "".join(_CONTROL.get(sign, sign) for sign in escaped) + "'"

    def stripped(self, expression: str) -> str:
        """Return an expression of the text without white space at its ends."""
        return self.strip.format(f"CAST({expression} AS {self.text})", self.spaces)

    def is_like(self, expression: str, pattern: str) -> str:
        """Return whether a whole text matches a pattern; the pattern must have no backslash."""
        return self.matches.format(expression, f"'^({pattern})$'")

    def lowered(self, expression: str, words: Iterable[str]) -> str:
        """Return a text in lower case, also of those letters of some words that are not ASCII.

        Not every database's LOWER converts such letters. To list the words in all spellings would
        take two to the power of their length.
        """
        small = sorted({letter for word in words for letter in word if not letter.isascii()})
        pairs = [(each.upper(), each) for each in small if each.upper() != each]
        # dotless i has the capital I, which is that of another letter
        pairs = [(capital, each) for capital, each in pairs if capital.casefold() == each]
        if not pairs:
            return f"LOWER({expression})"
        return self._translated(f"LOWER({expression})", pairs)

    def plain_digits(self, expression: str) -> str:
        """Return a text with the digits and signs of numbers in other scripts as ASCII."""
        return self._translated(expression, NUMBER_SIGNS.items())

    def _translated(self, expression: str, pairs: Iterable[tuple[str, str]]) -> str:
        given, new = (self.literal("".join(side)) for side in zip(*pairs, strict=True))
        return f"TRANSLATE({expression}, {given}, {new})"

    def spaced(self, expression: str) -> str:
        """Return the text with each run of spaces, dashes and underscores as one space."""
        return f"REGEXP_REPLACE({expression}, '[ _\u2013\u2014-]+', ' '{self.every})"

    def as_double(self, expression: str) -> str:
        """Return an expression that converts plain text or a number to a float."""
        return self.safe_number.format(expression)

    def values(self, columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[object]]) -> str:
        """Return a small table of constants as a query.

        `columns`: name and type of each column; the type is "text", "double" or "integer".
        `rows`: values of each row as SQL, in the order of the columns.
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


def number(value: float) -> str:
    """Return a float as an SQL literal that is read back to the bit, as a float, no decimal."""
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
            is_text="typeof({0}) IN ('VARCHAR', 'BOOLEAN')",
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
            is_text="pg_typeof({0})::text IN ('text', 'character varying', 'character', 'boolean')",
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
            is_text="TYPEOF(TO_VARIANT({0})) IN ('VARCHAR', 'BOOLEAN')",
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
            is_text="JSON_TYPE(TO_JSON({0})) IN ('string', 'boolean')",
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
            is_text="typeof({0}) IN ('string', 'boolean')",
            digest="SUBSTR(SHA2({0}, 256), 1, 24)",
            days="DATEDIFF({1}, {0})",
            today="CAST(TO_UTC_TIMESTAMP(CURRENT_TIMESTAMP(), CURRENT_TIMEZONE()) AS DATE)",
            exclude="EXCEPT",
        ),
    )
}  # fmt: skip
"""SQL syntax of each supported database, by name."""


def dialect_named(name: str) -> Dialect:
    """Return the SQL syntax of a database.

    Raises SpecError if there is no dialect of that name.
    """
    if name not in DIALECTS:
        raise SpecError(f"there is no dialect {name!r}. Remedy: one of {', '.join(DIALECTS)}.")
    return DIALECTS[name]


class Steps:
    """The steps of one statement, in order.

    `dialect`: SQL syntax of the database.
    """

    def __init__(self, dialect: Dialect, table: str) -> None:
        self.dialect = dialect
        self.last = ""
        self._table = table
        self._parts: list[tuple[str, str]] = []
        self._added: list[str] = []

    def add_table(self, name: str, query: str) -> None:
        """Add a query that returns a small table of the model's numbers."""
        self._parts.append((name, query))

    def add(self, name: str, columns: Iterable[tuple[str, str]], joins: Iterable[str] = ()) -> None:
        """Add a step: column names and their expressions, each computed once per row."""
        listed = list(columns)
        if self.last:
            first, source = f"{self.last}.*", self.last
        else:
            keeps_row = not self.dialect.exclude
            first, source = (f"t AS {ROW}" if keeps_row else "t.*"), f"{self._table} AS t"
            self._added += [ROW] if keeps_row else []
        picked = [first, *(f"{expression} AS {column}" for column, expression in listed)]
        query = "SELECT " + ",\n    ".join(picked)
        query += "\n  FROM " + "\n  ".join([source, *joins]) + self.dialect.fence
        self._parts.append((name, query))
        self._added += [column for column, _ in listed]
        self.last = name

    def finish(self, columns: Iterable[tuple[str, str]]) -> str:
        """Return the whole statement: the table's own columns, then the given ones."""
        if self.dialect.exclude:
            own = f"* {self.dialect.exclude} ({', '.join(self._added)})"
        else:
            own = f"({ROW}).*"
        steps = ",\n".join(f"{name} AS (\n  {query}\n)" for name, query in self._parts)
        picked = [own, *(f"{expression} AS {column}" for column, expression in columns)]
        return f"WITH {steps}\nSELECT " + ",\n  ".join(picked) + f"\nFROM {self.last}\n"
