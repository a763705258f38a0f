"""Middleware: host check, token, body size, concurrency limit and access log.

request -> known host name -> below the limit of concurrent requests
        -> valid token, or not a cross-site request -> whole body, in time and not too long
        -> the app -> headers -> one log line and one count

The log contains the route, never the path, query, headers or body: nothing that a client wrote,
except a plain X-Request-ID.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
import time
import uuid
from typing import TYPE_CHECKING, Any

from fitmodel.service._problems import (
    PROBLEM_JSON,
    RefusedError,
    kind_and_line,
    language_of,
    problem,
)
from fitmodel.service.settings import ANYBODY, Person

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from fitmodel.service._metrics import Metrics
    from fitmodel.service.settings import Settings

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


logger = logging.getLogger("fitmodel.service")

ALWAYS_OPEN = frozenset({"/healthz", "/readyz"})
_PLAIN_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")  # written to the log: it cannot forge a line
_FOREIGN_SITES = frozenset({"cross-site", "same-site"})
_OWN_NAMES = (b"host", b"x-forwarded-host")  # a page cannot send the second without CORS
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (
        b"content-security-policy",
        (
            b"default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
            b"img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
            b"require-trusted-types-for 'script'; trusted-types 'none'"
        ),  # text never becomes markup
    ),
)


class ServiceMiddleware:
    """ASGI middleware around the app: it checks requests, adds headers, and logs and counts."""

    def __init__(
        self,
        app: Asgi,
        settings: Settings,
        metrics: Metrics,
        routes: frozenset[str],
        pages: frozenset[str] = frozenset(),
    ) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics
        self._routes = routes
        self._pages = pages  # files of the desk, open to all: the page itself asks for the token
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to the app, or answer it with an error."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope = _prefixed_once(scope)
        answer = _Answer(
            send, self._settings.answer_seconds, _request_id(scope), language_of(scope)
        )
        start = time.perf_counter()
        self._in_flight += 1
        try:
            await self._handle(scope, receive, answer)
        except RefusedError as refusal:
            await answer.refuse(refusal)
        except Exception as error:
            logger.error(  # noqa: TRY400 - a traceback could hold a prospect's values
                "error",
                extra={"fields": {"request": answer.request, "error": kind_and_line(error)}},
            )
            await answer.refuse(RefusedError(500, f"a problem of the service; {answer.request}"))
            raise
        finally:
            self._in_flight -= 1
            self._log_request(scope, answer, time.perf_counter() - start)

    async def _handle(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        self._check_host(scope)
        path = own_path(scope)
        if path not in ALWAYS_OPEN:
            self._check_capacity()
            if path not in self._pages:
                scope.setdefault("state", {})["person"] = self._person(scope)
        body = await self._full_body(scope, receive)
        if scope["method"] == "HEAD":  # monitors ask so whether the service is alive
            scope, answer.has_body = {**scope, "method": "GET"}, False
        await self._app(scope, _replay(body, receive), answer.send)

    def _check_host(self, scope: Scope) -> None:
        """Refuse unknown host names, against DNS rebinding."""
        hosts = self._settings.hosts
        if hosts and _host_of(scope) not in hosts:
            raise RefusedError(
                421,
                "the service does not answer to this host name. Remedy: fitmodel serve "
                "--allow-host NAME",
            )

    def _check_capacity(self) -> None:
        if self._in_flight > self._settings.max_requests:
            raise RefusedError(
                503,
                "too many requests at once; try again after the seconds of Retry-After",
                (b"retry-after", b"1"),
            )

    def _person(self, scope: Scope) -> Person:
        """Return the user of the request; raise RefusedError without a known token."""
        settings = self._settings
        is_bearer, secret = _authorization(scope)
        if settings.people is not None and is_bearer and secret:
            known = settings.people.of_token(secret)
            if known is not None:
                return known
        if settings.token is not None:
            is_known = hmac.compare_digest(secret, settings.token.encode())  # for any scheme
            if not (is_bearer and is_known):
                challenge = (b"www-authenticate", b"Bearer")
                refusal = "send the service's token in the header Authorization: Bearer TOKEN"
                raise RefusedError(401, refusal, challenge)
        # A proxy sends the token for any page that is open in a user's browser.
        if settings.token is None or settings.user_header is not None:
            _check_page(scope, settings.origins)
        return self._person_named_by_proxy(scope)

    def _person_named_by_proxy(self, scope: Scope) -> Person:
        people, header = self._settings.people, self._settings.user_header
        name = "" if header is None else _header(scope, header)
        if people is None:
            return Person(name)
        if header is None and not self._settings.token:
            raise RefusedError(
                401,
                "send your own token in the header Authorization: Bearer TOKEN",
                (b"www-authenticate", b"Bearer"),
            )
        if header is None:
            return ANYBODY  # the service's own token belongs to a program or a manager
        if name not in people.by_name:
            raise RefusedError(403, "the service's file of people does not have your name")
        return people.by_name[name]

    async def _full_body(self, scope: Scope, receive: Receive) -> bytes:
        max_bytes = self._settings.max_bytes
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        _check_size(int(announced) if announced.isdigit() else 0, max_bytes)
        try:
            async with asyncio.timeout(self._settings.body_seconds):
                return await _read(receive, max_bytes)
        except TimeoutError:
            raise RefusedError(
                408,
                "the body was not complete in time; send it faster, or in parts",
                (b"connection", b"close"),
            ) from None

    def _log_request(self, scope: Scope, answer: _Answer, seconds: float) -> None:
        path = own_path(scope)
        route = path if path in self._routes else "other"
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._metrics.count_request(method, route, answer.status, seconds)
        details = {
            "request": answer.request,
            "method": method,
            "route": route,
            "status": answer.status,
            "milliseconds": round(seconds * 1e3, 3),
        }
        logger.info("request", extra={"fields": details})


def own_path(scope: Scope) -> str:
    """Return the path of a request within this service, without the prefix of a proxy.

    uvicorn puts its ``--root-path`` before the path in the scope.
    """
    path, prefix = str(scope["path"]), str(scope.get("root_path", "")).rstrip("/")
    has_prefix = prefix and path.startswith(f"{prefix}/")
    return path.removeprefix(prefix) if has_prefix else path


def _prefixed_once(scope: Scope) -> Scope:
    """Return the request with the prefix of a proxy once in its path, not twice.

    uvicorn puts ``--root-path`` before every path, even if the proxy did not remove the prefix.
    """
    prefix = str(scope.get("root_path", "")).rstrip("/")
    if not prefix or not str(scope["path"]).startswith(f"{prefix}{prefix}/"):
        return scope
    raw = bytes(scope.get("raw_path") or b"").removeprefix(prefix.encode())
    return {**scope, "path": str(scope["path"]).removeprefix(prefix), "raw_path": raw}


def _host_of(scope: Scope) -> str:
    """Return the host name in the request, in lower case, without the port."""
    name = _lowered(scope, b"host")
    return name if name.endswith("]") else name.rpartition(":")[0] or name


def _lowered(scope: Scope, name: bytes) -> str:
    """Return the value of a header in lower case; "" without it."""
    return str(dict(scope["headers"]).get(name, b""), "latin-1").lower()


def _request_id(scope: Scope) -> str:
    """Return the client's X-Request-ID if its characters are plain, else a new one."""
    given = dict(scope["headers"]).get(b"x-request-id", b"")
    return given.decode() if _PLAIN_ID.fullmatch(given) else uuid.uuid4().hex


