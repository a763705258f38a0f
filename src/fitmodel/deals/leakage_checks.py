"""The checks of the leakage audit: each looks at one attribute for one kind of leak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.deals.leakage_attribute import SURELY_TELLS, telling
from fitmodel.deals.leakage_names import is_seller, personal_matter
from fitmodel.deals.leakage_statistics import Limited, follows, no_churner, only_churners

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

    from fitmodel.deals.leakage_attribute import Attribute, Finding, Verdict
    from fitmodel.deals.leakage_history import History
    from fitmodel.deals.leakage_statistics import Floats, Mask

STRONG = 0.85  # lower limit of an attribute's own AUC that deserves a look
FILLING_DECIDES = 0.8  # the same, of being filled in, from which it is a leak
MIRRORS, FOLLOWS = 0.75, 0.5  # lower limit of the rank correlation with the months stayed
FINE_GRAINED = 20  # so many values mirror a time; fewer may be the agreed term of the contract
LEAST_LEFT = 30
EXPECTED_NONE = 20.0  # so many churners expected and none seen: by chance e^-20
LEAST_GROUP = 36  # a smaller group cannot pass `only_churners`
SOME_LATER, AFTER_CLOSING = 0.01, 0.2  # share of dates after closing: a few may be typing errors
PLANNED = 0.02  # share of them beyond the extract: what has happened cannot lie there
MOST_UNIQUE = 0.9
_IF_ONLY_CHURNERS: dict[str, Verdict] = {"surely": "stop", "maybe": "warn", "no": "fine"}


def filled_in(attribute: Attribute, history: History) -> Iterator[Finding]:
    """Being filled in (or empty) must not tell the outcome."""
    empty, kind = attribute.empty, "filled in later"
    if empty.all() or not empty.any():
        return
    tells = telling(empty.astype(np.int64), history)
    evidence = f"whether it is filled in {tells}"
    for side, word in ((~empty, "filled in"), (empty, "empty")):
        yield from _churners_only(attribute, history, side, f"where it is {word}", kind)
    if tells.low > min(attribute.enough, FILLING_DECIDES):
        yield attribute.finding(kind, "stop", evidence)
    elif tells.low > SURELY_TELLS:
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
    tells = attribute.tells.low > SURELY_TELLS
    mirrors = _mirrors(days_after, history).low > FOLLOWS
    stop = share >= AFTER_CLOSING and beyond < PLANNED and (tells or mirrors)
    told = f"{share:.0%} of its dates lie after the closing"
    if beyond >= PLANNED:
        told += f", {beyond:.0%} of them beyond the end of the extract: planned, it seems"
    elif stop:
        told += f", and it {attribute.tells}" if tells else ", as late as the customer stayed long"
    yield attribute.finding("after closing", "stop" if stop else "warn", told)


def tenure_in_disguise(attribute: Attribute, history: History) -> Iterator[Finding]:
    """What grows with the time stayed was not known at signing: total charges, a duration."""
    numbers = attribute.numbers
    if numbers is None:
        return
    found, per = _mirrors(numbers, history), ""
    if history.amount is not None:
        shares = np.divide(numbers, history.amount, where=history.amount > 0, out=numbers * np.nan)
        divided = _mirrors(shares, history)
        if divided.low > found.low:
            found, per = divided, ", divided by the contract's amount,"
    if found.low <= FOLLOWS:
        return
    values = numbers[history.left & np.isfinite(numbers)]
    mirrors = found.low > MIRRORS and len(np.unique(values)) >= FINE_GRAINED
    verdict: Verdict = "stop" if mirrors or attribute.suspicion == "surely" else "warn"
    evidence = (
        f"among the {int(history.left.sum()):,} customers who left{per} its rank correlation with "
        f"the months stayed is {found.value:.2f} (at least {found.low:.2f})"
    )
    yield attribute.finding("tenure in disguise", verdict, evidence)


def _mirrors(values: Floats, history: History) -> Limited:
    """Rank correlation with the months stayed, among customers who left."""
    left = history.left
    if (left & np.isfinite(values)).sum() < LEAST_LEFT:
        return Limited(0.0, 0.0)
    return follows(values[left], history.months[left], history.cohort[left])


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
    stayed = np.bincount(groups, ~history.left)
    for level in np.flatnonzero((sizes >= LEAST_GROUP) & (stayed <= sizes / 100)):
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


def decides(attribute: Attribute, _history: History) -> Iterator[Finding]:
    """Nothing known before signing tells the outcome almost by itself."""
    tells = attribute.tells
    evidence = f"it {tells}"
    if tells.low > attribute.enough:
        if attribute.suspicion != "no":
            evidence += ", and its name tells of knowledge from after the closing"
        yield attribute.finding("decides the outcome", "stop", evidence)
    elif tells.low > STRONG:
        yield attribute.finding("very strong", "warn", evidence)


def named(attribute: Attribute, history: History) -> Iterator[Finding]:
    """What the name says: later knowledge, a person's own affair, who sold."""
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
    """A value of its own for every deal says nothing of the next one."""
    given = attribute.column[~attribute.empty]
    if len(given) < LEAST_LEFT or given.nunique() <= MOST_UNIQUE * len(given):
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
    return bool(
        ((one.to_numpy() == other.to_numpy()) & (one != "").to_numpy()).mean() > MOST_UNIQUE
    )


CHECKS: tuple[Callable[[Attribute, History], Iterator[Finding]], ...] = (
    filled_in,
    after_closing,
    tenure_in_disguise,
    one_way,
    decides,
    named,
    identifier,
)
