"""Errors as problem details for HTTP (RFC 9457, ``application/problem+json``).

query, body, path -> what is wrong with it, and what is allowed instead -> problem detail

The detail is in English by default, for programs. A request can choose another language by the
query's `language`, or else by the header Accept-Language, which the app sends with every request.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Match

from fitmodel.deals.plain_words import expected_of, nearest
from fitmodel.exceptions import TrackingError
from fitmodel.language.catalogue import LANGUAGES, ORIGINAL, message_in, messages_in
from fitmodel.tables.cells import shortened
from fitmodel.tables.opening import duplicate_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic_core import ErrorDetails

PROBLEM_JSON = "application/problem+json"
LOG_UNREACHABLE = (
    "the decision log does not answer. Remedy: try again in a moment; the same decision sent twice "
    "is kept once"
)
API = "/v1/"
DEALS = "deals"  # texts of errors of past deals
LANGUAGE = "language"
"""Query parameter that every route of the API takes: it also chooses the language of errors."""
_NEEDED = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "dict_type": "an object",
    "float_parsing": "a number",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "list_type": "a list",
    "string_too_short": "a text that is not empty",
    "string_type": "a text",
}
"""Types of pydantic's errors, and what a value must be instead."""
_OTHER = {499: "Client Closed Request"}


class RefusedError(Exception):
    """A request that is answered with an HTTP error status."""

    def __init__(self, status: int, detail: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers


def problem(status: int, detail: str, language: str = ORIGINAL) -> bytes:
    """Return a problem detail as JSON: its title, its status, and a sentence with the remedy."""
    title = _OTHER.get(status) or HTTPStatus(status).phrase
    message = message_in(detail, language, DEALS)
    body = {"type": "about:blank", "title": title, "status": status, "detail": message}
    return json.dumps(body).encode()


def language_of(scope: Mapping[str, Any]) -> str:
    """Return the language that a request chooses; English if it is not a supported language."""
    query = parse_qs(str(scope.get("query_string", b""), "latin-1"))
    header = str(dict(scope.get("headers", ())).get(b"accept-language", b""), "latin-1")
    candidates = (*query.get("language", ()), header)
    return next(
        (name[:2].lower() for name in candidates if name[:2].lower() in LANGUAGES), ORIGINAL
    )


async def refuse_unknown_query(request: Request) -> None:
    """Refuse a query parameter of the API that the route does not have, or that is given twice.

    Files and probes of the process take any query: browsers, monitors and proxies add their own.

    Raises RefusedError: 422 with the parameter, the most similar one and all that the route has.
    """
    route = request.scope.get("route")
    if not isinstance(route, APIRoute) or not route.path.startswith(API):
        return
    known = dict.fromkeys([*(field.alias for field in route.dependant.query_params), LANGUAGE])
    given = [name for name, _ in request.query_params.multi_items()]
    unknown = next((name for name in given if name not in known), None)
    if unknown is not None:
        raise RefusedError(422, _no_parameter(unknown, known))
    if duplicates := duplicate_names(given):
        raise RefusedError(
            422, f"the query parameter {duplicates[0]!r} is given twice; give it once"
        )


def _no_parameter(name: str, known: Iterable[str]) -> str:
    suggested = nearest(name, known)
    hint = "" if suggested is None else f" Did you mean {suggested!r}?"
    listed = ", ".join(map(repr, known))
    return f"there is no query parameter {shortened(name)}.{hint} This route takes {listed}"


def add_problems(app: FastAPI) -> None:
    """Add handlers that answer every error with a problem detail."""

    @app.exception_handler(RequestValidationError)
    async def explain(request: Request, error: RequestValidationError) -> Response:
        """Answer an invalid query or body with one sentence per problem."""
        found = [_sentence(item, request) for item in error.errors()]
        language = language_of(request.scope)
        body = problem(422, messages_in("; ".join(found), language))
        return Response(body, 422, media_type=PROBLEM_JSON)

    @app.exception_handler(TrackingError)
    async def log_unreachable(request: Request, _error: TrackingError) -> Response:
        """Answer that the decision log is not available, without its location."""
        return _response(request, 503, LOG_UNREACHABLE, {"retry-after": "1"})

    @app.exception_handler(HTTPException)
    async def refuse(request: Request, error: HTTPException) -> Response:
        """Answer errors of the framework: an unknown path, a method that a path does not take."""
        methods = _methods(app, request.scope)
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED and methods:
            allowed = ", ".join(methods)
            detail = f"this path does not take {request.method}; it takes {allowed}"
            return _response(request, error.status_code, detail, {"allow": allowed})
        if error.status_code == HTTPStatus.NOT_FOUND and error.detail == "Not Found":
            return _response(request, 404, "there is no such path; /openapi.json lists the paths")
        return _response(request, error.status_code, str(error.detail), error.headers)


def _response(
    request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None
) -> Response:
    body = problem(status, detail, language_of(request.scope))
    return Response(body, status, headers, PROBLEM_JSON)


def _methods(app: FastAPI, scope: Mapping[str, Any]) -> list[str]:
    """Return the methods of all routes of a path; two routes may share a path."""
    routes = [route for route in app.routes if isinstance(route, APIRoute)]
    matching = [each for each in routes if each.matches(cast("Any", scope))[0] is not Match.NONE]
    methods = {method for route in matching for method in route.methods or ()}
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))


def _sentence(item: ErrorDetails, request: Request) -> str:
    """Return what is wrong with one value of a query or body."""
    name, given = item["loc"][:2][-1], shortened(item["input"])  # the field, not a part of it
    if item["type"] == "json_invalid":
        return f"the body is not JSON: {item['ctx']['error']}"
    if item["loc"] == ("body",):
        return "the body must be a JSON object, sent with the header Content-Type: application/json"
    if item["type"] == "missing":
        return f"{name}: it is missing"
    if item["type"] == "extra_forbidden":
        return f"{name}: there is no such field; known are {', '.join(_fields(request))}"
    if item["type"] == "string_pattern_mismatch":
        return f"{name}: not {given}. {_description(str(name), request)}"
    needed = expected_of(item, _NEEDED)
    return (
        f"{name}: must be {needed}, not {given}" if needed != item["msg"] else f"{name}: {needed}"
    )


def _fields(request: Request) -> list[str]:
    """Return the fields of the body that a route takes."""
    body = request.scope["route"].body_field
    return list(body.field_info.annotation.model_fields)


def _description(name: str, request: Request) -> str:
    """Return the description of a query parameter."""
    fields = request.scope["route"].dependant.query_params
    return next(str(field.field_info.description) for field in fields if field.alias == name)


def kind_and_line(error: Exception) -> str:
    """Return the type of an error and its place in the code, but not its message.

    The message may contain a prospect's values.
    """
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    where = "" if last is None else f" at {last.tb_frame.f_code.co_name}:{last.tb_lineno}"
    return f"{type(error).__name__}{where}"
