"""The model over HTTP: card, evaluation, tables, champion beside challenger, and promotion.

the model in use -> its registered name and store -> both versions' manifests -> what differs
"""

from __future__ import annotations

import math
import pathlib
import re
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from fitmodel.bundle.reading import open_bundle
from fitmodel.exceptions import BundleError, EditError, TrackingError
from fitmodel.language.catalogue import ORIGINAL, message_in, messages_in, phrases
from fitmodel.model.opening import is_own_estimator, open_model
from fitmodel.reports.card import CARD_FILE, card_in
from fitmodel.reports.model_page import (
    attribute_table,
    card_page,
    card_tree,
    model_plots,
    rule_text,
)
from fitmodel.service._decision_routes import Name, WholeNumber
from fitmodel.service._page_routes import NOT_THERE, RARELY
from fitmodel.service._problems import RefusedError
from fitmodel.service._routes import Language
from fitmodel.service.schema import failures
from fitmodel.service.settings import person_of
from fitmodel.tracking.connection import database_file, tracking_uri
from fitmodel.tracking.promotion import PromotionRefusedError, follow_champion, look_ahead, promote
from fitmodel.tracking.registry import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fitmodel.bundle.reading import Bundle
    from fitmodel.evaluation.comparison import Comparison
    from fitmodel.language.catalogue import Say
    from fitmodel.loading import ModelHolder
    from fitmodel.model.fitmodel import FitModel
    from fitmodel.tracking.promotion import Promotion

REFUSALS: dict[int | str, dict[str, Any]] = {
    **failures("400", "401", "408", "413", "503"),
    "403": {"description": "Only a manager promotes a model"},
    "409": {"description": "The evidence does not support it; the detail says what is missing"},
    "422": {"description": "The promotion is not whole; the detail names the field"},
}
Attribute = Annotated[str, Path(max_length=500, description="Name of an attribute.")]
METRICS = ("log_loss_skill", "log_loss", "roc_auc", "brier", "calibration_slope")
NO_STORE = (
    "no MLflow store is known, so there is no challenger. Remedy: start the service where the "
    "models were trained, or name the store in [tracking] uri or MLFLOW_TRACKING_URI"
)


class PromotionWanted(BaseModel):
    """The version to promote, with the person and the reason."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"version": 4, "reason": "better on the deals since May", "by": "Kim"}
        },
    )

    version: WholeNumber = Field(ge=1, le=2**31, description="Version of the registered model.")
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
        model = holder.model
        text = card_in(_card(model), language)
        return {"version": model.version, "markdown": text, "nodes": card_tree(text)}

    @app.get("/v1/model/plots", responses=RARELY)
    def plots(language: Language = "en") -> dict[str, Any]:
        """Return the plots of the model's evaluation as trees: calibration and level over time."""
        return {"plots": model_plots(holder.model.manifest, language)}

    @app.get("/v1/model/card.html", responses=RARELY | NOT_THERE, response_class=Response)
    def card_file(language: Language = "en") -> Response:
        """Return the model card as an HTML page to save or print."""
        page = card_page(card_in(_card(holder.model), language), language)
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


def _card(model: FitModel) -> str:
    """Return the card of a model's bundle, after checking its digest."""
    try:
        bundle = None if model.path is None else open_bundle(model.path)
        if bundle is None or CARD_FILE not in bundle.files:
            raise RefusedError(404, "the model's bundle holds no card. Remedy: train it again")
        return bundle.read(CARD_FILE).decode()
    except (BundleError, UnicodeDecodeError) as error:
        raise RefusedError(503, f"the card cannot be read: {error}") from error


