"""Edit a table of the scorecard by hand: set a level's effect, smooth or cap a bump, drop a pair.

An edit names values and no codes, so that it can be made to the model in use and to one fitted on
what was known at an earlier date, where it is evaluated. Each verb is a small value:

    SetEffect("industry", "agency", 0.2)    the row of a level or of the bins in a range
    Smooth("seats", (40, 120))              a straight line between the neighbours of the range
    Cap("seats", (None, None), 1.0)         no effect beyond 1.0 log-odds, either way
    DropPair("seats", "segment")            the pair's table is taken out

The interval: a row that is set or capped moves alike in every bootstrap replicate; a smoothed row
takes the line between its neighbours in each; a dropped pair takes its spread with it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from fitmodel.exceptions import EditError
from fitmodel.learning._recoding import cut_at, single_out
from fitmodel.learning.columns import MISSING, CategoryColumn, NumberColumn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fitmodel.learning.columns import Column
    from fitmodel.learning.scorecard import Scorecard

NOT_KNOWN, NEVER_SEEN = "missing", "never seen before"
MAX_LOG_ODDS = 10.0  # odds 22,000-fold: beyond it is a slip of the keyboard
Range = tuple[float | None, float | None]


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
    attribute : str
    where : str or (low, high)
        A level, or a range of a number: low <= value < high, None is open.
    effect : float
        In log-odds before calibration; above 0 raises the risk.
    """

    verb: ClassVar[str] = "set"
    attribute: str
    where: str | Range
    effect: float

    def prepared(self, scorecard: Scorecard) -> Scorecard:
        """The scorecard with codes that end where the edit does."""
        return _prepared(scorecard, self.attribute, self.where)

    def changed(self, scorecard: Scorecard) -> Scorecard:
        """The prepared scorecard, edited."""
        rows = _rows(scorecard, self.attribute, self.where)
        return _moved(scorecard, rows, np.full(len(rows), _plausible(self.effect)))

    def __str__(self) -> str:
        return f"set {self.attribute} {_words(self.where)} to {self.effect:+.3f}"


@dataclass(frozen=True)
class Smooth:
    """Draw a straight line over a range of a number, from the bin before it to the bin after it.

    At an end of the table the line is flat.
    """

    verb: ClassVar[str] = "smooth"
    attribute: str
    where: Range

    def prepared(self, scorecard: Scorecard) -> Scorecard:
        """The scorecard with codes that end where the edit does."""
        return _prepared(scorecard, self.attribute, self.where)

    def changed(self, scorecard: Scorecard) -> Scorecard:
        """The prepared scorecard, edited."""
        position = _place(scorecard, self.attribute)
        column, start = scorecard.columns[position], scorecard.offsets[position]
        if not isinstance(column, NumberColumn):
            raise EditError(
                f"{self.attribute!r} is a category: its levels have no order to smooth over. "
                "Remedy: set the effect of a level, or cap it."
            )
        rows = _rows(scorecard, self.attribute, self.where)
        ends = [row for row in (rows[0] - 1, rows[-1] + 1) if start < row <= start + column.size]
        if not ends:
            raise EditError(
                f"the range {_words(self.where)} holds all of {self.attribute!r}: there is nothing "
                "beside it to draw a line between. Remedy: give a narrower range."
            )
        middles = _middles(column)
        before, after = ends[0], ends[-1]
        known = middles[[before - start - 1, after - start - 1]]
        share = np.interp(middles[rows - start - 1], known, [0.0, 1.0])[:, None]
        tables = scorecard.tables.copy()
        tables[rows] = (1 - share) * scorecard.tables[before] + share * scorecard.tables[after]
        return replace(scorecard, tables=tables)

    def __str__(self) -> str:
        return f"smooth {self.attribute} {_words(self.where)}"


@dataclass(frozen=True)
class Cap:
    """Let no effect in a range (of a category: of all levels) go beyond a size, either way.

    Parameters
    ----------
    attribute : str
    where : (low, high)
        (None, None) is the whole table.
    most : float
        Largest effect in log-odds, above 0.
    """

    verb: ClassVar[str] = "cap"
    attribute: str
    where: str | Range
    most: float

    def prepared(self, scorecard: Scorecard) -> Scorecard:
        """The scorecard with codes that end where the edit does."""
        return _prepared(scorecard, self.attribute, self.where)

    def changed(self, scorecard: Scorecard) -> Scorecard:
        """The prepared scorecard, edited."""
        rows, most = _rows(scorecard, self.attribute, self.where), _plausible(self.most)
        if most < 0:
            raise EditError(f"an effect cannot be capped at {most:g}: give a size above 0")
        return _moved(scorecard, rows, np.clip(scorecard.tables[rows, 0], -most, most))

    def __str__(self) -> str:
        return f"cap {self.attribute} {_words(self.where)} at {self.most:g}"


@dataclass(frozen=True)
class DropPair:
    """Remove the table of a pair of attributes from the scorecard."""

    verb: ClassVar[str] = "drop pair"
    attribute: str
    other: str

    def prepared(self, scorecard: Scorecard) -> Scorecard:
        """The scorecard as it is."""
        return scorecard

    def changed(self, scorecard: Scorecard) -> Scorecard:
        """The scorecard without the pair."""
        number = self.number(scorecard)
        first, end = _term_rows(scorecard, len(scorecard.columns) + number)
        kept = (*scorecard.pairs[:number], *scorecard.pairs[number + 1 :])
        return replace(
            scorecard, pairs=kept, tables=np.delete(scorecard.tables, range(first, end), axis=0)
        )

    def number(self, scorecard: Scorecard) -> int:
        """Which of the scorecard's pairs it is."""
        wanted = {_place(scorecard, self.attribute), _place(scorecard, self.other)}
        held = [{pair.first, pair.second} for pair in scorecard.pairs]
        if wanted not in held:
            names = [" & ".join(scorecard.attributes[one] for one in pair) for pair in held]
            raise EditError(
                f"the model has no pair of {self.attribute!r} and {self.other!r}; it has "
                f"{', '.join(names) or 'none'}"
            )
        return held.index(wanted)

    def __str__(self) -> str:
        return f"drop the pair {self.attribute} & {self.other}"


