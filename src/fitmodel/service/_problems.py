"""Errors as problem details for HTTP (RFC 9457, ``application/problem+json``)."""

from __future__ import annotations

import json
from http import HTTPStatus

PROBLEM_JSON = "application/problem+json"
_OTHER = {499: "Client Closed Request"}


class RefusedError(Exception):
    """A request that is not answered as asked."""

    def __init__(self, status: int, detail: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers


def problem(status: int, detail: str) -> bytes:
    """Write a problem: what kind it is, its status, and what to do in one sentence."""
    title = _OTHER.get(status) or HTTPStatus(status).phrase
    told = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return json.dumps(told).encode()
