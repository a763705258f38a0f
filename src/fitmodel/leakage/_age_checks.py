"""Check for values that are filled in or changed after signing, by the age of the deals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fitmodel.leakage.statistics import risk_ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fitmodel.leakage._attribute import Attribute, Finding, History
    from fitmodel.leakage.statistics import Estimate, Floats, Mask

# A field is compared between the deals of the last days of the extract and those of the year before
# these: attributes that come and go over the years are then not noticed.
YOUNG_DAYS, COMPARED_DAYS = (14, 30, 60, 90), 365
MIN_YOUNG, MIN_OLDER = 15, 50
MIN_GAP = 0.3  # the share of empty cells must be larger by so much among the youngest deals
MAX_P_VALUE = 1e-5  # of so many empty cells by chance, in each of the four comparisons
MIN_RATIO = 1.25  # early churners have it empty so much more often: the model would learn from it
# The ratio of a number to the amount is compared within quarters of signing: a price that rises
# between two quarters widens no quarter.
DAYS_OF_QUARTER, YOUNG_QUARTERS, MIN_OLD_QUARTERS = 91, 2, 4
MIN_DEALS = 12  # of a quarter
MIN_WIDER = 3.0  # times that the spread of the usual older quarter exceeds that of each young one
MIN_SPREAD = 0.05  # of the older quarters, in log: smaller changes do not matter
_REMEDY = (
    "export both as of the day of closing, or exclude the one that is overwritten; a table of "
    "changes in [history] gives the values of closing"
)


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


def diverges_from_amount(attribute: Attribute, history: History) -> Iterator[Finding]:
    """Check whether a number is proportional to the amount in young deals, but not in older ones.

    A number of seats that follows the amount when the deal is signed, and is overwritten when it
    changes, diverges from the amount as time passes. Or the amount is overwritten, and the number
    is not. The spread of their ratio in each of the youngest quarters is then far below that of
    every older quarter.
    """
    numbers, amount, days = attribute.numbers, history.amount, history.days_observed
    if numbers is None or amount is None or days is None:
        return
    spreads = _spreads(numbers, amount, days)
    if spreads is None:
        return
    young, old = spreads[:YOUNG_QUARTERS], spreads[YOUNG_QUARTERS + 1 :]
    usual = float(np.nanmedian(old))
    if usual < MIN_SPREAD or usual < MIN_WIDER * np.nanmax(young):
        return
    if np.nanmin(old) <= np.nanmax(young):
        return
    evidence = (
        f"among deals signed in the last {YOUNG_QUARTERS * DAYS_OF_QUARTER} days its ratio to the "
        f"amount differs by {np.expm1(np.nanmax(young)):.0%} between the quartiles, and by "
        f"{np.expm1(usual):.0%} in older quarters: one of the two seems to be changed after "
        "signing, unless prices were negotiated before"
    )
    yield attribute.finding("diverges from amount", "warn", evidence, _REMEDY)


def _spreads(numbers: Floats, amount: Floats, days: Floats) -> Floats | None:
    """Return the interquartile range of the log ratio in each quarter, the youngest first.

    NaN for a quarter of few deals; None if there are too few quarters.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(numbers / amount)
    known = np.isfinite(ratio) & (numbers > 0) & (amount > 0)
    quarter = (days // DAYS_OF_QUARTER).astype(int)
    spreads = np.full(int(quarter.max(initial=0)) + 1, np.nan)
    for each in np.unique(quarter[known]):
        ratios = ratio[known & (quarter == each)]
        if len(ratios) >= MIN_DEALS:
            spreads[each] = float(np.subtract(*np.quantile(ratios, (0.75, 0.25))))
    young, old = spreads[:YOUNG_QUARTERS], spreads[YOUNG_QUARTERS + 1 :]
    if not np.isfinite(young).all() or np.isfinite(old).sum() < MIN_OLD_QUARTERS:
        return None
    return spreads


AGE_CHECKS: tuple[Callable[[Attribute, History], Iterator[Finding]], ...] = (
    empty_when_young,
    diverges_from_amount,
)
