"""The scorecard file: scorecard, policy and column roles as JSON, ready to score.

Scoring needs only numpy. One prospect is scored with dictionaries and bisection
(`fitmodel.model._row_scorer`), many are scored with numpy (`fitmodel.model.frame_scorer`). Both
give the same numbers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, timedelta
from functools import cached_property
from numbers import Integral
from typing import TYPE_CHECKING, Any

from fitmodel.deals.vocabulary import NO_LOST_ROWS, LostRows, lost_rows_from_dict, lost_rows_of
from fitmodel.decision.policy import Policy
from fitmodel.exceptions import BundleError, FitModelError, ProspectError
from fitmodel.learning.churn_curve import ChurnCurve, curve_from_dict
from fitmodel.learning.columns import as_day
from fitmodel.learning.scorecard import Scorecard
from fitmodel.learning.scorecard_checks import DAMAGE_ERRORS, scorecard_from_dict
from fitmodel.model._row_scorer import RowScorer, probabilities
from fitmodel.model._sentences import Sentences
from fitmodel.model.wording import Wording, wording_from_dict
from fitmodel.tables.forms import NO_FORMS, Forms, forms_from_dict
from fitmodel.tables.values import UnreadableValueError

if TYPE_CHECKING:
    from fitmodel.model.assessment import Assessment


READER_FILE = "reader.json"
"""File with what reading and deciding need: a scorer whose scorecard has no tables."""
FORMAT = 1
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Scorer:
    """The parts of a model that scoring needs.

    Parameters
    ----------
    scorecard : Scorecard
        Tables of contributions.
    policy : Policy
        Decision policy, from probability and money to poor_fit and fit.
    amount : str or None
        Column of the contract value.
    closed_on : str or None
        Column of the (expected) closing date, from which dates are counted back.
    version : str
        Version of the model, which every prediction contains.
    wording : Wording
        Labels, units and formats for texts that people read.
    forms : Forms
        Formats in which numbers and dates are written, as found in the training data.
    per_year : float
        How often the contract value is paid in a year: 12 where it is given per month.
    lost : LostRows
        Rules for rows of a pipeline that are not prospects any more, and get no prediction.
    regime : {"full", "provisional"}
        How the model was learned: "provisional" if there were few early churners.
    curve : ChurnCurve or None
        Churn curve, which gives the probability at other horizons from that at the model's own.
        None in a bundle older than churn curves, and for a user's own estimator.
    """

    scorecard: Scorecard
    policy: Policy
    amount: str | None
    closed_on: str | None
    version: str
    wording: Wording = field(default_factory=Wording)
    forms: Forms = NO_FORMS
    per_year: float = 1.0
    lost: LostRows = NO_LOST_ROWS
    regime: str = "full"
    curve: ChurnCurve | None = None

    def assess(
        self,
        prospect: Mapping[str, Any],
        reasons: int = 3,
        today: float | None = None,
        language: str = "en",
    ) -> Assessment:
        """Assess one prospect.

        Parameters
        ----------
        prospect : mapping
            Attribute to value; other keys are ignored.
        reasons : int
            Largest number of reasons to return.
        today : float, optional
            Day from which dates are counted back if the prospect has no closing date, in days
            since 1970-01-01; default today.

        Raises
        ------
        ProspectError
            If an attribute is missing from the mapping, a number or date is text that cannot be
            read, or the prospect is lost according to `[rows]` of the contract.
        """
        if self.lost and (why := self.lost.why(prospect)):
            raise ProspectError(f"{why}: it is not a prospect any more, and gets no prediction")
        return self._row_scorer.assess(prospect, reasons, today, self.sentences(language))

    def sentences(self, language: str) -> Sentences:
        """Return the scorecard's sentences in a language; they are made once per language."""
        made = self._sentences.get(language)
        if made is None:
            wording = self.wording.in_language(language)
            made = self._sentences[language] = Sentences(self.scorecard, wording)
        return made

    def calibrated(self, raw: float) -> float:
        """Return the calibrated probability of early churn for log-odds before calibration."""
        return self._probabilities((raw,))[0]

    def amount_of(self, prospect: Mapping[str, Any]) -> float | None:
        """Return the yearly contract value of a prospect; None where it is not known."""
        return self._row_scorer.amount_of(prospect)

    def codes(self, prospect: Mapping[str, Any], as_of: date | None = None) -> list[int]:
        """Return the codes of a prospect's attributes, in the scorecard's order."""
        return self._row_scorer.codes(prospect, day_or_none(as_of))

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields only; lookup tables are made again after unpickling."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    @cached_property
    def _sentences(self) -> dict[str, Sentences]:
        return {}

    @cached_property
    def _probabilities(self) -> Callable[[tuple[float, ...]], list[float]]:
        return probabilities(self.scorecard.calibration)

    @cached_property
    def _row_scorer(self) -> RowScorer:
        return RowScorer(
            self.scorecard,
            self.policy,
            self.amount,
            self.closed_on,
            self.version,
            self.forms,
            self.per_year,
            self.regime,
        )

    def to_json(self) -> bytes:
        """Return the scorer as JSON."""
        data = {
            "format": FORMAT,
            "book": self.scorecard.to_dict(),
            "policy": self.policy.to_dict(),
            "amount": self.amount,
            "closed_on": self.closed_on,
            "wording": self.wording.to_dict(),
        } | ({"reading": self.forms.to_dict()} if self.forms else {})
        if self.per_year != 1:  # the file for a yearly value stays the same as in older versions
            data["per_year"] = self.per_year
        if self.lost:
            data["rows"] = self.lost.to_dict()
        if self.regime != "full":
            data["regime"] = self.regime
        if self.curve is not None:
            data["curve"] = self.curve.to_dict()
        return json.dumps(data, allow_nan=True, ensure_ascii=False).encode()


