"""Deals with a known label, ready to be evaluated on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.deals.censoring import effective_sample_size

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


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
