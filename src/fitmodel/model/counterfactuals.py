"""Counterfactuals: the smallest changes of attributes that would remove the flag.

prospect -> each actionable attribute's values in past deals -> one change at a time, then two, ...
         -> those that are not a poor fit any more, best first

The model shows associations in past deals, not causal effects: a contract that is made longer only
to satisfy the model may behave differently from one that was long anyway. The text warns of this.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.deals.history_findings import MIN_DEALS
from fitmodel.exceptions import ProspectError
from fitmodel.language.catalogue import phrases
from fitmodel.learning.columns import CategoryColumn
from fitmodel.learning.encoding import read_numbers
from fitmodel.renamed import old_parameters
from fitmodel.tables.values import is_missing, read_number

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
        From each attribute to the value that it would need.
    assessment : Assessment
        Assessment of the prospect with these changes.
    steps : int
        Size of the change, summed over the attributes: 1 for another level; for a number, the
        rank of the new value among the past values on that side of the present one.
    columns : mapping of str to Column
        Columns of the scorecard for the changed attributes.
    """

    needed: Mapping[str, Any]
    assessment: Assessment
    steps: int
    columns: Mapping[str, Column] = field(repr=False)

    def in_words(self, language: str = "en") -> str:
        """Return the changed attributes in words, such as "Onboarding package: guided"."""
        say, wording = phrases(language, "changes"), self.assessment.wording.in_language(language)
        return say("and").join(
            say("to", attribute=wording.label(name), value=wording.value(self.columns[name], value))
            for name, value in self.needed.items()
        )

    def to_dict(self) -> dict[str, Any]:
        """Return a form that JSON can hold."""
        value = self.assessment.expected_value
        return {
            "needed": dict(self.needed),
            "early_churn_probability": self.assessment.early_churn_probability,
            "expected_value": value if math.isfinite(value) else None,
            "fit": self.assessment.fit,
        }


@old_parameters(most_changes="max_changes", most="max_results")
def find_counterfactuals(
    model: FitModel,
    prospect: Mapping[str, Any],
    *,
    actionable: tuple[str, ...] | None = None,
    max_changes: int = 2,
    max_results: int = 3,
    as_of: date | None = None,
) -> list[Counterfactual]:
    """Return the smallest changes with which a prospect is not a poor fit any more.

    Parameters
    ----------
    model : FitModel
        Model whose flag the changes would remove.
    prospect : mapping
        As for `FitModel.predict`.
    actionable : tuple of str, optional
        Attributes that can still be changed; default: those in `actionable` of the contract.
    max_changes : int
        Largest number of attributes to change at once.
    max_results : int
        Largest number of counterfactuals to return.
    as_of : date, optional
        As for `FitModel.predict`.

    Returns
    -------
    list of Counterfactual
        All with the same, smallest number of changed attributes. Sorted by `steps`, then by the
        highest expected value, or without money by the lowest probability. Empty if the prospect
        is not a poor fit, or if no change removes the flag.

    Raises
    ------
    ProspectError
        If an attribute in `actionable` is not one of the model's.

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
    for count in range(1, min(max_changes, len(names)) + 1):
        result = [
            Counterfactual(
                values, changed, sum(steps), {name: _column(model, name) for name in values}
            )
            for values, steps in _combinations(model, prospect, names, count)
            if not (
                changed := model.predict({**prospect, **values}, reasons=0, as_of=as_of)
            ).poor_fit
        ]
        if result:
            return sorted(result, key=_rank)[:max_results]
    return []


def describe_counterfactuals(changes: list[Counterfactual], *, language: str = "en") -> str:
    """Return the changes in words, or a sentence that no change would remove the flag.

    Parameters
    ----------
    changes : list of Counterfactual
        The result of `find_counterfactuals`.
    language : {"en", "zh"}
        Language of the text.

    Returns
    -------
    str
        One line per change, and a warning at the end.

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
    """Return one change in words, with the new probability and, if known, the new value."""
    say, assessment = phrases(language, "changes"), change.assessment
    wording = assessment.wording.in_language(language)
    has_value = math.isfinite(assessment.expected_value)
    return say(
        "way_with_value" if has_value else "way",
        changes=change.in_words(language),
        probability=wording.percent(assessment.early_churn_probability),
        horizon=wording.horizon,
        fit=wording.say(f"fit_{assessment.fit}"),
        value=wording.money_text(assessment.expected_value) if has_value else "",
    )


