"""The deal desk: a page at /, its files, and the two routes that give it data.

The page and its files hold nothing of anybody and come without a token; the data do not. The page
scores through the same route as every other caller, and sends no id: what somebody tries out is
not written to the decision log.
"""

from __future__ import annotations

import io
import json
import zlib
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from fastapi import FastAPI, Response

from fitmodel.exceptions import FitModelError, ProspectError
from fitmodel.language.catalogue import LANGUAGES, read_texts
from fitmodel.model.row_encoder import missing_attributes
from fitmodel.reports.styles import STYLES, read_style
from fitmodel.scoring.streams import READERS
from fitmodel.scoring.tables import WORKBOOKS, kind_of, open_source
from fitmodel.service._middleware import RefusedError
from fitmodel.service._routes import MAX_REASONS, describe_model
from fitmodel.service.schema import example_prospect
from fitmodel.tables.encodings import UTF8, detect_encoding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fitmodel.decision.value import Money
    from fitmodel.following import ModelHolder
    from fitmodel.model.fitmodel import FitModel
    from fitmodel.service.settings import Settings


KINDS = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


def add_desk(
    app: FastAPI, holder: ModelHolder, limits: Settings, pipeline: Pipeline | None
) -> frozenset[str]:
    """Add the page; return its paths without data, which need no token."""
    pages = dict(_pages())
    for path, (body, kind) in pages.items():
        app.add_api_route(path, _sends(body, kind), include_in_schema=False)

    @app.get("/v1/desk")
    async def describe() -> dict[str, Any]:
        """Describe the model, its money and the limits for the page."""
        return describe_desk(holder.model, limits, pipeline)

    @app.get("/v1/pipeline", response_class=Response)
    def open_pipeline() -> Response:
        """The open pipeline as CSV, where the service was given one."""
        if pipeline is None:
            raise RefusedError(404, "the service was not given a pipeline (--pipeline)")
        try:
            return Response(pipeline.read_csv(), media_type="text/csv; charset=utf-8")
        except (FitModelError, OSError) as error:
            raise RefusedError(503, f"the pipeline cannot be read: {error}") from error

    return frozenset(pages)


def describe_desk(
    model: FitModel, limits: Settings, pipeline: Pipeline | None = None
) -> dict[str, Any]:
    """Roles, words, money and limits, beside what the model says of itself."""
    spec = model.manifest.get("spec", {})
    deals, scorer = spec.get("deals", {}), model.scorer
    money, per_year = scorer.policy.money, scorer.per_year
    return {
        "model": describe_model(model),
        "roles": {
            "id": deals.get("id"),
            "rep": deals.get("rep"),
            "amount": model.scorer.amount,
            "closed_on": model.scorer.closed_on,
        },
        "actionable": spec.get("attributes", {}).get("actionable", []),
        "words": spec.get("words", {}),
        "cost_of_early_churn": None if money is None else cost_of_early_churn(money, per_year),
        "limits": {
            "bytes": limits.most_bytes,
            "prospects": limits.most_prospects,
            "reasons": MAX_REASONS,
        },
        "pipeline": None if pipeline is None else pipeline.path.name,
        "example": example_prospect(model),
    }


def cost_of_early_churn(money: Money, per_year: float = 1.0) -> dict[str, float]:
    """What a customer costs by leaving early instead of staying: linear in the amount as given.

    Money at risk is the probability of early churn times this cost, so that the value of a
    customer that stays, less the money at risk, is the expected value of signing.
    """
    fixed, of_one = (money.value_if_stays(a) - money.value_if_leaves(a) for a in (0.0, 1.0))
    return {"fixed": fixed, "per_amount": (of_one - fixed) * per_year}


def _pages() -> Iterator[tuple[str, tuple[bytes, str]]]:
    """Path, content and media type of everything that holds no data."""
    for file in files("fitmodel.service").joinpath("desk").iterdir():
        kind = KINDS.get(file.name.rpartition(".")[2])
        if kind is not None:
            path = "/" if file.name == "index.html" else f"/desk/{file.name}"
            yield path, (file.read_bytes(), kind)
    for name in STYLES:
        yield f"/desk/{name}", (read_style(name).encode(), KINDS["css"])
    for language in LANGUAGES:
        shown = dict(read_texts(language, "fit")) | dict(read_texts(language, "desk"))
        texts = json.dumps(shown, ensure_ascii=False)
        yield f"/desk/texts/{language}", (texts.encode(), "application/json")


def _sends(body: bytes, kind: str) -> Callable[[], Response]:
    def send() -> Response:
        return Response(body, media_type=kind)

    return send


CHUNK_ROWS = 10_000


@dataclass(frozen=True)
class Pipeline:
    """A file of prospects: CSV (plain or compressed), TSV or Parquet, told by its name.

    Parameters
    ----------
    path : Path
    limits : Settings
        As long as what a request may bring: the browser sends the rows back to be scored.
    """

    path: Path
    limits: Settings

    def check(self, model: FitModel) -> None:
        """Read it once.

        Raises
        ------
        ProspectError
            If it cannot be read, lacks an attribute of the model, or is too long.
        """
        if not self.path.is_file():
            raise ProspectError(f"there is no file {self.path}")
        with open_source(self.path, CHUNK_ROWS) as table:
            names = table.schema.names
            rows = sum(chunk.batch.num_rows for chunk in table.chunks)
        if not set(model.attributes) <= set(names):
            raise missing_attributes(model.attributes, names)
        if rows > self.limits.most_prospects:
            raise ProspectError(
                f"{self.path} has {rows:,} prospects, the desk shows {self.limits.most_prospects:,}"
                " at most. Remedy: give the open ones only, or use fitmodel score."
            )
        self.read_csv()

    def read_csv(self) -> bytes:
        """Give the file as CSV text in UTF-8, with its own separator.

        Raises
        ------
        ProspectError
            If it is longer than a request may be, or no CSV can be made of it.
        OSError
            If it is gone.
        """
        text = self._text()
        if len(text) > self.limits.most_bytes:
            raise ProspectError(
                f"{self.path} is longer than {self.limits.most_bytes:,} bytes. "
                "Remedy: give the open prospects only, or leave out columns."
            )
        return text

    def _text(self) -> bytes:
        kind, most = kind_of(self.path), self.limits.most_bytes + 1
        try:
            if kind == ".parquet":
                lines = io.BytesIO()
                pacsv.write_csv(pq.read_table(self.path), lines)
                return lines.getvalue()
            if kind in WORKBOOKS:
                lines = io.BytesIO()
                with open_source(self.path, CHUNK_ROWS) as table:
                    batches = [chunk.batch for chunk in table.chunks]
                    pacsv.write_csv(pa.Table.from_batches(batches, table.schema), lines)
                return lines.getvalue()
            with READERS[kind](self.path) if kind in READERS else self.path.open("rb") as file:
                text: bytes = file.read(most)
            encoding = detect_encoding(text)
            if encoding not in {UTF8, None}:
                text = text.decode(encoding, errors="replace").encode()
        # a list has no place in a line of CSV; a file that is written anew may be cut short
        except (pa.ArrowException, EOFError, zlib.error) as error:
            raise ProspectError(
                f"{self.path} cannot be shown as a table: {error}. Remedy: see that it is whole, "
                "and leave out columns that are neither text, number, flag nor date."
            ) from error
        return text
