"""The model's assessment of one prospect."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fitmodel.model._notebook import rows_html
from fitmodel.model._reasons import Reason
from fitmodel.model.wording import Wording
from fitmodel.renamed import old_fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fitmodel.decision.policy import FitBand, Worth

__all__ = ["Assessment", "Reason", "rows_html"]

LOW_OWN_EVIDENCE = 0.5  # below it the level and the prior give more than half of the precision
FEW_SIMILAR_DEALS = 20  # if there are more, their number does not explain the little evidence


@old_fields(fewest_alike="rarest_value_deals")
@dataclass(frozen=True, slots=True)
class Assessment:
    """The verdict on one prospect, before the deal is signed.

    Attributes
    ----------
    early_churn_probability : float
        Calibrated probability that the customer leaves within the horizon.
    probability_low, probability_high : float
        80% interval of the true probability.
    poor_fit : bool
        Whether the decision policy flags the prospect.
    fit : {"good", "watch", "poor"}
        Band of the risk: "poor" where flagged; "good" where the probability is at most the
        company's level, its interval does not contain the flag's threshold and the prospect is
        not unfamiliar; else "watch".
    expected_value : float
        Expected value of signing, in the currency of the amount; NaN where the amount or the
        contract's money settings are missing.
    unfamiliar : bool
        Whether the prospect is unlike the deals in the training set (out of distribution).
    reasons : tuple of Reason
        The largest contributions, in both directions, largest first.
    model_version : str
        Version of the model.
    unfamiliar_because : tuple of str
        Names of the attributes (or of a pair, joined by " & ") in which it is unfamiliar.
    wording : Wording
        Labels, formats and language of the texts.
    proceed : bool or None
        Whether the prospect may be signed, if the assessment was logged: either it is not
        flagged, or it was drawn at random from the flagged ones so that the company learns from
        its outcome. None if it was not logged.
    worth : {"gains", "loses", "unclear", ""}
        Verdict on the money: "gains" if the whole interval of the expected value is above 0;
        "loses" if it is below 0, or if even a customer that stays, as long as the deals allow,
        loses money; else "unclear". "" where the expected value is not known.
    escalate : bool
        Whether a manager should decide, because a poor fit has a big yearly amount.
    expected_value_low, expected_value_high : float
        The expected value at the ends of the probability's interval, the lower one first. Where
        the lifetime is estimated, the higher one is that of the longest that the deals allow.
    own_evidence : float
        Share (0 to 1) of the prediction's precision that comes from the company's own deals
        rather than from the level and the prior. NaN in models older than this field.
    rarest_value_deals : int
        Number of training deals that share the prospect's rarest value.
    regime : {"full", "provisional"}
        How the model was learned: "provisional" if there were few early churners.
    churn_probabilities : tuple of (int, float)
        Months, and the probability of leaving within them, for each requested horizon. All other
        fields except `churn_intervals` are for the model's own horizon.
    churn_intervals : tuple of (int, float, float)
        Months, and the ends of the 80% interval of that probability; NaN where there is none.

    Examples
    --------
    >>> model = fitmodel.load("models/prospect-fit")
    >>> assessment = model.predict(pd.read_csv("prospects.csv").iloc[0].to_dict(), reasons=2)
    >>> assessment.probability_low < assessment.probability_high
    True
    >>> len(assessment.reasons), assessment.to_dict()["fit"] == assessment.fit
    (2, True)
    """

    early_churn_probability: float
    probability_low: float
    probability_high: float
    poor_fit: bool
    fit: FitBand
    expected_value: float
    unfamiliar: bool
    reasons: tuple[Reason, ...]
    model_version: str
    unfamiliar_because: tuple[str, ...] = ()
    wording: Wording = field(default=Wording(), repr=False, compare=False)
    proceed: bool | None = None
    worth: Worth = ""
    escalate: bool = False
    expected_value_low: float = math.nan
    expected_value_high: float = math.nan
    own_evidence: float = math.nan
    rarest_value_deals: int = 0
    regime: str = "full"
    churn_probabilities: tuple[tuple[int, float], ...] = ()
    churn_intervals: tuple[tuple[int, float, float], ...] = ()

    def __setstate__(self, state: Sequence[Any]) -> None:
        """Set the fields of a copy; each NaN becomes `math.nan`, so that copies compare equal."""
        for name, value in zip(self.__slots__, state, strict=True):
            is_nan = isinstance(value, float) and math.isnan(value)
            object.__setattr__(self, name, math.nan if is_nan else value)

    @property
    def against(self) -> tuple[Reason, ...]:
        """The reasons that raise the risk, largest first."""
        return tuple(reason for reason in self.reasons if reason.contribution > 0)

    @property
    def in_favour(self) -> tuple[Reason, ...]:
        """The reasons that lower the risk, largest first."""
        return tuple(reason for reason in self.reasons if reason.contribution < 0)

    @property
    def verdict(self) -> str:
        """The fit, the probability and its interval in words."""
        wording = self.wording
        has_interval = math.isfinite(self.probability_low)  # a user's own estimator has none
        return wording.say(
            "verdict" if has_interval else "verdict_without_interval",
            fit=wording.say(f"fit_{self.fit}"),
            probability=wording.percent(self.early_churn_probability),
            horizon=wording.horizon,
            low=wording.percent(self.probability_low) if has_interval else "",
            high=wording.percent(self.probability_high) if has_interval else "",
        )

    @property
    def unlike_in(self) -> str:
        """Labels of the attributes in which the prospect is unlike past deals."""
        wording = self.wording
        names = (item.split(" & ") for item in self.unfamiliar_because)
        joined = (wording.say("and").join(wording.label(name) for name in both) for both in names)
        return wording.say("list").join(joined)

    def to_dict(self) -> dict[str, Any]:
        """Return a form that JSON can hold; numbers that are not known are None."""
        logged = {} if self.proceed is None else {"proceed": self.proceed}
        return {
            "early_churn_probability": self.early_churn_probability,
            "probability_low": _or_none(self.probability_low),
            "probability_high": _or_none(self.probability_high),
            "poor_fit": self.poor_fit,
            "fit": self.fit,
            "expected_value": _or_none(self.expected_value),
            "unfamiliar": self.unfamiliar,
            "unfamiliar_because": list(self.unfamiliar_because),
            "reasons": [reason.to_display() for reason in self.reasons],
            "model_version": self.model_version,
            "worth": self.worth,
            "escalate": self.escalate,
            "expected_value_low": _or_none(self.expected_value_low),
            "expected_value_high": _or_none(self.expected_value_high),
            "own_evidence": _or_none(self.own_evidence),
            "regime": self.regime,
            "notes": list(self.notes),
            "sentences": list(self.sentences),
            **self._at_horizons(),
            **logged,
        }

    def _at_horizons(self) -> dict[str, float | None]:
        """Return probability and interval at each horizon, by the column names of a table."""
        values: dict[str, float | None] = {}
        for months, probability, low, high in self._horizons():
            name = f"churn_probability_{months}m"
            ends = {f"{name}_low": _or_none(low), f"{name}_high": _or_none(high)}
            values |= {name: probability, **ends}
        return values

    def _horizons(self) -> Iterator[tuple[int, float, float, float]]:
        """Yield months, probability and the ends of its interval for each requested horizon."""
        ends = {months: interval for months, *interval in self.churn_intervals}
        for months, probability in self.churn_probabilities:
            low, high = ends.get(months, (math.nan, math.nan))
            yield months, probability, low, high

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on weak evidence: a provisional model, or few own deals behind the prediction."""
        say, lines = self.wording.say, []
        if self.regime == "provisional":
            lines.append(say("provisional"))
        if self.own_evidence < LOW_OWN_EVIDENCE:
            deals = self.rarest_value_deals
            key = "own_few" if deals <= FEW_SIMILAR_DEALS else "own_average"
            lines.append(say({0: "own_none", 1: "own_one"}.get(deals, key), count=f"{deals:,}"))
        return tuple(lines)

    @property
    def sentences(self) -> tuple[str, ...]:
        """Sentences that every page shows: fit, horizons, who decides, money, unfamiliarity."""
        wording = self.wording
        lines = [self.verdict]
        for months, *values in self._horizons():
            has_interval = math.isfinite(values[1])
            name = "at_horizon" if has_interval else "at_horizon_without_interval"
            shown = map(wording.percent, values) if has_interval else (wording.percent(values[0]),)
            known = dict(zip(("probability", "low", "high"), shown, strict=False))
            lines.append(wording.say(name, months=months, **known))
        if self.escalate:
            lines.append(wording.say("escalate"))
        if self.worth:
            ends = self.expected_value_low, self.expected_value_high
            lines.append(wording.value_text(self.expected_value, *ends, self.worth))
        if self.unfamiliar:
            lines.append(wording.say("unfamiliar", names=self.unlike_in))
        if self.poor_fit and self.proceed:
            lines.append(wording.say("proceed"))
        return (*lines, *self.notes)

    def __str__(self) -> str:
        return "\n".join([*self.sentences, *(f"- {reason}" for reason in self.reasons)])

    def _repr_html_(self) -> str:
        from fitmodel.model._notebook import assessment_html

        return assessment_html(self)