def _authorization(scope: Scope) -> tuple[bool, bytes]:
    """Return whether the authorization scheme is Bearer, and the secret as it was sent."""
    given = dict(scope["headers"]).get(b"authorization", b"")
    scheme, _, secret = given.partition(b" ")
    return scheme.lower() == b"bearer", secret.strip()


def _header(scope: Scope, name: str) -> str:
    """Return the value of a header; refuse a header sent twice, since one may be the client's."""
    header_name = name.lower().encode("latin-1")
    values = [value for key, value in scope["headers"] if key == header_name]
    if len(values) > 1:
        raise RefusedError(400, f"the request has the header {name} more than once; send it once")
    return str(values[0], "utf-8", "replace").strip() if values else ""


def _check_page(scope: Scope, origins: frozenset[str]) -> None:
    """Refuse cross-site requests of a browser that need no token of the page.

    CORS would hide the answer from that page, but the request would still be executed and logged.
    """
    origin, site = _lowered(scope, b"origin"), _lowered(scope, b"sec-fetch-site")
    if origins & {origin, "*"}:
        return
    # Browsers send the site over https and to this machine; over plain http only the origin.
    own = {_lowered(scope, name) for name in _OWN_NAMES}
    is_foreign = bool(origin) and origin.partition("://")[2] not in own
    if site in _FOREIGN_SITES or (not site and is_foreign):
        raise RefusedError(
            403,
            "a page of another site sent this request. Remedy: send the service's token, or start "
            "the service with --allow-origin",
        )


class _Answer:
    """Sends the response with the service's headers, and remembers its status."""

    def __init__(self, send: Send, seconds: float, request: str, language: str) -> None:
        self._send = send
        self._seconds = seconds
        self.status = 499  # status if the client disconnects before there is a response
        self.request = request
        self._language = language
        self._started = False
        self.has_body = True

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._started = True
            self.status = message["status"]
            own = (*HEADERS, (b"x-request-id", self.request.encode()))
            message["headers"] = [*message.get("headers", []), *own]
        elif not self.has_body:
            message["body"] = b""
        try:
            async with asyncio.timeout(self._seconds):
                await self._send(message)
        except TimeoutError:  # otherwise it would count as a request in flight forever
            raise RefusedError(499, "the client does not take its answer") from None

    async def refuse(self, refusal: RefusedError) -> None:
        if self._started:
            return
        body = problem(refusal.status, refusal.detail, self._language)
        headers = [
            (b"content-type", PROBLEM_JSON.encode()),
            (b"content-length", str(len(body)).encode()),
            *refusal.headers,
        ]
        start = {"type": "http.response.start", "status": refusal.status, "headers": headers}
        await self.send(start)
        await self.send({"type": "http.response.body", "body": body})


async def _read(receive: Receive, max_bytes: int) -> bytes:
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RefusedError(499, "the client left")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        _check_size(size, max_bytes)
        more = message.get("more_body", False)
    return b"".join(parts)


def _check_size(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise RefusedError(
            413, f"the body is longer than {max_bytes:,} bytes; send less in one request"
        )


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the body in one piece, then only the client's disconnect."""
    unread = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return unread.pop() if unread else await receive()

    return receive_again
