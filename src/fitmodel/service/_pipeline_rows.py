"""The scored open pipeline: one row per prospect, as the page lists it.

file -> read and scored in one batch -> rows, kept until the file, the model or the day changes
     -> the rows that the user may see, with the latest decision on each, read at every request;
        if the decision log does not answer: rows without decisions, and a message that says so
"""

from __future__ import annotations

import gzip
import json
import math
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.exceptions import FitModelError, TrackingError
from fitmodel.language.catalogue import LANGUAGES, message_in, phrases
from fitmodel.model.unlike import assessed
from fitmodel.service._schemas import SHOWN_COLUMNS
from fitmodel.service.settings import ANYBODY
from fitmodel.tables.cells import is_missing, level_text
from fitmodel.tables.values import today

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from numpy.typing import NDArray

    from fitmodel.decision.value import Money
    from fitmodel.loading import ModelHolder
    from fitmodel.model.assessment import Reason
    from fitmodel.model.fitmodel import FitModel
    from fitmodel.scoring.in_memory import ProspectTable, ScoredRows
    from fitmodel.service._decision_routes import LatestDecision, LatestDecisions
    from fitmodel.service._pipeline import Pipeline
    from fitmodel.service.settings import Person

    Numbers = NDArray[np.float64]

REASONS = 3
GZIP_LEVEL = 4  # takes a third of the time of level 9


@dataclass(frozen=True, eq=False)
class PipelineRow:
    """One prospect of the pipeline.

    `shown`: values shown in the list; `key` distinguishes two rows with the same id.
    `read`: values that the model reads, as in the table.
    """

    shown: dict[str, Any]
    cells: dict[str, str]
    read: Mapping[Any, Any]
    reasons: Sequence[Reason]

    def full(self) -> dict[str, Any]:
        """Return the row for a deal page or an export: with cells, scored values and reasons."""
        prospect = {str(name): _plain(value) for name, value in self.read.items()}
        sentences = [reason.sentence for reason in self.reasons]
        return self.shown | {"cells": self.cells, "prospect": prospect, "sentences": sentences}


@dataclass(frozen=True)
class _Decided:
    """The latest decision on each row, from the decision log.

    `latest` is None without a log, and if the log does not answer; then `is_unreachable` is true.
    """

    latest: list[LatestDecision | None] | None = None
    is_unreachable: bool = False


@dataclass(frozen=True, eq=False)
class _Scored:
    """A state of the file, the model and the day, with its rows and packed lists by language."""

    stamp: Hashable
    table: ProspectTable | None
    rows: dict[str, list[PipelineRow]] = field(default_factory=dict)
    packed: dict[str, tuple[_Decided, bytes]] = field(default_factory=dict)


