"""Edit a table of the scorecard by hand: set or cap an effect, smooth a range, drop a pair.

An edit names values instead of codes. The same edit can therefore be applied to the model in use,
and to a model fitted as of an earlier date, on which the edit is evaluated. Each kind of edit is a
class:

    SetEffect("industry", "agency", 0.2)    set the effect of a level or of the bins in a range
    Smooth("seats", (40, 120))              interpolate between the neighbours of the range
    Cap("seats", (None, None), 1.0)         limit effects to between -1.0 and 1.0 log-odds
    DropPair("seats", "segment")            remove the table of a pair

In the bootstrap replicates, a row that is set or capped moves by the same amount in each, a
smoothed row is interpolated in each, and a dropped pair is removed from each.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from fitmodel.exceptions import EditError
from fitmodel.learning._edit_targets import (
    Range,
    attribute_position,
    bin_middles,
    column_of,
    read_level,
    read_range,
    selected_rows,
    split_codes,
    target_text,
)
from fitmodel.learning.columns import NumberColumn
from fitmodel.renamed import old_fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fitmodel.learning.scorecard import Scorecard

__all__ = [
    "Cap",
    "ChangedRow",
    "DropPair",
    "Edit",
    "SetEffect",
    "Smooth",
    "apply_edits",
    "changed_rows",
    "column_of",
    "edit_from_dict",
    "edit_to_dict",
    "read_level",
    "read_range",
]

MAX_LOG_ODDS = 10.0  # an odds ratio of 22,000; a larger effect is a typing error


class ChangedRow(NamedTuple):
    """A row of a table before and after an edit, in log-odds."""

    value: str
    before: float
    after: float
    deals: int


@dataclass(frozen=True)
class SetEffect:
    """Set the effect of a level, of the bins in a range, or of "missing" or "never seen before".

    Parameters
    ----------
    where : str or (low, high)
        A level, or a range of a number: low <= value < high; None is open.
    effect : float
        Effect in log-odds before calibration; a positive effect raises the risk.
    """

    verb: ClassVar[str] = "set"
    attribute: str
    where: str | Range
    effect: float

    def prepared(self, scorecard: Scorecard) -> Scorecard:
        """Return the scorecard with codes split where the target of the edit needs it."""
        return split_codes(scorecard, self.attribute, self.where)

    def changed(self, scorecard: Scorecard) -> Scorecard:
        """Return the prepared scorecard with the edit applied."""
        rows = selected_rows(scorecard, self.attribute, self.where)
        return _set_effects(scorecard, rows, np.full(len(rows), _checked_effect(self.effect)))

    def __str__(self) -> str:
        return f"set {self.attribute} {target_text(self.where)} to {self.effect:+.3f}"


@dataclass(frozen=True)
class Smooth:
    """Interpolate the effects in a range of a number between the bins before and after it.

    At an end of the table the effect of the only neighbour is used.

    Parameters
    ----------
    attribute : str
        Name of the attribute, a number.
    where : (low, high)
        Range: low <= value < high; None is open.
    """

    verb: ClassVar[str] = "smooth"
    attribute: str
    where: Range

    def prepared(self, scorecard: Scorecard) -> Scorecard:
        """Return the scorecard with codes split where the target of the edit needs it."""
        return split_codes(scorecard, self.attribute, self.where)

    def changed(self, scorecard: Scorecard) -> Scorecard:
        """Return the prepared scorecard with the edit applied."""
        position = attribute_position(scorecard, self.attribute)
        column, start = scorecard.columns[position], scorecard.offsets[position]
        if not isinstance(column, NumberColumn):
            raise EditError(
                f"{self.attribute!r} is a category: its levels have no order to smooth over. "
                "Remedy: set the effect of a level, or cap it."
            )
        rows = selected_rows(scorecard, self.attribute, self.where)
        ends = [row for row in (rows[0] - 1, rows[-1] + 1) if start < row <= start + column.size]
        if not ends:
            raise EditError(
                f"the range {target_text(self.where)} holds all of {self.attribute!r}: there is "
                "no value next to it to interpolate between. Remedy: give a narrower range."
            )
        middles = bin_middles(column)
        before, after = ends[0], ends[-1]
        end_values = middles[[before - start - 1, after - start - 1]]
        share = np.interp(middles[rows - start - 1], end_values, [0.0, 1.0])[:, None]
        tables = scorecard.tables.copy()
        tables[rows] = (1 - share) * scorecard.tables[before] + share * scorecard.tables[after]
        return replace(scorecard, tables=tables)

    def __str__(self) -> str:
        return f"smooth {self.attribute} {target_text(self.where)}"


@old_fields(most="max_effect")
@dataclass(frozen=True)
class Cap:
    """Limit the effects in a range of a number, of one level, or in a whole table.

    Parameters
    ----------
    where : str or (low, high)
        A level, or a range of a number; (None, None) is the whole table.
    max_effect : float
        Largest absolute effect in log-odds, above 0.
    """

    verb: ClassVar[str] = "cap"
    attribute: str
    where: str | Range
    max_effect: float

    def prepared(self, scorecard: Scorecard) -> Scorecard:
        """Return the scorecard with codes split where the target of the edit needs it."""
        return split_codes(scorecard, self.attribute, self.where)

    def changed(self, scorecard: Scorecard) -> Scorecard:
        """Return the prepared scorecard with the edit applied."""
        rows = selected_rows(scorecard, self.attribute, self.where)
        largest = _checked_effect(self.max_effect)
        if largest < 0:
            raise EditError(f"an effect cannot be capped at {largest:g}: give a size above 0")
        return _set_effects(scorecard, rows, np.clip(scorecard.tables[rows, 0], -largest, largest))

    def __str__(self) -> str:
        return f"cap {self.attribute} {target_text(self.where)} at {self.max_effect:g}"


@dataclass(frozen=True)
class DropPair:
    """Remove the table of a pair of attributes from the scorecard.

    Parameters
    ----------
    attribute, other : str
        Names of the two attributes, in any order.
    """

    verb: ClassVar[str] = "drop pair"
    attribute: str
    other: str

    def prepared(self, scorecard: Scorecard) -> Scorecard:
        """Return the scorecard unchanged; a pair needs no new codes."""
        return scorecard

    def changed(self, scorecard: Scorecard) -> Scorecard:
        """Return the scorecard without the pair."""
        number = self.number(scorecard)
        first, end = _term_rows(scorecard, len(scorecard.columns) + number)
        pairs = (*scorecard.pairs[:number], *scorecard.pairs[number + 1 :])
        return replace(
            scorecard, pairs=pairs, tables=np.delete(scorecard.tables, range(first, end), axis=0)
        )

    def number(self, scorecard: Scorecard) -> int:
        """Return the position of the pair among the scorecard's pairs."""
        pair_to_drop = {
            attribute_position(scorecard, self.attribute),
            attribute_position(scorecard, self.other),
        }
        pairs = [{pair.first, pair.second} for pair in scorecard.pairs]
        if pair_to_drop not in pairs:
            names = [" & ".join(scorecard.attributes[one] for one in pair) for pair in pairs]
            raise EditError(
                f"the model has no pair of {self.attribute!r} and {self.other!r}; it has "
                f"{', '.join(names) or 'none'}"
            )
        return pairs.index(pair_to_drop)

    def __str__(self) -> str:
        return f"drop the pair {self.attribute} & {self.other}"


