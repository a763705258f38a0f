"""The model over HTTP: its card, its evaluation, its tables, and the promotion of a challenger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from fitmodel.exceptions import BundleError, EditError, FitModelError, TrackingError
from fitmodel.language.messages import message_in
from fitmodel.reports.card_language import card_in
from fitmodel.reports.model_page import attribute_table, card_page, card_tree, model_plots
from fitmodel.service._decision_routes import Name, Whole
from fitmodel.service._middleware import RefusedError
from fitmodel.service._page_routes import NOT_THERE, RARELY, person_of
from fitmodel.service._routes import Language
from fitmodel.service._versions import Registry
from fitmodel.service.schema import failures
from fitmodel.tracking.promotion import PromotionRefusedError

if TYPE_CHECKING:
    from fitmodel.following import ModelHolder

CARD_FILE = "card.md"
REFUSALS: dict[int | str, dict[str, Any]] = {
    **failures("400", "401", "408", "413", "503"),
    "403": {"description": "Only a manager promotes a model"},
    "409": {"description": "The evidence does not support it; the detail says what is missing"},
    "422": {"description": "The promotion is not whole; the detail names the field"},
}
Attribute = Annotated[str, Path(max_length=500, description="Name of an attribute.")]


class PromotionWanted(BaseModel):
    """The version to promote, with the person and the reason."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"version": 4, "reason": "better on the deals since May", "by": "Kim"}
        },
    )

    version: Whole = Field(ge=1, le=2**31, description="Version of the registered model.")
    reason: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000, strict=True)
    ] = Field(description="Reason, stored with the version.")
    by: Name | None = Field(
        default=None, description="Name of the person; not needed if the service knows it."
    )
    force: bool = Field(
        default=False, description="Promote even if the evidence does not support it."
    )


def add_model(app: FastAPI, holder: ModelHolder) -> None:
    """Add the routes of the model."""
    _add_descriptions(app, holder)
    registry = Registry(holder)

    @app.get("/v1/model/versions", responses=RARELY)
    def versions(language: Language = "en") -> dict[str, Any]:
        """Return champion and challenger side by side, and whether a promotion would be refused.

        If there is no registry, or it does not answer, `problem` describes it.
        """
        try:
            return {"problem": None} | registry.side_by_side(language)
        except (TrackingError, BundleError) as error:
            return {"problem": message_in(str(error), language)}

    @app.post("/v1/model/promotion", responses=REFUSALS)
    def promotion(
        wanted: PromotionWanted, request: Request, language: Language = "en"
    ) -> dict[str, Any]:
        """Promote a version if the evidence supports it, or if forced; managers only."""
        person = person_of(request)
        if person.is_rep:
            raise RefusedError(403, "only a manager promotes a model")
        by = person.name or wanted.by
        if not by:
            raise RefusedError(422, "by: say who promotes it")
        try:
            done = registry.promote(wanted.version, reason=wanted.reason, force=wanted.force, by=by)
        except PromotionRefusedError as refused:
            raise RefusedError(409, str(refused)) from refused
        except (TrackingError, BundleError) as error:
            raise RefusedError(503, str(error)) from error
        warning = None if done.warning is None else message_in(done.warning, language)
        answer = {"version": done.version, "previous": done.previous, "warning": warning}
        return answer | {"in_use": holder.model.version}


def _add_descriptions(app: FastAPI, holder: ModelHolder) -> None:

    @app.get("/v1/model/card", responses=RARELY | NOT_THERE)
    def card(language: Language = "en") -> dict[str, Any]:
        """Return the model card, as Markdown and as a tree of elements."""
        text = card_in(_card(holder), language)
        return {"version": holder.model.version, "markdown": text, "nodes": card_tree(text)}

    @app.get("/v1/model/plots", responses=RARELY)
    def plots(language: Language = "en") -> dict[str, Any]:
        """Return the plots of the model's evaluation as trees: calibration and level over time."""
        return {"plots": model_plots(holder.model.manifest, language)}

    @app.get("/v1/model/card.html", responses=RARELY | NOT_THERE, response_class=Response)
    def card_file(language: Language = "en") -> Response:
        """Return the model card as an HTML page to save or print."""
        page = card_page(card_in(_card(holder), language), language)
        return Response(page, media_type="text/html; charset=utf-8")

    @app.get("/v1/model/tables/{attribute}", responses=RARELY | NOT_THERE)
    def table(attribute: Attribute, language: Language = "en") -> dict[str, Any]:
        """Return one attribute's table of the scorecard, and its plot as a tree of elements."""
        try:
            scorer = holder.model.scorer
            label = scorer.wording.in_language(language).label(attribute)
            return attribute_table(scorer.scorecard, attribute, language, label=label)
        except EditError as error:
            raise RefusedError(404, str(error)) from error


def _card(holder: ModelHolder) -> str:
    path = holder.model.path
    if path is None or not (path / CARD_FILE).is_file():
        raise RefusedError(404, "the model's bundle holds no card. Remedy: train it again")
    try:
        return (path / CARD_FILE).read_text(encoding="utf-8")
    except (OSError, FitModelError) as error:
        raise RefusedError(503, f"the card cannot be read: {error}") from error
