"""Verdicts on reps, based on tests: whether their customers leave early, and how they select."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.sales._rep_tests import (
    HISTORY_SHARE,
    MORE_SHARE,
    PAGE_ERROR,
    RECENT_SHARE,
    SELECTION_SHARE,
    exact_tails,
    name_reps,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.language.catalogue import Say

MIN_EXPECTED = 3.0
"""Expected number of early churners below which a rep gets no verdict."""
MIN_EXPECTED_RECENTLY = 1.0
ALL = 0.995
"""Minimum share of an attribute's deals for a rep to be called its only seller."""


def add_verdicts(
    table: pd.DataFrame,
    deal_figures: pd.DataFrame,
    min_deals: int,
    error: float = PAGE_ERROR,
    *,
    is_sole_seller: NDArray[np.bool_] | None = None,
) -> None:
    """Add the verdicts on reps to their table, with their p-values.

    `table`: one row per rep. The columns `verdict`, `beyond_chance`, `recent_verdict`,
        `talk_about`, `selects` and the p-values are added in place.
    `deal_figures`: one row per deal; `bound` is True where its contract cannot end within the
        horizon.
    `min_deals`: number of deals below which a rep gets no verdict.
    `error`: probability that a page names anybody although all reps are alike.
    `is_sole_seller`, ndarray of bool, shape (reps,): True for reps who alone sell an attribute:
        their difference may come from the rep or from the attribute, and the verdict states that.
    """
    few = (table["signed"] < min_deals) | (table["expected"] < MIN_EXPECTED)
    history_result = _tested(table, "", ~few, error * HISTORY_SHARE)
    table["verdict"], table["p_value"] = history_result
    table["beyond_chance"] = _beyond_chance(table, ~few, error)
    known = ~few & (table["recent_expected"] >= MIN_EXPECTED_RECENTLY)
    table["recent_verdict"], table["recent_p_value"] = _tested(
        table, "recent_", known, error * RECENT_SHARE
    )
    active = table["recent_signed"] > 0
    is_lasting = (table["verdict"] == "more") & still_more(
        table["recent_observed"], _expected_at_others_ratio(table), table["others_ratio"]
    )
    table["talk_about"] = active & (is_lasting | (table["recent_verdict"] == "more"))
    share = error * SELECTION_SHARE
    table["selects"], table["selection_p_value"] = _selection(
        table, deal_figures, min_deals, share, is_sole_seller
    )
    if is_sole_seller is not None:
        _mark_inseparable(table, is_sole_seller)


def _mark_inseparable(table: pd.DataFrame, is_sole_seller: NDArray[np.bool_]) -> None:
    """Replace verdicts on reps who are the only sellers of something."""
    for column in ("verdict", "recent_verdict"):
        inseparable = table[column].isin(["more", "fewer"]) & is_sole_seller
        verdict = table[column].astype("str")
        table[column] = verdict.mask(inseparable, "inseparable_" + verdict)
    inseparable = table["selects"].isin(["riskier", "safer"]) & is_sole_seller
    table["selects"] = table["selects"].mask(inseparable, "inseparable")


def _expected_at_others_ratio(table: pd.DataFrame) -> pd.Series[float]:
    """Return each rep's recent early churners as expected by the recent ratio of the other reps."""
    observed, expected = table["recent_observed"], table["recent_expected"]
    others_ratio = (observed.sum() - observed) / (expected.sum() - expected).clip(lower=1e-12)
    return expected * others_ratio


def still_more(
    observed: pd.Series[float], expected: pd.Series[float], ratio: pd.Series[float]
) -> pd.Series[bool]:
    """Return whether the last two quarters fit a rep's own ratio better than a ratio of 1.

    The test is the Poisson likelihood ratio of `ratio` against 1, for the counts `observed` with
    the expectations `expected`. Ratios are limited to the range from 1 to 100.
    """
    ratio = ratio.clip(1.0, 100.0)
    return observed * np.log(ratio) > expected * (ratio - 1)


def _tested(
    table: pd.DataFrame, prefix: str, known: pd.Series[bool], error: float
) -> tuple[NDArray[np.str_], NDArray[np.float64]]:
    observed, expected = (table[f"{prefix}{name}"].to_numpy() for name in ("observed", "expected"))
    past = None
    errors = None if prefix else table["expected_error"].to_numpy()  # the own past has the same
    if prefix:
        history = (table[name].to_numpy() for name in ("observed", "expected"))
        past = next(history) - observed, np.maximum(next(history) - expected, 0.0)
    result = name_reps(observed, expected, known.to_numpy(), past=past, errors=errors, error=error)
    verdict = np.select(
        [~known, result.direction > 0, result.direction < 0],
        ["too_few", "more", "fewer"],
        "expected",
    )
    return verdict, result.adjusted


def _beyond_chance(table: pd.DataFrame, known: pd.Series[bool], error: float) -> NDArray[np.str_]:
    """Return the side of reps who differ by the exact test alone; the table marks them only.

    As in `name_reps`, nearly all of the error is for reps with more, and a rep's share of it grows
    with the expected number. The error is that of the page, because a mark names nobody.
    """
    names = ("observed", "expected", "expected_error")
    more, fewer = exact_tails(*(table[name].to_numpy() for name in names))
    more, fewer = more / MORE_SHARE, fewer / (1 - MORE_SHARE)
    adjusted = np.ones(len(table))
    sides, tested = np.minimum(1.0, np.minimum(more, fewer)), known.to_numpy()
    adjusted[tested] = holm(sides[tested], table["expected"].to_numpy()[tested])
    return np.where(adjusted <= error, np.where(more < fewer, "more", "fewer"), "")


