"""Rep performance: observed over expected early churn per rep, compared with the company.

deals -> outcomes, expected probabilities that do not use the rep
      -> one row per rep and one for the company
      -> verdicts, based on tests: how reps SELECT prospects, and whether their customers LEAVE more
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from fitmodel.deals.history import view_of
from fitmodel.deals.history_findings import MIN_DEALS, candidate_columns, find_bound_deals, terms_of
from fitmodel.exceptions import DealsError
from fitmodel.language.catalogue import phrases
from fitmodel.renamed import old_parameters
from fitmodel.sales._edits import EditsAfterFlags, find_edits_after_flags
from fitmodel.sales._expected import Expected, compute_expected, expected_probabilities
from fitmodel.sales._rep_figures import deal_figures, expected_errors, find_aliases, rep_figures
from fitmodel.sales._rep_tests import (
    HISTORY_SHARE,
    PAGE_ERROR,
    exact_tails,
    name_reps,
    widened,
)
from fitmodel.sales._rep_verdicts import add_verdicts, recent_text, selection_text, verdict_text
from fitmodel.sales.people import NO_NAME, Counts, check_index, compute_counts, people_in
from fitmodel.sales.rates import (
    Overdispersion,
    exact_ratio_interval,
    gamma_shape,
    overdispersion,
    ratio_to_others,
    shrunken_ratio,
)

if TYPE_CHECKING:
    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.sales._rep_figures import Alias

__all__ = [
    "HISTORY_SHARE",
    "PAGE_ERROR",
    "Counts",
    "EditsAfterFlags",
    "Expected",
    "RepPerformance",
    "compute_counts",
    "compute_expected",
    "compute_rep_performance",
    "exact_tails",
    "expected_probabilities",
    "find_edits_after_flags",
    "name_reps",
]

SHOWN = ("signed", "rate", "observed", "expected", "ratio", "verdict", "selects")
SENTENCES = {"says": verdict_text, "says_recently": recent_text, "says_selection": selection_text}


@dataclass(frozen=True, eq=False)
class RepPerformance:
    """Reps (or teams) compared with the company.

    Parameters
    ----------
    table : DataFrame
        Indexed by rep; the last row is the company. Columns: `signed`, `lost` and `lost_value`
        (customers who have left by now and their yearly value; NaN without amounts), `rate`,
        `rate_low`, `rate_high` (early churn at the horizon by Kaplan-Meier, 95% interval),
        `company_rate`, `latest_lost`, `latest_lost_on`, `latest_lost_months` (see
        `fitmodel.sales.people.compute_counts`), `selection`, `selection_low`, `selection_high`
        (mean expected probability), `observed` and `expected` early churners by now (the sum of
        expected is the company's observed number), `expected_error` (standard error of the log-odds
        of the rep's share of the expected; 0 without `draws`, 1 for a rep without whose deals there
        are fewer than 15 early churners), `ratio`, `ratio_low`, `ratio_high` (95%
        interval), `others_ratio`, `others_low`, `others_high` (the ratio relative to that of all
        other reps), `shrunken_ratio`, `shrunken_rate`, `recent_observed`, `recent_expected`,
        `recent_signed` (in the last two quarters), `verdict` and `recent_verdict` (more, expected,
        fewer, too_few; inseparable_more and inseparable_fewer where the rep alone sells an
        attribute, so that the difference may come from either), `only_seller_of` (that attribute,
        else empty), `share_in_own_segments` (share of the rep's deals), `share_of_own_segments`
        (share of the attribute's deals), `knowing_expected` (early churners expected by models
        that did see the rep's other deals), `beyond_chance` (more, fewer or empty: the result of an
        exact test that does not allow for unexplained differences between reps), `selects`
        (riskier, alike, safer, inseparable, too_few, or bound where nearly all contracts of the rep
        cannot end within the horizon), the p-values `p_value`, `recent_p_value` and
        `selection_p_value`, corrected for the number of reps, `talk_about` (the rep is active and
        has more early churn than expected now), and the sentences `says`, `says_recently`,
        `says_selection`.
        Reps with the highest shrunken ratio come first, and reps with too few deals last.
    quarters : DataFrame
        One row per rep and quarter of signing, with the columns `rep`, `quarter`, `signed`,
        `observed`, `expected` and `ratio`.
    dispersion : Overdispersion
        Test and size of the differences between reps beyond chance.
    horizon_months : int
        Months after closing within which leaving is early churn.
    """

    table: pd.DataFrame
    quarters: pd.DataFrame
    dispersion: Overdispersion
    horizon_months: int

    @property
    def company(self) -> pd.Series[Any]:
        """Row of the company."""
        return self.table.iloc[-1]

    @property
    def reps(self) -> pd.DataFrame:
        """Rows of the reps (or teams)."""
        return self.table.iloc[:-1]

    def _repr_html_(self) -> str:
        return self.table[list(SHOWN)].to_html(escape=True, border=0, float_format="{:.2f}".format)


@old_parameters(least_deals="min_deals")
def compute_rep_performance(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    probability: pd.Series[float],
    *,
    by: Literal["rep", "team"] = "rep",
    over_reps: pd.Series[float] | None = None,
    draws: pd.DataFrame | None = None,
    min_deals: int = MIN_DEALS,
    error: float = PAGE_ERROR,
    language: str = "en",
) -> RepPerformance:
    """Compare each rep's (or team's) lost customers with the company's.

    Two questions are answered separately. Does the rep SELECT prospects that fit worse (the mean
    expected probability compared with the company's)? And do the rep's customers leave MORE often
    than such customers usually do (observed over expected)?

    Parameters
    ----------
    deals : DataFrame or HistoryView
        Past deals, as read by ``read_deals``, with a rep (or team).
    spec : DealSpec
        Contract of the deals.
    probability : Series of float
        Probability of early churn of each deal, from `expected_probabilities`.
    by : {"rep", "team"}
        Whether reps or teams are compared.
    over_reps : Series of float, optional
        Probabilities from models that saw no deal of the rep, from `compute_expected`; the expected
        numbers are computed from them. Without them, the expectation for a rep who oversells in a
        territory of their own is learned from that rep's own losses.
    draws : DataFrame, optional
        Expected numbers of the reps by replicates of these models, from `compute_expected`: with
        them intervals, the mark `beyond_chance` and verdicts allow for the error of the expected
        numbers.
    min_deals : int
        A rep with fewer deals gets no verdict.
    error : float
        Probability that a page names anybody although all reps are alike.
    language : {"en", "zh"}
        Language of the sentences.

    Returns
    -------
    RepPerformance
        The interval of a ratio covers the uncertainty of the observed count and, with `draws`, that
        of the expected number (the model's own error): where a rep signs most deals of a segment,
        the other reps' deals hardly show what to expect. A verdict requires more: both an exact
        test against the other reps and a test that allows for unexplained differences between reps
        must reject, corrected for the number of reps (see
        `fitmodel.sales._rep_tests.name_reps`).

    Raises
    ------
    DealsError
        If the contract names no rep or team, or rows share an index.

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(800, seed=1)
    >>> board = compute_rep_performance(sim.deals, sim.spec, sim.true_probability)
    >>> round(board.reps["expected"].sum() - board.company["observed"], 6)
    np.float64(0.0)
    """
    say = phrases(language, "scoreboard")
    view = view_of(deals, spec)
    check_index(view.deals)
    who = people_in(view.deals, spec, by).fillna(say("no_rep"))
    deals_with_figures = deal_figures(view, probability, who, over_reps)
    horizon = spec.label.horizon_months
    deals_with_figures["bound"] = (
        terms_of(view, find_bound_deals(view, horizon, candidate_columns(view))) > 0
    )
    rows = {
        str(name): rep_figures(part, view)
        for name, part in deals_with_figures.groupby("who", sort=True)
    }
    if say("company") in rows:
        raise DealsError(
            f"a {by} is named {say('company')!r}, as the company's own row is. Remedy: rename it."
        )
    table = pd.DataFrame.from_dict(rows, orient="index")
    company = rep_figures(deals_with_figures, view)
    table["company_rate"], table["company_selection"] = company["rate"], company["selection"]
    counts = table["observed"].to_numpy(), table["expected"].to_numpy()
    if draws is not None:
        draws = draws.rename(index={NO_NAME: say("no_rep")})
    table["expected_error"] = expected_errors(draws, list(table.index))
    ratio, low, high = ratio_to_others(*counts)
    low, high = widened(ratio, low, high, table["expected_error"].to_numpy())
    table["others_ratio"], table["others_low"], table["others_high"] = ratio, low, high
    aliases = find_aliases(view, spec, who)
    add_verdicts(
        table, deals_with_figures, min_deals, error, is_sole_seller=table.index.isin(list(aliases))
    )
    _add_aliases(table, aliases, spec, language)
    table.loc[say("company")] = pd.Series(_company_row(company))
    _add_ratios(table, gamma_shape(*counts))
    for name, describe in SENTENCES.items():
        table[name] = [describe(row, say) for _, row in table.iterrows()]
    table.loc[say("company"), list(SENTENCES)] = ""  # the company is not compared with itself
    return RepPerformance(
        _ordered(table), _by_quarter(deals_with_figures), overdispersion(*counts), horizon
    )


def _company_row(company: dict[str, Any]) -> dict[str, Any]:
    """Return the company's own figures in the columns of a rep, with a neutral comparison."""
    low, high = exact_ratio_interval(
        np.array([company["observed"]]), np.array([company["expected"]])
    )
    return company | {
        "company_rate": company["rate"],
        "company_selection": company["selection"],
        "others_ratio": 1.0,
        "others_low": float(low[0]),
        "others_high": float(high[0]),
        "expected_error": 0.0,
        "verdict": "expected",
        "recent_verdict": "expected",
        "selects": "alike",
        "beyond_chance": "",
        "talk_about": False,
        "only_seller_of": "",
        "share_in_own_segments": 0.0,
        "share_of_own_segments": 0.0,
        **dict.fromkeys(("p_value", "recent_p_value", "selection_p_value"), 1.0),
    }


def _add_aliases(
    table: pd.DataFrame, aliases: dict[str, Alias], spec: DealSpec, language: str
) -> None:
    """Add the attribute that only a rep sells, and its shares of deals."""
    say = phrases(language, "profile")
    of_reps = [aliases.get(str(name)) for name in table.index]
    table["only_seller_of"] = [alias.text(say, spec) if alias else "" for alias in of_reps]
    table["share_in_own_segments"] = [alias.share_of_rep if alias else 0.0 for alias in of_reps]
    table["share_of_own_segments"] = [
        alias.share_of_segments if alias else 0.0 for alias in of_reps
    ]


def _add_ratios(table: pd.DataFrame, shape: float) -> None:
    """Add observed over expected with its exact interval, and the ratio shrunk towards 1."""
    observed, expected = table["observed"].to_numpy(), table["expected"].to_numpy()
    table["ratio"] = observed / np.maximum(expected, 1e-12)
    low, high = exact_ratio_interval(observed, expected)
    # the expected numbers add up to the observed ones, so an error of the share is smaller here
    errors = table["expected_error"].to_numpy() * (1 - expected / max(expected[:-1].sum(), 1e-12))
    ratio = table["ratio"].to_numpy()
    table["ratio_low"], table["ratio_high"] = widened(ratio, low, high, errors)
    table["shrunken_ratio"] = shrunken_ratio(observed, expected, shape)
    # on the hazard scale a rate stays below 1 for any ratio
    hazard = -np.log1p(-table["selection"].clip(upper=1 - 1e-9))
    table["shrunken_rate"] = 1 - np.exp(-table["shrunken_ratio"] * hazard)


def _ordered(table: pd.DataFrame) -> pd.DataFrame:
    reps = table.iloc[:-1]
    few = reps["verdict"] == "too_few"
    order = np.lexsort((reps.index, -reps["shrunken_ratio"], few))
    return pd.concat([reps.iloc[order], table.iloc[-1:]])


def _by_quarter(deals_with_figures: pd.DataFrame) -> pd.DataFrame:
    sums = deals_with_figures.groupby(["who", "quarter"], sort=True).agg(
        signed=("months", "size"), observed=("observed", "sum"), expected=("expected", "sum")
    )
    sums["ratio"] = sums["observed"] / sums["expected"].clip(lower=1e-12)
    return sums.reset_index().rename(columns={"who": "rep"})