def _actionable(model: FitModel) -> tuple[str, ...]:
    """Return the attributes that are actionable in the contract and used by the model."""
    marked = model.manifest.get("spec", {}).get("attributes", {}).get("actionable", ())
    return tuple(name for name in marked if name in model.attributes)


def _combinations(
    model: FitModel, prospect: Mapping[str, Any], names: tuple[str, ...], count: int
) -> Iterator[tuple[dict[str, Any], list[int]]]:
    """Yield every combination of new values for `count` attributes, and the steps of each."""
    options = {
        name: _steps(past_values(model, name, present), _as_read(model, name, present))
        for name, present in ((name, prospect.get(name)) for name in names)
    }
    for chosen in combinations(names, count):
        for choices in product(*(options[name] for name in chosen)):
            values = [value for value, _ in choices]
            yield dict(zip(chosen, values, strict=True)), [steps for _, steps in choices]


def _steps(values: list[Any], present: Any) -> list[tuple[Any, int]]:
    """Return each value with its distance: its rank among past values on its side of `present`."""
    if not values or isinstance(values[0], str) or is_missing(present):
        return [(value, 1) for value in values]
    below = [value for value in reversed(values) if value < present]
    above = [value for value in values if value >= present]
    return [(value, rank) for side in (below, above) for rank, value in enumerate(side, start=1)]


def _as_read(model: FitModel, name: str, value: Any) -> Any:
    """Return a present value as the model reads it: a number in the form of training."""
    forms = model.scorer.forms
    if forms.is_empty(name, value):
        return None
    if isinstance(_column(model, name), CategoryColumn) or is_missing(value):
        return value
    return read_number(value, forms.number(name))


def _column(model: FitModel, name: str) -> Column:
    return model.scorecard.columns[model.attributes.index(name)]


def past_values(model: FitModel, name: str, now: Any) -> list[Any]:
    """Return the values of an attribute in past deals that differ from its present value.

    For categories these are the levels with at least `MIN_DEALS` deals. For numbers they are the
    values that `summarise_seen_values` stored in the manifest; an older model has none. For dates
    there are none, since a past date cannot be changed.
    """
    column = _column(model, name)
    evidence = model.scorecard.evidence[model.attributes.index(name)]
    if not isinstance(column, CategoryColumn) and column.is_date:
        return []
    own = column.code(_as_read(model, name, now))
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
    """Return numbers of the past deals for the manifest: the values that a change may propose.

    Parameters
    ----------
    model_columns : iterable of Column
        Columns of the scorecard; categories and dates are skipped.
    attributes : DataFrame
        Attributes of the deals in the training set.

    Returns
    -------
    dict
        From attribute to values: the `MAX_VALUES` most frequent of those in at least `MIN_DEALS`
        deals. If fewer than two are so frequent, the observed values nearest to ten quantiles,
        from 5% to 95%.
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
        most_frequent = np.argsort(-counts[counts >= MIN_DEALS], kind="stable")[:MAX_VALUES]
        return [float(value) for value in np.sort(common[most_frequent])]
    tenths = np.quantile(known, np.linspace(0.05, 0.95, 10), method="nearest")
    return [float(value) for value in np.unique(tenths)]


def _rank(change: Counterfactual) -> tuple[float, float, float]:
    assessment = change.assessment
    value = -assessment.expected_value if math.isfinite(assessment.expected_value) else 0.0
    return change.steps, value, assessment.early_churn_probability