class PipelineRows:
    """The rows of a pipeline, scored once for a state of the file, the model and the day.

    `decisions`: latest decisions of the decision log; without it the rows have no decision.
    """

    def __init__(
        self, pipeline: Pipeline, holder: ModelHolder, decisions: LatestDecisions | None = None
    ) -> None:
        self._pipeline, self._holder, self._decisions = pipeline, holder, decisions
        self._lock = threading.Lock()
        self._cached = _Scored(None, None)

    def full(self, person: Person, language: str) -> dict[str, Any]:
        """Return the list of the rows that a person may see, in full, in the order of the file.

        Raises ProspectError or OSError if the file cannot be read.
        """
        seen = self._visible_rows(person, language)
        decided = self._decided(seen)
        return _list([row.full() for row in _with_decisions(seen, decided)], decided, language)

    def listed(self, person: Person, language: str) -> bytes:
        """Return the same list with fewer values per row, as JSON compressed by gzip.

        The list of all rows is cached, and written again when a decision was made or undone.
        """
        if person.is_rep:
            seen = self._visible_rows(person, language)
            return _packed(seen, self._decided(seen), language)
        scored = self._scored(language)
        rows = scored.rows[language]
        decided = self._decided(rows)
        cached = scored.packed.get(language)
        if cached is None or cached[0] != decided:
            cached = (decided, _packed(rows, decided, language))
            scored.packed[language] = cached
        return cached[1]

    def prepare(self) -> None:
        """Prepare the list in every language before the first request; errors appear later."""
        for language in LANGUAGES:
            with suppress(FitModelError, OSError):
                self.listed(ANYBODY, language)

    def row(self, person: Person, key: str, language: str) -> PipelineRow | None:
        """Return the row of a key that a person may see; None if there is none."""
        named = [row for row in self._visible_rows(person, language) if row.shown["key"] == key]
        return next(iter(_with_decisions(named, self._decided(named))), None)

    def _visible_rows(self, person: Person, language: str) -> list[PipelineRow]:
        all_rows = self._scored(language).rows[language]
        if not person.is_rep:
            return all_rows
        return [row for row in all_rows if person.may_see(row.shown["rep"])]

    def _decided(self, rows: list[PipelineRow]) -> _Decided:
        """Read the latest decision on each row from the log."""
        if self._decisions is None:
            return _Decided()
        try:
            return _Decided(self._decisions.on([row.shown["id"] for row in rows]))
        except TrackingError:  # its message contains the location of the log, so it is not shown
            return _Decided(is_unreachable=True)

    def _scored(self, language: str) -> _Scored:
        """Return the current state, scored in a language; a cached state needs no lock."""
        model = self._holder.model
        stamp = (*self._pipeline.stamp(), model.version, today())
        cached = self._cached
        if cached.stamp == stamp and language in cached.rows:
            return cached
        with self._lock:
            if self._cached.stamp != stamp or self._cached.table is None:
                self._cached = _Scored(stamp, self._pipeline.read(model))
            cached = self._cached
            if language not in cached.rows and cached.table is not None:
                scored = cached.table.score(model, reasons=REASONS, language=language)
                # Languages differ only in texts.
                scored_rows = next(iter(cached.rows.values()), None)
                cells = (
                    cached.table.cells()
                    if scored_rows is None
                    else [row.cells for row in scored_rows]
                )
                read = _read(scored) if scored_rows is None else [row.read for row in scored_rows]
                cached.rows[language] = _made_rows(model, cells, read, scored, language)
            return cached


def _with_decisions(rows: list[PipelineRow], decided: _Decided) -> list[PipelineRow]:
    """Return the rows with the latest decision, or None, on each; unchanged without a log."""
    if decided.latest is None:
        return rows
    pairs = zip(rows, decided.latest, strict=True)
    return [replace(row, shown=row.shown | {"decision": latest}) for row, latest in pairs]


def _list(rows: list[dict[str, Any]], decided: _Decided, language: str) -> dict[str, Any]:
    """Return the list as in the response: rows, and a message if the log does not answer."""
    problem = phrases(language, "desk")("decisions_away") if decided.is_unreachable else None
    return {"rows": rows, "decisions_problem": problem}


