"""
Which deals churned early, as far as it is known.

A label that is not known is NaN, never 0: a deal younger than the horizon whose customer is still
there says nothing yet. The names other rooms need of survival and censoring are here too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.attributes import read_attributes
from fitmodel.deals.censoring import Weights, censoring_weights, effective_sample_size
from fitmodel.deals.leaving import left_flag
from fitmodel.deals.months import add_months, months_between
from fitmodel.deals.observation import extract_end, observe, recut
from fitmodel.deals.propensity import propensity_weights
from fitmodel.deals.roles import MONTHS_PER
from fitmodel.deals.survival import SurvivalCurve, kaplan_meier
from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.observation import Moment

__all__ = [
    "LabelledDeals",
    "SurvivalCurve",
    "Weights",
    "censoring_weights",
    "extract_end",
    "kaplan_meier",
    "label_deals",
    "outcomes",
    "recut",
]


@dataclass(frozen=True, eq=False)
class LabelledDeals:
    """
    Deals with a label, ready to learn from or to judge by.

    Attributes
    ----------
    attributes : DataFrame of shape (n, attributes)
        What was known before signing; dates are durations in days before closing.
    early_churn : ndarray of shape (n,)
        1.0 left within the horizon, 0.0 stayed longer; in between the chance of having left, of a
        deal of `fitmodel.deals.training_deals` that is too young to be known.
    weight : ndarray of shape (n,)
        Inverse probability of not being censored, times that of having been let proceed; at
        least 1.
    closed_on : Series of shape (n,) or None
        Day signed; None where the contract gives a tenure.
    dates : tuple of str
        Attributes that were dates: needed to read prospects the same way.
    """

    attributes: pd.DataFrame
    early_churn: NDArray[np.float64]
    weight: NDArray[np.float64]
    closed_on: pd.Series[Any] | None
    dates: tuple[str, ...] = ()

    @property
    def index(self) -> pd.Index[Any]:
        """Row labels of the deals, as in the table they come from."""
        return self.attributes.index

    @property
    def effective_sample_size(self) -> float:
        """Equally weighted deals that carry as much information."""
        return effective_sample_size(self.weight)

    def __len__(self) -> int:
        return len(self.attributes)

    def subset(self, chosen: Any) -> LabelledDeals:
        """Some of the deals, by boolean mask or positions; weights stay as they are."""
        positions = np.arange(len(self))[np.asarray(chosen)]
        closed_on = None if self.closed_on is None else self.closed_on.iloc[positions]
        return LabelledDeals(
            attributes=self.attributes.iloc[positions],
            early_churn=self.early_churn[positions],
            weight=self.weight[positions],
            closed_on=closed_on,
            dates=self.dates,
        )


def outcomes(deals: pd.DataFrame, spec: DealSpec, *, as_of: Moment | None = None) -> pd.DataFrame:
    """
    What is known of each deal's outcome on ``as_of`` (default: when the table was extracted).

    Parameters
    ----------
    deals : DataFrame
        As read by `fitmodel.deals.reading.read_deals`, or re-cut.
    spec : DealSpec
        Roles of the columns and the horizon.
    as_of : date, optional
        Look at the deals signed by this date, with what was known on it. Needs dates.

    Returns
    -------
    DataFrame with the index of the deals signed by ``as_of`` and the columns

    - ``followup_months``: calendar months from closing to leaving or to the last look
    - ``left``: whether the customer was seen to leave
    - ``early_churn``: 1.0 left at most ``horizon_months`` calendar months after closing (that day
      included), 0.0 watched for as long without leaving by then, NaN unknown
    - ``mature``: closed at least ``horizon_months`` before the end of the extract, whatever the
      outcome; where the contract gives a tenure: whether the label is known

    Raises
    ------
    DealsError
        If dates are missing or contradict each other, or ``as_of`` is given without dates.

    Notes
    -----
    Churn dated after the deal was last watched (an announced cancellation) is not counted: nothing
    after that day is known. A customer that exited for another reason is censored on that day.

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(500, seed=1)
    >>> found = outcomes(sim.deals, sim.spec)
    >>> bool(found.loc[~found["mature"] & ~found["left"], "early_churn"].isna().all())
    True
    """
    horizon = spec.label.horizon_months
    if not spec.has_dates and as_of is None:
        return _from_tenure(deals, spec, horizon)
    seen = observe(deals, spec, as_of)
    left = ~np.isnat(seen.churned)
    months = months_between(seen.closed, np.where(left, seen.churned, seen.watched_until))
    mature = add_months(seen.closed, horizon) <= seen.extract_end
    return _table(deals.index[seen.signed], months, left, horizon, mature)


def label_deals(
    deals: pd.DataFrame,
    spec: DealSpec,
    *,
    as_of: Moment | None = None,
    dates: tuple[str, ...] | None = None,
) -> LabelledDeals:
    """
    Deals whose label is known, with weights for those whose label is not.

    Where deals have dates these are mature ones: of the young only the leavers are known, and
    whatever is new about them (an offer, a price, a rep) would look risky. May be empty: whether
    there is enough to learn from is judged where it is learned.

    Parameters
    ----------
    deals, spec, as_of
        As of `outcomes`.
    dates : tuple of str, optional
        Attributes that are dates; found in the deals where it is not given.

    Returns
    -------
    LabelledDeals

    Raises
    ------
    DealsError
        As `outcomes`; also where an attribute is a date and the deals have no closing date.

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(500, seed=1)
    >>> labelled = label_deals(sim.deals, sim.spec)
    >>> len(labelled) < len(sim.deals), sorted(set(labelled.early_churn.tolist()))
    (True, [0.0, 1.0])
    """
    found = outcomes(deals, spec, as_of=as_of)
    places = signed_by(deals, spec, as_of)
    if spec.has_dates:
        places, found = places[found["mature"].to_numpy()], found[found["mature"]]
    weights = censoring_weights(found, spec.label.horizon_months)
    known = found["early_churn"].notna().to_numpy()
    table = deals.iloc[places[known]]
    read = read_attributes(table, spec, dates=dates)
    closed_on = table[spec.deals.closed_on] if spec.deals.closed_on is not None else None
    if closed_on is None and read.dates:
        raise DealsError(
            f"attributes {list(read.dates)} are dates, but the deals have no closing date to count "
            "from; exclude them or give closed_on"
        )
    return LabelledDeals(
        attributes=read.frame,
        early_churn=found["early_churn"].to_numpy()[known],
        weight=weights.values[known] * propensity_weights(table, spec),  # noqa: PD011 - ours
        closed_on=closed_on,
        dates=read.dates,
    )


def signed_by(deals: pd.DataFrame, spec: DealSpec, as_of: Moment | None) -> NDArray[np.intp]:
    """Positions of the rows of `outcomes`: deals signed by a date, all where there is none."""
    if not spec.has_dates:
        return np.arange(len(deals))
    return np.flatnonzero(observe(deals, spec, as_of).signed)


def _from_tenure(deals: pd.DataFrame, spec: DealSpec, horizon: int) -> pd.DataFrame:
    """Outcomes where the table says how long each customer has stayed and whether it left."""
    months = (
        _number(deals, spec.deals.tenure_months) * MONTHS_PER[spec.deals.tenure_unit or "months"]
    )
    flag = _flag(deals, spec)
    if not np.isin(flag, (0.0, 1.0)).all():
        raise DealsError(
            f"{spec.deals.churned!r} must be yes or no; read the table with read_deals"
        )
    if (months < 0).any():
        raise DealsError(f"{spec.deals.tenure_months!r} is negative in {(months < 0).sum()} deals")
    table = _table(deals.index, months, flag == 1.0, horizon, np.zeros(len(deals), bool))
    table["mature"] = table["early_churn"].notna()
    return table


def _flag(deals: pd.DataFrame, spec: DealSpec) -> NDArray[np.float64]:
    """1 left, 0 stayed."""
    if not spec.deals.churned_values:
        return _number(deals, spec.deals.churned)
    return left_flag(deals[spec.deals.churned], spec).series.to_numpy(dtype=float)


def _number(deals: pd.DataFrame, column: str | None) -> NDArray[np.float64]:
    if column not in deals.columns:
        raise DealsError(f"the deals have no column {column!r}; they have {list(deals.columns)}")
    numbers = pd.to_numeric(deals[column], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    empty = np.isnan(numbers)
    if empty.any():
        raise DealsError(
            f"{column!r} is empty or no number in {empty.sum()} of {len(deals)} deals, such as row "
            f"{deals.index[int(empty.argmax())]!r}; read the table with read_deals"
        )
    return numbers


def _table(
    index: pd.Index[Any],
    months: NDArray[np.float64],
    left: NDArray[np.bool_],
    horizon: int,
    mature: NDArray[np.bool_],
) -> pd.DataFrame:
    early = np.where(left & (months <= horizon), 1.0, np.where(months >= horizon, 0.0, np.nan))
    columns = {"followup_months": months, "left": left, "early_churn": early, "mature": mature}
    return pd.DataFrame(columns, index=index)
