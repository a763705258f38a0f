"""Users of the service: a manager sees everything, a rep their own deals and the totals.

file of people -> the token's digest or the proxy's user header -> Person

Without such a file every user with access is a manager.
"""

from __future__ import annotations

import hashlib
import hmac
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from fitmodel.exceptions import SpecError
from fitmodel.sales.people import same_person

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Role = Literal["rep", "manager"]
KEYS = {"role", "rep", "token_sha256"}
DIGEST = 64  # hexadecimal digits


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
    if not isinstance(values, dict) or not set(values) <= KEYS:
        raise SpecError(f"[{name!r}] has a key other than {', '.join(sorted(KEYS))}.")
    role, rep = values.get("role"), values.get("rep")
    if role not in {"rep", "manager"}:
        raise SpecError(f'the role of {name!r} is {role!r}. Remedy: "rep" or "manager".')
    if role == "rep" and not rep:
        raise SpecError(f"{name!r} is a rep. Remedy: rep = the name as the deals have it.")
    return Person(name, role, None if rep is None else str(rep))