def _packed(rows: list[PipelineRow], decided: _Decided, language: str) -> bytes:
    shown = _list([row.shown for row in _with_decisions(rows, decided)], decided, language)
    text = json.dumps(shown, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return gzip.compress(text.encode(errors="backslashreplace"), GZIP_LEVEL, mtime=0)


def _read(scored: ScoredRows) -> list[Mapping[Any, Any]]:
    """Return the values of each row that the model reads."""
    return list(scored.read.astype(object).to_dict("records"))


def _made_rows(
    model: FitModel,
    cells: list[dict[str, str]],
    read: list[Mapping[Any, Any]],
    scored: ScoredRows,
    language: str,
) -> list[PipelineRow]:
    roles = model.manifest.get("spec", {}).get("deals", {})
    ids = [row.get(roles.get("id"), "") for row in cells]
    amounts = _amounts(model, scored)
    answers = _predicted_columns(model, scored, amounts)
    reasons = scored.predictions["reasons"].tolist() if cells else []
    rows = []
    for position, key in enumerate(_keys(ids)):
        shown = {
            "key": key,
            "id": ids[position] or None,
            "rep": cells[position].get(roles.get("rep"), ""),
            "amount": _json(amounts[position]),
        }
        error = scored.errors[position]
        if error is None:
            shown |= {name: _json(column[position]) for name, column in answers.items()}
            shown["concern"] = _concern(reasons[position])
            if shown.get("unfamiliar"):
                shown["unfamiliar_because"] = _differing(model, read[position])
        known = [] if error is not None else reasons[position]
        more = {} if error is None else {"error": message_in(error, language)}
        rows.append(PipelineRow(shown | more, cells[position], read[position], known))
    return rows


def _differing(model: FitModel, read: Mapping[Any, Any]) -> list[str]:
    """Return the attributes in which a row is unlike past deals."""
    return next((list(because) for _, because in assessed(model.scorer, [read])), [])


def _amounts(model: FitModel, scored: ScoredRows) -> list[float]:
    """Return the amount of each row as given; NaN where it is not a number."""
    name = model.scorer.amount
    if name is None or name not in scored.read:
        return [math.nan] * len(scored.read)
    given: list[float] = pd.to_numeric(scored.read[name], errors="coerce").astype(float).tolist()
    return given


def _predicted_columns(
    model: FitModel, scored: ScoredRows, amounts: list[float]
) -> dict[str, list[Any]]:
    """Return the predictions of all rows, by column."""
    predictions = scored.predictions
    columns = {name: predictions[name].tolist() for name in SHOWN_COLUMNS if name in predictions}
    if columns:
        chance = predictions["early_churn_probability"].to_numpy(dtype=float, na_value=math.nan)
        columns["money_at_risk"] = money_at_risk(model, chance, np.array(amounts)).tolist()
    return columns


def _keys(ids: list[str]) -> list[str]:
    """Return a unique key per row: its id, or else its number; equal ids get a suffix."""
    times: Counter[str] = Counter()
    keys: dict[str, None] = {}
    for number, name in enumerate(ids, start=1):
        first = key = name or f"#{number}"
        while key in keys:
            times[first] += 1
            key = f"{first} ({times[first] + 1})"
        keys[key] = None
    return list(keys)


def _concern(reasons: Any) -> dict[str, str] | None:
    """Return label and value of the first reason that raises the risk; None if there is none."""
    first = next((reason for reason in reasons if reason.contribution > 0), None)
    return None if first is None else {"label": first.label, "value_text": first.value_words}


def _plain(value: Any) -> Any:
    """Return a value for JSON: a number, a text, or None if it is not known."""
    if is_missing(value):
        return None
    if isinstance(value, bool):
        return level_text(value)
    if isinstance(value, int | float):
        return _json(int(value) if isinstance(value, float) and value.is_integer() else value)
    if isinstance(value, pd.Timestamp):
        return value.isoformat().removesuffix("T00:00:00")
    return str(value).strip()


def _json(value: Any) -> Any:
    """Return the value; None if it is a float that is not finite."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def money_at_risk(model: FitModel, chance: Numbers, amount: Numbers) -> Numbers:
    """Return the probability of early churn times its cost; NaN where the amount is not known.

    If the model has no money, the cost is the amount.
    """
    money = model.scorer.policy.money
    if money is None:
        return chance * amount
    yearly = amount * model.scorer.per_year
    cost = money.value_if_stays(yearly, chance) - money.value_if_leaves(yearly, chance)
    return np.asarray(np.maximum(0.0, chance * cost), dtype=np.float64)


def cost_of_early_churn(money: Money, per_year: float = 1.0) -> dict[str, list[float]]:
    """Return the cost of a customer that leaves early instead of staying, linear in the amount.

    The result has lists of equal length: at each `probability`, increasing from 0 to 1, the cost is
    `fixed` plus `per_amount` times the amount as given; between two probabilities it is linear.
    Money at risk is the probability of early churn times this cost, so that the value of a customer
    that stays, minus the money at risk, is the expected value of signing.
    """
    own = money.own_months
    knots = np.array([0.0, 1.0] if own is None else own.knots_with(money.paid_upfront_months))
    line = money.linear_each(knots)
    fixed = np.zeros(len(knots)) + line.leaves_fixed - line.stays_fixed
    each = np.zeros(len(knots)) + (line.stays_slope - line.leaves_slope) * per_year
    return {
        "probability": knots.tolist(), "fixed": fixed.tolist(), "per_amount": each.tolist()
    }  # fmt: skip
