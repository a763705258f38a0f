"""The model's assessment of one prospect."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fitmodel.model.wording import Wording

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fitmodel.decision.policy import FitBand, Worth
    from fitmodel.model.reasons import Reason


LITTLE_OWN = 0.5  # below, more than half of the precision is the level's and the prior's
FEW_ALIKE = 20  # deals; of more the number is not a reason


@dataclass(frozen=True, slots=True)
class Assessment:
    """The verdict on one prospect, before the deal is signed.

    Attributes
    ----------
    early_churn_probability : float
        Calibrated probability that the customer leaves within the horizon.
    probability_low, probability_high : float
        80 % interval of the true probability.
    poor_fit : bool
        Flagged by the decision policy.
    fit : {"good", "watch", "poor"}
        About the risk of early churn alone: poor where flagged; good where the probability is at
        most the company's level, its interval does not hold the flag's threshold and the prospect
        is familiar; else watch.
    expected_value : float
        Of signing, in the currency of the amount; NaN without an amount or without money.
    unfamiliar : bool
        Unlike the deals learned from; `unfamiliar_because` says in which attribute.
    reasons : tuple of Reason
        The largest contributions, in both directions, largest first.
    model_version : str
    unfamiliar_because : tuple of str
    wording : Wording
        The reader's words and language.
    proceed : bool or None
        Whether it may be signed, where the assessment was logged: it is not flagged, or it is of
        the share of the flagged from which the company wants to learn. None: not logged.
    worth : {"gains", "loses", "unclear", ""}
        About money alone: whether the whole interval of the expected value lies above 0, below 0,
        or holds it; "" where the money or the amount is not known.
    escalate : bool
        A manager should decide: a poor fit whose yearly amount is big.
    expected_value_low, expected_value_high : float
        The expected value at the ends of the probability's interval, the lower one first.
    own_evidence : float
        From 0 to 1: share of the prediction's precision that comes from the company's own deals
        rather than from its level and what was believed beforehand. NaN in models from before it
        was kept.
    fewest_alike : int
        Deals learned from that share the prospect's rarest value.
    regime : {"full", "provisional"}
        How the model was learned: provisional from few early churners.
    churn_probabilities : tuple of (int, float)
        Months, and the probability of leaving within them, for each horizon that was asked for;
        every other field but `churn_intervals` is about the model's own horizon.
    churn_intervals : tuple of (int, float, float)
        Months, and the ends of the 80 % interval of that probability; NaN where there is none.

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
    fewest_alike: int = 0
    regime: str = "full"
    churn_probabilities: tuple[tuple[int, float], ...] = ()
    churn_intervals: tuple[tuple[int, float, float], ...] = ()

    def __setstate__(self, state: Sequence[Any]) -> None:
        """Set the fields of a copy; what is not known is the one NaN that equals itself here."""
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
        """Band, probability and interval in words."""
        words = self.wording
        has_interval = math.isfinite(self.probability_low)  # a user's own estimator has none
        return words.say(
            "verdict" if has_interval else "verdict_without_interval",
            fit=words.say(f"fit_{self.fit}"),
            probability=words.percent(self.early_churn_probability),
            horizon=words.horizon,
            low=words.percent(self.probability_low) if has_interval else "",
            high=words.percent(self.probability_high) if has_interval else "",
        )

    @property
    def unlike_in(self) -> str:
        """Attributes in which the prospect is unlike past deals, in the reader's words."""
        words = self.wording
        names = (item.split(" & ") for item in self.unfamiliar_because)
        joined = (words.say("and").join(words.label(name) for name in both) for both in names)
        return words.say("list").join(joined)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form; an expected value that is not known is None."""
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
        """Probability and interval at each horizon, by the names of a table's columns."""
        values: dict[str, float | None] = {}
        for months, probability, low, high in self._horizons():
            name = f"churn_probability_{months}m"
            ends = {f"{name}_low": _or_none(low), f"{name}_high": _or_none(high)}
            values |= {name: probability, **ends}
        return values

    def _horizons(self) -> Iterator[tuple[int, float, float, float]]:
        """Months, probability and the ends of its interval, of each horizon asked for."""
        ends = {months: between for months, *between in self.churn_intervals}
        for months, probability in self.churn_probabilities:
            low, high = ends.get(months, (math.nan, math.nan))
            yield months, probability, low, high

    @property
    def notes(self) -> tuple[str, ...]:
        """How far the prediction rests on the company's own deals, where that is not far."""
        say, lines = self.wording.say, []
        if self.regime == "provisional":
            lines.append(say("provisional"))
        if self.own_evidence < LITTLE_OWN:
            alike = self.fewest_alike
            few = "own_few" if alike <= FEW_ALIKE else "own_average"
            lines.append(say({0: "own_none", 1: "own_one"}.get(alike, few), count=f"{alike:,}"))
        return tuple(lines)

    @property
    def sentences(self) -> tuple[str, ...]:
        """Sentences that every page shows: fit, who decides, money, what is unfamiliar."""
        words = self.wording
        lines = [self.verdict]
        for months, *values in self._horizons():
            has_interval = math.isfinite(values[1])
            name = "at_horizon" if has_interval else "at_horizon_without_interval"
            shown = map(words.percent, values) if has_interval else (words.percent(values[0]),)
            known = dict(zip(("probability", "low", "high"), shown, strict=False))
            lines.append(words.say(name, months=months, **known))
        if self.escalate:
            lines.append(words.say("escalate"))
        if self.worth:
            ends = self.expected_value_low, self.expected_value_high
            lines.append(words.value_text(self.expected_value, *ends, self.worth))
        if self.unfamiliar:
            lines.append(words.say("unfamiliar", names=self.unlike_in))
        if self.poor_fit and self.proceed:
            lines.append(words.say("proceed"))
        return (*lines, *self.notes)

    def __str__(self) -> str:
        return "\n".join([*self.sentences, *(f"- {reason}" for reason in self.reasons)])

    def _repr_html_(self) -> str:
        from fitmodel.model.notebook import assessment_html

        return assessment_html(self)


class _Draft:
    """The fields of an assessment, while they may still be set.

    A frozen class sets each of its fields by a call of its own; of all that is done for one
    prospect that would take the most.
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
        fewest_alike: int,
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
        self.fewest_alike = fewest_alike
        self.regime = regime
        self.churn_probabilities = ()
        self.churn_intervals = ()


def quick_assessment(*fields: Any) -> Assessment:
    """Build an `Assessment` of its fields without `proceed`, in order, at a fifth of the time."""
    draft: Any = _Draft(*fields)
    draft.__class__ = Assessment
    assessment: Assessment = draft
    return assessment


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
