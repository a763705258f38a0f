"""Counterfactuals: the smallest changes of attributes that would remove the flag.

prospect -> each actionable attribute's values in past deals -> one change at a time, then two, ...
         -> those that are not poor fit any more, best first

The model says how such deals did, not what a change brings about: a deal made longer for the
model's sake is not the deal that was longer by itself. The sentence says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.deals.horizons import MIN_DEALS
from fitmodel.exceptions import ProspectError
from fitmodel.language.catalogue import phrases
from fitmodel.learning.columns import CategoryColumn, as_number
from fitmodel.learning.encoding import read_numbers
from fitmodel.tables.values import is_missing

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd
    from numpy.typing import NDArray

    from fitmodel.learning.columns import Column
    from fitmodel.model.assessment import Assessment
    from fitmodel.model.fitmodel import FitModel

MAX_VALUES = 12


@dataclass(frozen=True)
class Counterfactual:
    """Changes of attributes that would remove the flag.

    Attributes
    ----------
    needed : mapping
        Attribute to the value it would need.
    assessment : Assessment
        Of the prospect so changed.
    steps : int
        How far it goes: 1 for another level, for a number the values seen that it passes.
    columns : mapping of str to Column
        How the model reads the attributes changed.
    """

    needed: Mapping[str, Any]
    assessment: Assessment
    steps: int
    columns: Mapping[str, Column] = field(repr=False)

    def in_words(self, language: str = "en") -> str:
        """The changed attributes in words, such as "Onboarding package: guided"."""
        say, words = phrases(language, "changes"), self.assessment.wording.in_language(language)
        return say("and").join(
            say("to", attribute=words.label(name), value=words.value(self.columns[name], value))
            for name, value in self.needed.items()
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form."""
        value = self.assessment.expected_value
        return {
            "needed": dict(self.needed),
            "early_churn_probability": self.assessment.early_churn_probability,
            "expected_value": value if math.isfinite(value) else None,
            "fit": self.assessment.fit,
        }


def find_counterfactuals(
    model: FitModel,
    prospect: Mapping[str, Any],
    *,
    actionable: tuple[str, ...] | None = None,
    most_changes: int = 2,
    most: int = 3,
    as_of: date | None = None,
) -> list[Counterfactual]:
    """Find the smallest changes that bring a prospect out of poor fit.

    Parameters
    ----------
    model : FitModel
    prospect : mapping
        As for `FitModel.predict`.
    actionable : tuple of str, optional
        Attributes that can still be changed; default: those that the contract marks so.
    most_changes : int
        Most attributes to change at once.
    most : int
        Most ways to give.
    as_of : date, optional
        As for `FitModel.predict`.

    Returns
    -------
    list of Change
        Of equal, smallest number of changes; those that go least far first, of these the highest
        expected value, or without money the lowest probability. Empty where the prospect is no
        poor fit, or nothing helps.

    Raises
    ------
    ProspectError
        If an attribute named actionable is none of the model's.

    Examples
    --------
    >>> model = fitmodel.load("models/prospect-fit")
    >>> prospects = pd.read_csv("prospects.csv")
    >>> flagged = prospects[model.predict(prospects, reasons=0)["poor_fit"].astype(bool)]
    >>> ways = [find_counterfactuals(model, prospect) for prospect in flagged.to_dict("records")]
    >>> all(not change.assessment.poor_fit for found in ways for change in found)
    True
    """
    names = _actionable(model) if actionable is None else actionable
    unknown = [name for name in names if name not in model.attributes]
    if unknown:
        raise ProspectError(
            f"{', '.join(map(repr, unknown))} can be changed but is not an attribute of the model; "
            f"it has {', '.join(model.attributes)}"
        )
    if not model.predict(prospect, reasons=0, as_of=as_of).poor_fit:
        return []
    for count in range(1, min(most_changes, len(names)) + 1):
        result = [
            Counterfactual(
                values, changed, sum(steps), {name: _column(model, name) for name in values}
            )
            for values, steps in _ways(model, prospect, names, count)
            if not (
                changed := model.predict({**prospect, **values}, reasons=0, as_of=as_of)
            ).poor_fit
        ]
        if result:
            return sorted(result, key=_rank)[:most]
    return []


def describe_counterfactuals(changes: list[Counterfactual], *, language: str = "en") -> str:
    """Describe the changes in words, or say that no change would remove the flag.

    Parameters
    ----------
    changes : list of Change
        As `find_counterfactuals` gives them.
    language : {"en", "zh"}

    Returns
    -------
    str
        A line per change, and a caution at the end.

    Raises
    ------
    SpecError
        If there are no texts in that language.

    Examples
    --------
    >>> describe_counterfactuals([])
    'Nothing that you can change would make this deal a better fit.'
    """
    say = phrases(language, "changes")
    if not changes:
        return say("nothing")
    return "\n".join(
        [*(describe_counterfactual(change, language) for change in changes), say("caution")]
    )


