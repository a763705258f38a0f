"""The exceptions of fitmodel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    class Problem(Protocol):
        """A problem of a column; its text is the full message."""

        @property
        def column(self) -> str:
            """Name of the column."""


_TWO_STOPS = re.compile(r"(?<=[^\s./])\.[.;](?=\s|$)")


def one_stop(text: str) -> str:
    """Return a message with one mark where it quotes another one that ends with a full stop.

    Examples
    --------
    >>> from fitmodel.exceptions import one_stop
    >>> one_stop("it cannot be opened: No such file.. Remedy: give another file.")
    'it cannot be opened: No such file. Remedy: give another file.'
    """
    return _TWO_STOPS.sub(lambda marks: marks.group()[-1], text)


class FitModelError(Exception):
    """Base of every error that fitmodel raises on purpose.

    A message that quotes another error has one full stop after it, not two.

    Examples
    --------
    >>> try:
    ...     fitmodel.load("nowhere")
    ... except fitmodel.FitModelError as error:
    ...     print(type(error).__name__)
    BundleError
    """

    def __init__(self, *parts: object) -> None:
        super().__init__(*(one_stop(part) if isinstance(part, str) else part for part in parts))


class SpecError(FitModelError):
    """The contract (``fitmodel.toml`` or `DealSpec`) is not valid or does not fit the table."""


class DealsError(FitModelError):
    """The deals cannot be read or learned from; the message lists every problem found.

    `problems` has the problems of columns one by one, each with its `column`.
    """

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class TooFewDealsError(DealsError):
    """The deals are valid but too few to learn from; they can still be counted."""


class ProspectError(FitModelError):
    """A prospect cannot be scored: a missing attribute, text in a number, a wrong type."""


class BundleError(FitModelError):
    """A bundle is absent, damaged, of an unknown format, or may not be loaded this way."""


class TrackingError(FitModelError):
    """The MLflow server, the model registry or a decision log did not answer, or refused."""


class DependencyError(FitModelError):
    """An optional package is needed; the message names the extra that installs it."""


class DatabaseError(FitModelError):
    """A database cannot be reached, read or written; the message never shows its password."""


class EditError(FitModelError):
    """An edit of a table cannot be made; the message lists the possible choices or the remedy."""