def scorer_from_json(content: bytes, version: str) -> Scorer:
    """Return the scorer that JSON holds.

    Raises
    ------
    BundleError
        If the content is not a scorer in a format that this version reads, or is damaged.
    """
    data = read_json(content, "scorer")
    form = data.get("format") if isinstance(data, dict) else type(data).__name__
    reader = _READERS.get(form) if type(form) is int else None
    if reader is None:
        raise BundleError(
            f"the scorer has format {form!r}; this fitmodel reads {sorted(_READERS)}. "
            "Remedy: install the fitmodel version named in the bundle's manifest, or train again."
        )
    try:
        return reader(data, version)
    except BundleError:
        raise
    except (*DAMAGE_ERRORS, FitModelError) as error:
        raise BundleError(f"the scorer is damaged: {type(error).__name__}: {error}") from error


def _read_format_1(data: Mapping[str, Any], version: str) -> Scorer:
    scorecard = scorecard_from_dict(data["book"])
    policy = Policy.from_dict(data["policy"])
    amount, closed_on = (_text_or_none(data[key]) for key in ("amount", "closed_on"))
    wording_data = data.get("wording")  # older bundles have no wording
    wording = Wording(amount=amount) if wording_data is None else wording_from_dict(wording_data)
    forms = forms_from_dict(data.get("reading", {}))  # absent for plain tables and older bundles
    per_year = float(data.get("per_year", 1.0))
    if not (math.isfinite(per_year) and per_year > 0):
        raise ValueError(f"per_year is {per_year}, which is not a number of payments a year")
    lost = lost_rows_from_dict(data.get("rows", {}))
    regime = data.get("regime", "full")
    if regime not in {"full", "provisional"}:
        raise ValueError(f"regime is {regime!r}, which is not a way of learning")
    curve_data = data.get("curve")  # older bundles have no curve
    curve = None if curve_data is None else curve_from_dict(curve_data)
    if curve is not None:
        _check_timing(curve, scorecard)
    optional = (wording, forms, per_year, lost, regime, curve)
    return Scorer(scorecard, policy, amount, closed_on, version, *optional)


def _check_timing(curve: ChurnCurve, scorecard: Scorecard) -> None:
    """Refuse a curve whose attribute is not in the scorecard, or has other levels there."""
    if curve.attribute is None:
        if len(curve.shift) > 1:
            raise ValueError("the churn curve has strata and no attribute")
        return
    column = scorecard.columns[scorecard.attributes.index(curve.attribute)]
    if len(curve.stratum_by_code) != column.size + 2:
        raise ValueError(f"the churn curve does not know every level of {curve.attribute!r}")


# One reader for each format since the first: each returns a scorer of the present version.
_READERS: Mapping[int, Callable[[Mapping[str, Any], str], Scorer]] = {1: _read_format_1}


def _text_or_none(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise TypeError(f"{value!r} is neither text nor null")


def read_json(content: bytes, what: str) -> Any:
    """Return the value that untrusted JSON holds.

    Raises
    ------
    BundleError
        If the content is not JSON, is nested too deeply, needs more memory than there is, or
        contains a lone surrogate (half a character), which cannot be encoded as UTF-8 again.
    """
    try:
        data = json.loads(content)
        if b"\\ud" in content.lower():
            json.dumps(data, ensure_ascii=False).encode()
    except (ValueError, RecursionError, MemoryError) as error:
        raise BundleError(f"the {what} is not JSON: {type(error).__name__}: {error}") from error
    return data


def with_lost_rows(scorer: Scorer, manifest: Mapping[str, Any]) -> Scorer:
    """Return the scorer with the contract's rules for lost rows, if its own file has none."""
    lost = lost_rows_of(manifest.get("spec") or {})
    return replace(scorer, lost=lost) if lost and not scorer.lost else scorer


def check_reasons(reasons: int) -> None:
    """Refuse a number of reasons that is not a whole number of 0 or more.

    Raises
    ------
    ProspectError
        If `reasons` is not such a number.
    """
    if isinstance(reasons, bool) or not isinstance(reasons, Integral) or reasons < 0:
        raise ProspectError(f"reasons is {reasons!r}; give how many, 0 for none")


def assess_at(
    assess: Callable[..., Assessment], position: int, prospect: Any, *options: Any
) -> Assessment:
    """Assess one prospect of a list; an error names its position, counted from 0.

    Raises
    ------
    ProspectError
        If the item is not a mapping, or cannot be assessed.
    """
    if not isinstance(prospect, Mapping):
        raise ProspectError(
            f"prospect {position} of the list is {type(prospect).__name__}, not a mapping"
        )
    try:
        return assess(prospect, *options)
    except ProspectError as error:
        raise ProspectError(f"prospect {position} of the list: {error}") from error


def as_of_date(as_of: Any) -> date | None:
    """Return `as_of` as a date; None for None.

    For a time with a time zone, this is the day in that zone.

    Raises
    ------
    ProspectError
        If `as_of` is not a date.
    """
    if as_of is None:
        return None
    try:
        return EPOCH + timedelta(days=as_day(as_of))
    except (UnreadableValueError, OverflowError):
        raise ProspectError(
            f"as_of is {as_of!r}, which is not a date. Remedy: give a date, such as "
            "datetime.date(2026, 1, 31) or '2026-01-31', or None for today."
        ) from None


def day_or_none(as_of: Any) -> float | None:
    """Return `as_of` as days since 1970-01-01; None for None.

    Raises
    ------
    ProspectError
        If `as_of` is not a date.
    """
    day = as_of_date(as_of)
    return None if day is None else float((day - EPOCH).days)
