"""Warnings for users whose rep has no deal: they would see empty pages without a reason.

users of the file of people -> reps of the pipeline and of the past deals -> a warning per user
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from fitmodel.deals.plain_words import nearest
from fitmodel.exceptions import FitModelError
from fitmodel.sales.people import people_in

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fitmodel.service._pages import Pages
    from fitmodel.service._pipeline import Pipeline
    from fitmodel.service.settings import People

logger = logging.getLogger("fitmodel.service")
NO_COLUMN = (
    "these reps see no deals: {users}. The contract names no column with the rep. "
    'Remedy: write rep = "COLUMN" under [deals].'
)


def warn_of_reps_without_deals(people: People, pipeline: Pipeline | None, pages: Pages) -> None:
    """Log a warning for each user whose rep is neither in the pipeline nor in the past deals."""
    users = [name for name, person in people.by_name.items() if person.is_rep]
    if not users or (pipeline is None and not pages.has_deals):
        return
    column = pages.spec().deals.rep
    if column is None:
        logger.warning(NO_COLUMN.format(users=", ".join(map(repr, users))))
        return
    try:
        known = _known_reps(column, pipeline, pages)
    except (FitModelError, OSError):
        return  # the pages show why a table cannot be read
    for text in reps_without_deals(people, known, column):
        logger.warning(text)


def _known_reps(column: str, pipeline: Pipeline | None, pages: Pages) -> set[str]:
    names = set[str]() if pipeline is None else pipeline.values_of(column)
    past = pages.past_deals()
    return names if past is None else names | set(people_in(*past, "rep").dropna())


def reps_without_deals(people: People, known: Iterable[str], column: str) -> list[str]:
    """Return a warning for each user whose rep has none of the deals.

    Parameters
    ----------
    people : People
        Users of the service.
    known : iterable of str
        Names of the reps in the deals.
    column : str
        Column with the rep, which the warnings name.
    """
    names = sorted(known)
    return [
        f"{user!r} sees no deals: no deal has the rep {person.rep!r} in the column {column!r}."
        f"{_hint(str(person.rep), names)} Remedy: write `rep` in the file of people as the deals "
        "have it."
        for user, person in people.by_name.items()
        if person.is_rep and not any(person.may_see(name) for name in names)
    ]


def _hint(rep: str, names: list[str]) -> str:
    similar = nearest(rep, names)
    return "" if similar is None else f" Did you mean {similar!r}?"
