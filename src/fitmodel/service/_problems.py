"""Errors as problem details for HTTP (RFC 9457, ``application/problem+json``).

The detail is in English by default, for programs. A request can choose another language by the
query's `language`, or else by the header Accept-Language, which the app sends with every request.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from fitmodel.language.catalogue import LANGUAGES, ORIGINAL, message_in

if TYPE_CHECKING:
    from collections.abc import Mapping

PROBLEM_JSON = "application/problem+json"
LOG_AWAY = (
    "the decision log does not answer. Remedy: try again in a moment; the same decision sent twice "
    "is kept once"
)
_OTHER = {499: "Client Closed Request"}


class RefusedError(Exception):
    """A request that is answered with an HTTP error status."""

    def __init__(self, status: int, detail: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers


def problem(status: int, detail: str, language: str = ORIGINAL) -> bytes:
    """Return a problem detail as JSON: its title, its status, and a sentence with the remedy."""
    title = _OTHER.get(status) or HTTPStatus(status).phrase
    message = message_in(detail, language)
    body = {"type": "about:blank", "title": title, "status": status, "detail": message}
    return json.dumps(body).encode()


def language_of(scope: Mapping[str, Any]) -> str:
    """Return the language that a request chooses; English if it is not a supported language."""
    query = parse_qs(str(scope.get("query_string", b""), "latin-1"))
    header = str(dict(scope.get("headers", ())).get(b"accept-language", b""), "latin-1")
    asked = (*query.get("language", ()), header)
    return next((name[:2].lower() for name in asked if name[:2].lower() in LANGUAGES), ORIGINAL)