def describe_counterfactual(change: Counterfactual, language: str = "en") -> str:
    """One change in words, with the new probability and, where money is known, the new value."""
    say, assessment = phrases(language, "changes"), change.assessment
    words = assessment.wording.in_language(language)
    has_value = math.isfinite(assessment.expected_value)
    return say(
        "way_with_value" if has_value else "way",
        changes=change.in_words(language),
        probability=words.percent(assessment.early_churn_probability),
        horizon=words.horizon,
        fit=words.say(f"fit_{assessment.fit}"),
        value=words.money_text(assessment.expected_value) if has_value else "",
    )


def _actionable(model: FitModel) -> tuple[str, ...]:
    """The attributes that the contract marks as actionable and the model uses."""
    marked = model.manifest.get("spec", {}).get("attributes", {}).get("actionable", ())
    return tuple(name for name in marked if name in model.attributes)


def _ways(
    model: FitModel, prospect: Mapping[str, Any], names: tuple[str, ...], count: int
) -> Iterator[tuple[dict[str, Any], list[int]]]:
    """Every combination of new values for a number of attributes, with the distance of each."""
    options = {
        name: _steps(past_values(model, name, now), now)
        for name, now in ((name, prospect.get(name)) for name in names)
    }
    for chosen in combinations(names, count):
        for ways in product(*(options[name] for name in chosen)):
            values = [value for value, _ in ways]
            yield dict(zip(chosen, values, strict=True)), [steps for _, steps in ways]


def _steps(values: list[Any], now: Any) -> list[tuple[Any, int]]:
    """Each value with how far it is from now: its rank among those seen on its side."""
    if not values or isinstance(values[0], str) or is_missing(now):
        return [(value, 1) for value in values]
    here = as_number(now)
    below = [value for value in reversed(values) if value < here]
    above = [value for value in values if value >= here]
    return [(value, rank) for side in (below, above) for rank, value in enumerate(side, start=1)]


def _column(model: FitModel, name: str) -> Column:
    return model.scorecard.columns[model.attributes.index(name)]


def past_values(model: FitModel, name: str, now: Any) -> list[Any]:
    """Values of an attribute that past deals had, other than the one it has now.

    Levels with at least `MIN_DEALS` deals; of numbers what `summarise_seen_values` left in the
    manifest (a model from before it was kept proposes no numbers); no dates, since when something
    was can no longer be changed.
    """
    column = _column(model, name)
    evidence = model.scorecard.evidence[model.attributes.index(name)]
    if not isinstance(column, CategoryColumn) and column.is_date:
        return []
    own = column.code(now)
    if isinstance(column, CategoryColumn):
        return [
            level
            for level in column.named
            if (code := column.levels[level]) != own
            and evidence.count[evidence.band[code]] >= MIN_DEALS
        ]
    seen = model.manifest.get("seen_values", {}).get(name, [])
    return [float(value) for value in seen if column.code(float(value)) != own]


def summarise_seen_values(
    model_columns: Iterable[Column], attributes: pd.DataFrame
) -> dict[str, Any]:
    """Numbers of the past deals, for the manifest: the values that a change may lead to.

    Parameters
    ----------
    model_columns : iterable of Column
        Of the scorecard; categories and dates are passed over.
    attributes : DataFrame
        Of the deals learned from.

    Returns
    -------
    dict
        Attribute to values: those of at least `MIN_DEALS` deals, the commonest `MAX_VALUES`;
        where fewer than two are so common, the observed values nearest to the tenths.
    """
    numbers = [column for column in model_columns if not isinstance(column, CategoryColumn)]
    return {
        column.name: _values(read_numbers(attributes[column.name])[0])
        for column in numbers
        if not column.is_date
    }


def _values(numbers: NDArray[np.float64]) -> list[float]:
    known = numbers[np.isfinite(numbers)]
    if len(known) == 0:
        return []
    values, counts = np.unique(known, return_counts=True)
    common = values[counts >= MIN_DEALS]
    if len(common) > 1:
        most = np.argsort(-counts[counts >= MIN_DEALS], kind="stable")[:MAX_VALUES]
        return [float(value) for value in np.sort(common[most])]
    tenths = np.quantile(known, np.linspace(0.05, 0.95, 10), method="nearest")
    return [float(value) for value in np.unique(tenths)]


def _rank(change: Counterfactual) -> tuple[float, float, float]:
    assessment = change.assessment
    value = -assessment.expected_value if math.isfinite(assessment.expected_value) else 0.0
    return change.steps, value, assessment.early_churn_probability
