"""Deals to learn from: `TrainingSet` with follow-up times, `LabelledDeals` with labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals._censoring import effective_sample_size
from fitmodel.deals.survival_estimates import survival_with_unknown_days
from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.survival import SurvivalCurve

    Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """All deals signed by a day with their follow-up, including young and exited ones.

    Each deal holds: the customer was there at ``entry_months``, and at ``followup_months`` it left
    (``left``) or was last observed. A learner uses the likelihood of this, given the attributes.

    Attributes
    ----------
    attributes : DataFrame of shape (n, attributes)
        What was known before signing; dates are durations in days before closing.
    followup_months : ndarray of float of shape (n,)
        Calendar months from closing to leaving or to the last observation, also beyond the horizon.
    left : ndarray of bool of shape (n,)
        Whether leaving was observed.
    entry_months : ndarray of float of shape (n,)
        Age in months at which the deal came under observation (delayed entry); 0 is from signing.
    observable_months : ndarray of float of shape (n,)
        Months from closing in which leaving would have been observed, whether or not the customer
        left; NaN if only a tenure is known.
    weight : ndarray of float of shape (n,)
        One over the probability that the deal was allowed to proceed. As of an earlier day, leavers
        also represent those whose day of leaving is unknown. Censoring is not included.
    closed_on : Series of shape (n,) or None
        Day on which each deal was signed; None if the contract gives a tenure.
    horizon_months : int
        Leaving within this number of months is early churn.
    dates : tuple of str
        Attributes that were dates; prospects must be read in the same way.
    left_by_months : ndarray of float of shape (n,) or None
        For customers whose day of leaving is unknown: age in months by which they had left; NaN for
        all others. If that age is beyond the horizon, the deal has a follow-up of 0 and an unknown
        label.
    """

    attributes: pd.DataFrame
    followup_months: Floats
    left: NDArray[np.bool_]
    entry_months: Floats
    observable_months: Floats
    weight: Floats
    closed_on: pd.Series[Any] | None
    horizon_months: int
    dates: tuple[str, ...] = ()
    left_by_months: Floats | None = None

    @property
    def index(self) -> pd.Index[Any]:
        """Row labels of the deals, as in the table they come from."""
        return self.attributes.index

    def __len__(self) -> int:
        return len(self.attributes)

    @property
    def left_by(self) -> Floats:
        """`left_by_months`, or an array of NaN if all days of leaving are known."""
        return np.full(len(self), np.nan) if self.left_by_months is None else self.left_by_months

    @cached_property
    def early_churn(self) -> Floats:
        """Label: 1.0 left within the horizon, 0.0 still a customer after it, NaN unknown."""
        return early_churn_of(self.followup_months, self.left, self.horizon_months)

    @property
    def is_known(self) -> NDArray[np.bool_]:
        """Whether each deal's early churn is known."""
        return ~np.isnan(self.early_churn)

    @property
    def outcomes(self) -> pd.DataFrame:
        """Table of follow-up, left, early churn and entry, for `censoring_weights`."""
        names = ("followup_months", "left", "early_churn", "entry_months")
        return pd.DataFrame({name: getattr(self, name) for name in names}, index=self.index)

    @cached_property
    def survival(self) -> SurvivalCurve:
        """Kaplan-Meier curve of these deals by their weights, with delayed entry.

        Raises
        ------
        DealsError
            If there is no deal, or none was observed from its signing.
        """
        return survival_with_unknown_days(
            self.followup_months, self.left, self.left_by, self.entry_months, weight=self.weight
        )

    @cached_property
    def marginal_chance(self) -> Floats:
        """Probability of early churn: the label if it is known, otherwise from the survival curve.

        A customer that was still there after t months leaves by the horizon h with the probability
        ``1 - S(h) / S(t)`` (redistribution to the right, Efron 1967). A customer that left by t on
        an unknown day left by h with the probability ``(1 - S(h)) / (1 - S(t))``. The probability
        depends on t only, not on the attributes.

        Raises
        ------
        DealsError
            If labels are unknown and nobody was observed for the whole horizon.
        """
        early = self.early_churn
        unknown = np.isnan(early)
        if not unknown.any():
            return early
        survival_at_horizon = float(self.survival.at(float(self.horizon_months)))
        if np.isnan(survival_at_horizon):
            raise DealsError(
                f"no deal was observed for the whole horizon of {self.horizon_months} months (the "
                f"longest: {self.followup_months.max():.1f}), so the chance of leaving by then is "
                "not known. Remedy: a later extract, or a shorter [label] horizon_months."
            )
        survival_now = np.asarray(self.survival.at(self.followup_months))
        # where the curve is 0, everybody has left
        stays = np.divide(
            survival_at_horizon, survival_now, out=np.zeros(len(self)), where=survival_now > 0
        )
        chance = np.where(unknown, 1 - stays, early)
        undated = np.flatnonzero(unknown & ~np.isnan(self.left_by))
        if len(undated):
            left_by = 1 - np.asarray(self.survival.at(self.left_by[undated]))
            chance[undated] = np.minimum(
                (1 - survival_at_horizon) / np.maximum(left_by, 1e-12), 1.0
            )
        return chance

    def subset(self, chosen: Any) -> TrainingSet:
        """Return some deals, by mask or positions; the survival curve is that of these deals."""
        positions = np.arange(len(self))[np.asarray(chosen)]
        names = ("followup_months", "left", "entry_months", "observable_months", "weight")
        return replace(
            self,
            attributes=self.attributes.iloc[positions],
            closed_on=None if self.closed_on is None else self.closed_on.iloc[positions],
            left_by_months=None if self.left_by_months is None else self.left_by_months[positions],
            **{name: getattr(self, name)[positions] for name in names},
        )


