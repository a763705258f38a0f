"""Every deal that can be learned from, with what is known of its outcome."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.censoring import effective_sample_size
from fitmodel.deals.unknown_days import survival_with_unknown_days
from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.survival import SurvivalCurve

    Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """
    Deals signed by a day, whatever is known of them: young ones and those that exited too.

    A deal says: its customer was there at ``entry_months``, and at ``followup_months`` it left
    (``left``) or was last seen. A learner uses the chance of that, given the attributes.

    Attributes
    ----------
    attributes : DataFrame of shape (n, attributes)
        What was known before signing; dates are durations in days before closing.
    followup_months : ndarray of float of shape (n,)
        Calendar months from closing to leaving or to the last look; not cut at the horizon.
    left : ndarray of bool of shape (n,)
        Whether the customer was seen to leave.
    entry_months : ndarray of float of shape (n,)
        Age at which the deal came under observation (delayed entry); 0 from signing.
    observable_months : ndarray of float of shape (n,)
        Months from closing for which leaving would have been seen, whether or not the customer
        left; NaN where only a tenure is known.
    weight : ndarray of float of shape (n,)
        One over the probability of having been let proceed; nothing for censoring.
    closed_on : Series of shape (n,) or None
        Day signed; None where the contract gives a tenure.
    horizon_months : int
        Leaving within it is early churn.
    dates : tuple of str
        Attributes that were dates: needed to read prospects the same way.
    left_by_months : ndarray of float of shape (n,) or None
        Age by which a customer had left whose day of leaving is unknown; NaN for all others. Where
        the horizon ends before it, the deal has a follow-up of 0 and its label is unknown.
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
        """`left_by_months`, all NaN where every day is known."""
        return np.full(len(self), np.nan) if self.left_by_months is None else self.left_by_months

    @cached_property
    def early_churn(self) -> Floats:
        """1.0 left within the horizon, 0.0 was there after it, NaN unknown."""
        return early_churn_of(self.followup_months, self.left, self.horizon_months)

    @property
    def is_known(self) -> NDArray[np.bool_]:
        """Whether each deal's early churn is known."""
        return ~np.isnan(self.early_churn)

    @property
    def outcomes(self) -> pd.DataFrame:
        """Follow-up, left, early churn and entry as a table, as `censoring_weights` takes it."""
        names = ("followup_months", "left", "early_churn", "entry_months")
        return pd.DataFrame({name: getattr(self, name) for name in names}, index=self.index)

    @cached_property
    def survival(self) -> SurvivalCurve:
        """
        Kaplan-Meier curve of these deals, with their entry times.

        Raises
        ------
        DealsError
            If there is no deal, or none was watched from its signing.
        """
        return survival_with_unknown_days(
            self.followup_months, self.left, self.left_by, self.entry_months
        )

    @cached_property
    def marginal_chance(self) -> Floats:
        """
        Chance of early churn: the outcome where it is known, else by the survival curve.

        A deal whose customer was still there after t months has the chance ``1 - S(h) / S(t)`` of
        leaving by the horizon h (redistribution to the right, Efron 1967). One whose customer left
        by t on an unknown day has the chance ``(1 - S(h)) / (1 - S(t))``. It is the same for all
        deals of an age: it knows nothing of the attributes.

        Raises
        ------
        DealsError
            If outcomes are unknown and nobody was watched for the whole horizon.
        """
        early = self.early_churn
        unknown = np.isnan(early)
        if not unknown.any():
            return early
        stays = float(self.survival.at(float(self.horizon_months)))
        if np.isnan(stays):
            raise DealsError(
                f"no deal was watched for the whole horizon of {self.horizon_months} months (the "
                f"longest: {self.followup_months.max():.1f}), so the chance of leaving by then is "
                "not known. Remedy: a later extract, or a shorter [label] horizon_months."
            )
        there = np.asarray(self.survival.at(self.followup_months))
        # a curve that has come down to 0 says that everybody leaves
        stays_on = np.divide(stays, there, out=np.zeros(len(self)), where=there > 0)
        chance = np.where(unknown, 1 - stays_on, early)
        undated = np.flatnonzero(unknown & ~np.isnan(self.left_by))
        if len(undated):
            gone = 1 - np.asarray(self.survival.at(self.left_by[undated]))
            chance[undated] = np.minimum((1 - stays) / np.maximum(gone, 1e-12), 1.0)
        return chance

    def subset(self, chosen: Any) -> TrainingSet:
        """Some of the deals, by boolean mask or positions; chances are those of these deals."""
        positions = np.arange(len(self))[np.asarray(chosen)]
        return TrainingSet(
            attributes=self.attributes.iloc[positions],
            followup_months=self.followup_months[positions],
            left=self.left[positions],
            entry_months=self.entry_months[positions],
            observable_months=self.observable_months[positions],
            weight=self.weight[positions],
            closed_on=None if self.closed_on is None else self.closed_on.iloc[positions],
            horizon_months=self.horizon_months,
            dates=self.dates,
            left_by_months=None if self.left_by_months is None else self.left_by_months[positions],
        )


def early_churn_of(months: Floats, left: NDArray[np.bool_], horizon_months: int) -> Floats:
    """
    Label of each deal: 1.0 left within the horizon, 0.0 was there after it, NaN unknown.

    Leaving at exactly the horizon is early churn; being seen at exactly the horizon is not.
    """
    early = left & (months <= horizon_months)
    return np.where(early, 1.0, np.where(months >= horizon_months, 0.0, np.nan))


@dataclass(frozen=True, eq=False)
class LabelledDeals:
    """
    Deals with a label, ready to learn from or to evaluate on.

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
    late_entries : int
        Deals left out because they were signed before ``observed_from``: those of them that left
        before it are not in the table, so the labels of the others are selected.
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
            late_entries=self.late_entries,
        )
