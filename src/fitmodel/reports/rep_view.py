"""The sales report as one rep may see it: their own row and lost customers, the team's totals.

Only sections that are listed here are shown, so a new section of the report reveals nothing of
other reps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fitmodel.reports.html import Section
from fitmodel.sales.people import same_person

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

TOTAL = "company"  # the kind of the row of all reps together


def rep_view(sections: Iterable[Section], rep: str) -> list[Section]:
    """Return the sections of a report that a rep may see, with the rep's own rows only.

    Parameters
    ----------
    sections : iterable of Section
        Sections of the whole report.
    rep : str
        Name of the rep, as in the deals.
    """
    views = ((VIEWS.get(part.template), part) for part in sections)
    return [
        Section(part.template, view(part.values, rep)) for view, part in views if view is not None
    ]


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


def _everything(values: dict[str, Any], _rep: str) -> dict[str, Any]:
    return _without_points(values)


def _without_points(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "points"}


VIEWS: dict[str, Callable[[dict[str, Any], str], dict[str, Any]]] = {
    "_scoreboard.html.j2": _own_row_of_reps,
    "_counts.html.j2": _own_rows,
    "_reviews.html.j2": _own_reviews,
    "_worth.html.j2": _everything,
    "_profile.html.j2": _everything,
}
"""Functions by template that keep the values which a rep may see; other templates are left out."""
