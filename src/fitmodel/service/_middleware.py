"""Middleware: host check, token, body size, concurrency limit and access log.

request -> a name of ours? -> is there room? -> the token, or no stranger's page?
        -> the whole body, in time and not too long
        -> the app -> headers -> one line of log and one count

The log holds the route, never the path, a query, a header or a body: nothing that a client wrote.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
import time
import uuid
from typing import TYPE_CHECKING, Any

from fitmodel.service._metrics import BUCKETS, Metrics
from fitmodel.service._problems import PROBLEM_JSON, RefusedError, language_of, problem
from fitmodel.service.people import ANYBODY, Person

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from fitmodel.service.settings import Settings

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


__all__ = ["BUCKETS", "Metrics", "RefusedError", "ServiceMiddleware"]

logger = logging.getLogger("fitmodel.service")

ALWAYS_OPEN = frozenset({"/healthz", "/readyz"})
_PLAIN_ID = re.compile(
    rb"[A-Za-z0-9._:-]{1,128}"
)  # it stands in the log: nothing that forges a line
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (
        b"content-security-policy",
        b"; ".join(
            (
                b"default-src 'none'",
                b"style-src 'self'",
                b"script-src 'self'",
                b"connect-src 'self'",
                b"img-src 'self' data:",
                b"base-uri 'none'",
                b"form-action 'none'",
                b"frame-ancestors 'none'",
                b"require-trusted-types-for 'script'",  # text never becomes markup
                b"trusted-types 'none'",
            )
        ),
    ),
)


class ServiceMiddleware:
    """ASGI middleware around the app."""

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
        self._pages = pages  # files of the desk: without them nobody could be asked for a token
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer why not."""
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
            await self._let_in(scope, receive, answer)
        except RefusedError as refusal:
            await answer.refuse(refusal)
        except Exception as error:
            logger.error(  # noqa: TRY400 - a traceback could hold a prospect's values
                "fault",
                extra={"facts": {"request": answer.request, "error": _kind_and_line(error)}},
            )
            await answer.refuse(RefusedError(500, f"a problem of the service; {answer.request}"))
            raise
        finally:
            self._in_flight -= 1
            self._note(scope, answer, time.perf_counter() - start)

    async def _let_in(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        self._check_host(scope)
        path = own_path(scope)
        if path not in ALWAYS_OPEN:
            self._check_room()
            if path not in self._pages:
                scope.setdefault("state", {})["person"] = self._person(scope)
        body = await self._whole_body(scope, receive)
        await self._app(scope, _replay(body, receive), answer.send)

    def _check_host(self, scope: Scope) -> None:
        """Refuse unknown host names (DNS rebinding).

        (DNS rebinding.) The name stays in the request.
        """
        hosts = self._settings.hosts
        if hosts and _host_of(scope) not in hosts:
            raise RefusedError(421, "the service is not called by that name (--allow-host NAME)")

    def _check_room(self) -> None:
        if self._in_flight > self._settings.most_at_once:
            raise RefusedError(503, "too many requests at once", (b"retry-after", b"1"))

    def _person(self, scope: Scope) -> Person:
        """Who asks; whoever brings no token that is known is refused."""
        settings = self._settings
        is_bearer, secret = _authorization(scope)
        if settings.people is not None and is_bearer and secret:
            known = settings.people.of_token(secret)
            if known is not None:
                return known
        if settings.token is not None:
            is_known = hmac.compare_digest(secret, settings.token.encode())  # whatever the scheme
            if not (is_bearer and is_known):
                ask = (b"www-authenticate", b"Bearer")
                refusal = "bring the service's token: Authorization: Bearer TOKEN"
                raise RefusedError(401, refusal, ask)
        else:
            _check_page(scope, settings.origins)
        return self._person_named_by_proxy(scope)

    def _person_named_by_proxy(self, scope: Scope) -> Person:
        people, header = self._settings.people, self._settings.user_header
        name = "" if header is None else _header(scope, header)
        if people is None:
            return Person(name)
        if header is None and not self._settings.token:
            raise RefusedError(401, "bring your own token", (b"www-authenticate", b"Bearer"))
        if header is None:
            return ANYBODY  # the service's own token: a program, or a manager
        if name not in people.by_name:
            raise RefusedError(403, "the service's file of people does not name you")
        return people.by_name[name]

    async def _whole_body(self, scope: Scope, receive: Receive) -> bytes:
        most = self._settings.most_bytes
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > most:
            raise RefusedError(413, f"the body is longer than {most:,} bytes")
        try:
            async with asyncio.timeout(self._settings.body_seconds):
                return await _read(receive, most)
        except TimeoutError:
            raise RefusedError(408, "the body came too slowly", (b"connection", b"close")) from None

    def _note(self, scope: Scope, answer: _Answer, seconds: float) -> None:
        path = own_path(scope)
        route = path if path in self._routes else "other"
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._metrics.count_request(method, route, answer.status, seconds)
        facts = {
            "request": answer.request,
            "method": method,
            "route": route,
            "status": answer.status,
            "milliseconds": round(seconds * 1e3, 3),
        }
        logger.info("request", extra={"facts": facts})


def own_path(scope: Scope) -> str:
    """Path of a request within this service, without the prefix that a proxy passes on.

    uvicorn's ``--root-path`` stands before the path in the scope.
    """
    path, prefix = str(scope["path"]), str(scope.get("root_path", "")).rstrip("/")
    inside = prefix and path.startswith(f"{prefix}/")
    return path.removeprefix(prefix) if inside else path


def _prefixed_once(scope: Scope) -> Scope:
    """The request with the prefix of a proxy once.

    uvicorn puts ``--root-path`` before every path, also where the proxy has passed it on.
    """
    prefix = str(scope.get("root_path", "")).rstrip("/")
    if not prefix or not str(scope["path"]).startswith(f"{prefix}{prefix}/"):
        return scope
    raw = bytes(scope.get("raw_path") or b"").removeprefix(prefix.encode())
    return {**scope, "path": str(scope["path"]).removeprefix(prefix), "raw_path": raw}


def _host_of(scope: Scope) -> str:
    """The name a client called us by, without the port."""
    name = str(dict(scope["headers"]).get(b"host", b""), "latin-1").lower()
    return name if name.endswith("]") else name.rpartition(":")[0] or name


def _request_id(scope: Scope) -> str:
    """The client's X-Request-ID, where it is plain; else one of our own."""
    given = dict(scope["headers"]).get(b"x-request-id", b"")
    return given.decode() if _PLAIN_ID.fullmatch(given) else uuid.uuid4().hex


def _authorization(scope: Scope) -> tuple[bool, bytes]:
    """Whether the scheme is Bearer, and the secret as it was sent."""
    given = dict(scope["headers"]).get(b"authorization", b"")
    scheme, _, secret = given.partition(b" ")
    return scheme.lower() == b"bearer", secret.strip()


def _header(scope: Scope, name: str) -> str:
    """A header's only value; a second one may be the client's own."""
    wanted = name.lower().encode("latin-1")
    values = [value for key, value in scope["headers"] if key == wanted]
    if len(values) > 1:
        raise RefusedError(400, f"{name} stands twice in the request")
    return str(values[0], "utf-8", "replace").strip() if values else ""


def _check_page(scope: Scope, origins: frozenset[str]) -> None:
    """Without a token, refuse cross-site requests of a browser.

    CORS would keep the answer from that page, but what is asked would be done, and logged.
    """
    headers = dict(scope["headers"])
    if str(headers.get(b"origin", b""), "latin-1") in origins:
        return
    if headers.get(b"sec-fetch-site") in {b"cross-site", b"same-site"}:
        raise RefusedError(403, "asked by the page of another site; with a token it could be")


class _Answer:
    """Sends an answer with our headers, and remembers its status."""

    def __init__(self, send: Send, seconds: float, request: str, language: str) -> None:
        self._send = send
        self._seconds = seconds
        self.status = 499  # the client left before there was an answer
        self.request = request
        self._language = language
        self._begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begun = True
            self.status = message["status"]
            own = (*HEADERS, (b"x-request-id", self.request.encode()))
            message["headers"] = [*message.get("headers", []), *own]
        try:
            async with asyncio.timeout(self._seconds):
                await self._send(message)
        except TimeoutError:  # it would keep its place among the requests in flight for ever
            raise RefusedError(499, "the client does not take its answer") from None

    async def refuse(self, refusal: RefusedError) -> None:
        if self._begun:
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


async def _read(receive: Receive, most: int) -> bytes:
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RefusedError(499, "the client left")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            raise RefusedError(413, f"the body is longer than {most:,} bytes")
        more = message.get("more_body", False)
    return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Hand the body on in one piece; after it, only the client's leaving can come."""
    unread = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return unread.pop() if unread else await receive()

    return again


def _kind_and_line(error: Exception) -> str:
    """Kind of a problem and where in the code, without its message: that may quote a value."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    where = "" if last is None else f" at {last.tb_frame.f_code.co_name}:{last.tb_lineno}"
    return f"{type(error).__name__}{where}"
