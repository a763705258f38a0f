"""The scorecard file: scorecard, policy and column roles as JSON, ready to score.

numpy only. One prospect is scored by dictionaries and bisections (`fitmodel.model._row_scorer`),
many with numpy (`fitmodel.model.frame_scorer`). Both give the same numbers.
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

from fitmodel.deals.lost import NOTHING_LOST, LostRows, lost_rows_from_dict, lost_rows_of
from fitmodel.decision.policy import Policy
from fitmodel.exceptions import BundleError, FitModelError, ProspectError
from fitmodel.learning.churn_curve import ChurnCurve, curve_from_dict
from fitmodel.learning.columns import as_day
from fitmodel.learning.scorecard import Scorecard
from fitmodel.learning.scorecard_checks import DAMAGE, scorecard_from_dict
from fitmodel.model._row_scorer import RowScorer, probabilities
from fitmodel.model._sentences import Sentences
from fitmodel.model.wording import Wording, wording_from_dict
from fitmodel.tables.forms import NO_FORMS, Forms, forms_from_dict
from fitmodel.tables.values import UnreadableValueError

if TYPE_CHECKING:
    from fitmodel.model.assessment import Assessment


FORMAT = 1
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Scorer:
    """A model with only what scoring needs.

    Parameters
    ----------
    scorecard : Scorecard
    policy : Policy
    amount : str or None
        Column of the contract value.
    closed_on : str or None
        Column of the (expected) closing date, from which dates are counted back.
    version : str
        Of the model, for every prediction.
    wording : Wording
        The reader's words.
    forms : Forms
        In which numbers and dates are written, as training found them.
    per_year : float
        How often the contract value is paid in a year: 12 where it is given per month.
    lost : LostRows
        Which rows of a pipeline are not prospects any more, and get no prediction.
    regime : {"full", "provisional"}
        How the model was learned: provisional from few early churners.
    curve : ChurnCurve or None
        How the probability at other horizons follows from that at the own one; None in a bundle
        from before there were curves, and for a user's own estimator.
    """

    scorecard: Scorecard
    policy: Policy
    amount: str | None
    closed_on: str | None
    version: str
    wording: Wording = field(default_factory=Wording)
    forms: Forms = NO_FORMS
    per_year: float = 1.0
    lost: LostRows = NOTHING_LOST
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
            How many reasons to give.
        today : float, optional
            Day (since 1970) to count dates from where the prospect has no closing date.
        language : {"en", "zh"}
            Of the reasons.

        Raises
        ------
        ProspectError
            If an attribute is missing from the mapping, text stands in a number, or the prospect
            is lost by `[rows]` of the contract.
        """
        if self.lost and (why := self.lost.why(prospect)):
            raise ProspectError(f"{why}: it is not a prospect any more, and gets no prediction")
        return self._row_scorer.assess(prospect, reasons, today, self.sentences(language))

    def sentences(self, language: str) -> Sentences:
        """The scorecard's sentences in a language.

        Raises
        ------
        SpecError
            If there are no texts in that language.
        """
        made = self._sentences.get(language)
        if made is None:
            wording = self.wording.in_language(language)
            made = self._sentences[language] = Sentences(self.scorecard, wording)
        return made

    def calibrated(self, raw: float) -> float:
        """Probability of early churn from log-odds before calibration."""
        return self._probabilities((raw,))[0]

    def amount_of(self, prospect: Mapping[str, Any]) -> float | None:
        """The yearly contract value of a prospect; None where it is not known."""
        return self._row_scorer.amount_of(prospect)

    def codes(self, prospect: Mapping[str, Any], as_of: date | None = None) -> list[int]:
        """Codes of a prospect's attributes, in the scorecard's order."""
        return self._row_scorer.codes(prospect, day_or_none(as_of))

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields only: tables prepared for speed are prepared again after unpickling."""
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
        """Write the scorer as JSON."""
        data = {
            "format": FORMAT,
            "book": self.scorecard.to_dict(),
            "policy": self.policy.to_dict(),
            "amount": self.amount,
            "closed_on": self.closed_on,
            "wording": self.wording.to_dict(),
        } | ({"reading": self.forms.to_dict()} if self.forms else {})
        if self.per_year != 1:  # the file of a yearly value stays as it always was
            data["per_year"] = self.per_year
        if self.lost:
            data["rows"] = self.lost.to_dict()
        if self.regime != "full":
            data["regime"] = self.regime
        if self.curve is not None:
            data["curve"] = self.curve.to_dict()
        return json.dumps(data, allow_nan=True, ensure_ascii=False).encode()


def scorer_from_json(content: bytes, version: str) -> Scorer:
    """Read a scorer.

    Raises
    ------
    BundleError
        If the content is not a scorer of a format this fitmodel reads, or is damaged.
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
    except (*DAMAGE, FitModelError) as error:
        raise BundleError(f"the scorer is damaged: {type(error).__name__}: {error}") from error


