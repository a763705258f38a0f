"""The most similar past deals, and what became of them.

deals -> rows of the book that each looks up -> contributions, a point per deal
prospect -> its point -> the nearest deals with a known outcome

Similar means similar to the model: an attribute counts as far as it moves the risk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.deals.outcomes import outcomes
from fitmodel.exceptions import DealsError
from fitmodel.model.frames import code_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.model.fitmodel import FitModel


@dataclass(frozen=True, eq=False)
class LookAlikes:
    """Past deals like a prospect.

    Attributes
    ----------
    deals : DataFrame
        As given, the most similar first, with the columns `distance` (log-odds) and `early_churn`.
    left, known : int
        How many left early, of how many.
    low, high : float
        95 % interval of the share that leaves early among such deals.
    """

    deals: pd.DataFrame
    left: int
    known: int
    low: float
    high: float

    def __str__(self) -> str:
        return (
            f"of the {self.known} most similar deals {self.left} left early "
            f"({self.low:.0%} to {self.high:.0%})"
        )


class PastDeals:
    """Deals with a known outcome, ready to be compared with prospects.

    Parameters
    ----------
    model : FitModel
    deals : DataFrame
        As read by ``read_deals``.
    spec : DealSpec

    Raises
    ------
    DealsError
        If no outcome is known.
    """

    def __init__(self, model: FitModel, deals: pd.DataFrame, spec: DealSpec) -> None:
        churn = outcomes(deals, spec)["early_churn"]
        known = churn.index[churn.notna()]
        if len(known) == 0:
            raise DealsError("no deal has a known outcome: there is nothing to compare with")
        self._model = model
        self._deals = deals.loc[known]
        self._churn = churn.loc[known].to_numpy(dtype=np.float64)
        self._points = contributions(model, self._deals)

    def like(self, prospect: Mapping[str, Any], n: int = 50) -> LookAlikes:
        """The deals most similar to a prospect.

        Parameters
        ----------
        prospect : mapping
            As for `FitModel.predict`.
        n : int
            How many.

        Notes
        -----
        Distance is Euclidean over the contributions in log-odds, ties by the deals' order. The
        interval is Wilson's (1927).
        """
        import pandas as pd
        from scipy.stats import binomtest

        point = contributions(self._model, pd.DataFrame([dict(prospect)]))
        distance = np.sqrt(((self._points - point) ** 2).sum(axis=1))
        nearest = np.argsort(distance, kind="stable")[:n]
        churn = self._churn[nearest]
        left, known = int(churn.sum()), len(nearest)
        interval = binomtest(left, known).proportion_ci(method="wilson")
        found = self._deals.iloc[nearest].assign(distance=distance[nearest], early_churn=churn)
        return LookAlikes(found, left, known, float(interval.low), float(interval.high))


def contributions(model: FitModel, table: pd.DataFrame) -> NDArray[np.float64]:
    """What each term of the book adds to each deal's log-odds, shape (deals, terms)."""
    book = model.book
    codes = code_table(model.scorer, table, None).codes
    found: NDArray[np.float64] = book.tables[book.rows(codes), 0]
    return found
