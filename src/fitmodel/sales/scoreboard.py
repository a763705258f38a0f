"""Rep performance: observed over expected early churn per rep, beside the company's rate.

deals -> outcomes, expected probabilities that know no rep -> a row per rep and one for all
      -> verdicts that need evidence: how they SELECT, and how their customers FARE
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from fitmodel.deals.evidence import MIN_DEALS
from fitmodel.deals.history import view_of
from fitmodel.deals.roles import yearly_amounts
from fitmodel.exceptions import DealsError
from fitmodel.language.catalogue import phrases
from fitmodel.learning.learner import cross_fitted, learn
from fitmodel.sales.people import check_index, names_of
from fitmodel.sales.rates import (
    NORMAL_95,
    Overdispersion,
    exact_ratio_interval,
    expected_leavers,
    gamma_shape,
    overdispersion,
    shrunken_ratio,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.language.catalogue import Say

LEAST_EXPECTED = 3.0
"""Early churners expected, below which there is no verdict on a rep."""
SHOWN = ("signed", "rate", "observed", "expected", "ratio", "verdict", "selects")
BAGS = 2  # no interval of a probability is asked for


@dataclass(frozen=True, eq=False)
class Scoreboard:
    """Reps (or teams) beside the company.

    Parameters
    ----------
    table : DataFrame
        Index: the rep; the last row is the company. Columns: `signed`, `lost` and `lost_value`
        (customers gone by now and their yearly value; NaN without amounts), `rate`, `rate_low`,
        `rate_high` (early churn at the horizon by Kaplan-Meier, 95 %), `company_rate`,
        `selection`, `selection_low`, `selection_high` (mean expected probability), `observed` and
        `expected` early churners by now (expected adds up to the company's observed), `ratio`,
        `ratio_low`, `ratio_high` (exact 95 %),
        `shrunken_ratio`, `shrunken_rate`, `verdict` (more, expected, fewer, too_few) and
        `selects` (riskier, alike, safer, too_few), and the same in words: `says`, `says_selection`.
        Reps with the highest shrunken ratio come first, those with too few deals last.
    quarters : DataFrame
        Columns `rep`, `quarter`, `signed`, `observed`, `expected`, `ratio`.
    dispersion : Overdispersion
        How much more the reps differ than by chance.
    horizon_months : int
    """

    table: pd.DataFrame
    quarters: pd.DataFrame
    dispersion: Overdispersion
    horizon_months: int

    @property
    def company(self) -> pd.Series[Any]:
        """The company's row."""
        return self.table.iloc[-1]

    @property
    def reps(self) -> pd.DataFrame:
        """The reps' rows."""
        return self.table.iloc[:-1]

    def _repr_html_(self) -> str:
        return self.table[list(SHOWN)].to_html(escape=True, border=0, float_format="{:.2f}".format)


def expected_probabilities(deals: pd.DataFrame | HistoryView, spec: DealSpec) -> pd.Series[float]:
    """Probability of early churn of every deal, from a fit that saw neither it nor any rep.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        As read by ``read_deals``.
    spec : DealSpec

    Returns
    -------
    Series of float
        Cross-fitted for deals that are learned from; the others, whose outcome no fit has seen,
        from the fit on all of these.

    Raises
    ------
    DealsError
        If there are too few early churners to learn from.

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(800, seed=1)
    >>> p = expected_probabilities(sim.deals, sim.spec)
    >>> bool(p.between(0, 1).all())
    True
    """
    people = tuple(name for name in (spec.deals.rep, spec.deals.team) if name is not None)
    blind = _without(spec, people)
    view = view_of(deals, blind)
    learned = learn(view, blind, bags=BAGS)
    every = view.attributes(learned.taught.dates).frame
    result = pd.Series(learned.estimator.predict_proba(every)[:, 1], index=view.index)
    own = cross_fitted(learned.taught, blind, learned.choice, drop=people)
    result.loc[own.index] = own
    return result


def _without(spec: DealSpec, people: tuple[str, ...]) -> DealSpec:
    """Take people out of the attributes, where the contract has let them in by name."""
    named = spec.attributes.include
    if named is None:
        return spec  # a role is no attribute unless told
    return spec.replace(attributes={"include": [name for name in named if name not in people]})


def compute_scoreboard(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    probability: pd.Series[float],
    *,
    by: Literal["rep", "team"] = "rep",
    least_deals: int = MIN_DEALS,
    language: str = "en",
) -> Scoreboard:
    """Hold each rep's (or team's) lost customers against the company's.

    Two questions are kept apart. Does the rep SELECT prospects that fit worse (the mean expected
    probability against the company's)? And do the rep's customers leave MORE than such customers
    do (observed over expected)?

    Parameters
    ----------
    deals : DataFrame or HistoryView
        As read by ``read_deals``, with a rep (or team).
    spec : DealSpec
    probability : Series of float
        From `expected_probabilities`.
    by : {"rep", "team"}
    least_deals : int
        Fewer deals get no verdict.
    language : {"en", "zh"}

    Returns
    -------
    Scoreboard
        The interval of a ratio is that of the count observed; what is not known of the expected
        (the model's own error) is not in it. Where reps differ by more than chance
        (`Overdispersion.is_suspicious`), a verdict needs the widened limits too.

    Raises
    ------
    DealsError
        If the contract names no rep or team, or rows share an index.

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(800, seed=1)
    >>> board = compute_scoreboard(sim.deals, sim.spec, sim.true_probability)
    >>> round(board.reps["expected"].sum() - board.company["observed"], 6)
    np.float64(0.0)
    """
    say = phrases(language, "scoreboard")
    view = view_of(deals, spec)
    check_index(view.deals)
    facts = _adding_up(_facts(view, spec, probability, _people(view.deals, spec, by, say)))
    whole = _row(facts, view)
    company = _beside(whole, whole)
    rows = {
        str(name): _beside(_row(part, view), whole)
        for name, part in facts.groupby("who", sort=True)
    }
    if say("company") in rows:
        raise DealsError(
            f"a {by} is named {say('company')!r}, as the company's own row is. Remedy: rename it."
        )
    table = pd.DataFrame.from_dict(rows, orient="index")
    dispersion = overdispersion(table["observed"].to_numpy(), table["expected"].to_numpy())
    shape = gamma_shape(table["observed"].to_numpy(), table["expected"].to_numpy())
    table.loc[say("company")] = company
    _add_ratios(table, shape)
    _add_verdicts(table, least_deals, dispersion)
    table["says"] = [_says(row, say) for _, row in table.iterrows()]
    table["says_selection"] = [_says_selection(row, say) for _, row in table.iterrows()]
    horizon = spec.label.horizon_months
    return Scoreboard(_ordered(table), _by_quarter(facts), dispersion, horizon)


def _people(deals: pd.DataFrame, spec: DealSpec, by: str, say: Say) -> pd.Series[str]:
    column = spec.deals.rep if by == "rep" else spec.deals.team
    if column is None:
        raise DealsError(
            f'the contract names no {by}. Remedy: write {by} = "COLUMN" under [deals].'
        )
    return names_of(deals[column]).fillna(say("no_rep"))


def _facts(
    view: HistoryView, spec: DealSpec, probability: pd.Series[float], who: pd.Series[str]
) -> pd.DataFrame:
    """One row per deal: who signed it, how long it was watched, observed and expected."""
    deals = view.deals
    p = probability.loc[deals.index].to_numpy(dtype=np.float64)
    if np.isnan(p).any():
        raise DealsError(
            f"{int(np.isnan(p).sum())} deal(s) have no expected probability, the first in row "
            f"{deals.index[np.isnan(p)][0]!r}. Remedy: take them from expected_probabilities."
        )
    amount = spec.deals.amount
    closing = spec.deals.closed_on
    return pd.DataFrame(
        {
            "who": who,
            "months": view.followup_months,
            "left": view.left,
            "probability": p,
            "observed": (view.early_churn == 1).astype(float),
            "expected": expected_leavers(
                p,
                view.followup_months,
                view.survival,
                spec.label.horizon_months,
                entry_months=view.entry_months,
            ),
            "value": np.nan if amount is None else yearly_amounts(deals, spec),
            "quarter": None if closing is None else deals[closing].dt.to_period("Q").astype("str"),
            "position": np.arange(len(view)),
        },
        index=deals.index,
    )


def _adding_up(facts: pd.DataFrame) -> pd.DataFrame:
    """Scale the expected to the company's observed: reps answer for no drift of the model."""
    observed, expected = facts["observed"].sum(), facts["expected"].sum()
    scale = observed / expected if observed > 0 and expected > 0 else 1.0
    return facts.assign(expected=facts["expected"] * scale)


def _row(part: pd.DataFrame, view: HistoryView) -> dict[str, Any]:
    inside = np.zeros(len(view), dtype=bool)
    inside[part["position"]] = True
    curve = view.survival_of(inside, at=[float(view.spec.label.horizon_months)])
    mean = float(part["probability"].mean())
    spread = float(part["probability"].std(ddof=1)) if len(part) > 1 else np.nan
    reach = NORMAL_95 * spread / np.sqrt(len(part))
    lost = part["value"].where(part["left"])
    return {
        "signed": len(part),
        "lost": int(part["left"].sum()),
        "lost_value": float(lost.sum()) if part["value"].notna().any() else np.nan,
        "rate": 1 - float(curve.survival[0]),
        "rate_low": 1 - float(curve.high[0]),
        "rate_high": 1 - float(curve.low[0]),
        "selection": mean,
        "selection_low": mean - reach,
        "selection_high": mean + reach,
        "observed": float(part["observed"].sum()),
        "expected": float(part["expected"].sum()),
    }


def _beside(row: dict[str, Any], company: dict[str, Any]) -> dict[str, Any]:
    """The company's own figures beside a rep's."""
    return row | {"company_rate": company["rate"], "company_selection": company["selection"]}


def _add_ratios(table: pd.DataFrame, shape: float) -> None:
    observed, expected = table["observed"].to_numpy(), table["expected"].to_numpy()
    table["ratio"] = observed / np.maximum(expected, 1e-12)
    table["ratio_low"], table["ratio_high"] = exact_ratio_interval(observed, expected)
    table["shrunken_ratio"] = shrunken_ratio(observed, expected, shape)
    # on the scale of hazards a rate stays below 1 whatever the ratio
    hazard = -np.log1p(-table["selection"].clip(upper=1 - 1e-9))
    table["shrunken_rate"] = 1 - np.exp(-table["shrunken_ratio"] * hazard)


def _add_verdicts(table: pd.DataFrame, least_deals: int, dispersion: Overdispersion) -> None:
    """Name who differs by more than chance and, where reps differ anyway, by more than usual."""
    few = (table["signed"] < least_deals) | (table["expected"] < LEAST_EXPECTED)
    above, below = table["ratio_low"] > 1, table["ratio_high"] < 1
    if dispersion.is_suspicious:
        least, most = dispersion.limits(table["expected"].to_numpy())
        above, below = above & (table["ratio"] > most), below & (table["ratio"] < least)
    table["verdict"] = _judged(few, above, below, "more", "fewer")
    average = table["company_selection"]
    table["selects"] = _judged(
        table["signed"] < least_deals,
        table["selection_low"] > average,
        table["selection_high"] < average,
        "riskier",
        "safer",
    )


def _judged(
    few: pd.Series[bool], above: pd.Series[bool], below: pd.Series[bool], high: str, low: str
) -> NDArray[np.str_]:
    middle = "expected" if high == "more" else "alike"
    return np.select([few, above, below], ["too_few", high, low], middle)


def _says(row: pd.Series[Any], say: Say) -> str:
    return say(
        str(row["verdict"]),
        deals=f"{row['signed']:,.0f}",
        observed=f"{row['observed']:,.0f}",
        expected=f"{row['expected']:,.1f}",
        ratio=f"{row['ratio']:.2f}",
        low=f"{row['ratio_low']:.2f}",
        high=f"{row['ratio_high']:.2f}",
    )


def _says_selection(row: pd.Series[Any], say: Say) -> str:
    if row["selects"] == "too_few":
        return say("too_few", deals=f"{row['signed']:,.0f}", expected=f"{row['expected']:,.1f}")
    own, company = f"{row['selection']:.1%}", f"{row['company_selection']:.1%}"
    return say(str(row["selects"]), own=own, company=company)


def _ordered(table: pd.DataFrame) -> pd.DataFrame:
    reps = table.iloc[:-1]
    few = reps["verdict"] == "too_few"
    order = np.lexsort((reps.index, -reps["shrunken_ratio"], few))
    return pd.concat([reps.iloc[order], table.iloc[-1:]])


def _by_quarter(facts: pd.DataFrame) -> pd.DataFrame:
    sums = facts.groupby(["who", "quarter"], sort=True).agg(
        signed=("months", "size"), observed=("observed", "sum"), expected=("expected", "sum")
    )
    sums["ratio"] = sums["observed"] / sums["expected"].clip(lower=1e-12)
    return sums.reset_index().rename(columns={"who": "rep"})
