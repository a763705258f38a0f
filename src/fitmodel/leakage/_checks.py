"""The checks of the leakage audit: each looks at one attribute for one kind of leak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.leakage._attribute import SURELY_TELLS, telling
from fitmodel.leakage.names import is_seller, personal_matter
from fitmodel.leakage.statistics import (
    Limited,
    follows,
    no_churner,
    numbers_of,
    only_churners,
    risk_ratio,
    separation,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

    from fitmodel.leakage._attribute import Attribute, Finding, History, Verdict
    from fitmodel.leakage.statistics import Floats, Mask

STRONG = 0.85  # lower limit of an attribute's own AUC that deserves a look
FILLING_DECIDES = 0.8  # the same, of being filled in, from which it is a leak
# Lower limits of how many times more often churners have a field filled (or empty), or a value that
# is not the usual one. python benchmarks/leaks.py measures what planted leaks and honest attributes
# come to; the largest of honest ones, in twelve more tables (staff, patients, loans), was 3.5.
FILLING_TELLS, UNUSUAL_TELLS = 5.0, 8.0
MIRRORS, FOLLOWS = 0.75, 0.5  # lower limit of the rank correlation with the months stayed
GROWS = 0.55  # the same, both among those who left and among those still there
ALIKE = 0.2  # most by which the former may fall short of the latter
RATIO_WORTH_TRYING = 0.2  # rank correlation below which no divisor is tried
FINE_GRAINED = 20  # so many values mirror a time; fewer may be the agreed term of the contract
MIN_LEFT = 30
EXPECTED_NONE = 20.0  # so many churners expected and none seen: by chance e^-20
MIN_GROUP = 36  # a smaller group cannot pass `only_churners`
SOME_LATER, AFTER_CLOSING = 0.01, 0.2  # share of dates after closing: a few may be typing errors
PLANNED = 0.02  # share of them beyond the extract: what has happened cannot lie there
MAX_UNIQUE = 0.9
_IF_ONLY_CHURNERS: dict[str, Verdict] = {"surely": "stop", "maybe": "warn", "no": "fine"}


def filled_in(attribute: Attribute, history: History) -> Iterator[Finding]:
    """Check whether being filled in (or empty) reveals the outcome."""
    empty, kind = attribute.empty, "filled in later"
    if empty.all() or not empty.any():
        return
    separates = telling(empty.astype(np.int64), history)
    evidence = f"whether it is filled in {separates}"
    for side, word in ((~empty, "filled in"), (empty, "empty")):
        yield from _churners_only(attribute, history, side, f"where it is {word}", kind)
    for side, word in ((~empty, "filled in"), (empty, "empty")):
        yield from _far_more_churners(
            attribute, history, side, f"to have it {word}", kind, FILLING_TELLS
        )
    agreed = history.bound_by_a_term(empty) or history.bound_by_a_term(~empty)
    if separates.low > min(attribute.enough, FILLING_DECIDES):
        yield attribute.finding(kind, "warn" if agreed else "stop", evidence)
    elif separates.low > SURELY_TELLS:
        yield attribute.finding(kind, "warn", evidence)
    yield from _none_left(attribute, history)


def _churners_only(
    attribute: Attribute, history: History, group: Mask, where: str, kind: str
) -> Iterator[Finding]:
    """A finding if all deals of a group left early, or have left by now."""
    for churned, what in ((history.churned_early, "left early"), (history.left, "have left")):
        verdict = _IF_ONLY_CHURNERS[only_churners(group, churned, history.cohort)]
        if verdict != "fine":
            deals, gone = int(group.sum()), int((group & churned).sum())
            share = f"all {deals:,}" if gone == deals else f"{gone:,} of the {deals:,}"
            yield attribute.finding(kind, verdict, f"{share} deals {where} {what}")
            return


def _far_more_churners(
    attribute: Attribute, history: History, group: Mask, what: str, kind: str, enough: float
) -> Iterator[Finding]:
    """A finding if churners are in a group far more often than honest attributes make them."""
    known = np.isfinite(history.early)
    early = risk_ratio(group[known], history.churned_early[known], history.cohort[known])
    left = risk_ratio(group, history.left, history.cohort)
    ratio, whom = max((early, "early churners"), (left, "customers who have left"), key=_low)
    if ratio.low > enough / 2:
        evidence = f"{whom} are {ratio.value:.0f} times as likely as others {what}"
        agreed = history.bound_by_a_term(~group)  # then others cannot be early churners at all
        verdict: Verdict = "stop" if ratio.low > enough and not agreed else "warn"
        yield attribute.finding(kind, verdict, f"{evidence} (at least {ratio.low:.1f})")


def _low(item: tuple[Limited, str]) -> float:
    return item[0].low


def _none_left(attribute: Attribute, history: History) -> Iterator[Finding]:
    """Deals of which none has left: a survey of customers still there, or an agreed least term."""
    mature = np.isfinite(history.early)
    for side, word in ((~attribute.empty, "filled in"), (attribute.empty, "empty")):
        early = no_churner(
            side[mature], history.churned_early[mature], history.cohort[mature],
            expected_at_least=EXPECTED_NONE,
        )  # fmt: skip
        if not early:
            continue
        ever = no_churner(side, history.left, history.cohort, expected_at_least=EXPECTED_NONE)
        evidence = (
            f"none of the {int(side.sum()):,} deals where it is {word} left early"
            f"{' or later' if ever else ''}, {ever or early:.0f} would be expected"
        )
        verdict: Verdict = "stop" if ever or attribute.suspicion == "surely" else "warn"
        yield attribute.finding("filled in later", verdict, evidence)
        return


def after_closing(attribute: Attribute, history: History) -> Iterator[Finding]:
    """
    A date after the closing is planned, or was learned later.

    What was agreed at signing (the end of the term) reaches beyond the end of the extract for the
    deals still running; what has happened (the last login) cannot.
    """
    if not attribute.is_date or history.days_watched is None:
        return
    days_after = -attribute.column.to_numpy(dtype=float)
    given = np.isfinite(days_after)
    later = days_after > 0
    share = later.sum() / max(given.sum(), 1)
    if share <= SOME_LATER:
        return
    beyond = float((days_after[later] > history.days_watched[later]).mean())
    separates = attribute.tells.low > SURELY_TELLS
    mirrors = _mirrors(days_after, history).low > FOLLOWS
    stop = share >= AFTER_CLOSING and beyond < PLANNED and (separates or mirrors)
    evidence = f"{share:.0%} of its dates lie after the closing"
    if beyond >= PLANNED:
        evidence += f", {beyond:.0%} of them beyond the end of the extract: planned, it seems"
    elif stop:
        evidence += (
            f", and it {attribute.tells}" if separates else ", as late as the customer stayed long"
        )
    yield attribute.finding("after closing", "stop" if stop else "warn", evidence)


def tenure_in_disguise(attribute: Attribute, history: History) -> Iterator[Finding]:
    """Check for values that grow with tenure, such as total charges."""
    numbers = attribute.numbers
    if numbers is None:
        return
    fine_grained = len(np.unique(numbers[history.left & np.isfinite(numbers)])) >= FINE_GRAINED
    result, per = _mirrors(numbers, history), ""
    if result.value > RATIO_WORTH_TRYING:
        for name, divisor in _divisors(attribute, result, history):
            shares = np.divide(numbers, divisor, where=divisor > 0, out=numbers * np.nan)
            divided = _mirrors(shares, history)
            if divided.low > result.low:
                result, per, numbers = divided, f", divided by {name},", shares
    if result.low <= FOLLOWS:
        return
    mirrors = fine_grained and (result.low > MIRRORS or _grows(numbers, history))
    verdict: Verdict = "stop" if mirrors or attribute.suspicion == "surely" else "warn"
    evidence = (
        f"among the {int(history.left.sum()):,} customers who left{per} its rank correlation with "
        f"the months stayed is {result.value:.2f} (at least {result.low:.2f})"
    )
    yield attribute.finding("tenure in disguise", verdict, evidence)


def _divisors(attribute: Attribute, own: Limited, history: History) -> Iterator[tuple[str, Floats]]:
    """
    What a sum so far may be a multiple of: the contract's amount, a monthly price, seats.

    Nothing that itself follows the months as far: a price divided by a sum so far does so too, and
    the price is not to blame.
    """
    if history.amount is not None:
        yield "the contract's amount", history.amount
    for name in history.attributes.columns:
        column = numbers_of(history.attributes[name]) if name != attribute.name else None
        if column is None or len(np.unique(column[column > 0])) < FINE_GRAINED:
            continue
        if _mirrors(column, history).value < own.low:
            yield repr(str(name)), column


def _mirrors(values: Floats, history: History) -> Limited:
    """Rank correlation with the months stayed, among customers who left."""
    left = history.left
    if (left & np.isfinite(values)).sum() < MIN_LEFT:
        return Limited(0.0, 0.0)
    return follows(values[left], history.months[left], history.cohort[left])


def _grows(values: Floats, history: History) -> bool:
    """
    Whether it rises with the months stayed among those who left and those still there alike.

    A price that fell over the years is high for whoever has been there long, but among those who
    left it says far less: they left sooner or later, whenever they signed.
    """
    left, still = history.left, ~history.left
    gone = follows(values[left], history.months[left], history.cohort[left], rising=True)
    here = follows(values[still], history.months[still], 0 * history.cohort[still], rising=True)
    return min(gone.low, here.low) > GROWS and gone.value > here.value - ALIKE


def one_way(attribute: Attribute, history: History) -> Iterator[Finding]:
    """A value that only churners have, or an attribute that varies only among one kind."""
    groups = attribute.groups
    sizes = np.bincount(groups, minlength=1)
    sizes[0] = 0  # being empty has its own check
    if not sizes.any() or (attribute.numbers is not None and sizes.max() < sizes.sum() / 2):
        return  # empty, or a number without a usual value: that varies everywhere
    kind, usual = "varies one way", int(sizes.argmax())
    unusual = (groups != usual) & ~attribute.empty
    shown = attribute.column.iloc[int((groups == usual).argmax())]
    yield from _churners_only(attribute, history, unusual, f"where it is not {shown!r}", kind)
    what = f"to have something else than {shown!r}"
    yield from _far_more_churners(attribute, history, unusual, what, kind, UNUSUAL_TELLS)
    stayed = np.bincount(groups, ~history.left)
    for level in np.flatnonzero((sizes >= MIN_GROUP) & (stayed <= sizes / 100)):
        group = groups == level
        shown = attribute.column.iloc[int(group.argmax())]
        for finding in _churners_only(attribute, history, group, f"where it is {shown!r}", kind):
            if finding.verdict == "stop":  # of many levels, one may be odd by chance
                yield finding
    expected = no_churner(unusual, history.left, history.cohort, expected_at_least=EXPECTED_NONE)
    if expected:
        evidence = (
            f"none of the {int(unusual.sum()):,} deals that differ from the most frequent value "
            f"has left, {expected:.0f} would be expected"
        )
        yield attribute.finding(kind, "warn", evidence)


def decides(attribute: Attribute, history: History) -> Iterator[Finding]:
    """Check for attributes that almost decide the outcome alone, contract terms aside."""
    separates = attribute.tells
    evidence = f"it {separates}"
    if separates.low > attribute.enough and _by_a_term_alone(attribute, history):
        yield attribute.finding("very strong", "warn", f"{evidence}: a term of contract, it seems")
    elif separates.low > attribute.enough:
        if attribute.suspicion != "no":
            evidence += ", and its name tells of knowledge from after the closing"
        yield attribute.finding("decides the outcome", "stop", evidence)
    elif separates.low > STRONG:
        yield attribute.finding("very strong", "warn", evidence)


def _by_a_term_alone(attribute: Attribute, history: History) -> bool:
    """Whether most deals are bound by a term, and among the rest it does not decide."""
    usual = attribute.groups == int(np.bincount(attribute.groups).argmax())
    if 2 * usual.sum() < len(usual) or not history.bound_by_a_term(usual):
        return False
    rest = ~usual & np.isfinite(history.early)
    among_rest = separation(attribute.groups[rest], history.early[rest], history.cohort[rest])
    return among_rest.low < attribute.enough


def named(attribute: Attribute, history: History) -> Iterator[Finding]:
    """Check the name: later knowledge, a protected characteristic, a seller."""
    if attribute.goes_on_changing:
        evidence = "by its name a CRM goes on changing it, while a deal is open and after"
        yield attribute.finding("name", "warn", evidence)
    elif attribute.suspicion != "no":
        evidence = "its name tells of knowledge from after the closing"
        yield attribute.finding("name", "warn", evidence)
    matter = personal_matter(attribute.name)
    if matter is not None:
        evidence = f"its name suggests a protected characteristic of a person ({matter})"
        remedy = (
            f'add "{attribute.name}" to [attributes] exclude, unless the law lets customers be '
            "told apart by it"
        )
        yield attribute.finding("protected", "warn", evidence, remedy)
    if attribute.name in history.sellers or is_seller(attribute.name):
        evidence = "it says who sold: the model would judge the seller, not the fit"
        yield attribute.finding("seller", "warn", evidence)


def identifier(attribute: Attribute, history: History) -> Iterator[Finding]:
    """Check for identifiers: a different value in every deal."""
    given = attribute.column[~attribute.empty]
    if len(given) < MIN_LEFT or given.nunique() <= MAX_UNIQUE * len(given):
        return
    numbers = attribute.numbers
    if history.ids is not None and _digits_match(given, history.ids[~attribute.empty]):
        evidence = f"it repeats the id {history.ids.name!r}"
        yield attribute.finding("identifier", "warn", evidence)
    elif numbers is None:
        evidence = "nearly every deal has a value of its own"
        yield attribute.finding("identifier", "warn", evidence)
    elif _counts_up(numbers[~attribute.empty]):
        yield attribute.finding("identifier", "warn", "it is a running number")


def _counts_up(numbers: Floats) -> bool:
    """Whole numbers, each its own, with hardly a gap."""
    whole = bool((numbers == np.floor(numbers)).all())
    unique = len(np.unique(numbers)) == len(numbers)
    return whole and unique and float(np.ptp(numbers)) < 2 * len(numbers)


def _digits_match(values: pd.Series[Any], ids: pd.Series[Any]) -> bool:
    """Whether a column carries the id's own digits, whatever is written around them."""
    one, other = (
        column.iloc[:1000].astype("str").str.replace(r"\D|\.0$", "", regex=True).str.lstrip("0")
        for column in (values, ids)
    )
    return bool(((one.to_numpy() == other.to_numpy()) & (one != "").to_numpy()).mean() > MAX_UNIQUE)


CHECKS: tuple[Callable[[Attribute, History], Iterator[Finding]], ...] = (
    filled_in,
    after_closing,
    tenure_in_disguise,
    one_way,
    decides,
    named,
    identifier,
)
