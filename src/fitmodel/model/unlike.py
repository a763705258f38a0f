"""Warning about prospects unlike past deals: which attributes differ, and from what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from fitmodel.exceptions import ProspectError
from fitmodel.language.catalogue import phrases
from fitmodel.learning.columns import NumberColumn
from fitmodel.model.inputs import MIN_EMPTY, empty_names, empty_warning
from fitmodel.model.scorer import day_or_none
from fitmodel.tables.cells import is_missing, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from fitmodel.learning.columns import CategoryColumn
    from fitmodel.model.assessment import Assessment
    from fitmodel.model.scorer import Scorer

Differing: TypeAlias = tuple[Mapping[str, Any], "Sequence[str]"]
MANY_UNFAMILIAR = 0.2  # share of prospects; a few percent are usual
SHOWN, SHOWN_LEVELS = 3, 4  # attributes, and levels of past deals, that the warning names
SAMPLE = 1_000  # prospects of a large table in which the attributes are looked for


def are_many(unfamiliar: int, scored: int) -> bool:
    """Return whether so many prospects are unlike past deals that there is a common reason."""
    return unfamiliar > 0 and unfamiliar >= MANY_UNFAMILIAR * scored


def unlike_warning(
    scorer: Scorer, sample: Iterable[Differing], unfamiliar: int, scored: int
) -> str | None:
    """Return the warning that many prospects are unlike past deals; None if few are.

    Parameters
    ----------
    scorer : Scorer
        Scorer of the model.
    sample : iterable of (mapping, sequence of str)
        Some of the prospects, each with the attributes in which it is unlike past deals.
    unfamiliar, scored : int
        Number of prospects unlike past deals, and of all prospects that were scored.

    Examples
    --------
    >>> from fitmodel.model.unlike import unlike_warning
    >>> model = fitmodel.load("models/prospect-fit")
    >>> unlike_warning(model.scorer, [], 30, 40)[:41]
    '30 of 40 are unlike the deals learned from'
    """
    if not are_many(unfamiliar, scored):
        return None
    say = phrases("en", "messages")
    numbers = {"number": f"{unfamiliar:,}", "scored": f"{scored:,}"}
    differing = _differing(scorer, sample)
    if differing is None:
        return None
    if not differing:
        return say("unlike_prospects", **numbers)
    return say("unlike_prospects_in", **numbers, messages="; ".join(differing))


def list_warnings(
    scorer: Scorer,
    prospects: Sequence[Any],
    answers: Sequence[Assessment | str],
    names: Iterable[str],
) -> list[str]:
    """Return the warnings about a list of prospects: unlike past deals, or without a value.

    `answers`: the assessment of each prospect, or why it has none.
    `names`: the attributes that may be without a value in all prospects. A few prospects say
        nothing about a whole table, so that there is no warning then.
    """
    if len(prospects) < MIN_EMPTY:
        return []
    scored = [
        (prospect, answer.unfamiliar_because)
        for prospect, answer in zip(prospects, answers, strict=True)
        if not isinstance(answer, str)
    ]
    unfamiliar = sum(bool(because) for _, because in scored)
    texts = (
        unlike_warning(scorer, scored, unfamiliar, len(scored)),
        empty_warning(scorer.scorecard, empty_names(scorer, prospects, names), len(prospects)),
    )
    return [text for text in texts if text]


def assessed(
    scorer: Scorer, rows: Iterable[Mapping[str, Any]], as_of: date | None = None
) -> Iterator[Differing]:
    """Yield each row that can be assessed, with the attributes in which it is unlike past deals.

    `as_of`: day from which dates count back in rows without a closing date; default today.
    """
    day = day_or_none(as_of)
    for row in rows:
        try:
            because = scorer.assess(row, 0, day).unfamiliar_because
        except ProspectError:
            continue  # it has no prediction, and its own error
        yield row, because


def _differing(scorer: Scorer, sample: Iterable[Differing]) -> list[str] | None:
    """Return for each attribute that differs in many prospects what it has, and past deals had.

    None if these attributes are empty in all prospects: `empty_warning` reports that.
    """
    values: dict[str, list[Any]] = defaultdict(list)
    checked = 0
    for prospect, names in sample:
        checked += 1
        for name in names:
            if name in prospect:
                values[name].append(prospect[name])
    often = [name for name, found in values.items() if are_many(len(found), checked)]
    if often and checked >= MIN_EMPTY and all(_are_empty(values[name], checked) for name in often):
        return None
    often.sort(key=lambda name: -len(values[name]))
    columns = dict(zip(scorer.scorecard.attributes, scorer.scorecard.columns, strict=True))
    return [
        _described(columns[name], name, values[name], checked)
        for name in often[:SHOWN]
        if name in columns
    ]


def _are_empty(values: Sequence[Any], checked: int) -> bool:
    return len(values) == checked and all(map(is_missing, values))


def _described(
    column: NumberColumn | CategoryColumn, name: str, values: Sequence[Any], checked: int
) -> str:
    say = phrases("en", "messages")
    known = next((value for value in values if not is_missing(value)), None)
    counts = {"name": name, "number": f"{len(values):,}", "checked": f"{checked:,}"}
    if known is None:
        return say("unlike_empty", **counts)
    value = shortened(known)
    if isinstance(column, NumberColumn):
        if column.is_date:
            return say("unlike_date", **counts, value=value)
        ends = {"low": f"{column.low:,.6g}", "high": f"{column.high:,.6g}"}
        return say("unlike_number", **counts, value=value, **ends)
    levels = [shortened(level) for level in column.named[:SHOWN_LEVELS]]
    more = ", …" if len(column.named) > SHOWN_LEVELS else ""
    return say("unlike_level", **counts, value=value, levels=", ".join(levels) + more)
