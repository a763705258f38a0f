"""Rows of a pipeline that are not prospects any more: lost, or left out by `[rows]` drop.

One rule for a prospect, a table, a file, the service and Spark. The standard library and numpy
only until a table is asked about: this file is on the path of a single prospect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fitmodel.deals.vocabulary import is_status, plain_value, plain_words, words_of
from fitmodel.tables.cells import distinct, is_missing

if TYPE_CHECKING:
    import pandas as pd

    Values = Mapping[str, tuple[str, ...]]

LEFT_OUT = "left out: "
"""Begins what is said of a row that is lost."""


@dataclass(frozen=True)
class LostRows:
    """Which rows of an open pipeline get no prediction.

    Of a pipeline the open rows are scored, although `[rows] keep` does not list them: only rows
    whose value says that they are lost, or that `drop` lists, are left out.

    Parameters
    ----------
    keep, drop : mapping of str to tuple of str
        As of `[rows]` of the contract.

    Examples
    --------
    >>> lost = LostRows(keep={"stage": ("Won",)})
    >>> lost.why({"stage": "Closed Lost"}), lost.why({"stage": "Negotiation"})
    ('left out: stage is Closed Lost ([rows] of the contract)', None)
    """

    keep: Values = field(default_factory=dict)
    drop: Values = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.keep or self.drop)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns by whose values rows are left out."""
        return tuple(dict.fromkeys([*self.keep, *self.drop]))

    def why(self, prospect: Mapping[str, Any]) -> str | None:
        """Say why a prospect gets no prediction; None where it gets one."""
        for name in self.columns:
            cell = prospect.get(name)
            if self._is_lost(name, cell):
                return f"{LEFT_OUT}{name} is {cell} ([rows] of the contract)"
        return None

    def of_table(self, table: pd.DataFrame) -> dict[int, str]:
        """Positions of the rows that get no prediction, and why."""
        why: dict[int, str] = {}
        for name in self.columns:
            if name not in table.columns:
                continue
            positions, cells = distinct(table[name])
            lost = [self._is_lost(name, cell) for cell in cells]
            missing = self._is_lost(name, None)
            for row, position in enumerate(positions.tolist()):
                if (missing if position < 0 else lost[position]) and row not in why:
                    cell = None if position < 0 else cells[position]
                    why[row] = f"{LEFT_OUT}{name} is {cell} ([rows] of the contract)"
        return dict(sorted(why.items()))

    def to_dict(self) -> dict[str, dict[str, list[str]]]:
        """JSON-able form."""
        rules = {"keep": self.keep, "drop": self.drop}
        return {
            rule: {name: list(values) for name, values in columns.items()}
            for rule, columns in rules.items()
            if columns
        }

    def _is_lost(self, name: str, cell: Any) -> bool:
        value = "" if is_missing(cell) else plain_value(cell)
        if value in self._dropped.get(name, ()):
            return True
        kept = self._kept.get(name)
        return kept is not None and value not in kept and plain_words(value) in self._lost_words

    @cached_property
    def _dropped(self) -> dict[str, frozenset[str]]:
        return {name: frozenset(map(plain_value, values)) for name, values in self.drop.items()}

    @cached_property
    def _kept(self) -> dict[str, frozenset[str]]:
        return {name: frozenset(map(plain_value, values)) for name, values in self.keep.items()}

    @cached_property
    def _lost_words(self) -> frozenset[str]:
        return words_of("stage", "lost")


NOTHING_LOST = LostRows()
_PAST_ROLES = ("closed_on", "churned_on", "exited_on", "observed_until", "churned", "tenure_months")


def lost_rows_of(contract: Mapping[str, Any]) -> LostRows:
    """Rules of a contract, as `DealSpec.to_dict` writes it, that hold for prospects too.

    A rule about the day of signing, or about what became of a customer, holds for past deals only:
    a prospect has neither yet. A status such as "in trial" or "draft", which drops a past row, is
    what an open prospect looks like, so it leaves no prospect out.

    Raises
    ------
    ValueError
        As `lost_rows_from_dict`.
    """
    roles, rows = contract.get("deals") or {}, contract.get("rows") or {}
    past = {roles.get(role) for role in _PAST_ROLES}
    rules = {
        rule: {name: values for name, values in (rows.get(rule) or {}).items() if name not in past}
        for rule in ("keep", "drop")
    }
    rules["drop"] = {
        name: lost_values
        for name, values in rules["drop"].items()
        if (lost_values := [each for each in values if not _is_not_yet(each)])
    }
    return lost_rows_from_dict(rules)


def _is_not_yet(value: Any) -> bool:
    return is_status(plain_words(value), "not_yet")


def lost_rows_from_dict(data: Mapping[str, Any]) -> LostRows:
    """Read what `LostRows.to_dict`, or `[rows]` of a contract, has of keep and drop.

    Raises
    ------
    ValueError
        If it is not a mapping of columns to lists of texts.
    """
    rules: dict[str, dict[str, tuple[str, ...]]] = {}
    for rule in ("keep", "drop"):
        columns = data.get(rule, {})
        if not isinstance(columns, Mapping):
            raise ValueError(f"{rule} of the rows is {type(columns).__name__}, no mapping")  # noqa: TRY004 - damage of a file, as its other problems
        for name, values in columns.items():
            listed = isinstance(values, list | tuple)
            if not listed or not all(isinstance(value, str) for value in (name, *values)):
                raise ValueError(f"{rule} of the rows holds {values!r} for {name!r}, no texts")
        rules[rule] = {name: tuple(values) for name, values in columns.items()}
    return LostRows(**rules)
