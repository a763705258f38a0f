"""The open pipeline over HTTP: scored rows, one row in full, its timeline, the file as CSV."""

from __future__ import annotations

import gzip
import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import pandas as pd
from fastapi import FastAPI, Query, Request, Response

from fitmodel.crm.attributes import attributes_as_of
from fitmodel.crm.timeline import timeline
from fitmodel.exceptions import DealsError, FitModelError
from fitmodel.language.catalogue import phrases
from fitmodel.service._problems import RefusedError
from fitmodel.service._routes import JsonResponse, Language
from fitmodel.service.schema import failures
from fitmodel.service.settings import person_of
from fitmodel.tables.cells import level_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fitmodel.crm.requests import RequestHistories
    from fitmodel.crm.timeline import Timeline
    from fitmodel.language.catalogue import Say
    from fitmodel.loading import ModelHolder
    from fitmodel.model.wording import Wording
    from fitmodel.service._pipeline import Pipeline
    from fitmodel.service._pipeline_rows import PipelineRow, PipelineRows

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
SOURCE_TEXTS = {
    "last change before": "source_changed",
    "old value of a later change": "source_before_first",
    "never changed": "source_never_changed",
    "not known": "source_unknown",
    "the table, as of today": "source_today",
}


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
    def scored_rows(request: Request, language: Language = "en", full: Full = False) -> Response:
        """Return open prospects with assessment and latest decision; a rep sees the own ones."""
        if rows is None:
            raise RefusedError(404, NO_PIPELINE)
        person = person_of(request)
        with _errors_as_answers():
            if not full:
                return _gzip_response(request, rows.listed(person, language))
            return JsonResponse(rows.full(person, language))

    @app.get(f"{PIPELINE}/row", responses=FAILURES)
    def scored_row(request: Request, key: Key, language: Language = "en") -> JsonResponse:
        """Return one open prospect: its assessment, its cells, and the attributes scored."""
        return JsonResponse(_row_of(rows, request, key, language).full())

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


def _gzip_response(request: Request, packed: bytes) -> Response:
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


class Timelines:
    """Timelines of single prospects, from the history tables of the model in use."""

    def __init__(self, holder: ModelHolder, histories: RequestHistories) -> None:
        self._holder, self._histories = holder, histories

    def has_history(self) -> bool:
        """Return whether the contract of the model in use names history tables."""
        return self._histories.of(self._holder.model).spec is not None

    def of(self, cells: Mapping[str, str], language: str) -> dict[str, Any]:
        """Return the timeline of a prospect, given the cells of its row.

        Raises DealsError or DatabaseError if the contract names no tables, the tables cannot be
        read, or the row has no id.
        """
        model = self._holder.model
        spec = self._histories.of(model).spec
        if spec is None:
            raise DealsError("the model's contract names no tables of history")
        name = str(spec.deals.id)
        prospect_id = level_text(cells.get(name, ""))
        if not prospect_id:
            raise DealsError(f"the prospect has no {name!r}, by which its history is found")
        history = self._histories.of(model).for_ids([prospect_id])
        if history is None:
            raise DealsError("the model's contract names no tables of history")
        row = pd.DataFrame([{key: text or None for key, text in cells.items()}], dtype=object)
        result = attributes_as_of(row, spec, history.tables)
        shown = timeline(row, spec, history.tables, result, prospect_id)
        return _shown(shown, model.scorer.wording.in_language(language), phrases(language, "desk"))


def _shown(shown: Timeline, wording: Wording, say: Say) -> dict[str, Any]:
    fields: Any = shown.fields.itertuples()
    records: Any = shown.records.itertuples()
    return {
        "as_of": str(shown.moment.astype("datetime64[s]")),
        "fields": [
            {
                "label": wording.label(row.attribute),
                "value": _text(row.value),
                "today": _text(row.today),
                "source": say(SOURCE_TEXTS[row.source]),
                "recorded_at": None if pd.isna(row.recorded_at) else row.recorded_at.isoformat(),
            }
            for row in fields
        ],
        "derived": [
            {"label": wording.label(str(name)), "value": _number(value)}
            for name, value in shown.derived.items()
        ],
        "records": [
            {
                "at": row.at.isoformat(timespec="seconds"),
                "table": _table(row.table, wording),
                "what": _change_text(row.what, wording),
                "known": bool(row.known),
            }
            for row in records
        ],
    }


def _table(section: str, wording: Wording) -> str:
    """Return a table's name from its section: "[events.activities]" gives "Activities"."""
    return wording.label(section.strip("[]").rpartition(".")[2])


def _change_text(text: str, wording: Wording) -> str:
    """Return the text of a change with the field's label; that of an event is not changed."""
    name, separator, value = text.partition(": ")
    return f"{wording.label(name)}{separator}{value}" if separator else text


def _text(value: Any) -> str | None:
    return None if pd.isna(value) else str(value)


def _number(value: Any) -> float | str | None:
    if isinstance(value, str) or pd.isna(value):
        return None if pd.isna(value) else value
    number = float(value)
    return number if math.isfinite(number) else None
