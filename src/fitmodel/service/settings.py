"""Limits of the service, with defaults that suit one small machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fitmodel.exceptions import SpecError

if TYPE_CHECKING:
    from fitmodel.service.people import People

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
MULTIPROC_DIR = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable with the folder in which several processes keep their counters."""


@dataclass(frozen=True)
class Settings:
    """Limits and access rules of the service.

    Parameters
    ----------
    token : str or None
        Bearer token that every request needs, except health checks and the files of the page.
        Blanks and line ends around it, as in a file of secrets, are removed; None or an empty text
        means that no token is needed.
    most_bytes : int
        Maximum length of a request's body, in bytes.
    most_prospects : int
        Maximum number of prospects in a request.
    most_at_once : int
        Maximum number of requests in flight; more are answered with 503 and Retry-After.
    body_seconds : float
        Seconds that a client has to send the body.
    answer_seconds : float
        Seconds that a client has to receive each piece of the response.
    reload_seconds : float
        Seconds between two checks for a new champion; 0 for no checks.
    hosts : frozenset of str
        Host names under which the service may be called, without port and in any case; empty for
        all names. For a service without a token that listens on this machine only: `LOOPBACK`.
    origins : frozenset of str
        Origins of other sites' pages that may call the service from a browser (CORS), such as
        ``https://crm.example.com``; none by default.
    people : People or None
        Reps and managers; None: every user with access is a manager.
    user_header : str or None
        Header in which a proxy names the user. It needs a service token, because otherwise anybody
        could send the header.
    """

    token: str | None = None
    most_bytes: int = 5_000_000
    most_prospects: int = 10_000
    most_at_once: int = 64
    body_seconds: float = 10.0
    answer_seconds: float = 60.0
    reload_seconds: float = 5.0
    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    people: People | None = None
    user_header: str | None = None

    def __post_init__(self) -> None:
        if self.user_header is not None and not (self.token or "").strip():
            raise SpecError(
                "a header that names the user counts only beside the service's token: anybody "
                "could send it. Remedy: set FITMODEL_TOKEN, and let the proxy bring it."
            )
        object.__setattr__(self, "token", (self.token or "").strip() or None)
        object.__setattr__(self, "hosts", frozenset(name.lower() for name in self.hosts))
