"""Check for fields that are filled in some weeks after signing, by the age of the deals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fitmodel.leakage.statistics import risk_ratio

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fitmodel.leakage._attribute import Attribute, Finding, History
    from fitmodel.leakage.statistics import Estimate, Mask

# A field is compared between the deals of the last days of the extract and those of the year before
# these: attributes that come and go over the years are then not noticed.
YOUNG_DAYS, COMPARED_DAYS = (14, 30, 60, 90), 365
MIN_YOUNG, MIN_OLDER = 15, 50
MIN_GAP = 0.3  # the share of empty cells must be larger by so much among the youngest deals
MAX_P_VALUE = 1e-5  # of so many empty cells by chance, in each of the four comparisons
MIN_RATIO = 1.25  # early churners have it empty so much more often: the model would learn from it


def empty_when_young(attribute: Attribute, history: History) -> Iterator[Finding]:
    """Check whether a field is empty, or 0, in the youngest deals, and filled in older ones.

    What is filled in some weeks after signing is empty in every prospect, and stays empty where the
    customer leaves before. The same is seen where a field is no longer filled in: the model would
    learn from values that no prospect has. A number may be 0 in new deals for good reasons, such as
    a discount that is no longer given; so only a 0 that early churners have more often is reported.
    """
    kind = "empty when young"
    evidence = _compared(attribute.empty, history, "empty")
    if evidence:
        ratio = _ratio(attribute.empty, history)
        if ratio.low > MIN_RATIO:
            evidence += _of_churners(ratio, "empty")
            yield attribute.finding(kind, "stop", evidence)
        else:
            remedy = f'add "{attribute.name}" to [attributes] exclude, if prospects have it empty'
            yield attribute.finding(kind, "warn", evidence, remedy)
        return
    if attribute.numbers is None:
        return
    zero = attribute.numbers == 0
    evidence = _compared(zero, history, "0")
    ratio = _ratio(zero, history)
    if evidence and ratio.low > MIN_RATIO:
        yield attribute.finding(kind, "warn", evidence + _of_churners(ratio, "0"))


def _compared(group: Mask, history: History, state: str) -> str:
    """Return the evidence if a group has far more of the youngest deals than of older ones."""
    days = history.days_observed
    if days is None or group.all() or not group.any():
        return ""
    for limit in YOUNG_DAYS:
        young = days <= limit
        older = (days > limit) & (days <= limit + COMPARED_DAYS)
        if young.sum() < MIN_YOUNG or older.sum() < MIN_OLDER:
            continue
        now, before = float(group[young].mean()), float(group[older].mean())
        if now - before >= MIN_GAP and _by_chance(group, young, older) < MAX_P_VALUE:
            return (
                f"it is {state} in {now:.0%} of the deals signed in the last {limit} days, and in "
                f"{before:.0%} of those signed in the year before: it seems to be filled in after "
                "signing, or no longer filled in"
            )
    return ""


def _by_chance(group: Mask, young: Mask, older: Mask) -> float:
    """Return the probability of so many deals of a group among the young (Fisher's exact test)."""
    from scipy.stats import hypergeom

    drawn, total = int(young.sum()), int(young.sum() + older.sum())
    of_young, of_all = int(group[young].sum()), int(group[young | older].sum())
    return float(hypergeom.sf(of_young - 1, total, of_all, drawn))


def _ratio(group: Mask, history: History) -> Estimate:
    """Return how many times more often early churners are in a group than customers who stayed."""
    known = np.isfinite(history.early)
    return risk_ratio(group[known], history.churned_early[known], history.cohort[known])


def _of_churners(ratio: Estimate, state: str) -> str:
    return (
        f"; and early churners are {ratio.value:.1f} times as likely as others to have it "
        f"{state}, as every prospect has"
    )
