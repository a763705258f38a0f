"""The open pipeline over HTTP: its scored rows, one row in full, and the file as CSV."""

from __future__ import annotations

import gzip
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse

from fitmodel.exceptions import FitModelError
from fitmodel.service._middleware import RefusedError
from fitmodel.service._page_routes import person_of
from fitmodel.service._routes import Language
from fitmodel.service.schema import failures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fitmodel.following import ModelHolder
    from fitmodel.service._pipeline import Pipeline
    from fitmodel.service._pipeline_rows import PipelineRow, PipelineRows
    from fitmodel.service._timeline import Timelines

PIPELINE = "/v1/pipeline"
NO_PIPELINE = "the service was not given a pipeline (--pipeline)"
FAILURES: dict[int | str, dict[str, Any]] = {
    **failures("401", "503"),
    "404": {"description": "The service was not given a pipeline, or it has no such row"},
}
Key = Annotated[
    str,
    Query(min_length=1, max_length=1_000, description="Key of the row, as in the list of rows."),
]
Full = Annotated[
    bool, Query(description="Also return all cells of the file, the scored values and the reasons.")
]


def add_pipeline(
    app: FastAPI,
    holder: ModelHolder,
    pipeline: Pipeline | None,
    rows: PipelineRows | None,
    timelines: Timelines,
) -> None:
    """Add the routes of the open pipeline."""

    @app.get(PIPELINE, response_class=Response, responses=FAILURES)
    def open_pipeline(request: Request) -> Response:
        """Return the open pipeline as CSV, if the service has one; a rep sees the own deals."""
        if pipeline is None:
            raise RefusedError(404, NO_PIPELINE)
        with _errors_as_answers():
            rep = holder.model.manifest.get("spec", {}).get("deals", {}).get("rep")
            text = pipeline.read_for(person_of(request), rep)
            return Response(text, media_type="text/csv; charset=utf-8")

    @app.get(f"{PIPELINE}/rows", responses=FAILURES)
    def scored_rows(
        request: Request,
        language: Language = "en",
        full: Full = False,
    ) -> Response:
        """Return open prospects with assessment and latest decision; a rep sees the own ones."""
        if rows is None:
            raise RefusedError(404, NO_PIPELINE)
        person = person_of(request)
        with _errors_as_answers():
            if not full:
                return _unpacked_if_asked(request, rows.listed(person, language))
            return JSONResponse(rows.whole(person, language))

    @app.get(f"{PIPELINE}/row", responses=FAILURES)
    def scored_row(request: Request, key: Key, language: Language = "en") -> JSONResponse:
        """Return one open prospect: its assessment, its cells, and the attributes scored."""
        return JSONResponse(_row_of(rows, request, key, language).whole())

    @app.get(f"{PIPELINE}/timeline", responses=FAILURES)
    def timeline(request: Request, key: Key, language: Language = "en") -> dict[str, Any]:
        """Return the CRM's records of one open prospect: values, changes and events."""
        row = _row_of(rows, request, key, language)
        try:
            return timelines.of(row.cells, language)
        except (FitModelError, OSError) as error:
            status = 503 if timelines.has_history() else 404
            raise RefusedError(status, str(error)) from error


def _row_of(rows: PipelineRows | None, request: Request, key: str, language: str) -> PipelineRow:
    """Return the row of a key; raise RefusedError if the user may not see it or there is none."""
    if rows is None:
        raise RefusedError(404, NO_PIPELINE)
    with _errors_as_answers():
        shown = rows.row(person_of(request), key, language)
    if shown is None:
        raise RefusedError(404, "the pipeline has no such prospect")
    return shown


def _unpacked_if_asked(request: Request, packed: bytes) -> Response:
    """Return the compressed JSON as it is; decompress it if the client does not accept gzip."""
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(gzip.decompress(packed), media_type="application/json")
    headers = {"content-encoding": "gzip", "vary": "Accept-Encoding"}
    return Response(packed, media_type="application/json", headers=headers)


@contextmanager
def _errors_as_answers() -> Iterator[None]:
    try:
        yield
    except (FitModelError, OSError) as error:
        raise RefusedError(503, f"the pipeline cannot be read: {error}") from error