def _selection(
    table: pd.DataFrame,
    deal_figures: pd.DataFrame,
    min_deals: int,
    error: float,
    is_sole_seller: NDArray[np.bool_] | None,
) -> tuple[NDArray[np.str_], NDArray[np.float64]]:
    """Return whether each rep's prospects are riskier or safer than those of the other reps.

    The test compares ranks of the expected probabilities (H. B. Mann and D. R. Whitney 1947, Annals
    of Mathematical Statistics 18, 50-60), with Holm's correction: a test of means would depend on a
    few very risky deals. Reps who alone sell an attribute are not used for comparison, because the
    expectation for their prospects comes from their own lost customers. Contracts that cannot end
    within the horizon are left out on both sides, because nobody leaves them early, whatever the
    selection.
    """
    from scipy.stats import mannwhitneyu

    is_unbound = ~deal_figures["bound"].to_numpy()
    counts = deal_figures.loc[is_unbound, "who"].value_counts()
    unbound = counts.reindex(table.index, fill_value=0).to_numpy()
    enough = (table["signed"] >= min_deals).to_numpy() & (len(table) > 1)
    known = enough & (unbound >= min_deals)
    sole_sellers = [] if is_sole_seller is None else list(table.index[is_sole_seller])
    p_value, side = np.ones(len(table)), np.zeros(len(table))
    sellers = table.index.get_indexer(pd.Index(deal_figures["who"]))
    probability = deal_figures["probability"]
    is_compared = is_unbound & ~deal_figures["who"].isin(sole_sellers).to_numpy()
    for position in np.flatnonzero(known).tolist():
        is_own = sellers == position
        own_probability = probability[is_own & is_unbound]
        other_probability = probability[is_compared & ~is_own]
        if not len(other_probability):
            continue
        result = mannwhitneyu(own_probability, other_probability, method="asymptotic")
        higher = result.statistic > len(own_probability) * len(other_probability) / 2
        # where ranks and means disagree, the rep gets no side
        side[position] = (higher and own_probability.mean() > other_probability.mean()) * 1.0
        side[position] -= (not higher) and own_probability.mean() < other_probability.mean()
        p_value[position] = result.pvalue
    adjusted = np.ones(len(table))
    adjusted[known] = holm(p_value[known])
    named = adjusted <= error
    verdict = np.select(
        [~enough, ~known, named & (side > 0), named & (side < 0)],
        ["too_few", "bound", "riskier", "safer"],
        "alike",
    )
    return verdict, adjusted


def holm(
    p_values: NDArray[np.float64], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Return p-values corrected by Holm's step-down procedure (1979), in the order given.

    `weights`, shape (n,): share of the error of each hypothesis, above 0; default: the same for
        all.
    """
    share = np.ones(len(p_values)) if weights is None else weights
    order = np.argsort(p_values / share, kind="stable")
    remaining = np.cumsum(share[order][::-1])[::-1]
    steps = p_values[order] * (remaining / share[order])
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def verdict_text(row: pd.Series[Any], say: Say) -> str:
    """Return in words how many of a rep's customers leave early, over the whole history."""
    key = str(row["verdict"])
    if key == "expected" and row["beyond_chance"]:
        key = f"beyond_{row['beyond_chance']}"
    text = say(
        key.removeprefix("inseparable_"),
        deals=f"{row['signed']:,.0f}",
        observed=f"{row['observed']:,.0f}",
        expected=f"{row['expected']:,.1f}",
        ratio=_ratio_text(row["others_ratio"], say),
        low=f"{row['others_low']:.2f}",
        high=_ratio_text(row["others_high"], say),
    )
    return (
        say("and_alias", text=text, alias=_alias_text(row, say)) if _is_sole_seller(row) else text
    )


def _is_sole_seller(row: pd.Series[Any]) -> bool:
    return bool(row["only_seller_of"]) and row["verdict"] != "too_few"


def _alias_text(row: pd.Series[Any], say: Say) -> str:
    """Return in words that a rep's effect cannot be separated from that of the rep's attribute."""
    is_only_seller = row["share_of_own_segments"] >= ALL
    return say(
        "only_seller" if is_only_seller else "almost_only_seller",
        rep=row.name,
        segment=row["only_seller_of"],
        share=f"{row['share_in_own_segments']:.0%}",
        of_segment=f"{row['share_of_own_segments']:.0%}",
        observed=f"{row['observed']:,.0f}",
        expected=f"{row['expected']:,.1f}",
        knowing=f"{row['knowing_expected']:,.1f}",
    )


def recent_text(row: pd.Series[Any], say: Say) -> str:
    """Return in words how many of a rep's customers left early in the last two quarters."""
    return say(
        "recent_" + str(row["recent_verdict"]).removeprefix("inseparable_"),
        observed=f"{row['recent_observed']:,.0f}",
        expected=f"{row['recent_expected']:,.1f}",
    )


def selection_text(row: pd.Series[Any], say: Say) -> str:
    """Return in words how a rep selects prospects."""
    if row["selects"] == "too_few":
        return say("too_few", deals=f"{row['signed']:,.0f}", expected=f"{row['expected']:,.1f}")
    own, company = f"{row['selection']:.1%}", f"{row['company_selection']:.1%}"
    values = {"own": own, "company": company, "segment": row["only_seller_of"]}
    keys = {"inseparable": "selects_own", "bound": "selects_bound"}
    return say(keys.get(row["selects"], str(row["selects"])), **values)


def _ratio_text(value: float, say: Say) -> str:
    return f"{value:.2f}" if np.isfinite(value) else say("no_limit")
