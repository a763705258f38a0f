"""The numbers of a sales report, computed once for every language, and one rep's view of them.

deals -> fits that do not use the rep -> expected early churn; cross-fitted bands and their policy
      -> reviews of lost customers, with predictions as of signing; segments and their tests

Only sections that are listed here are shown to a rep, so a new section of the report reveals
nothing of other reps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fitmodel.deals.history import view_of
from fitmodel.deals.plain_words import suggestion
from fitmodel.exceptions import DealsError
from fitmodel.language.catalogue import phrases
from fitmodel.model.wording import wording_of
from fitmodel.reports.html import Section
from fitmodel.sales.people import same_person
from fitmodel.sales.profile import compute_profile
from fitmodel.sales.rep_performance import compute_expected
from fitmodel.sales.reviews import compute_reviews
from fitmodel.sales.worth import cross_fitted_bands

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pandas as pd

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.decision.policy import Policy
    from fitmodel.sales.profile import Profile
    from fitmodel.sales.rep_performance import Expected
    from fitmodel.sales.reviews import Retrospective, TeamReviews

MAX_GROUPS = 50
"""Largest number of values of a column by which deals are grouped."""
TEAMS = "teams"  # the id of the section that compares teams
TOTAL = "company"  # the kind of the row of all reps together


@dataclass(frozen=True, eq=False)
class SalesNumbers:
    """Numbers from which a sales report is written.

    Attributes
    ----------
    expected : Expected
        Expected early churn of each deal, independent of its rep.
    bands : Series of {"good", "watch", "poor"}
        Fit band of every deal, from fits that did not see it.
    policy : Policy
        Decision policy of the bands.
    profile : Profile
        Ideal customer profile; `Profile.in_language` changes its language.
    reviews : TeamReviews or None
        Reviews of lost customers; `TeamReviews.in_language` changes their language. None without
        dates or a rep.
    """

    expected: Expected
    bands: pd.Series[str]
    policy: Policy
    profile: Profile
    reviews: TeamReviews | None = None


def people_of(spec: DealSpec) -> list[Any]:
    """Return the roles that are compared: "rep", "team", both or neither."""
    return [by for by in ("rep", "team") if getattr(spec.deals, by)]


def compute_numbers(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    progress: Callable[[str], None] | None = None,
    *,
    retrospective: Retrospective | None = None,
) -> SalesNumbers:
    """Compute the numbers of a sales report; fitting its models takes most of the report's time.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        Past deals, as read by ``read_deals``, with rows numbered from 0.
    spec : DealSpec
        Contract with a rep or a team.
    retrospective : Retrospective, optional
        Predictions of these deals as of their signing, if they are computed already.

    Returns
    -------
    SalesNumbers

    Raises
    ------
    DealsError
        If there are too few deals to learn from.
    """
    on_step = progress or (lambda _step: None)
    view = view_of(deals, spec)
    on_step("expected early churn, from models that know no rep")
    # all replicates, because the bands need intervals from the same fits
    expected = compute_expected(view, spec, by=people_of(spec), replicates=None)
    on_step("fit of past deals, from models that did not see them")
    bands, policy = cross_fitted_bands(view, spec, expected)
    reviews = None
    if spec.has_dates and spec.deals.rep:
        on_step("reviews of lost customers")
        reviews = compute_reviews(view, spec, retrospective=retrospective)
    on_step("ideal customer profile")
    return SalesNumbers(expected, bands, policy, compute_profile(view, spec), reviews)


def check_segment(deals: pd.DataFrame, segment: str | None) -> None:
    """Check that deals can be grouped by a column.

    Raises
    ------
    DealsError
        If the column is not there, or has too many different values.
    """
    if segment is None:
        return
    if segment not in deals.columns:
        hint = suggestion(segment, map(str, deals.columns))
        raise DealsError(f"there is no column {segment!r} to group deals by; {hint}")
    if (values := deals[segment].nunique()) > MAX_GROUPS:
        raise DealsError(
            f"{segment}: {values:,} different values are too many to group deals by. Remedy: name "
            f"a column with at most {MAX_GROUPS}."
        )


def labelled(spec: DealSpec, deals: pd.DataFrame, language: str) -> DealSpec:
    """Return the contract with a label, in a language, for each attribute."""
    wording = wording_of(spec).in_language(language)
    labels = {name: wording.label(name) for name in spec.attribute_names(list(deals.columns))}
    return spec.replace(words={"labels": labels | dict(spec.words.labels)})


def sampled_text(expected: Expected, deals: int, language: str) -> list[str]:
    """Return a sentence that effects were learned from a sample; empty if it holds all deals."""
    if expected.sampled is None or expected.sampled >= deals:
        return []
    say = phrases(language, "sales_page")
    return [say("sampled", sampled=f"{expected.sampled:,}", deals=f"{deals:,}")]


def rep_view(sections: Iterable[Section], rep: str) -> list[Section]:
    """Return the sections of a report that a rep may see, with the rep's own rows only.

    Of the teams no row is a rep's own, so that section is left out.

    Parameters
    ----------
    sections : iterable of Section
        Sections of the whole report.
    rep : str
        Name of the rep, as in the deals.
    """
    views = ((VIEWS.get(part.template), part) for part in sections)
    shown = [
        Section(part.template, view(part.values, rep)) for view, part in views if view is not None
    ]
    return [part for part in shown if part.values.get("id") != TEAMS]  # noqa: PD011 - a mapping


def _own_rows(values: dict[str, Any], rep: str) -> dict[str, Any]:
    rows = [row for row in values["rows"] if row["kind"] == TOTAL or same_person(row["name"], rep)]
    return _without_points(values) | {"rows": rows}


def _own_row_of_reps(values: dict[str, Any], rep: str) -> dict[str, Any]:
    return _own_rows(values, rep) | {"funnel": None, "dispersion": ""}


def _own_reviews(values: dict[str, Any], rep: str) -> dict[str, Any]:
    surprises = values["surprises"]
    own = [row for row in surprises["rows"] if same_person(row["rep"], rep)]
    return _without_points(values) | {
        "sheets": [
            sheet | {"earlier": False}
            for sheet in values["sheets"]
            if same_person(sheet["rep"], rep)
        ],
        "on_paper": "",
        "without": "",
        "surprises": surprises | {"rows": own},
    }


def _all_values(values: dict[str, Any], _rep: str) -> dict[str, Any]:
    return _without_points(values)


def _without_points(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "points"}


VIEWS: dict[str, Callable[[dict[str, Any], str], dict[str, Any]]] = {
    "_scoreboard.html.j2": _own_row_of_reps,
    "_counts.html.j2": _own_rows,
    "_reviews.html.j2": _own_reviews,
    "_worth.html.j2": _all_values,
    "_profile.html.j2": _all_values,
}
"""Functions by template that keep the values which a rep may see; other templates are left out."""
