"""Limits of the service, with defaults that suit one small machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fitmodel.exceptions import SpecError

if TYPE_CHECKING:
    from fitmodel.service.people import People

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
MULTIPROC_DIR = "PROMETHEUS_MULTIPROC_DIR"
"""Where set, the counters of several processes are kept in this folder and added up."""


@dataclass(frozen=True)
class Settings:
    """What the service allows.

    Parameters
    ----------
    token : str or None
        Bearer token that every request but a health check must bring, without the blanks and the
        end of line that a file of secrets leaves around it; None, or nothing, asks for none.
    most_bytes : int
        Longest body of a request.
    most_prospects : int
        Longest list of prospects in a request.
    most_at_once : int
        Requests in flight; more are told to come again.
    body_seconds : float
        Time a client has to send its body.
    answer_seconds : float
        Time a client has to take each piece of its answer.
    reload_seconds : float
        How often to look for another champion; 0 never.
    hosts : frozenset of str
        Names that the service may be called by, without port; empty for any. Of a service that
        asks for no token and listens to this machine only: `LOOPBACK`. Case does not count.
    origins : frozenset of str
        Origins of pages elsewhere whose browsers may ask (CORS), such as
        ``https://crm.example.com``; none by default.
    people : People or None
        Reps and managers; None: whoever may ask is a manager.
    user_header : str or None
        Header in which a proxy tells who asks. It counts only beside the service's token, where
        there is one: nobody else can send it.
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