class _Draft:
    """The fields of an assessment, while they may still be set.

    A frozen dataclass sets each field with a separate call, which would be the slowest part of
    scoring one prospect.
    """

    __slots__ = Assessment.__slots__

    def __init__(
        self,
        early_churn_probability: float,
        probability_low: float,
        probability_high: float,
        poor_fit: bool,
        fit: FitBand,
        expected_value: float,
        unfamiliar: bool,
        reasons: tuple[Reason, ...],
        model_version: str,
        unfamiliar_because: tuple[str, ...],
        wording: Wording,
        worth: Worth,
        escalate: bool,
        expected_value_low: float,
        expected_value_high: float,
        own_evidence: float,
        rarest_value_deals: int,
        regime: str,
    ) -> None:
        self.early_churn_probability = early_churn_probability
        self.probability_low = probability_low
        self.probability_high = probability_high
        self.poor_fit = poor_fit
        self.fit = fit
        self.expected_value = expected_value
        self.unfamiliar = unfamiliar
        self.reasons = reasons
        self.model_version = model_version
        self.unfamiliar_because = unfamiliar_because
        self.wording = wording
        self.proceed = None
        self.worth = worth
        self.escalate = escalate
        self.expected_value_low = expected_value_low
        self.expected_value_high = expected_value_high
        self.own_evidence = own_evidence
        self.rarest_value_deals = rarest_value_deals
        self.regime = regime
        self.churn_probabilities = ()
        self.churn_intervals = ()


def quick_assessment(*fields: Any) -> Assessment:
    """Return an `Assessment` from the fields of `_Draft`, in a fifth of the constructor's time."""
    draft: Any = _Draft(*fields)
    draft.__class__ = Assessment
    assessment: Assessment = draft
    return assessment


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