def early_churn_of(months: Floats, left: NDArray[np.bool_], horizon_months: int) -> Floats:
    """Return each deal's label: 1.0 left within the horizon, 0.0 stayed beyond it, NaN unknown.

    A customer that left exactly at the horizon churned early. A customer last observed exactly at
    the horizon did not.
    """
    early = left & (months <= horizon_months)
    return np.where(early, 1.0, np.where(months >= horizon_months, 0.0, np.nan))


@dataclass(frozen=True, eq=False)
class LabelledDeals:
    """Deals with a label, ready to learn from or to evaluate on.

    Attributes
    ----------
    attributes : DataFrame of shape (n, attributes)
        What was known before signing; dates are durations in days before closing.
    early_churn : ndarray of float of shape (n,)
        1.0 left within the horizon, 0.0 stayed longer. `fitmodel.deals.outcomes` gives young
        deals a probability in between.
    weight : ndarray of float of shape (n,)
        Inverse probability of not being censored, times the inverse probability that the deal was
        allowed to proceed; at least 1.
    closed_on : Series of shape (n,) or None
        Day on which each deal was signed; None if the contract gives a tenure.
    dates : tuple of str
        Attributes that were dates; prospects must be read in the same way.
    late_entries : int
        Number of deals left out because they were signed before ``observed_from``: their leavers
        before that date are not in the table, so the labels of the others are selected.
    """

    attributes: pd.DataFrame
    early_churn: NDArray[np.float64]
    weight: NDArray[np.float64]
    closed_on: pd.Series[Any] | None
    dates: tuple[str, ...] = ()
    late_entries: int = 0

    @property
    def index(self) -> pd.Index[Any]:
        """Row labels of the deals, as in the table they come from."""
        return self.attributes.index

    @property
    def effective_sample_size(self) -> float:
        """Number of equally weighted deals with the same information."""
        return effective_sample_size(self.weight)

    def __len__(self) -> int:
        return len(self.attributes)

    def subset(self, chosen: Any) -> LabelledDeals:
        """Return some deals, by boolean mask or positions; their weights do not change."""
        positions = np.arange(len(self))[np.asarray(chosen)]
        return replace(
            self,
            attributes=self.attributes.iloc[positions],
            early_churn=self.early_churn[positions],
            weight=self.weight[positions],
            closed_on=None if self.closed_on is None else self.closed_on.iloc[positions],
        )
