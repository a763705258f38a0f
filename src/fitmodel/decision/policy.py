"""From a probability, and the deal's money, to ``poor_fit`` and the band shown to people.

Numpy only: this file is read whenever one prospect is scored. How a policy is chosen from deals
is in `fitmodel.decision.choice`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from fitmodel.decision.value import FloatArray, Money, known_amount
from fitmodel.exceptions import SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping

PolicyKind: TypeAlias = Literal["value", "capacity", "precision", "threshold"]
FitBand: TypeAlias = Literal["good", "watch", "poor"]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

KINDS: tuple[PolicyKind, ...] = ("value", "capacity", "precision", "threshold")


@dataclass(frozen=True)
class Policy:
    """The rule from a probability to ``poor_fit``.

    Under ``value`` a deal is flagged when its expected value of signing is negative, or when it
    loses money even if the customer stays. A deal without an amount is judged by ``threshold``,
    the break-even of the median amount, and has no expected value (NaN). Under every other kind a
    deal is flagged when its probability is at least ``threshold``; the expected value is then
    information, given where the money is known.

    Parameters
    ----------
    kind
        ``"value"``, ``"capacity"``, ``"precision"`` or ``"threshold"``.
    threshold
        Early-churn probability from which on a deal is flagged; under ``value`` that of a deal
        without an amount. ``None``: nothing is flagged by it.
    money
        What signing costs and brings; needed by ``value``.
    description
        The policy in words, for reports.

    Raises
    ------
    SpecError
        The kind is unknown, ``value`` has no money, or the threshold is no number in [0, 1].
    """

    kind: PolicyKind
    threshold: float | None = None
    money: Money | None = None
    description: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise SpecError(
                f"[decision] policy is {self.kind!r}: choose one of {', '.join(KINDS)}."
            )
        if self.kind == "value" and self.money is None:
            raise SpecError("[decision] policy 'value' needs gross_margin and the costs of a deal.")
        if self.threshold is None:
            return
        if not 0.0 <= self.threshold <= 1.0:  # NaN is refused too
            raise SpecError(
                f"[decision] threshold is {self.threshold}: give a probability between 0 and 1."
            )
        object.__setattr__(self, "threshold", float(self.threshold))

    def assess(self, p: float, amount: float | None = None) -> tuple[bool, float, float]:
        """Judge one prospect, in pure Python; equal to the vector methods to the bit.

        Parameters
        ----------
        p
            Calibrated early-churn probability.
        amount
            Yearly contract value; ``None`` or NaN where it is not known.

        Returns
        -------
        poor_fit : bool
        expected_value : float
            NaN without an amount or without money.
        threshold : float
            The probability from which on this deal is flagged; infinite where none is.
        """
        common = math.inf if self.threshold is None else self.threshold
        if self.money is None or amount is None or not math.isfinite(amount):
            return bool(p >= common), math.nan, common
        value, stays, threshold = self.money.of_one(p, float(amount))
        if self.kind != "value":
            return bool(p >= common), value, common
        return value < 0.0 or stays < 0.0, value, threshold

    def expected_value(
        self, p: npt.NDArray[Any], amount: npt.NDArray[Any] | float | None = None
    ) -> FloatArray:
        """Return the value of signing, shape (n,); NaN where amount or money is not known."""
        if self.money is None:
            return np.full(np.shape(p), np.nan)
        return np.broadcast_to(self.money.expected_value(np.asarray(p), amount), np.shape(p)).copy()

    def threshold_for(self, amount: npt.NDArray[Any] | float | None) -> FloatArray:
        """Return the probability from which on each deal is flagged; infinite where none is.

        Parameters
        ----------
        amount
            Yearly contract values, shape (n,); NaN where not known.

        Returns
        -------
        ndarray of shape (n,)
            Under ``value`` the break-even of each amount (0: flagged whatever the probability).
        """
        known = known_amount(amount)
        common = math.inf if self.threshold is None else self.threshold
        if self.money is None or self.kind != "value":
            return np.full(known.shape, common)
        return np.where(np.isnan(known), common, self.money.break_even(known))

    def poor_fit(
        self, p: npt.NDArray[Any], amount: npt.NDArray[Any] | float | None = None
    ) -> BoolArray:
        """Return which deals are flagged, shape (n,).

        Parameters
        ----------
        p
            Calibrated early-churn probabilities, shape (n,).
        amount
            Yearly contract values, shape (n,); ``None`` or NaN where not known.
        """
        probability = np.asarray(p, dtype=np.float64)
        flagged = probability >= (math.inf if self.threshold is None else self.threshold)
        if self.money is None or self.kind != "value":
            return flagged
        known = known_amount(amount)
        negative = self.money.expected_value(probability, known) < 0.0
        loses_anyway = self.money.value_if_stays(known) < 0.0
        return np.where(np.isnan(known), flagged, negative | loses_anyway)

    def to_dict(self) -> dict[str, Any]:
        """Return the policy as values that JSON can hold; `from_dict` reads them back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Policy:
        """Return the policy that `to_dict` wrote."""
        money = values.get("money")
        return cls(**{**values, "money": None if money is None else Money(**money)})


@overload
def fit_band(
    poor_fit: bool, low: float, high: float, threshold: float, unfamiliar: bool
) -> FitBand: ...
@overload
def fit_band(
    poor_fit: npt.NDArray[Any],
    low: npt.NDArray[Any],
    high: npt.NDArray[Any],
    threshold: npt.NDArray[Any] | float,
    unfamiliar: npt.NDArray[Any] | bool,
) -> npt.NDArray[np.str_]: ...
def fit_band(
    poor_fit: npt.NDArray[Any] | bool,
    low: npt.NDArray[Any] | float,
    high: npt.NDArray[Any] | float,
    threshold: npt.NDArray[Any] | float,
    unfamiliar: npt.NDArray[Any] | bool,
) -> npt.NDArray[np.str_] | FitBand:
    """Return the band shown to people: ``poor``, ``watch`` or ``good``.

    Parameters
    ----------
    poor_fit
        Whether the deal is flagged: one bool, or an array of shape (n,).
    low, high
        The probability's interval.
    threshold
        The probability from which on the deal is flagged (`Policy.threshold_for`).
    unfamiliar
        Whether the prospect is unlike the deals learned from.

    Returns
    -------
    str or ndarray of shape (n,) of str
        ``poor``: flagged. ``watch``: not flagged, but the interval straddles the threshold or the
        prospect is unfamiliar. ``good``: everything else.
    """
    if isinstance(poor_fit, (bool, np.bool_)):
        if poor_fit:
            return "poor"
        return "watch" if unfamiliar or low <= threshold <= high else "good"
    limit = np.asarray(threshold, dtype=np.float64)
    straddles = (np.asarray(low) <= limit) & (limit <= np.asarray(high))
    watch = np.asarray(unfamiliar, dtype=bool) | straddles
    return np.where(np.asarray(poor_fit, dtype=bool), "poor", np.where(watch, "watch", "good"))
