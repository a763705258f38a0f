"""Expected value of a deal from the survival curve: overall, by segment and by fit band.

deals of a group -> Kaplan-Meier curve weighted by amount -> months paid within a common window
                 -> margin minus costs, with an interval from resampled deals
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.history import view_of
from fitmodel.deals.history_findings import MIN_DEALS
from fitmodel.deals.roles import per_year, yearly_amounts
from fitmodel.deals.survival_estimates import survival_replicates
from fitmodel.decision.choice import choose_policy, known_money
from fitmodel.decision.policy import Policy
from fitmodel.decision.value import COSTS
from fitmodel.model.frame_scorer import predict_frame
from fitmodel.model.scorer import Scorer
from fitmodel.sales._expected import compute_expected, own_months_of, without_people

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.deals.outcomes import LabelledDeals
    from fitmodel.decision.own_months import OwnMonths
    from fitmodel.decision.value import Money
    from fitmodel.learning.scorecard import Scorecard
    from fitmodel.sales._expected import Expected


MIN_WATCHED = 10
"""Minimum number of deals of a group that are still followed at the end of the window."""
REPLICATES = 200
MAX_LEVELS = 8
PREFERRED = "segment"
COLUMNS = (
    "kind", "name", "deals", "lost", "early", "months", "months_low", "months_high", "priced",
    "amount", "value", "value_low", "value_high", "whole_life",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Worth:
    """Expected value of deals, per group.

    Parameters
    ----------
    table : DataFrame
        One row per group. Columns: `kind` (all, segment, fit), `name`, `deals`, `lost`, `early`
        (rate at the horizon by Kaplan-Meier), `months` that a customer stays within the window,
        with `months_low` and `months_high`. For the deals with an amount: `priced` (their number),
        `amount` (mean yearly amount), `value` (value of one deal within the window) with
        `value_low` and `value_high`, and `whole_life` (expected value of signing such a deal, over
        each customer's whole life by its own curve). NaN where the money, or for `whole_life` the
        probability, is not known.
    window_months : int
        Months after signing that are counted; nothing later is counted or assumed.
    segment : str or None
        The attribute by which deals are grouped.
    left_out : tuple of str
        Groups that have too few deals or were followed for too short a time.
    money : Money or None
        Costs and margin of the contract; None where they are not known.
    lacking : str
        The reason why `money` is None, in words.
    """

    table: pd.DataFrame
    window_months: int
    segment: str | None
    left_out: tuple[str, ...]
    money: Money | None
    lacking: str


def compute_worth(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    bands: pd.Series[str] | None = None,
    *,
    segment: str | None = None,
    probability: pd.Series[float] | None = None,
    own_months: OwnMonths | None = None,
) -> Worth:
    """Compute the value of deals from how long customers stayed.

    Parameters
    ----------
    bands : Series of str, optional
        Fit band of each deal, from `cross_fitted_bands`.
    segment : str, optional
        Column to group by; default: "segment", else the first text attribute with 2 to 8 levels.
    probability : Series of float, optional
        Expected early churn of each deal, for `whole_life`.
    own_months : OwnMonths, optional
        How long customers stay given that probability, used if the contract gives no lifetime.

    Notes
    -----
    Months are the restricted mean survival time, the area under the Kaplan-Meier curve up to a
    window common to all groups (Royston & Parmar 2013, BMC Medical Research Methodology 13:152);
    nothing is extrapolated, so that groups can be compared and the value is conservative. The
    margin uses the curve weighted by amount, since large customers may stay longer. From the margin
    are subtracted acquisition, onboarding and opportunity cost and, for the share that leaves
    early, extra support, word of mouth and the commission that the rep keeps (see
    `fitmodel.decision.value`). Intervals are 95% intervals from resampled deals.
    """
    view = view_of(deals, spec)
    deals, deal_rows = view.deals, _deal_rows(view, probability)
    amount = spec.deals.amount
    values = None if amount is None else yearly_amounts(deals, spec).to_numpy()
    money, lacking = known_money(spec, values, view.survival, own_months)
    segment = segment or segment_column(deals, spec)
    groups = _groups(deal_rows, None if segment is None else deals[segment], bands)
    min_months = max(float(spec.label.horizon_months), _watched_until(deal_rows) / 2)
    shown = {key: part for key, part in groups.items() if _is_enough(part, min_months)}
    window = int(min((_watched_until(part) for part in shown.values()), default=0))
    random = np.random.default_rng(spec.learning.seed)
    horizon = spec.label.horizon_months
    rows = [
        {"kind": kind, "name": name} | _valued(part, window, horizon, money, random)
        for (kind, name), part in shown.items()
    ]
    left_out = tuple(name for (_, name) in groups if (_, name) not in shown)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return Worth(table, window, segment, left_out, money, lacking)


def segment_column(deals: pd.DataFrame, spec: DealSpec) -> str | None:
    """Return the attribute to group deals by: "segment", or the first one with few levels."""
    from fitmodel.deals.attributes import read_attributes

    frame = read_attributes(deals.head(1), spec).frame
    names = [name for name in frame.columns if deals[name].dtype.kind not in "ifmM"]
    few = [name for name in names if 2 <= deals[name].nunique() <= MAX_LEVELS]  # noqa: PLR2004 - one level is not a grouping
    return PREFERRED if PREFERRED in few else next(iter(few), None)


def _deal_rows(view: HistoryView, probability: pd.Series[float] | None) -> pd.DataFrame:
    amount = view.spec.deals.amount
    risk = np.nan if probability is None else probability.reindex(view.index)
    columns = {
        "months": view.followup_months,
        "left": view.left,
        "entry": view.entry_months,
        "amount": np.nan if amount is None else yearly_amounts(view.deals, view.spec),
        "risk": risk,
    }
    return pd.DataFrame(columns, index=view.index)


def _groups(
    deal_rows: pd.DataFrame, segment: pd.Series[Any] | None, bands: pd.Series[str] | None
) -> dict[tuple[str, str], pd.DataFrame]:
    groups = {("all", ""): deal_rows}
    if segment is not None:
        by = segment.astype("str").where(segment.notna())
        groups |= {("segment", str(name)): part for name, part in deal_rows.groupby(by)}
    if bands is not None:
        parts = dict(iter(deal_rows.groupby(bands)))
        groups |= {
            ("fit", band): parts[band] for band in ("good", "watch", "poor") if band in parts
        }
    return groups


def _watched_until(part: pd.DataFrame) -> float:
    """Return the months to which `MIN_WATCHED` deals were followed; 0 with fewer deals."""
    months = np.sort(part["months"].to_numpy())
    return float(months[-MIN_WATCHED]) if len(months) >= MIN_WATCHED else 0.0


def _is_enough(part: pd.DataFrame, min_months: float) -> bool:
    return len(part) >= MIN_DEALS and _watched_until(part) >= min_months


def _valued(
    part: pd.DataFrame, window: int, horizon: int, money: Money | None, random: np.random.Generator
) -> dict[str, float]:
    observed_counts = np.ones((1, len(part)))
    resampled_counts = random.multinomial(
        len(part), observed_counts[0] / len(part), size=REPLICATES
    )
    estimates = _estimates(
        part, np.concatenate([observed_counts, resampled_counts]), window, horizon, money
    )
    point = estimates[0]
    known = ~np.isnan(point)  # without money there is no value, so no limits
    low, high = np.full((2, len(point)), np.nan)
    low[known], high[known] = np.nanquantile(estimates[1:, known], [0.025, 0.975], axis=0)
    priced = part["amount"].notna()
    mean = float(part["amount"].mean()) if priced.any() else np.nan
    amounts = (int(priced.sum()), mean, point[2], low[2], high[2], _whole_life(part, money))
    stays = (len(part), int(part["left"].sum()), point[0], point[1], low[1], high[1])
    return dict(zip(COLUMNS[2:], stays + amounts, strict=True))


def _whole_life(part: pd.DataFrame, money: Money | None) -> float:
    """Return the mean expected value of signing, from each customer's own risk and months."""
    known = part[(part["amount"] >= 0) & part["risk"].notna()]
    if money is None or known.empty:
        return np.nan
    values = money.expected_value(known["risk"].to_numpy(), known["amount"].to_numpy())
    return float(values.mean())


def _estimates(
    part: pd.DataFrame, times: NDArray[Any], window: int, horizon: int, money: Money | None
) -> NDArray[np.float64]:
    """Return early-churn rate, months in the window and value, per row of deal counts `times`."""
    survival = partial(_survival, window=window, horizon=horizon)
    stays, months = survival(part, times)
    return np.column_stack([1 - stays, months, _values(part, times, survival, money, stays)])


def _values(
    part: pd.DataFrame, times: NDArray[Any], survival: Any, money: Money | None, stays: Any
) -> NDArray[np.float64]:
    amount = part["amount"].to_numpy()
    priced = amount >= 0  # a credit note is not a deal's price
    if money is None or not priced.any():
        return np.full(len(times), np.nan)
    deals, times, amount = part[priced], times[:, priced], amount[priced]
    worth = times * amount
    counted, total = times.sum(axis=1), worth.sum(axis=1)
    mean = np.divide(total, counted, out=np.full(len(times), np.nan), where=total > 0)
    if not priced.all():
        stays, _ = survival(deals, times)
    stays_by_amount, months_by_amount = survival(deals, worth)
    margin = money.gross_margin * mean / 12 * months_by_amount
    cost = {name: money.cost(name, mean) for name in COSTS}
    spent = cost["acquisition_cost"] + cost["onboarding_cost"] + cost["opportunity_cost"]
    support = cost["support_cost_per_month"] * money.months_until_early_churn
    leaver_cost = (support + cost["word_of_mouth_cost"]) * (1 - stays)
    commission = money.commission_rate * mean * (1 - stays_by_amount)
    value: NDArray[np.float64] = margin - spent - leaver_cost - commission
    return value


def _survival(
    part: pd.DataFrame, weights: NDArray[Any], window: int, horizon: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the share staying to the horizon and the mean months in the window, per replicate."""
    return survival_replicates(
        part["months"].to_numpy(),
        part["left"].to_numpy(),
        weights,
        at=float(horizon),
        until=float(window),
        entry_months=part["entry"].to_numpy(),
    )


BANDS = ("good", "watch", "poor")


def cross_fitted_bands(
    deals: pd.DataFrame | HistoryView, spec: DealSpec, expected: Expected | None = None
) -> tuple[pd.Series[str], Policy]:
    """Return the fit band of every deal from a scorecard that did not see it, and the policy.

    Parameters
    ----------
    expected : Expected, optional
        From `compute_expected` with all replicates, if computed; its fits do not use the rep.

    Returns
    -------
    bands : Series of {"good", "watch", "poor"}
    policy : Policy
        Decision policy, chosen on the cross-fitted probabilities.

    Raises
    ------
    DealsError
        If there are too few deals to learn from.
    SpecError
        If the contract's policy cannot be applied.
    """
    spec = without_people(spec)
    view = view_of(deals, spec)
    table = view.deals
    if expected is None:
        expected = compute_expected(view, spec, by=(), replicates=None)
    labelled = view.labelled(view.training_set().dates)
    policy = _policy(view, spec, labelled, expected)
    scorecards = [(fit.scorecard_, index) for fit, index in expected.fits]
    return _scored(scorecards, policy, table, spec)["fit"].reindex(table.index), policy


def _scored(
    scorecards: list[tuple[Scorecard, pd.Index[Any]]],
    policy: Policy,
    deals: pd.DataFrame,
    spec: DealSpec,
) -> pd.DataFrame:
    """Return predictions of each scorecard for the deals assigned to it."""
    amount, closing = spec.deals.amount, spec.deals.closed_on
    scorer = partial(
        Scorer, policy=policy, amount=amount, closed_on=closing, version="", per_year=per_year(spec)
    )
    return pd.concat(
        [
            predict_frame(scorer(scorecard), deals.loc[index], 0)
            for scorecard, index in scorecards
            if len(index)
        ]
    )


def _policy(
    view: HistoryView, spec: DealSpec, labelled: LabelledDeals, expected: Expected
) -> Policy:
    yearly = None if spec.deals.amount is None else yearly_amounts(view.deals, spec)
    return choose_policy(
        spec,
        expected.probability.loc[labelled.index].to_numpy(),
        labelled.early_churn,
        labelled.weight,
        None if yearly is None else yearly.loc[labelled.index].to_numpy(),
        curve=view.survival,
        customer_amounts=None if yearly is None else yearly.to_numpy(),
        own_months=own_months_of(view, spec, expected),
    )
