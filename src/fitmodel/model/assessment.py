"""What the model says of one prospect."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fitmodel.decision.policy import FitBand
    from fitmodel.model.reasons import Reason


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
    expected_value : float
        Of signing, in the currency of the amount; NaN without an amount or without money.
    unfamiliar : bool
        Unlike the deals learned from; `unfamiliar_because` says in which attribute.
    reasons : tuple of Reason
        The largest contributions, in both directions, largest first.
    model_version : str
    unfamiliar_because : tuple of str
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

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form; an expected value that is not known is None."""
        value = self.expected_value
        return {
            "early_churn_probability": self.early_churn_probability,
            "probability_low": self.probability_low,
            "probability_high": self.probability_high,
            "poor_fit": self.poor_fit,
            "fit": self.fit,
            "expected_value": value if math.isfinite(value) else None,
            "unfamiliar": self.unfamiliar,
            "unfamiliar_because": list(self.unfamiliar_because),
            "reasons": [reason.to_dict() for reason in self.reasons],
            "model_version": self.model_version,
        }

    def __str__(self) -> str:
        width = "no interval"  # a user's own estimator has none
        if math.isfinite(self.probability_low):
            width = f"{self.probability_low:.0%} to {self.probability_high:.0%}"
        lines = [
            f"{self.fit} fit: {self.early_churn_probability:.0%} likely to leave early ({width})"
        ]
        if math.isfinite(self.expected_value):
            lines.append(f"expected value of signing: {self.expected_value:,.0f}")
        if self.unfamiliar:
            lines.append(f"unlike past deals in: {', '.join(self.unfamiliar_because)}")
        return "\n".join([*lines, *(f"- {reason}" for reason in self.reasons)])
