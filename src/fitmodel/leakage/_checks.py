"""The checks of the leakage audit: each tests one attribute for one kind of leak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.leakage._age_checks import AGE_CHECKS
from fitmodel.leakage._attribute import MIN_AUC_SURELY_LATER, best_separation
from fitmodel.leakage.names import is_seller, suggests_protected
from fitmodel.leakage.statistics import (
    Estimate,
    counts_up,
    missing_churners,
    only_churners,
    rank_correlation,
    risk_ratio,
    separation,
)
from fitmodel.tables.cells import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

    from fitmodel.leakage._attribute import Attribute, Finding, History, Verdict
    from fitmodel.leakage.statistics import Floats, Mask

# All limits apply to the lower limit of an estimate.
MIN_STRONG_AUC = 0.85  # AUC of an attribute alone from which there is a warning
MIN_FILLING_AUC = 0.8  # AUC of being filled in from which it is a leak
# How many times more often churners have a field filled in (or empty), or a value that is not the
# usual one. `python benchmarks/leaks.py` measures these ratios for planted leaks and for honest
# attributes. The largest of an honest one, in twelve more tables (staff, patients, loans), was 3.5.
MIN_FILLING_RATIO, MIN_UNUSUAL_RATIO = 5.0, 8.0
# Rank correlation with the months stayed, among customers who left.
MIN_TENURE_STOP, MIN_TENURE_WARN = 0.75, 0.5
MIN_GROWTH = 0.55  # the same, required among those who left and among those still there
MAX_GROWTH_GAP = 0.2  # largest amount by which the first may be smaller than the second
MIN_TO_DIVIDE = 0.2  # below this rank correlation no divisor is tried
MIN_VALUES = 20  # an attribute with fewer distinct values may be the agreed contract term
MIN_LEFT = 30
MIN_EXPECTED_CHURNERS = 20.0  # if so many are expected, none has a probability of e^-20
MIN_GROUP = 36  # a smaller group cannot pass `only_churners`
# Share of dates after closing. A few may be typing errors; from the second on it can be a leak.
MIN_LATER_SHARE, AFTER_CLOSING = 0.01, 0.2
MIN_PLANNED_SHARE = 0.02  # share of these beyond the extract's end: such dates must be planned
MAX_UNIQUE = 0.9
_IF_ONLY_CHURNERS: dict[str, Verdict] = {"surely": "stop", "maybe": "warn", "no": "fine"}


def filled_in(attribute: Attribute, history: History) -> Iterator[Finding]:
    """Check whether being filled in (or empty) reveals the outcome."""
    empty, kind = attribute.empty, "filled in later"
    if empty.all() or not empty.any():
        return
    separates = best_separation(empty.astype(np.int64), history)
    evidence = f"whether it is filled in {separates}"
    sides = ((~empty, "filled in"), (empty, "empty"))
    for group, state in sides:
        yield from _churners_only(attribute, history, group, f"where it is {state}", kind)
    for group, state in sides:
        yield from _more_often_churners(
            attribute, history, group, f"to have it {state}", kind, MIN_FILLING_RATIO
        )
    is_bound = history.is_bound_by_term(empty) or history.is_bound_by_term(~empty)
    if separates.low > min(attribute.leak_limit, MIN_FILLING_AUC):
        yield attribute.finding(kind, "warn" if is_bound else "stop", evidence)
    elif separates.low > MIN_AUC_SURELY_LATER:
        yield attribute.finding(kind, "warn", evidence)
    yield from _stayers_only(attribute, history)


def _churners_only(
    attribute: Attribute, history: History, group: Mask, condition: str, kind: str
) -> Iterator[Finding]:
    """Yield a finding if all deals of a group left early, or all have left by now."""
    for churned, outcome in ((history.churned_early, "left early"), (history.left, "have left")):
        verdict = _IF_ONLY_CHURNERS[only_churners(group, churned, history.cohort)]
        if verdict != "fine":
            deals, left = int(group.sum()), int((group & churned).sum())
            share = f"all {deals:,}" if left == deals else f"{left:,} of the {deals:,}"
            yield attribute.finding(kind, verdict, f"{share} deals {condition} {outcome}")
            return


def _more_often_churners(
    attribute: Attribute, history: History, group: Mask, condition: str, kind: str, min_ratio: float
) -> Iterator[Finding]:
    """Yield a finding if churners are in a group much more often than with an honest attribute."""
    known = np.isfinite(history.early)
    early = risk_ratio(group[known], history.churned_early[known], history.cohort[known])
    left = risk_ratio(group, history.left, history.cohort)
    ratio, churners = max(
        (early, "early churners"), (left, "customers who have left"), key=lambda each: each[0].low
    )
    if ratio.low > min_ratio / 2:
        evidence = f"{churners} are {ratio.value:.0f} times as likely as others {condition}"
        is_bound = history.is_bound_by_term(~group)  # then the others cannot be early churners
        verdict: Verdict = "stop" if ratio.low > min_ratio and not is_bound else "warn"
        yield attribute.finding(kind, verdict, f"{evidence} (at least {ratio.low:.1f})")


def _stayers_only(attribute: Attribute, history: History) -> Iterator[Finding]:
    """Yield a finding if no deal with (or without) a value has left, although many should have.

    Examples are a survey of customers who are still there, and an agreed minimum term.
    """
    mature = np.isfinite(history.early)
    for group, state in ((~attribute.empty, "filled in"), (attribute.empty, "empty")):
        expected = missing_churners(
            group[mature], history.churned_early[mature], history.cohort[mature],
            expected_at_least=MIN_EXPECTED_CHURNERS,
        )  # fmt: skip
        if not expected:
            continue
        later = missing_churners(
            group, history.left, history.cohort, expected_at_least=MIN_EXPECTED_CHURNERS
        )
        evidence = (
            f"none of the {int(group.sum()):,} deals where it is {state} left early"
            f"{' or later' if later else ''}; {later or expected:.0f} would be expected"
        )
        verdict: Verdict = "stop" if later or attribute.later_by_name == "surely" else "warn"
        yield attribute.finding("filled in later", verdict, evidence)
        return


def after_closing(attribute: Attribute, history: History) -> Iterator[Finding]:
    """Check for dates after the closing: these are planned, or were learned later.

    A date that was agreed at signing (the end of the term) is beyond the end of the extract for
    deals that are still running. A date of something that has happened (the last login) cannot be.
    """
    if not attribute.is_date or history.days_observed is None:
        return
    days_after = -attribute.column.to_numpy(dtype=float)
    is_given = np.isfinite(days_after)
    later = days_after > 0
    share = later.sum() / max(is_given.sum(), 1)
    if share <= MIN_LATER_SHARE:
        return
    planned = float((days_after[later] > history.days_observed[later]).mean())
    separates = attribute.strength.low > MIN_AUC_SURELY_LATER
    mirrors = _correlation_with_tenure(days_after, history).low > MIN_TENURE_WARN
    is_leak = share >= AFTER_CLOSING and planned < MIN_PLANNED_SHARE and (separates or mirrors)
    evidence = f"{share:.0%} of its dates are after the closing"
    if planned >= MIN_PLANNED_SHARE:
        evidence += f", {planned:.0%} of them after the end of the extract: probably planned dates"
    elif is_leak:
        evidence += (
            f", and it {attribute.strength}"
            if separates
            else ", and the longer customers stayed, the later they are"
        )
    yield attribute.finding("after closing", "stop" if is_leak else "warn", evidence)


def tenure_in_disguise(attribute: Attribute, history: History) -> Iterator[Finding]:
    """Check for values that grow with the months stayed, such as total charges."""
    numbers = attribute.numbers
    if numbers is None:
        return
    fine_grained = len(np.unique(numbers[history.left & np.isfinite(numbers)])) >= MIN_VALUES
    result, divisor_text = _correlation_with_tenure(numbers, history), ""
    if result.value > MIN_TO_DIVIDE:
        for name, divisor in _divisors(attribute, result, history):
            shares = np.divide(numbers, divisor, where=divisor > 0, out=numbers * np.nan)
            divided_result = _correlation_with_tenure(shares, history)
            if divided_result.low > result.low:
                result, divisor_text, numbers = divided_result, f", divided by {name},", shares
    if result.low <= MIN_TENURE_WARN:
        return
    mirrors = fine_grained and (
        result.low > MIN_TENURE_STOP or _grows_with_tenure(numbers, history)
    )
    verdict: Verdict = "stop" if mirrors or attribute.later_by_name == "surely" else "warn"
    evidence = (
        f"among the {int(history.left.sum()):,} customers who left{divisor_text} its rank "
        f"correlation with the months stayed is {result.value:.2f} (at least {result.low:.2f})"
    )
    yield attribute.finding("tenure in disguise", verdict, evidence)


def _divisors(
    attribute: Attribute, own: Estimate, history: History
) -> Iterator[tuple[str, Floats]]:
    """Yield columns by which an accumulated sum may be divided: the amount, a monthly price, seats.

    Columns that correlate with the months stayed as strongly themselves are skipped. Otherwise an
    honest price, divided by such a sum, would look like a leak.
    """
    if history.amount is not None:
        yield "the contract's amount", history.amount
    for name, column in history.numbers.items():
        if name == attribute.name or len(np.unique(column[column > 0])) < MIN_VALUES:
            continue
        if _correlation_with_tenure(column, history).value < own.low:
            yield repr(name), column


def _correlation_with_tenure(values: Floats, history: History) -> Estimate:
    """Return the rank correlation with the months stayed, among customers who left."""
    left = history.left
    if (left & np.isfinite(values)).sum() < MIN_LEFT:
        return Estimate(0.0, 0.0)
    return rank_correlation(values[left], history.months[left], history.cohort[left])


def _grows_with_tenure(values: Floats, history: History) -> bool:
    """Return whether a value rises with the months stayed, both for leavers and for the others.

    If a price fell over the years, it is high for customers who have been there long. Among those
    who left the correlation is much weaker, since how long they stayed depends little on when they
    signed.
    """
    left, months, cohort = history.left, history.months, history.cohort
    leavers = rank_correlation(values[left], months[left], cohort[left], rising=True)
    stayers = rank_correlation(values[~left], months[~left], 0 * cohort[~left], rising=True)
    both_grow = min(leavers.low, stayers.low) > MIN_GROWTH
    return both_grow and leavers.value > stayers.value - MAX_GROWTH_GAP


def varies_one_way(attribute: Attribute, history: History) -> Iterator[Finding]:
    """Check for values that only churners have, or that only churners or only others vary in."""
    groups = attribute.groups
    sizes = np.bincount(groups, minlength=1)
    sizes[0] = 0  # empty cells have their own check
    if not sizes.any():
        return
    if attribute.numbers is not None and sizes.max() < sizes.sum() / 2:  # without a usual value
        yield from _zero_of_churners(attribute, history, attribute.numbers == 0)
        return
    kind, usual = "varies one way", int(sizes.argmax())
    unusual = (groups != usual) & ~attribute.empty
    shown = plain(attribute.column.iloc[int((groups == usual).argmax())])
    yield from _churners_only(attribute, history, unusual, f"where it is not {shown!r}", kind)
    condition = f"to have another value than {shown!r}"
    yield from _more_often_churners(attribute, history, unusual, condition, kind, MIN_UNUSUAL_RATIO)
    stayed = np.bincount(groups, ~history.left)
    for level in np.flatnonzero((sizes >= MIN_GROUP) & (stayed <= sizes / 100)):
        group = groups == level
        shown = plain(attribute.column.iloc[int(group.argmax())])
        for finding in _churners_only(attribute, history, group, f"where it is {shown!r}", kind):
            if finding.verdict == "stop":  # among many levels, weaker findings occur by chance
                yield finding
    expected = missing_churners(
        unusual, history.left, history.cohort, expected_at_least=MIN_EXPECTED_CHURNERS
    )
    if expected:
        evidence = (
            f"none of the {int(unusual.sum()):,} deals that differ from the most frequent value "
            f"has left; {expected:.0f} would be expected"
        )
        yield attribute.finding(kind, "warn", evidence)


def _zero_of_churners(attribute: Attribute, history: History, zero: Mask) -> Iterator[Finding]:
    """Check for a number that is set to 0 when a customer leaves, such as revenue or seats."""
    for finding in _churners_only(attribute, history, zero, "where it is 0", "varies one way"):
        if finding.verdict == "stop" and zero.sum() >= MIN_GROUP:
            yield finding


def separates_alone(attribute: Attribute, history: History) -> Iterator[Finding]:
    """Check for attributes that alone almost decide the outcome, except for contract terms."""
    separates = attribute.strength
    evidence = f"it {separates}"
    if separates.low > attribute.leak_limit and _is_explained_by_term(attribute, history):
        yield attribute.finding("very strong", "warn", f"{evidence}: probably a contract term")
    elif separates.low > attribute.leak_limit:
        if attribute.later_by_name != "no":
            evidence += ", and its name suggests that it is known only after closing"
        yield attribute.finding("decides the outcome", "stop", evidence)
    elif separates.low > MIN_STRONG_AUC:
        yield attribute.finding("very strong", "warn", evidence)


def _is_explained_by_term(attribute: Attribute, history: History) -> bool:
    """Return whether most deals are bound by a term, and the others are not separated so well."""
    usual = attribute.groups == int(np.bincount(attribute.groups).argmax())
    if 2 * usual.sum() < len(usual) or not history.is_bound_by_term(usual):
        return False
    others = ~usual & np.isfinite(history.early)
    within = separation(attribute.groups[others], history.early[others], history.cohort[others])
    return within.low < attribute.leak_limit


def suspicious_name(attribute: Attribute, history: History) -> Iterator[Finding]:
    """Check the name: it may suggest later knowledge, a protected characteristic, or a seller."""
    if attribute.is_updated_by_crm:
        evidence = "its name suggests that a CRM keeps changing it, also after closing"
        yield attribute.finding("name", "warn", evidence)
    elif attribute.later_by_name != "no":
        evidence = "its name suggests that it is known only after closing"
        yield attribute.finding("name", "warn", evidence)
    characteristic = suggests_protected(attribute.name)
    if characteristic is not None:
        evidence = f"its name suggests a protected characteristic of a person ({characteristic})"
        remedy = (
            f'add "{attribute.name}" to [attributes] exclude, unless the law allows treating '
            "customers differently by it"
        )
        yield attribute.finding("protected", "warn", evidence, remedy)
    if attribute.name in history.sellers or is_seller(attribute.name):
        evidence = "it names the seller: the model would rate sellers instead of fit"
        yield attribute.finding("seller", "warn", evidence)


def identifier(attribute: Attribute, history: History) -> Iterator[Finding]:
    """Check for identifiers: a different value in every deal."""
    filled = attribute.column[~attribute.empty]
    if len(filled) < MIN_LEFT or filled.nunique() <= MAX_UNIQUE * len(filled):
        return
    numbers = attribute.numbers
    if history.ids is not None and _digits_match(filled, history.ids[~attribute.empty]):
        evidence = f"it repeats the id {history.ids.name!r}"
        yield attribute.finding("identifier", "warn", evidence)
    elif numbers is None:
        evidence = "nearly every deal has a different value"
        yield attribute.finding("identifier", "warn", evidence)
    elif counts_up(numbers[~attribute.empty]):
        yield attribute.finding("identifier", "warn", "it is a running number")


def _digits_match(values: pd.Series[Any], ids: pd.Series[Any]) -> bool:
    """Return whether a column has the same digits as the id, ignoring all other characters."""
    digits, id_digits = (
        column.iloc[:1000].astype("str").str.replace(r"\D|\.0$", "", regex=True).str.lstrip("0")
        for column in (values, ids)
    )
    same = (digits.to_numpy() == id_digits.to_numpy()) & (digits != "").to_numpy()
    return bool(same.mean() > MAX_UNIQUE)


CHECKS: tuple[Callable[[Attribute, History], Iterator[Finding]], ...] = (
    filled_in,
    *AGE_CHECKS,
    after_closing,
    tenure_in_disguise,
    varies_one_way,
    separates_alone,
    suspicious_name,
    identifier,
)