class Registry:
    """The registered model of which the service uses a version."""

    def __init__(self, holder: ModelHolder) -> None:
        self._holder = holder

    @property
    def name(self) -> str:
        """Name of the registered model."""
        tracking = self._tracking()
        return str(tracking.get("registered_model") or "prospect-fit")

    @property
    def store(self) -> str | None:
        """Address of the MLflow store in the contract; None if it names none."""
        return self._tracking().get("uri")

    def side_by_side(self, language: str) -> dict[str, Any]:
        """Return a description of champion and challenger, and why a promotion would be refused.

        Raises TrackingError or BundleError if the store does not answer, or a bundle cannot be
        read.
        """
        self._check_store()
        outlook = look_ahead(self.name, store=self.store)
        say = phrases(language, "desk")
        known = {"champion": outlook.champion, "challenger": outlook.version}
        bundles = {
            side: None if number is None else self._bundle(number) for side, number in known.items()
        }
        manifests = {
            side: None if made is None else made.manifest for side, made in bundles.items()
        }
        rules = {
            side: None if made is None else _rule(made, language) for side, made in bundles.items()
        }
        return {
            "name": self.name,
            "in_use": self._holder.model.version,
            **known,
            "rows": [*_rows(known, manifests, say), {"label": say("side_policy"), **rules}],
            "comparison": _compared(outlook.comparison, say, language),
            "refusal": outlook.refusal,
            "refusal_words": None
            if outlook.refused is None
            else self._with_labels(_refused(outlook.refused, say, language), language),
        }

    def _with_labels(self, text: str, language: str) -> str:
        """Return a text in which groups, such as "lead_source = event", have attributes' labels."""
        model = self._holder.model
        wording = model.scorer.wording.in_language(language)
        names = "|".join(map(re.escape, sorted(model.attributes, key=len, reverse=True)))
        group = re.compile(rf"(?<![\w.])({names})(?= = )")
        return group.sub(lambda match: wording.label(match[0]), text)

    def promote(self, version: int, *, reason: str, force: bool, by: str) -> Promotion:
        """Promote a version by the rules of `fitmodel promote`, and use it in this service.

        Raises PromotionRefusedError, TrackingError or BundleError: as
        `fitmodel.tracking.promotion.promote`.
        """
        self._check_store()
        done = promote(
            self.name, version=version, force=force, reason=reason, by=by, store=self.store
        )
        source = self._holder.source
        if not str(source).startswith("models:/") and pathlib.Path(source).name == self.name:
            follow_champion(pathlib.Path(source).parent, self.name, self.store)
        self._holder.refresh()
        return done

    def _tracking(self) -> dict[str, Any]:
        spec = self._holder.model.manifest.get("spec") or {}
        tracking: dict[str, Any] = spec.get("tracking") or {}
        return tracking

    def _check_store(self) -> None:
        file = database_file(tracking_uri(self.store))
        if file is not None and not file.is_file():  # connecting would create the file
            raise TrackingError(NO_STORE)

    def _bundle(self, version: int) -> Bundle:
        return open_bundle(resolve(f"models:/{self.name}/{version}", self.store))


def _rule(bundle: Bundle, language: str) -> str:
    """Return the text of a version's decision rule; for a user's own estimator, the stored one."""
    if is_own_estimator(bundle):
        return message_in(str(bundle.manifest.get("policy") or ""), language)
    scorer = open_model(bundle).scorer
    return rule_text(scorer.policy, language, money_format=scorer.wording.money)


def _refused(refused: PromotionRefusedError, say: Say, language: str) -> str:
    if not refused.kind:
        return message_in(str(refused), language)
    values = dict(refused.values)
    if language != ORIGINAL and "problems" in values:
        values["problems"] = messages_in(str(values["problems"]), language)
    blank = " " if language == "en" else ""
    caveat = str(values.pop("caveat", ""))
    stays = say("refused_stays") + (caveat and f"{blank}{message_in(caveat, language)}")
    return f"{say(f'refused_{refused.kind}', **values)}{blank}{stays}"


def _rows(
    numbers: Mapping[str, int | None], manifests: Mapping[str, Mapping[str, Any] | None], say: Say
) -> list[dict[str, Any]]:
    """Return one row per property of champion and challenger; None for a side that is absent."""
    lines = {
        say("side_version"): {
            side: None if made is None else f"{numbers[side]} ({made.get('version')})"
            for side, made in manifests.items()
        },
        say("side_period"): _for_each_side(manifests, lambda made: _period(made, say)),
        say("side_deals"): _for_each_side(
            manifests, lambda made: _count(_report(made).get("n_deals"))
        ),
    }
    for name in METRICS:
        lines[say(f"side_{name}")] = _for_each_side(
            manifests, lambda made, at=name: _metric(made, at, say)
        )
    return [{"label": label, **sides} for label, sides in lines.items()]


def _for_each_side(
    manifests: Mapping[str, Mapping[str, Any] | None], describe: Any
) -> dict[str, str | None]:
    return {
        side: None if made is None else (describe(made) or None) for side, made in manifests.items()
    }


def _report(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    report: Mapping[str, Any] = manifest.get("report") or {}
    return report


def _period(manifest: Mapping[str, Any], say: Say) -> str:
    period = manifest.get("period") or ()
    return say("between", low=period[0], high=period[-1]) if period else ""


def _metric(manifest: Mapping[str, Any], name: str, say: Say) -> str:
    metric = (_report(manifest).get("metrics") or {}).get(name) or {}
    value, low, high = (metric.get(key) for key in ("value", "low", "high"))
    if not all(
        isinstance(each, int | float) and math.isfinite(each) for each in (value, low, high)
    ):
        return ""
    return f"{value:.3f} ({say('between', low=f'{low:.3f}', high=f'{high:.3f}')})"


def _count(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else ""


def _compared(comparison: Comparison | None, say: Say, language: str) -> dict[str, Any] | None:
    """Return the comparison of both on the same later deals, as numbers and as a sentence."""
    if comparison is None:
        return None
    numbers = {key: getattr(comparison, key) for key in ("deals", "gain", "low", "high")}
    key = "side_not_compared" if comparison.deals == 0 else "side_compared"
    sentence = say(
        key,
        deals=f"{comparison.deals:,}",
        gain=f"{comparison.gain:+.4f}",
        low=f"{comparison.low:+.4f}",
        high=f"{comparison.high:+.4f}",
    )
    objections = [message_in(each, language) for each in comparison.objections]
    return {**numbers, "sentence": sentence, "objections": objections}
