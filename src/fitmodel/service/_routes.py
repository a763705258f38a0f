"""Routes of assessments, of the model and of the process.

body -> JSON -> one prospect or many -> the model in use -> assessments as JSON

FastAPI is imported at the top because it reads the type annotations of the functions; only
`create_app` imports this module.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from fastapi import FastAPI, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, PlainTextResponse

from fitmodel.crm.requests import RequestHistories, RequestHistory
from fitmodel.exceptions import DatabaseError, ProspectError
from fitmodel.language.catalogue import message_in
from fitmodel.model.horizons import MAX_HORIZONS, check_horizons
from fitmodel.model.logged import id_column, id_error, log_assessments
from fitmodel.model.unlike import list_warnings
from fitmodel.service._problems import RefusedError
from fitmodel.service.schema import complete_openapi, describe_model
from fitmodel.tables.opening import duplicate_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fitmodel.loading import ModelHolder
    from fitmodel.model.assessment import Assessment
    from fitmodel.model.fitmodel import FitModel
    from fitmodel.model.logged import AssessmentLog
    from fitmodel.service._metrics import Metrics
    from fitmodel.service.settings import Settings

IN_THE_LOOP = 64  # more or longer prospects are scored in a thread, so that others do not wait
BYTES_IN_THE_LOOP = 50_000
MAX_REASONS = 20
MAX_REASONS_IN_ALL = 50_000  # per response: each reason takes a few hundred bytes
ASSESSMENTS = "/v1/assessments"
BATCH = "/v1/assessments/batch"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
Reasons = Annotated[int, Query(ge=0, le=MAX_REASONS, description="Number of reasons per prospect.")]
Language = Annotated[
    Literal["en", "zh"], Query(description="Language of the texts and of error messages.")
]
Horizons = Annotated[
    str | None,
    Query(
        pattern=rf"^[1-9]\d{{0,3}}(,[1-9]\d{{0,3}}){{0,{MAX_HORIZONS - 1}}}$",
        description="Other horizons in months, such as 3,12: probability and interval for each.",
    ),
]


class JsonResponse(JSONResponse):
    """JSON in UTF-8; half of a sign cut in two, which UTF-8 cannot encode, is escaped."""

    def render(self, content: Any) -> bytes:
        """Return the content as JSON."""
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode(errors="backslashreplace")


def add_assessments(
    app: FastAPI,
    holder: ModelHolder,
    metrics: Metrics,
    limits: Settings,
    log: AssessmentLog | None,
    histories: RequestHistories,
) -> None:
    """Add the routes that assess prospects."""

    async def answers(
        prospects: list[Any], size: int, reasons: int, language: str, horizons: Horizons
    ) -> tuple[list[Assessment | str], list[str]]:
        _check_reasons(len(prospects), reasons)
        model = holder.model
        options: dict[str, Any] = {"language": language, "horizons": parse_months(model, horizons)}
        history = histories.of(model)
        is_long = len(prospects) > IN_THE_LOOP or size > BYTES_IN_THE_LOOP
        assess = partial(assess_many, model, prospects, reasons, log, history=history, **options)
        try:
            in_thread = is_long or log is not None or history.spec is not None
            items = await run_in_threadpool(assess) if in_thread else assess()
        except DatabaseError as error:
            raise RefusedError(503, str(error)) from error
        kinds = ("error" if isinstance(item, str) else item.fit for item in items)
        metrics.count_assessments(Counter(kinds))
        names = [name for name in model.attributes if name not in history.columns]
        return items, list_warnings(model.scorer, prospects, items, names)

    @app.post(ASSESSMENTS)
    async def assess(
        request: Request, reasons: Reasons = 3, language: Language = "en", horizons: Horizons = None
    ) -> JsonResponse:
        """Assess one prospect, a list of prospects, or {"prospects": [...]}."""
        body = await request.body()
        result = read_prospects(body, limits)
        prospects = [result] if isinstance(result, dict) else result
        items, warnings = await answers(prospects, len(body), reasons, language, horizons)
        if isinstance(result, list):
            return JsonResponse(_listed(items, warnings, language))
        if isinstance(items[0], str):
            raise RefusedError(422, items[0])
        return JsonResponse(items[0].to_dict())

    @app.post(BATCH)
    async def assess_batch(
        request: Request, reasons: Reasons = 3, language: Language = "en", horizons: Horizons = None
    ) -> JsonResponse:
        """Assess several prospects; one that cannot be scored gets an error instead."""
        body = await request.body()
        prospects = read_prospects(body, limits)
        if isinstance(prospects, dict):
            raise RefusedError(400, 'give {"prospects": [...]} or a list of objects')
        items, warnings = await answers(prospects, len(body), reasons, language, horizons)
        return JsonResponse(_listed(items, warnings, language))


def add_status(app: FastAPI, holder: ModelHolder, metrics: Metrics) -> None:
    """Add the routes on the model in use and on the process."""

    @app.get("/v1/model")
    async def describe() -> dict[str, Any]:
        """Return the model in use and the attributes it expects."""
        return describe_model(holder.model)

    @app.get("/healthz")
    async def alive() -> dict[str, str]:
        """Return that the process is alive."""
        return {"status": "alive"}

    @app.get("/readyz")
    async def ready() -> dict[str, Any]:
        """Return the model in use, and whether the last check for a new one succeeded."""
        return {
            "status": "ready",
            "model_version": holder.model.version,
            "reload": "failed" if holder.failure else "ok",
            "registry": "away" if holder.is_from_cache else "ok",
        }

    @app.get("/metrics", response_class=PlainTextResponse)
    async def count() -> PlainTextResponse:
        """Return the metrics for Prometheus."""
        text = metrics.text(
            holder.model.version,
            reload_failed=holder.failure is not None,
            registry_away=holder.is_from_cache,
        )
        return PlainTextResponse(text, media_type=PROMETHEUS)


def describe_in_openapi(
    app: FastAPI,
    holder: ModelHolder,
    limits: Settings,
    posts: Mapping[str, Callable[[FitModel], dict[str, Any]]] | None = None,
) -> None:
    """Make OpenAPI describe the attributes of the model in use at the time of the request.

    `posts` gives, for other paths that take prospects, a function that describes their POST.
    """
    base_openapi = app.openapi

    def openapi_of_model() -> dict[str, Any]:
        described = complete_openapi(
            base_openapi(), holder.model, has_token=limits.token is not None
        )
        for path, describe in (posts or {}).items():
            described["paths"][path]["post"] |= describe(holder.model)
        return described

    app.openapi = openapi_of_model  # type: ignore[method-assign]  # FastAPI's own way to extend it


def read_prospects(body: bytes, limits: Settings) -> dict[str, Any] | list[Any]:
    """Read one prospect or many from a request's body.

    Raises RefusedError: 400 if it is not JSON or not a prospect, 413 if there are too many
    prospects.
    """
    try:
        result = json.loads(
            body, parse_constant=_refuse_constant, object_pairs_hook=_refuse_duplicate_names
        )
    except (ValueError, RecursionError) as error:
        raise RefusedError(
            400,
            f"the body is not JSON: {_short(error)}. Remedy: send a prospect as an object of its "
            "attributes, or several as a list of objects",
        ) from error
    if isinstance(result, dict) and isinstance(result.get("prospects"), list):
        result = result["prospects"]
    if not isinstance(result, dict | list):
        raise RefusedError(400, "give a prospect as an object, or several as a list of objects")
    if isinstance(result, list) and len(result) > limits.max_prospects:
        raise RefusedError(
            413,
            f"more than {limits.max_prospects:,} prospects in one request; send them in several",
        )
    return result


def parse_months(model: FitModel, horizons: str | None) -> tuple[int, ...]:
    """Parse months from text such as 3,12.

    Raises RefusedError: 409 if the model in use cannot predict at one of them; another model may be
    able to.
    """
    if horizons is None:
        return ()
    try:
        return check_horizons(model, [int(part) for part in horizons.split(",")])
    except ProspectError as error:
        raise RefusedError(409, str(error)) from error


def _check_reasons(prospects: int, reasons: int) -> None:
    if prospects * reasons > MAX_REASONS_IN_ALL:
        raise RefusedError(
            413,
            f"{reasons} reasons for {prospects:,} prospects are more than "
            f"{MAX_REASONS_IN_ALL:,} in one answer; ask for fewer of either",
        )


def assess_many(
    model: FitModel,
    prospects: list[Any],
    reasons: int,
    log: AssessmentLog | None = None,
    *,
    language: str = "en",
    history: RequestHistory | None = None,
    horizons: Sequence[int] = (),
) -> list[Assessment | str]:
    """Return an assessment, or an error in English, per prospect; they are logged first."""
    completed = (history or RequestHistory(model.manifest)).attached(prospects, model.attributes)
    answers = [_assess(model, prospect, reasons, language, horizons) for prospect in completed]
    if log is not None:
        answers = _logged(log, model, prospects, answers)
    return answers


def _shown(item: Assessment | str, language: str) -> dict[str, Any]:
    return {"error": message_in(item, language)} if isinstance(item, str) else item.to_dict()


def _listed(
    items: list[Assessment | str], warnings: list[str], language: str
) -> dict[str, list[Any]]:
    """Return the answer about several prospects, with warnings if there are any."""
    assessments = {"assessments": [_shown(item, language) for item in items]}
    texts = [message_in(warning, language) for warning in warnings]
    return assessments | ({"warnings": texts} if texts else {})


def _assess(
    model: FitModel, prospect: Any, reasons: int, language: str, horizons: Sequence[int] = ()
) -> Assessment | str:
    """Return the assessment of one prospect, or an error message if it cannot be scored."""
    if isinstance(prospect, ProspectError):
        return str(prospect)
    if not isinstance(prospect, dict):
        return "a prospect is an object of attributes and values"
    try:
        if horizons:
            return model.predict(
                prospect, reasons=reasons, language=language, horizon_months=horizons
            )
        return model.predict(prospect, reasons=reasons, language=language)
    except ProspectError as error:
        return str(error)


def _logged(
    log: AssessmentLog, model: FitModel, prospects: list[Any], predictions: list[Assessment | str]
) -> list[Assessment | str]:
    """Log the assessments of prospects with an id: without it no outcome could be joined."""
    name = id_column(model)
    answers = [_with_usable_id(*pair, name) for pair in zip(prospects, predictions, strict=True)]
    positions = [
        position
        for position, item in enumerate(answers)
        if not isinstance(item, str) and prospects[position].get(name) is not None
    ]
    if not positions:  # nothing to log, so the log does not have to be available
        return answers
    to_log = [cast("Assessment", answers[position]) for position in positions]
    proceed = log_assessments(log, model, [prospects[position] for position in positions], to_log)
    for position, item, may_proceed in zip(positions, to_log, proceed, strict=True):
        answers[position] = replace(item, proceed=may_proceed)
    return answers


def _with_usable_id(prospect: Any, item: Assessment | str, name: str | None) -> Assessment | str:
    if name is None or isinstance(item, str) or prospect.get(name) is None:
        return item
    return id_error(prospect[name], name) or item


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON; write null for what is not known")


def _refuse_duplicate_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object with a name twice, because JSON readers differ in which value they take."""
    result = dict(pairs)
    if len(result) < len(pairs):
        name = duplicate_names([name for name, _ in pairs])[0]
        raise ValueError(f"an object has {name[:100]!r} more than once; write it once")
    return result


def _short(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "too deeply nested"
    if "set_int_max_str_digits" in str(error):  # Python's own message is for programmers
        return "a number of thousands of digits"
    return str(error)