Edit = SetEffect | Smooth | Cap | DropPair
_VERBS: dict[str, type[Edit]] = {kind.verb: kind for kind in (SetEffect, Smooth, Cap, DropPair)}


def apply_edits(scorecard: Scorecard, edits: Sequence[Edit]) -> Scorecard:
    """Return a scorecard to which the edits were applied in order.

    Raises
    ------
    EditError
        If the scorecard has no such attribute, level or pair, or an edit cannot be applied.
    """
    for edit in edits:
        scorecard = edit.changed(edit.prepared(scorecard))
    return scorecard


def changed_rows(scorecard: Scorecard, edit: Edit) -> list[ChangedRow]:
    """Return the rows of a scorecard's tables that an edit changes.

    Raises
    ------
    EditError
        As in `apply_edits`, and if the edit changes nothing.
    """
    before = edit.prepared(scorecard)
    after = edit.changed(before)
    if isinstance(edit, DropPair):
        first, end = _term_rows(scorecard, len(scorecard.columns) + edit.number(scorecard))
        largest = float(np.abs(scorecard.tables[first:end, 0]).max())
        return [ChangedRow("largest effect of the pair", largest, 0.0, 0)]
    old, new = (item.table(edit.attribute) for item in (before, after))
    result = [
        ChangedRow(was["value"], was["log_odds"], now["log_odds"], was["deals"])
        for was, now in zip(old, new, strict=True)
        if was["log_odds"] != now["log_odds"]
    ]
    if not result:
        raise EditError(
            f"to {edit} changes nothing: the table of {edit.attribute!r} has these "
            "effects already. Look at it with `fitmodel models show --table`."
        )
    return result


_NEW_KEYS = {"most": "max_effect"}
"""Keys that bundles of older versions have, and the fields that hold their values."""


def edit_to_dict(edit: Edit) -> dict[str, Any]:
    """Return JSON-able data."""
    return {"verb": edit.verb} | asdict(edit)


def edit_from_dict(data: Mapping[str, Any]) -> Edit:
    """Rebuild an edit from its JSON form.

    Raises
    ------
    EditError
        If the data are not an edit.
    """
    fields = {_NEW_KEYS.get(key, key): value for key, value in data.items() if key != "verb"}
    if isinstance(fields.get("where"), list):
        low, high = fields["where"]
        fields["where"] = (low, high)
    try:
        return _VERBS[data["verb"]](**fields)
    except (KeyError, TypeError) as error:
        raise EditError(f"{dict(data)!r} is not an edit that this fitmodel knows") from error


def _term_rows(scorecard: Scorecard, term: int) -> tuple[int, int]:
    """First row of a term's table, and the row after its last one."""
    starts = (*scorecard.offsets, len(scorecard.tables))
    return starts[term], starts[term + 1]


def _set_effects(
    scorecard: Scorecard, rows: NDArray[np.int64], effects: NDArray[np.float64]
) -> Scorecard:
    """Set the effects of rows, and move the rows in all replicates by the same amount."""
    tables = scorecard.tables.copy()
    tables[rows] += (effects - tables[rows, 0])[:, None]
    tables[rows, 0] = effects  # without the rounding error of the addition
    return replace(scorecard, tables=tables)


def _checked_effect(effect: float) -> float:
    if not abs(effect) <= MAX_LOG_ODDS:
        raise EditError(
            f"an effect of {effect:g} log-odds is not plausible: give a number between "
            f"-{MAX_LOG_ODDS:g} and {MAX_LOG_ODDS:g} (0.7 doubles the odds, -0.7 halves them)"
        )
    return float(effect)
