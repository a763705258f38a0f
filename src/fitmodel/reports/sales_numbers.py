"""The slow part of a sales report: its numbers, computed once for every language.

deals -> fits that know no rep -> expected early churn; cross-fitted bands and their policy
      -> reviews of lost customers, by predictions of their time; segments and their tests
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fitmodel.deals.history import view_of
from fitmodel.sales.expected import compute_expected
from fitmodel.sales.profile import compute_profile
from fitmodel.sales.reviews import compute_reviews
from fitmodel.sales.worth import cross_fitted_bands

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.decision.policy import Policy
    from fitmodel.sales.expected import Expected
    from fitmodel.sales.profile import Profile
    from fitmodel.sales.retrospective import Retrospective
    from fitmodel.sales.reviews import TeamReviews


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
    profile : Profile
        Its words are replaced by `Profile.in_language`.
    reviews : TeamReviews or None
        Its words are replaced by `TeamReviews.in_language`; None without dates or a rep.
    """

    expected: Expected
    bands: pd.Series[str]
    policy: Policy
    profile: Profile
    reviews: TeamReviews | None = None


def people_of(spec: DealSpec) -> list[Any]:
    """Return whose deals are compared: "rep", "team", both or neither."""
    return [by for by in ("rep", "team") if getattr(spec.deals, by)]


def compute_numbers(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    progress: Callable[[str], None] | None = None,
    *,
    retrospective: Retrospective | None = None,
) -> SalesNumbers:
    """Fit the models that a sales report needs: by far most of its time.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        As read by ``read_deals``, with rows numbered from 0.
    spec : DealSpec
        With a rep or a team.
    progress : callable, optional
        Told each step as it begins.
    retrospective : Retrospective, optional
        Predictions of these deals by models of their time, where they are computed already.

    Raises
    ------
    DealsError
        If there is too little to learn from.
    """
    tell = progress or (lambda _step: None)
    view = view_of(deals, spec)
    tell("expected early churn, from models that know no rep")
    # with an interval, so that the same fits give the bands
    expected = compute_expected(view, spec, by=people_of(spec), replicates=None)
    tell("fit of past deals, from models that did not see them")
    bands, policy = cross_fitted_bands(view, spec, expected)
    reviews = None
    if spec.has_dates and spec.deals.rep:
        tell("reviews of lost customers")
        reviews = compute_reviews(view, spec, retrospective=retrospective)
    tell("ideal customer profile")
    return SalesNumbers(expected, bands, policy, compute_profile(view, spec), reviews)
