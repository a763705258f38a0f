"""Limits of the service and its users: a manager sees everything, a rep their own deals.

file of people -> the token's digest or the proxy's user header -> Person

Without such a file every user with access is a manager.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from fitmodel.deals.plain_words import suggestion
from fitmodel.exceptions import SpecError
from fitmodel.renamed import old_fields
from fitmodel.sales.people import same_person

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fastapi import Request

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
MULTIPROC_DIR = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable with the folder in which several processes keep their counters."""
Role = Literal["rep", "manager"]
KEYS = {"role", "rep", "token_sha256"}
DIGEST = 64  # hexadecimal digits
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#\s]+")


@old_fields(most_bytes="max_bytes", most_prospects="max_prospects", most_at_once="max_requests")
@dataclass(frozen=True)
class Settings:
    """Limits and access rules of the service.

    Parameters
    ----------
    token : str or None
        Bearer token that every request needs, except health checks and the files of the page.
        Blanks and line ends around it, as in a file of secrets, are removed; None or an empty text
        means that no token is needed.
    max_bytes : int
        Maximum length of a request's body, in bytes.
    max_prospects : int
        Maximum number of prospects in a request.
    max_requests : int
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
    max_bytes: int = 5_000_000
    max_prospects: int = 10_000
    max_requests: int = 64
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
        object.__setattr__(self, "origins", frozenset(map(_origin, self.origins)))


def _origin(text: str) -> str:
    """Return an origin as browsers send it: without a slash at its end, in lower case."""
    origin = text.strip().rstrip("/").lower()
    if origin not in {"*", "null"} and not _ORIGIN.fullmatch(origin):
        raise SpecError(
            f"{text!r} is not the origin of a page. Remedy: scheme and host, with the port if it "
            "has one, and no path, such as https://crm.example.com"
        )
    return origin


@dataclass(frozen=True)
class Person:
    """A user of the service.

    Attributes
    ----------
    name : str
        Name that is stored with decisions; "" if it is not known.
    role : {"rep", "manager"}
        Role, which determines the deals that the user may see.
    rep : str or None
        Name of a rep in the deals.
    """

    name: str = ""
    role: Role = "manager"
    rep: str | None = None

    @property
    def is_rep(self) -> bool:
        """Whether the user may see only their own deals."""
        return self.role == "rep"

    def may_see(self, rep: object) -> bool:
        """Return whether the user may see a deal of this rep."""
        return not self.is_rep or (self.rep is not None and same_person(rep, self.rep))


ANYBODY = Person()


def person_of(request: Request) -> Person:
    """Return the user of the request, as the middleware identified them."""
    person = getattr(request.state, "person", ANYBODY)
    return person if isinstance(person, Person) else ANYBODY


@dataclass(frozen=True)
class People:
    """Users of the service, and the digests of their tokens.

    Attributes
    ----------
    by_name : mapping of str to Person
        Users by name.
    digests : mapping of str to str
        Name of the user by the SHA-256 of the user's token, in hexadecimal digits.
    """

    by_name: Mapping[str, Person]
    digests: Mapping[str, str] = field(default_factory=dict, repr=False)

    def of_token(self, token: bytes) -> Person | None:
        """Return a token's owner, or None; all digests are compared, against timing attacks."""
        given = hashlib.sha256(token).hexdigest()
        person = None
        for digest, name in self.digests.items():
            if hmac.compare_digest(given, digest):
                person = self.by_name[name]
        return person


def read_people(path: Path) -> People:
    """Read the users of the service from a TOML file.

    A section such as ``["kim@example.com"]`` has ``role = "rep"``, ``rep = "Kim Lee"`` (the rep's
    name in the deals) and, without a proxy that identifies the user, ``token_sha256``.

    Raises
    ------
    SpecError
        If the file cannot be read or is not valid; the message names the person and the remedy.
    """
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SpecError(f"{path} cannot be read as TOML: {error}") from error
    people = {name: _person(name, values) for name, values in given.items()}
    if not people:
        raise SpecError(f'{path} names nobody. Remedy: ["name"] with role = "manager".')
    digests: dict[str, str] = {}
    for name, values in given.items():
        digest = str(values.get("token_sha256", "")).lower()
        if not digest:
            continue
        if len(digest) != DIGEST or set(digest) - set("0123456789abcdef"):
            raise SpecError(
                f"token_sha256 of {name!r} is not a SHA-256. Remedy: printf %s TOKEN | sha256sum"
            )
        if digest in digests:
            raise SpecError(f"{name!r} and {digests[digest]!r} have the same token.")
        digests[digest] = name
    return People(people, digests)


def _person(name: str, values: Any) -> Person:
    if not isinstance(values, dict):
        known = ", ".join(sorted(KEYS))
        raise SpecError(f"{name!r} is not a section. Remedy: [{name!r}] with the keys {known}.")
    wrong = next((key for key in values if key not in KEYS), None)
    if wrong is not None:
        raise SpecError(f"[{name!r}] has no key {wrong!r}; {suggestion(wrong, sorted(KEYS))}")
    role, rep = values.get("role"), values.get("rep")
    if role not in {"rep", "manager"}:
        raise SpecError(f'the role of {name!r} is {role!r}. Remedy: "rep" or "manager".')
    if role == "rep" and not rep:
        raise SpecError(f"{name!r} is a rep. Remedy: rep = the name as the deals have it.")
    return Person(name, role, None if rep is None else str(rep))
