"""A SELECT made of named steps: each step adds columns to the rows of the previous one."""

from __future__ import annotations

from collections.abc import Iterable

from fitmodel.model._sql_dialects import Dialect

ROW = "fm_row"
"""Column with the whole table row, for PostgreSQL, whose ``*`` cannot leave columns out."""


class Steps:
    """The steps of one statement, in order.

    Parameters
    ----------
    dialect : Dialect
        SQL syntax of the database.
    table : str
        The table of prospects, as SQL.
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
