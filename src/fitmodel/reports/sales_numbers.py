"""What takes long of a sales report and holds no words: computed once for every language.

deals -> fits that know no rep -> expected early churn; cross-fitted bands and their policy
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fitmodel.deals.history import view_of
from fitmodel.sales.expected import compute_expected
from fitmodel.sales.worth import cross_fitted_bands

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.decision.policy import Policy
    from fitmodel.sales.expected import Expected


@dataclass(frozen=True, eq=False)
class SalesNumbers:
    """Numbers that a sales report rests on.

    Attributes
    ----------
    expected : Expected
        Early churn that such customers give, whoever signs them.
    bands : Series of {"good", "watch", "poor"}
        Of every deal, by fits that did not see it.
    policy : Policy
        Behind the bands.
    """

    expected: Expected
    bands: pd.Series[str]
    policy: Policy


def people_of(spec: DealSpec) -> list[Any]:
    """Return whose deals are compared: "rep", "team", both or neither."""
    return [by for by in ("rep", "team") if getattr(spec.deals, by)]


def compute_numbers(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    progress: Callable[[str], None] | None = None,
) -> SalesNumbers:
    """Fit what a sales report needs: by far most of its time.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        As read by ``read_deals``, with rows numbered from 0.
    spec : DealSpec
        With a rep or a team.
    progress : callable, optional
        Told each step as it begins.

    Raises
    ------
    DealsError
        If there is too little to learn from.
    """
    tell = progress or (lambda _step: None)
    view = view_of(deals, spec)
    tell("expected early churn, from models that know no rep")
    expected = compute_expected(view, spec, by=people_of(spec))
    tell("fit of past deals, from models that did not see them")
    return SalesNumbers(expected, *cross_fitted_bands(view, spec))