def _read_format_1(data: Mapping[str, Any], version: str) -> Scorer:
    scorecard = scorecard_from_dict(data["book"])
    policy = Policy.from_dict(data["policy"])
    amount, closed_on = (_text_or_none(data[key]) for key in ("amount", "closed_on"))
    words = data.get("wording")  # bundles from before there were any have none
    wording = Wording(amount=amount) if words is None else wording_from_dict(words)
    forms = forms_from_dict(data.get("reading", {}))  # plain tables, and bundles before, have none
    per_year = float(data.get("per_year", 1.0))
    if not (math.isfinite(per_year) and per_year > 0):
        raise ValueError(f"per_year is {per_year}, which is not a number of payments a year")
    lost = lost_rows_from_dict(data.get("rows", {}))
    regime = data.get("regime", "full")
    if regime not in {"full", "provisional"}:
        raise ValueError(f"regime is {regime!r}, which is not a way of learning")
    given = data.get("curve")  # bundles from before there were any have none
    curve = None if given is None else curve_from_dict(given)
    if curve is not None:
        _check_timing(curve, scorecard)
    rest = (wording, forms, per_year, lost, regime, curve)
    return Scorer(scorecard, policy, amount, closed_on, version, *rest)


def _check_timing(curve: ChurnCurve, scorecard: Scorecard) -> None:
    """Refuse a curve whose attribute the scorecard does not have, or has with other levels."""
    if curve.attribute is None:
        if len(curve.shift) > 1:
            raise ValueError("the churn curve has strata and no attribute")
        return
    column = scorecard.columns[scorecard.attributes.index(curve.attribute)]
    if len(curve.stratum_by_code) != column.size + 2:
        raise ValueError(f"the churn curve does not know every level of {curve.attribute!r}")


# One reader for each format since the first: each gives the scorer of today.
_READERS: Mapping[int, Callable[[Mapping[str, Any], str], Scorer]] = {1: _read_format_1}


def _text_or_none(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise TypeError(f"{value!r} is neither text nor null")


def read_json(content: bytes, what: str) -> Any:
    """Read untrusted JSON.

    Raises
    ------
    BundleError
        If it is none, is nested too deeply, takes more memory than there is, or holds half a
        character, which could be neither shown nor written again.
    """
    try:
        data = json.loads(content)
        if b"\\ud" in content.lower():
            json.dumps(data, ensure_ascii=False).encode()
    except (ValueError, RecursionError, MemoryError) as error:
        raise BundleError(f"the {what} is not JSON: {type(error).__name__}: {error}") from error
    return data


def knowing_lost_rows(scorer: Scorer, manifest: Mapping[str, Any]) -> Scorer:
    """The scorer with the rules of the contract, where its own file has none."""
    lost = lost_rows_of(manifest.get("spec") or {})
    return replace(scorer, lost=lost) if lost and not scorer.lost else scorer


def check_reasons(reasons: int) -> None:
    """Refuse a number of reasons that is none.

    Raises
    ------
    ProspectError
    """
    if isinstance(reasons, bool) or not isinstance(reasons, Integral) or reasons < 0:
        raise ProspectError(f"reasons is {reasons!r}; give how many, 0 for none")


def assess_listed(
    scorer: Scorer,
    position: int,
    prospect: Any,
    reasons: int,
    day: float | None,
    language: str,
) -> Assessment:
    """Assess one prospect of a list; an error names its position.

    Raises
    ------
    ProspectError
    """
    if not isinstance(prospect, Mapping):
        raise ProspectError(
            f"prospect {position} of the list is {type(prospect).__name__}, not a mapping"
        )
    try:
        return scorer.assess(prospect, reasons, day, language)
    except ProspectError as error:
        raise ProspectError(f"prospect {position} of the list: {error}") from error


def day_asked(as_of: Any) -> date | None:
    """The day asked for as a date, of a time with a zone that zone's day; None of None.

    Raises
    ------
    ProspectError
        If it is not a date.
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
    """The day asked for, as days since 1970; None of None.

    Raises
    ------
    ProspectError
        If it is not a date.
    """
    day = day_asked(as_of)
    return None if day is None else float((day - EPOCH).days)
