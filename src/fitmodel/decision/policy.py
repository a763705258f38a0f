"""Decision policy: from a probability to ``poor_fit`` and ``fit``, from money to ``worth``.

The two results are never mixed: `fit` is about the risk of early churn, `worth` is about money. A
big amount never turns a risky deal into a good fit.

This module imports only numpy, because it is loaded whenever one prospect is scored. The choice of
a policy from deals is in `fitmodel.decision.choice`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from fitmodel.decision._bands import FitBand, Worth, fit_band, worth_of_many, worth_of_one
from fitmodel.decision.value import FloatArray, Money, known_amount
from fitmodel.exceptions import SpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PolicyKind: TypeAlias = Literal["value", "capacity", "precision", "threshold", "risk"]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

__all__ = [
    "KINDS",
    "FitBand",
    "Policy",
    "PolicyKind",
    "Verdict",
    "Worth",
    "fit_band",
    "risk_threshold",
]

KINDS: tuple[PolicyKind, ...] = ("value", "capacity", "precision", "threshold", "risk")


class Verdict(NamedTuple):
    """A policy's decision on one prospect; for many, each field is an array of shape (n,).

    Attributes
    ----------
    poor_fit
        Whether the deal is flagged.
    fit
        Band of the risk: good, watch or poor.
    expected_value, expected_value_low, expected_value_high
        Expected value of signing, and its values at the ends of the probability's interval, lower
        value first. Where the lifetime is estimated, the higher one is that of a customer who stays
        as long as the deals allow. NaN if the amount or the money is not known; the ends also
        without an interval.
    worth
        Band of the money: ``gains``, ``loses``, ``unclear``, or "" if no money is known.
    escalate
        Whether a manager should decide: a poor fit with a big yearly amount.
    """

    poor_fit: Any
    fit: Any
    expected_value: Any
    expected_value_low: Any
    expected_value_high: Any
    worth: Any
    escalate: Any


@dataclass(frozen=True)
class Policy:
    """The rule from a probability to ``poor_fit``.

    Under ``risk``, ``capacity``, ``precision`` and ``threshold`` a deal is flagged if its
    probability is at least ``threshold``; the money is then only shown next to the flag.

    Under ``value`` a deal is flagged if its expected value of signing is negative, if it loses
    money even if the customer stays, OR if its probability is at least ``risk_threshold``: a very
    risky deal is flagged however big its amount is. A deal without an amount is flagged by
    ``threshold``, the break-even of the median amount, and by ``risk_threshold``.

    Parameters
    ----------
    kind
        ``"risk"``, ``"value"``, ``"capacity"``, ``"precision"`` or ``"threshold"``.
    threshold
        Early-churn probability from which on a deal is flagged; under ``value`` it is used for
        deals without an amount. ``None``: it flags no deal.
    money
        Money that signing makes and costs; required by ``value``.
    description
        Text that describes the policy, for reports.
    level
        The company's early-churn rate: above it no prospect is a good fit. ``None`` in older
        policies, whose bands do not use it.
    risk_threshold
        Under ``value``: probability from which on a deal is flagged whatever its money.
    big_deal
        Yearly amount from which on a manager should decide on a poor fit. ``None``: no deal is big.

    Raises
    ------
    SpecError
        If the kind is unknown, ``value`` has no money, or a number is out of its range.
    """

    kind: PolicyKind
    threshold: float | None = None
    money: Money | None = None
    description: str = ""
    level: float | None = None
    risk_threshold: float | None = None
    big_deal: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise SpecError(
                f"[decision] policy is {self.kind!r}: choose one of {', '.join(KINDS)}."
            )
        if self.kind == "value" and self.money is None:
            raise SpecError("[decision] policy 'value' needs gross_margin and the costs of a deal.")
        for name in ("threshold", "level", "risk_threshold"):
            value = getattr(self, name)
            if value is None:
                continue
            if not 0.0 <= value <= 1.0:  # NaN is refused too
                raise SpecError(
                    f"[decision] {name} is {value}: give a probability between 0 and 1."
                )
            object.__setattr__(self, name, float(value))
        if self.big_deal is not None:
            if not (math.isfinite(self.big_deal) and self.big_deal > 0.0):
                raise SpecError(
                    f"[decision] big_deal is {self.big_deal}: give a yearly amount above 0."
                )
            object.__setattr__(self, "big_deal", float(self.big_deal))

    @cached_property
    def _threshold_without_amount(self) -> float:
        """Probability from which on a deal without a known amount is flagged.

        Under all kinds but ``value`` it applies to deals with an amount too.
        """
        if self.kind == "value":
            limits = [each for each in (self.threshold, self.risk_threshold) if each is not None]
            return min(limits, default=math.inf)
        return math.inf if self.threshold is None else self.threshold

    @cached_property
    def _max_threshold(self) -> float:
        """Probability from which on a deal is flagged whatever its amount, under ``value``."""
        return math.inf if self.risk_threshold is None else self.risk_threshold

    @cached_property
    def _of_one(self) -> Callable[[float, float], tuple[float, float, float]]:
        """Function that computes the money of one deal; only for a policy with money."""
        if self.money is None:
            raise SpecError("The policy has no money.")
        own, money = self.money.own_months, self.money
        if own is None:
            return money.linear().of_one
        return money.of_one

    @cached_property
    def _longest(self) -> Money | None:
        """The money of a customer that stays as long as the deals allow."""
        if self.money is None or self.money.own_months is None:
            return self.money
        return replace(self.money, own_months=self.money.own_months.longest)

    def assess(self, p: float, amount: float | None = None) -> tuple[bool, float, float]:
        """Assess one prospect in pure Python; bit-identical to the vector methods.

        Parameters
        ----------
        p
            Calibrated early-churn probability.
        amount
            Yearly contract value; ``None`` or NaN where it is not known.

        Returns
        -------
        poor_fit : bool
            Whether the deal is flagged.
        expected_value : float
            Expected value of signing; NaN without an amount or without money.
        threshold : float
            Probability from which on this deal is flagged; infinite if it is never flagged.
        """
        default_threshold = self._threshold_without_amount
        if self.money is None or amount is None or not math.isfinite(amount):
            return bool(p >= default_threshold), math.nan, default_threshold
        value, stays, threshold = self._of_one(p, float(amount))
        if self.kind != "value":
            return bool(p >= default_threshold), value, default_threshold
        poor = value < 0.0 or stays < 0.0 or bool(p >= self._max_threshold)
        return poor, value, min(threshold, self._max_threshold)

    def verdict(
        self, p: float, low: float, high: float, amount: float | None, *, unfamiliar: bool
    ) -> Verdict:
        """Return the verdict on one prospect, in pure Python; equal to that of `verdicts`.

        Parameters
        ----------
        p, low, high
            Calibrated early-churn probability and its interval; NaN without an interval.
        amount
            Yearly contract value; ``None`` or NaN where it is not known.
        unfamiliar
            Whether the prospect is unlike the deals learned from.
        """
        poor, value, threshold = self.assess(p, amount)
        fit = fit_band(poor, low, high, threshold, unfamiliar, p, self.level)
        is_big = (
            self.big_deal is not None
            and amount is not None
            and math.isfinite(amount)
            and amount >= self.big_deal
        )
        escalate = poor and bool(is_big)
        if self.money is None or amount is None or math.isnan(value):
            return Verdict(poor, fit, value, math.nan, math.nan, "", escalate)
        longest, yearly = self._longest or self.money, float(amount)
        at_low, at_high = self._of_one(low, yearly)[0], self._of_one(high, yearly)[0]
        value_low = min(at_low, at_high)
        at_low, at_high = longest.of_one(low, yearly)[0], longest.of_one(high, yearly)[0]
        value_high = max(at_high, at_low)
        stays = longest.of_one(p, yearly)[1]
        return Verdict(
            poor,
            fit,
            value,
            value_low,
            value_high,
            worth_of_one(value, value_low, value_high, stays),
            escalate,
        )

    def verdicts(
        self,
        p: FloatArray,
        low: FloatArray,
        high: FloatArray,
        amount: npt.NDArray[Any] | float | None,
        unfamiliar: BoolArray,
    ) -> Verdict:
        """Return the verdicts on many prospects; parameters as in `verdict`, of shape (n,)."""
        poor = self.poor_fit(p, amount)
        limits = self.threshold_for(amount, p)
        fit = fit_band(poor, low, high, limits, unfamiliar, p, self.level)
        known = np.broadcast_to(known_amount(amount), np.shape(p))
        big = known >= (math.inf if self.big_deal is None else self.big_deal)
        value = self.expected_value(p, known)
        if self.money is None:
            unknown = np.full(np.shape(p), np.nan)
            return Verdict(poor, fit, value, unknown, unknown, np.full(np.shape(p), ""), poor & big)
        longest = self._longest or self.money
        at_ends = [self.expected_value(end, known) for end in (low, high)]
        at_best = [longest.expected_value(np.asarray(end), known) for end in (low, high)]
        value_low = np.where(np.isnan(value), np.nan, np.minimum(*at_ends))
        value_high = np.where(np.isnan(value), np.nan, np.maximum(*at_best))
        worth = worth_of_many(value, value_low, value_high, longest.value_if_stays(known, p))
        return Verdict(poor, fit, value, value_low, value_high, worth, poor & big)

    def expected_value(
        self, p: npt.NDArray[Any], amount: npt.NDArray[Any] | float | None = None
    ) -> FloatArray:
        """Return the expected value of signing, shape (n,); NaN if amount or money is not known."""
        if self.money is None:
            return np.full(np.shape(p), np.nan)
        return np.broadcast_to(self.money.expected_value(np.asarray(p), amount), np.shape(p)).copy()

    def threshold_for(
        self, amount: npt.NDArray[Any] | float | None, probability: FloatArray | None = None
    ) -> FloatArray:
        """Return the probability from which on each deal is flagged; infinite if it never is.

        Parameters
        ----------
        amount
            Yearly contract values, shape (n,); NaN where not known.
        probability
            Early-churn probability of each deal, for the months of its own survival curve, shape
            (n,).

        Returns
        -------
        ndarray of shape (n,)
            Under ``value`` the break-even of each amount (0: flagged whatever the probability), or
            ``risk_threshold`` if that is lower; under all other kinds ``threshold``.
        """
        known = known_amount(amount)
        if self.money is None or self.kind != "value":
            return np.full(known.shape, self._threshold_without_amount)
        thresholds = np.minimum(self.money.break_even(known, probability), self._max_threshold)
        return np.where(np.isnan(known), self._threshold_without_amount, thresholds)

    def poor_fit(
        self, p: npt.NDArray[Any], amount: npt.NDArray[Any] | float | None = None
    ) -> BoolArray:
        """Return whether each deal is flagged, shape (n,).

        Parameters
        ----------
        p
            Calibrated early-churn probabilities, shape (n,).
        amount
            Yearly contract values, shape (n,); ``None`` or NaN where not known.
        """
        probability = np.asarray(p, dtype=np.float64)
        flagged = probability >= self._threshold_without_amount
        if self.money is None or self.kind != "value":
            return flagged
        known = known_amount(amount)
        negative = self.money.expected_value(probability, known) < 0.0
        loses_if_stays = self.money.value_if_stays(known, probability) < 0.0
        for_value = negative | loses_if_stays | (probability >= self._max_threshold)
        return np.where(np.isnan(known), flagged, for_value)

    def to_dict(self) -> dict[str, Any]:
        """Return the policy as values that JSON can hold; `from_dict` reads them back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Policy:
        """Return the policy whose `to_dict` gave these values."""
        money = values.get("money")
        return cls(**{**values, "money": None if money is None else Money(**money)})


def risk_threshold(level: float, odds_ratio: float) -> float | None:
    """Return the probability whose odds are a given multiple of the odds of the level.

    Returns
    -------
    float or None
        Probability in (0, 1]; None at a level of 0, whose odds have no multiple above 0.
    """
    if level <= 0.0:
        return None
    odds = odds_ratio * level
    return odds / (odds + 1.0 - level)