Edit = SetEffect | Smooth | Cap | DropPair
_VERBS: dict[str, type[Edit]] = {kind.verb: kind for kind in (SetEffect, Smooth, Cap, DropPair)}


def apply_edits(scorecard: Scorecard, edits: Sequence[Edit]) -> Scorecard:
    """Make edits to a scorecard, in order; the scorecard given stays as it is.

    Raises
    ------
    EditError
        If the scorecard has no such attribute, level or pair, or an edit cannot be made.
    """
    for edit in edits:
        scorecard = edit.changed(edit.prepared(scorecard))
    return scorecard


def changed_rows(scorecard: Scorecard, edit: Edit) -> list[ChangedRow]:
    """What an edit changes in a scorecard's tables, row by row.

    Raises
    ------
    EditError
        As `apply_edits`, and if it changes nothing.
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


def edit_to_dict(edit: Edit) -> dict[str, Any]:
    """JSON-able form."""
    return {"verb": edit.verb} | asdict(edit)


def edit_from_dict(data: Mapping[str, Any]) -> Edit:
    """Rebuild an edit from its JSON form.

    Raises
    ------
    EditError
        If it is none.
    """
    fields = {key: value for key, value in data.items() if key != "verb"}
    if isinstance(fields.get("where"), list):
        low, high = fields["where"]
        fields["where"] = (low, high)
    try:
        return _VERBS[data["verb"]](**fields)
    except (KeyError, TypeError) as error:
        raise EditError(f"{dict(data)!r} is not an edit that this fitmodel knows") from error


def _term_rows(scorecard: Scorecard, term: int) -> tuple[int, int]:
    """First row of a term's table, and the row after its last."""
    starts = (*scorecard.offsets, len(scorecard.tables))
    return starts[term], starts[term + 1]


def _place(scorecard: Scorecard, attribute: str) -> int:
    if attribute not in scorecard.attributes:
        raise EditError(
            f"the model has no attribute {attribute!r}; it has {', '.join(scorecard.attributes)}"
        )
    return scorecard.attributes.index(attribute)


def _prepared(scorecard: Scorecard, attribute: str, where: str | Range) -> Scorecard:
    position = _place(scorecard, attribute)
    if isinstance(where, tuple):
        for value in where:
            scorecard = scorecard if value is None else cut_at(scorecard, position, value)
        return scorecard
    if where in {NOT_KNOWN, NEVER_SEEN} and where not in _levels(scorecard.columns[position]):
        return scorecard
    return single_out(scorecard, position, where)


def _levels(column: Column) -> list[str]:
    return list(column.levels) if isinstance(column, CategoryColumn) else []


def _rows(scorecard: Scorecard, attribute: str, where: str | Range) -> NDArray[np.int64]:
    """Rows of the stacked tables that an edit of one attribute speaks of; never none."""
    position = _place(scorecard, attribute)
    column = scorecard.columns[position]
    if isinstance(where, tuple):
        codes = _codes_between(column, *where)
    elif where == NOT_KNOWN and where not in _levels(column):
        codes = np.array([MISSING])
    elif where == NEVER_SEEN and where not in _levels(column):
        codes = np.array([column.size + 1])
    else:
        codes = np.array([column.code(where)])
    if len(codes) == 0:
        raise EditError(f"the range {_words(where)} of {attribute!r} is empty: give low:high")
    return scorecard.offsets[position] + codes


def _codes_between(column: Column, low: float | None, high: float | None) -> NDArray[np.int64]:
    if isinstance(column, CategoryColumn):
        return np.arange(1, column.size + 1) if low is None and high is None else np.array([], int)
    edges = [-np.inf, *column.cuts, np.inf]
    inside = [
        (low is None or below >= low) and (high is None or above <= high)
        for below, above in pairwise(edges)
    ]
    return np.flatnonzero(inside) + 1


def _middles(column: NumberColumn) -> NDArray[np.float64]:
    """Middle of each bin; the outer ones end at the smallest and largest value seen."""
    cuts = np.asarray(column.cuts)
    edges = np.concatenate([[min(column.low, cuts[0])], cuts, [max(column.high, cuts[-1])]])
    middles: NDArray[np.float64] = (edges[:-1] + edges[1:]) / 2
    return middles


def _moved(
    scorecard: Scorecard, rows: NDArray[np.int64], effects: NDArray[np.float64]
) -> Scorecard:
    tables = scorecard.tables.copy()
    tables[rows] += (effects - tables[rows, 0])[:, None]
    tables[rows, 0] = effects  # to the bit
    return replace(scorecard, tables=tables)


def _plausible(effect: float) -> float:
    if not abs(effect) <= MAX_LOG_ODDS:
        raise EditError(
            f"an effect of {effect:g} log-odds is out of reason: give a number between "
            f"-{MAX_LOG_ODDS:g} and {MAX_LOG_ODDS:g} (0.7 doubles the odds, -0.7 halves them)"
        )
    return float(effect)


def _words(where: str | Range) -> str:
    if isinstance(where, str):
        return f"= {where}"
    low, high = (None if value is None else f"{value:g}" for value in where)
    if low is None:
        return "everywhere" if high is None else f"below {high}"
    return f"from {low}" if high is None else f"from {low} to {high}"
