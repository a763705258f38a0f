"""The most similar past deals (nearest neighbours) and their outcomes.

deals -> the scorecard rows of each deal -> its contributions: one point per deal
prospect -> its point -> the nearest deals with a known outcome

Similar means similar to the model: an attribute counts as much as it changes the log-odds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.deals.history import HistoryView, view_of
from fitmodel.exceptions import DealsError
from fitmodel.language.catalogue import phrases
from fitmodel.model.frame_scorer import code_table
from fitmodel.model.wording import Wording

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import pandas as pd
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.model.fitmodel import FitModel


@dataclass(frozen=True, eq=False)
class SimilarDeals:
    """The past deals most similar to a prospect, and how many of them left early.

    Attributes
    ----------
    deals : DataFrame
        The deals as given, the most similar first, with the columns `distance` (in log-odds),
        `early_churn` and `followup_months` added.
    left, known : int
        Number of these deals that left early, and number of these deals.
    low, high : float
        95% interval of the share that leaves early among such deals.
    horizon_months : int
        Months after signing within which leaving is early churn.
    """

    deals: pd.DataFrame
    left: int
    known: int
    low: float
    high: float
    horizon_months: int

    def in_words(self, language: str = "en") -> str:
        """Return a sentence: how many of how many left early, and the interval of their share."""
        wording = Wording(horizon_months=self.horizon_months).in_language(language)
        return phrases(language, "brief")(
            "similar_deals",
            known=f"{self.known:,}",
            left=f"{self.left:,}",
            horizon=wording.horizon,
            rate=wording.percent(self.left / self.known),
            low=wording.percent(self.low),
            high=wording.percent(self.high),
        )

    def __str__(self) -> str:
        return self.in_words()


class PastDeals:
    """Mature deals with a known outcome, prepared for comparison with prospects.

    Of the deals that are not mature, only those that left have a known outcome. Keeping these
    would bias the rate of early churn upwards, so all deals that are not mature are left out, and
    so are censored deals.

    Parameters
    ----------
    model : FitModel
        Model whose contributions measure how similar two deals are.
    deals : DataFrame or HistoryView
        Deals as read by ``read_deals``, or their view as of a date.
    spec : DealSpec
        The contract.

    Raises
    ------
    DealsError
        If no mature deal has a known outcome.
    """

    def __init__(self, model: FitModel, deals: pd.DataFrame | HistoryView, spec: DealSpec) -> None:
        if not isinstance(deals, HistoryView) and not deals.index.is_unique:
            deals = deals.reset_index(drop=True)
        view = view_of(deals, spec)
        usable = view.mature & view.from_signing & ~np.isnan(view.early_churn)
        if not usable.any():
            raise DealsError(
                f"none of the {len(view):,} deals has a known outcome and was signed at least "
                f"{spec.label.horizon_months} months before the extract ends: there is nothing to "
                "compare with"
            )
        self._model = model
        self._horizon = spec.label.horizon_months
        self._deals = view.deals[usable]
        self._outcomes = view.outcomes[usable]
        self._points = contributions(model, self._deals)

    def like(
        self, prospect: Mapping[str, Any], n: int = 50, *, as_of: date | None = None
    ) -> SimilarDeals:
        """Return the past deals most similar to a prospect.

        Parameters
        ----------
        prospect : mapping
            As for `FitModel.predict`.
        n : int
            How many deals to return.
        as_of : date, optional
            As for `FitModel.predict`.

        Notes
        -----
        The distance is Euclidean over the contributions in log-odds; ties keep the order of the
        deals. The interval is Wilson's (1927).

        Examples
        --------
        >>> spec = fitmodel.DealSpec.from_toml("fitmodel.toml")
        >>> deals = fitmodel.read_deals("deals.csv", spec)
        >>> model = fitmodel.load("models/prospect-fit")
        >>> alike = PastDeals(model, deals, spec).like(deals.iloc[0].to_dict(), n=50)
        >>> alike.known, alike.low <= alike.left / alike.known <= alike.high
        (50, True)
        """
        import pandas as pd
        from scipy.stats import binomtest

        point = contributions(self._model, pd.DataFrame([dict(prospect)]), as_of)
        distance = np.sqrt(((self._points - point) ** 2).sum(axis=1))
        nearest = np.argsort(distance, kind="stable")[:n]
        became = self._outcomes.iloc[nearest]
        left, known = int(became["early_churn"].sum()), len(nearest)
        interval = binomtest(left, known).proportion_ci(method="wilson")
        result = self._deals.iloc[nearest].assign(
            distance=distance[nearest],
            early_churn=became["early_churn"].to_numpy(),
            followup_months=became["followup_months"].to_numpy(),
        )
        return SimilarDeals(
            result, left, known, float(interval.low), float(interval.high), self._horizon
        )


def contributions(
    model: FitModel, table: pd.DataFrame, as_of: date | None = None
) -> NDArray[np.float64]:
    """Return each scorecard term's contribution to each deal's log-odds, shape (deals, terms)."""
    scorecard = model.scorecard
    codes = code_table(model.scorer, table, as_of).codes
    result: NDArray[np.float64] = scorecard.tables[scorecard.rows(codes), 0]
    return result
