"""The open pipeline, scored: a row for each prospect, as the page lists it.

file -> read and scored in one batch -> rows, kept until the file, the model or the day changes
     -> those that whoever asks may see, each with the latest decision on it, read at every request;
        where the decision log does not answer, the rows without decisions, and that this is so
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
from fitmodel.language.catalogue import LANGUAGES, phrases
from fitmodel.language.messages import message_in
from fitmodel.service.people import ANYBODY
from fitmodel.tables.cells import is_missing, level_text
from fitmodel.tables.values import today

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from numpy.typing import NDArray

    from fitmodel.decision.value import Money
    from fitmodel.following import ModelHolder
    from fitmodel.model.fitmodel import FitModel
    from fitmodel.model.reasons import Reason
    from fitmodel.scoring.in_memory import ProspectTable, ScoredRows
    from fitmodel.service._latest_decisions import Decision, LatestDecisions
    from fitmodel.service._pipeline import Pipeline
    from fitmodel.service.people import Person

    Numbers = NDArray[np.float64]

REASONS = 3
GZIP_LEVEL = 4  # a third of the time of level 9
SHOWN_COLUMNS = (
    "early_churn_probability", "probability_low", "probability_high", "poor_fit", "fit",
    "expected_value", "expected_value_low", "expected_value_high", "worth", "escalate",
    "unfamiliar",
)  # fmt: skip
"""What a row holds of a prediction, under the same names."""


@dataclass(frozen=True, eq=False)
class PipelineRow:
    """One prospect of the pipeline.

    Attributes
    ----------
    shown : dict
        As the list shows it; `key` tells two rows of one id apart.
    cells : dict of str to str
        The whole row of the file, as text.
    read : mapping
        What the model reads of it, as the table has it.
    reasons : sequence of Reason
    """

    shown: dict[str, Any]
    cells: dict[str, str]
    read: Mapping[Any, Any]
    reasons: Sequence[Reason]

    def whole(self) -> dict[str, Any]:
        """The row as a deal page or an export needs it: cells, what is scored, and the reasons."""
        prospect = {str(name): _plain(value) for name, value in self.read.items()}
        sentences = [reason.sentence for reason in self.reasons]
        return self.shown | {"cells": self.cells, "prospect": prospect, "sentences": sentences}


@dataclass(frozen=True)
class _Decided:
    """The decision on each row, from the decision log.

    `latest` is None without a log, and while it does not answer; then it `is_away`.
    """

    latest: list[Decision | None] | None = None
    is_away: bool = False


@dataclass(frozen=True, eq=False)
class _Scored:
    """A state of the file, the model and the day, and what was made of it, by language."""

    stamp: Hashable
    table: ProspectTable | None
    rows: dict[str, list[PipelineRow]] = field(default_factory=dict)
    packed: dict[str, tuple[_Decided, bytes]] = field(default_factory=dict)


class PipelineRows:
    """The rows of a pipeline, scored once for a state of the file, the model and the day.

    Parameters
    ----------
    pipeline : Pipeline
    holder : ModelHolder
    decisions : LatestDecisions, optional
        Of the decision log; without it no row says what was decided.
    """

    def __init__(
        self, pipeline: Pipeline, holder: ModelHolder, decisions: LatestDecisions | None = None
    ) -> None:
        self._pipeline, self._holder, self._decisions = pipeline, holder, decisions
        self._lock = threading.Lock()
        self._known = _Scored(None, None)

    def whole(self, person: Person, language: str) -> dict[str, Any]:
        """The list of the rows that somebody may see, each whole, in the order of the file.

        Raises
        ------
        ProspectError, OSError
            If the file cannot be read.
        """
        seen = self._seen(person, language)
        decided = self._decided(seen)
        return _list([row.whole() for row in _with_decisions(seen, decided)], decided, language)

    def listed(self, person: Person, language: str) -> bytes:
        """The same list with fewer values of each row, as JSON compressed by gzip.

        That of all rows is written once, and again when a decision was made or undone.
        """
        if person.is_rep:
            seen = self._seen(person, language)
            return _packed(seen, self._decided(seen), language)
        scored = self._scored(language)
        rows = scored.rows[language]
        decided = self._decided(rows)
        known = scored.packed.get(language)
        if known is None or known[0] != decided:
            known = (decided, _packed(rows, decided, language))
            scored.packed[language] = known
        return known[1]

    def prepare(self) -> None:
        """Make the list in every language before it is asked for; errors are reported later."""
        for language in LANGUAGES:
            with suppress(FitModelError, OSError):
                self.listed(ANYBODY, language)

    def row(self, person: Person, key: str, language: str) -> PipelineRow | None:
        """One of them; None where there is none of this key."""
        named = [row for row in self._seen(person, language) if row.shown["key"] == key]
        return next(iter(_with_decisions(named, self._decided(named))), None)

    def _seen(self, person: Person, language: str) -> list[PipelineRow]:
        every = self._scored(language).rows[language]
        if not person.is_rep:
            return every
        return [row for row in every if person.may_see(row.shown["rep"])]

    def _decided(self, rows: list[PipelineRow]) -> _Decided:
        """The latest decision on each row, read now."""
        if self._decisions is None:
            return _Decided()
        try:
            return _Decided(self._decisions.on([row.shown["id"] for row in rows]))
        except TrackingError:  # its message names the log's place
            return _Decided(is_away=True)

    def _scored(self, language: str) -> _Scored:
        """The current state, scored in a language; once it is there, no caller waits for others."""
        model = self._holder.model
        stamp = (*self._pipeline.stamp(), model.version, today())
        known = self._known
        if known.stamp == stamp and language in known.rows:
            return known
        with self._lock:
            if self._known.stamp != stamp or self._known.table is None:
                self._known = _Scored(stamp, self._pipeline.read(model))
            known = self._known
            if language not in known.rows and known.table is not None:
                scored = known.table.score(model, reasons=REASONS, language=language)
                there = next(iter(known.rows.values()), None)  # only words differ by language
                cells = known.table.cells() if there is None else [row.cells for row in there]
                read = _read(scored) if there is None else [row.read for row in there]
                known.rows[language] = _made_rows(model, cells, read, scored, language)
            return known


def _with_decisions(rows: list[PipelineRow], decided: _Decided) -> list[PipelineRow]:
    """The rows, each saying the latest decision, or null; as they are where none is known."""
    if decided.latest is None:
        return rows
    both = zip(rows, decided.latest, strict=True)
    return [replace(row, shown=row.shown | {"decision": latest}) for row, latest in both]


def _list(rows: list[dict[str, Any]], decided: _Decided, language: str) -> dict[str, Any]:
    """The list as it is answered: rows, and why no decision is shown where the log is away."""
    problem = phrases(language, "desk")("decisions_away") if decided.is_away else None
    return {"rows": rows, "decisions_problem": problem}


def _packed(rows: list[PipelineRow], decided: _Decided, language: str) -> bytes:
    shown = _list([row.shown for row in _with_decisions(rows, decided)], decided, language)
    text = json.dumps(shown, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return gzip.compress(text.encode(errors="backslashreplace"), GZIP_LEVEL, mtime=0)


def _read(scored: ScoredRows) -> list[Mapping[Any, Any]]:
    """What the model reads of each row."""
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
        known = [] if error is not None else reasons[position]
        more = {} if error is None else {"error": message_in(error, language)}
        rows.append(PipelineRow(shown | more, cells[position], read[position], known))
    return rows


def _amounts(model: FitModel, scored: ScoredRows) -> list[float]:
    """The amount of each row as given; NaN where it is not a number."""
    name = model.scorer.amount
    if name is None or name not in scored.read:
        return [math.nan] * len(scored.read)
    given: list[float] = pd.to_numeric(scored.read[name], errors="coerce").astype(float).tolist()
    return given


def _predicted_columns(
    model: FitModel, scored: ScoredRows, amounts: list[float]
) -> dict[str, list[Any]]:
    """Predictions of every row, by column."""
    predictions = scored.predictions
    columns = {name: predictions[name].tolist() for name in SHOWN_COLUMNS if name in predictions}
    if columns:
        chance = predictions["early_churn_probability"].to_numpy(dtype=float, na_value=math.nan)
        columns["money_at_risk"] = money_at_risk(model, chance, np.array(amounts)).tolist()
    return columns


def _keys(ids: list[str]) -> list[str]:
    """A key for each row: its id, its number where it has none; two of one id keep two keys."""
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
    """What raises the risk most, in words; None where nothing of the first reasons does."""
    first = next((reason for reason in reasons if reason.contribution > 0), None)
    return None if first is None else {"label": first.label, "value_text": first.value_words}


def _plain(value: Any) -> Any:
    """A value as JSON has it: a number, a text, or null where it is not known."""
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
    """The value; null where it is not a number."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def money_at_risk(model: FitModel, chance: Numbers, amount: Numbers) -> Numbers:
    """Probability of early churn times what it costs; NaN where the amount is not known.

    Without money in the model, what it costs is the yearly amount.
    """
    money = model.scorer.policy.money
    if money is None:
        return chance * amount
    yearly = amount * model.scorer.per_year
    cost = money.value_if_stays(yearly, chance) - money.value_if_leaves(yearly, chance)
    return np.asarray(np.maximum(0.0, chance * cost), dtype=np.float64)


def cost_of_early_churn(money: Money, per_year: float = 1.0) -> dict[str, list[float]]:
    """What a customer costs by leaving early instead of staying: linear in the amount as given.

    Lists of one length: at each `probability`, ascending from 0 to 1, the cost is `fixed` plus
    `per_amount` times the amount; between two of them it lies on a straight line. Money at risk is
    the probability of early churn times this cost, so that the value of a customer that stays, less
    the money at risk, is the expected value of signing.
    """
    own = money.own_months
    knots = np.array([0.0, 1.0] if own is None else own.knots_with(money.paid_upfront_months))
    line = money.linear_each(knots)
    fixed = np.zeros(len(knots)) + line.leaves_fixed - line.stays_fixed
    each = np.zeros(len(knots)) + (line.stays_slope - line.leaves_slope) * per_year
    return {
        "probability": knots.tolist(), "fixed": fixed.tolist(), "per_amount": each.tolist()
    }  # fmt: skip
